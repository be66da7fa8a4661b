// SPDX-License-Identifier: Apache-2.0
// What a script lets the host compute for RSA and AES: actions of ScriptRunner.
#include "common/iotsafe/objects.hpp"
#include "common/wire/tlv.hpp"
#include "conformance/script_runner.hpp"
#include "conformance/script_words.hpp"

namespace simroot::conformance {
namespace {

using Block = std::array<std::uint8_t, 16>;

struct HostRsaPair {
  Bytes der;
  Bytes modulus;
  Bytes exponent;
};

OrReason<crypto::RsaPadding> PaddingNamed(std::string_view name) {
  if (name == "pkcs1") {
    return crypto::RsaPadding::kPkcs1;
  }
  if (name == "pss") {
    return crypto::RsaPadding::kPss;
  }
  return Reason("no padding '" + std::string(name) + "'");
}

/// Product in the field of GCM (SP 800-38D 6.3).
Block Multiplied(const Block& x, Block v) {
  Block z{};
  for (std::size_t bit = 0; bit < 128; ++bit) {
    if ((x.at(bit / 8) >> (7U - bit % 8) & 1U) != 0) {
      std::ranges::transform(z, v, z.begin(), [](std::uint8_t a, std::uint8_t b) { return LowByte(a ^ b); });
    }
    const bool carry = (v.back() & 1U) != 0;
    for (std::size_t i = v.size() - 1; i > 0; --i) {
      v.at(i) = LowByte(v.at(i) >> 1U | (v.at(i - 1) & 1U) << 7U);
    }
    v.front() = LowByte(v.front() >> 1U);
    v.front() = LowByte(v.front() ^ (carry ? 0xE1U : 0U));
  }
  return z;
}

/// Takes the bytes, filled with zeros to whole blocks, into a running GHASH.
void TakeIntoGhash(const Block& h, ByteView bytes, Block& y) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    y.at(i % y.size()) = LowByte(y.at(i % y.size()) ^ bytes[i]);
    if ((i + 1) % y.size() == 0 || i + 1 == bytes.size()) {
      y = Multiplied(y, h);
    }
  }
}

}  // namespace

/// `verifyrsa pkcs1|pss HASH MODULUS EXPONENT DIGEST SIGNATURE`.
OrReason<void> ScriptRunner::VerifyRsa(const Words& words) {
  SR_TRY(const auto padding, PaddingNamed(words[0]));
  SR_TRY(const auto hash, HashNamed(words[1]));
  SR_TRY(const Bytes modulus, Value(words[2]));
  SR_TRY(const Bytes exponent, Value(words[3]));
  SR_TRY(const Bytes digest, Value(words[4]));
  SR_TRY(const Bytes signature, Value(words[5]));
  return Require(
      crypto_.VerifyRsa({modulus, exponent}, padding, hash, digest, signature) == crypto::VerifyResult::kValid,
      "the RSA signature does not verify over " + ToHex(digest));
}

/// `rsakey NAME BYTES`: modulus and exponent out of tag 34, whatever the form of its lengths.
OrReason<void> ScriptRunner::RsaKey(const Words& words) {
  SR_TRY(const Bytes bytes, Value(words[1]));
  ByteReader reader(bytes);
  wire::Tlv outer;
  const bool whole =
      wire::ReadFlexibleTlv(reader, {}, outer) && reader.empty() && outer.tag == Code(iotsafe::Tag::kPublicKeyData);
  const auto key = whole ? iotsafe::ParseAnyPublicKeyValue(outer.value) : Unexpected(ParseError::kMissingTag);
  if (!key || key->modulus.empty()) {
    return Reason("not 34 with an RSA key of 2048 bits: " + ToHex(bytes));
  }
  variables_[words[0] + ".n"] = Bytes(key->modulus.begin(), key->modulus.end());
  variables_[words[0] + ".e"] = Bytes(key->exponent.begin(), key->exponent.end());
  return {};
}

/// `rsapair NAME`: a pair of the host; made once in the life of the program for each name, because that takes long.
OrReason<void> ScriptRunner::RsaPair(const Words& words) {
  static std::map<std::string, HostRsaPair, std::less<>> pairs;
  HostRsaPair& pair = pairs[words[0]];
  if (pair.der.empty()) {
    HostRsaPair made{Bytes(crypto::kMaxRsaPrivateSize), Bytes(crypto::kRsaSize), Bytes(crypto::kRsaExponentSize)};
    std::size_t size = 0;
    SR_TRY_VOID(
        Require(crypto_.GenerateRsa(made.der, size, made.modulus, made.exponent), "the host cannot make an RSA key"));
    made.der.resize(size);
    pair = std::move(made);
  }
  variables_[words[0] + ".der"] = pair.der;
  variables_[words[0] + ".n"] = pair.modulus;
  variables_[words[0] + ".e"] = pair.exponent;
  return {};
}

/// `signrsa NAME = pkcs1|pss HASH DER DIGEST`.
OrReason<Bytes> ScriptRunner::SignRsa(const Words& words) {
  SR_TRY(const auto padding, PaddingNamed(words[0]));
  SR_TRY(const auto hash, HashNamed(words[1]));
  SR_TRY(const Bytes der, Value(words[2]));
  SR_TRY(const Bytes digest, Value(words[3]));
  Bytes signature(crypto::kRsaSize);
  crypto_.ForgetKey(0);
  SR_TRY_VOID(Require(crypto_.SignRsa({der, 0, 1}, padding, hash, digest, signature), "the host cannot sign"));
  return signature;
}

/// `xor NAME = A B`, as long as the shorter one.
OrReason<Bytes> ScriptRunner::Xor(const Words& words) {
  SR_TRY(Bytes a, Value(words[0]));
  SR_TRY(const Bytes b, Value(words[1]));
  a.resize(std::min(a.size(), b.size()));
  std::ranges::transform(a, b, a.begin(), [](std::uint8_t one, std::uint8_t other) { return LowByte(one ^ other); });
  return a;
}

/// `gcmtag NAME = H MASK AAD CIPHERTEXT`: the authentication tag of SP 800-38D, from the key's enciphered zero block
/// and its enciphered first counter block.
OrReason<Bytes> ScriptRunner::GcmTag(const Words& words) {
  SR_TRY(const Bytes key, Value(words[0]));
  SR_TRY(const Bytes mask, Value(words[1]));
  SR_TRY(const Bytes aad, Value(words[2]));
  SR_TRY(const Bytes text, Value(words[3]));
  Block h{};
  Block y{};
  SR_TRY_VOID(Require(key.size() == h.size() && mask.size() == h.size() && CopyBytes(key, h),
                      "'gcmtag' takes two blocks of 16 bytes first"));
  Block sizes{};
  ByteWriter out(sizes);
  for (const Bytes* bytes : {&aad, &text}) {
    TakeIntoGhash(h, *bytes, y);
    out.PutU32(0);
    out.PutU32(static_cast<std::uint32_t>(bytes->size() * 8));
  }
  TakeIntoGhash(h, sizes, y);
  Bytes tag(mask);
  std::ranges::transform(tag, y, tag.begin(),
                         [](std::uint8_t one, std::uint8_t other) { return LowByte(one ^ other); });
  return tag;
}

/// Values that are computed from words without blanks.
std::span<const ScriptRunner::ValueRow> ScriptRunner::Values() {
  static constexpr std::array kRows{
      ValueRow{"signrsa", 4, &ScriptRunner::SignRsa},
      ValueRow{"xor", 2, &ScriptRunner::Xor},
      ValueRow{"gcmtag", 4, &ScriptRunner::GcmTag},
  };
  return kRows;
}

}  // namespace simroot::conformance
