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

Outcome<std::vector<FeedItem>> ServiceImpl::Feed(const Actor& actor, const Page& page) {
  std::vector<FeedItem> items;
  const auto read = store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(const auto events, reader.ListFeed(actor.tenant, page));
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
