// SPDX-License-Identifier: Apache-2.0
#include "card/host/profiles.hpp"

#include <string_view>

#include "common/base/secret.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

using iotsafe::FileUsage;
using iotsafe::KeyType;
using iotsafe::KeyUsage;
using iotsafe::ObjectClass;

constexpr std::uint8_t kReadable = 0x01;
constexpr std::uint8_t kUpdatable = 0x02;
constexpr std::uint8_t kSignature = 0x01;
constexpr std::uint8_t kGeneration = 0x02;
constexpr std::uint8_t kAgreement = 0x04;
constexpr std::uint8_t kDerivation = 0x08;

/// One object of a profile as data; `pair` names the public half of a private key.
struct ProfileObject {
  iotsafe::ObjectClass object_class;
  std::uint8_t id;
  std::string_view label;
  std::uint8_t access;
  iotsafe::KeyType key_type;
  iotsafe::KeyUsage key_usage;
  std::uint8_t functions;
  std::uint8_t pair;
  iotsafe::FileUsage file_usage;
};

/// The demo store: the containers of the known clients' examples (spec section 4) with the labels of spec section 15.
constexpr std::array kDemoObjects{
    ProfileObject{ObjectClass::kPrivateKey,
                  0x01,
                  "sig",
                  0,
                  KeyType::kP256Persistent,
                  KeyUsage::kGeneral,
                  kSignature | kGeneration | kAgreement,
                  0x01,
                  {}},
    ProfileObject{ObjectClass::kPrivateKey,
                  0x04,
                  "gen",
                  kUpdatable,
                  KeyType::kP256Volatile,
                  KeyUsage::kGeneral,
                  kGeneration | kAgreement,
                  0x04,
                  {}},
    ProfileObject{ObjectClass::kPublicKey,
                  0x01,
                  "sig",
                  kReadable,
                  KeyType::kP256Persistent,
                  KeyUsage::kGeneral,
                  kSignature | kGeneration | kAgreement,
                  0,
                  {}},
    ProfileObject{ObjectClass::kPublicKey,
                  0x04,
                  "eph",
                  kReadable,
                  KeyType::kP256Volatile,
                  KeyUsage::kGeneral,
                  kGeneration | kAgreement,
                  0,
                  {}},
    ProfileObject{ObjectClass::kPublicKey,
                  0x05,
                  "peer",
                  kReadable | kUpdatable,
                  KeyType::kP256Volatile,
                  KeyUsage::kGeneral,
                  kSignature | kAgreement,
                  0,
                  {}},
    ProfileObject{ObjectClass::kPublicKey,
                  0x06,
                  "peercert",
                  kReadable | kUpdatable,
                  KeyType::kP256Volatile,
                  KeyUsage::kGeneral,
                  kSignature | kAgreement,
                  0,
                  {}},
    ProfileObject{ObjectClass::kFile, 0x02, "cert", kReadable, {}, {}, 0, 0, FileUsage::kCertificate},
    ProfileObject{ObjectClass::kFile, 0x03, "ca", kReadable, {}, {}, 0, 0, FileUsage::kCertificate},
    ProfileObject{ObjectClass::kSecretKey, 0x06, "psk", 0, KeyType::kHmac, {}, kDerivation, 0, {}},
};

constexpr std::uint16_t kAllHashes = 0x0007;

iotsafe::ObjectId IdOf(std::uint8_t id) {
  iotsafe::ObjectId result;
  if (id != 0) {
    static_cast<void>(result.Assign(ByteView(&id, 1)));
  }
  return result;
}

iotsafe::ObjectInfo InfoOf(const ProfileObject& row) {
  iotsafe::ObjectInfo info;
  info.object_class = row.object_class;
  info.id = IdOf(row.id);
  static_cast<void>(info.label.Assign(AsBytes(row.label)));
  info.access = row.access;
  info.key_type = row.key_type;
  info.key_usage = row.key_usage;
  info.functions = row.functions;
  info.file_usage = row.file_usage;
  if (row.object_class == ObjectClass::kPrivateKey || row.object_class == ObjectClass::kPublicKey) {
    if ((row.functions & kSignature) != 0) {
      info.signature_algorithms = static_cast<std::uint8_t>(iotsafe::SignatureAlgorithm::kEcdsa);
      info.hash_algorithms = kAllHashes;
    }
    if ((row.functions & kAgreement) != 0) {
      info.key_agreement = static_cast<std::uint8_t>(iotsafe::KeyAgreement::kEcka);
    }
  }
  if (row.object_class == ObjectClass::kSecretKey) {
    info.key_derivation = 0x03;
  }
  return info;
}

/// The well-known PSK of the demo card, 00 01 .. 0F: a card with a published secret is for demonstration only.
bool StageDemoSecret(ObjectStore& store, const StoredObject& object) {
  std::array<std::uint8_t, 16> secret{};
  for (std::uint8_t i = 0; i < secret.size(); ++i) {
    secret[i] = i;
  }
  return store.Stage(object, secret).has_value();
}

bool StageKeyPair(ObjectStore& store, crypto::Crypto& crypto, const StoredObject& private_key) {
  const StoredObject* const public_key = store.Find({ObjectClass::kPublicKey, false, private_key.pair_id.view()});
  SecretArray<crypto::kP256ScalarSize> scalar;
  std::array<std::uint8_t, crypto::kP256PointSize> point{};
  return public_key != nullptr &&
         crypto.GenerateKeyPair(crypto::Curve::kP256, scalar.Prepare(crypto::kP256ScalarSize), point) &&
         store.Stage(private_key, scalar.Reveal(InsecureReveal::kForStore)) && store.Stage(*public_key, point);
}

}  // namespace

bool PersonaliseDemo(ObjectStore& store, crypto::Crypto& crypto) {
  for (const ProfileObject& row : kDemoObjects) {
    if (!store.Create(InfoOf(row), IdOf(row.pair))) {
      return false;
    }
  }
  for (const StoredObject& object : store.objects()) {
    const bool is_pair =
        object.info.object_class == ObjectClass::kPrivateKey && object.info.key_type == KeyType::kP256Persistent;
    if ((is_pair && !StageKeyPair(store, crypto, object)) ||
        (object.info.object_class == ObjectClass::kSecretKey && !StageDemoSecret(store, object))) {
      return false;
    }
  }
  return store.Commit().has_value();
}

}  // namespace simroot::card
