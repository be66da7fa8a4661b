// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"

namespace simroot::card {

using iotsafe::Ins;
using wire::CommandApdu;
using wire::StatusWord;

/// What the dispatcher checks before a command function sees the command.
enum class P1P2Rule : std::uint8_t { kZero, kOwn };  ///< kOwn: the function checks them
enum class DataRule : std::uint8_t { kNone, kNeeded, kOwn };

struct CommandTable {
  struct Rule {
    Ins ins;
    P1P2Rule p1p2;
    DataRule data;
    StatusWord (Applet::*run)(const Applet::Call&);
  };

  /// One row per instruction, sorted: the applet refuses to build if it is not.
  static constexpr std::array kRules{
      Rule{Ins::kPutPublicKeyInit, P1P2Rule::kOwn, DataRule::kOwn, &Applet::PutPublicKeyInit},
      Rule{Ins::kComputeSignatureInit, P1P2Rule::kOwn, DataRule::kOwn, &Applet::ComputeSignatureInit},
      Rule{Ins::kComputeSignatureUpdate, P1P2Rule::kOwn, DataRule::kNeeded, &Applet::ComputeSignatureUpdate},
      Rule{Ins::kVerifySignatureInit, P1P2Rule::kOwn, DataRule::kOwn, &Applet::VerifySignatureInit},
      Rule{Ins::kVerifySignatureUpdate, P1P2Rule::kOwn, DataRule::kNeeded, &Applet::VerifySignatureUpdate},
      Rule{Ins::kComputeDh, P1P2Rule::kZero, DataRule::kNeeded, &Applet::ComputeDh},
      Rule{Ins::kGetRandom, P1P2Rule::kZero, DataRule::kNone, &Applet::GetRandom},
      Rule{Ins::kReadFile, P1P2Rule::kOwn, DataRule::kNeeded, &Applet::ReadFile},
      Rule{Ins::kGenerateKeyPair, P1P2Rule::kZero, DataRule::kNeeded, &Applet::GenerateKeyPair},
      Rule{Ins::kGetData, P1P2Rule::kOwn, DataRule::kOwn, &Applet::GetData},
      Rule{Ins::kReadPublicKey, P1P2Rule::kZero, DataRule::kNeeded, &Applet::ReadPublicKey},
      Rule{Ins::kPutPublicKeyUpdate, P1P2Rule::kOwn, DataRule::kNeeded, &Applet::PutPublicKeyUpdate},
  };
  static_assert(std::ranges::is_sorted(kRules, {}, &Rule::ins));

  [[nodiscard]] static const Rule* Find(std::uint8_t ins) {
    const auto* const row = std::ranges::lower_bound(kRules, ins, {}, [](const Rule& rule) { return Code(rule.ins); });
    return row != kRules.end() && Code(row->ins) == ins ? row : nullptr;
  }
};

StatusWord Applet::Process(std::uint8_t channel, const CommandApdu& command, ByteWriter& response) {
  const CommandTable::Rule* const rule = CommandTable::Find(command.ins);
  if (rule == nullptr) {
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
  const StatusWord sw = (this->*rule->run)(Call{channel, command, response});
  return response.ok() ? sw : StatusWord::kInsufficientMemory;
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
  sessions_.EndChannel(channel);
  cursors_[channel] = ListCursor{};
  return StatusWord::kOk;
}

void Applet::Deselect(std::uint8_t channel) {
  sessions_.EndChannel(channel);
  cursors_[channel] = ListCursor{};
}

void Applet::Reset() {
  sessions_.EndAll();
  cursors_ = {};
  for (const StoredObject& object : store_.objects()) {
    if (object.IsVolatile()) {
      crypto_.ForgetKey(store_.SlotOf(object));
    }
  }
  store_.DropVolatile();
}

Expected<const StoredObject*, StatusWord> Applet::FindObject(const CommandData& data,
                                                             iotsafe::ObjectClass object_class) const {
  const auto ref = data.Reference(object_class);
  if (!ref) {
    return Unexpected(ToStatusWord(ref.error()));
  }
  const StoredObject* const object = store_.Find(*ref);
  if (object == nullptr) {
    return Unexpected(object_class == iotsafe::ObjectClass::kFile ? StatusWord::kFileNotFound
                                                                  : StatusWord::kIncorrectData);
  }
  return object;
}

crypto::PrivateKey Applet::PrivateKeyOf(const StoredObject& object) const {
  return {CurveOf(object.info.key_type).value_or(crypto::Curve::kP256), store_.Value(object), store_.SlotOf(object),
          object.generation};
}

std::optional<crypto::Curve> CurveOf(iotsafe::KeyType type) {
  switch (type) {
    case iotsafe::KeyType::kP256Persistent:
    case iotsafe::KeyType::kP256Volatile:
      return crypto::Curve::kP256;
    case iotsafe::KeyType::kBrainpoolP256Persistent:
    case iotsafe::KeyType::kBrainpoolP256Volatile:
      return crypto::Curve::kBrainpoolP256r1;
    default:
      return std::nullopt;
  }
}

}  // namespace simroot::card
