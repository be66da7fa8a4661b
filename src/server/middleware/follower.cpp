// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/follower.hpp"

#include <limits>

#include "server/middleware/judge.hpp"
#include "server/middleware/log.hpp"

namespace simroot::server {
namespace {

constexpr std::int64_t kLookEvery = 600;    ///< seconds between two looks at authorities and feed number
constexpr std::int64_t kPersistEvery = 60;  ///< seconds between two records that only tell the time of contact
constexpr UnixTime kRemember = 7 * 86'400;  ///< how long the refused are remembered after their end, for the log
constexpr std::int64_t kBeyondAll = std::numeric_limits<std::int64_t>::max();

bool SameToOutside(const Found& a, const Found& b) {
  return a.state == b.state && a.not_before == b.not_before && a.not_after == b.not_after &&
         a.first_used == b.first_used && a.changed == b.changed && a.iccid == b.iccid && a.device == b.device &&
         a.name == b.name;
}

void CopyText(std::string_view from, std::span<char> to) {
  std::ranges::copy(from.substr(0, to.size() - 1), to.begin());
}

/// Of what is not in the directory any more.
Found FoundOf(const Credential& credential) {
  Found found{.id = credential.id,
              .kind = credential.kind,
              .state = credential.state,
              .not_before = credential.not_before,
              .not_after = credential.not_after,
              .first_used = credential.first_used,
              .changed = credential.changed};
  CopyText(credential.iccid, found.iccid);
  CopyText(credential.device, found.device);
  CopyText(credential.name, found.name);
  return found;
}

}  // namespace

std::shared_ptr<const std::string> Follower::Authorities() const {
  const std::lock_guard lock(mutex_);
  return authorities_;
}

void Follower::SetAuthorities(std::string pem) {
  const std::lock_guard lock(mutex_);
  if (authorities_ == nullptr || *authorities_ != pem) {
    authorities_ = std::make_shared<const std::string>(std::move(pem));
  }
}

SyncPoint Follower::Point() const {
  const auto authorities = Authorities();
  return {.feed_number = feed_number_.load(),
          .contact = parts_.freshness.last_contact(),
          .authorities = authorities == nullptr ? std::string() : *authorities};
}

void Follower::LoadCopy() {
  if (parts_.copy == nullptr) {
    return;
  }
  if (const std::string read_only = parts_.copy->WhyReadOnly(); !read_only.empty()) {
    Log(LogLevel::kError, "the local copy can only be read, and grows old: " + read_only);
  }
  std::string why;
  const auto load = [this](Credential&& credential) {
    PutOrShutOut(credential);
    keys_missing_ = keys_missing_ ||
                    (NeedsKey(credential) && credential.psk.size() == 0 && !parts_.directory.OpenPsk(credential.id));
  };
  const auto point = parts_.copy->Load(load, why);
  if (!point || point->feed_number < 0) {
    parts_.directory.Clear();
    Log(LogLevel::kInfo, LogLine("the local copy is not used: " + (point ? why : point.error().Text())).text());
    return;
  }
  feed_number_.store(point->feed_number);
  if (!point->authorities.empty()) {
    SetAuthorities(point->authorities);
  }
  parts_.freshness.Restore(point->contact);
  persisted_ = parts_.freshness.clocks().steady();
  Log(LogLevel::kInfo, LogLine("the local copy was loaded")
                           .With("credentials", static_cast<std::int64_t>(parts_.directory.size().credentials))
                           .With("feed", point->feed_number)
                           .With("age_s", parts_.freshness.Age())
                           .text());
  if (!why.empty()) {
    Log(LogLevel::kWarning, "the local copy lacks its end: " + why);
  }
}

Result<void> Follower::Step(PlatformLink& link, std::chrono::seconds wait) {
  if (look_again_ || parts_.freshness.clocks().steady() - looked_ >= kLookEvery) {
    SR_TRY_VOID(Look(link));
    wait = std::chrono::seconds(0);  // whoever waits for the first exchange after a failure is not kept waiting
  }
  wait = caught_up_.load() ? wait : std::chrono::seconds(0);
  if (feed_number_.load() < 0 || replacing_.load()) {
    return ReadSnapshotPart(link);
  }
  return ReadChanges(link, wait);
}

/// What needs no look each time: authorities, whether the platform is still the one whose changes were read, and
/// credentials that can be forgotten.
Result<void> Follower::Look(PlatformLink& link) {
  SR_TRY_VOID(ReadAuthorities(link));
  if (feed_number_.load() >= 0 && !replacing_.load()) {
    // The part behind every credential is empty, but tells the newest number.
    SR_TRY(const SnapshotPart end, link.ReadSnapshot(kBeyondAll));
    if (end.feed_number < feed_number_.load()) {
      StartSnapshot("its feed is behind: it was restored from a backup");
    } else if (keys_missing_ && parts_.freshness.clocks().steady() - keys_asked_ >= kLookEvery) {
      StartSnapshot("pre-shared keys are missing or do not open");
    }
    (void)parts_.directory.ForgetEndedBefore(parts_.freshness.clocks().wall() - kRemember);
  }
  look_again_ = false;
  looked_ = parts_.freshness.clocks().steady();
  return {};
}

Result<void> Follower::ReadAuthorities(PlatformLink& link) {
  SR_TRY(std::string pem, link.ReadAuthorities());  // not "heard": it tells no revocation
  SetAuthorities(std::move(pem));
  return {};
}

void Follower::StartSnapshot(const std::string& why) {
  Log(LogLevel::kWarning,
      LogLine("all credentials are read from the platform again: " + why).With("feed", feed_number_.load()).text());
  replacing_.store(true);
  snapshot_after_ = 0;
  snapshot_number_ = -1;
  seen_.clear();
  keys_missing_ = false;  // until one comes without
  keys_asked_ = parts_.freshness.clocks().steady();
}

Result<void> Follower::ReadSnapshotPart(PlatformLink& link) {
  SR_TRY(const SnapshotPart part, link.ReadSnapshot(snapshot_after_));
  parts_.freshness.Heard();
  if (part.next != 0 && part.next <= snapshot_after_) {
    snapshot_after_ = 0;
    snapshot_number_ = -1;
    return Fail(ErrorDomain::kProtocol, "the platform's snapshot goes in circles", "look into the platform's log");
  }
  if (snapshot_number_ >= 0 && part.feed_number < snapshot_number_) {
    StartSnapshot("its feed number went back while they were read");
    return {};
  }
  if (snapshot_number_ < 0) {
    snapshot_number_ = part.feed_number;
  }
  for (const Credential& credential : part.credentials) {
    Apply(credential);
    if (replacing_.load()) {
      seen_.insert(credential.id);
    }
  }
  ApplyShutOut(part.not_understood, nullptr);
  if (replacing_.load()) {
    seen_.insert(part.not_understood.begin(), part.not_understood.end());
  }
  snapshot_after_ = part.next;
  if (part.next == 0) {
    EndSnapshot();
  }
  return CheckPart(link, part.unopened, part.newest_authority);
}

/// What else a part of snapshot or feed says.
Result<void> Follower::CheckPart(PlatformLink& link, std::size_t unopened, std::int64_t newest_authority) {
  if (unopened != 0) {
    keys_missing_ = true;
    Log(LogLevel::kError, LogLine("pre-shared keys are missing or do not open with the key of this server")
                              .With("count", static_cast<std::int64_t>(unopened))
                              .text());
  }
  if (newest_authority <= newest_authority_) {
    return {};
  }
  SR_TRY_VOID(ReadAuthorities(link));  // a new CA: its devices may connect at any moment
  newest_authority_ = newest_authority;
  return {};
}

void Follower::EndSnapshot() {
  if (replacing_.load()) {
    std::vector<Credential> gone;
    parts_.directory.ForEach([&](const Credential& credential) {
      if (!seen_.contains(credential.id) && credential.state != CredentialState::kDeleted) {
        gone.push_back({.id = credential.id,
                        .kind = credential.kind,
                        .state = CredentialState::kDeleted,
                        .name = credential.name,
                        .iccid = credential.iccid,
                        .device = credential.device,
                        .fingerprint = credential.fingerprint,
                        .not_before = credential.not_before,
                        .not_after = credential.not_after,
                        .first_used = credential.first_used,
                        .changed = parts_.freshness.clocks().wall()});
      }
    });
    for (const Credential& credential : gone) {
      Apply(credential);
    }
  }
  feed_number_.store(snapshot_number_);
  snapshot_number_ = -1;
  snapshot_after_ = 0;
  seen_ = {};
  replacing_.store(false);
  Log(LogLevel::kInfo, LogLine("all credentials were read from the platform")
                           .With("credentials", static_cast<std::int64_t>(parts_.directory.size().credentials))
                           .With("feed", feed_number_.load())
                           .text());
  Rewrite();
}

Result<void> Follower::ReadChanges(PlatformLink& link, std::chrono::seconds wait) {
  const std::int64_t after = feed_number_.load();
  SR_TRY(FeedPart part, link.ReadFeed(after, wait));
  parts_.freshness.Heard();
  if (part.restored || part.next < after) {
    StartSnapshot("its feed is not the one that was read before: it was restored from a backup");
    return {};
  }
  for (const Credential& credential : part.changes) {
    Apply(credential);
  }
  ApplyShutOut(part.not_understood, &part.changes);
  feed_number_.store(part.next);
  caught_up_.store(caught_up_.load() || !part.more);
  Persist(part.changes);
  return CheckPart(link, part.unopened, part.newest_authority);
}

void Follower::Apply(const Credential& credential) {
  auto before = parts_.directory.FindById(credential.id);
  PutOrShutOut(credential);
  changes_.fetch_add(1, std::memory_order_relaxed);
  const auto after = parts_.directory.FindById(credential.id);
  const Found now = after ? *after : FoundOf(credential);
  if (before && (before->kind != now.kind || before->name != now.name)) {
    // Another credential, as after a restore from a backup: whoever is connected with the old one must go.
    before->state = CredentialState::kDeleted;
    parts_.tell(Change{*before, true});
    before.reset();
  }
  const bool gone = !after && !before;
  if (!gone && (!before || !after || !SameToOutside(*before, now))) {
    const bool refused = Judge(now, parts_.freshness.clocks().wall()) != Refusal::kNone;
    parts_.tell(Change{now, refused || !after});
  }
}

/// A change that cannot be understood may be a revocation: what it is about is let in no more.
void Follower::PutOrShutOut(const Credential& credential) {
  const auto put = parts_.directory.Put(credential);
  if (put) {
    return;
  }
  Log(LogLevel::kError, LogLine("a change is not understood: " + put.error().Text()).text());
  if (const auto shut_out = ShutOut(credential.id)) {
    (void)parts_.directory.Put(*shut_out);
  }
}

/// Nothing for one that is not known: nobody is let in with it.
std::optional<Credential> Follower::ShutOut(CredentialId id) const {
  const auto known = parts_.directory.FindById(id);
  if (!known) {
    return std::nullopt;
  }
  return Credential{.id = known->id,
                    .kind = known->kind,
                    .state = CredentialState::kSuspended,
                    .name = known->name.data(),
                    .iccid = known->iccid.data(),
                    .device = known->device.data(),
                    .not_before = known->not_before,
                    .not_after = known->not_after,
                    .first_used = known->first_used,
                    .changed = known->changed};
}

/// @param changes where they are added, for the local copy; may be nullptr
void Follower::ApplyShutOut(const std::vector<CredentialId>& ids, std::vector<Credential>* changes) {
  for (const CredentialId id : ids) {
    Log(LogLevel::kError,
        LogLine("what the platform tells of a credential is not understood, and it is let in no more: "
                "check that platform and server are of versions that fit")
            .With("id", id)
            .text());
    if (auto shut_out = ShutOut(id)) {
      Apply(*shut_out);
      if (changes != nullptr) {
        changes->push_back(std::move(*shut_out));
      }
    }
  }
}

void Follower::Persist(const std::vector<Credential>& changes) {
  const std::int64_t now = parts_.freshness.clocks().steady();
  if (parts_.copy == nullptr || (changes.empty() && now - persisted_ < kPersistEvery)) {
    return;
  }
  if (copy_is_behind_ || parts_.copy->IsLong()) {
    if (now - persisted_ >= kPersistEvery || !copy_is_behind_) {  // a full disk is not tried with every change
      Rewrite();
    }
    return;
  }
  persisted_ = now;
  const auto appended = parts_.copy->Append(changes, Point());
  if (!appended) {
    copy_is_behind_ = true;
    disk_fails_ = true;
    Log(LogLevel::kError, "the local copy cannot be written: " + appended.error().Text());
  }
}

void Follower::Rewrite() {
  if (parts_.copy == nullptr) {
    return;
  }
  persisted_ = parts_.freshness.clocks().steady();
  const auto written =
      parts_.copy->Rewrite([this](const LocalCopy::Visit& visit) { parts_.directory.ForEach(visit); }, Point());
  copy_is_behind_ = !written;
  if (!written && !disk_fails_) {
    Log(LogLevel::kError, "the local copy cannot be written: " + written.error().Text());
  } else if (written && disk_fails_) {
    Log(LogLevel::kInfo, "the local copy was written again");
  }
  disk_fails_ = !written;
}

}  // namespace simroot::server
