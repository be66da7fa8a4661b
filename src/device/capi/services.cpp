// SPDX-License-Identifier: Apache-2.0
/// What needs no handle of a key: verification, pre-shared keys, and the services beyond IoT.05.
#include "common/base/secret.hpp"
#include "device/capi/arguments.hpp"

using simroot::ByteReader;
using simroot::Bytes;
using simroot::ByteSpan;
using simroot::ByteView;
using simroot::Wipe;
using simroot::capi::CardOf;
using simroot::capi::Form;
using simroot::capi::FormOf;
using simroot::capi::Guard;
using simroot::capi::HashOf;
using simroot::capi::Input;
using simroot::capi::Name;
using simroot::capi::Outcome;
using simroot::capi::Output;
using simroot::capi::Place;
using simroot::capi::Refuse;
using simroot::device::Card;
using simroot::device::ObjectName;
using simroot::device::Sealed;
using simroot::iotsafe::CipherMode;
using simroot::iotsafe::CipherModeRow;
using simroot::iotsafe::HashAlgorithm;
using simroot::iotsafe::ObjectClass;

namespace {

constexpr std::size_t kBlock = 16;

/// Raw r||s of a DER signature. Its lengths do not tell the curve: P-256 first, for most of a P-384 signature do not
/// fit 32 bytes, and the card decides in the end.
Outcome<Bytes> RawOf(ByteView der) {
  for (const std::size_t scalar_size : {simroot::iotsafe::kP256ScalarSize, simroot::iotsafe::kP384ScalarSize}) {
    if (const auto raw = simroot::iotsafe::DerSignatureToRaw(der, scalar_size)) {
      return Bytes(raw->view().begin(), raw->view().end());
    }
  }
  return Refuse(SIMROOT_ERROR_USAGE, "the signature is not an ECDSA-Sig-Value in DER; raw ones are SIMROOT_ECDSA_RAW");
}

Outcome<void> Verify(Card& card, const ObjectName& key, const Form& form, HashAlgorithm hash, ByteView digest,
                     ByteView given) {
  Bytes signature(given.begin(), given.end());
  if (form.der) {
    SR_TRY(signature, RawOf(given));
  }
  SR_TRY(const bool valid, card.VerifyDigest(key, form.scheme, hash, digest, signature));
  if (!valid) {
    return Refuse(SIMROOT_ERROR_MISMATCH,
                  "the signature does not verify with " + key.Text() + " on " + card.uri().text);
  }
  return {};
}

Outcome<const CipherModeRow*> RowOf(std::uint32_t mode) {
  const auto* const row = mode <= 0xFF ? simroot::iotsafe::FindCipherMode(simroot::LowByte(mode)) : nullptr;
  if (row == nullptr) {
    return Refuse(SIMROOT_ERROR_USAGE,
                  "cipher " + std::to_string(mode) + " is none of SIMROOT_AES_... and SIMROOT_RSA_OAEP");
  }
  return row;
}

Outcome<void> Encrypt(Card& card, const Output& out, const ObjectName& key, const CipherModeRow& row, ByteView aad,
                      ByteView text) {
  if (row.mode == CipherMode::kOaep) {
    return Refuse(SIMROOT_ERROR_USAGE, "RSA-OAEP encryption needs no card; use the public key in software");
  }
  const std::size_t ciphertext =
      row.mode == CipherMode::kCbc ? text.size() + kBlock - text.size() % kBlock : text.size();
  SR_TRY_VOID(out.Need(row.nonce_size + ciphertext + row.tag_size));
  SR_TRY(const Sealed sealed, card.Encrypt(key, row.mode, text, aad));
  Bytes joined = sealed.nonce;
  joined.insert(joined.end(), sealed.ciphertext.begin(), sealed.ciphertext.end());
  joined.insert(joined.end(), sealed.tag.begin(), sealed.tag.end());
  return out.Deliver(joined);
}

/// Takes apart what Encrypt has joined.
Outcome<Sealed> Split(const CipherModeRow& row, ByteView joined) {
  ByteReader reader(joined);
  ByteView nonce;
  ByteView ciphertext;
  if (!reader.ReadBytes(row.nonce_size, nonce) || reader.remaining() < row.tag_size ||
      !reader.ReadBytes(reader.remaining() - row.tag_size, ciphertext)) {
    return Refuse(SIMROOT_ERROR_USAGE,
                  std::to_string(joined.size()) + " bytes are too few for nonce, ciphertext and tag");
  }
  const ByteView tag = reader.rest();
  return Sealed{row.mode, Bytes(nonce.begin(), nonce.end()), Bytes(ciphertext.begin(), ciphertext.end()),
                Bytes(tag.begin(), tag.end())};
}

Outcome<void> Decrypt(Card& card, const Output& out, const ObjectName& key, const Sealed& sealed, ByteView aad) {
  SR_TRY_VOID(out.Need(sealed.ciphertext.size()));
  SR_TRY(Bytes text, card.Decrypt(key, sealed, aad));
  const Outcome<void> delivered = out.Deliver(text);
  Wipe(text);
  return delivered;
}

/// `out` as long as the hash says.
Outcome<ByteSpan> DigestPlace(std::uint8_t* out, std::size_t size, HashAlgorithm hash) {
  if (size != simroot::iotsafe::DigestSize(hash)) {
    return Refuse(SIMROOT_ERROR_USAGE, "out_size must be " + std::to_string(simroot::iotsafe::DigestSize(hash)) +
                                           ", the bytes this hash gives, not " + std::to_string(size));
  }
  return Place(out, size, "out");
}

}  // namespace

extern "C" {

simroot_result_t simroot_card_verify(simroot_card_t* card, const char* public_key, uint32_t form, uint32_t hash,
                                     const uint8_t* digest, size_t digest_size, const uint8_t* signature,
                                     size_t signature_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const ObjectName name, Name(ObjectClass::kPublicKey, public_key));
    SR_TRY(const Form given, FormOf(form));
    SR_TRY(const HashAlgorithm algorithm, HashOf(hash));
    SR_TRY(const ByteView bytes, Input(digest, digest_size, "digest"));
    SR_TRY(const ByteView value, Input(signature, signature_size, "signature"));
    return Verify(*open, name, given, algorithm, bytes, value);
  });
}

simroot_result_t simroot_card_tls12_prf(simroot_card_t* card, uint8_t* out, size_t out_size, const char* secret_key,
                                        const uint8_t* other_secret, size_t other_secret_size,
                                        const uint8_t* label_and_seed, size_t label_and_seed_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const ByteSpan place, Place(out, out_size, "out"));
    SR_TRY(const ObjectName name, Name(ObjectClass::kSecretKey, secret_key));
    SR_TRY(const ByteView other, Input(other_secret, other_secret_size, "other_secret"));
    SR_TRY(const ByteView seed, Input(label_and_seed, label_and_seed_size, "label_and_seed"));
    SR_TRY_VOID(open->ComputePrf(name, other, seed, place));
    return {};
  });
}

simroot_result_t simroot_card_tls13_early_secret(simroot_card_t* card, uint8_t* out, size_t out_size,
                                                 const char* secret_key, uint32_t hash) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const HashAlgorithm algorithm, HashOf(hash));
    SR_TRY(const ByteSpan place, DigestPlace(out, out_size, algorithm));
    SR_TRY(const ObjectName name, Name(ObjectClass::kSecretKey, secret_key));
    SR_TRY_VOID(open->ComputeEarlySecret(name, algorithm, place));
    return {};
  });
}

simroot_result_t simroot_card_hash(simroot_card_t* card, uint8_t* out, size_t out_size, uint32_t hash,
                                   const uint8_t* text, size_t text_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const HashAlgorithm algorithm, HashOf(hash));
    SR_TRY(const ByteSpan place, DigestPlace(out, out_size, algorithm));
    SR_TRY(const ByteView given, Input(text, text_size, "text"));
    SR_TRY(const Bytes digest, open->Hash(algorithm, given));
    std::ranges::copy(digest, place.begin());
    return {};
  });
}

simroot_result_t simroot_card_mac(simroot_card_t* card, uint8_t mac[16], const char* secret_key, const uint8_t* text,
                                  size_t text_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const ByteSpan place, Place(mac, kBlock, "mac"));
    SR_TRY(const ObjectName name, Name(ObjectClass::kSecretKey, secret_key));
    SR_TRY(const ByteView given, Input(text, text_size, "text"));
    SR_TRY(const Bytes value, open->Mac(name, given));
    std::ranges::copy(value, place.begin());
    return {};
  });
}

simroot_result_t simroot_card_encrypt(simroot_card_t* card, uint8_t* out, size_t* size, const char* secret_key,
                                      uint32_t mode, const uint8_t* aad, size_t aad_size, const uint8_t* text,
                                      size_t text_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const Output output, Output::From(out, size));
    SR_TRY(const ObjectName name, Name(ObjectClass::kSecretKey, secret_key));
    SR_TRY(const CipherModeRow* const row, RowOf(mode));
    SR_TRY(const ByteView authenticated, Input(aad, aad_size, "aad"));
    SR_TRY(const ByteView given, Input(text, text_size, "text"));
    return Encrypt(*open, output, name, *row, authenticated, given);
  });
}

simroot_result_t simroot_card_decrypt(simroot_card_t* card, uint8_t* out, size_t* size, const char* key, uint32_t mode,
                                      const uint8_t* aad, size_t aad_size, const uint8_t* sealed, size_t sealed_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY(Card* const open, CardOf(card));
    SR_TRY(const Output output, Output::From(out, size));
    SR_TRY(const CipherModeRow* const row, RowOf(mode));
    const bool oaep = row->mode == CipherMode::kOaep;
    SR_TRY(const ObjectName name, Name(oaep ? ObjectClass::kPrivateKey : ObjectClass::kSecretKey, key));
    SR_TRY(const ByteView authenticated, Input(aad, aad_size, "aad"));
    SR_TRY(const ByteView given, Input(sealed, sealed_size, "sealed"));
    SR_TRY(const Sealed parts, Split(*row, given));
    return Decrypt(*open, output, name, parts, authenticated);
  });
}

}  // extern "C"
