// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"

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

/// The object at `position` of the list, or nullptr past its end.
const StoredObject* ObjectAt(const ObjectStore& store, std::size_t position) {
  for (const ObjectClass object_class : kListOrder) {
    for (const StoredObject& object : store.objects()) {
      if (object.info.object_class == object_class && position-- == 0) {
        return &object;
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
  iotsafe::ApplicationInfo info;
  info.proprietary_identifier =
      iotsafe::EncodeIdentifier({.change_counter = store_.change_counter(), .epoch = store_.epoch()});
  const std::uint8_t capacity = LowByte(std::min<std::size_t>(store_.capacity(), 0xFF));
  info.max_files = capacity;
  info.max_private_keys = capacity;
  info.max_public_keys = capacity;
  info.max_secret_keys = capacity;
  info.functions = LowByte(static_cast<unsigned>(iotsafe::Function::kSignature) |
                           static_cast<unsigned>(iotsafe::Function::kKeyGeneration) |
                           static_cast<unsigned>(iotsafe::Function::kKeyAgreement));
  info.hash_algorithms = static_cast<std::uint16_t>(static_cast<unsigned>(iotsafe::HashAlgorithm::kSha256) |
                                                    static_cast<unsigned>(iotsafe::HashAlgorithm::kSha384) |
                                                    static_cast<unsigned>(iotsafe::HashAlgorithm::kSha512));
  info.signature_algorithms = static_cast<std::uint8_t>(iotsafe::SignatureAlgorithm::kEcdsa);
  info.key_agreement = static_cast<std::uint8_t>(iotsafe::KeyAgreement::kEcka);
  info.key_derivation = 0;
  info.max_sessions = SessionTable::kCapacity;
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
  const auto object = FindObject(*data, object_class);
  if (!object) {
    return object.error();
  }
  iotsafe::PutObjectInfo((*object)->info, call.response);
  return Sw::kOk;
}

}  // namespace simroot::card
