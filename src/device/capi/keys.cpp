// SPDX-License-Identifier: Apache-2.0
#include "common/base/secret.hpp"
#include "device/capi/arguments.hpp"
#include "device/x509/certificate_request.hpp"
#include "device/x509/public_key_info.hpp"

using simroot::Bytes;
using simroot::ByteView;
using simroot::Error;
using simroot::ErrorDomain;
using simroot::capi::CardOf;
using simroot::capi::Form;
using simroot::capi::FormOf;
using simroot::capi::Guard;
using simroot::capi::HashOf;
using simroot::capi::Input;
using simroot::capi::KeyFacts;
using simroot::capi::Name;
using simroot::capi::NotNull;
using simroot::capi::Outcome;
using simroot::capi::Output;
using simroot::capi::Refuse;
using simroot::crypto::Curve;
using simroot::device::Card;
using simroot::device::ObjectName;
using simroot::device::SignatureScheme;
using simroot::device::x509::CurveOf;
using simroot::iotsafe::HashAlgorithm;
using simroot::iotsafe::ObjectClass;

namespace {

constexpr std::size_t kMaxDerP256 = 72;

/// SIMROOT_ERROR_PROTOCOL if the parts of the key do not have the sizes of its type: nothing may be copied from it
/// then.
Outcome<std::unique_ptr<const KeyFacts>> FactsOf(simroot::device::PublicKey key) {
  auto facts = std::make_unique<KeyFacts>();
  facts->info = simroot::device::x509::EncodePublicKeyInfo(key);
  const bool is_p256 = CurveOf(key.type) == Curve::kP256;
  if (facts->info.empty() || (is_p256 && key.point.size() != simroot::iotsafe::kP256PointSize)) {
    return Refuse(SIMROOT_ERROR_PROTOCOL, "the card gave a public key that does not have the size of its type");
  }
  if (is_p256) {
    facts->point.emplace();
    std::ranges::copy(key.point, facts->point->begin());
  }
  facts->public_key = std::move(key);
  return std::unique_ptr<const KeyFacts>(std::move(facts));
}

/// What is known of the key; the first time it is read. SIMROOT_ERROR_NOT_FOUND: there is no public half.
Outcome<const KeyFacts*> Facts(simroot_key& key) {
  if (const KeyFacts* const known = key.facts.load()) {
    return known;
  }
  auto half = simroot::device::Key(key.state->card, key.name).AnyPublicKey();
  if (!half) {
    simroot::capi::Failure failure(half.error());
    if (half.error().domain == ErrorDomain::kUsage) {
      failure.result = SIMROOT_ERROR_NOT_FOUND;
    }
    return tl::unexpected(std::move(failure));
  }
  SR_TRY(auto fresh, FactsOf(*std::move(half)));
  const KeyFacts* known = nullptr;
  if (key.facts.compare_exchange_strong(known, fresh.get())) {
    known = fresh.release();
  }
  return known;
}

/// As Facts; nullptr if there is no public half to be read, which is asked once.
Outcome<const KeyFacts*> FactsIfAny(simroot_key& key) {
  if (key.has_no_public_half.load()) {
    return nullptr;
  }
  auto facts = Facts(key);
  if (!facts && facts.error().result == SIMROOT_ERROR_NOT_FOUND) {
    key.has_no_public_half.store(true);
    return nullptr;
  }
  return facts;
}

/// Room for a signature. @param facts nullptr: the most of any key.
Outcome<std::size_t> SignatureRoom(const simroot_key& key, const KeyFacts* facts, const Form& form) {
  const bool ecdsa = form.scheme == SignatureScheme::kEcdsa;
  const auto curve = facts == nullptr ? std::optional(Curve::kP384) : CurveOf(facts->public_key.type);
  if (facts != nullptr && ecdsa != curve.has_value()) {
    return Refuse(SIMROOT_ERROR_USAGE, key.name.Text() + (ecdsa ? " is an RSA key; ask for SIMROOT_RSA_PKCS1 or _PSS"
                                                                : " is no RSA key; ask for SIMROOT_ECDSA_DER or _RAW"));
  }
  if (!ecdsa) {
    return simroot::crypto::kRsaSize;
  }
  if (!form.der) {
    return simroot::crypto::SignatureSize(*curve);
  }
  return *curve == Curve::kP384 ? simroot::iotsafe::kMaxDerSignatureSize : kMaxDerP256;
}

Outcome<void> Sign(simroot_key& key, const Output& out, const Form& form, HashAlgorithm hash, ByteView digest) {
  SR_TRY(Card* const card, CardOf(&key));
  if (digest.size() != simroot::iotsafe::DigestSize(hash)) {
    return Refuse(SIMROOT_ERROR_USAGE, "the digest has " + std::to_string(digest.size()) +
                                           " bytes and its hash gives " +
                                           std::to_string(simroot::iotsafe::DigestSize(hash)));
  }
  SR_TRY(const KeyFacts* const facts, FactsIfAny(key));
  SR_TRY(const std::size_t room, SignatureRoom(key, facts, form));
  SR_TRY_VOID(out.Need(room));
  Bytes raw;
  if (facts != nullptr && facts->point) {
    SR_TRY(const auto signature, card->Sign(key.name, hash, digest, &*facts->point));
    raw.assign(signature.begin(), signature.end());
  } else {
    SR_TRY(raw, card->SignDigest(key.name, form.scheme, hash, digest));
  }
  return out.Deliver(form.der ? simroot::iotsafe::RawSignatureToDer(raw, raw.size() / 2).view() : ByteView(raw));
}

Outcome<void> OpenKey(simroot_key_t** out, const simroot_card* card, const char* private_key) {
  SR_TRY_VOID(NotNull(out, "key"));
  SR_TRY_VOID(CardOf(card));
  SR_TRY(ObjectName name, Name(ObjectClass::kPrivateKey, private_key));
  *out = new simroot_key(card->state, std::move(name));
  return {};
}

Outcome<void> Generate(simroot_key_t** out, const simroot_card* handle, const char* private_key) {
  SR_TRY_VOID(NotNull(out, "key"));
  SR_TRY(Card* const card, CardOf(handle));
  SR_TRY(ObjectName name, Name(ObjectClass::kPrivateKey, private_key));
  handle->state->kept.Drop();  // it may tell of the key that is replaced
  SR_TRY(auto pair, card->GenerateAnyKeyPair(name));
  if (!pair.private_id.empty()) {
    name = {ObjectClass::kPrivateKey, false, std::move(pair.private_id)};
  }
  auto key = std::make_unique<simroot_key>(handle->state, std::move(name));
  SR_TRY(auto facts, FactsOf(std::move(pair.key)));
  key->facts.store(facts.release());
  *out = key.release();
  return {};
}

Outcome<void> KeyType(simroot_key_t* key, std::uint32_t* type, std::uint32_t* bits) {
  SR_TRY_VOID(CardOf(key));
  SR_TRY_VOID(NotNull(type, "type"));
  SR_TRY(const KeyFacts* const facts, Facts(*key));
  const auto curve = CurveOf(facts->public_key.type);
  *type = !curve                   ? SIMROOT_KEY_RSA_2048
          : *curve == Curve::kP384 ? SIMROOT_KEY_P384
          : *curve == Curve::kP256 ? SIMROOT_KEY_P256
                                   : SIMROOT_KEY_BRAINPOOL_P256;
  if (bits != nullptr) {
    *bits = static_cast<std::uint32_t>(8 * (curve ? simroot::crypto::ScalarSize(*curve) : simroot::crypto::kRsaSize));
  }
  return {};
}

Outcome<void> ShareSecret(simroot_key_t* key, std::uint8_t* out, std::size_t* size, const char* public_key) {
  SR_TRY(Card* const card, CardOf(key));
  SR_TRY(const Output output, Output::From(out, size));
  SR_TRY(const ObjectName peer, Name(ObjectClass::kPublicKey, public_key));
  SR_TRY(const KeyFacts* const facts, FactsIfAny(*key));
  const auto curve = facts == nullptr ? std::optional(Curve::kP384) : CurveOf(facts->public_key.type);
  if (!curve) {
    return Refuse(SIMROOT_ERROR_USAGE, key->name.Text() + " is an RSA key; key agreement needs an elliptic one");
  }
  SR_TRY_VOID(output.Need(simroot::crypto::ScalarSize(*curve)));
  SR_TRY(Bytes secret, card->ComputeSharedSecret(key->name, peer));
  const Outcome<void> delivered = output.Deliver(secret);
  simroot::Wipe(secret);
  return delivered;
}

Outcome<void> RequestCertificate(simroot_key_t* key, std::uint8_t* out, std::size_t* size, const char* subject) {
  SR_TRY(Card* const card, CardOf(key));
  SR_TRY(const Output output, Output::From(out, size));
  SR_TRY_VOID(NotNull(subject, "subject"));
  const std::string question = "request by " + key->name.Text() + " for " + subject;
  std::optional<Bytes> request = key->state->kept.Take(question);
  if (!request) {
    SR_TRY(const KeyFacts* const facts, Facts(*key));
    SR_TRY(request, simroot::device::x509::MakeCertificateRequest(*card, key->name, facts->public_key, subject));
  }
  const Outcome<void> delivered = output.Deliver(*request);
  if (!delivered) {
    key->state->kept.Put(question, *std::move(request));
  }
  return delivered;
}

}  // namespace

extern "C" {

simroot_result_t simroot_key_open(simroot_key_t** key, simroot_card_t* card, const char* private_key) {
  return Guard([&]() -> Outcome<void> { return OpenKey(key, card, private_key); });
}

simroot_result_t simroot_key_generate(simroot_key_t** key, simroot_card_t* card, const char* private_key) {
  return Guard([&]() -> Outcome<void> { return Generate(key, card, private_key); });
}

void simroot_key_close(simroot_key_t* key) {
  delete key;
}

simroot_result_t simroot_key_reference(simroot_key_t* key, char* out, size_t* size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(key, "key"));
    SR_TRY(const Output output, Output::From(out, size));
    const std::string text = key->name.by_label ? "label=" + std::string(simroot::AsText(key->name.name))
                                                : "id=" + simroot::ToHex(key->name.name);
    return output.Deliver(simroot::AsBytes({text.c_str(), text.size() + 1}));
  });
}

simroot_result_t simroot_key_type(simroot_key_t* key, uint32_t* type, uint32_t* bits) {
  return Guard([&]() -> Outcome<void> { return KeyType(key, type, bits); });
}

simroot_result_t simroot_key_public(simroot_key_t* key, uint8_t* out, size_t* size, uint32_t form) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(CardOf(key));
    SR_TRY(const Output output, Output::From(out, size));
    SR_TRY(const bool as_info, simroot::capi::IsPublicKeyInfo(form));
    SR_TRY(const KeyFacts* const facts, Facts(*key));
    const simroot::device::PublicKey& half = facts->public_key;
    return output.Deliver(as_info ? facts->info : half.point.empty() ? half.modulus : half.point);
  });
}

simroot_result_t simroot_key_sign(simroot_key_t* key, uint8_t* signature, size_t* signature_size, uint32_t form,
                                  uint32_t hash, const uint8_t* digest, size_t digest_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(key, "key"));
    SR_TRY(const Output output, Output::From(signature, signature_size));
    SR_TRY(const Form wanted, FormOf(form));
    SR_TRY(const HashAlgorithm algorithm, HashOf(hash));
    SR_TRY(const ByteView bytes, Input(digest, digest_size, "digest"));
    return Sign(*key, output, wanted, algorithm, bytes);
  });
}

simroot_result_t simroot_key_sign_data(simroot_key_t* key, uint8_t* signature, size_t* signature_size, uint32_t form,
                                       uint32_t hash, const uint8_t* data, size_t data_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(key, "key"));
    SR_TRY(const Output output, Output::From(signature, signature_size));
    SR_TRY(const Form wanted, FormOf(form));
    SR_TRY(const HashAlgorithm algorithm, HashOf(hash));
    SR_TRY(const ByteView bytes, Input(data, data_size, "data"));
    SR_TRY(const Bytes digest, simroot::device::x509::HashOnHost(algorithm, bytes));
    return Sign(*key, output, wanted, algorithm, digest);
  });
}

simroot_result_t simroot_key_ecdh(simroot_key_t* key, uint8_t* secret, size_t* secret_size, const char* public_key) {
  return Guard([&]() -> Outcome<void> { return ShareSecret(key, secret, secret_size, public_key); });
}

simroot_result_t simroot_key_csr(simroot_key_t* key, uint8_t* out, size_t* size, const char* subject) {
  return Guard([&]() -> Outcome<void> { return RequestCertificate(key, out, size, subject); });
}

}  // extern "C"
