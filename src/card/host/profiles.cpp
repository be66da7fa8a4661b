// SPDX-License-Identifier: Apache-2.0
#include "card/host/profiles.hpp"

#include <string_view>

#include "common/base/secret.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

using iotsafe::FileUsage;
using iotsafe::KeyType;
using iotsafe::ObjectClass;

/// What the issuer fills is not the device's to delete.
constexpr StoreWriter kIssuer = StoreWriter::kManagement;

constexpr std::uint8_t kReadable = 0x01;
constexpr std::uint8_t kUpdatable = 0x02;
constexpr std::uint8_t kSignature = 0x01;
constexpr std::uint8_t kGeneration = 0x02;
constexpr std::uint8_t kAgreement = 0x04;
constexpr std::uint8_t kDerivation = 0x08;
constexpr std::uint8_t kEncryption = 0x10;
constexpr std::uint8_t kDecryption = 0x20;

/// What a new object holds.
enum class Fill : std::uint8_t {
  kNothing,
  kKeyPair,   ///< a private key: both halves are made now
  kKnownPsk,  ///< 00 01 .. 0F: a card with a published secret is for demonstration only
  kRandom,    ///< random bytes, as many as the key type wants
};

/// One object of a profile as data.
struct ProfileObject {
  iotsafe::ObjectClass object_class;
  std::uint8_t id;
  std::string_view label;
  std::uint8_t access = 0;
  iotsafe::KeyType key_type = {};
  std::uint8_t functions = 0;
  std::uint8_t pair = 0;  ///< of a private key: identifier of the public half
  std::uint8_t key_derivation = 0;
  iotsafe::FileUsage file_usage = {};
  Fill fill = Fill::kNothing;
};

constexpr std::uint8_t kAll = kSignature | kGeneration | kAgreement;
constexpr std::uint8_t kPrf = static_cast<std::uint8_t>(iotsafe::KeyDerivation::kPrfSha256);
constexpr std::uint8_t kHkdf = static_cast<std::uint8_t>(iotsafe::KeyDerivation::kHkdf);

/// The demo store: the containers of the known clients' examples (spec section 4) with the labels of spec section 15.
constexpr std::array kDemoObjects{
    ProfileObject{.object_class = ObjectClass::kPrivateKey,
                  .id = 0x01,
                  .label = "sig",
                  .key_type = KeyType::kP256Persistent,
                  .functions = kAll,
                  .pair = 0x01,
                  .fill = Fill::kKeyPair},
    ProfileObject{.object_class = ObjectClass::kPrivateKey,
                  .id = 0x04,
                  .label = "gen",
                  .access = kUpdatable,
                  .key_type = KeyType::kP256Volatile,
                  .functions = kGeneration | kAgreement,
                  .pair = 0x04},
    ProfileObject{.object_class = ObjectClass::kPublicKey,
                  .id = 0x01,
                  .label = "sig",
                  .access = kReadable,
                  .key_type = KeyType::kP256Persistent,
                  .functions = kAll},
    ProfileObject{.object_class = ObjectClass::kPublicKey,
                  .id = 0x04,
                  .label = "eph",
                  .access = kReadable,
                  .key_type = KeyType::kP256Volatile,
                  .functions = kGeneration | kAgreement},
    ProfileObject{.object_class = ObjectClass::kPublicKey,
                  .id = 0x05,
                  .label = "peer",
                  .access = kReadable | kUpdatable,
                  .key_type = KeyType::kP256Volatile,
                  .functions = kSignature | kAgreement},
    ProfileObject{.object_class = ObjectClass::kPublicKey,
                  .id = 0x06,
                  .label = "peercert",
                  .access = kReadable | kUpdatable,
                  .key_type = KeyType::kP256Volatile,
                  .functions = kSignature | kAgreement},
    ProfileObject{.object_class = ObjectClass::kFile,
                  .id = 0x02,
                  .label = "cert",
                  .access = kReadable,
                  .file_usage = FileUsage::kCertificate},
    ProfileObject{.object_class = ObjectClass::kFile,
                  .id = 0x03,
                  .label = "ca",
                  .access = kReadable,
                  .file_usage = FileUsage::kCertificate},
    ProfileObject{.object_class = ObjectClass::kSecretKey,
                  .id = 0x06,
                  .label = "psk",
                  .key_type = KeyType::kHmac,
                  .functions = kDerivation,
                  .key_derivation = kPrf | kHkdf,
                  .fill = Fill::kKnownPsk},
    ProfileObject{.object_class = ObjectClass::kSecretKey,
                  .id = 0x07,
                  .label = "aes",
                  .key_type = KeyType::kAes,
                  .functions = kEncryption | kDecryption,
                  .fill = Fill::kRandom},
    ProfileObject{.object_class = ObjectClass::kSecretKey,
                  .id = 0x08,
                  .label = "mac",
                  .key_type = KeyType::kAesCmac,
                  .functions = kSignature,
                  .fill = Fill::kRandom},
};

/// A card for pre-shared keys: one secret for both derivations, one for each of them.
constexpr std::array kType2Objects{
    ProfileObject{.object_class = ObjectClass::kSecretKey,
                  .id = 0x06,
                  .label = "psk",
                  .key_type = KeyType::kHmac,
                  .functions = kDerivation,
                  .key_derivation = kPrf | kHkdf,
                  .fill = Fill::kKnownPsk},
    ProfileObject{.object_class = ObjectClass::kSecretKey,
                  .id = 0x07,
                  .label = "psk13",
                  .key_type = KeyType::kHmac,
                  .functions = kDerivation,
                  .key_derivation = kHkdf,
                  .fill = Fill::kRandom},
    ProfileObject{.object_class = ObjectClass::kSecretKey,
                  .id = 0x08,
                  .label = "psk12",
                  .key_type = KeyType::kHmac,
                  .functions = kDerivation,
                  .key_derivation = kPrf,
                  .fill = Fill::kRandom},
    ProfileObject{.object_class = ObjectClass::kFile,
                  .id = 0x02,
                  .label = "cfg",
                  .access = kReadable,
                  .file_usage = FileUsage::kGeneral},
};

std::span<const ProfileObject> ObjectsOf(CardProfile profile) {
  switch (profile) {
    case CardProfile::kDemo:
      return kDemoObjects;
    case CardProfile::kType2:
      return kType2Objects;
    case CardProfile::kBlank:
      break;
  }
  return {};
}

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
  info.key_derivation = row.key_derivation;
  return info;
}

bool StageKnownPsk(ObjectStore& store, const StoredObject& object) {
  std::array<std::uint8_t, 16> secret{};
  for (std::uint8_t i = 0; i < secret.size(); ++i) {
    secret[i] = i;
  }
  return store.Stage(object, secret, kIssuer).has_value();
}

bool StageRandom(ObjectStore& store, crypto::Crypto& crypto, const StoredObject& object) {
  constexpr std::size_t kSize = 32;
  constexpr std::size_t kMacKeySize = 16;  // keys for CMAC are of AES-128
  SecretArray<kSize> secret;
  return crypto.Random(secret.Prepare(object.info.key_type == KeyType::kAesCmac ? kMacKeySize : kSize)) &&
         store.Stage(object, secret.Reveal(InsecureReveal::kForStore), kIssuer).has_value();
}

bool StageKeyPair(ObjectStore& store, crypto::Crypto& crypto, const StoredObject& private_key) {
  const StoredObject* const public_key =
      store.FindFor(kIssuer, {ObjectClass::kPublicKey, false, private_key.pair_id.view()});
  SecretArray<crypto::kP256ScalarSize> scalar;
  std::array<std::uint8_t, crypto::kP256PointSize> point{};
  return public_key != nullptr &&
         crypto.GenerateKeyPair(crypto::Curve::kP256, scalar.Prepare(crypto::kP256ScalarSize), point) &&
         store.Stage(private_key, scalar.Reveal(InsecureReveal::kForStore), kIssuer) &&
         store.Stage(*public_key, point, kIssuer);
}

bool StageContent(ObjectStore& store, crypto::Crypto& crypto, const ProfileObject& row) {
  const iotsafe::ObjectId id = IdOf(row.id);
  const StoredObject* const object = store.FindFor(kIssuer, {row.object_class, false, id.view()});
  if (object == nullptr) {
    return false;
  }
  switch (row.fill) {
    case Fill::kNothing:
      return true;
    case Fill::kKeyPair:
      return StageKeyPair(store, crypto, *object);
    case Fill::kKnownPsk:
      return StageKnownPsk(store, *object);
    case Fill::kRandom:
      return StageRandom(store, crypto, *object);
  }
  return false;
}

}  // namespace

bool Personalise(ObjectStore& store, crypto::Crypto& crypto, CardProfile profile) {
  const std::span<const ProfileObject> rows = ObjectsOf(profile);
  const bool created = std::ranges::all_of(
      rows, [&](const ProfileObject& row) { return store.Create(InfoOf(row), IdOf(row.pair), kIssuer).has_value(); });
  return created &&
         std::ranges::all_of(rows, [&](const ProfileObject& row) { return StageContent(store, crypto, row); }) &&
         store.Commit(kIssuer).has_value();
}

}  // namespace simroot::card
