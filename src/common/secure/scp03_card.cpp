// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp03_card.hpp"

namespace simroot::secure {
namespace {

/// Pseudo-random challenge, R-MAC and R-ENC.
constexpr std::uint8_t kCardOptions = static_cast<std::uint8_t>(Scp03Option::kPseudoRandom) |
                                      static_cast<std::uint8_t>(Scp03Option::kRMac) |
                                      static_cast<std::uint8_t>(Scp03Option::kREnc);
constexpr std::size_t kS16Size = 16;

}  // namespace

Expected<void, Scp03Error> Scp03Card::Begin(const Scp03Keys& keys, const Offer& offer, ByteView host_challenge,
                                            ByteWriter& answer) {
  End();
  const std::uint8_t i = host_challenge.size() == kS16Size
                             ? LowByte(kCardOptions | static_cast<unsigned>(Scp03Option::kS16))
                             : kCardOptions;
  if (host_challenge.size() != MacSize(i) || offer.diversification.size() != kDiversificationSize) {
    return Unexpected(Scp03Error::kMalformed);
  }
  std::array<std::uint8_t, kFullMacSize> challenge{};
  const ByteSpan card_challenge = ByteSpan(challenge).first(MacSize(i));
  if (!MakeCardChallenge(session_.crypto(), keys.enc, offer.sequence, offer.aid, card_challenge) ||
      !session_.Start(keys, host_challenge, card_challenge)) {
    return Unexpected(Scp03Error::kCrypto);
  }
  PutInitializeUpdateAnswer({.diversification = offer.diversification,
                             .key_version = offer.key_version,
                             .i = i,
                             .card_challenge = card_challenge,
                             .card_cryptogram = session_.card_cryptogram(),
                             .sequence = offer.sequence},
                            answer);
  if (!answer.ok()) {
    End();
    return Unexpected(Scp03Error::kLength);
  }
  state_ = State::kBegun;
  return {};
}

Expected<void, Scp03Error> Scp03Card::Authenticate(const wire::CommandApdu& command) {
  const auto level = CheckAuthentication(command);
  if (!level) {
    End();
    return Unexpected(level.error());
  }
  level_ = *level;
  state_ = State::kAuthenticated;
  return {};
}

Expected<SecurityLevel, Scp03Error> Scp03Card::CheckAuthentication(const wire::CommandApdu& command) {
  if (state_ != State::kBegun) {
    return Unexpected(Scp03Error::kState);
  }
  const std::optional<SecurityLevel> level = SecurityLevelOf(command.p1);
  if (!level || command.p2 != 0 || command.ins != kExternalAuthenticateIns || !IsSecureClass(command.cla) ||
      command.extended || command.data.size() != 2 * session_.mac_size()) {
    return Unexpected(Scp03Error::kMalformed);
  }
  SR_TRY(const ByteView cryptogram, CheckMac(command));
  if (!SameSecret(cryptogram, session_.host_cryptogram())) {
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  return *level;
}

/// The data in front of the check, which is right and has become the chaining value.
Expected<ByteView, Scp03Error> Scp03Card::CheckMac(const wire::CommandApdu& command) {
  if (command.data.size() < session_.mac_size()) {
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  const ByteView received = command.data.last(session_.mac_size());
  const ByteView data = command.data.first(command.data.size() - received.size());
  SR_TRY(const FullMac mac, session_.CommandMac(command, data));
  if (!MacMatches(mac, received)) {
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  session_.Chain(mac);
  return data;
}

Expected<wire::CommandApdu, Scp03Error> Scp03Card::Unwrap(const wire::CommandApdu& command, ByteSpan memory) {
  auto plain = CheckCommand(command, memory);
  if (!plain) {
    End();
  }
  return plain;
}

Expected<wire::CommandApdu, Scp03Error> Scp03Card::CheckCommand(const wire::CommandApdu& command, ByteSpan memory) {
  if (state_ != State::kAuthenticated) {
    return Unexpected(Scp03Error::kState);
  }
  if (!IsSecureClass(command.cla) || command.extended) {
    return Unexpected(Scp03Error::kMalformed);
  }
  SR_TRY_VOID(session_.CountCommand());
  wire::CommandApdu plain = command;
  SR_TRY(plain.data, CheckMac(command));
  if (!EnciphersCommands(level_) || plain.data.empty()) {
    return plain;
  }
  SR_TRY(plain.data, session_.Decipher(FieldOf::kCommand, session_.last().counter, plain.data, memory));
  return plain;
}

Expected<void, Scp03Error> Scp03Card::Wrap(wire::StatusWord sw, ByteView plain, ByteWriter& out) {
  if (state_ != State::kAuthenticated) {
    return Unexpected(Scp03Error::kState);
  }
  if (!CarriesResponseMac(sw)) {
    return {};
  }
  const auto wrapped = [&]() -> Expected<void, Scp03Error> {
    const std::size_t start = out.size();
    if (EnciphersResponses(level_) && !plain.empty()) {
      SR_TRY_VOID(session_.Encipher(FieldOf::kResponse, plain, out));
    } else {
      out.PutBytes(plain);
    }
    if (ChecksResponses(level_)) {
      SR_TRY(const FullMac mac, session_.ResponseMac(session_.last(), out.written().subspan(start), sw));
      out.PutBytes(ByteView(mac).first(session_.mac_size()));
    }
    if (!out.ok()) {
      return Unexpected(Scp03Error::kLength);
    }
    return {};
  }();
  if (!wrapped) {
    End();
  }
  return wrapped;
}

void Scp03Card::End() {
  session_.End();
  state_ = State::kIdle;
  level_ = SecurityLevel::kCMac;
}

}  // namespace simroot::secure
