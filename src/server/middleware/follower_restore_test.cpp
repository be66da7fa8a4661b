// SPDX-License-Identifier: Apache-2.0
/// A platform that is not the one whose changes were read: restored from a backup, or with a feed that makes no sense.
#include "server/middleware/follower.hpp"

#include <gtest/gtest.h>

#include "server/middleware/testing/follower_process.hpp"

namespace simroot::server {
namespace {

using testing::CertificateOf;
using testing::FakePlatform;
using testing::FingerprintOf;
using testing::kNoWait;
using testing::MemoryCopy;
using testing::Process;
using testing::PskOf;

/// Has no credentials, and answers with these parts.
class ScriptedLink final : public PlatformLink {
 public:
  ScriptedLink(std::int64_t snapshot_goes_on_after, std::function<FeedPart(std::int64_t after)> feed)
      : snapshot_goes_on_after_(snapshot_goes_on_after), feed_(std::move(feed)) {}
  Result<SnapshotPart> ReadSnapshot(std::int64_t) override { return SnapshotPart{{}, snapshot_goes_on_after_, 10}; }
  Result<FeedPart> ReadFeed(std::int64_t after, std::chrono::seconds) override { return feed_(after); }
  Result<std::string> ReadAuthorities() override { return std::string("PEM"); }
  Result<void> ReportUse(const std::string&) override { return {}; }
  Result<std::vector<Bytes>> ReadCrls() override { return std::vector<Bytes>(); }
  void Interrupt() override {}

 private:
  std::int64_t snapshot_goes_on_after_;
  std::function<FeedPart(std::int64_t after)> feed_;
};

TEST(FollowerRestore, PlatformFromABackupIsReadAnewAndWhatItLacksIsRefused) {
  FakePlatform platform;
  platform.SetPartSize(2);
  for (CredentialId id = 1; id <= 5; ++id) {
    platform.Set(id == 5 ? PskOf(id) : CertificateOf(id));
  }
  MemoryCopy copy;
  Process process(platform, &copy);
  process.CatchUp(platform);
  process.changes.clear();
  std::vector<Credential> older;
  older.push_back(CertificateOf(1));
  older.push_back(CertificateOf(2, CredentialState::kPending));
  older.push_back(CertificateOf(3));
  platform.RestoreTo(3, older);
  process.follower->LookAgain();  // as after every error
  ASSERT_TRUE(process.Step());
  EXPECT_FALSE(process.follower->IsWhole());
  EXPECT_TRUE(process.follower->IsReady()) << "what is known is served meanwhile";
  process.CatchUp(platform);
  EXPECT_EQ(process.follower->feed_number(), 3);
  EXPECT_EQ(process.directory->FindById(2)->state, CredentialState::kPending);
  EXPECT_EQ(process.directory->FindCertificate(FingerprintOf(4))->state, CredentialState::kDeleted);
  EXPECT_FALSE(process.directory->FindPsk(PskOf(5).name).has_value());
  std::set<CredentialId> told;
  for (const Change& change : process.changes) {
    EXPECT_TRUE(change.refused) << change.now.id;
    told.insert(change.now.id);
  }
  EXPECT_EQ(told, (std::set<CredentialId>{2, 4, 5}));
  EXPECT_EQ(copy.point.feed_number, 3);
}

TEST(FollowerRestore, FeedThatIsAnotherMeansANewSnapshot) {
  const auto goes_back = [](std::int64_t after) { return FeedPart{{}, after - 1}; };
  const auto does_not_know_its_reader = [](std::int64_t) { return FeedPart{.restored = true}; };
  for (const std::function<FeedPart(std::int64_t)>& feed :
       {std::function<FeedPart(std::int64_t)>(goes_back), {does_not_know_its_reader}}) {
    ScriptedLink link(0, feed);
    FakePlatform unused;
    Process process(unused);
    ASSERT_TRUE(process.follower->Step(link, kNoWait));
    EXPECT_TRUE(process.follower->IsWhole());
    ASSERT_TRUE(process.follower->Step(link, kNoWait));
    EXPECT_FALSE(process.follower->IsWhole());
    EXPECT_TRUE(process.follower->IsReady()) << "what is known is served meanwhile";
    ASSERT_TRUE(process.follower->Step(link, kNoWait));
    EXPECT_TRUE(process.follower->IsWhole());
  }
}

TEST(FollowerRestore, SnapshotInCirclesIsAnError) {
  ScriptedLink link(5, [](std::int64_t after) { return FeedPart{{}, after}; });
  FakePlatform unused;
  Process process(unused);
  ASSERT_TRUE(process.follower->Step(link, kNoWait));
  const auto step = process.follower->Step(link, kNoWait);
  ASSERT_FALSE(step.has_value());
  EXPECT_EQ(step.error().domain, ErrorDomain::kProtocol);
}

TEST(FollowerRestore, IdThatMeansAnotherCredentialNowEndsTheOldOne) {
  FakePlatform platform;
  platform.Set(PskOf(1));
  platform.Set(PskOf(2));
  Process process(platform);
  process.CatchUp(platform);
  process.changes.clear();
  Credential renamed = PskOf(1);
  renamed.name = "another-identity";
  renamed.psk = {};
  platform.Set(renamed);
  platform.Set(CertificateOf(2));
  process.CatchUp(platform);
  ASSERT_EQ(process.changes.size(), 4U);
  for (const std::size_t i : {0U, 2U}) {
    const Change& gone = process.changes[i];
    const Change& came = process.changes[i + 1];
    EXPECT_TRUE(gone.refused);
    EXPECT_EQ(gone.now.state, CredentialState::kDeleted);
    EXPECT_EQ(gone.now.name.data(), PskOf(gone.now.id).name);
    EXPECT_FALSE(came.refused);
    EXPECT_EQ(came.now.id, gone.now.id);
  }
  EXPECT_STREQ(process.changes[1].now.name.data(), "another-identity");
  EXPECT_FALSE(process.directory->OpenPsk(1).has_value()) << "the key was the old one's";
}

}  // namespace
}  // namespace simroot::server
