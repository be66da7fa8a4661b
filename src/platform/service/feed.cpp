// SPDX-License-Identifier: Apache-2.0
/// What application servers read.
#include "platform/service/changes.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

/// Only a secret that may be accepted is worth being known.
[[nodiscard]] bool NeedsPsk(const Credential& credential) {
  return credential.kind == CredentialKind::kPsk &&
         (credential.state == CredentialState::kIssued || credential.state == CredentialState::kActive ||
          credential.state == CredentialState::kSuperseded || credential.state == CredentialState::kSuspended);
}

}  // namespace

Outcome<FeedItem> ServiceImpl::Describe(const Actor& /*actor*/, StoreReader& reader, const FeedEvent& event) {
  FeedItem item;
  item.event = event;
  SR_TRY(item.credential, reader.FindCredential(event.credential));
  SR_TRY(const Card card, reader.FindCard(item.credential.card));
  item.iccid = card.iccid;
  if (const auto device = reader.FindDeviceOfCard(card.id)) {
    if (device->tenant == item.credential.tenant) {  // the card may have a new owner, and he his own names
      item.device = device->name;
    }
  } else if (device.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(device.error());
  }
  return item;
}

Outcome<Bytes> ServiceImpl::SealPsk(const Actor& actor, const Credential& credential) {
  SR_TRY(const SecretBytes psk, vault_.Unseal(credential.sealed_psk, "psk/" + credential.name));
  return SealForCertificate(actor.certificate, psk.Reveal(InsecureReveal::kForCrypto));
}

void ServiceImpl::SealPsks(const Actor& actor, std::vector<FeedItem>& items) {
  for (FeedItem& item : items) {
    if (!actor.certificate.empty() && NeedsPsk(item.credential)) {
      // One that cannot be sealed stays empty: it must not keep the server from every change that comes after it,
      // revocations above all.
      if (auto sealed = SealPsk(actor, item.credential)) {
        item.sealed_psk = std::move(*sealed);
      }
    }
    item.credential.sealed_psk.clear();
  }
}

Outcome<std::vector<FeedItem>> ServiceImpl::Feed(const Actor& actor, const Page& page) {
  std::vector<FeedItem> items;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(const auto events, reader.ListFeed(actor.tenant, page));
    for (const FeedEvent& event : events) {
      SR_TRY(FeedItem item, Describe(actor, reader, event));
      items.push_back(std::move(item));
    }
    return {};
  }));
  SealPsks(actor, items);
  return items;
}

}  // namespace simroot::platform
