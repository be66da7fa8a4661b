// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp03_session.hpp"

namespace simroot::secure {
namespace {

using crypto::kAesBlockSize;

constexpr std::size_t kMaxLc = 255;
constexpr std::uint8_t kPaddingMark = 0x80;
constexpr std::uint8_t kChannelBits = 0x03;
constexpr std::uint8_t kResponseCounterMark = 0x80;

}  // namespace

bool Scp03Session::Start(const Scp03Keys& keys, ByteView host_challenge, ByteView card_challenge) {
  End();
  const std::size_t size = host_challenge.size();
  if (!IsAesKeySize(keys.enc.size()) || !IsAesKeySize(keys.mac.size()) || (size != 8 && size != 16) ||
      card_challenge.size() != size) {
    return false;
  }
  mac_size_ = size;
  const auto derive = [&](ByteView key, Derivation what, ByteSpan out) {
    return Derive(crypto_, key, what, host_challenge, card_challenge, out);
  };
  const bool derived = derive(keys.enc, Derivation::kSessionEnc, enc_.Prepare(keys.enc.size())) &&
                       derive(keys.mac, Derivation::kSessionMac, mac_.Prepare(keys.mac.size())) &&
                       derive(keys.mac, Derivation::kSessionRMac, rmac_.Prepare(keys.mac.size()));
  const ByteView mac = mac_.Reveal(InsecureReveal::kForCrypto);
  if (!derived || !derive(mac, Derivation::kCardCryptogram, card_cryptogram_.Prepare(size)) ||
      !derive(mac, Derivation::kHostCryptogram, host_cryptogram_.Prepare(size))) {
    End();
    return false;
  }
  return true;
}

void Scp03Session::End() {
  enc_.Clear();
  mac_.Clear();
  rmac_.Clear();
  card_cryptogram_.Clear();
  host_cryptogram_.Clear();
  Wipe(last_.chaining);
  last_.counter = 0;
  mac_size_ = 0;
}

Expected<FullMac, Scp03Error> Scp03Session::CommandMac(const wire::CommandApdu& command, ByteView data) {
  const std::size_t lc = data.size() + mac_size_;
  if (lc > kMaxLc) {
    return Unexpected(Scp03Error::kLength);
  }
  const std::array<std::uint8_t, 5> header{LowByte((command.cla & ~kChannelBits) | kSecureMessagingBit), command.ins,
                                           command.p1, command.p2, LowByte(lc)};
  const std::array<ByteView, 3> message{last_.chaining, header, data};
  FullMac mac{};
  if (!crypto_.AesCmac(mac_.Reveal(InsecureReveal::kForCrypto), message, mac)) {
    return Unexpected(Scp03Error::kCrypto);
  }
  return mac;
}

Expected<FullMac, Scp03Error> Scp03Session::ResponseMac(const Scp03Pending& command, ByteView data,
                                                        wire::StatusWord sw) {
  const std::array<std::uint8_t, 2> trailer{wire::Sw1(sw), wire::Sw2(sw)};
  const std::array<ByteView, 3> message{command.chaining, data, trailer};
  FullMac mac{};
  if (!crypto_.AesCmac(rmac_.Reveal(InsecureReveal::kForCrypto), message, mac)) {
    return Unexpected(Scp03Error::kCrypto);
  }
  return mac;
}

Expected<void, Scp03Error> Scp03Session::CountCommand() {
  if (last_.counter >= kMaxSessionCommands) {
    return Unexpected(Scp03Error::kExhausted);
  }
  ++last_.counter;
  return {};
}

/// The initial value of a CBC field: the enciphered counter (Amendment D, 6.2.6 and 6.2.7).
bool Scp03Session::CounterBlock(FieldOf field, std::uint32_t counter, ByteSpan block) {
  ByteWriter out(block);
  out.PutU8(field == FieldOf::kResponse ? kResponseCounterMark : std::uint8_t{0});
  static_cast<void>(out.Reserve(kAesBlockSize - 1 - sizeof(counter)));
  out.PutU32(counter);
  const std::array<std::uint8_t, kAesBlockSize> zero_iv{};
  return crypto_.AesCbc(crypto::Direction::kEncrypt, enc_.Reveal(InsecureReveal::kForCrypto), zero_iv, block, block);
}

Expected<void, Scp03Error> Scp03Session::Encipher(FieldOf field, ByteView plain, ByteWriter& out) {
  const std::size_t size = (plain.size() / kAesBlockSize + 1) * kAesBlockSize;
  const ByteSpan place = out.Reserve(size);
  if (place.empty()) {
    return Unexpected(Scp03Error::kLength);
  }
  ByteWriter padded(place);
  padded.PutBytes(plain);
  padded.PutU8(kPaddingMark);
  std::ranges::fill(padded.Reserve(padded.free()), std::uint8_t{0});
  std::array<std::uint8_t, kAesBlockSize> iv{};
  if (!CounterBlock(field, last_.counter, iv) ||
      !crypto_.AesCbc(crypto::Direction::kEncrypt, enc_.Reveal(InsecureReveal::kForCrypto), iv, place, place)) {
    Wipe(place);
    return Unexpected(Scp03Error::kCrypto);
  }
  return {};
}

Expected<ByteView, Scp03Error> Scp03Session::Decipher(FieldOf field, std::uint32_t counter, ByteView enciphered,
                                                      ByteSpan memory) {
  if (enciphered.empty() || enciphered.size() % kAesBlockSize != 0) {
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  if (enciphered.size() > memory.size()) {
    return Unexpected(Scp03Error::kLength);
  }
  const ByteSpan plain = memory.first(enciphered.size());
  std::array<std::uint8_t, kAesBlockSize> iv{};
  if (!CounterBlock(field, counter, iv) ||
      !crypto_.AesCbc(crypto::Direction::kDecrypt, enc_.Reveal(InsecureReveal::kForCrypto), iv, enciphered, plain)) {
    Wipe(plain);
    return Unexpected(Scp03Error::kCrypto);
  }
  // The check over the ciphertext has been verified: the padding tells an attacker nothing.
  const auto last_block = plain.last(kAesBlockSize);
  const auto mark = std::find_if(last_block.rbegin(), last_block.rend(), [](std::uint8_t byte) { return byte != 0; });
  if (mark == last_block.rend() || *mark != kPaddingMark) {
    Wipe(plain);
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  const auto padding = static_cast<std::size_t>(mark - last_block.rbegin()) + 1;
  return ByteView(plain.first(plain.size() - padding));
}

}  // namespace simroot::secure
