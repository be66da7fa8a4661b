// SPDX-License-Identifier: Apache-2.0
/// What application servers read: snapshot and feed, each server its own part, PSKs sealed.
#include <filesystem>
#include <limits>

#include "common/crypto/openssl/cms_opener.hpp"
#include "server_test_support.hpp"

namespace simroot::platform {
namespace {

using FeedServiceTest = ServerTest;

TEST_F(FeedServiceTest, ASnapshotHasEveryCredentialOnceInTheOrderOfIds) {
  const TestServer server = Enrol("acme", "web-1");
  const Card card = ActiveCard();
  std::vector<Id> ids;
  for (int i = 0; i < 7; ++i) {
    ids.push_back(Active(card, "0A0" + std::to_string(i)).id);
  }
  for (const unsigned limit : {1U, 2U, 3U, 7U, 1000U}) {
    std::vector<Id> seen;
    Page page{.after = 0, .limit = limit};
    do {
      const SnapshotPart part = Take(service_->Snapshot(server.actor, page));
      for (const ToldCredential& told : part.items) {
        seen.push_back(told.credential.id);
        EXPECT_EQ(told.iccid, card.iccid);
        EXPECT_LE(told.credential.id, part.next == 0 ? INT64_MAX : part.next);
      }
      page.after = part.next;
    } while (page.after != 0);
    EXPECT_EQ(seen, ids) << limit;
  }
  EXPECT_EQ(KindOf(service_->Snapshot(server.actor, {.after = 0, .limit = 0})), FailureKind::kInvalid);
  EXPECT_EQ(KindOf(service_->Snapshot(server.actor, {.after = -1, .limit = 1})), FailureKind::kInvalid);
}

TEST_F(FeedServiceTest, ASnapshotTellsWhereTheFeedIs) {
  const TestServer server = Enrol("acme", "web-1");
  EXPECT_EQ(Take(service_->Snapshot(server.actor, {})).feed_number, 0);
  const Credential credential = Active(ActiveCard(), "0A");
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kSuspended, ""));
  const SnapshotPart part = Take(service_->Snapshot(server.actor, {}));
  EXPECT_EQ(part.feed_number, 1);
  EXPECT_EQ(part.items.at(0).credential.state, CredentialState::kSuspended);
  EXPECT_TRUE(Take(service_->Feed(server.actor, {.after = part.feed_number, .limit = 10})).empty());
}

/// As the program does at every start, `seconds` after the one before.
class FeedRunTest : public ServerTest {
 protected:
  void Start(int seconds) {
    clock_.now += seconds;
    EXPECT_TRUE(service_->BeginFeed());
  }
  void Suspend(const Credential& credential) {
    Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kSuspended, ""));
  }
  void Resume(const Credential& credential) {
    Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kActive, ""));
  }
};

TEST_F(FeedRunTest, AReaderFromBeforeARestoreIsToldSoHoweverFarThePlatformHasGoneOn) {
  const TestServer server = Enrol("acme", "web-1");
  const Credential credential = Active(ActiveCard(), "0A");
  Start(1);
  Suspend(credential);
  const std::string backup = folder_ + "/backup.db";
  ASSERT_TRUE(store_->Backup(backup));
  Resume(credential);
  const std::int64_t lost = Take(service_->Snapshot(server.actor, {})).feed_number;
  EXPECT_TRUE(Take(service_->Feed(server.actor, {.after = lost, .limit = 10})).empty());

  store_ = nullptr;
  std::filesystem::rename(backup, folder_ + "/platform.db");
  std::filesystem::remove(folder_ + "/platform.db-wal");
  store_ = Take(OpenSqliteStore({.file = folder_ + "/platform.db", .clock = clock_}));
  service_ = Service::Create(*store_, *vault_, *authority_, clock_);
  Start(1);
  for (int i = 0; i < 3; ++i) {
    Resume(credential);
    Suspend(credential);
  }
  EXPECT_GT(Take(service_->Snapshot(server.actor, {})).feed_number, lost);
  EXPECT_EQ(KindOf(service_->Feed(server.actor, {.after = lost, .limit = 10})), FailureKind::kConflict);
  EXPECT_EQ(KindOf(service_->Feed(admin_, {.after = lost, .limit = 10})), FailureKind::kConflict);
}

TEST_F(FeedServiceTest, ANumberThatNoChangeCanHaveIsInvalid) {
  const TestServer server = Enrol("acme", "web-1");
  for (const std::int64_t number : {std::int64_t{-1}, std::numeric_limits<std::int64_t>::min()}) {
    EXPECT_EQ(KindOf(service_->Feed(server.actor, {.after = number, .limit = 1})), FailureKind::kInvalid) << number;
  }
  EXPECT_EQ(KindOf(service_->Feed(server.actor, {.after = std::numeric_limits<std::int64_t>::max(), .limit = 1})),
            FailureKind::kConflict);
}

TEST_F(FeedRunTest, AReaderGoesOnAfterARestart) {
  const TestServer server = Enrol("acme", "web-1");
  const Credential credential = Active(ActiveCard(), "0A");
  Start(1);
  Suspend(credential);
  const std::int64_t known = Take(service_->Snapshot(server.actor, {})).feed_number;
  Start(0);         // within the same second
  Start(-100'000);  // the clock was put back
  EXPECT_TRUE(Take(service_->Feed(server.actor, {.after = known, .limit = 10})).empty());
  Resume(credential);
  const auto changes = Take(service_->Feed(server.actor, {.after = known, .limit = 10}));
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes.front().credential.state, CredentialState::kActive);
  EXPECT_GT(changes.front().event.number, known);
}

TEST_F(FeedRunTest, WhereARunBeginsStopsNobody) {
  const Credential credential = Active(ActiveCard(), "0A");
  for (int i = 0; i < 5; ++i) {
    Start(1);
  }
  Suspend(credential);
  Start(1);
  // Of all tenants, so that the beginnings are between them.
  Page page{.after = 0, .limit = 1};
  const auto first = Take(service_->Feed(admin_, page));
  ASSERT_EQ(first.size(), 1U);
  page.after = first.front().event.number;
  EXPECT_TRUE(Take(service_->Feed(admin_, page)).empty());
  page.after = Take(service_->Snapshot(admin_, {})).feed_number;
  EXPECT_TRUE(Take(service_->Feed(admin_, page)).empty());
}

TEST_F(FeedServiceTest, AServerSeesItsTenantOnly) {
  Take(service_->CreateTenant(admin_, "other"));
  const TestServer ours = Enrol("acme", "web-1");
  const TestServer theirs = Enrol("other", "web-1");
  const Credential credential = Active(ActiveCard(), "0A");
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kSuspended, ""));
  EXPECT_EQ(Take(service_->Snapshot(ours.actor, {})).items.size(), 1U);
  EXPECT_EQ(Take(service_->Snapshot(theirs.actor, {})).items.size(), 0U);
  EXPECT_EQ(Take(service_->Feed(theirs.actor, {})).size(), 0U);
  EXPECT_EQ(Take(service_->Snapshot(admin_, {})).items.size(), 1U);
}

TEST_F(FeedServiceTest, APskIsSealedForTheAskingServerAlone) {
  const TestServer one = Enrol("acme", "web-1");
  const TestServer two = Enrol("acme", "web-2");
  const Card card = ActiveCard();
  const Credential credential = AddPsk(card, "89880000000000000011-1", Counting(32));
  const auto told = [&](const Actor& actor) { return Take(service_->Snapshot(actor, {})).items.at(0); };
  for (const TestServer* const server : {&one, &two}) {
    const ToldCredential item = told(server->actor);
    EXPECT_TRUE(item.credential.sealed_psk.empty()) << "what the vault has sealed stays here";
    EXPECT_TRUE(item.fingerprint.empty());
    const auto opened = server->Open(item.sealed_psk);
    ASSERT_TRUE(opened) << opened.error().Text();
    EXPECT_TRUE(SameBytes(opened->Reveal(InsecureReveal::kForTest), Counting(32)));
  }
  EXPECT_FALSE(two.Open(told(one.actor).sealed_psk));
  EXPECT_TRUE(told(viewer_).sealed_psk.empty());
  EXPECT_TRUE(told(admin_).sealed_psk.empty());

  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kRevoked, ""));
  EXPECT_TRUE(told(one.actor).sealed_psk.empty()) << "nobody needs a revoked one";
  Move(credential.id, CredentialState::kRevoked, CredentialState::kDeleted);
  EXPECT_TRUE(Take(service_->Snapshot(one.actor, {})).items.empty());
}

TEST_F(FeedServiceTest, APskThatCannotBeSealedIsCounted) {
  const TestServer server = Enrol("acme", "web-1");
  Credential credential = AddPsk(ActiveCard(), "id-1", AsBytes("0123456789abcdef"));
  Take(service_->Snapshot(server.actor, {}));
  EXPECT_EQ(service_->UnsealedPsks(), 0U);
  credential.sealed_psk.back() ^= 1;
  Write([&](StoreWriter& writer) { return writer.UpdateCredential(credential); });
  const auto items = Take(service_->Snapshot(server.actor, {})).items;
  ASSERT_EQ(items.size(), 1U);
  EXPECT_TRUE(items.at(0).sealed_psk.empty());
  EXPECT_EQ(service_->UnsealedPsks(), 1U);
}

TEST_F(FeedServiceTest, ADeletedCertificateIsToldAndOneThatWasNeverMadeIsNot) {
  const TestServer server = Enrol("acme", "web-1");
  const Card card = ActiveCard();
  const Credential credential = Active(card, "0A");
  Active(card, "");
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kRevoked, ""));
  Move(credential.id, CredentialState::kRevoked, CredentialState::kDeleted);
  const auto items = Take(service_->Snapshot(server.actor, {})).items;
  ASSERT_EQ(items.size(), 1U);
  EXPECT_EQ(items.at(0).credential.state, CredentialState::kDeleted);
}

TEST_F(FeedServiceTest, ANewNameIsToldWithEveryCredential) {
  const TestServer server = Enrol("acme", "web-1");
  const Card card = ActiveCard();
  const Credential active = Active(card, "0A");
  const Credential superseded = Active(card, "0B");
  Move(superseded.id, CredentialState::kActive, CredentialState::kSuperseded);
  const Credential suspended = Active(card, "0C");
  Move(suspended.id, CredentialState::kActive, CredentialState::kSuspended);
  const Credential revoked = Active(card, "0D");
  Move(revoked.id, CredentialState::kActive, CredentialState::kRevoked);
  Take(service_->NameDevice(operator_, card.iccid, "meter-17"));
  Take(service_->NameDevice(operator_, card.iccid, "meter-18"));
  const auto feed = Take(service_->Feed(server.actor, {}));
  EXPECT_EQ(feed.size(), 8U) << "each of four credentials, twice";
  for (const FeedItem& item : feed) {
    EXPECT_EQ(item.event.kind, "device.named");
    EXPECT_EQ(item.device, "meter-18");
  }
}

TEST_F(FeedServiceTest, AProofOfUseIsToldToTheOtherServers) {
  const TestServer server = Enrol("acme", "web-1");
  Active(ActiveCard(), "0A");
  Take(service_->RecordUse(server.actor, "0A"));
  Take(service_->RecordUse(server.actor, "0A"));
  const auto feed = Take(service_->Feed(server.actor, {}));
  ASSERT_EQ(feed.size(), 1U);
  EXPECT_EQ(feed.at(0).event.kind, "credential.used");
  EXPECT_EQ(feed.at(0).credential.first_used, clock_.now);
}

TEST_F(FeedServiceTest, FingerprintsAreOfTheCertificate) {
  const TestServer server = Enrol("acme", "web-1");
  Credential credential = Active(ActiveCard(), "0A");
  credential.certificate = AsVector(AsBytes("abc"));
  Write([&](StoreWriter& writer) { return writer.UpdateCredential(credential); });
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kSuspended, ""));
  constexpr const char* kSha256OfAbc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";
  EXPECT_EQ(ToHex(Take(service_->Snapshot(server.actor, {})).items.at(0).fingerprint), kSha256OfAbc);
  EXPECT_EQ(ToHex(Take(service_->Feed(server.actor, {})).at(0).fingerprint), kSha256OfAbc);
}

}  // namespace
}  // namespace simroot::platform
