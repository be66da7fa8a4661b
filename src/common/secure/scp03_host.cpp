// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp03_host.hpp"

namespace simroot::secure {
namespace {

constexpr std::size_t kMaxLc = 255;
constexpr std::size_t kAnyLength = 256;

/// Bytes of a command's data after padding, without its check.
[[nodiscard]] std::size_t SecuredSize(SecurityLevel level, std::size_t plain) {
  return EnciphersCommands(level) && plain != 0 ? (plain / crypto::kAesBlockSize + 1) * crypto::kAesBlockSize : plain;
}

}  // namespace

Expected<void, Scp03Error> Scp03Host::Begin(std::uint8_t key_version, ByteView host_challenge, ByteWriter& command) {
  End();
  if ((host_challenge.size() != 8 && host_challenge.size() != 16) || !host_challenge_.Assign(host_challenge)) {
    return Unexpected(Scp03Error::kMalformed);
  }
  wire::PutCommand({.cla = kProprietaryClass,
                    .ins = kInitializeUpdateIns,
                    .p1 = key_version,
                    .data = host_challenge,
                    .le = kAnyLength},
                   command);
  if (!command.ok()) {
    return Unexpected(Scp03Error::kLength);
  }
  key_version_ = key_version;
  state_ = State::kBegun;
  return {};
}

Expected<void, Scp03Error> Scp03Host::Authenticate(const Scp03Keys& keys, ByteView answer, SecurityLevel level,
                                                   ByteWriter& command) {
  auto done = JudgeCard(keys, answer, level);
  if (done) {
    done = PutAuthentication(level, command);
  }
  if (!done) {
    End();
    return done;
  }
  level_ = level;
  state_ = State::kOpen;
  return {};
}

Expected<void, Scp03Error> Scp03Host::JudgeCard(const Scp03Keys& keys, ByteView answer, SecurityLevel level) {
  if (state_ != State::kBegun) {
    return Unexpected(Scp03Error::kState);
  }
  const auto parsed = ParseInitializeUpdateAnswer(answer);
  if (!parsed) {
    return Unexpected(parsed.error() == ParseError::kBadValue ? Scp03Error::kUnsupported : Scp03Error::kMalformed);
  }
  constexpr unsigned kKnownOptions = 0x71;
  const bool unknown = (parsed->i & ~kKnownOptions) != 0;  // i is under no check: what is not known is not believed
  const bool other_keys = key_version_ != 0 && parsed->key_version != key_version_;
  const bool cannot = (ChecksResponses(level) && !Has(parsed->i, Scp03Option::kRMac)) ||
                      (EnciphersResponses(level) && !Has(parsed->i, Scp03Option::kREnc));
  if (unknown || other_keys || cannot || parsed->card_challenge.size() != host_challenge_.size()) {
    return Unexpected(Scp03Error::kUnsupported);
  }
  if (!session_.Start(keys, host_challenge_.view(), parsed->card_challenge)) {
    return Unexpected(Scp03Error::kCrypto);
  }
  if (!SameSecret(parsed->card_cryptogram, session_.card_cryptogram())) {
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  return {};
}

Expected<void, Scp03Error> Scp03Host::PutAuthentication(SecurityLevel level, ByteWriter& command) {
  return PutSecured({.cla = kProprietaryClass,
                     .ins = kExternalAuthenticateIns,
                     .p1 = static_cast<std::uint8_t>(level),
                     .data = {},
                     .le = {}},
                    session_.host_cryptogram(), command);
}

Expected<void, Scp03Error> Scp03Host::Wrap(const wire::CommandApdu& plain, ByteWriter& command) {
  const bool full = !pending_.empty() && pending_count_ == pending_.size();
  if (state_ != State::kOpen || full) {
    return Unexpected(Scp03Error::kState);
  }
  const std::size_t size = SecuredSize(level_, plain.data.size());
  if (plain.extended || size + session_.mac_size() > kMaxLc) {
    return Unexpected(Scp03Error::kLength);
  }
  auto secured = Secure(plain, command);
  if (!secured) {
    End();
    return secured;
  }
  AddPending();
  return secured;
}

void Scp03Host::AddPending() {
  if (pending_.empty()) {
    return;
  }
  const std::size_t place = (pending_first_ + pending_count_) % pending_.size();
  pending_[place] = session_.last();
  ++pending_count_;
}

Expected<Scp03Pending, Scp03Error> Scp03Host::TakePending() {
  if (pending_.empty()) {
    return session_.last();
  }
  if (pending_count_ == 0) {
    return Unexpected(Scp03Error::kState);
  }
  const Scp03Pending oldest = pending_[pending_first_];
  pending_first_ = (pending_first_ + 1) % pending_.size();
  --pending_count_;
  return oldest;
}

Expected<void, Scp03Error> Scp03Host::Secure(const wire::CommandApdu& plain, ByteWriter& command) {
  SR_TRY_VOID(session_.CountCommand());
  if (!EnciphersCommands(level_) || plain.data.empty()) {
    return PutSecured(plain, plain.data, command);
  }
  std::array<std::uint8_t, kMaxLc> memory{};
  ByteWriter enciphered(memory);
  SR_TRY_VOID(session_.Encipher(FieldOf::kCommand, plain.data, enciphered));
  return PutSecured(plain, enciphered.written(), command);
}

/// Writes `command` with `data` and its check, which becomes the chaining value.
Expected<void, Scp03Error> Scp03Host::PutSecured(wire::CommandApdu command, ByteView data, ByteWriter& out) {
  SR_TRY(const FullMac mac, session_.CommandMac(command, data));
  std::array<std::uint8_t, kMaxLc> memory{};
  ByteWriter secured(memory);
  secured.PutBytes(data);
  secured.PutBytes(ByteView(mac).first(session_.mac_size()));
  command.cla = LowByte(command.cla | kSecureMessagingBit);
  command.data = secured.written();
  wire::PutCommand(command, out);
  if (!out.ok()) {
    return Unexpected(Scp03Error::kLength);
  }
  session_.Chain(mac);
  return {};
}

Expected<ByteView, Scp03Error> Scp03Host::Unwrap(ByteView data, wire::StatusWord sw, ByteSpan memory) {
  auto plain = CheckAnswer(data, sw, memory);
  if (!plain) {
    End();
  }
  return plain;
}

Expected<ByteView, Scp03Error> Scp03Host::CheckAnswer(ByteView data, wire::StatusWord sw, ByteSpan memory) {
  if (state_ != State::kOpen) {
    return Unexpected(Scp03Error::kState);
  }
  SR_TRY(const Scp03Pending command, TakePending());
  if (!ChecksResponses(level_)) {
    return data;
  }
  if (!CarriesResponseMac(sw)) {
    if (!data.empty()) {
      return Unexpected(Scp03Error::kNotAuthentic);
    }
    return data;
  }
  if (data.size() < session_.mac_size()) {
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  const ByteView received = data.last(session_.mac_size());
  const ByteView answer = data.first(data.size() - received.size());
  SR_TRY(const FullMac mac, session_.ResponseMac(command, answer, sw));
  if (!MacMatches(mac, received)) {
    return Unexpected(Scp03Error::kNotAuthentic);
  }
  if (!EnciphersResponses(level_) || answer.empty()) {
    return answer;
  }
  return session_.Decipher(FieldOf::kResponse, command.counter, answer, memory);
}

void Scp03Host::End() {
  session_.End();
  std::ranges::fill(pending_, Scp03Pending{});
  pending_first_ = 0;
  pending_count_ = 0;
  host_challenge_.clear();
  key_version_ = 0;
  level_ = SecurityLevel::kCMac;
  state_ = State::kIdle;
}

}  // namespace simroot::secure
