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
    item.device = device->name;
  } else if (device.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(device.error());
  }
  return item;
}

Outcome<void> ServiceImpl::SealPsks(const Actor& actor, std::vector<FeedItem>& items) {
  for (FeedItem& item : items) {
    if (!actor.certificate.empty() && NeedsPsk(item.credential)) {
      SR_TRY(const SecretBytes psk, vault_.Unseal(item.credential.sealed_psk, "psk/" + item.credential.name));
      SR_TRY(item.sealed_psk, SealForCertificate(actor.certificate, psk.Reveal(InsecureReveal::kForCrypto)));
    }
    item.credential.sealed_psk.clear();
  }
  return {};
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
  SR_TRY_VOID(SealPsks(actor, items));
  return items;
}

}  // namespace simroot::platform
