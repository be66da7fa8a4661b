// SPDX-License-Identifier: Apache-2.0
/// A platform without HTTP, its cards, and devices that carry between them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "card/host/virtual_card.hpp"
#include "common/base/check.hpp"
#include "common/host/test_hex.hpp"
#include "common/iotsafe/vocabulary.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/card_endpoint.hpp"
#include "platform/ota/engine.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::provisioning {

using namespace platform;  // NOLINT(google-build-using-namespace): this folder is about nothing else

class TurnedClock final : public Clock {
 public:
  UnixTime Now() override { return now; }
  std::atomic<UnixTime> now = 1'800'000'000;
};

/// The value of a result, or the end of the test program with its sentence.
template <typename T>
[[nodiscard]] T Must(Outcome<T> outcome) {
  if (!outcome) {
    ADD_FAILURE() << outcome.error().Text();
  }
  SR_CHECK(outcome.has_value());
  if constexpr (!std::is_void_v<T>) {
    return std::move(*outcome);
  }
}

struct AnyCard {
  std::string file;
  std::string iccid;
  Id id = 0;
};

/// Everything lies in one folder, so that the platform can be ended and made anew at any moment.
class World {
 public:
  explicit World(const EngineLimits& limits = Generous()) : limits_(limits) {
    std::string path = (std::filesystem::temp_directory_path() / "simroot-provisioning-XXXXXX").string();
    SR_CHECK(::mkdtemp(path.data()) != nullptr);
    folder_ = path;
    Open(true);
    MakeTenant();
  }
  ~World() {
    Close();
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] static EngineLimits Generous() {
    EngineLimits limits;
    limits.hellos_per_minute_and_card = 1'000'000;
    limits.hellos_per_minute_and_source = 1'000'000;
    return limits;
  }

  /// The platform ends, as it ends with kill -9, and comes back over the same folder.
  void Restart() {
    Close();
    Open(false);
  }

  OtaEngine& engine() { return *engine_; }
  Store& store() { return *store_; }
  Vault& vault() { return *vault_; }
  TurnedClock clock;
  Tenant tenant;
  std::vector<CertificateAuthority> authorities;  ///< root, issuing
  Policy policy;

  /// A new card of a profile, imported, with a switch-on job.
  AnyCard AddCard(card::CardProfile profile, std::size_t key_size = 16);
  Id AddJob(const AnyCard& card, JobKind kind, Id credential = 0);

  [[nodiscard]] Job FindJob(Id id) {
    return Read<Job>([&](StoreReader& reader) { return reader.FindJob(id); });
  }
  [[nodiscard]] std::vector<Credential> Credentials(const AnyCard& card) {
    const CredentialFilter filter{.tenant = 0, .card = card.id, .state = {}, .kind = {}, .ends_before = 0};
    return Read<std::vector<Credential>>([&](StoreReader& reader) { return reader.ListCredentials(filter, Page{}); });
  }
  [[nodiscard]] std::vector<CardKeySet> KeySets(const AnyCard& card) {
    return Read<std::vector<CardKeySet>>([&](StoreReader& reader) { return reader.ListCardKeys(card.id); });
  }
  [[nodiscard]] std::vector<JobStep> Steps(Id job) {
    return Read<std::vector<JobStep>>(
        [&](StoreReader& reader) { return reader.ListJobSteps(job, Page{.after = 0, .limit = 1000}); });
  }
  /// Audit entries of this action.
  [[nodiscard]] std::size_t Audited(const std::string& action) {
    const auto entries = Read<std::vector<AuditEntry>>(
        [&](StoreReader& reader) { return reader.ListAudit(0, Page{.after = 0, .limit = 1000}); });
    return static_cast<std::size_t>(std::ranges::count(entries, action, &AuditEntry::action));
  }
  template <typename T, typename Work>
  [[nodiscard]] T Read(Work work) {
    std::optional<T> value;
    Must(store_->Read([&](StoreReader& reader) -> Outcome<void> {
      SR_TRY(value, work(reader));
      return {};
    }));
    SR_CHECK(value.has_value());
    return std::move(*value);
  }
  void Write(const std::function<Outcome<void>(StoreWriter&)>& work) { Must(store_->Write(work)); }

 private:
  void Open(bool create);
  void Close() {
    engine_.reset();
    store_.reset();
    authority_.reset();
    vault_.reset();
  }
  void MakeTenant();

  EngineLimits limits_;
  std::string folder_;
  int cards_ = 0;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Authority> authority_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<OtaEngine> engine_;
};

/// A device: the card in it, and what carries between card and platform. A new object is a device that was switched on
/// with the card, which is taken from whatever device had it before.
class Device {
 public:
  explicit Device(const AnyCard& card);
  /// The same with a card that somebody else keeps; outlives it.
  Device(const std::string& iccid, wire::CardEndpoint& endpoint);

  /// What the device says first. Hints are what the card's applet answers.
  [[nodiscard]] RelayHello Hello();
  /// The same with a secured session that the device has begun.
  [[nodiscard]] RelayHello OpeningHello();
  /// Runs a batch on a channel of its own, up to the first refusal.
  [[nodiscard]] std::vector<RelayAnswer> Run(const RelayBatch& batch);
  /// One session from hello to its end.
  [[nodiscard]] Outcome<RelayBatch> Session(OtaEngine& engine);
  /// Sessions until nothing is left to do. @returns the last reply.
  [[nodiscard]] Outcome<RelayBatch> SwitchOn(World& world, unsigned most = 30);
  /// One APDU with its whole answer.
  [[nodiscard]] RelayAnswer Send(ByteView apdu);
  /// The same to the applet, on a channel of its own.
  [[nodiscard]] RelayAnswer AskApplet(std::string_view apdu);
  /// Content of a file of the applet; empty: there is none.
  [[nodiscard]] Bytes ReadFile(std::uint8_t id);

  bool opens = true;                         ///< Session says OpeningHello
  unsigned posts = 0;                        ///< calls of Begin and Continue
  unsigned commands = 0;                     ///< carried to the card
  std::optional<unsigned> vanishes_after{};  ///< the device is switched off after so many commands

 private:
  std::string iccid_;
  void Start();

  std::shared_ptr<card::VirtualCard> card_;  ///< empty: kept by somebody else
  wire::CardEndpoint* endpoint_ = nullptr;
};

}  // namespace simroot::provisioning
