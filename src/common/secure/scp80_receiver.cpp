// SPDX-License-Identifier: Apache-2.0
#include "common/secure/scp80_receiver.hpp"

namespace simroot::secure {
namespace {

/// Whether a sender who wants `proof` hears of this status.
[[nodiscard]] bool IsWanted(Scp80Proof proof, Scp80Status status) {
  return proof == Scp80Proof::kAlways || (proof == Scp80Proof::kOnError && status != Scp80Status::kOk);
}

/// The first five bytes.
[[nodiscard]] std::uint64_t CounterInClear(ByteView body) {
  ByteReader reader(body);
  std::uint8_t high = 0;
  std::uint32_t low = 0;
  static_cast<void>(reader.ReadU8(high) && reader.ReadU32(low));
  return (std::uint64_t{high} << 32U) | low;
}

[[nodiscard]] bool NamesChecksum(std::uint8_t kid) {
  return AlgorithmOf(kid) == kCrc16Algorithm || AlgorithmOf(kid) == kCrc32Algorithm;
}

[[nodiscard]] bool UsesKeys(const Spi& spi) {
  return spi.ciphered || spi.check == Scp80Check::kCryptographic;
}

}  // namespace

bool IsSecureEnough(const Spi& spi, const Spi& minimum) {
  return spi.check >= minimum.check && (spi.ciphered || !minimum.ciphered) && spi.counter >= minimum.counter;
}

Expected<Scp80Accepted, Scp80Status> Scp80Receiver::Receive(ByteView packet, Scp80Form form, ByteSpan memory,
                                                            ByteWriter& answer) {
  header_ = {};
  form_ = form;
  keys_ = nullptr;
  counter_ = 0;
  authenticated_ = false;
  accepted_ = false;
  const auto parsed = ParseCommandPacket(packet, form);
  if (!parsed) {
    return Unexpected(Scp80Status::kUnidentifiedError);
  }
  header_ = parsed->header;
  if (!header_.spi.ciphered) {
    counter_ = CounterInClear(parsed->body);
  }
  auto judged = Judge(*parsed, memory);
  if (!judged) {
    const std::size_t before = answer.size();
    if (!Put(judged.error(), {}, answer)) {
      answer.Truncate(before);
    }
    return judged;
  }
  accepted_ = true;
  return judged;
}

Expected<Scp80Accepted, Scp80Status> Scp80Receiver::Judge(const Scp80CommandPacket& packet, ByteSpan memory) {
  const Spi& spi = header_.spi;
  keys_ = FindKeySet(header_);
  const Scp80Agreement no_keys;
  PacketSecurity security(crypto_, keys_ != nullptr ? keys_->agreement : no_keys);
  if ((UsesKeys(spi) && keys_ == nullptr) || (keys_ != nullptr && !security.Supports(header_))) {
    return Unexpected(Scp80Status::kUnidentifiedError);
  }
  const auto target = std::ranges::find(configuration_.targets, header_.tar, &Scp80Target::tar);
  if (target == configuration_.targets.end()) {
    return Unexpected(Scp80Status::kTarUnknown);
  }
  if (!IsSecureEnough(spi, target->minimum)) {
    return Unexpected(Scp80Status::kTooLittleSecurity);
  }
  const auto command = security.OpenCommand(packet, memory);
  if (!command) {
    return Unexpected(StatusOf(command.error()));
  }
  counter_ = command->counter;
  authenticated_ = spi.check == Scp80Check::kCryptographic;
  if (const auto counted = JudgeCounter(spi.counter, command->counter); !counted) {
    return Unexpected(counted.error());
  }
  return Scp80Accepted{.tar = header_.tar,
                       .key_version = keys_ != nullptr ? keys_->version : std::uint8_t{0},
                       .counter = command->counter,
                       .data = command->data};
}

/// The one key set that command and answer use, or nullptr.
const Scp80KeySet* Scp80Receiver::FindKeySet(const Scp80Header& header) const {
  const Spi& spi = header.spi;
  const bool answered = spi.proof != Scp80Proof::kNever;
  const bool ciphers = spi.ciphered || (answered && spi.proof_ciphered);
  const bool checks =
      spi.check == Scp80Check::kCryptographic || (answered && spi.proof_check == Scp80Check::kCryptographic);
  // Two key sets in one packet would be two counters.
  if (ciphers && checks && KeyVersionOf(header.kic) != KeyVersionOf(header.kid)) {
    return nullptr;
  }
  const std::uint8_t version = KeyVersionOf(ciphers ? header.kic : header.kid);
  const auto found = std::ranges::find(configuration_.key_sets, version, &Scp80KeySet::version);
  return version == 0 || found == configuration_.key_sets.end() ? nullptr : &*found;
}

/// Judges the counter and stores it: from here on the packet is used up, whatever becomes of its command.
Expected<void, Scp80Status> Scp80Receiver::JudgeCounter(Scp80CounterRule rule, std::uint64_t counter) {
  if (rule == Scp80CounterRule::kNone || rule == Scp80CounterRule::kUnchecked) {
    return {};
  }
  // Whoever is not authenticated could move the counter, up to its end.
  if (!authenticated_) {
    return Unexpected(Scp80Status::kTooLittleSecurity);
  }
  const auto stored = counters_.Load(keys_->version);
  if (!stored) {
    return Unexpected(Scp80Status::kUnidentifiedError);
  }
  if (*stored >= kMaxScp80Counter) {
    return Unexpected(Scp80Status::kCounterBlocked);
  }
  if (counter <= *stored) {
    return Unexpected(Scp80Status::kCounterLow);
  }
  if (rule == Scp80CounterRule::kNext && counter != *stored + 1) {
    return Unexpected(Scp80Status::kCounterHigh);
  }
  if (!counters_.Save(keys_->version, counter)) {
    return Unexpected(Scp80Status::kUnidentifiedError);
  }
  return {};
}

Scp80Status Scp80Receiver::StatusOf(Scp80Error error) const {
  switch (error) {
    case Scp80Error::kNotAuthentic:
      return configuration_.name_security_errors ? Scp80Status::kCheckFailed : Scp80Status::kUnidentifiedError;
    case Scp80Error::kCiphering:
      return configuration_.name_security_errors ? Scp80Status::kCipheringError : Scp80Status::kUnidentifiedError;
    case Scp80Error::kLength:
      return Scp80Status::kNoMemory;
    default:
      return Scp80Status::kUnidentifiedError;
  }
}

Expected<void, Scp80Error> Scp80Receiver::Finish(Scp80Status status, ByteView data, ByteWriter& answer) {
  if (!accepted_) {
    return Unexpected(Scp80Error::kState);
  }
  accepted_ = false;
  return Put(status, data, answer);
}

Expected<void, Scp80Error> Scp80Receiver::Put(Scp80Status status, ByteView data, ByteWriter& answer) {
  if (!IsWanted(header_.spi.proof, status)) {
    return {};
  }
  Scp80Header asked = header_;
  if (!authenticated_) {
    asked.spi.proof_ciphered = false;
    if (asked.spi.proof_check != Scp80Check::kRedundancy || !NamesChecksum(asked.kid)) {
      asked.spi.proof_check = Scp80Check::kNone;
    }
  }
  const Scp80Agreement no_keys;
  PacketSecurity security(crypto_, keys_ != nullptr ? keys_->agreement : no_keys);
  return security.PutResponse(asked, {.tar = header_.tar, .counter = counter_, .status = status, .data = data}, form_,
                              answer);
}

}  // namespace simroot::secure
