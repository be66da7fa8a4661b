// SPDX-License-Identifier: Apache-2.0
// Key pairs, key agreement and derivation, signatures, verification, sessions.
#include "conformance/defect_tools.hpp"
#include "conformance/defects.hpp"

namespace simroot::conformance {
namespace {

using namespace defect_tools;  // the vocabulary of the rows below

constexpr std::uint8_t kManageChannel = 0x70;

// ---- Key pairs and public keys ----

Bytes SameKeyPairAgain(DefectBed& bed, const Bytes& command) {
  if (!Is(command, Ins::kGenerateKeyPair)) {
    return bed.Send(command);
  }
  Bytes& kept = bed.memory[ToHex(Data(command))];
  if (kept.empty() || StatusOf(kept) != 0x9000) {
    kept = bed.Send(command);
  }
  return kept;
}
Bytes GeneratedPointOffCurve(DefectBed& bed, const Bytes& command) {
  Bytes answer = bed.Send(command);
  if (Is(command, Ins::kGenerateKeyPair) && answer.size() > 70) {
    *(answer.end() - 3) ^= 0x01U;
  }
  return answer;
}
Bytes PublicIdFirst(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (!Is(command, Ins::kGenerateKeyPair) || answer.size() < 8) {
    return answer;
  }
  const Bytes data = DataOf(answer);
  return Answer(Join(Join(Part(data, 3, 3), Part(data, 0, 3)), Part(data, 6, data.size() - 6)), 0x9000);
}
Bytes GeneratesAnywhere(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kGenerateKeyPair) && StatusOf(answer) == 0x6985
             ? Answer(Join({0x84, 0x01, 0x01, 0x85, 0x01, 0x01}, Bytes(71, 0x04)), 0x9000)
             : answer;
}
Bytes PutKeepsOldKey(DefectBed& bed, const Bytes& command) {
  return Is(command, Ins::kPutPublicKeyUpdate) && P1(command) == 0x80 ? Status(0x9000) : bed.Send(command);
}
Bytes PointNotValidated(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kPutPublicKeyUpdate), 0x6A80, 0x9000);
}
Bytes FailedPutEmptiesContainer(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (Is(command, Ins::kPutPublicKeyUpdate)) {
    bed.count = StatusOf(answer) == 0x6A80 ? 1 : 0;
  }
  return Is(command, Ins::kReadPublicKey) && bed.count == 1 ? Status(0x6985) : answer;
}
Bytes CompressedPointAccepted(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes data = Data(command);
  return Is(command, Ins::kPutPublicKeyUpdate) && data.size() > 2 && data[1] == 0x25 ? Status(0x9000) : answer;
}
Bytes PutWithoutInit(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kPutPublicKeyUpdate), 0x6985, 0x9000);
}
Bytes PutAnywhere(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kPutPublicKeyInit), 0x6985, 0x9000);
}
Bytes VolatileKeySurvives(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (!Is(command, Ins::kReadPublicKey)) {
    return answer;
  }
  Bytes& kept = bed.memory[ToHex(Data(command))];
  if (StatusOf(answer) == 0x9000) {
    kept = answer;
  }
  return StatusOf(answer) == 0x6985 && !kept.empty() ? kept : answer;
}
Bytes BarePublicKey(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kReadPublicKey) && answer.size() == 73 ? Answer(Part(DataOf(answer), 6, 65), 0x9000) : answer;
}

// ---- COMPUTE DH and derivation ----

Bytes SharedSecretStripped(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kComputeDh) && answer.size() == 34 && answer.front() == 0
             ? Answer(Part(DataOf(answer), 1, 31), 0x9000)
             : answer;
}
Bytes SharedSecretReversed(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  Bytes data = DataOf(answer);
  std::ranges::reverse(data);
  return Is(command, Ins::kComputeDh) && data.size() == 32 ? Answer(data, 0x9000) : answer;
}
Bytes SharedSecretWithTag(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kComputeDh) && answer.size() == 34 ? Answer(Join({0xD4, 0x20}, DataOf(answer)), 0x9000)
                                                             : answer;
}
Bytes AgreesWithoutKey(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kComputeDh) && StatusOf(answer) == 0x6985 ? Answer(Bytes(32, 0x00), 0x9000) : answer;
}
Bytes PrfIsWrong(DefectBed& bed, const Bytes& command) {
  Bytes answer = bed.Send(command);
  if (Is(command, Ins::kComputePrf) && answer.size() > 2) {
    answer.front() ^= 0x80U;
  }
  return answer;
}
Bytes HkdfIgnoresSalt(DefectBed& bed, const Bytes& command) {
  return Is(command, Ins::kComputeHkdf)
             ? bed.Send(Replaced(command, {0x0A, 0x0B, 0x0C, 0x91}, {0x0A, 0x0B, 0x0D, 0x91}))
             : bed.Send(command);
}

// ---- Signatures ----

/// r loses its first byte when that is small; a real applet loses zeros, which takes many more signatures to see.
Bytes SignatureNotPadded(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes signature = RawSignature(command, answer);
  return !signature.empty() && signature.front() < 0x10 ? Answer(Join({0x33, 0x3F}, Part(signature, 1, 63)), 0x9000)
                                                        : answer;
}
Bytes SignatureOverOtherHash(DefectBed& bed, const Bytes& command) {
  Bytes data = Data(command);
  if (!Is(command, Ins::kComputeSignatureUpdate) || data.size() != 34 || data.front() != 0x9E) {
    return bed.Send(command);
  }
  data.back() ^= 0x01U;
  return bed.Send(WithData(command, data));
}
Bytes SignatureRepeated(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (RawSignature(command, answer).empty()) {
    return answer;
  }
  return bed.memory.try_emplace(ToHex(command), answer).first->second;
}
Bytes SignatureTwisted(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes signature = RawSignature(command, answer);
  return signature.empty() ? answer
                           : Answer(Join({0x33, 0x40}, Join(Part(signature, 32, 32), Part(signature, 0, 32))), 0x9000);
}
Bytes SignatureInDer(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes signature = RawSignature(command, answer);
  if (signature.empty()) {
    return answer;
  }
  const auto der = iotsafe::RawSignatureToDer(signature);
  return Answer(Join({0x33, LowByte(der.size())}, Bytes(der.view().begin(), der.view().end())), 0x9000);
}
Bytes SignsTwice(DefectBed& bed, const Bytes& command) {
  if (Is(command, Ins::kComputeSignatureInit) && P1(command) == 0) {
    bed.memory["init"] = command;
  }
  if (Is(command, Ins::kComputeSignatureInit) && P1(command) == 1) {
    bed.memory.erase("init");
  }
  const Bytes answer = bed.Send(command);
  const bool again =
      Is(command, Ins::kComputeSignatureUpdate) && StatusOf(answer) == 0x6985 && bed.memory.contains("init");
  if (!again || StatusOf(bed.Send(bed.memory["init"])) != 0x9000) {
    return answer;
  }
  return bed.Send(command);
}
Bytes ShortHashAccepted(DefectBed& bed, const Bytes& command) {
  const Bytes data = Data(command);
  const bool short_hash = Is(command, Ins::kComputeSignatureUpdate) && data.size() == 22 && data.front() == 0x9E;
  return bed.Send(short_hash ? WithData(command, Join({0x9E, 0x20}, Join(Part(data, 2, 20), Bytes(12, 0)))) : command);
}
Bytes UnknownHashAccepted(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kComputeSignatureInit)
                      ? Replaced(command, {0x91, 0x02, 0x00, 0x08}, {0x91, 0x02, 0x00, 0x01})
                      : command);
}
Bytes AnyAlgorithmAccepted(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kComputeSignatureInit) ? Replaced(command, {0x92, 0x01, 0x01}, {0x92, 0x01, 0x04})
                                                          : command);
}
Bytes FunctionsNotChecked(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kComputeSignatureInit), 0x6985, 0x9000);
}
Bytes UnknownKeyAccepted(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kComputeSignatureInit), 0x6A80, 0x9000);
}
Bytes FirstPartForgotten(DefectBed& bed, const Bytes& command) {
  return Is(command, Ins::kComputeSignatureUpdate) && (P1(command) & 0x80U) == 0 ? Status(0x9000) : bed.Send(command);
}
Bytes OddCountAccepted(DefectBed& bed, const Bytes& command) {
  return bed.Send(Replaced(command, {0x9D, 0x04, 0x00, 0x00, 0x00, 0x41}, {0x9D, 0x04, 0x00, 0x00, 0x00, 0x40}));
}
Bytes TrailingBytesIgnored(DefectBed& bed, const Bytes& command) {
  const Bytes data = Data(command);
  return bed.Send(Is(command, Ins::kComputeSignatureUpdate) && data.size() == 35 && data[1] == 0x20
                      ? WithData(command, First(data, 34))
                      : command);
}

// ---- Verification ----

bool IsVerify(const Bytes& command) {
  return Is(command, Ins::kVerifySignatureUpdate);
}
Bytes VerifiesEverything(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), IsVerify(command), 0x6D01, 0x9000);
}
Bytes VerifiesNothing(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), IsVerify(command) && (P1(command) & 0x80U) != 0, 0x9000, 0x6D01);
}
Bytes WrongStatusOfVerify(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), IsVerify(command), 0x6D01, 0x6985);
}
Bytes ZeroSignatureVerifies(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes data = Data(command);
  const bool zero = data.size() > 64 && std::all_of(data.end() - 64, data.end() - 32, [](auto b) { return b == 0; });
  return IsVerify(command) && zero ? Status(0x9000) : answer;
}
Bytes FailedVerifyStaysOpen(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (IsVerify(command) && StatusOf(answer) == 0x6D01) {
    bed.count = 1;
    return answer;
  }
  if (IsVerify(command) && bed.count == 1 && StatusOf(answer) == 0x6985) {
    return Status(0x6D01);
  }
  bed.count = 0;
  return answer;
}
Bytes MissingSignatureVerifies(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return IsVerify(command) && Data(command).size() == 34 && StatusOf(answer) == 0x6A80 ? Status(0x9000) : answer;
}
Bytes VerifiesWithEmptyKey(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kVerifySignatureInit), 0x6985, 0x9000);
}

// ---- Sessions ----

bool IsInit(const Bytes& command) {
  return Is(command, Ins::kComputeSignatureInit) || Is(command, Ins::kVerifySignatureInit) ||
         Is(command, Ins::kPutPublicKeyInit);
}
Bytes CloseIsIgnored(DefectBed& bed, const Bytes& command) {
  return IsInit(command) && P1(command) == 1 ? Status(0x9000) : bed.Send(command);
}
Bytes CloseOfNothingFails(DefectBed& bed, const Bytes& command) {
  if (IsInit(command) && P1(command) == 1 && !bed.memory.contains(ToHex(First(command, 2)))) {
    return Status(0x6985);
  }
  if (IsInit(command) && P1(command) == 0) {
    bed.memory[ToHex(First(command, 2))] = {};
  }
  if (Is(command, kManageChannel)) {
    bed.memory.clear();
  }
  return bed.Send(command);
}
Bytes SessionNumberIgnored(DefectBed& bed, const Bytes& command) {
  if (Is(command, Ins::kComputeSignatureInit) || Is(command, Ins::kComputeSignatureUpdate)) {
    return bed.Send(WithParameters(command, P1(command), 0));
  }
  return bed.Send(command);
}
Bytes SessionsLeak(DefectBed& bed, const Bytes& command) {
  if (Is(command, Ins::kComputeSignatureInit) && P1(command) == 0 && ++bed.count > 200) {
    return Status(0x6989);
  }
  return bed.Send(command);
}
Bytes NoSessionNumberAbove3(DefectBed& bed, const Bytes& command) {
  return IsInit(command) && P2(command) > 3 ? Status(0x6A86) : bed.Send(command);
}
Bytes P1OfUpdateChecked(DefectBed& bed, const Bytes& command) {
  const bool update = Is(command, Ins::kComputeSignatureUpdate);
  return update && (P1(command) & 0x7FU) != 0 ? Status(0x6A86) : bed.Send(command);
}
Bytes P1OfInitIgnored(DefectBed& bed, const Bytes& command) {
  return bed.Send(IsInit(command) && P1(command) > 1 ? WithParameters(command, 0, P2(command)) : command);
}
Bytes FailedUpdateStaysOpen(DefectBed& bed, const Bytes& command) {
  if (Is(command, Ins::kComputeSignatureInit) && P1(command) == 0) {
    bed.memory["init"] = command;
  }
  const Bytes answer = bed.Send(command);
  if (Is(command, Ins::kComputeSignatureUpdate) && StatusOf(answer) == 0x6A80 && bed.memory.contains("init")) {
    static_cast<void>(bed.Send(bed.memory["init"]));
  }
  return answer;
}
Bytes OneSessionOnly(DefectBed& bed, const Bytes& command) {
  if (IsInit(command) && P1(command) == 0 && !bed.memory["open"].empty()) {
    const Bytes open = bed.memory["open"];
    static_cast<void>(bed.Send({open[0], open[1], 0x01, open[3], 0x00}));
  }
  if (IsInit(command)) {
    bed.memory["open"] = P1(command) == 0 ? First(command, 4) : Bytes();
  }
  return bed.Send(command);
}

constexpr std::array kDefects{
    Defect{"generate-same", "GENERATE KEY PAIR makes the same pair again", SameKeyPairAgain},
    Defect{"generate-point", "GENERATE KEY PAIR returns a point off the curve", GeneratedPointOffCurve},
    Defect{"generate-order", "GENERATE KEY PAIR returns 85 before 84", PublicIdFirst},
    Defect{"generate-anywhere", "GENERATE KEY PAIR ignores the access conditions", GeneratesAnywhere},
    Defect{"put-ignored", "PUT PUBLIC KEY leaves the old key", PutKeepsOldKey},
    Defect{"put-point", "PUT PUBLIC KEY does not validate the point", PointNotValidated},
    Defect{"put-empties", "a failed PUT PUBLIC KEY empties the container", FailedPutEmptiesContainer},
    Defect{"put-compressed", "PUT PUBLIC KEY takes compressed points", CompressedPointAccepted},
    Defect{"put-no-init", "PUT PUBLIC KEY UPDATE needs no INIT", PutWithoutInit},
    Defect{"put-anywhere", "PUT PUBLIC KEY ignores the access conditions", PutAnywhere},
    Defect{"volatile-stays", "volatile keys outlive a reset", VolatileKeySurvives},
    Defect{"key-bare", "READ PUBLIC KEY returns the bare point", BarePublicKey},
    Defect{"dh-stripped", "COMPUTE DH strips leading zeros", SharedSecretStripped},
    Defect{"dh-reversed", "COMPUTE DH returns little endian", SharedSecretReversed},
    Defect{"dh-tag", "COMPUTE DH puts a tag in front", SharedSecretWithTag},
    Defect{"dh-no-key", "COMPUTE DH works without a key", AgreesWithoutKey},
    Defect{"prf-wrong", "COMPUTE PRF gives other bytes", PrfIsWrong},
    Defect{"hkdf-salt", "COMPUTE HKDF does not use all of the salt", HkdfIgnoresSalt},
    Defect{"sign-short", "r is not padded", SignatureNotPadded},
    Defect{"sign-other", "the signature is over another hash", SignatureOverOtherHash},
    Defect{"sign-repeated", "a hash signed again gives the same signature", SignatureRepeated},
    Defect{"sign-twisted", "s stands before r", SignatureTwisted},
    Defect{"sign-der", "the signature is in DER", SignatureInDer},
    Defect{"sign-twice", "a session signs more than once", SignsTwice},
    Defect{"sign-length", "tag 33 has a length of one byte in class 8X", nullptr, false,
           [](card::CompatibilityConfig& config) { config.signature_length = card::SignatureLength::kOneByte; }},
    Defect{"hash-short", "a hash that is too short is padded", ShortHashAccepted},
    Defect{"hash-long", "a hash that is too long is cut", nullptr, false,
           [](card::CompatibilityConfig& config) { config.accept_longer_hash = true; }},
    Defect{"hash-unknown", "an unknown hash algorithm is taken for SHA-256", UnknownHashAccepted},
    Defect{"algorithm-any", "RSA on an elliptic key is taken for ECDSA", AnyAlgorithmAccepted},
    Defect{"functions-ignored", "the functions of a key are not checked", FunctionsNotChecked},
    Defect{"key-unknown", "INIT with an unknown key succeeds", UnknownKeyAccepted},
    Defect{"chain-lost", "the first parts of a text are forgotten", FirstPartForgotten},
    Defect{"count-odd", "the count of hashed bytes may be any number", OddCountAccepted},
    Defect{"trailing", "bytes after the hash are ignored", TrailingBytesIgnored},
    Defect{"verify-true", "every signature verifies", VerifiesEverything},
    Defect{"verify-false", "no signature verifies", VerifiesNothing},
    Defect{"verify-status", "a wrong signature is answered 6985", WrongStatusOfVerify},
    Defect{"verify-zero", "r = 0 verifies", ZeroSignatureVerifies},
    Defect{"verify-open", "a failed verification leaves the session open", FailedVerifyStaysOpen},
    Defect{"verify-missing", "a missing signature verifies", MissingSignatureVerifies},
    Defect{"verify-empty", "verification begins with an empty key", VerifiesWithEmptyKey},
    Defect{"close-kept", "closing a session does nothing", CloseIsIgnored},
    Defect{"close-fails", "closing a session that is not open fails", CloseOfNothingFails},
    Defect{"session-number", "the session number is ignored", SessionNumberIgnored},
    Defect{"session-leak", "sessions are used up", SessionsLeak},
    Defect{"session-few", "session numbers above 3 are refused", NoSessionNumberAbove3},
    Defect{"session-p1", "the low bits of P1 in UPDATE are checked", P1OfUpdateChecked},
    Defect{"init-p1", "undefined P1 in INIT is taken for open", P1OfInitIgnored},
    Defect{"update-open", "a failed UPDATE leaves the session open", FailedUpdateStaysOpen},
    Defect{"session-one", "a new session ends every other one", OneSessionOnly},
    Defect{"init-again", "INIT on an open session is refused", nullptr, false,
           [](card::CompatibilityConfig& config) { config.restart_open_session = false; }},
};

}  // namespace

std::span<const Defect> KeyDefects() {
  return kDefects;
}

}  // namespace simroot::conformance
