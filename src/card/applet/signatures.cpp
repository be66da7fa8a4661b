// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {

using iotsafe::HashAlgorithm;
using iotsafe::ObjectClass;
using iotsafe::OperationMode;
using iotsafe::SignatureAlgorithm;
using iotsafe::Tag;
using wire::StatusWord;

namespace {

[[nodiscard]] bool IsKnownHash(std::uint16_t value) {
  return value == static_cast<std::uint16_t>(HashAlgorithm::kSha256) ||
         value == static_cast<std::uint16_t>(HashAlgorithm::kSha384) ||
         value == static_cast<std::uint16_t>(HashAlgorithm::kSha512);
}

[[nodiscard]] bool IsKnownAlgorithm(std::uint8_t value) {
  return value == static_cast<std::uint8_t>(SignatureAlgorithm::kRsaPkcs1) ||
         value == static_cast<std::uint8_t>(SignatureAlgorithm::kRsaPss) ||
         value == static_cast<std::uint8_t>(SignatureAlgorithm::kEcdsa);
}

[[nodiscard]] bool IsKnownMode(std::uint8_t value) {
  return value >= static_cast<std::uint8_t>(OperationMode::kFullText) &&
         value <= static_cast<std::uint8_t>(OperationMode::kPadAndSign);
}

/// True if the container may be used this way and holds a key.
[[nodiscard]] bool MayBeUsed(const iotsafe::ObjectInfo& info, std::uint16_t hash, std::uint8_t algorithm) {
  return info.state == iotsafe::ObjectState::kActivated && Has(info.functions, iotsafe::Function::kSignature) &&
         (info.signature_algorithms & algorithm) != 0 && (info.hash_algorithms & hash) != 0;
}

}  // namespace

StatusWord Applet::ComputeSignatureInit(const Call& call) {
  return InitSignature(call, SessionFamily::kComputeSignature, ObjectClass::kPrivateKey);
}

StatusWord Applet::VerifySignatureInit(const Call& call) {
  return InitSignature(call, SessionFamily::kVerifySignature, ObjectClass::kPublicKey);
}

// COMPUTE SIGNATURE INIT (2.9) and VERIFY SIGNATURE INIT (2.23).
StatusWord Applet::InitSignature(const Call& call, SessionFamily family, ObjectClass key_class) {
  const auto opened = OpenOrClose(call, family);
  if (!opened || *opened == nullptr) {
    return opened ? Sw::kOk : opened.error();
  }
  Session& session = **opened;
  const StatusWord sw = [&] {
    const iotsafe::ClassTags& tags = iotsafe::TagsOf(key_class);
    const auto data = CommandData::Parse(call.command.data, {tags.id, tags.label, Tag::kModeOfOperation,
                                                             Tag::kHashAlgorithms, Tag::kSignatureAlgorithms});
    if (!data) {
      return ToStatusWord(data.error());
    }
    const auto mode = data->FindU8(Tag::kModeOfOperation);
    const auto hash = data->FindU16(Tag::kHashAlgorithms);
    const auto algorithm = data->FindU8(Tag::kSignatureAlgorithms);
    if (!mode || !hash || !algorithm || !IsKnownMode(*mode) || !IsKnownHash(*hash) || !IsKnownAlgorithm(*algorithm)) {
      return Sw::kIncorrectData;
    }
    const auto object = FindObject(*data, key_class);
    if (!object) {
      return object.error();
    }
    if (!MayBeUsed((*object)->info, *hash, *algorithm) || !CurveOf((*object)->info.key_type)) {
      return Sw::kConditionsNotSatisfied;
    }
    session.slot = store_.SlotOf(**object);
    session.generation = (*object)->generation;
    session.mode = static_cast<OperationMode>(*mode);
    session.hash = static_cast<HashAlgorithm>(*hash);
    if (session.mode == OperationMode::kFullText && !crypto_.HashBegin(session.hash, session.hash_state)) {
      return Sw::kOtherError;
    }
    return Sw::kOk;
  }();
  if (sw != Sw::kOk) {
    sessions_.End(session);
  }
  return sw;
}

// COMPUTE SIGNATURE UPDATE (2.10): answers to the last one with tag 33.
StatusWord Applet::ComputeSignatureUpdate(const Call& call) {
  const auto session = RunningSession(call, SessionFamily::kComputeSignature);
  if (!session) {
    return session.error();
  }
  SignatureInput input;
  StatusWord sw = TakeSignatureData(**session, call.command, input);
  if (sw == Sw::kOk && !input.signature.empty()) {  // 33 belongs into VERIFY SIGNATURE
    sw = Sw::kIncorrectData;
  }
  const bool last = IsLastUpdate(call.command);
  if (sw == Sw::kOk && last) {
    const StoredObject& key = store_.objects()[(*session)->slot];
    std::array<std::uint8_t, crypto::kP256SignatureSize> signature{};
    if (!crypto_.SignEcdsa(PrivateKeyOf(key), input.digest.view(), signature)) {
      sw = Sw::kOtherError;
    } else {
      const bool two_bytes = config_.signature_length == SignatureLength::kTwoBytes ||
                             (config_.signature_length == SignatureLength::kByClass && (call.command.cla & 0x80U) != 0);
      if (two_bytes) {
        wire::PutTlvTwoByteLength(Code(Tag::kSignature), signature, call.response);
      } else {
        wire::PutTlv(Code(Tag::kSignature), signature, call.response);
      }
    }
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(**session);
  }
  return sw;
}

// VERIFY SIGNATURE UPDATE (2.24): no data in the answer; 6D01 means that the signature does not match.
StatusWord Applet::VerifySignatureUpdate(const Call& call) {
  const auto session = RunningSession(call, SessionFamily::kVerifySignature);
  if (!session) {
    return session.error();
  }
  SignatureInput input;
  StatusWord sw = TakeSignatureData(**session, call.command, input);
  const bool last = IsLastUpdate(call.command);
  if (sw == Sw::kOk && last) {
    const StoredObject& key = store_.objects()[(*session)->slot];
    if (input.signature.size() != crypto::kP256SignatureSize) {
      sw = Sw::kIncorrectData;
    } else {
      const auto result = crypto_.VerifyEcdsa(CurveOf(key.info.key_type).value_or(crypto::Curve::kP256),
                                              store_.Value(key), input.digest.view(), input.signature);
      sw = result == crypto::VerifyResult::kValid     ? Sw::kOk
           : result == crypto::VerifyResult::kInvalid ? Sw::kSignatureMismatch
                                                      : Sw::kOtherError;
    }
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(**session);
  }
  return sw;
}

}  // namespace simroot::card
