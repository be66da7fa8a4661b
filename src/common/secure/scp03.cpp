// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp03.hpp"

#include "common/base/secret.hpp"

namespace simroot::secure {
namespace {

constexpr std::array kLevels{SecurityLevel::kCMac, SecurityLevel::kCMacCDec, SecurityLevel::kCMacRMac,
                             SecurityLevel::kCMacCDecRMac, SecurityLevel::kFull};

/// Eleven zeros, constant, separator, length in bits, number of the block (Amendment D, 4.1.5).
constexpr std::size_t kLabelZeros = 11;
constexpr std::size_t kDerivationHeaderSize = 16;

void PutU24(std::uint32_t value, ByteWriter& out) {
  out.PutU8(LowByte(value >> 16U));
  out.PutU16(static_cast<std::uint16_t>(value & 0xFFFFU));
}

}  // namespace

std::optional<SecurityLevel> SecurityLevelOf(std::uint8_t p1) {
  const auto* const found =
      std::ranges::find(kLevels, p1, [](SecurityLevel level) { return static_cast<std::uint8_t>(level); });
  return found == kLevels.end() ? std::nullopt : std::optional(*found);
}

void PutInitializeUpdateAnswer(const InitializeUpdateAnswer& answer, ByteWriter& out) {
  out.PutBytes(answer.diversification);
  out.PutU8(answer.key_version);
  out.PutU8(kScp03);
  out.PutU8(answer.i);
  out.PutBytes(answer.card_challenge);
  out.PutBytes(answer.card_cryptogram);
  if (answer.sequence) {
    PutU24(*answer.sequence, out);
  }
}

Expected<InitializeUpdateAnswer, ParseError> ParseInitializeUpdateAnswer(ByteView bytes) {
  InitializeUpdateAnswer answer;
  std::uint8_t protocol = 0;
  ByteReader reader(bytes);
  if (!reader.ReadBytes(kDiversificationSize, answer.diversification) || !reader.ReadU8(answer.key_version) ||
      !reader.ReadU8(protocol)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (protocol != kScp03) {
    return Unexpected(ParseError::kBadValue);
  }
  if (!reader.ReadU8(answer.i) || !reader.ReadBytes(MacSize(answer.i), answer.card_challenge) ||
      !reader.ReadBytes(MacSize(answer.i), answer.card_cryptogram)) {
    return Unexpected(ParseError::kTruncated);
  }
  if (Has(answer.i, Scp03Option::kPseudoRandom)) {
    std::uint32_t sequence = 0;
    if (!reader.ReadU24(sequence)) {
      return Unexpected(ParseError::kTruncated);
    }
    answer.sequence = sequence;
  }
  if (!reader.empty()) {
    return Unexpected(ParseError::kTrailingBytes);
  }
  return answer;
}

bool Derive(crypto::Crypto& crypto, ByteView key, Derivation what, ByteView first, ByteView second, ByteSpan out) {
  const auto bits = static_cast<std::uint16_t>(out.size() * 8);
  std::uint8_t number = 0;
  for (ByteSpan rest = out; !rest.empty();) {
    std::array<std::uint8_t, kDerivationHeaderSize> memory{};
    ByteWriter header(memory);
    static_cast<void>(header.Reserve(kLabelZeros));
    header.PutU8(static_cast<std::uint8_t>(what));
    header.PutU8(0x00);
    header.PutU16(bits);
    header.PutU8(++number);
    const std::array<ByteView, 3> message{memory, first, second};
    SecretArray<kFullMacSize> block;
    if (!crypto.AesCmac(key, message, block.Prepare(kFullMacSize))) {
      Wipe(out);
      return false;
    }
    const std::size_t count = std::min(rest.size(), kFullMacSize);
    static_cast<void>(CopyBytes(block.Reveal(InsecureReveal::kForCrypto).first(count), rest));
    rest = rest.subspan(count);
  }
  return true;
}

bool MakeCardChallenge(crypto::Crypto& crypto, ByteView enc, std::uint32_t sequence, ByteView aid, ByteSpan challenge) {
  std::array<std::uint8_t, kSequenceSize> memory{};
  ByteWriter counter(memory);
  PutU24(sequence, counter);
  return sequence <= kMaxSequence && Derive(crypto, enc, Derivation::kCardChallenge, memory, aid, challenge);
}

std::optional<std::array<std::uint8_t, kKeyCheckValueSize>> KeyCheckValue(crypto::Crypto& crypto, ByteView key) {
  std::array<std::uint8_t, crypto::kAesBlockSize> block{};
  block.fill(0x01);
  const std::array<std::uint8_t, crypto::kAesBlockSize> zero_iv{};
  if (!IsAesKeySize(key.size()) || !crypto.AesCbc(crypto::Direction::kEncrypt, key, zero_iv, block, block)) {
    return std::nullopt;
  }
  std::array<std::uint8_t, kKeyCheckValueSize> value{};
  static_cast<void>(CopyBytes(ByteView(block).first(kKeyCheckValueSize), value));
  return value;
}

}  // namespace simroot::secure
