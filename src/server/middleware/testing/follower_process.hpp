// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include "server/middleware/follower.hpp"
#include "server/middleware/testing/fake_platform.hpp"

namespace simroot::server::testing {

inline constexpr std::chrono::seconds kNoWait{0};

/// A copy in memory that counts and can fail.
class MemoryCopy final : public LocalCopy {
 public:
  Result<SyncPoint> Load(const std::function<void(Credential&&)>& visit, std::string& why) override {
    why = point.feed_number < 0 ? "there is none yet" : "";
    for (const auto& [id, credential] : credentials) {
      visit(CopyOf(credential));
    }
    return point;
  }
  Result<void> Append(const std::vector<Credential>& changes, const SyncPoint& now) override {
    ++appends;
    if (fails) {
      return Fail(ErrorDomain::kStore, "the disk is full");
    }
    for (const Credential& change : changes) {
      credentials.insert_or_assign(change.id, CopyOf(change));
    }
    point = now;
    return {};
  }
  Result<void> Rewrite(const std::function<void(const Visit&)>& all, const SyncPoint& now) override {
    ++rewrites;
    if (fails) {
      return Fail(ErrorDomain::kStore, "the disk is full");
    }
    credentials.clear();
    all([&](const Credential& credential) { credentials.insert_or_assign(credential.id, CopyOf(credential)); });
    point = now;
    is_long = false;
    return {};
  }
  [[nodiscard]] bool IsLong() const override { return is_long; }

  std::map<CredentialId, Credential> credentials;
  SyncPoint point;
  int appends = 0;
  int rewrites = 0;
  bool fails = false;
  bool is_long = false;
};

/// A follower with a directory, as one process has them.
struct Process {
  explicit Process(FakePlatform& platform, LocalCopy* copy = nullptr, std::int64_t start = 1'800'000'000)
      : now(start), link(platform.MakeLink()) {
    follower = std::make_unique<Follower>(
        Follower::Parts{*directory, copy, freshness, [this](const Change& change) { changes.push_back(change); },
                        [this](LogLevel, const std::string& line) { log += line + "\n"; }});
    follower->LoadCopy();
  }
  Result<void> Step() { return follower->Step(*link, kNoWait); }
  /// Until everything is read that there is.
  void CatchUp(const FakePlatform& platform) {
    for (int i = 0; i < 1000 && !(follower->IsWhole() && follower->feed_number() == platform.last_number()); ++i) {
      ASSERT_TRUE(Step());
    }
  }
  [[nodiscard]] std::string Text() const { return TextOf(*directory); }

  std::int64_t now;
  std::unique_ptr<Directory> directory = std::move(*Directory::Create());
  Freshness freshness{Clocks::Complete([this] { return now; }, {}), std::chrono::seconds(0)};
  std::unique_ptr<PlatformLink> link;
  std::vector<Change> changes;
  std::string log;
  std::unique_ptr<Follower> follower;
};

}  // namespace simroot::server::testing
