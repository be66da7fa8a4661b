// SPDX-License-Identifier: Apache-2.0
/// What every implementation of Store must do. The tests of this folder know only the interface and MakeStoreUnderTest,
/// which an implementation gives them.
#pragma once

#include <gmock/gmock.h>

#include <atomic>
#include <memory>

#include "common/host/test_hex.hpp"
#include "platform/domain/store.hpp"

namespace simroot::platform::contract {

/// A clock that stands still until a test turns it.
class TestClock final : public Clock {
 public:
  UnixTime Now() override { return now_; }
  void Set(UnixTime now) { now_ = now; }

 private:
  std::atomic<UnixTime> now_ = 1'800'000'000;
};

/// A store with its place on the disk or in a server, which goes with it.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  [[nodiscard]] virtual Store& store() = 0;
  /// Closes the store and opens it again, as a restart of the platform does.
  virtual void Reopen() = 0;
  /// A path or name for Backup that does not exist.
  [[nodiscard]] virtual std::string BackupName() = 0;
  /// Makes something exist under that name.
  virtual void Occupy(const std::string& backup) = 0;
  /// Opens a backup as a store of its own.
  [[nodiscard]] virtual std::unique_ptr<StoreUnderTest> OpenBackup(const std::string& backup, Clock& clock) = 0;
};

/// An empty store. Implemented beside the contract, once for each implementation.
[[nodiscard]] std::unique_ptr<StoreUnderTest> MakeStoreUnderTest(Clock& clock);

/// Sample records. What a test does not say has these values.
[[nodiscard]] Card SampleCard(Id tenant, const std::string& iccid);
[[nodiscard]] CardKeySet SampleKeys(Id card, std::uint8_t version);
[[nodiscard]] Job SampleJob(Id tenant, Id card);
[[nodiscard]] Credential SampleCertificate(Id tenant, Id card, Id job, const std::string& name);
[[nodiscard]] Policy SamplePolicy(Id tenant, const std::string& name);
[[nodiscard]] CertificateAuthority SampleAuthority(Id tenant, const std::string& name);

/// Each test has an empty store with a tenant and a card.
class Contract : public ::testing::Test {
 protected:
  void SetUp() override;

  /// One transaction that must succeed; gives what `work` returns.
  template <typename Function>
  auto Write(const Function& work) {
    using Value = typename decltype(work(std::declval<StoreWriter&>()))::value_type;
    Outcome<Value> result = Refuse(FailureKind::kInternal, "not run");
    const auto outcome = store().Write([&](StoreWriter& writer) -> Outcome<void> {
      result = work(writer);
      if (!result) {
        return tl::unexpected(result.error());
      }
      return {};
    });
    EXPECT_EQ(outcome.has_value(), result.has_value()) << (outcome ? "" : outcome.error().Text());
    return result;
  }
  template <typename Function>
  auto Read(const Function& work) {
    using Value = typename decltype(work(std::declval<StoreReader&>()))::value_type;
    Outcome<Value> result = Refuse(FailureKind::kInternal, "not run");
    const auto outcome = store().Read([&](StoreReader& reader) -> Outcome<void> {
      result = work(reader);
      return {};
    });
    EXPECT_TRUE(outcome) << outcome.error().Text();
    return result;
  }

  [[nodiscard]] Store& store() { return under_test_->store(); }

  TestClock clock_;
  std::unique_ptr<StoreUnderTest> under_test_;
  Id tenant_ = 0;
  Id other_tenant_ = 0;
  Id card_ = 0;
};

/// The failure of an outcome that must be one.
template <typename T>
[[nodiscard]] std::string KindOf(const Outcome<T>& outcome) {
  if (outcome) {
    return "success";
  }
  switch (outcome.error().kind) {
    case FailureKind::kInvalid:
      return "invalid";
    case FailureKind::kNotFound:
      return "not found";
    case FailureKind::kConflict:
      return "conflict";
    case FailureKind::kDenied:
      return "denied";
    case FailureKind::kLimited:
      return "limited";
    case FailureKind::kUnavailable:
      return "unavailable";
    case FailureKind::kInternal:
      return "internal";
  }
  return "?";
}

/// The ids of a list.
template <typename Record>
[[nodiscard]] std::vector<Id> Ids(const Outcome<std::vector<Record>>& records) {
  std::vector<Id> ids;
  EXPECT_TRUE(records) << records.error().Text();
  for (const Record& record : records.value_or(std::vector<Record>{})) {
    ids.push_back(record.id);
  }
  return ids;
}

}  // namespace simroot::platform::contract
