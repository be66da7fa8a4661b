// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"
#include "common/iotsafe/extensions.hpp"

namespace simroot::card {
namespace {

using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

// P1 of GET DATA; C1 to C4 ask for a single object.
constexpr std::uint8_t kApplication = 0x00;
constexpr std::uint8_t kObjectList = 0x01;

/// Bytes of one block of the object list: with its status word it fits the 256 bytes that Orange's library keeps.
constexpr std::size_t kListBlockSize = 254;

/// Order of the classes in the list: the one every known parser copes with (spec 10.6).
constexpr std::array kListOrder{ObjectClass::kPrivateKey, ObjectClass::kPublicKey, ObjectClass::kSecretKey,
                                ObjectClass::kFile};

template <typename... Flags>
[[nodiscard]] constexpr unsigned Bit(Flags... flags) {
  return (static_cast<unsigned>(flags) | ...);
}

constexpr std::uint16_t kAllHashes = static_cast<std::uint16_t>(
    Bit(iotsafe::HashAlgorithm::kSha256, iotsafe::HashAlgorithm::kSha384, iotsafe::HashAlgorithm::kSha512));
constexpr std::uint8_t kAllDerivations =
    LowByte(Bit(iotsafe::KeyDerivation::kPrfSha256, iotsafe::KeyDerivation::kHkdf));

constexpr unsigned kRsaAlgorithms = Bit(iotsafe::SignatureAlgorithm::kRsaPkcs1, iotsafe::SignatureAlgorithm::kRsaPss);

/// What the two types of applet can do (2.12; IoT.04). CMAC is an extension.
constexpr iotsafe::ApplicationInfo kTypeIAbilities{
    .proprietary_identifier = {},
    .functions = LowByte(Bit(iotsafe::Function::kSignature, iotsafe::Function::kKeyGeneration,
                             iotsafe::Function::kKeyAgreement, iotsafe::Function::kKeyDerivation)),
    .hash_algorithms = kAllHashes,
    .signature_algorithms = LowByte((kFeatures.rsa ? kRsaAlgorithms : 0U) |
                                    Bit(iotsafe::SignatureAlgorithm::kEcdsa, iotsafe::SignatureAlgorithm::kCmac)),
    .key_agreement = LowByte(Bit(iotsafe::KeyAgreement::kEcka)),
    .key_derivation = kAllDerivations,
    .max_sessions = SessionTable::kCapacity};
constexpr iotsafe::ApplicationInfo kTypeIIAbilities{.proprietary_identifier = {},
                                                    .functions = LowByte(Bit(iotsafe::Function::kKeyDerivation)),
                                                    .hash_algorithms = kAllHashes,
                                                    .key_derivation = kAllDerivations};

/// Our services beyond IoT.05 (docs/formats/extensions.md), while config.extensions is set.
constexpr unsigned kTypeIIExtensions = Bit(
    iotsafe::Extension::kHash, iotsafe::Extension::kAesCbc, iotsafe::Extension::kAesCtr, iotsafe::Extension::kAesGcm,
    iotsafe::Extension::kLocalWrite, iotsafe::Extension::kPskTls13, iotsafe::Extension::kPrfSha384);
constexpr unsigned kTypeIExtensions =
    Bit(iotsafe::Extension::kCmac, iotsafe::Extension::kCsr, iotsafe::Extension::kP384) |
    (kFeatures.rsa ? Bit(iotsafe::Extension::kRsaOaep) : 0U) | kTypeIIExtensions;

/// The object at `position` of the list, or nullptr past its end. The user PIN is not in it.
const StoredObject* ObjectAt(const ObjectStore& store, std::size_t position) {
  for (const ObjectClass object_class : kListOrder) {
    for (const StoredObject* object = store.NextCreated(object_class, 0); object != nullptr;
         object = store.NextCreated(object_class, object->serial)) {
      const bool hidden = object->info.key_type == iotsafe::KeyType::kUserPin;
      if (!hidden && position-- == 0) {
        return object;
      }
    }
  }
  return nullptr;
}

}  // namespace

StatusWord Applet::GetData(const Call& call) {
  if (call.command.p1 != kObjectList) {
    cursors_[call.channel].running = false;
  }
  switch (call.command.p1) {
    case kApplication:
      return GetApplicationData(call);
    case kObjectList:
      return GetObjectList(call);
    default:
      break;
  }
  const auto* const row =
      std::ranges::find(iotsafe::kClassTags, static_cast<Tag>(call.command.p1), &iotsafe::ClassTags::info);
  if (row == iotsafe::kClassTags.end()) {
    return Sw::kIncorrectP1P2;
  }
  return GetObjectInfo(call, row->object_class);
}

// GET DATA - application (2.12).
StatusWord Applet::GetApplicationData(const Call& call) {
  if (call.command.p2 != 0) {
    return Sw::kIncorrectP1P2;
  }
  if (!call.command.data.empty()) {
    return Sw::kWrongLength;
  }
  iotsafe::ApplicationInfo info = type_ == AppletType::kTypeI ? kTypeIAbilities : kTypeIIAbilities;
  if (!HasExtensions()) {
    info.signature_algorithms = LowByte(info.signature_algorithms & ~Bit(iotsafe::SignatureAlgorithm::kCmac));
  }
  const unsigned extensions = type_ == AppletType::kTypeI ? kTypeIExtensions : kTypeIIExtensions;
  info.proprietary_identifier =
      iotsafe::EncodeIdentifier({.change_counter = store_.change_counter(),
                                 .epoch = store_.epoch(),
                                 .extensions = static_cast<std::uint16_t>(HasExtensions() ? extensions : 0)});
  const std::uint8_t capacity = LowByte(std::min<std::size_t>(store_.capacity(), 0xFF));
  info.max_files = capacity;
  info.max_private_keys = type_ == AppletType::kTypeI ? capacity : std::uint8_t{0};
  info.max_public_keys = info.max_private_keys;
  info.max_secret_keys = capacity;
  if (type_ == AppletType::kTypeII && HasExtensions()) {
    info.max_sessions = SessionTable::kCapacity;  // ENCRYPT, DECRYPT and HASH are all that has sessions there
  }
  iotsafe::PutApplicationInfo(info, config_.application_tags, call.response);
  return Sw::kOk;
}

// GET DATA - object list (2.14): whole structures only, so that a client that reads one block sees whole objects.
StatusWord Applet::GetObjectList(const Call& call) {
  ListCursor& cursor = cursors_[call.channel];
  if (call.command.p2 > 0x01) {
    return Sw::kIncorrectP1P2;
  }
  if (!call.command.data.empty()) {
    return Sw::kWrongLength;
  }
  if (call.command.p2 == 0) {
    cursor = ListCursor{true, 0, store_.change_counter()};
  } else if (!cursor.running || cursor.change_counter != store_.change_counter()) {
    cursor.running = false;
    return Sw::kConditionsNotSatisfied;
  }
  std::array<std::uint8_t, kListBlockSize> block{};
  ByteWriter writer(block);
  for (const StoredObject* object = ObjectAt(store_, cursor.next); object != nullptr;
       object = ObjectAt(store_, cursor.next)) {
    const std::size_t before = writer.size();
    iotsafe::PutObjectInfo(object->info, writer);
    if (!writer.ok()) {
      writer.Truncate(before);
      call.response.PutBytes(writer.written());
      return Sw::kMoreDataAvailable;
    }
    ++cursor.next;
  }
  cursor.running = false;
  call.response.PutBytes(writer.written());
  return Sw::kOk;
}

// GET DATA - file, private, public, secret key (2.13, 2.15 to 2.17).
StatusWord Applet::GetObjectInfo(const Call& call, ObjectClass object_class) {
  if (call.command.p2 != 0) {
    return Sw::kIncorrectP1P2;
  }
  const iotsafe::ClassTags& tags = iotsafe::TagsOf(object_class);
  const auto data = CommandData::Parse(call.command.data, {tags.id, tags.label});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto object = LookUp(*data, object_class);
  if (!object) {
    return object.error();
  }
  iotsafe::PutObjectInfo((*object)->info, call.response);
  return Sw::kOk;
}

}  // namespace simroot::card
