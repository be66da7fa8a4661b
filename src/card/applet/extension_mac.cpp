// SPDX-License-Identifier: Apache-2.0
// AES-CMAC through COMPUTE SIGNATURE, in the form of Thales' cards (spec 7.5, 7.6).
#include "card/applet/applet.hpp"
#include "card/applet/mac_stream.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

constexpr std::size_t kMacKeySize = 16;

[[nodiscard]] Expected<CommandData, ParseError> ParseMacParameters(ByteView data) {
  return CommandData::Parse(
      data, {Tag::kSecretKeyId, Tag::kSecretKeyLabel, Tag::kModeOfOperation, Tag::kSignatureAlgorithms});
}

}  // namespace

bool Applet::AsksForMac(const wire::CommandApdu& command) const {
  const auto data = ParseMacParameters(command.data);
  return HasExtensions() && data && (data->Has(Tag::kSecretKeyId) || data->Has(Tag::kSecretKeyLabel));
}

StatusWord Applet::TakeMacParameters(const Call& call, Session& session) {
  const auto data = ParseMacParameters(call.command.data);
  if (!data) {
    return ToStatusWord(data.error());
  }
  if (data->FindU8(Tag::kModeOfOperation) != static_cast<std::uint8_t>(iotsafe::OperationMode::kFullText) ||
      data->FindU8(Tag::kSignatureAlgorithms) != static_cast<std::uint8_t>(iotsafe::SignatureAlgorithm::kCmac)) {
    return Sw::kIncorrectData;
  }
  const auto key = FindObject(*data, ObjectClass::kSecretKey);
  if (!key) {
    return key.error();
  }
  const iotsafe::ObjectInfo& info = (*key)->info;
  if (info.state != iotsafe::ObjectState::kActivated || info.key_type != iotsafe::KeyType::kAesCmac ||
      !Has(info.functions, iotsafe::Function::kSignature) || store_.Value(**key).size() != kMacKeySize) {
    return Sw::kConditionsNotSatisfied;
  }
  session.slot = store_.SlotOf(**key);
  session.generation = (*key)->generation;
  session.mode = iotsafe::OperationMode::kFullText;
  session.algorithm = iotsafe::SignatureAlgorithm::kCmac;
  return Sw::kOk;
}

// Every command carries a whole element 9F; the answer to the last one is `33 10` and the MAC, whatever the class byte.
StatusWord Applet::UpdateMac(const Call& call, Session& session) {
  const bool last = IsLastUpdate(call.command);
  const auto data = CommandData::Parse(call.command.data, {Tag::kMacData});
  const auto text = data ? data->Find(Tag::kMacData) : std::nullopt;
  StatusWord sw = text ? Sw::kOk : Sw::kIncorrectData;
  if (text) {
    MacStream mac(crypto_, store_.Value(store_.At(session.slot)), session.blocks);
    AesBlock result{};
    if (!mac.Take(*text) || (last && !mac.Finish(result))) {
      sw = Sw::kOtherError;
    } else if (last) {
      wire::PutTlv(Code(Tag::kSignature), result, call.response);
    }
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(session);
  }
  return sw;
}

}  // namespace simroot::card
