// SPDX-License-Identifier: Apache-2.0
#include "card/store/store_record.hpp"

namespace simroot::card {
namespace {

// Flags.
constexpr std::uint8_t kMadeByDevice = 0x01;
constexpr std::uint8_t kMadeOnCard = 0x02;
constexpr std::uint8_t kTakesNumbers = 0x04;

void PutShortBytes(ByteView bytes, ByteWriter& out) {
  out.PutU8(LowByte(bytes.size()));
  out.PutBytes(bytes);
}

template <std::size_t kMax>
bool ReadShortBytes(ByteReader& reader, FixedBytes<kMax>& out) {
  std::uint8_t size = 0;
  ByteView bytes;
  return reader.ReadU8(size) && reader.ReadBytes(size, bytes) && out.Assign(bytes);
}

}  // namespace

void PutDescription(const StoredObject& object, ByteWriter& out) {
  const iotsafe::ObjectInfo& info = object.info;
  out.PutU8(static_cast<std::uint8_t>(info.object_class));
  PutShortBytes(info.id.view(), out);
  PutShortBytes(info.label.view(), out);
  PutShortBytes(object.pair_id.view(), out);
  PutShortBytes(object.issuer_id.view(), out);
  out.PutU8(LowByte((object.made_by_device ? kMadeByDevice : 0U) |
                    (object.origin == iotsafe::KeyOrigin::kMadeOnCard ? kMadeOnCard : 0U) |
                    (object.takes_numbers ? kTakesNumbers : 0U)));
  out.PutU8(info.access);
  out.PutU8(static_cast<std::uint8_t>(info.key_type));
  out.PutU8(static_cast<std::uint8_t>(info.key_usage));
  out.PutU8(info.functions);
  out.PutU8(info.signature_algorithms);
  out.PutU16(info.hash_algorithms);
  out.PutU8(info.key_agreement);
  out.PutU8(info.key_derivation);
  out.PutU8(static_cast<std::uint8_t>(info.file_usage));
}

bool ReadDescription(ByteReader& reader, StoredObject& object) {
  StoredObject read = object;
  iotsafe::ObjectInfo& info = read.info;
  std::uint8_t object_class = 0;
  std::uint8_t flags = 0;
  std::uint8_t key_type = 0;
  std::uint8_t key_usage = 0;
  std::uint8_t file_usage = 0;
  if (!reader.ReadU8(object_class) || object_class > static_cast<std::uint8_t>(iotsafe::ObjectClass::kSecretKey) ||
      !ReadShortBytes(reader, info.id) || info.id.empty() || !ReadShortBytes(reader, info.label) ||
      !ReadShortBytes(reader, read.pair_id) || !ReadShortBytes(reader, read.issuer_id) || !reader.ReadU8(flags) ||
      !reader.ReadU8(info.access) || !reader.ReadU8(key_type) || !reader.ReadU8(key_usage) ||
      !reader.ReadU8(info.functions) || !reader.ReadU8(info.signature_algorithms) ||
      !reader.ReadU16(info.hash_algorithms) || !reader.ReadU8(info.key_agreement) ||
      !reader.ReadU8(info.key_derivation) || !reader.ReadU8(file_usage)) {
    return false;
  }
  info.object_class = static_cast<iotsafe::ObjectClass>(object_class);
  info.key_type = static_cast<iotsafe::KeyType>(key_type);
  info.key_usage = static_cast<iotsafe::KeyUsage>(key_usage);
  info.file_usage = static_cast<iotsafe::FileUsage>(file_usage);
  read.made_by_device = (flags & kMadeByDevice) != 0;
  read.takes_numbers = (flags & kTakesNumbers) != 0;
  read.origin = (flags & kMadeOnCard) != 0 ? iotsafe::KeyOrigin::kMadeOnCard : iotsafe::KeyOrigin::kLoaded;
  object = read;
  return true;
}

}  // namespace simroot::card
