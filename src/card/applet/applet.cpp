// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"

#include "card/applet/algorithms.hpp"

namespace simroot::card {

using iotsafe::Ins;
using wire::CommandApdu;
using wire::StatusWord;

/// What the dispatcher checks before a command function sees the command.
enum class P1P2Rule : std::uint8_t { kZero, kOwn };  ///< kOwn: the function checks them
enum class DataRule : std::uint8_t { kNone, kNeeded, kOwn };
/// Which cards have the instruction; on others it is 6D00.
enum class Offer : std::uint8_t {
  kAlways,
  kTypeI,           ///< needs key pairs
  kExtension,       ///< ours, with config.extensions
  kTypeIExtension,  ///< both
  kManaged,         ///< whatever the card, with kFeatures.administration
};

struct CommandTable {
  struct Rule {
    Ins ins;
    P1P2Rule p1p2;
    DataRule data;
    Offer offer;
    StatusWord (Applet::*run)(const Applet::Call&);
  };

  /// One row per instruction, sorted: the applet refuses to build if it is not.
  static constexpr std::array kAllRules{
      Rule{Ins::kVerifyPin, P1P2Rule::kOwn, DataRule::kOwn, Offer::kManaged, &Applet::VerifyPin},
      Rule{Ins::kPutPublicKeyInit, P1P2Rule::kOwn, DataRule::kOwn, Offer::kTypeI, &Applet::PutPublicKeyInit},
      Rule{Ins::kComputeSignatureInit, P1P2Rule::kOwn, DataRule::kOwn, Offer::kTypeI, &Applet::ComputeSignatureInit},
      Rule{Ins::kComputeSignatureUpdate, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kTypeI,
           &Applet::ComputeSignatureUpdate},
      Rule{Ins::kVerifySignatureInit, P1P2Rule::kOwn, DataRule::kOwn, Offer::kTypeI, &Applet::VerifySignatureInit},
      Rule{Ins::kVerifySignatureUpdate, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kTypeI,
           &Applet::VerifySignatureUpdate},
      Rule{Ins::kComputeDh, P1P2Rule::kZero, DataRule::kNeeded, Offer::kTypeI, &Applet::ComputeDh},
      Rule{Ins::kComputePrf, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kAlways, &Applet::ComputePrf},
      Rule{Ins::kComputeHkdf, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kAlways, &Applet::ComputeHkdf},
      Rule{Ins::kHash, P1P2Rule::kOwn, DataRule::kOwn, Offer::kExtension, &Applet::Hash},
      Rule{Ins::kEncryptInit, P1P2Rule::kOwn, DataRule::kOwn, Offer::kExtension, &Applet::EncryptInit},
      Rule{Ins::kEncryptUpdate, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kExtension, &Applet::EncryptUpdate},
      Rule{Ins::kDecryptInit, P1P2Rule::kOwn, DataRule::kOwn, Offer::kExtension, &Applet::DecryptInit},
      Rule{Ins::kDecryptUpdate, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kExtension, &Applet::DecryptUpdate},
      Rule{Ins::kGenerateCsr, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kTypeIExtension, &Applet::GenerateCsr},
      Rule{Ins::kWriteFile, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kExtension, &Applet::WriteFile},
      Rule{Ins::kDeleteObject, P1P2Rule::kZero, DataRule::kNeeded, Offer::kExtension, &Applet::DeleteObject},
      Rule{Ins::kPskTls13, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kExtension, &Applet::PskTls13},
      Rule{Ins::kGetRandom, P1P2Rule::kZero, DataRule::kNone, Offer::kAlways, &Applet::GetRandom},
      Rule{Ins::kReadFile, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kAlways, &Applet::ReadFile},
      Rule{Ins::kGenerateKeyPair, P1P2Rule::kZero, DataRule::kNeeded, Offer::kTypeI, &Applet::GenerateKeyPair},
      Rule{Ins::kGetData, P1P2Rule::kOwn, DataRule::kOwn, Offer::kAlways, &Applet::GetData},
      Rule{Ins::kReadPublicKey, P1P2Rule::kZero, DataRule::kNeeded, Offer::kTypeI, &Applet::ReadPublicKey},
      Rule{Ins::kPutPublicKeyUpdate, P1P2Rule::kOwn, DataRule::kNeeded, Offer::kTypeI, &Applet::PutPublicKeyUpdate},
  };
  static_assert(std::ranges::is_sorted(kAllRules, {}, &Rule::ins));

  [[nodiscard]] static bool IsOffered(const Rule& rule, AppletType type, const CompatibilityConfig& config) {
    const bool needs_type_i = rule.offer == Offer::kTypeI || rule.offer == Offer::kTypeIExtension;
    const bool is_extension = rule.offer == Offer::kExtension || rule.offer == Offer::kTypeIExtension;
    return (!needs_type_i || type == AppletType::kTypeI) && (!is_extension || config.extensions);
  }
};

namespace {

[[nodiscard]] constexpr bool IsBuilt(const CommandTable::Rule& rule) {
  return (kFeatures.extensions || (rule.offer != Offer::kExtension && rule.offer != Offer::kTypeIExtension)) &&
         (kFeatures.administration || rule.offer != Offer::kManaged);
}

/// The rows of what is compiled in: only their functions get into the program.
constexpr auto kRules = [] {
  std::array<CommandTable::Rule, static_cast<std::size_t>(std::ranges::count_if(CommandTable::kAllRules, IsBuilt))>
      built{};
  std::ranges::copy_if(CommandTable::kAllRules, built.begin(), IsBuilt);
  return built;
}();

[[nodiscard]] const CommandTable::Rule* FindRule(std::uint8_t ins) {
  const auto* const row =
      std::ranges::lower_bound(kRules, ins, {}, [](const CommandTable::Rule& rule) { return Code(rule.ins); });
  return row != kRules.end() && Code(row->ins) == ins ? row : nullptr;
}

}  // namespace

StatusWord Applet::Process(std::uint8_t channel, const CommandApdu& command, ByteWriter& response) {
  const CommandTable::Rule* const rule = FindRule(command.ins);
  if (rule == nullptr || !CommandTable::IsOffered(*rule, type_, config_)) {
    return StatusWord::kUnknownInstruction;
  }
  if (store_.state() != StoreState::kIntact) {
    return StatusWord::kIntegrityIssue;
  }
  if (rule->p1p2 == P1P2Rule::kZero && (command.p1 != 0 || command.p2 != 0)) {
    return StatusWord::kIncorrectP1P2;
  }
  if ((rule->data == DataRule::kNone && !command.data.empty()) ||
      (rule->data == DataRule::kNeeded && command.data.empty())) {
    return StatusWord::kWrongLength;
  }
  // Any other command ends a list that is being read in blocks (T39).
  if (rule->ins != Ins::kGetData) {
    cursors_[channel].running = false;
  }
  if constexpr (kFeatures.extensions) {
    if (rule->ins == Ins::kGenerateKeyPair || rule->ins == Ins::kPutPublicKeyUpdate) {
      EndWrite();  // they commit: a file half written must not become visible with them
    }
  }
  const StatusWord sw = (this->*rule->run)(Call{channel, command, response});
  return ReportAdministration(channel, command, response.ok() ? sw : StatusWord::kInsufficientMemory);
}

StatusWord Applet::ReportAdministration(std::uint8_t channel, const CommandApdu& command, StatusWord sw) {
  if constexpr (!kFeatures.administration) {
    return sw;
  }
  std::uint32_t& seen = seen_epochs_[channel];
  if (config_.admin_report == AdminReport::kOff || seen == administration_.epoch()) {
    return sw;
  }
  if (sw == StatusWord::kOk) {
    const bool reports = config_.admin_report == AdminReport::kOn || command.ins == Code(Ins::kGetData);
    seen = reports ? administration_.epoch() : seen;
    return reports ? StatusWord::kOkAfterRemoteSession : sw;
  }
  const bool failed = sw != StatusWord::kMoreDataAvailable && sw != StatusWord::kReferencedDataInvalidated;
  if (failed && administration_.HasChanged(command.data)) {
    seen = administration_.epoch();
    return StatusWord::kCapacityReached;
  }
  return sw;
}

bool Applet::AnswersTo(ByteView aid) const {
  constexpr std::size_t kShortestAid = 5;  // the RID alone
  return aid.size() >= kShortestAid && std::ranges::any_of(iotsafe::kAids, [&](const iotsafe::AidEntry& entry) {
           return aid.size() <= entry.size && SameBytes(entry.view().first(aid.size()), aid);
         });
}

ByteView Applet::Aid() const {
  return iotsafe::kAids.front().view();
}

StatusWord Applet::Select(std::uint8_t channel) {
  Deselect(channel);
  seen_epochs_[channel] = administration_.epoch();
  return StatusWord::kOk;
}

void Applet::Deselect(std::uint8_t channel) {
  sessions_.EndChannel(channel);
  cursors_[channel] = ListCursor{};
  if constexpr (kFeatures.extensions) {
    if (written_.IsRunning() && written_.source() == channel) {
      EndWrite();
    }
  }
}

void Applet::Reset() {
  sessions_.EndAll();
  cursors_ = {};
  verified_generation_ = 0;
  for (const StoredObject& object : store_.objects()) {
    if (object.IsVolatile()) {
      crypto_.ForgetKey(store_.SlotOf(object));
    }
  }
  written_.Forget();
  administration_.EndPersonalisation();
  store_.DropVolatile();
}

Expected<const StoredObject*, StatusWord> Applet::LookUp(const CommandData& data,
                                                         iotsafe::ObjectClass object_class) const {
  const auto ref = data.Reference(object_class);
  if (!ref) {
    return Unexpected(ToStatusWord(ref.error()));
  }
  const StoredObject* const object = store_.Find(*ref);
  if (object == nullptr || object->info.key_type == iotsafe::KeyType::kUserPin) {
    return Unexpected(object_class == iotsafe::ObjectClass::kFile ? StatusWord::kFileNotFound
                                                                  : StatusWord::kIncorrectData);
  }
  return object;
}

Expected<const StoredObject*, StatusWord> Applet::FindObject(const CommandData& data,
                                                             iotsafe::ObjectClass object_class) const {
  const auto object = LookUp(data, object_class);
  const bool guarded =
      object_class == iotsafe::ObjectClass::kPrivateKey || object_class == iotsafe::ObjectClass::kSecretKey;
  if (object && guarded && !UserIsVerified()) {
    return Unexpected(StatusWord::kSecurityNotSatisfied);
  }
  if (object && store_.IsUnderUpdate(**object)) {
    return Unexpected(StatusWord::kReferencedDataInvalidated);
  }
  return object;
}

crypto::PrivateKey Applet::PrivateKeyOf(const StoredObject& object) const {
  return {CurveOf(object.info.key_type).value_or(crypto::Curve::kP256), store_.Value(object), store_.SlotOf(object),
          object.generation};
}

bool Applet::IsOffered(iotsafe::KeyType type) const {
  const auto curve = CurveOf(type);
  return IsRsa(type) || (curve && (*curve != crypto::Curve::kP384 || HasExtensions()));
}

}  // namespace simroot::card
