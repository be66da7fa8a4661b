// SPDX-License-Identifier: Apache-2.0
// PSK TLS 1.3 and P_SHA384 (docs/formats/extensions.md): what a pre-shared key does in a handshake, done on the card.
// HKDF-Extract(salt, input) is HMAC(salt, input) (RFC 5869 2.2), so the one primitive of the port serves for all.
#include <string_view>

#include "card/applet/algorithms.hpp"
#include "card/applet/applet.hpp"
#include "common/base/secret.hpp"
#include "common/iotsafe/extensions.hpp"

namespace simroot::card {
namespace {

using iotsafe::HashAlgorithm;
using iotsafe::PskStep;
using iotsafe::Tag;
using wire::StatusWord;

using Block = SecretArray<crypto::kMaxDigestSize>;

template <std::size_t kMax>
[[nodiscard]] ByteView Reveal(const SecretArray<kMax>& block) {
  return block.Reveal(InsecureReveal::kForCrypto);
}

/// One piece of HKDF-Expand-Label (RFC 8446 7.1), as long as the hash, so that one block of HKDF-Expand is enough:
/// HMAC(secret, HkdfLabel || 01).
[[nodiscard]] bool ExpandLabel(crypto::Crypto& crypto, HashAlgorithm hash, ByteView secret, std::string_view label,
                               ByteView context, Block& out) {
  constexpr std::string_view kPrefix = "tls13 ";
  constexpr std::size_t kMaxLabel = 10;
  std::array<std::uint8_t, 2 + 1 + kPrefix.size() + kMaxLabel + 1 + crypto::kMaxDigestSize + 1> memory{};
  ByteWriter info(memory);
  info.PutU16(static_cast<std::uint16_t>(DigestSize(hash)));
  info.PutU8(LowByte(kPrefix.size() + label.size()));
  for (const std::string_view part : {kPrefix, label}) {
    for (const char c : part) {
      info.PutU8(LowByte(static_cast<unsigned char>(c)));
    }
  }
  info.PutU8(LowByte(context.size()));
  info.PutBytes(context);
  info.PutU8(0x01);
  return info.ok() && crypto.HkdfExtract(hash, secret, info.written(), out.Prepare(DigestSize(hash)));
}

/// Derive-Secret(secret, label, "") of RFC 8446 7.1: the context is the hash of nothing.
[[nodiscard]] bool DeriveSecret(crypto::Crypto& crypto, HashAlgorithm hash, ByteView secret, std::string_view label,
                                Block& out) {
  crypto::HashState state;
  std::array<std::uint8_t, crypto::kMaxDigestSize> memory{};
  const ByteSpan digest = ByteSpan(memory).first(DigestSize(hash));
  return crypto.HashBegin(hash, state) && crypto.HashFinish(state, digest) &&
         ExpandLabel(crypto, hash, secret, label, digest, out);
}

[[nodiscard]] bool IsAllZeros(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

/// A pre-shared key in the key schedule of one hash.
struct Applet::PskSchedule {
  HashAlgorithm hash;
  ByteView early_secret;
};

// The early secret is the same in every handshake, and so is all that follows from it without a transcript or a key
// exchange: none of it is ever an answer (docs/threat-model.md). Nothing is kept from one command to the next.
StatusWord Applet::PskTls13(const Call& call) {
  const auto step = static_cast<PskStep>(call.command.p1);
  if ((step != PskStep::kBinder && step != PskStep::kHandshakeSecret) || call.command.p2 != 0) {
    return Sw::kIncorrectP1P2;
  }
  const Tag input_tag = step == PskStep::kBinder ? Tag::kFinalHash : Tag::kDhResult;
  const auto data =
      CommandData::Parse(call.command.data, {Tag::kSecretKeyId, Tag::kSecretKeyLabel, Tag::kHashAlgorithms, input_tag});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto hash = KnownHash(data->FindU16(Tag::kHashAlgorithms).value_or(0));
  const ByteView input = data->Find(input_tag).value_or(ByteView());
  // A key exchange that gives nothing (psk_ke) would make the handshake secret one more constant.
  if (!hash || hash == HashAlgorithm::kSha512 || IsAllZeros(input) ||
      (step == PskStep::kBinder && input.size() != DigestSize(*hash))) {
    return Sw::kIncorrectData;
  }
  // Whoever may ask COMPUTE HKDF has the early secret anyway; a key for this command alone keeps it.
  constexpr auto kEither = static_cast<iotsafe::KeyDerivation>(
      static_cast<unsigned>(iotsafe::KeyDerivation::kHkdf) | static_cast<unsigned>(iotsafe::KeyDerivation::kPskTls13));
  const auto psk = FindSecret(*data, kEither);
  if (!psk) {
    return psk.error();
  }
  Block early_secret;
  const ByteSpan out = call.response.Reserve(DigestSize(*hash));
  bool done =
      !out.empty() && crypto_.HkdfExtract(*hash, {}, store_.Value(**psk), early_secret.Prepare(DigestSize(*hash)));
  if (done) {
    const PskSchedule schedule{*hash, Reveal(early_secret)};
    done = step == PskStep::kBinder ? PutPskBinder(schedule, input, out) : PutPskHandshakeSecret(schedule, input, out);
  }
  if (!done) {
    Wipe(out);
    call.response.Truncate(0);
  }
  return done ? Sw::kOk : Sw::kOtherError;
}

/// RFC 8446 4.2.11.2: the Finished computation of 4.4.4 under the binder key of an external PSK.
bool Applet::PutPskBinder(const PskSchedule& psk, ByteView transcript_hash, ByteSpan out) {
  Block binder_key;
  Block finished_key;
  return DeriveSecret(crypto_, psk.hash, psk.early_secret, "ext binder", binder_key) &&
         ExpandLabel(crypto_, psk.hash, Reveal(binder_key), "finished", {}, finished_key) &&
         crypto_.HkdfExtract(psk.hash, Reveal(finished_key), transcript_hash, out);
}

bool Applet::PutPskHandshakeSecret(const PskSchedule& psk, ByteView dh_result, ByteSpan out) {
  Block derived;
  return DeriveSecret(crypto_, psk.hash, psk.early_secret, "derived", derived) &&
         crypto_.HkdfExtract(psk.hash, Reveal(derived), dh_result, out);
}

// A(i) = HMAC(secret, A(i-1)), A(0) = seed; output = HMAC(secret, A(1) || seed) || HMAC(secret, A(2) || seed) ...
bool Applet::TlsPrfSha384(ByteView secret, ByteView label_and_seed, ByteSpan out) {
  constexpr auto kHash = HashAlgorithm::kSha384;
  constexpr std::size_t kSize = DigestSize(kHash);
  constexpr std::size_t kMaxSeed = 241;  // what a command has room for beside the key's, length's and hash's tags
  SecretArray<kSize + kMaxSeed> input;   // A(i) || seed
  const ByteSpan whole = input.Prepare(kSize + label_and_seed.size());
  if (whole.empty()) {
    return false;
  }
  const ByteSpan a = whole.first(kSize);
  bool done = CopyBytes(label_and_seed, whole.subspan(kSize)) && crypto_.HkdfExtract(kHash, secret, label_and_seed, a);
  // One block for both: the stack of a small chip is short.
  for (SecretArray<kSize> block; done && !out.empty();) {
    done = crypto_.HkdfExtract(kHash, secret, whole, block.Prepare(kSize));
    const std::size_t count = std::min(kSize, out.size());
    done = done && CopyBytes(Reveal(block).first(count), out);
    out = out.subspan(count);
    done = done && crypto_.HkdfExtract(kHash, secret, a, block.Prepare(kSize)) && CopyBytes(Reveal(block), a);
  }
  return done;
}

}  // namespace simroot::card
