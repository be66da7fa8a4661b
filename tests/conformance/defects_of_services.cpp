// SPDX-License-Identifier: Apache-2.0
// RSA, P-384, brainpoolP256r1, AES, AES-CMAC and HASH: what only some cards have.
#include "conformance/defect_tools.hpp"
#include "conformance/defects.hpp"

namespace simroot::conformance {
namespace {

using namespace defect_tools;  // the vocabulary of the rows below

/// The answer with one bit of a byte turned, counted from the end, if it has at least `size` bytes of data.
Bytes Flipped(Bytes answer, std::size_t from_end, std::size_t size) {
  if (StatusOf(answer) == 0x9000 && DataOf(answer).size() >= size) {
    *(answer.end() - 2 - static_cast<std::ptrdiff_t>(from_end)) ^= 0x01U;
  }
  return answer;
}
/// The value of the element with this tag among the data of a command; empty if there is none.
Bytes ValueOf(const Bytes& command, std::uint8_t tag) {
  const Bytes data = Data(command);
  for (std::size_t at = 0; at + 2 <= data.size(); at += 2U + data[at + 1]) {
    if (data[at] == tag) {
      return Part(data, at + 2, data[at + 1]);
    }
  }
  return {};
}
/// The data without the element of this tag.
Bytes Without(const Bytes& command, std::uint8_t tag) {
  const Bytes data = Data(command);
  Bytes rest;
  for (std::size_t at = 0; at + 2 <= data.size(); at += 2U + data[at + 1]) {
    if (data[at] != tag) {
      rest = Join(rest, Part(data, at, 2U + data[at + 1]));
    }
  }
  return WithData(command, rest);
}
bool Opens(const Bytes& command, Ins ins) {
  return Is(command, ins) && P1(command) == 0;
}
/// True for the last command of a signature whose answer has this many bytes in tag 33.
bool Signed(const Bytes& command, const Bytes& answer, std::size_t size) {
  return Is(command, Ins::kComputeSignatureUpdate) && StatusOf(answer) == 0x9000 && DataOf(answer).size() > size &&
         DataOf(answer).size() <= size + 3;
}

// ---- RSA ----

Bytes RsaPaddingMixed(DefectBed& bed, const Bytes& command) {
  const bool pss = Opens(command, Ins::kComputeSignatureInit) && ValueOf(command, 0x92) == Bytes{0x02};
  return bed.Send(pss ? Replaced(command, {0x92, 0x01, 0x02}, {0x92, 0x01, 0x01}) : command);
}
Bytes RsaHashMixed(DefectBed& bed, const Bytes& command) {
  const bool rsa = Opens(command, Ins::kComputeSignatureInit) && ValueOf(command, 0x92) == Bytes{0x01} &&
                   ValueOf(command, 0xA1) == Bytes{0x01};
  return bed.Send(rsa ? Replaced(command, {0x91, 0x02, 0x00, 0x02}, {0x91, 0x02, 0x00, 0x01}) : command);
}
/// The first part of an answer that is longer than 256 bytes and begins with this tag.
bool IsLong(const Bytes& answer, std::uint8_t tag) {
  return StatusOf(answer) >> 8U == 0x61 && DataOf(answer).size() >= 250 && answer.front() == tag;
}
Bytes RsaSignatureWrong(DefectBed& bed, const Bytes& command) {
  Bytes answer = bed.Send(command);
  if (Is(command, Ins::kComputeSignatureUpdate) && IsLong(answer, 0x33)) {
    answer[100] ^= 0x01U;
  }
  return answer;
}
Bytes RsaSignatureCut(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes data = DataOf(answer);
  return Is(command, Ins::kComputeSignatureUpdate) && IsLong(answer, 0x33)
             ? Answer(Join({0x33, 0x00, 0xFF}, Part(data, 4, data.size() - 4)), StatusOf(answer))
             : answer;
}
Bytes RsaKeyOfAnother(DefectBed& bed, const Bytes& command) {
  Bytes answer = bed.Send(command);
  if (Is(command, Ins::kReadPublicKey) && IsLong(answer, 0x34)) {
    answer[100] ^= 0x01U;
  }
  return answer;
}
Bytes RsaTakenForEcdsa(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Opens(command, Ins::kComputeSignatureInit) && ValueOf(command, 0x92) == Bytes{4},
                  0x6985, 0x9000);
}
Bytes RsaAgrees(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kComputeDh) && StatusOf(answer) == 0x6985 ? Answer(Bytes(32, 0x11), 0x9000) : answer;
}
Bytes RsaVerifiesAll(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kVerifySignatureUpdate), 0x6D01, 0x9000);
}
Bytes RsaVerifiesNone(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kVerifySignatureUpdate) && P1(command) == 0x80, 0x9000, 0x6D01);
}
Bytes RsaPutNotStored(DefectBed& bed, const Bytes& command) {
  return Is(command, Ins::kPutPublicKeyUpdate) ? Status(0x9000) : bed.Send(command);
}
Bytes RsaWeakKeyTaken(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Is(command, Ins::kPutPublicKeyUpdate), 0x6A80, 0x9000);
}
Bytes RsaHashOfAnyLength(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kComputeSignatureUpdate) && StatusOf(answer) == 0x6A80
             ? Answer(Join({0x33, 0x01, 0x00}, Bytes(256, 0x22)), 0x9000)
             : answer;
}

// ---- Other curves ----

Bytes LongSignatureWrong(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Signed(command, answer, 96) ? Flipped(answer, 1, 1) : answer;
}
Bytes LongSignatureSwapped(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  const Bytes data = DataOf(answer);
  return Signed(command, answer, 96)
             ? Answer(Join(Join(First(data, data.size() - 96), Part(data, data.size() - 48, 48)),
                           Part(data, data.size() - 96, 48)),
                      0x9000)
             : answer;
}
Bytes LongDigestCut(DefectBed& bed, const Bytes& command) {
  Bytes changed = command;
  if (Is(command, Ins::kComputeSignatureUpdate) && ValueOf(command, 0x9E).size() == 48) {
    std::fill(changed.begin() + 5 + 2 + 32, changed.begin() + 5 + 2 + 48, std::uint8_t{0});
  }
  return bed.Send(changed);
}
Bytes LongSecretCut(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kComputeDh) && DataOf(answer).size() == 48 ? Answer(First(answer, 32), 0x9000) : answer;
}
Bytes AnyKeyAgrees(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kComputeDh) && StatusOf(answer) == 0x6985 ? Answer(Bytes(32, 0x11), 0x9000) : answer;
}
bool NamesCurveKey(const Bytes& command, std::uint8_t tag, std::uint8_t first, std::uint8_t second) {
  const Bytes id = ValueOf(command, tag);
  return id == Bytes{first} || id == Bytes{second};
}
Bytes BrainpoolSignatureWrong(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kComputeSignatureInit)) {
    bed.count = NamesCurveKey(command, 0x84, 0x15, 0x15) ? 1 : 0;
  }
  const Bytes answer = bed.Send(command);
  return bed.count == 1 && Signed(command, answer, 64) ? Flipped(answer, 1, 1) : answer;
}
Bytes BrainpoolPointAnywhere(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kPutPublicKeyInit)) {
    bed.count = NamesCurveKey(command, 0x85, 0x09, 0x09) ? 1 : 0;
  }
  return IfStatus(bed.Send(command), bed.count == 1 && Is(command, Ins::kPutPublicKeyUpdate), 0x6A80, 0x9000);
}
Bytes BrainpoolGeneratesP256(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kGenerateKeyPair) && NamesCurveKey(command, 0x84, 0x08, 0x08) ? Flipped(answer, 1, 70)
                                                                                        : answer;
}
Bytes BrainpoolVerifiesAll(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kVerifySignatureInit)) {
    bed.count = NamesCurveKey(command, 0x85, 0x09, 0x09) ? 1 : 0;
  }
  return IfStatus(bed.Send(command), bed.count == 1 && Is(command, Ins::kVerifySignatureUpdate), 0x6D01, 0x9000);
}
Bytes LongVerifiesAll(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kVerifySignatureInit)) {
    bed.count = NamesCurveKey(command, 0x85, 0x13, 0x13) ? 1 : 0;
  }
  return IfStatus(bed.Send(command), bed.count == 1 && Is(command, Ins::kVerifySignatureUpdate), 0x6D01, 0x9000);
}
Bytes LongPointAnywhere(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kPutPublicKeyInit)) {
    bed.count = NamesCurveKey(command, 0x85, 0x13, 0x13) ? 1 : 0;
  }
  return IfStatus(bed.Send(command), bed.count == 1 && Is(command, Ins::kPutPublicKeyUpdate), 0x6A80, 0x9000);
}

// ---- HASH ----

Bytes HashWrong(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kHash) ? Flipped(answer, 1, 32) : answer;
}
Bytes HashAlwaysSha256(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kHash) && (P2(command) == 2 || P2(command) == 4)
                      ? WithParameters(command, P1(command), 1)
                      : command);
}
Bytes HashNeverBeginsAnew(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kHash) ? WithParameters(command, P1(command) & 0x80U, P2(command)) : command);
}
Bytes HashForgetsParts(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kHash) ? WithParameters(command, P1(command) | 0x40U, P2(command)) : command);
}
Bytes HashIgnoresP1(DefectBed& bed, const Bytes& command) {
  return bed.Send(Is(command, Ins::kHash) ? WithParameters(command, P1(command) & 0xC0U, P2(command)) : command);
}
Bytes HashOneForAllChannels(DefectBed& bed, const Bytes& command) {
  if (!Is(command, Ins::kHash)) {
    return bed.Send(command);
  }
  Bytes changed = command;
  changed.front() = LowByte((changed.front() & 0xFCU) | 0x01U);
  return bed.Send(changed);
}

// ---- AES-CMAC ----

Bytes MacOfLastPart(DefectBed& bed, const Bytes& command) {
  const bool part = Is(command, Ins::kComputeSignatureUpdate) && P1(command) == 0 && !ValueOf(command, 0x9F).empty();
  return part ? Status(0x9000) : bed.Send(command);
}
Bytes MacCut(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Signed(command, answer, 16) ? Answer(Join({0x33, 0x08}, Part(DataOf(answer), 2, 8)), 0x9000) : answer;
}
/// As if the last block were padded in every case: a text and the same with its padding have one MAC.
Bytes MacPadsWithOneKey(DefectBed& bed, const Bytes& command) {
  const Bytes text = ValueOf(command, 0x9F);
  if (!Is(command, Ins::kComputeSignatureUpdate) || P1(command) != 0x80 || text.size() % 16 == 0) {
    return Is(command, Ins::kComputeSignatureUpdate) && P1(command) == 0x80 && Data(command) == Bytes{0x9F, 0x00}
               ? bed.Send(WithData(command, Join({0x9F, 0x10, 0x80}, Bytes(15, 0x00))))
               : bed.Send(command);
  }
  Bytes padded = Join(text, {0x80});
  padded.resize((padded.size() + 15) / 16 * 16);
  return bed.Send(WithData(command, Join({0x9F, LowByte(padded.size())}, padded)));
}
Bytes MacOfAnyKey(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Opens(command, Ins::kComputeSignatureInit) && !ValueOf(command, 0x86).empty(),
                  0x6985, 0x9000);
}
Bytes MacIsRandom(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Signed(command, answer, 16) && ++bed.count % 2 == 0 ? Flipped(answer, 1, 1) : answer;
}

// ---- ENCRYPT and DECRYPT ----

Bytes NonceRepeated(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  if (!Opens(command, Ins::kEncryptInit) || StatusOf(answer) != 0x9000) {
    return answer;
  }
  Bytes& kept = bed.memory[ToHex(ValueOf(command, 0xA2))];
  kept = kept.empty() ? answer : kept;
  return kept;
}
Bytes NonceOfCaller(DefectBed& bed, const Bytes& command) {
  return Opens(command, Ins::kEncryptInit) && !ValueOf(command, 0xA3).empty()
             ? Answer(Join({0xA3, LowByte(ValueOf(command, 0xA3).size())}, ValueOf(command, 0xA3)), 0x9000)
             : bed.Send(command);
}
Bytes TagNotChecked(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kDecryptUpdate) && StatusOf(answer) == 0x6A80 ? Answer(ValueOf(command, 0x9B), 0x9000)
                                                                        : answer;
}
Bytes AssociatedDataIgnored(DefectBed& bed, const Bytes& command) {
  return bed.Send(Opens(command, Ins::kEncryptInit) || Opens(command, Ins::kDecryptInit) ? Without(command, 0xA4)
                                                                                         : command);
}
Bytes GcmTagOfAnother(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kEncryptInit)) {
    bed.count = ValueOf(command, 0xA2) == Bytes{0x03} ? 1 : 0;
  }
  // Both sides turn the same bit of the tag: what is encrypted can be decrypted, by this card alone.
  if (Opens(command, Ins::kDecryptInit) && !ValueOf(command, 0xA5).empty()) {
    Bytes tag = ValueOf(command, 0xA5);
    const Bytes right = tag;
    tag.back() ^= 0x01U;
    return bed.Send(Replaced(command, right, tag));
  }
  const Bytes answer = bed.Send(command);
  return bed.count == 1 && Is(command, Ins::kEncryptUpdate) ? Flipped(answer, 1, 16) : answer;
}
Bytes CounterOf32Bits(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kDecryptInit)) {
    bed.count = ValueOf(command, 0xA3) == Bytes(16, 0xFF) ? 1 : 0;
  }
  const Bytes answer = bed.Send(command);
  return bed.count == 1 && Is(command, Ins::kDecryptUpdate) ? Flipped(answer, 1, 32) : answer;
}
Bytes CbcWithoutVector(DefectBed& bed, const Bytes& command) {
  // Enciphers and deciphers under another key stream than it says: the first byte of the vector is not used.
  if (Opens(command, Ins::kDecryptInit) && ValueOf(command, 0xA2) == Bytes{0x01}) {
    Bytes changed = ValueOf(command, 0xA3);
    const Bytes right = changed;
    changed.front() ^= 0x80U;
    return bed.Send(Replaced(command, right, changed));
  }
  Bytes answer = bed.Send(command);
  if (Opens(command, Ins::kEncryptInit) && ValueOf(command, 0xA2) == Bytes{0x01} && answer.size() > 4) {
    answer[2] ^= 0x80U;
  }
  return answer;
}
Bytes PaddingNotChecked(DefectBed& bed, const Bytes& command) {
  if (Opens(command, Ins::kDecryptInit)) {
    bed.count = ValueOf(command, 0xA2) == Bytes{0x01} ? 1 : 0;
  }
  const Bytes answer = bed.Send(command);
  return bed.count == 1 && Is(command, Ins::kDecryptUpdate) && StatusOf(answer) == 0x6A80
             ? Answer(Bytes(16, 0x11), 0x9000)
             : answer;
}
Bytes FunctionOfKeyIgnored(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Opens(command, Ins::kDecryptInit), 0x6985, 0x9000);
}
Bytes EncryptionByAnyKey(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Opens(command, Ins::kEncryptInit) && StatusOf(answer) == 0x6985
             ? Answer(Join({0xA3, 0x10}, Bytes(16, 0x11)), 0x9000)
             : answer;
}
Bytes DecryptsTwice(DefectBed& bed, const Bytes& command) {
  const Bytes answer = bed.Send(command);
  return Is(command, Ins::kDecryptUpdate) && StatusOf(answer) == 0x6985 ? Answer(ValueOf(command, 0x9B), 0x9000)
                                                                        : answer;
}
Bytes DecryptCloseIgnored(DefectBed& bed, const Bytes& command) {
  return Is(command, Ins::kDecryptInit) && P1(command) == 1 ? Status(0x9000) : bed.Send(command);
}
Bytes NonceOfAnySize(DefectBed& bed, const Bytes& command) {
  return IfStatus(bed.Send(command), Opens(command, Ins::kDecryptInit), 0x6A80, 0x9000);
}

constexpr std::array kDefects{
    Defect{"rsa-padding", "PSS is answered with PKCS#1 v1.5", RsaPaddingMixed, false, nullptr, "rsa"},
    Defect{"rsa-hash", "RSA hashes every text with SHA-256", RsaHashMixed, false, nullptr, "rsa"},
    Defect{"rsa-wrong", "RSA signatures are wrong", RsaSignatureWrong, false, nullptr, "rsa"},
    Defect{"rsa-cut", "RSA signatures come without their first byte", RsaSignatureCut, false, nullptr, "rsa"},
    Defect{"rsa-key", "READ PUBLIC KEY returns another modulus", RsaKeyOfAnother, false, nullptr, "rsa"},
    Defect{"rsa-ecdsa", "ECDSA with an RSA key begins", RsaTakenForEcdsa, false, nullptr, "rsa"},
    Defect{"rsa-dh", "COMPUTE DH takes RSA keys", RsaAgrees, false, nullptr, "rsa"},
    Defect{"rsa-verify", "every RSA signature verifies", RsaVerifiesAll, false, nullptr, "rsa"},
    Defect{"rsa-verify-no", "no RSA signature verifies", RsaVerifiesNone, false, nullptr, "rsa"},
    Defect{"rsa-put", "PUT PUBLIC KEY leaves the old RSA key", RsaPutNotStored, false, nullptr, "rsa"},
    Defect{"rsa-weak", "PUT PUBLIC KEY takes RSA keys that are none", RsaWeakKeyTaken, false, nullptr, "rsa"},
    Defect{"rsa-digest", "RSA signs a hash of any length", RsaHashOfAnyLength, false, nullptr, "rsa"},
    Defect{"p384-wrong", "signatures on P-384 are wrong", LongSignatureWrong, false, nullptr, "curves"},
    Defect{"p384-twisted", "s stands before r on P-384", LongSignatureSwapped, false, nullptr, "curves"},
    Defect{"p384-digest", "SHA-384 is cut to 32 bytes on P-384", LongDigestCut, false, nullptr, "curves"},
    Defect{"p384-secret", "COMPUTE DH returns 32 bytes on P-384", LongSecretCut, false, nullptr, "curves"},
    Defect{"p384-verify", "every signature on P-384 verifies", LongVerifiesAll, false, nullptr, "curves"},
    Defect{"p384-point", "points on P-384 are not validated", LongPointAnywhere, false, nullptr, "curves"},
    Defect{"curve-mixed", "COMPUTE DH takes keys of two curves", AnyKeyAgrees, false, nullptr, "curves"},
    Defect{"bp-wrong", "signatures on brainpoolP256r1 are wrong", BrainpoolSignatureWrong, false, nullptr, "curves"},
    Defect{"bp-point", "points on brainpoolP256r1 are not validated", BrainpoolPointAnywhere, false, nullptr, "curves"},
    Defect{"bp-generate", "GENERATE KEY PAIR leaves brainpoolP256r1", BrainpoolGeneratesP256, false, nullptr, "curves"},
    Defect{"bp-verify", "every signature on brainpoolP256r1 verifies", BrainpoolVerifiesAll, false, nullptr, "curves"},
    Defect{"hash-wrong", "HASH gives another digest", HashWrong},
    Defect{"hash-sha256", "HASH knows SHA-256 only", HashAlwaysSha256},
    Defect{"hash-kept", "HASH goes on with the text before", HashNeverBeginsAnew},
    Defect{"hash-part", "HASH forgets all parts but the last", HashForgetsParts},
    Defect{"hash-p1", "HASH takes undefined P1", HashIgnoresP1},
    Defect{"hash-channels", "HASH has one text for all channels", HashOneForAllChannels},
    Defect{"mac-part", "AES-CMAC is over the last part only", MacOfLastPart, false, nullptr, "secrets"},
    Defect{"mac-cut", "AES-CMAC has 8 bytes", MacCut, false, nullptr, "secrets"},
    Defect{"mac-padding", "AES-CMAC does not tell a text from a padded one", MacPadsWithOneKey, false, nullptr,
           "secrets"},
    Defect{"mac-key", "AES-CMAC takes any secret key", MacOfAnyKey, false, nullptr, "secrets"},
    Defect{"mac-random", "AES-CMAC of one text is not always the same", MacIsRandom, false, nullptr, "secrets"},
    Defect{"nonce-repeated", "ENCRYPT gives a nonce out again", NonceRepeated, false, nullptr, "secrets"},
    Defect{"nonce-caller", "ENCRYPT takes a nonce of the caller", NonceOfCaller, false, nullptr, "secrets"},
    Defect{"gcm-unchecked", "DECRYPT does not check the tag", TagNotChecked, false, nullptr, "secrets"},
    Defect{"gcm-aad", "associated data does not count", AssociatedDataIgnored, false, nullptr, "secrets"},
    Defect{"gcm-tag", "the tag is not that of GCM", GcmTagOfAnother, false, nullptr, "secrets"},
    Defect{"ctr-carry", "the counter does not carry", CounterOf32Bits, false, nullptr, "secrets"},
    Defect{"cbc-vector", "CBC does not use its whole vector", CbcWithoutVector, false, nullptr, "secrets"},
    Defect{"cbc-padding", "DECRYPT does not check the padding", PaddingNotChecked, false, nullptr, "secrets"},
    Defect{"aes-functions", "DECRYPT takes any key", FunctionOfKeyIgnored, false, nullptr, "secrets"},
    Defect{"aes-encrypts", "ENCRYPT takes any key", EncryptionByAnyKey, false, nullptr, "secrets"},
    Defect{"aes-again", "DECRYPT needs no INIT", DecryptsTwice, false, nullptr, "secrets"},
    Defect{"aes-close", "closing a decryption does nothing", DecryptCloseIgnored, false, nullptr, "secrets"},
    Defect{"aes-sizes", "DECRYPT takes nonces and tags of any size", NonceOfAnySize, false, nullptr, "secrets"},
};

}  // namespace

std::span<const Defect> ServiceDefects() {
  return kDefects;
}

}  // namespace simroot::conformance
