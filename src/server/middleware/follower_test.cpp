// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/follower.hpp"

#include <gtest/gtest.h>

#include <filesystem>

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
using testing::TextOf;

TEST(Follower, ReadsSnapshotInPartsAndThenChanges) {
  FakePlatform platform;
  platform.SetPartSize(3);
  for (CredentialId id = 1; id <= 10; ++id) {
    platform.Set(id % 2 == 0 ? PskOf(id) : CertificateOf(id));
  }
  Process process(platform);
  EXPECT_FALSE(process.follower->IsReady());
  process.CatchUp(platform);
  EXPECT_TRUE(process.follower->IsReady());
  EXPECT_EQ(process.Text(), platform.Text());
  platform.Set(CertificateOf(3, CredentialState::kRevoked));
  platform.Set(CertificateOf(11));
  process.changes.clear();
  process.CatchUp(platform);
  EXPECT_EQ(process.Text(), platform.Text());
  ASSERT_EQ(process.changes.size(), 2U);
  EXPECT_EQ(process.changes[0].now.id, 3);
  EXPECT_TRUE(process.changes[0].refused);
  EXPECT_EQ(process.changes[1].now.id, 11);
  EXPECT_FALSE(process.changes[1].refused);
}

TEST(Follower, WhatChangesBetweenPartsIsNotMissed) {
  FakePlatform platform;
  platform.SetPartSize(2);
  for (CredentialId id = 1; id <= 6; ++id) {
    platform.Set(CertificateOf(id));
  }
  platform.OnSnapshot([&](std::int64_t after) {
    if (after == 4) {
      platform.Set(CertificateOf(1, CredentialState::kRevoked));
    }
  });
  Process process(platform);
  process.CatchUp(platform);
  EXPECT_EQ(process.Text(), platform.Text());
  EXPECT_EQ(process.directory->FindById(1)->state, CredentialState::kRevoked);
}

TEST(Follower, GoesOnWithASnapshotAfterAnError) {
  FakePlatform platform;
  platform.SetPartSize(2);
  for (CredentialId id = 1; id <= 6; ++id) {
    platform.Set(CertificateOf(id));
  }
  Process process(platform);
  ASSERT_TRUE(process.Step());
  platform.FailSnapshots(2);
  EXPECT_FALSE(process.Step());
  EXPECT_FALSE(process.Step());
  const int calls = platform.snapshot_calls();
  process.CatchUp(platform);
  EXPECT_EQ(process.Text(), platform.Text());
  EXPECT_LE(platform.snapshot_calls(), calls + 3) << "it did not begin anew";
}

TEST(Follower, ServesFromTheCopyWhileThePlatformIsAway) {
  FakePlatform platform;
  MemoryCopy copy;
  platform.Set(CertificateOf(1));
  platform.Set(PskOf(2));
  {
    Process process(platform, &copy);
    process.CatchUp(platform);
    platform.Set(CertificateOf(1, CredentialState::kSuspended));
    process.CatchUp(platform);
  }
  platform.GoAway();
  Process process(platform, &copy, 1'800'000'060);
  EXPECT_TRUE(process.follower->IsReady());
  EXPECT_EQ(process.Text(), platform.Text());
  EXPECT_EQ(*process.follower->Authorities(), "PEM of the CAs");
  EXPECT_EQ(process.freshness.Age(), 60);
  EXPECT_FALSE(process.Step());
  EXPECT_EQ(process.Text(), platform.Text());
}

TEST(Follower, TellsListenersBeforeTheDisk) {
  FakePlatform platform;
  platform.Set(CertificateOf(1));
  MemoryCopy copy;
  Process process(platform, &copy);
  process.CatchUp(platform);
  const int appends = copy.appends;
  int appends_when_told = -1;
  CredentialState state_when_told = CredentialState::kActive;
  Follower follower({*process.directory, &copy, process.freshness,
                     [&](const Change& change) {
                       appends_when_told = copy.appends;
                       state_when_told = process.directory->FindById(change.now.id)->state;
                     },
                     [](LogLevel, const std::string&) {}});
  follower.LoadCopy();
  platform.Set(CertificateOf(1, CredentialState::kRevoked));
  ASSERT_TRUE(follower.Step(*process.link, kNoWait));
  EXPECT_EQ(appends_when_told, appends);
  EXPECT_EQ(copy.appends, appends + 1);
  EXPECT_EQ(state_when_told, CredentialState::kRevoked);
}

TEST(Follower, WritesTheTimeOfContactAtMostOnceAMinute) {
  FakePlatform platform;
  platform.Set(CertificateOf(1));
  MemoryCopy copy;
  Process process(platform, &copy);
  process.CatchUp(platform);
  const int appends = copy.appends;
  for (int second = 0; second < 179; ++second) {
    ++process.now;
    ASSERT_TRUE(process.Step());
  }
  EXPECT_EQ(copy.appends, appends + 2);
  EXPECT_EQ(copy.point.contact, 1'800'000'120);
  EXPECT_EQ(process.freshness.last_contact(), process.now);
}

TEST(Follower, FullDiskStopsNothingAndIsHealed) {
  FakePlatform platform;
  platform.Set(CertificateOf(1));
  MemoryCopy copy;
  Process process(platform, &copy);
  process.CatchUp(platform);
  copy.fails = true;
  for (CredentialId id = 2; id <= 9; ++id) {
    platform.Set(CertificateOf(id));
    process.now += 20;
    process.CatchUp(platform);
  }
  EXPECT_EQ(process.Text(), platform.Text());
  EXPECT_EQ(copy.point.feed_number, 1);
  EXPECT_EQ(copy.appends, 1);
  EXPECT_LT(copy.rewrites, 6) << "a full disk is not tried with every change";
  const std::string complaint = "the local copy cannot be written";
  EXPECT_EQ(process.log.find(complaint), process.log.rfind(complaint)) << "said once";
  copy.fails = false;
  process.now += 60;
  ASSERT_TRUE(process.Step());
  EXPECT_EQ(copy.point.feed_number, 9);
  EXPECT_EQ(copy.credentials.size(), 9U);
  EXPECT_NE(process.log.find("was written again"), std::string::npos);
}

TEST(Follower, WritesTheCopyAnewWhenItIsLong) {
  FakePlatform platform;
  platform.Set(CertificateOf(1));
  MemoryCopy copy;
  Process process(platform, &copy);
  process.CatchUp(platform);
  const int rewrites = copy.rewrites;
  copy.is_long = true;
  platform.Set(CertificateOf(2));
  process.CatchUp(platform);
  EXPECT_EQ(copy.rewrites, rewrites + 1);
  EXPECT_EQ(copy.credentials.size(), 2U);
}

TEST(Follower, AuthoritiesAreReadAgainWhenThereIsANewOneAndNowAndThen) {
  FakePlatform platform;
  platform.SetAuthorities("PEM", 4);
  platform.Set(CertificateOf(1));
  Process process(platform);
  process.CatchUp(platform);
  const auto before = process.follower->Authorities();
  const int calls = platform.authority_calls();
  platform.Set(CertificateOf(2));
  process.CatchUp(platform);
  EXPECT_EQ(platform.authority_calls(), calls);
  platform.SetAuthorities("PEM and another", 5);
  platform.Set(CertificateOf(3));
  process.CatchUp(platform);
  EXPECT_EQ(platform.authority_calls(), calls + 1);
  const auto now = process.follower->Authorities();
  EXPECT_EQ(*now, "PEM and another");
  EXPECT_EQ(*before, "PEM") << "who has it keeps it";
  process.now += 600;
  ASSERT_TRUE(process.Step());
  EXPECT_EQ(platform.authority_calls(), calls + 2);
  EXPECT_EQ(process.follower->Authorities(), now) << "the same text stays the same object";
  platform.SetAuthorities("other PEM", 5);
  process.now += 599;
  ASSERT_TRUE(process.Step());
  EXPECT_EQ(process.follower->Authorities(), now);
  process.now += 1;
  ASSERT_TRUE(process.Step());
  EXPECT_EQ(*process.follower->Authorities(), "other PEM");
}

TEST(Follower, ChangeThatIsNotUnderstoodShutsItsCredentialOut) {
  FakePlatform platform;
  platform.Set(CertificateOf(1));
  platform.Set(CertificateOf(2));
  Process process(platform);
  process.CatchUp(platform);
  process.changes.clear();
  Credential strange = CertificateOf(1, CredentialState::kRevoked);
  strange.device = std::string(kMaxDevice + 1, 'x');
  platform.Set(strange);
  Credential unknown = CertificateOf(9);
  unknown.iccid = "?";
  platform.Set(unknown);
  process.CatchUp(platform);
  ASSERT_EQ(process.changes.size(), 1U);
  EXPECT_EQ(process.changes[0].now.id, 1);
  EXPECT_TRUE(process.changes[0].refused);
  EXPECT_FALSE(process.directory->FindCertificate(FingerprintOf(1)).has_value());
  EXPECT_EQ(process.directory->FindById(2)->state, CredentialState::kActive);
  EXPECT_FALSE(process.directory->FindById(9).has_value());
}

TEST(Follower, ItemThatIsNotUnderstoodHoldsNothingBackAndShutsItsCredentialOut) {
  FakePlatform platform;
  MemoryCopy copy;
  for (CredentialId id = 1; id <= 3; ++id) {
    platform.Set(id == 3 ? PskOf(id) : CertificateOf(id));
  }
  Process process(platform, &copy);
  process.CatchUp(platform);
  process.changes.clear();
  platform.Garble(1);
  platform.Garble(3);
  platform.Garble(9);
  platform.Set(CertificateOf(1, CredentialState::kRevoked));
  platform.Set(CertificateOf(2, CredentialState::kRevoked));
  platform.Set(PskOf(3, CredentialState::kRevoked));
  platform.Set(CertificateOf(9));
  process.CatchUp(platform);
  EXPECT_EQ(process.follower->feed_number(), platform.last_number());
  EXPECT_FALSE(process.directory->FindCertificate(FingerprintOf(1)).has_value());
  EXPECT_EQ(process.directory->FindById(1)->state, CredentialState::kSuspended);
  EXPECT_EQ(process.directory->FindById(2)->state, CredentialState::kRevoked);
  EXPECT_EQ(process.directory->FindPsk(PskOf(3).name)->state, CredentialState::kSuspended);
  EXPECT_FALSE(process.directory->FindById(9).has_value());
  std::set<CredentialId> told;
  for (const Change& change : process.changes) {
    EXPECT_TRUE(change.refused) << change.now.id;
    told.insert(change.now.id);
  }
  EXPECT_EQ(told, (std::set<CredentialId>{1, 2, 3}));
  EXPECT_NE(process.log.find("id=9"), std::string::npos) << process.log;
  EXPECT_EQ(copy.credentials.at(1).state, CredentialState::kSuspended) << "nor after the next start";
  EXPECT_EQ(copy.credentials.at(3).state, CredentialState::kSuspended);
}

TEST(Follower, SnapshotWithAnItemThatIsNotUnderstoodShutsItsCredentialOut) {
  FakePlatform platform;
  platform.Set(CertificateOf(1));
  platform.Set(CertificateOf(2));
  Process process(platform);
  process.CatchUp(platform);
  platform.Garble(1);
  std::vector<Credential> same;
  same.push_back(CertificateOf(1));
  same.push_back(CertificateOf(2));
  platform.RestoreTo(1, same);
  process.follower->LookAgain();
  process.CatchUp(platform);
  EXPECT_EQ(process.directory->FindById(1)->state, CredentialState::kSuspended);
  EXPECT_EQ(process.directory->FindById(2)->state, CredentialState::kActive);
}

TEST(Follower, MissingKeysAreAskedForAgainNowAndThen) {
  FakePlatform platform;
  const auto keyless = [](CredentialId id) {
    Credential credential = PskOf(id);
    credential.psk = {};
    return credential;
  };
  platform.Set(keyless(1));
  Process process(platform);
  process.CatchUp(platform);
  platform.Set(keyless(2));
  process.CatchUp(platform);
  const auto snapshots_of = [&](std::int64_t seconds) {
    const int before = platform.snapshot_calls();
    process.now += seconds;
    for (int i = 0; i < 10; ++i) {
      EXPECT_TRUE(process.Step());
    }
    return platform.snapshot_calls() - before;
  };
  EXPECT_EQ(snapshots_of(599), 0);
  EXPECT_EQ(snapshots_of(1), 2) << "one to look, one whole";
  process.follower->LookAgain();
  EXPECT_EQ(snapshots_of(0), 1) << "not after each error";
  std::vector<Credential> with_keys;
  with_keys.push_back(PskOf(1));
  with_keys.push_back(PskOf(2));
  platform.RestoreTo(platform.last_number(), with_keys);  // without a word in the feed
  EXPECT_FALSE(process.directory->OpenPsk(1).has_value());
  EXPECT_EQ(snapshots_of(600), 2);
  EXPECT_TRUE(process.directory->OpenPsk(1).has_value());
  EXPECT_EQ(process.Text(), platform.Text());
  EXPECT_EQ(snapshots_of(600), 1) << "none is missing";
}

TEST(Follower, MissingKeysOfTheCopyAreAskedFor) {
  FakePlatform platform;
  MemoryCopy copy;
  platform.Set(PskOf(1));
  Process(platform, &copy).CatchUp(platform);
  copy.credentials.at(1).psk = {};
  Process process(platform, &copy);
  EXPECT_FALSE(process.directory->OpenPsk(1).has_value());
  ASSERT_TRUE(process.Step());
  process.CatchUp(platform);
  EXPECT_EQ(process.Text(), platform.Text());
}

TEST(Follower, CopyThatCanOnlyBeReadIsSaidOnce) {
  class ReadOnly final : public LocalCopy {
   public:
    Result<SyncPoint> Load(const std::function<void(Credential&&)>&, std::string&) override { return SyncPoint{}; }
    Result<void> Append(const std::vector<Credential>&, const SyncPoint&) override { return {}; }
    Result<void> Rewrite(const std::function<void(const Visit&)>&, const SyncPoint&) override { return {}; }
    [[nodiscard]] std::string WhyReadOnly() const override { return "no rights"; }
    [[nodiscard]] bool IsLong() const override { return false; }
  } copy;
  FakePlatform platform;
  platform.Set(CertificateOf(1));
  Process process(platform, &copy);
  process.CatchUp(platform);
  const auto said = process.log.find("no rights");
  ASSERT_NE(said, std::string::npos);
  EXPECT_EQ(process.log.rfind("no rights"), said);
}

TEST(Follower, ForgetsTheRefusedAWeekAfterTheirEnd) {
  FakePlatform platform;
  platform.Set(CertificateOf(1, CredentialState::kRevoked));
  platform.Set(CertificateOf(2));
  Process process(platform);
  process.CatchUp(platform);
  process.now = 1'900'000'000 + 7 * 86'400;
  ASSERT_TRUE(process.Step());
  EXPECT_EQ(process.directory->size().credentials, 2U);
  process.now += 600;
  ASSERT_TRUE(process.Step());
  EXPECT_EQ(process.directory->size().credentials, 1U);
  EXPECT_TRUE(process.directory->FindById(2).has_value());
}

}  // namespace
}  // namespace simroot::server
