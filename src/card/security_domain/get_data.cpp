// SPDX-License-Identifier: Apache-2.0
// GET DATA (GlobalPlatform 2.3.1, 11.3 and annex H; ETSI TS 102 226 8.2.1.7 for FF21).
#include "card/security_domain/commands.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using wire::PutBerTlv;
using wire::StatusWord;

enum class DataTag : std::uint16_t {
  kIssuerNumber = 0x0042,
  kCardNumber = 0x0045,
  kCardData = 0x0066,
  kCapabilities = 0x0067,
  kKeyInformation = 0x00E0,
  kApplications = 0x2F00,
  kResources = 0xFF21,
};

/// 66 { 73 { 06 GlobalPlatform, 60 { 06 version 2.3.1 }, 63 { 06 identification scheme }, 64 { 06 SCP03, i = 70 } } }:
/// card recognition data (H.2), object identifiers below 1.2.840.114283.
constexpr std::array<std::uint8_t, 51> kCardRecognitionData{
    0x66, 0x31, 0x73, 0x2F, 0x06, 0x07, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x01, 0x60, 0x0C, 0x06, 0x0A,
    0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x02, 0x02, 0x03, 0x01, 0x63, 0x09, 0x06, 0x07, 0x2A, 0x86, 0x48,
    0x86, 0xFC, 0x6B, 0x03, 0x64, 0x0B, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xFC, 0x6B, 0x04, 0x03, 0x70};
/// 67 { A0 { 80 SCP03, 81 i = 70 and 71, 82 AES-128, 192 and 256 } }: card capability information (H.4).
constexpr std::array<std::uint8_t, 14> kCardCapabilities{0x67, 0x0C, 0xA0, 0x0A, 0x80, 0x01, 0x03,
                                                         0x81, 0x02, 0x70, 0x71, 0x82, 0x01, 0x07};
constexpr std::uint8_t kAesKeyType = 0x88;
constexpr std::size_t kMaxKeyInformation = 6 * 24;  // eight sets

}  // namespace

wire::StatusWord SecurityDomain::GetData(const Call& call) {
  ByteWriter& out = call.response;
  switch (static_cast<DataTag>(call.command.p1 << 8U | call.command.p2)) {
    case DataTag::kIssuerNumber:
      return PutNumber(0x42, kIssuerNumberId, out);
    case DataTag::kCardNumber:
      return PutNumber(0x45, kCardNumberId, out);
    case DataTag::kCardData:
      out.PutBytes(kCardRecognitionData);
      return StatusWord::kOk;
    case DataTag::kCapabilities:
      out.PutBytes(kCardCapabilities);
      return StatusWord::kOk;
    case DataTag::kKeyInformation:
      PutKeyInformation(out);
      return StatusWord::kOk;
    case DataTag::kApplications:
      PutApplications(out);
      return StatusWord::kOk;
    case DataTag::kResources:
      PutResources(out);
      return StatusWord::kOk;
    default:
      return StatusWord::kReferencedDataNotFound;
  }
}

/// E0 { C0 key identifier, version, type, length } for each key.
void SecurityDomain::PutKeyInformation(ByteWriter& out) const {
  std::array<std::uint8_t, kMaxKeyInformation> memory{};
  ByteWriter keys(memory);
  for (const StoredObject& object : store_.objects()) {
    if (const auto name = KeyNameOf(object)) {
      PutBerTlv(0xC0, std::array{name->identifier, name->version, kAesKeyType, LowByte(object.size)}, keys);
    }
  }
  PutBerTlv(0xE0, keys.written(), out);
}

void SecurityDomain::PutApplications(ByteWriter& out) const {
  for (const ManagedApplication& managed : applications_) {
    std::array<std::uint8_t, 32> memory{};
    ByteWriter content(memory);
    PutBerTlv(0x4F, managed.application->Aid(), content);
    PutBerTlv(0x61, content.written(), out);
  }
}

/// FF21 { 81 number of applications, 82 free permanent memory, 83 free volatile memory: none is given away }.
void SecurityDomain::PutResources(ByteWriter& out) const {
  std::array<std::uint8_t, 32> memory{};
  ByteWriter content(memory);
  wire::PutTlvU8(0x81, LowByte(applications_.size()), content);
  content.PutU16(0x8204);
  const ObjectStore* const store = config_.applications_store;
  content.PutU32(store == nullptr ? 0 : static_cast<std::uint32_t>(store->free_bytes()));
  wire::PutTlvU16(0x83, 0, content);
  out.PutU16(static_cast<std::uint16_t>(DataTag::kResources));
  wire::PutBerLength(content.size(), out);
  out.PutBytes(content.written());
}

/// The issuer's and the card's identification number, as they were stored when the card was made.
wire::StatusWord SecurityDomain::PutNumber(std::uint16_t tag, ByteView file_id, ByteWriter& out) const {
  const StoredObject* const file = store_.Find({iotsafe::ObjectClass::kFile, false, file_id});
  if (file == nullptr || store_.Value(*file).empty()) {
    return StatusWord::kReferencedDataNotFound;
  }
  PutBerTlv(tag, store_.Value(*file), out);
  return StatusWord::kOk;
}

}  // namespace simroot::card
