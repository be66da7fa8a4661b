// SPDX-License-Identifier: Apache-2.0
/// COMPUTE PRF (2.8) and COMPUTE HKDF (2.7): answers without an element around them.
#include <string_view>

#include "card/applet/algorithms.hpp"
#include "card/applet/applet.hpp"
#include "common/base/secret.hpp"

namespace simroot::card {

using iotsafe::KeyDerivation;
using iotsafe::ObjectClass;
using iotsafe::Tag;
using wire::StatusWord;

namespace {

// P1 of COMPUTE PRF and COMPUTE HKDF (spec 3).
constexpr std::uint8_t kPrfGeneral = 0x00;
constexpr std::uint8_t kPrfPskEcdhe = 0x02;  ///< 01 is a PSK alone
constexpr std::uint8_t kHkdfGeneral = 0x00;
constexpr std::uint8_t kHkdfEarlySecret = 0x01;

/// Longest answer of COMPUTE PRF: what can wait for GET RESPONSE.
constexpr std::size_t kMaxPrfOutput = kFeatures.extensions ? 512 : 256;
/// Longest stored secret, and longest secret in a command.
constexpr std::size_t kMaxSecret = 256;
/// Two parts of the TLS premaster secret, each with its length in two bytes.
constexpr std::size_t kMaxPremaster = 2 * (2 + kMaxSecret);

/// Number of bytes asked for: one byte, or two (spec 7.3). 0 if it is absent or out of range.
[[nodiscard]] std::size_t OutputSize(const CommandData& data) {
  const std::size_t size = data.FindU8(Tag::kPseudoRandomLength) ? data.FindU8(Tag::kPseudoRandomLength).value_or(0)
                                                                 : data.FindU16(Tag::kPseudoRandomLength).value_or(0);
  return size <= kMaxPrfOutput ? size : 0;
}

/// The hash of the PRF: IoT.05 has SHA-256 only, and no element to name it. @param extended SHA-384 may be named.
[[nodiscard]] std::optional<iotsafe::HashAlgorithm> PrfHash(const CommandData& data, bool extended) {
  if (!data.Has(Tag::kHashAlgorithms)) {
    return iotsafe::HashAlgorithm::kSha256;
  }
  if constexpr (!kFeatures.extensions) {
    return std::nullopt;
  }
  const auto hash = KnownHash(data.FindU16(Tag::kHashAlgorithms).value_or(0));
  return extended && hash != iotsafe::HashAlgorithm::kSha512 ? hash : std::nullopt;
}

[[nodiscard]] bool NamesSecret(const CommandData& data) {
  return data.Has(Tag::kSecretKeyId) || data.Has(Tag::kSecretKeyLabel);
}

[[nodiscard]] bool BeginsWith(ByteView bytes, std::string_view text) {
  return bytes.size() >= text.size() &&
         std::ranges::equal(bytes.first(text.size()), text,
                            [](std::uint8_t byte, char c) { return byte == static_cast<unsigned char>(c); });
}

/// RFC 5246 8.1 and RFC 7627 4: what TLS 1.2 derives from a premaster secret.
[[nodiscard]] bool IsMasterSecretLabel(ByteView label_and_seed) {
  return BeginsWith(label_and_seed, "master secret") || BeginsWith(label_and_seed, "extended master secret");
}

/// other_secret and PSK, each with its length in front (RFC 4279 2). Without an ECDH result, or another of RFC 5489 2,
/// the first part is as many zeros as the PSK has bytes. Not inlined: what it needs of the stack is free again when the
/// hash, which goes deepest, runs.
[[nodiscard, gnu::noinline]] bool MakePremaster(ByteView psk, std::optional<ByteView> ecdh_result,
                                                SecretArray<kMaxPremaster>& premaster) {
  const std::size_t first_size = ecdh_result ? ecdh_result->size() : psk.size();
  ByteWriter writer(premaster.Prepare(2 + first_size + 2 + psk.size()));
  writer.PutU16(static_cast<std::uint16_t>(first_size));
  if (ecdh_result) {
    writer.PutBytes(*ecdh_result);
  } else {
    std::ranges::fill(writer.Reserve(first_size), std::uint8_t{0});
  }
  writer.PutU16(static_cast<std::uint16_t>(psk.size()));
  writer.PutBytes(psk);
  return writer.ok();
}

}  // namespace

/// What every mode of COMPUTE PRF has.
struct Applet::PrfInput {
  std::uint8_t mode;
  ByteView label_and_seed;
  iotsafe::HashAlgorithm hash;
};

StatusWord Applet::ComputePrf(const Call& call) {
  if (call.command.p1 > kPrfPskEcdhe || call.command.p2 != 0) {
    return Sw::kIncorrectP1P2;
  }
  const auto data =
      CommandData::Parse(call.command.data, {Tag::kSecretKeyId, Tag::kSecretKeyLabel, Tag::kSecret, Tag::kDhResult,
                                             Tag::kLabelAndSeed, Tag::kPseudoRandomLength, Tag::kHashAlgorithms});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto hash = PrfHash(*data, HasExtensions() && call.command.p1 != kPrfGeneral);
  const PrfInput input{call.command.p1, data->Find(Tag::kLabelAndSeed).value_or(ByteView()),
                       hash.value_or(iotsafe::HashAlgorithm::kSha256)};
  const std::size_t size = OutputSize(*data);
  if (!hash || size == 0 || input.label_and_seed.empty() || data->Has(Tag::kDhResult) != (input.mode == kPrfPskEcdhe)) {
    return Sw::kIncorrectData;
  }
  const ByteSpan out = call.response.Reserve(size);
  const StatusWord sw = out.empty()                 ? Sw::kInsufficientMemory
                        : input.mode == kPrfGeneral ? PrfGeneral(*data, input, out)
                                                    : PrfPsk(*data, input, out);
  if (sw != Sw::kOk) {
    Wipe(out);
    call.response.Truncate(0);
  }
  return sw;
}

/// Mode 00: the secret is in the command, or is a stored one (atsign's library names one; spec 7.3).
StatusWord Applet::PrfGeneral(const CommandData& data, const PrfInput& input, ByteSpan out) {
  const auto secret = data.Find(Tag::kSecret);
  if (secret.has_value() == NamesSecret(data) || (secret && secret->empty())) {
    return Sw::kIncorrectData;
  }
  if (secret) {
    return crypto_.TlsPrfSha256(*secret, input.label_and_seed, out) ? Sw::kOk : Sw::kOtherError;
  }
  const auto stored = FindSecret(data, KeyDerivation::kPrfSha256);
  if (!stored) {
    return stored.error();
  }
  if (config_.psk_labels_only && !IsMasterSecretLabel(input.label_and_seed)) {
    return Sw::kConditionsNotSatisfied;
  }
  return crypto_.TlsPrfSha256(store_.Value(**stored), input.label_and_seed, out) ? Sw::kOk : Sw::kOtherError;
}

/// Modes 01 and 02: the premaster secret is made of a stored PSK on the card.
StatusWord Applet::PrfPsk(const CommandData& data, const PrfInput& input, ByteSpan out) {
  const auto ecdh_result = data.Find(Tag::kDhResult);
  if (data.Has(Tag::kSecret) || (ecdh_result && ecdh_result->empty())) {
    return Sw::kIncorrectData;
  }
  const auto psk = FindSecret(data, KeyDerivation::kPrfSha256);
  if (!psk) {
    return psk.error();
  }
  if (config_.psk_labels_only && !IsMasterSecretLabel(input.label_and_seed)) {
    return Sw::kConditionsNotSatisfied;
  }
  SecretArray<kMaxPremaster> premaster;
  if (!MakePremaster(store_.Value(**psk), ecdh_result, premaster)) {
    return Sw::kOtherError;
  }
  const ByteView secret = premaster.Reveal(InsecureReveal::kForCrypto);
  bool done = false;
  if constexpr (kFeatures.extensions) {
    done = input.hash == iotsafe::HashAlgorithm::kSha384 && TlsPrfSha384(secret, input.label_and_seed, out);
  }
  if (input.hash == iotsafe::HashAlgorithm::kSha256) {
    done = crypto_.TlsPrfSha256(secret, input.label_and_seed, out);
  }
  return done ? Sw::kOk : Sw::kOtherError;
}

// Extract only (RFC 5869 2.2); the device expands. In mode 01 the input is a stored PSK: with the salt of zeros that an
// absent D5 means, the result is the early secret of TLS 1.3 (RFC 8446 7.1).
StatusWord Applet::ComputeHkdf(const Call& call) {
  if (call.command.p1 > kHkdfEarlySecret || call.command.p2 != 0) {
    return Sw::kIncorrectP1P2;
  }
  const bool general = call.command.p1 == kHkdfGeneral;
  const auto data = CommandData::Parse(
      call.command.data, {Tag::kSecretKeyId, Tag::kSecretKeyLabel, Tag::kSecret, Tag::kSalt, Tag::kHashAlgorithms});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto hash = data->Has(Tag::kHashAlgorithms) ? KnownHash(data->FindU16(Tag::kHashAlgorithms).value_or(0))
                                                    : std::optional(iotsafe::HashAlgorithm::kSha256);
  if (!hash || data->Has(Tag::kSecret) != general || NamesSecret(*data) == general) {
    return Sw::kIncorrectData;
  }
  ByteView input = data->Find(Tag::kSecret).value_or(ByteView());
  if (!general) {
    const auto psk = FindSecret(*data, KeyDerivation::kHkdf);
    if (!psk) {
      return psk.error();
    }
    input = store_.Value(**psk);
  }
  const ByteSpan prk = call.response.Reserve(DigestSize(*hash));
  if (prk.empty() || !crypto_.HkdfExtract(*hash, data->Find(Tag::kSalt).value_or(ByteView()), input, prk)) {
    Wipe(prk);
    call.response.Truncate(0);
    return Sw::kOtherError;
  }
  return Sw::kOk;
}

Expected<const StoredObject*, StatusWord> Applet::FindSecret(const CommandData& data, KeyDerivation derivation) const {
  const auto secret = FindObject(data, ObjectClass::kSecretKey);
  if (!secret) {
    return secret;
  }
  const iotsafe::ObjectInfo& info = (*secret)->info;
  const bool usable = info.state == iotsafe::ObjectState::kActivated && info.key_type == iotsafe::KeyType::kHmac &&
                      Has(info.functions, iotsafe::Function::kKeyDerivation) && Has(info.key_derivation, derivation) &&
                      store_.Value(**secret).size() <= kMaxSecret;
  return usable ? secret : Unexpected(StatusWord::kConditionsNotSatisfied);
}

}  // namespace simroot::card
