// SPDX-License-Identifier: Apache-2.0
/// What application servers read.
#include "platform/authority/sealer.hpp"
#include "platform/service/changes.hpp"
#include "platform/service/secrets.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

/// Only a secret that may be accepted is worth being known.
[[nodiscard]] bool NeedsPsk(const Credential& credential) {
  return credential.kind == CredentialKind::kPsk &&
         (credential.state == CredentialState::kIssued || credential.state == CredentialState::kActive ||
          credential.state == CredentialState::kSuperseded || credential.state == CredentialState::kSuspended);
}

[[nodiscard]] Outcome<void> Describe(StoreReader& reader, ToldCredential& told) {
  const Credential& credential = told.credential;
  SR_TRY(const Card card, reader.FindCard(credential.card));
  told.iccid = card.iccid;
  if (const auto device = reader.FindDeviceOfCard(card.id)) {
    if (device->tenant == credential.tenant) {  // the card may have a new owner, and he his own names
      told.device = device->name;
    }
  } else if (device.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(device.error());
  }
  return {};
}

[[nodiscard]] Outcome<void> CheckFeedHas(StoreReader& reader, std::int64_t number) {
  if (number <= 0) {
    return {};  // from the beginning; what is below it is refused where the page is read
  }
  SR_TRY(const auto found, reader.ListFeed(0, {.after = number - 1, .limit = 1}));
  if (found.empty() || found.front().number != number) {
    return Refuse(FailureKind::kConflict,
                  "the feed has no change " + std::to_string(number) + ": the platform was restored from a backup",
                  "read /v1/feed/snapshot and go on from there");
  }
  return {};
}

/// Without the events that only say where a run of the platform begins. Empty only if there is none left.
[[nodiscard]] Outcome<std::vector<FeedEvent>> ReadTellable(StoreReader& reader, Id tenant, Page page) {
  while (true) {
    SR_TRY(auto events, reader.ListFeed(tenant, page));
    const bool last = events.size() < page.limit;
    page.after = events.empty() ? page.after : events.back().number;
    std::erase_if(events, [](const FeedEvent& event) { return event.credential == 0; });
    if (last || !events.empty()) {
      return events;
    }
  }
}

/// Nothing for whoever is no application server.
[[nodiscard]] std::optional<Sealer> SealerOf(const Actor& actor) {
  auto sealer = Sealer::For(actor.certificate);
  return sealer ? std::optional(std::move(*sealer)) : std::nullopt;
}

}  // namespace

Outcome<Bytes> ServiceImpl::SealPsk(const Sealer& sealer, const Credential& credential) {
  SR_TRY(const SecretBytes psk, vault_.Unseal(credential.sealed_psk, "psk/" + credential.name));
  return sealer.Seal(psk.Reveal(InsecureReveal::kForCrypto));
}

Outcome<void> ServiceImpl::Complete(const Sealer* sealer, ToldCredential& told) {
  Credential& credential = told.credential;
  if (!credential.certificate.empty()) {
    SR_TRY(told.fingerprint, Sha256(credential.certificate));
  }
  if (sealer != nullptr && NeedsPsk(credential)) {
    // One that cannot be sealed stays empty: it must not keep the server from every change that comes after it,
    // revocations above all.
    if (auto sealed = SealPsk(*sealer, credential)) {
      told.sealed_psk = std::move(*sealed);
    } else {
      ++unsealed_;
    }
  }
  credential.sealed_psk.clear();
  return {};
}

Outcome<void> ServiceImpl::BeginFeed() {
  // No run makes more changes in a second. Unix times in this unit stay below 2^53, which JSON needs, until 2242.
  constexpr std::int64_t kNumbersPerSecond = 1 << 20;
  return store_.Write([&](StoreWriter& writer) { return writer.RaiseFeed(clock_.Now() * kNumbersPerSecond); });
}

Outcome<std::vector<FeedItem>> ServiceImpl::Feed(const Actor& actor, const Page& page) {
  std::vector<FeedItem> items;
  const auto read = store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY_VOID(CheckFeedHas(reader, page.after));
    SR_TRY(const auto events, ReadTellable(reader, actor.tenant, page));
    for (const FeedEvent& event : events) {
      FeedItem& item = items.emplace_back();
      item.event = event;
      SR_TRY(item.credential, reader.FindCredential(event.credential));
      SR_TRY_VOID(Describe(reader, item));
    }
    return {};
  });
  SR_TRY_VOID(read);
  const auto sealer = SealerOf(actor);
  for (FeedItem& item : items) {
    SR_TRY_VOID(Complete(sealer ? &*sealer : nullptr, item));
  }
  return items;
}

Outcome<SnapshotPart> ServiceImpl::Snapshot(const Actor& actor, const Page& page) {
  SnapshotPart part;
  CredentialFilter filter;
  filter.tenant = actor.tenant;
  const auto read = store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(part.feed_number, reader.LastFeedNumber());
    SR_TRY(auto credentials, reader.ListCredentials(filter, page));
    part.next = credentials.size() >= page.limit ? credentials.back().id : 0;
    for (Credential& credential : credentials) {
      if (IsWorthTelling(credential)) {
        ToldCredential& told = part.items.emplace_back();
        told.credential = std::move(credential);
        SR_TRY_VOID(Describe(reader, told));
      }
    }
    return {};
  });
  SR_TRY_VOID(read);
  const auto sealer = SealerOf(actor);
  for (ToldCredential& told : part.items) {  // cryptography keeps no transaction open
    SR_TRY_VOID(Complete(sealer ? &*sealer : nullptr, told));
  }
  return part;
}

}  // namespace simroot::platform
