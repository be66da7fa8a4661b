// SPDX-License-Identifier: Apache-2.0
/// A middleware without platform, directory and threads, for tests of what stands on it. Changes are told to the
/// listeners in the thread that makes them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <list>
#include <map>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "server/middleware/middleware.hpp"

namespace simroot::server::testing {

/// What Note was told.
struct Noted {
  Refusal refusal = Refusal::kNone;
  CredentialId id = 0;
  std::string peer{};
};

class FakeMiddleware final : public Middleware {
 public:
  explicit FakeMiddleware(std::string tenant = "acme") : tenant_(std::move(tenant)) {}

  // ---- what the test sets ----

  void SetAuthorities(std::string pem) {
    const std::lock_guard lock(mutex_);
    authorities_ = std::make_shared<const std::string>(std::move(pem));
  }

  CredentialId AddCertificate(const Fingerprint& fingerprint, const std::string& device,
                              CredentialState state = CredentialState::kActive) {
    return Add({.found = Describe(CredentialKind::kCertificate, device, "01AB", state), .fingerprint = fingerprint});
  }

  CredentialId AddPsk(const std::string& identity, const std::string& device, Bytes key,
                      CredentialState state = CredentialState::kActive) {
    return Add({.found = Describe(CredentialKind::kPsk, device, identity, state), .key = std::move(key)});
  }

  /// A change by the platform. Listeners hear of it, as they do when nothing has changed for them.
  void SetState(CredentialId id, CredentialState state) {
    Change change;
    {
      const std::lock_guard lock(mutex_);
      Entry& entry = entries_.at(id);
      entry.found.state = state;
      change = {.now = entry.found, .refused = RefusalOf(entry.found) != Refusal::kNone};
    }
    const std::lock_guard lock(*listening_);
    for (Listener& listener : *listeners_) {
      listener(change);
    }
  }

  /// The platform was restored from a backup and gives the id to another device's credential.
  void GiveAgain(CredentialId id, const std::string& iccid) {
    {
      const std::lock_guard lock(mutex_);
      Found& found = entries_.at(id).found;
      found.iccid = {};
      Copy(iccid, found.iccid);
    }
    SetState(id, CredentialState::kActive);
  }

  /// From now on Note fails, as without memory.
  void FailToNote() { fails_to_note_ = true; }

  void SetStale(bool stale) {
    const std::lock_guard lock(mutex_);
    stale_ = stale;
  }

  /// What was noted since the last call.
  std::vector<Noted> TakeNotes() {
    const std::lock_guard lock(mutex_);
    return std::exchange(notes_, {});
  }

  /// Connections that are watched.
  [[nodiscard]] std::ptrdiff_t live() const { return live_; }

  // ---- Middleware ----

  Verdict JudgeCertificate(const Fingerprint& fingerprint, bool chain_is_right) const override {
    const std::lock_guard lock(mutex_);
    Verdict verdict = JudgeOne(Refusal::kUnknownCertificate, [&](const Entry& entry) {
      return entry.found.kind == CredentialKind::kCertificate && entry.fingerprint == fingerprint;
    });
    if (!chain_is_right) {
      verdict.refusal = Refusal::kForeignCertificate;
    }
    return verdict;
  }
  Verdict JudgePsk(std::string_view identity) const override {
    const std::lock_guard lock(mutex_);
    return JudgeOne(Refusal::kUnknownIdentity, [&](const Entry& entry) {
      return entry.found.kind == CredentialKind::kPsk && entry.found.name.data() == identity;
    });
  }
  Verdict JudgeAgain(CredentialId id) const override {
    const std::lock_guard lock(mutex_);
    return JudgeOne(Refusal::kRevoked, [&](const Entry& entry) { return entry.found.id == id; });
  }
  SecretBytes PskFor(const Verdict& verdict, std::string_view identity) const override {
    const std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(verdict.device.id); verdict.accepted() && found != entries_.end()) {
      return SecretBytes(found->second.key);
    }
    Bytes decoy(32, 0x5A);
    std::ranges::copy(AsBytes(identity.substr(0, decoy.size())), decoy.begin());
    return SecretBytes(decoy);
  }
  void Note(const Verdict& verdict, std::string_view peer) override {
    if (fails_to_note_) {
      throw std::bad_alloc();
    }
    const std::lock_guard lock(mutex_);
    notes_.push_back({.refusal = verdict.refusal, .id = verdict.device.id, .peer = std::string(peer)});
  }

  std::shared_ptr<const std::string> Authorities() const override {
    const std::lock_guard lock(mutex_);
    return authorities_;
  }
  const Directory& directory() const override { std::abort(); }
  Result<std::vector<Bytes>> ReadCrls() override { return std::vector<Bytes>{}; }

  std::shared_ptr<void> Listen(Listener listener) override {
    const std::lock_guard lock(*listening_);
    const auto place = listeners_->insert(listeners_->end(), std::move(listener));
    return {listening_.get(), [mutex = listening_, all = listeners_, place](void* /*unused*/) {
              const std::lock_guard gone(*mutex);
              all->erase(place);
            }};
  }

  MiddlewareStatus status() const override {
    const std::lock_guard lock(mutex_);
    MiddlewareStatus status;
    status.in_step = !stale_;
    status.stale = stale_;
    status.tenant = tenant_;
    status.name = "fake";
    status.platform_url = "https://127.0.0.1";
    status.size.credentials = entries_.size();
    return status;
  }
  void CountLive(std::ptrdiff_t more) override { live_ += more; }
  std::string Metrics() const override { return "simroot_server_fake 1\n"; }

 private:
  struct Entry {
    Found found{};
    Fingerprint fingerprint{};
    Bytes key{};
  };

  template <std::size_t kSize>
  static void Copy(const std::string& from, std::array<char, kSize>& into) {
    std::memcpy(into.data(), from.data(), std::min(from.size(), kSize - 1));
  }
  static Found Describe(CredentialKind kind, const std::string& device, const std::string& name,
                        CredentialState state) {
    Found found;
    found.kind = kind;
    found.state = state;
    found.changed = 1'700'000'000;
    Copy(device, found.device);
    Copy(name, found.name);
    return found;
  }
  CredentialId Add(Entry entry) {
    const std::lock_guard lock(mutex_);
    entry.found.id = static_cast<CredentialId>(entries_.size()) + 1;
    Copy("8949000000000000" + std::to_string(1000 + entry.found.id), entry.found.iccid);
    entries_[entry.found.id] = entry;
    return entry.found.id;
  }
  static Refusal RefusalOf(const Found& found) {
    switch (found.state) {
      case CredentialState::kActive:
      case CredentialState::kSuperseded:
        return Refusal::kNone;
      case CredentialState::kPending:
        return Refusal::kPending;
      case CredentialState::kSuspended:
        return Refusal::kSuspended;
      case CredentialState::kExpired:
        return Refusal::kExpired;
      default:
        return Refusal::kRevoked;
    }
  }
  template <typename Predicate>
  Verdict JudgeOne(Refusal otherwise, Predicate&& predicate) const {
    for (const auto& [id, entry] : entries_) {
      if (predicate(entry)) {
        return {.refusal = stale_ ? Refusal::kStale : RefusalOf(entry.found), .device = entry.found};
      }
    }
    return {.refusal = otherwise, .device = {}};
  }

  mutable std::mutex mutex_;
  std::string tenant_;
  std::shared_ptr<const std::string> authorities_ = std::make_shared<const std::string>();
  std::map<CredentialId, Entry> entries_;
  std::vector<Noted> notes_;
  bool stale_ = false;
  std::atomic<bool> fails_to_note_ = false;
  std::atomic<std::ptrdiff_t> live_ = 0;
  // Shared with the handles, which may die later.
  std::shared_ptr<std::recursive_mutex> listening_ = std::make_shared<std::recursive_mutex>();
  std::shared_ptr<std::list<Listener>> listeners_ = std::make_shared<std::list<Listener>>();
};

}  // namespace simroot::server::testing
