// SPDX-License-Identifier: Apache-2.0
/// The platform ends without warning, at any moment: no counter is given twice, and what was answered stays.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>

#include "common/base/check.hpp"
#include "common/host/unique_fd.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::platform {
namespace {

constexpr int kKills = 50;
constexpr Id kCard = 1;
constexpr std::uint8_t kVersion = 1;

class FixedClock final : public Clock {
 public:
  UnixTime Now() override { return 1'800'000'000; }
};

class KilledStore : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string folder = (std::filesystem::temp_directory_path() / "simroot-kill-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    const auto store = Open();
    ASSERT_TRUE(store->Write([](StoreWriter& w) -> Outcome<void> {
      SR_TRY(const Id tenant, w.InsertTenant({.name = "acme"}));
      SR_TRY(const Id card, w.InsertCard({.tenant = tenant, .iccid = "8988211000000000011"}));
      SR_CHECK(card == kCard);
      return w.PutCardKeys({.card = card, .version = kVersion, .sealed = Bytes(64)});
    }));
  }
  void TearDown() override {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
  }

  std::unique_ptr<Store> Open() {
    auto store = OpenSqliteStore({.file = folder_ + "/platform.db", .clock = clock_, .create = true});
    SR_CHECK(store.has_value());
    return std::move(*store);
  }

  /// In the child: reserves one counter after the other, with an audit entry for each, and tells each one when Write
  /// has returned.
  [[noreturn]] void ReserveForEver(int out) {
    const auto store = Open();
    for (;;) {
      std::int64_t counter = 0;
      const auto done = store->Write([&](StoreWriter& w) -> Outcome<void> {
        SR_TRY(counter, w.ReserveScp80Counters(kCard, kVersion, 1));
        SR_TRY_VOID(w.AddAudit({.action = "counter", .detail = std::to_string(counter)}));
        return {};
      });
      if (!done || ::write(out, &counter, sizeof counter) != sizeof counter) {
        std::_Exit(1);
      }
    }
  }

  std::string folder_;
  FixedClock clock_;
};

/// Everything the child has told until it died; it is killed after `wanted` counters.
std::vector<std::int64_t> ReadAndKill(int in, pid_t child, unsigned wanted) {
  std::vector<std::int64_t> told;
  std::int64_t counter = 0;
  bool killed = false;
  while (::read(in, &counter, sizeof counter) == sizeof counter) {
    told.push_back(counter);
    if (told.size() >= wanted && !killed) {
      killed = ::kill(child, SIGKILL) == 0;
    }
  }
  return told;
}

TEST_F(KilledStore, GivesNoCounterTwice) {
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", static_cast<int>(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::set<std::int64_t> given;
  for (int kill = 0; kill < kKills; ++kill) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const UniqueFd in(ends.front());
    UniqueFd out(ends.back());
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ReserveForEver(out.get());
    }
    out.Reset();
    const auto told = ReadAndKill(in.get(), child, 1 + static_cast<unsigned>(random() % 20));
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "the child has ended by itself";
    for (const std::int64_t counter : told) {
      EXPECT_TRUE(given.insert(counter).second) << "counter " << counter << " was given twice";
    }
  }
  ASSERT_FALSE(given.empty());
  const auto store = Open();
  EXPECT_TRUE(store->Read([&](StoreReader& r) -> Outcome<void> {
    SR_TRY(const CardKeySet keys, r.FindCardKeys(kCard, kVersion));
    EXPECT_GE(keys.scp80_counter, *given.rbegin());
    // A work is whole: as many entries as counters.
    EXPECT_EQ(r.VerifyAudit().value_or(-1), keys.scp80_counter);
    return {};
  }));
}

}  // namespace
}  // namespace simroot::platform
