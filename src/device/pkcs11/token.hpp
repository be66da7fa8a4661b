// SPDX-License-Identifier: Apache-2.0
/// What is on a card, as objects of PKCS#11.
#pragma once

#include <functional>
#include <set>

#include "device/pkcs11/object.hpp"

namespace simroot::pkcs11 {

/// A card as it was when it was read. Immutable, shared by threads.
struct TokenContent {
  std::string iccid;  ///< empty if the card does not tell
  iotsafe::ApplicationInfo application;
  bool has_pin = false;
  std::vector<iotsafe::ObjectInfo> infos;  ///< everything the card lists, empty containers too
  std::vector<ObjectPtr> objects;          ///< what applications see; deactivated objects are not among them

  /// Changes with every persistent change of an object; nothing if the card does not tell.
  [[nodiscard]] std::optional<std::uint32_t> Age() const { return AgeOf(application); }
  [[nodiscard]] static std::optional<std::uint32_t> AgeOf(const iotsafe::ApplicationInfo& application);
  /// Extension bits of simroot's applet; 0 on other cards.
  [[nodiscard]] bool Offers(iotsafe::Extension extension) const;
  /// nullptr if no object has this handle.
  [[nodiscard]] ObjectPtr Find(CK_OBJECT_HANDLE handle) const;
};
using TokenPtr = std::shared_ptr<const TokenContent>;

/// Gives an object of the card its handle: the same for the same name and content, so that handles survive a new
/// reading of the card.
using HandleSource = std::function<CK_OBJECT_HANDLE(const std::string& identity)>;

/// Reads the card: who it is, what it lists, its public keys and certificates (from the client's cache if they are
/// there). @param generated identifiers of private keys that this process had made on the card: their CKA_LOCAL is
/// true.
[[nodiscard]] Result<TokenPtr> ReadToken(device::Card& card, const HandleSource& handles,
                                         const std::set<Bytes>& generated);

}  // namespace simroot::pkcs11
