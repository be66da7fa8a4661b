// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/secured_session.hpp"

namespace simroot::platform {
namespace {

using secure::Scp03Error;

constexpr std::size_t kAnyLength = 256;
constexpr std::uint8_t kPutKey = 0xD8;
constexpr std::uint8_t kSeveralFromFirst = 0x81;
constexpr std::uint8_t kAesKeyType = 0x88;

[[nodiscard]] tl::unexpected<Failure> NotTheCard() {
  return Refuse(FailureKind::kDenied, "the card did not prove itself",
                "check that the card is known to the platform and that nothing on the way changes what is sent");
}

[[nodiscard]] tl::unexpected<Failure> ChannelFailure(Scp03Error error) {
  switch (error) {
    case Scp03Error::kNotAuthentic:
    case Scp03Error::kMalformed:
    case Scp03Error::kUnsupported:
      return NotTheCard();
    case Scp03Error::kLength:
      return Refuse(FailureKind::kInternal, "a command for the card is longer than a secured APDU");
    case Scp03Error::kCrypto:
      return Refuse(FailureKind::kInternal, "the crypto library failed in a secured session");
    default:
      return Refuse(FailureKind::kInternal, "the secured session with the card is over");
  }
}

}  // namespace

std::optional<CardKeyBytes> SplitCardKeys(ByteView all) {
  const std::size_t size = all.size() / 3;
  if (all.size() != 3 * size || !secure::IsAesKeySize(size)) {
    return std::nullopt;
  }
  return CardKeyBytes{all.first(size), all.subspan(size, size), all.last(size)};
}

Bytes SecuredSession::Hash(ByteView bytes) {
  const std::lock_guard lock(place_.mutex);
  constexpr auto kHash = crypto::HashAlgorithm::kSha256;
  Bytes digest(DigestSize(kHash));
  crypto::HashState state;
  if (!place_.crypto->HashBegin(kHash, state)) {
    return {};
  }
  if (!place_.crypto->HashUpdate(state, bytes)) {
    place_.crypto->HashAbort(state);
    return {};
  }
  return place_.crypto->HashFinish(state, digest) ? digest : Bytes();
}

bool SecuredSession::Random(ByteSpan out) {
  const std::lock_guard lock(place_.mutex);
  return place_.crypto->Random(out);
}

// Version, then `88 length {length in clear, key under the DEK} 03 check value` for each key.
Outcome<PutKeyCommand> SecuredSession::PutKey(std::uint8_t replaced, std::uint8_t version, const CardKeyBytes& keys) {
  PutKeyCommand result;
  result.command.ins = kPutKey;
  result.command.p1 = replaced;
  result.command.p2 = kSeveralFromFirst;
  result.command.purpose = Purpose::kPutKey;
  result.command.what = "PUT KEY version " + ToHex(ByteView(&version, 1)) + " for " + ToHex(ByteView(&replaced, 1));
  Bytes& data = result.command.data;
  data.push_back(version);
  result.expected.push_back(version);
  for (const ByteView key : {keys.enc, keys.mac, keys.dek}) {
    SR_TRY(const Bytes enciphered, EncipherKey(key));
    const std::lock_guard lock(place_.mutex);
    const auto check_value = secure::KeyCheckValue(*place_.crypto, key);
    if (!check_value) {
      return Refuse(FailureKind::kInternal, "a new card key is no AES key");
    }
    data.insert(data.end(), {kAesKeyType, LowByte(enciphered.size() + 1), LowByte(key.size())});
    data.insert(data.end(), enciphered.begin(), enciphered.end());
    data.push_back(LowByte(check_value->size()));
    data.insert(data.end(), check_value->begin(), check_value->end());
    result.expected.insert(result.expected.end(), check_value->begin(), check_value->end());
  }
  return result;
}

Outcome<Bytes> SecuredSession::Hello(std::uint8_t key_version) {
  const std::lock_guard lock(place_.mutex);
  std::array<std::uint8_t, kChallengeSize> challenge{};
  if (!place_.crypto->Random(challenge)) {
    return ChannelFailure(Scp03Error::kCrypto);
  }
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter command(memory);
  if (const auto begun = host_.Begin(key_version, challenge, command); !begun) {
    return ChannelFailure(begun.error());
  }
  return Bytes(command.written().begin(), command.written().end());
}

Outcome<void> SecuredSession::TakeUp(ByteView challenge) {
  const std::lock_guard lock(place_.mutex);
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter sent(memory);
  if (const auto begun = host_.Begin(0, challenge, sent); !begun) {
    return ChannelFailure(begun.error());
  }
  return {};
}

Outcome<SecuredSession::Offer> SecuredSession::ReadOffer(ByteView answer) {
  const auto parsed = secure::ParseInitializeUpdateAnswer(answer);
  if (!parsed) {
    return NotTheCard();
  }
  return Offer{parsed->key_version, parsed->sequence};
}

// Whoever carries the answer could otherwise raise the number and lock the card out for ever.
bool SecuredSession::CameFrom(std::uint32_t sequence, ByteView enc, ByteView aid, ByteView challenge) {
  std::array<std::uint8_t, secure::kFullMacSize> memory{};
  const ByteSpan made = ByteSpan(memory).first(std::min(challenge.size(), memory.size()));
  return secure::MakeCardChallenge(*place_.crypto, enc, sequence, aid, made) && SameBytes(made, challenge);
}

Outcome<Bytes> SecuredSession::Authenticate(const CardKeyBytes& keys, ByteView aid, ByteView answer) {
  const std::lock_guard lock(place_.mutex);
  const auto parsed = secure::ParseInitializeUpdateAnswer(answer);
  if (!parsed || (parsed->sequence && !CameFrom(*parsed->sequence, keys.enc, aid, parsed->card_challenge))) {
    return NotTheCard();
  }
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter command(memory);
  const auto judged = host_.Authenticate({keys.enc, keys.mac}, answer, secure::SecurityLevel::kFull, command);
  if (!judged) {
    return ChannelFailure(judged.error());
  }
  if (!dek_.Assign(keys.dek)) {
    return ChannelFailure(Scp03Error::kCrypto);
  }
  return Bytes(command.written().begin(), command.written().end());
}

Outcome<Bytes> SecuredSession::Secure(const CardCommand& command) {
  const std::lock_guard lock(place_.mutex);
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter secured(memory);
  const wire::CommandApdu plain{.cla = secure::kProprietaryClass,
                                .ins = command.ins,
                                .p1 = command.p1,
                                .p2 = command.p2,
                                .data = command.data,
                                .le = kAnyLength};
  if (const auto wrapped = host_.Wrap(plain, secured); !wrapped) {
    return ChannelFailure(wrapped.error());
  }
  return Bytes(secured.written().begin(), secured.written().end());
}

Outcome<Bytes> SecuredSession::Open(ByteView data, std::uint16_t sw) {
  const std::lock_guard lock(place_.mutex);
  std::array<std::uint8_t, kAnyLength> memory{};
  const auto plain = host_.Unwrap(data, static_cast<wire::StatusWord>(sw), memory);
  if (!plain) {
    return ChannelFailure(plain.error());
  }
  return Bytes(plain->begin(), plain->end());
}

Outcome<Bytes> SecuredSession::EncipherKey(ByteView clear) {
  const std::lock_guard lock(place_.mutex);
  Bytes block;
  block.reserve(clear.size() + crypto::kAesBlockSize);  // never moved: no copy of the key stays behind
  block.assign(clear.begin(), clear.end());
  block.resize((clear.size() + crypto::kAesBlockSize - 1) / crypto::kAesBlockSize * crypto::kAesBlockSize);
  const std::array<std::uint8_t, crypto::kAesBlockSize> zero_iv{};
  const ByteView key = dek_.Reveal(InsecureReveal::kForCrypto);
  if (block.empty() || !place_.crypto->AesCbc(crypto::Direction::kEncrypt, key, zero_iv, block, block)) {
    Wipe(block);
    return ChannelFailure(Scp03Error::kCrypto);
  }
  return block;
}

}  // namespace simroot::platform
