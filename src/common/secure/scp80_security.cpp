// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp80_security.hpp"

#include "common/base/crc32.hpp"
#include "common/base/secret.hpp"
#include "common/secure/scp80_algorithms.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::secure {
namespace {

using crypto::Direction;

constexpr std::size_t kCounterSize = 5;
constexpr std::size_t kCommandHead = kCounterSize + 1;   // CNTR, PCNTR
constexpr std::size_t kResponseHead = kCounterSize + 2;  // CNTR, PCNTR, STATUS
constexpr std::size_t kCommandClear = 7;                 // SPI, KIc, KID, TAR
constexpr std::size_t kResponseClear = kTarSize;
constexpr std::size_t kShortLengths = 0xFFFF;

void PutCounter(std::uint64_t counter, ByteWriter& out) {
  out.PutU8(LowByte(counter >> 32U));
  out.PutU32(static_cast<std::uint32_t>(counter & 0xFFFFFFFFU));
}

[[nodiscard]] bool ReadCounter(ByteReader& reader, std::uint64_t& out) {
  std::uint8_t high = 0;
  std::uint32_t low = 0;
  if (!reader.ReadU8(high) || !reader.ReadU32(low)) {
    return false;
  }
  out = (std::uint64_t{high} << 32U) | low;
  return true;
}

void PutTar(std::uint32_t tar, ByteWriter& out) {
  out.PutU8(LowByte(tar >> 16U));
  out.PutU16(static_cast<std::uint16_t>(tar & 0xFFFFU));
}

/// Where a packet is being made.
struct Place {
  ByteWriter clear;  ///< over the whole packet; SPI or TAR is what comes next
  ByteView packet;
  ByteSpan body;
};

/// Reserves a packet and writes what comes before SPI or TAR. @param header_size value of CHL or RHL. @param clear_size
/// bytes between that length and the body.
[[nodiscard]] Expected<Place, Scp80Error> Begin(Scp80Form form, ByteView udh, std::uint8_t identifier,
                                                std::size_t header_size, std::size_t clear_size, std::size_t body_size,
                                                ByteWriter& out) {
  const std::size_t length = 1 + clear_size + body_size;
  const bool stream = form == Scp80Form::kStream;
  const std::size_t start = stream ? 1 : form == Scp80Form::kSms ? udh.size() : 0;
  const std::size_t total = start + (stream ? wire::BerLengthSize(length) : 2) + length;
  if (length > kShortLengths || total > kMaxScp80Packet) {
    return Unexpected(Scp80Error::kLength);
  }
  const ByteSpan packet = out.Reserve(total);
  if (packet.empty()) {
    return Unexpected(Scp80Error::kLength);
  }
  ByteWriter clear(packet);
  if (stream) {
    clear.PutU8(identifier);
    wire::PutBerLength(length, clear);
  } else {
    clear.PutBytes(udh.first(start));
    clear.PutU16(static_cast<std::uint16_t>(length));
  }
  clear.PutU8(LowByte(header_size));  // below 80: one byte in every form
  return Place{clear, packet, packet.last(body_size)};
}

/// Zeros that fill a body of `size` bytes up to whole blocks.
[[nodiscard]] std::size_t PaddingOf(bool ciphered, std::uint8_t kic, std::size_t size) {
  const std::size_t block = BlockSize(static_cast<Scp80Algorithm>(AlgorithmOf(kic)));
  return ciphered ? (block - size % block) % block : 0;
}

/// The data in front of the padding, whose length was in the packet. Nothing if no sender pads like that.
[[nodiscard]] std::optional<ByteView> WithoutPadding(bool ciphered, std::uint8_t kic, std::uint8_t padding,
                                                     ByteView data) {
  const std::size_t block = BlockSize(static_cast<Scp80Algorithm>(AlgorithmOf(kic)));
  if (padding > data.size() || padding >= (ciphered ? block : 1)) {
    return std::nullopt;
  }
  return data.first(data.size() - padding);
}

}  // namespace

PacketSecurity::Treatment PacketSecurity::OfCommand(const Scp80Header& header) {
  return {header.spi.check, header.spi.ciphered, header.kic, header.kid};
}

PacketSecurity::Treatment PacketSecurity::OfResponse(const Scp80Header& header) {
  return {header.spi.proof_check, header.spi.proof_ciphered, header.kic, header.kid};
}

Expected<void, Scp80Error> PacketSecurity::Supports(const Scp80Header& header) const {
  SR_TRY_VOID(Supports(OfCommand(header)));
  return header.spi.proof == Scp80Proof::kNever ? Expected<void, Scp80Error>() : Supports(OfResponse(header));
}

Expected<void, Scp80Error> PacketSecurity::Supports(const Treatment& treatment) const {
  if (treatment.ciphered) {
    SR_TRY_VOID(JudgeKey(static_cast<Scp80Algorithm>(AlgorithmOf(treatment.kic)), agreement_.kic, agreement_.legacy));
  }
  const std::uint8_t algorithm = AlgorithmOf(treatment.kid);
  switch (treatment.check) {
    case Scp80Check::kNone:
      return {};
    case Scp80Check::kRedundancy:
      if (algorithm == kCrc16Algorithm || algorithm == kCrc32Algorithm) {
        return {};
      }
      return Unexpected(Scp80Error::kUnsupported);
    case Scp80Check::kCryptographic: {
      const bool aes = algorithm == static_cast<std::uint8_t>(Scp80Algorithm::kAes);
      const bool size_is_known =
          agreement_.check_size == kFullCheckSize || (aes && agreement_.check_size == kShortCheckSize);
      if (algorithm == static_cast<std::uint8_t>(Scp80Algorithm::kDesEcb) || !size_is_known) {
        return Unexpected(Scp80Error::kUnsupported);
      }
      return JudgeKey(static_cast<Scp80Algorithm>(algorithm), agreement_.kid, agreement_.legacy);
    }
    case Scp80Check::kSignature:
      break;
  }
  return Unexpected(Scp80Error::kUnsupported);
}

std::size_t PacketSecurity::CheckSize(const Treatment& treatment) const {
  switch (treatment.check) {
    case Scp80Check::kRedundancy:
      return AlgorithmOf(treatment.kid) == kCrc16Algorithm ? sizeof(std::uint16_t) : sizeof(std::uint32_t);
    case Scp80Check::kCryptographic:
      return agreement_.check_size;
    default:
      return 0;
  }
}

Expected<void, Scp80Error> PacketSecurity::ComputeCheck(const Treatment& treatment, const Covered& covered,
                                                        ByteSpan check) {
  if (treatment.check == Scp80Check::kCryptographic) {
    if (!ComputeMac(crypto_, static_cast<Scp80Algorithm>(AlgorithmOf(treatment.kid)), agreement_.kid, covered, check)) {
      return Unexpected(Scp80Error::kCrypto);
    }
    return {};
  }
  ByteWriter out(check);
  if (check.size() == sizeof(std::uint16_t)) {
    Crc16 crc;
    std::ranges::for_each(covered, [&](ByteView piece) { crc.Add(piece); });
    out.PutU16(crc.value());
  } else if (!check.empty()) {
    Crc32 crc;
    std::ranges::for_each(covered, [&](ByteView piece) { crc.Add(piece); });
    out.PutU32(crc.value());
  }
  return {};
}

Expected<void, Scp80Error> PacketSecurity::Cipher(Direction direction, const Treatment& treatment, ByteView in,
                                                  ByteSpan out) {
  const auto algorithm = static_cast<Scp80Algorithm>(AlgorithmOf(treatment.kic));
  if (in.size() % BlockSize(algorithm) != 0) {
    return Unexpected(Scp80Error::kCiphering);
  }
  if (!CipherBlocks(crypto_, direction, algorithm, agreement_.kic, in, out)) {
    return Unexpected(Scp80Error::kCrypto);
  }
  return {};
}

Expected<void, Scp80Error> PacketSecurity::Seal(const Treatment& treatment, ByteView before, ByteView clear,
                                                std::size_t head_size, ByteSpan body) {
  const ByteSpan check = body.subspan(head_size, CheckSize(treatment));
  const ByteView data = body.subspan(head_size + check.size());
  SR_TRY_VOID(ComputeCheck(treatment, {before, clear, body.first(head_size), data}, check));
  return treatment.ciphered ? Cipher(Direction::kEncrypt, treatment, body, body) : Expected<void, Scp80Error>();
}

Expected<PacketSecurity::Plain, Scp80Error> PacketSecurity::Open(const Treatment& treatment, ByteView before,
                                                                 ByteView clear, std::size_t head_size, ByteView body,
                                                                 ByteSpan memory) {
  if (treatment.ciphered) {
    if (body.size() > memory.size()) {
      return Unexpected(Scp80Error::kLength);
    }
    const ByteSpan plain = memory.first(body.size());
    SR_TRY_VOID(Cipher(Direction::kDecrypt, treatment, body, plain));
    body = plain;
  }
  std::array<std::uint8_t, kFullCheckSize> memory_of_check{};
  const ByteSpan expected = ByteSpan(memory_of_check).first(CheckSize(treatment));
  ByteReader reader(body);
  Plain out;
  ByteView received;
  if (!reader.ReadBytes(head_size, out.head) || !reader.ReadBytes(expected.size(), received)) {
    return Unexpected(Scp80Error::kMalformed);
  }
  out.data = reader.rest();
  SR_TRY_VOID(ComputeCheck(treatment, {before, clear, out.head, out.data}, expected));
  if (!SameSecret(expected, received)) {
    return Unexpected(Scp80Error::kNotAuthentic);
  }
  return out;
}

Expected<void, Scp80Error> PacketSecurity::PutCommand(const Scp80Command& command, Scp80Form form, ByteWriter& out) {
  const Scp80Header& header = command.header;
  const Treatment treatment = OfCommand(header);
  SR_TRY_VOID(Supports(header));
  if (command.counter > kMaxScp80Counter) {
    return Unexpected(Scp80Error::kCounter);
  }
  if (header.tar > kMaxTar) {
    return Unexpected(Scp80Error::kMalformed);
  }
  const std::size_t check_size = CheckSize(treatment);
  const std::size_t size = kCommandHead + check_size + command.data.size();
  const std::size_t padding = PaddingOf(header.spi.ciphered, header.kic, size);
  SR_TRY(Place place, Begin(form, kCommandUdh, kCommandPacketId, kCommandClear + kCommandHead + check_size,
                            kCommandClear, size + padding, out));
  place.clear.PutU8(FirstByte(header.spi));
  place.clear.PutU8(SecondByte(header.spi));
  place.clear.PutU8(header.kic);
  place.clear.PutU8(header.kid);
  PutTar(header.tar, place.clear);
  ByteView clear = place.clear.written();
  if (form == Scp80Form::kSms) {
    clear = clear.subspan(kCommandUdh.size());  // no part of a command's check
  }
  ByteWriter body(place.body);
  PutCounter(command.counter, body);
  body.PutU8(LowByte(padding));
  static_cast<void>(body.Reserve(check_size));
  body.PutBytes(command.data);
  std::ranges::fill(body.Reserve(padding), std::uint8_t{0});
  return Seal(treatment, {}, clear, kCommandHead, place.body);
}

Expected<Scp80Command, Scp80Error> PacketSecurity::OpenCommand(const Scp80CommandPacket& packet, ByteSpan memory) {
  const Treatment treatment = OfCommand(packet.header);
  auto opened = [&]() -> Expected<Scp80Command, Scp80Error> {
    SR_TRY_VOID(Supports(treatment));
    if (packet.check_size != CheckSize(treatment)) {
      return Unexpected(Scp80Error::kNotAuthentic);
    }
    SR_TRY(const Plain plain, Open(treatment, {}, packet.clear, kCommandHead, packet.body, memory));
    Scp80Command command{.header = packet.header, .counter = 0, .data = {}};
    std::uint8_t padding = 0;
    ByteReader head(plain.head);
    if (!ReadCounter(head, command.counter) || !head.ReadU8(padding)) {
      return Unexpected(Scp80Error::kMalformed);
    }
    const auto data = WithoutPadding(treatment.ciphered, treatment.kic, padding, plain.data);
    if (!data) {
      return Unexpected(Scp80Error::kMalformed);
    }
    command.data = *data;
    return command;
  }();
  if (!opened) {
    Wipe(memory.first(std::min(memory.size(), packet.body.size())));
  }
  return opened;
}

Expected<void, Scp80Error> PacketSecurity::PutResponse(const Scp80Header& command, const Scp80Response& response,
                                                       Scp80Form form, ByteWriter& out) {
  const Treatment treatment = OfResponse(command);
  SR_TRY_VOID(Supports(treatment));
  if (response.counter > kMaxScp80Counter) {
    return Unexpected(Scp80Error::kCounter);
  }
  if (response.tar > kMaxTar) {
    return Unexpected(Scp80Error::kMalformed);
  }
  const std::size_t check_size = CheckSize(treatment);
  const std::size_t size = kResponseHead + check_size + response.data.size();
  const std::size_t padding = PaddingOf(treatment.ciphered, treatment.kic, size);
  SR_TRY(Place place, Begin(form, kResponseUdh, kResponsePacketId, kResponseClear + kResponseHead + check_size,
                            kResponseClear, size + padding, out));
  PutTar(response.tar, place.clear);
  ByteWriter body(place.body);
  PutCounter(response.counter, body);
  body.PutU8(LowByte(padding));
  body.PutU8(static_cast<std::uint8_t>(response.status));
  static_cast<void>(body.Reserve(check_size));
  body.PutBytes(response.data);
  std::ranges::fill(body.Reserve(padding), std::uint8_t{0});
  const ByteView before = form == Scp80Form::kSmsPart ? ByteView(kResponseUdh) : ByteView();
  return Seal(treatment, before, place.clear.written(), kResponseHead, place.body);
}

Expected<Scp80Response, Scp80Error> PacketSecurity::OpenResponse(const Scp80Header& command,
                                                                 const Scp80ResponsePacket& packet, Scp80Form form,
                                                                 ByteSpan memory) {
  const Treatment treatment = OfResponse(command);
  auto opened = [&]() -> Expected<Scp80Response, Scp80Error> {
    SR_TRY_VOID(Supports(treatment));
    if (packet.check_size != CheckSize(treatment)) {
      return Unexpected(Scp80Error::kNotAuthentic);
    }
    const ByteView before = form == Scp80Form::kSmsPart ? ByteView(kResponseUdh) : ByteView();
    SR_TRY(const Plain plain, Open(treatment, before, packet.clear, kResponseHead, packet.body, memory));
    Scp80Response response{.tar = packet.tar, .counter = 0, .status = Scp80Status::kOk, .data = {}};
    std::uint8_t padding = 0;
    std::uint8_t status = 0;
    ByteReader head(plain.head);
    if (!ReadCounter(head, response.counter) || !head.ReadU8(padding) || !head.ReadU8(status)) {
      return Unexpected(Scp80Error::kMalformed);
    }
    const auto data = WithoutPadding(treatment.ciphered, treatment.kic, padding, plain.data);
    if (!data) {
      return Unexpected(Scp80Error::kMalformed);
    }
    response.status = static_cast<Scp80Status>(status);
    response.data = *data;
    return response;
  }();
  if (!opened) {
    Wipe(memory.first(std::min(memory.size(), packet.body.size())));
  }
  return opened;
}

}  // namespace simroot::secure
