// SPDX-License-Identifier: Apache-2.0
/// A platform in a directory of its own: SQLite, vault, authority and service, and a clock that tests turn.
#pragma once

#include <gmock/gmock.h>

#include <filesystem>

#include "common/host/card_keys.hpp"
#include "platform/service/service.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::platform {

class TurnedClock final : public Clock {
 public:
  [[nodiscard]] UnixTime Now() override { return now; }
  UnixTime now = 1'800'000'000;
};

class ServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "simroot-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    vault_ = Take(Vault::Create(folder_ + "/vault"));
    authority_ = Take(Authority::Open(*vault_, folder_ + "/authority"));
    store_ = Take(OpenSqliteStore({.file = folder_ + "/platform.db", .clock = clock_, .create = true}));
    service_ = Service::Create(*store_, *vault_, *authority_, clock_);
    tenant_ = Take(service_->CreateTenant(admin_, "acme"));
  }
  void TearDown() override {
    service_.reset();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  template <typename T>
  static T Take(Outcome<T> outcome) {
    EXPECT_TRUE(outcome) << outcome.error().Text();
    return std::move(*outcome);
  }
  template <typename T>
  static FailureKind KindOf(const Outcome<T>& outcome) {
    EXPECT_FALSE(outcome);
    return outcome ? FailureKind::kInternal : outcome.error().kind;
  }

  /// A line of card keys whose key bytes are all `fill`.
  static std::string Line(const std::string& iccid, const std::string& version = "30", char fill = '1',
                          const std::string& profile = "blank") {
    const std::string key(32, fill);
    return iccid + ",001010123456789," + profile + ",A000000151000000," + version + ",aes-128," + key + "," + key +
           "," + key + "\n";
  }
  static std::string Csv(const std::string& lines) { return std::string(kCardKeysHeader) + "\n" + lines; }

  Card ImportOne(const std::string& iccid = "89880000000000000011", const std::string& profile = "blank") {
    const auto report = Take(service_->ImportCards(operator_, "acme", Csv(Line(iccid, "30", '1', profile))));
    EXPECT_EQ(report.cards, 1U);
    return Read<Card>([&](StoreReader& reader) { return reader.FindCardByIccid(iccid); });
  }

  /// A card whose first secured session is over.
  Card ActiveCard(const std::string& iccid = "89880000000000000011") {
    Card card = ImportOne(iccid);
    Write([&](StoreWriter& writer) -> Outcome<void> {
      SR_TRY_VOID(writer.TransitionCard(card.id, CardState::kImported, CardState::kActive));
      card.last_contact = clock_.now;
      SR_TRY_VOID(writer.UpdateCard(card));
      SR_TRY(card, writer.FindCard(card.id));
      return {};
    });
    return card;
  }
  void MoveJobs(const Card& card, JobState from, JobState to) {
    Write([&](StoreWriter& writer) -> Outcome<void> {
      SR_TRY(const auto jobs, writer.ListJobs({.tenant = 0, .card = card.id, .state = from}, {}));
      for (Job job : jobs) {
        job.state = to;
        SR_TRY_VOID(writer.TransitionJob(job, from, clock_.now));
      }
      return {};
    });
  }

  template <typename T, typename Work>
  T Read(Work work) {
    T value{};
    const auto done = store_->Read([&](StoreReader& reader) -> Outcome<void> {
      SR_TRY(value, work(reader));
      return {};
    });
    EXPECT_TRUE(done) << done.error().Text();
    return value;
  }
  void Write(const std::function<Outcome<void>(StoreWriter&)>& work) {
    const auto done = store_->Write(work);
    ASSERT_TRUE(done) << done.error().Text();
  }

  /// What the engine does when a card has confirmed: a credential in this state.
  Credential Active(const Card& card, const std::string& name, CredentialKind kind = CredentialKind::kCertificate,
                    UnixTime not_after = 0) {
    Credential credential;
    Write([&](StoreWriter& writer) -> Outcome<void> {
      Job job{.id = 0, .tenant = card.tenant, .card = card.id, .kind = JobKind::kRotate};
      SR_TRY(job.id, writer.InsertJob(job));
      job.state = JobState::kRunning;
      SR_TRY_VOID(writer.TransitionJob(job, JobState::kQueued, clock_.now));
      job.state = JobState::kDone;
      SR_TRY_VOID(writer.TransitionJob(job, JobState::kRunning, clock_.now));
      credential.tenant = card.tenant;
      credential.card = card.id;
      credential.job = job.id;
      credential.kind = kind;
      credential.name = name;
      credential.not_before = clock_.now;
      credential.not_after = not_after;
      SR_TRY(credential.id, writer.InsertCredential(credential));
      SR_TRY_VOID(writer.TransitionCredential(credential.id, CredentialState::kRequested, CredentialState::kIssued, "",
                                              clock_.now));
      SR_TRY_VOID(writer.TransitionCredential(credential.id, CredentialState::kIssued, CredentialState::kActive, "",
                                              clock_.now));
      SR_TRY(credential, writer.FindCredential(credential.id));
      return {};
    });
    return credential;
  }

  [[nodiscard]] std::vector<Job> JobsOf(const Card& card) {
    return Read<std::vector<Job>>(
        [&](StoreReader& reader) { return reader.ListJobs({.tenant = 0, .card = card.id, .state = {}}, {}); });
  }
  [[nodiscard]] CredentialState StateOf(const Credential& credential) {
    return Read<Credential>([&](StoreReader& reader) { return reader.FindCredential(credential.id); }).state;
  }

  std::string folder_;
  TurnedClock clock_;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Service> service_;
  Tenant tenant_;
  const Actor admin_{.name = "token admin", .role = Role::kAdmin, .tenant = 0, .certificate = {}};
  const Actor operator_{.name = "token ops", .role = Role::kOperator, .tenant = 0, .certificate = {}};
  const Actor viewer_{.name = "token viewer", .role = Role::kViewer, .tenant = 0, .certificate = {}};
};

}  // namespace simroot::platform
