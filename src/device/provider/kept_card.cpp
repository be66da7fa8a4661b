// SPDX-License-Identifier: Apache-2.0
/// The card that stays open for work that no key object stands for, and where a handle leads on it.
#include <cstdlib>
#include <mutex>

#include "device/provider/context.hpp"
#include "device/provider/process.hpp"

namespace simroot::provider {
namespace {

/// Cards that no key object holds. Never freed: the exit handler may run at any time.
std::vector<std::weak_ptr<device::Card>>& KeptCards() {
  static auto* const cards = new std::vector<std::weak_ptr<device::Card>>();
  return *cards;
}

/// Gives the logical channels back at exit. A handler of the C library that is registered at the first use runs before
/// libcrypto's own and before anything that is older is gone.
void CloseKeptCards() {
  std::vector<std::weak_ptr<device::Card>> cards;
  {
    const std::lock_guard lock(CardListMutex());
    cards.swap(KeptCards());
  }
  for (const auto& weak : cards) {
    if (const auto card = weak.lock(); card != nullptr) {
      card->Close();
    }
  }
}

[[nodiscard]] Error NoSuchPsk(const device::Card& card) {
  return {ErrorDomain::kUsage, "the card on " + card.uri().text + " has no secret key that this PSK handle refers to",
          "print the handle again with `simroot device psk-handle`, or check which card is configured"};
}

/// The identifier of the secret key whose handle has this reference.
[[nodiscard]] Result<Bytes> SearchList(device::Card& card, const device::PskReference& reference,
                                       OSSL_LIB_CTX* library) {
  SR_TRY(const auto objects, card.List());
  std::optional<Bytes> found;
  for (const iotsafe::ObjectInfo& info : objects) {
    if (info.object_class != iotsafe::ObjectClass::kSecretKey || info.id.empty()) {
      continue;
    }
    SR_TRY(const device::PskHandle handle, device::MakePskHandle(info.id.view(), library));
    if (device::ParsePskHandle(handle) != reference) {
      continue;
    }
    if (found) {
      return Fail(ErrorDomain::kUsage, "two secret keys on " + card.uri().text + " have the same PSK handle",
                  "give one of them an identifier of 1 to 3 bytes");
    }
    found = Bytes(info.id.view().begin(), info.id.view().end());
  }
  if (!found) {
    return Unexpected(NoSuchPsk(card));
  }
  return *std::move(found);
}

}  // namespace

Result<std::shared_ptr<device::Card>> Context::KeptCard() {
  SR_TRY(auto card, CardFor("", ""));
  const std::lock_guard lock(CardListMutex());
  if (kept_card_ == nullptr) {
    kept_card_ = card;
    static const int registered = std::atexit(CloseKeptCards);
    static_cast<void>(registered);  // without it channels are closed by the next program that finds none free
    KeptCards().push_back(card);
  }
  return card;
}

Result<PskKey> Context::FindPsk(const device::PskReference& reference) {
  SR_TRY(const auto card, KeptCard());
  const auto key = [&](Bytes identifier) {
    return PskKey{card, {iotsafe::ObjectClass::kSecretKey, false, std::move(identifier)}};
  };
  {
    const std::lock_guard lock(CardListMutex());
    for (const auto& [known, identifier] : psk_identifiers_) {
      if (known == reference) {
        return key(identifier);
      }
    }
  }
  if (auto identifier = device::DirectIdentifier(reference)) {
    return key(*std::move(identifier));
  }
  if (!device::IsDigestReference(reference)) {
    return Unexpected(NoSuchPsk(*card));
  }
  SR_TRY(Bytes identifier, SearchList(*card, reference, software()));
  const std::lock_guard lock(CardListMutex());
  psk_identifiers_.emplace_back(reference, identifier);
  return key(std::move(identifier));
}

}  // namespace simroot::provider
