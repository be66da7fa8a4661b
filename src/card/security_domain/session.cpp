// SPDX-License-Identifier: Apache-2.0
// INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, and what a secured session does to every command.
#include "card/security_domain/commands.hpp"

namespace simroot::card {

using wire::StatusWord;

wire::StatusWord SecurityDomain::InitializeUpdate(std::uint8_t channel, const Call& call) {
  EndSession();
  const wire::CommandApdu& command = call.command;
  if (command.p2 != 0) {
    return StatusWord::kIncorrectP1P2;
  }
  if (command.data.size() != 8 && command.data.size() != 16) {
    return StatusWord::kWrongLength;
  }
  const std::optional<std::uint8_t> version = command.p1 == 0 ? key_sets_.Default() : std::optional(command.p1);
  if (!version || UseOfVersion(*version) != KeySetUse::kScp03 || !key_sets_.Exists(*version)) {
    return StatusWord::kReferencedDataNotFound;
  }
  if (const Sw sw = JudgeAttempts(*version); sw != StatusWord::kOk) {
    return sw;
  }
  const auto sequence = key_sets_.NextSequence(*version);
  if (!sequence) {
    return sequence.error() == StoreError::kFull ? StatusWord::kConditionsNotSatisfied : StatusOf(sequence.error());
  }
  const secure::Scp03Keys keys{key_sets_.Value(*version, KeyRole::kEnc), key_sets_.Value(*version, KeyRole::kMac)};
  const secure::Scp03Card::Offer offer{.diversification = config_.diversification,
                                       .key_version = *version,
                                       .sequence = *sequence,
                                       .aid = kSecurityDomainAid};
  if (!session_.Begin(keys, offer, command.data, call.response)) {
    return StatusWord::kOtherError;
  }
  session_channel_ = channel;
  session_version_ = *version;
  return StatusWord::kOk;
}

/// A key set that has seen too many failures is slow, not dead: who can send commands to the card must not be able to
/// lock its issuer out for good, and with 64 bits to guess he gains nothing from many attempts.
wire::StatusWord SecurityDomain::JudgeAttempts(std::uint8_t version) const {
  const std::uint64_t failures = key_sets_.Failures(version);
  if (config_.policy.max_attempts != 0 && failures >= config_.policy.max_attempts) {
    return StatusWord::kAuthenticationBlocked;
  }
  if (failures >= config_.policy.free_attempts && failed_since_reset_) {
    return StatusWord::kConditionsNotSatisfied;
  }
  return StatusWord::kOk;
}

wire::StatusWord SecurityDomain::ExternalAuthenticate(const wire::CommandApdu& command) {
  const std::uint8_t version = session_version_;
  // Stored before anything is compared: cutting the power undoes no attempt.
  if (!key_sets_.SetFailures(version, key_sets_.Failures(version) + 1)) {
    EndSession();
    return StatusWord::kIntegrityIssue;
  }
  if (!session_.Authenticate(command)) {
    failed_since_reset_ = true;
    EndSession();
    return StatusWord::kSecurityNotSatisfied;
  }
  if (!key_sets_.SetFailures(version, 0) || !dek_.Assign(key_sets_.Value(version, KeyRole::kDek))) {
    EndSession();
    return StatusWord::kIntegrityIssue;
  }
  return StatusWord::kOk;
}

wire::StatusWord SecurityDomain::ProcessSecured(const wire::CommandApdu& command, ByteWriter& response) {
  const auto plain = session_.Unwrap(command, command_memory_);
  if (!plain) {
    EndSession();
    return StatusWord::kSecurityNotSatisfied;
  }
  ByteWriter answer(response_memory_);
  const CommandRow* const row = CommandTable::Find(plain->ins);
  Sw sw = row == nullptr ? StatusWord::kUnknownInstruction : Run(*row, {*plain, answer});
  if (!answer.ok()) {
    answer.Truncate(0);
    sw = StatusWord::kOtherError;
  }
  const bool wrapped = session_.Wrap(sw, answer.written(), response).has_value();
  Wipe(command_memory_);
  Wipe(response_memory_);
  if (!wrapped) {
    EndSession();
    return StatusWord::kOtherError;
  }
  return sw;
}

void SecurityDomain::EndSession() {
  session_.End();
  dek_.Clear();
  Wipe(command_memory_);
  Wipe(response_memory_);
  session_version_ = 0;
  next_entry_ = 0;
  EndPersonalisation();
}

bool SecurityDomain::Unwrapper::Unwrap(ByteView enciphered, ByteSpan clear) {
  const std::array<std::uint8_t, crypto::kAesBlockSize> zero_iv{};
  const bool allowed = domain_.session_.is_authenticated() && secure::EnciphersCommands(domain_.session_.level());
  const bool whole = !enciphered.empty() && enciphered.size() % crypto::kAesBlockSize == 0;
  return allowed && whole && enciphered.size() == clear.size() &&
         domain_.crypto_.AesCbc(crypto::Direction::kDecrypt, domain_.dek_.Reveal(InsecureReveal::kForCrypto), zero_iv,
                                enciphered, clear);
}

}  // namespace simroot::card
