// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/middleware.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "common/host/deadline.hpp"
#include "server/middleware/testing/fake_platform.hpp"

namespace simroot::server {
namespace {

using testing::CertificateOf;
using testing::FakePlatform;
using testing::FingerprintOf;
using testing::PskOf;
using testing::TextOf;

constexpr UnixTime kStart = 1'800'000'000;

/// Waits for what another thread does, generously.
bool Eventually(const std::function<bool()>& condition) {
  const Deadline deadline = Deadline::After(std::chrono::seconds(30));
  while (!condition()) {
    if (deadline.Passed()) {
      return false;
    }
    std::this_thread::yield();
  }
  return true;
}

class MiddlewareTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "simroot-middleware-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
  }
  void TearDown() override {
    middleware.reset();
    std::filesystem::remove_all(directory);
  }

  MiddlewareOptions Options() {
    MiddlewareOptions options;
    options.log = [this](LogLevel level, const std::string& line) {
      const std::lock_guard lock(log_mutex);
      if (level != LogLevel::kDebug) {
        log.push_back(line);
      }
    };
    options.clock = [this] { return now.load(); };
    options.first_retry = std::chrono::milliseconds(1);
    options.longest_retry = std::chrono::milliseconds(4);
    options.first_contact = std::chrono::seconds(1);
    return options;
  }
  [[nodiscard]] Result<void> TryOpen(MiddlewareOptions options, bool with_copy = false) {
    auto opened = Middleware::OpenWith(
        std::move(options), [this] { return platform.MakeLink(); }, "acme",
        with_copy ? directory + "/devices.copy" : std::string(), SecretBytes(AsBytes("key")));
    if (!opened) {
      return tl::make_unexpected(opened.error());
    }
    middleware = std::move(*opened);
    return {};
  }
  void Open(bool with_copy = false) { ASSERT_TRUE(TryOpen(Options(), with_copy)); }
  [[nodiscard]] bool InStep() {
    return Eventually([this] { return middleware->status().feed_number == platform.last_number(); });
  }
  [[nodiscard]] int CountInLog(const std::string& part) {
    const std::lock_guard lock(log_mutex);
    return static_cast<int>(
        std::ranges::count_if(log, [&](const std::string& line) { return line.find(part) != std::string::npos; }));
  }
  [[nodiscard]] Refusal OfCertificate(CredentialId id, bool chain = true) const {
    return middleware->JudgeCertificate(FingerprintOf(id), chain).refusal;
  }
  static std::string KeyText(const SecretBytes& key) { return ToHex(key.Reveal(InsecureReveal::kForTest)); }

  std::string directory;
  std::atomic<UnixTime> now{kStart};
  FakePlatform platform;
  std::mutex log_mutex;
  std::vector<std::string> log;
  std::unique_ptr<Middleware> middleware;
};

TEST_F(MiddlewareTest, JudgesEveryPeerWithItsOwnReason) {
  platform.Set(CertificateOf(1));
  platform.Set(CertificateOf(2, CredentialState::kPending));
  platform.Set(CertificateOf(3, CredentialState::kSuspended));
  platform.Set(CertificateOf(4, CredentialState::kRevoked));
  platform.Set(CertificateOf(5, CredentialState::kDeleted));
  platform.Set(CertificateOf(6, CredentialState::kSuperseded));
  Credential early = CertificateOf(7);
  early.not_before = kStart + 1;
  platform.Set(early);
  Credential late = CertificateOf(8);
  late.not_after = kStart - 1;
  platform.Set(late);
  platform.Set(PskOf(9));
  Open();
  EXPECT_EQ(OfCertificate(1), Refusal::kNone);
  EXPECT_EQ(OfCertificate(2), Refusal::kPending);
  EXPECT_EQ(OfCertificate(3), Refusal::kSuspended);
  EXPECT_EQ(OfCertificate(4), Refusal::kRevoked);
  EXPECT_EQ(OfCertificate(5), Refusal::kRevoked);
  EXPECT_EQ(OfCertificate(6), Refusal::kNone);
  EXPECT_EQ(OfCertificate(7), Refusal::kNotYetValid);
  EXPECT_EQ(OfCertificate(8), Refusal::kExpired);
  EXPECT_EQ(OfCertificate(99), Refusal::kUnknownCertificate);
  EXPECT_EQ(OfCertificate(99, false), Refusal::kForeignCertificate);
  EXPECT_EQ(OfCertificate(1, false), Refusal::kForeignCertificate);
  EXPECT_EQ(OfCertificate(8, false), Refusal::kExpired) << "why its chain was not right";
  EXPECT_EQ(middleware->JudgeAgain(1).refusal, Refusal::kNone);
  EXPECT_EQ(middleware->JudgeAgain(4).refusal, Refusal::kRevoked);
  EXPECT_EQ(middleware->JudgeAgain(99).refusal, Refusal::kRevoked);
  EXPECT_TRUE(middleware->JudgePsk(PskOf(9).name).accepted());
  const Verdict unknown = middleware->JudgePsk("nobody");
  EXPECT_EQ(unknown.refusal, Refusal::kUnknownIdentity);
  EXPECT_EQ(unknown.device.id, 0);
  EXPECT_STREQ(unknown.device.name.data(), "nobody");
  EXPECT_EQ(middleware->JudgePsk(std::string(5'000, 'x')).refusal, Refusal::kUnknownIdentity);
}

TEST_F(MiddlewareTest, OnlyTheAcceptedGetTheirKey) {
  platform.Set(PskOf(1));
  platform.Set(PskOf(2, CredentialState::kSuspended));
  Credential keyless = PskOf(3);
  keyless.psk = {};
  platform.Set(keyless);
  Open();
  const auto key_for = [&](const std::string& identity) {
    return KeyText(middleware->PskFor(middleware->JudgePsk(identity), identity));
  };
  EXPECT_EQ(key_for(PskOf(1).name), KeyText(PskOf(1).psk));
  EXPECT_NE(key_for(PskOf(2).name), KeyText(PskOf(2).psk));
  EXPECT_EQ(key_for(PskOf(3).name).size(), 64U);
  EXPECT_EQ(key_for("nobody").size(), 64U);
  EXPECT_EQ(key_for("nobody"), key_for("nobody"));
}

TEST_F(MiddlewareTest, NeitherCopyNorPlatformIsAnError) {
  platform.GoAway();
  MiddlewareOptions options = Options();
  options.first_contact = std::chrono::seconds(0);
  const auto opened = TryOpen(std::move(options), true);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().domain, ErrorDomain::kTransport);
  EXPECT_FALSE(opened.error().next_step.empty());
}

TEST_F(MiddlewareTest, StartsAndServesWhileThePlatformIsAwayAllTheTime) {
  platform.Set(CertificateOf(1));
  platform.Set(PskOf(2));
  Open(true);
  platform.Set(CertificateOf(3, CredentialState::kRevoked));
  ASSERT_TRUE(InStep());
  // The copy is written after the number is told: the next change is only read when it is.
  platform.Set(CertificateOf(4));
  ASSERT_TRUE(InStep());
  platform.GoAway();
  for (int restart = 0; restart < 3; ++restart) {
    middleware.reset();
    Open(true);
    EXPECT_EQ(OfCertificate(1), Refusal::kNone);
    EXPECT_EQ(OfCertificate(3), Refusal::kRevoked);
    EXPECT_TRUE(middleware->JudgePsk(PskOf(2).name).accepted());
    EXPECT_EQ(KeyText(middleware->PskFor(middleware->JudgePsk(PskOf(2).name), PskOf(2).name)), KeyText(PskOf(2).psk));
    EXPECT_EQ(*middleware->Authorities(), "PEM of the CAs");
    ASSERT_TRUE(Eventually([this] { return !middleware->status().last_error.empty(); }));
    EXPECT_FALSE(middleware->status().stale);
  }
  platform.GoAway(false);
  platform.Set(CertificateOf(1, CredentialState::kSuspended));
  ASSERT_TRUE(InStep());
  EXPECT_EQ(OfCertificate(1), Refusal::kSuspended);
  EXPECT_EQ(TextOf(middleware->directory()), platform.Text());
  EXPECT_TRUE(Eventually([this] { return middleware->status().last_error.empty(); }));
}

TEST_F(MiddlewareTest, KnowsAtTheFirstDeviceWhatChangedWhileItDidNotRun) {
  platform.Set(CertificateOf(1));
  Open(true);
  middleware.reset();
  platform.Set(CertificateOf(1, CredentialState::kRevoked));
  now += 1'000'000;  // and the copy is too old by now
  Open(true);
  EXPECT_EQ(OfCertificate(1), Refusal::kRevoked);
  EXPECT_FALSE(middleware->status().stale);
}

TEST_F(MiddlewareTest, KnowsAtTheFirstDeviceAllPartsOfWhatChanged) {
  platform.Set(CertificateOf(1));
  Open(true);
  middleware.reset();
  platform.SetPartSize(1);
  for (CredentialId id = 2; id <= 40; ++id) {
    platform.Set(CertificateOf(id));
  }
  platform.Set(CertificateOf(1, CredentialState::kRevoked));
  MiddlewareOptions options = Options();
  options.first_contact = std::chrono::seconds(30);
  ASSERT_TRUE(TryOpen(std::move(options), true));
  EXPECT_EQ(OfCertificate(1), Refusal::kRevoked);
  EXPECT_EQ(middleware->status().feed_number, platform.last_number());
}

TEST_F(MiddlewareTest, SaysOnceThatThePlatformIsAwayAndOnceThatItIsBack) {
  platform.Set(CertificateOf(1));
  Open();
  platform.GoAway();
  const auto errors = [this] {
    const std::string metrics = middleware->Metrics();
    const std::string name = "\nsimroot_server_sync_errors_total ";
    return std::stoi(metrics.substr(metrics.find(name) + name.size()));
  };
  ASSERT_TRUE(Eventually([&] { return errors() >= 5; }));
  platform.GoAway(false);
  ASSERT_TRUE(Eventually([this] { return CountInLog("answers again") == 1; }));
  EXPECT_EQ(CountInLog("cannot be asked"), 1);
}

TEST_F(MiddlewareTest, RefusesEverybodyWhenStaleAndClosed) {
  platform.Set(CertificateOf(1));
  platform.Set(CertificateOf(2, CredentialState::kRevoked));
  platform.Set(PskOf(3));
  MiddlewareOptions options = Options();
  options.max_staleness = std::chrono::seconds(100);
  ASSERT_TRUE(TryOpen(std::move(options)));
  EXPECT_EQ(OfCertificate(1), Refusal::kNone);
  platform.GoAway();
  ASSERT_TRUE(Eventually([this] { return !middleware->status().last_error.empty(); }));
  now += 100;
  EXPECT_EQ(OfCertificate(1), Refusal::kNone);
  now += 1;
  EXPECT_EQ(OfCertificate(1), Refusal::kStale);
  EXPECT_EQ(OfCertificate(2), Refusal::kRevoked);
  EXPECT_EQ(OfCertificate(1, false), Refusal::kForeignCertificate);
  EXPECT_EQ(middleware->JudgeAgain(1).refusal, Refusal::kStale);
  const Verdict psk = middleware->JudgePsk(PskOf(3).name);
  EXPECT_EQ(psk.refusal, Refusal::kStale);
  EXPECT_NE(KeyText(middleware->PskFor(psk, PskOf(3).name)), KeyText(PskOf(3).psk));
  EXPECT_TRUE(middleware->status().stale);
  EXPECT_NE(middleware->Metrics().find("\nsimroot_server_stale 1\n"), std::string::npos);
  EXPECT_TRUE(Eventually([this] { return CountInLog("every device is refused") == 1; }));
  platform.GoAway(false);
  EXPECT_TRUE(Eventually([this] { return OfCertificate(1) == Refusal::kNone; }));
  EXPECT_TRUE(Eventually([this] { return CountInLog("fresh again") == 1; }));
}

TEST_F(MiddlewareTest, FeedThatAloneFailsBecomesStale) {
  platform.Set(CertificateOf(1));
  MiddlewareOptions options = Options();
  options.max_staleness = std::chrono::seconds(100);
  ASSERT_TRUE(TryOpen(std::move(options)));
  platform.FailFeeds(true);
  ASSERT_TRUE(Eventually([this] { return !middleware->status().last_error.empty(); }));
  now += 101;
  const int calls = platform.authority_calls();
  ASSERT_TRUE(Eventually([&] { return platform.authority_calls() >= calls + 2; })) << "all else is answered";
  EXPECT_EQ(OfCertificate(1), Refusal::kStale);
  platform.FailFeeds(false);
  EXPECT_TRUE(Eventually([this] { return OfCertificate(1) == Refusal::kNone; }));
}

TEST_F(MiddlewareTest, GoesOnWithWhatIsKnownWhenStaleAndOpen) {
  platform.Set(CertificateOf(1));
  MiddlewareOptions options = Options();
  options.max_staleness = std::chrono::seconds(100);
  options.open_when_stale = true;
  ASSERT_TRUE(TryOpen(std::move(options)));
  platform.GoAway();
  ASSERT_TRUE(Eventually([this] { return !middleware->status().last_error.empty(); }));
  now += 10'000;
  EXPECT_EQ(OfCertificate(1), Refusal::kNone);
  EXPECT_TRUE(middleware->status().stale);
  EXPECT_TRUE(Eventually([this] { return CountInLog("judged by what is known") == 1; }));
}

TEST_F(MiddlewareTest, CopyThatIsTooOldIsStaleFromTheStart) {
  platform.Set(CertificateOf(1));
  Open(true);
  middleware.reset();
  platform.GoAway();
  now += 86'401;
  Open(true);
  EXPECT_EQ(OfCertificate(1), Refusal::kStale);
  middleware.reset();
  now = kStart - 7'200;  // the clock was set back: the copy is from the future
  Open(true);
  EXPECT_EQ(OfCertificate(1), Refusal::kStale);
}

TEST_F(MiddlewareTest, TellsListenersOfARevocation) {
  platform.Set(CertificateOf(1));
  Open();
  std::atomic<int> told{0};
  const auto handle = middleware->Listen([&](const Change& change) {
    if (change.now.id == 1 && change.refused && middleware->JudgeAgain(1).refusal == Refusal::kRevoked) {
      ++told;
    }
  });
  platform.Set(CertificateOf(1, CredentialState::kRevoked));
  EXPECT_TRUE(Eventually([&] { return told == 1; }));
}

TEST_F(MiddlewareTest, DeadHandleIsNeverCalledAgain) {
  platform.Set(CertificateOf(1));
  Open();
  for (int round = 0; round < 50; ++round) {
    auto alive = std::make_shared<std::atomic<bool>>(true);
    std::atomic<int> after_death{0};
    std::atomic<int> calls{0};
    auto handle = middleware->Listen([&, alive](const Change&) {
      ++calls;
      std::this_thread::yield();
      after_death += *alive ? 0 : 1;
    });
    platform.Set(CertificateOf(1, round % 2 == 0 ? CredentialState::kSuspended : CredentialState::kActive));
    if (round % 3 == 0) {
      ASSERT_TRUE(Eventually([&] { return calls > 0; }));
    }
    handle.reset();
    *alive = false;
    ASSERT_TRUE(InStep());
    EXPECT_EQ(after_death, 0);
  }
}

TEST_F(MiddlewareTest, HandleMayDieInsideItsListenerAndAfterTheMiddleware) {
  platform.Set(CertificateOf(1));
  Open();
  std::shared_ptr<void> inside;
  std::atomic<int> calls{0};
  std::mutex mutex;
  {
    const std::lock_guard lock(mutex);
    inside = middleware->Listen([&](const Change&) {
      const std::lock_guard inner(mutex);
      inside.reset();
      ++calls;
    });
  }
  const auto outlives = middleware->Listen([](const Change&) {});
  platform.Set(CertificateOf(1, CredentialState::kSuspended));
  ASSERT_TRUE(Eventually([&] { return calls == 1; }));
  platform.Set(CertificateOf(1, CredentialState::kActive));
  ASSERT_TRUE(InStep());
  middleware.reset();
  EXPECT_EQ(calls, 1);
}

TEST_F(MiddlewareTest, ReportsTheFirstUseOnce) {
  platform.Set(CertificateOf(1));
  Credential used = CertificateOf(2);
  used.first_used = kStart - 5;
  platform.Set(used);
  platform.Set(CertificateOf(3, CredentialState::kRevoked));
  platform.Set(PskOf(4));
  Open();
  platform.FailUses(3);
  for (int i = 0; i < 10; ++i) {
    for (CredentialId id = 1; id <= 3; ++id) {
      middleware->Note(middleware->JudgeCertificate(FingerprintOf(id), true), "10.0.0.1");
    }
    middleware->Note(middleware->JudgePsk(PskOf(4).name), "10.0.0.1");
  }
  ASSERT_TRUE(Eventually([this] { return platform.uses().size() == 2; }));
  for (int i = 0; i < 10; ++i) {
    middleware->Note(middleware->JudgeCertificate(FingerprintOf(1), true), "10.0.0.1");
  }
  middleware->Note(middleware->JudgeCertificate(FingerprintOf(3), true), "10.0.0.1");
  EXPECT_EQ(platform.uses(), (std::vector<std::string>{CertificateOf(1).name, PskOf(4).name}));
  EXPECT_EQ(platform.use_calls(), 5);
  EXPECT_EQ(CountInLog("could not be reported"), 1);
  const std::string metrics = middleware->Metrics();
  EXPECT_NE(metrics.find("handshakes_total{result=\"none\"} 40\n"), std::string::npos) << metrics;
  EXPECT_NE(metrics.find("handshakes_total{result=\"revoked\"} 11\n"), std::string::npos) << metrics;
  EXPECT_EQ(CountInLog("reason=revoked"), 11);
}

TEST_F(MiddlewareTest, ReportsTheUseAgainAfterAChangeThatDoesNotKnowIt) {
  platform.Set(CertificateOf(1));
  Open();
  const auto handshake = [this] { middleware->Note(middleware->JudgeCertificate(FingerprintOf(1), true), "10.0.0.1"); };
  handshake();
  ASSERT_TRUE(Eventually([this] { return platform.uses().size() == 1; }));
  Credential changed = CertificateOf(1);
  changed.device = "another name";
  platform.Set(changed);
  // Told after the directory has it, and maybe before the reporter's end of the first: so more than one handshake.
  EXPECT_TRUE(Eventually([&] {
    handshake();
    return platform.uses().size() == 2;
  }));
}

TEST_F(MiddlewareTest, UseThatThePlatformDoesNotWantIsNotReportedAgain) {
  platform.Set(CertificateOf(1));
  platform.Set(CertificateOf(2));
  Open();
  platform.FailUses(1, ErrorDomain::kUsage);
  middleware->Note(middleware->JudgeCertificate(FingerprintOf(1), true), "10.0.0.1");
  ASSERT_TRUE(Eventually([this] { return platform.use_calls() == 1; }));
  middleware->Note(middleware->JudgeCertificate(FingerprintOf(1), true), "10.0.0.1");
  middleware->Note(middleware->JudgeCertificate(FingerprintOf(2), true), "10.0.0.1");
  ASSERT_TRUE(Eventually([this] { return platform.uses().size() == 1; }));
  EXPECT_EQ(platform.uses().front(), CertificateOf(2).name);
}

TEST_F(MiddlewareTest, NotAllOfAnAttackIsLogged) {
  Open();
  for (int i = 0; i < 200; ++i) {
    middleware->Note(middleware->JudgePsk("attacker\n" + std::to_string(i)), "10.0.0.1");
  }
  EXPECT_EQ(CountInLog("reason=unknown_identity"), 20);
  EXPECT_EQ(CountInLog("attacker\\x0A"), 20);
  ++now;
  EXPECT_TRUE(Eventually([this] { return CountInLog("reason=unknown_identity count=180") == 1; }));
}

TEST_F(MiddlewareTest, EndsSoonWhileItWaits) {
  platform.Set(CertificateOf(1));
  MiddlewareOptions options = Options();
  options.poll = std::chrono::seconds(3'600);
  const int calls = platform.feed_calls();
  ASSERT_TRUE(TryOpen(std::move(options)));
  ASSERT_TRUE(Eventually([&] { return platform.feed_calls() > calls; }));
  middleware.reset();  // the time limit of the test program would end it otherwise
  options = Options();
  options.first_retry = std::chrono::hours(1);
  options.longest_retry = std::chrono::hours(1);
  ASSERT_TRUE(TryOpen(std::move(options)));
  platform.FailUses(1);
  middleware->Note(middleware->JudgeCertificate(FingerprintOf(1), true), "10.0.0.1");
  platform.GoAway();
  ASSERT_TRUE(Eventually([this] { return !middleware->status().last_error.empty() && platform.use_calls() == 1; }));
  middleware.reset();
}

TEST_F(MiddlewareTest, TellsItsStatus) {
  platform.Set(CertificateOf(1));
  platform.Set(CertificateOf(2));
  Open();
  ASSERT_TRUE(Eventually([this] { return middleware->status().in_step; }));
  const MiddlewareStatus status = middleware->status();
  EXPECT_EQ(status.tenant, "acme");
  EXPECT_EQ(status.feed_number, 2);
  EXPECT_EQ(status.last_contact, kStart);
  EXPECT_EQ(status.size.credentials, 2U);
  EXPECT_EQ(status.size.devices, 2U);
  EXPECT_EQ(status.last_error, "");
  EXPECT_EQ(middleware->ReadCrls()->size(), 2U);
  middleware->CountLive(3);
  middleware->CountLive(-1);
  EXPECT_NE(middleware->Metrics().find("\nsimroot_server_live_connections 2\n"), std::string::npos);
}

}  // namespace
}  // namespace simroot::server
