// SPDX-License-Identifier: Apache-2.0
#include "card/applet/administration.hpp"

namespace simroot::card {

using iotsafe::AdminCommand;
using iotsafe::AdminField;
using iotsafe::ObjectClass;
using wire::StatusWord;

/// One row per command.
struct AdminCommandTable {
  struct Rule {
    AdminCommand command;
    bool needs_session;
    bool while_transferring;  ///< allowed between the pieces of a value
    StatusWord (Administration::*run)(const Administration::Call&);
  };
  static constexpr std::array kRules{
      Rule{AdminCommand::kBegin, false, false, &Administration::Begin},
      Rule{AdminCommand::kCommit, true, false, &Administration::Commit},
      Rule{AdminCommand::kAbort, true, true, &Administration::Abort},
      Rule{AdminCommand::kCreate, true, false, &Administration::Create},
      Rule{AdminCommand::kSetInfo, true, false, &Administration::SetInfo},
      Rule{AdminCommand::kGenerate, true, false, &Administration::Generate},
      Rule{AdminCommand::kLoadKey, true, true, &Administration::LoadKey},
      Rule{AdminCommand::kLoadSecret, true, false, &Administration::LoadSecret},
      Rule{AdminCommand::kWriteFile, true, true, &Administration::WriteFile},
      Rule{AdminCommand::kDelete, true, false, &Administration::Delete},
      Rule{AdminCommand::kDeleteContent, true, false, &Administration::DeleteContent},
      Rule{AdminCommand::kRead, true, false, &Administration::Read},
      Rule{AdminCommand::kList, true, false, &Administration::List},
      Rule{AdminCommand::kMakeCsr, true, false, &Administration::MakeCsr},
      Rule{AdminCommand::kAttest, true, false, &Administration::Attest},
      Rule{AdminCommand::kSetPin, true, false, &Administration::SetPin},
      Rule{AdminCommand::kUnblockPin, true, false, &Administration::UnblockPin},
  };
  static_assert(std::ranges::equal(kRules, iotsafe::kAdminCommandNames, {}, &Rule::command,
                                   &iotsafe::AdminCommandName::command),
                "every command has its rule");
};

StatusWord Administration::StoreData(const StoreDataBlock& block, KeyUnwrapper& keys, ByteWriter& response) {
  const StatusWord sw = RunBlock(block, keys, response);
  if (sw != Sw::kOk) {
    Forget();
  }
  return sw;
}

void Administration::EndPersonalisation() {
  Forget();
  next_block_ = 0;
}

void Administration::Forget() {
  if (session_) {
    store_.Discard(StoreWriter::kManagement);
  }
  session_ = false;
  transfer_.Forget();
  csr_signature_.Clear();
  attestation_signature_.Clear();
}

StatusWord Administration::RunBlock(const StoreDataBlock& block, KeyUnwrapper& keys, ByteWriter& response) {
  const std::uint8_t expected = next_block_;
  next_block_ = 0;  // after an error or the last block of a sequence the next one begins
  if (block.number != expected) {
    return Sw::kIncorrectP1P2;
  }
  if (store_.state() != StoreState::kIntact) {
    return Sw::kIntegrityIssue;
  }
  if (block.data.empty()) {
    return Sw::kWrongLength;
  }
  ByteReader reader(block.data);
  while (!reader.empty()) {
    wire::Tlv command;
    if (!wire::ReadBerTlv(reader, command)) {
      return Sw::kIncorrectData;
    }
    const StatusWord sw = RunCommand(command.tag, command.value, keys, response);
    if (sw != Sw::kOk) {
      return sw;
    }
  }
  next_block_ = block.last ? std::uint8_t{0} : LowByte(expected + 1);
  return Sw::kOk;
}

StatusWord Administration::RunCommand(std::uint16_t tag, ByteView value, KeyUnwrapper& keys, ByteWriter& response) {
  const auto* const rule = std::ranges::find(AdminCommandTable::kRules, tag,
                                             [](const AdminCommandTable::Rule& row) { return Code(row.command); });
  if (rule == AdminCommandTable::kRules.end()) {
    return Sw::kIncorrectData;
  }
  if ((rule->needs_session && !session_) || (transfer_.IsRunning() && !rule->while_transferring)) {
    return Sw::kConditionsNotSatisfied;
  }
  const auto data = AdminData::Parse(value);
  if (!data) {
    return Sw::kIncorrectData;
  }
  const StatusWord sw = (this->*rule->run)(Call{rule->command, *data, keys, response});
  return response.ok() ? sw : Sw::kInsufficientMemory;
}

StatusWord Administration::Begin(const Call& call) {
  if (session_) {
    return Sw::kConditionsNotSatisfied;
  }
  const auto version = call.data.FindU8(Code(AdminField::kVersion));
  if (version != iotsafe::kPersonalisationVersion || !call.data.HasOnly({Code(AdminField::kVersion)})) {
    return Sw::kIncorrectData;
  }
  session_ = true;
  std::array<std::uint8_t, 9> memory{};
  ByteWriter answer(memory);
  wire::PutTlvU8(Code(AdminField::kVersion), *version, answer);
  answer.PutU8(Code(AdminField::kChangeCounter));
  wire::PutBerLength(sizeof(std::uint32_t), answer);
  answer.PutU32(store_.change_counter());
  wire::PutBerTlv(Code(call.command), answer.written(), call.response);
  return Sw::kOk;
}

StatusWord Administration::Commit(const Call& call) {
  if (!call.data.HasOnly({})) {
    return Sw::kIncorrectData;
  }
  const bool changes = store_.HasPrepared(StoreWriter::kManagement);
  if (changes) {
    for (std::uint16_t slot = 0; slot < store_.capacity(); ++slot) {
      const StoredObject& object = store_.At(slot);
      if (!object.IsVisible() || !store_.IsUnderUpdate(object)) {
        continue;
      }
      const iotsafe::ClassTags& tags = TagsOf(object.info.object_class);
      changed_.Add(Code(tags.id), object.info.id.view());
      changed_.Add(Code(tags.label), object.info.label.view());
      crypto_.ForgetKey(slot);
    }
    const auto committed = store_.Commit(StoreWriter::kManagement);
    if (!committed) {
      return Refusal(committed.error());
    }
    ++epoch_;
  }
  Forget();
  std::array<std::uint8_t, 6> memory{};
  ByteWriter answer(memory);
  answer.PutU8(Code(AdminField::kChangeCounter));
  wire::PutBerLength(sizeof(std::uint32_t), answer);
  answer.PutU32(store_.change_counter());
  wire::PutBerTlv(Code(call.command), answer.written(), call.response);
  return Sw::kOk;
}

StatusWord Administration::Abort(const Call& call) {
  Forget();
  return call.data.HasOnly({}) ? Sw::kOk : Sw::kIncorrectData;
}

bool Administration::HasChanged(ByteView command_data) const {
  ByteReader reader(command_data);
  wire::Tlv element;
  while (wire::ReadTlv(reader, element)) {
    const bool is_name = std::ranges::any_of(iotsafe::kClassTags, [&](const iotsafe::ClassTags& tags) {
      return element.tag == Code(tags.id) || element.tag == Code(tags.label);
    });
    if (is_name && changed_.Contains(LowByte(element.tag), element.value)) {
      return true;
    }
  }
  return false;
}

Expected<const StoredObject*, StatusWord> Administration::FindObject(const Call& call,
                                                                     std::initializer_list<ObjectClass> classes) const {
  const auto ref = call.data.Reference(classes);
  if (!ref) {
    return Unexpected(Sw::kIncorrectData);
  }
  const StoredObject* const object = store_.FindFor(StoreWriter::kManagement, *ref);
  if (object == nullptr) {
    return Unexpected(ref->object_class == ObjectClass::kFile ? Sw::kFileNotFound : Sw::kIncorrectData);
  }
  return object;
}

ByteView Administration::ValueOf(const StoredObject& object) const {
  return store_.ValueFor(StoreWriter::kManagement, object);
}

StatusWord Administration::Stage(const StoredObject& object, ByteView value) {
  return Prepare([&] { return store_.Stage(object, value, StoreWriter::kManagement); });
}

}  // namespace simroot::card
