// SPDX-License-Identifier: Apache-2.0
/// From objects of the card to objects of PKCS#11: which attribute says what.
#pragma once

#include "device/pkcs11/object.hpp"

namespace simroot::pkcs11 {

/// What a private key, its public half and its certificates have in common: that is how programs find one from the
/// other (CKA_ID), and URIs name them (CKA_LABEL).
struct Names {
  Bytes id;
  Bytes label;
};
/// Of an object alone: its identifier, or its label if it has no identifier.
[[nodiscard]] Names NamesOf(const iotsafe::ObjectInfo& info);

struct PublicKeyOnCard {
  iotsafe::ObjectInfo info;
  device::PublicKey key;
  std::optional<Names> names = std::nullopt;  ///< of its pair, if it is half of one
};
struct CertificateOnCard {
  iotsafe::ObjectInfo info;
  Bytes der;
  std::optional<Names> names = std::nullopt;  ///< of the pair it is for, if its key is on the card
};
struct KeyPair {
  iotsafe::ObjectInfo info;  ///< of the private key
  Names names;
  std::optional<device::PublicKey> key = std::nullopt;  ///< the public half, if it could be read
  Bytes subject = {};                                   ///< of a certificate for it, DER
};

/// @param has_pin the key is not seen before login. @param local the key is known to have been made on the card.
[[nodiscard]] std::shared_ptr<Object> MakePrivateKey(const KeyPair& pair, bool has_pin, bool local);
/// @param pair nullptr for a key that is no half of one.
[[nodiscard]] std::shared_ptr<Object> MakePublicKey(const PublicKeyOnCard& key, const KeyPair* pair);
[[nodiscard]] std::shared_ptr<Object> MakeCertificate(const CertificateOnCard& certificate);
[[nodiscard]] std::shared_ptr<Object> MakeSecretKey(const iotsafe::ObjectInfo& info, bool has_pin);
/// A file that is no certificate; its content is read when it is asked for.
[[nodiscard]] std::shared_ptr<Object> MakeData(const iotsafe::ObjectInfo& info);
/// A secret of `session`, made by key agreement. @param wanted the application's template.
/// @returns CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_VALUE_INVALID, CKR_KEY_SIZE_RANGE.
[[nodiscard]] RvOr<std::shared_ptr<Object>> MakeSessionSecret(CK_SESSION_HANDLE session, const Template& wanted,
                                                              ByteView secret);

}  // namespace simroot::pkcs11
