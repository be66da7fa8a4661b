// SPDX-License-Identifier: Apache-2.0
#include "card/applet/algorithms.hpp"
#include "card/applet/applet.hpp"
#include "card/applet/public_keys.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {

using iotsafe::ObjectClass;
using iotsafe::OperationMode;
using iotsafe::Tag;
using wire::StatusWord;

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
  const StatusWord sw = TakeParameters(call, **opened, key_class);
  if (sw != Sw::kOk) {
    sessions_.End(**opened);
  }
  return sw;
}

StatusWord Applet::TakeParameters(const Call& call, Session& session, ObjectClass key_class) {
  if constexpr (kFeatures.extensions) {
    if (session.family == SessionFamily::kComputeSignature && AsksForMac(call.command)) {
      return TakeMacParameters(call, session);
    }
  }
  return TakeSignatureParameters(call, session, key_class);
}

StatusWord Applet::TakeSignatureParameters(const Call& call, Session& session, ObjectClass key_class) {
  const iotsafe::ClassTags& tags = iotsafe::TagsOf(key_class);
  const auto data = CommandData::Parse(
      call.command.data, {tags.id, tags.label, Tag::kModeOfOperation, Tag::kHashAlgorithms, Tag::kSignatureAlgorithms});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto mode = KnownMode(data->FindU8(Tag::kModeOfOperation).value_or(0));
  const auto hash = KnownHash(data->FindU16(Tag::kHashAlgorithms).value_or(0));
  const auto algorithm = KnownSignatureAlgorithm(data->FindU8(Tag::kSignatureAlgorithms).value_or(0));
  if (!mode || !hash || !algorithm) {
    return Sw::kIncorrectData;
  }
  const auto object = FindObject(*data, key_class);
  if (!object) {
    return object.error();
  }
  session.slot = store_.SlotOf(**object);
  session.generation = (*object)->generation;
  session.mode = *mode;
  session.hash = *hash;
  session.algorithm = *algorithm;
  if (!MaySign(session, (*object)->info)) {
    return Sw::kConditionsNotSatisfied;
  }
  if (session.mode == OperationMode::kFullText && !crypto_.HashBegin(session.hash, session.hash_state)) {
    return Sw::kOtherError;
  }
  return Sw::kOk;
}

/// True if the key may be used as the session asks. Arms the check of the text where the key's usage asks for one.
bool Applet::MaySign(Session& session, const iotsafe::ObjectInfo& info) const {
  const bool allowed = info.state == iotsafe::ObjectState::kActivated &&
                       Has(info.functions, iotsafe::Function::kSignature) &&
                       Has(info.signature_algorithms, session.algorithm) && Has(info.hash_algorithms, session.hash) &&
                       Fits(info.key_type, session.algorithm) && IsOffered(info.key_type);
  if (!allowed || session.family == SessionFamily::kVerifySignature) {
    return allowed;
  }
  if (info.key_usage == iotsafe::KeyUsage::kAttestation) {
    return false;  // it attests keys made on this card and nothing else (IoT.04 H4)
  }
  session.usage = UsageCheck(config_.enforce_usage ? info.key_usage : iotsafe::KeyUsage::kGeneral);
  return !session.usage.NeedsText() || session.mode == OperationMode::kFullText;
}

// COMPUTE SIGNATURE UPDATE (2.10): answers to the last one with tag 33.
StatusWord Applet::ComputeSignatureUpdate(const Call& call) {
  const auto session = RunningSession(call, SessionFamily::kComputeSignature);
  if (!session) {
    return session.error();
  }
  if constexpr (kFeatures.extensions) {
    if ((*session)->algorithm == iotsafe::SignatureAlgorithm::kCmac) {
      return UpdateMac(call, **session);
    }
  }
  SignatureInput input;
  const bool last = IsLastUpdate(call.command);
  StatusWord sw = TakeSignatureData(**session, call.command, input);
  if (sw == Sw::kOk && last) {
    sw = Sign(call, **session, input.digest.view());
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(**session);
  }
  return sw;
}

StatusWord Applet::Sign(const Call& call, const Session& session, ByteView digest) {
  if constexpr (kFeatures.rsa) {
    if (IsRsa(store_.At(session.slot).info.key_type)) {
      return SignWithRsa(call, session, digest);
    }
  }
  return SignWithCurve(call, session, digest);
}

StatusWord Applet::SignWithCurve(const Call& call, const Session& session, ByteView digest) {
  const crypto::PrivateKey key = PrivateKeyOf(store_.At(session.slot));
  std::array<std::uint8_t, crypto::kMaxEcSignatureSize> memory{};
  const ByteSpan signature = ByteSpan(memory).first(SignatureSize(key.curve));
  if (!crypto_.SignEcdsa(key, digest, signature)) {
    return Sw::kOtherError;
  }
  const bool two_bytes = config_.signature_length == SignatureLength::kTwoBytes ||
                         (config_.signature_length == SignatureLength::kByClass && (call.command.cla & 0x80U) != 0);
  if (two_bytes) {
    wire::PutTlvTwoByteLength(Code(Tag::kSignature), signature, call.response);
  } else {
    wire::PutTlv(Code(Tag::kSignature), signature, call.response);
  }
  return Sw::kOk;
}

/// `33 01 00` and 256 bytes in every profile (spec 8.3): a length of one byte cannot say so much.
StatusWord Applet::SignWithRsa(const Call& call, const Session& session, ByteView digest) {
  const StoredObject& key = store_.At(session.slot);
  call.response.PutU8(Code(Tag::kSignature));
  call.response.PutU16(crypto::kRsaSize);
  const ByteSpan signature = call.response.Reserve(crypto::kRsaSize);
  if (signature.empty() || !crypto_.SignRsa({store_.Value(key), store_.SlotOf(key), key.generation},
                                            PaddingOf(session.algorithm), session.hash, digest, signature)) {
    call.response.Truncate(0);
    return Sw::kOtherError;
  }
  return Sw::kOk;
}

// VERIFY SIGNATURE UPDATE (2.24): no data in the answer; 6D01 means that the signature does not match.
StatusWord Applet::VerifySignatureUpdate(const Call& call) {
  const auto session = RunningSession(call, SessionFamily::kVerifySignature);
  if (!session) {
    return session.error();
  }
  SignatureInput input;
  const bool last = IsLastUpdate(call.command);
  StatusWord sw = TakeSignatureData(**session, call.command, input);
  if (sw == Sw::kOk && last) {
    sw = CheckSignature(**session, input);
  }
  if (sw != Sw::kOk || last) {
    sessions_.End(**session);
  }
  return sw;
}

StatusWord Applet::CheckSignature(const Session& session, const SignatureInput& input) {
  const StoredObject& key = store_.At(session.slot);
  const auto curve = CurveOf(key.info.key_type);
  if (input.signature.size() != (curve ? SignatureSize(*curve) : crypto::kRsaSize)) {
    return Sw::kIncorrectData;
  }
  crypto::VerifyResult result = crypto::VerifyResult::kError;
  if (curve) {
    result = crypto_.VerifyEcdsa(*curve, store_.Value(key), input.digest.view(), input.signature);
  } else if constexpr (kFeatures.rsa) {
    if (const auto rsa = RsaKeyOf(store_.Value(key))) {
      result =
          crypto_.VerifyRsa(*rsa, PaddingOf(session.algorithm), session.hash, input.digest.view(), input.signature);
    }
  }
  return result == crypto::VerifyResult::kValid     ? Sw::kOk
         : result == crypto::VerifyResult::kInvalid ? Sw::kSignatureMismatch
                                                    : Sw::kOtherError;
}

}  // namespace simroot::card
