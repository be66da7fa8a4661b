// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/signing_key.hpp"

#include <openssl/rsa.h>

#include "platform/authority/der.hpp"
#include "platform/authority/public_key.hpp"

namespace simroot::platform {
namespace {

/// Fetched once: a digest that is named anew for each signature is looked up anew.
const EVP_MD* Sha256() {
  static const EVP_MD* const kDigest = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return kDigest;
}
const EVP_MD* Sha384() {
  static const EVP_MD* const kDigest = EVP_MD_fetch(nullptr, "SHA384", nullptr);
  return kDigest;
}

}  // namespace

Outcome<std::unique_ptr<SigningKey>> SigningKey::Make(EvpPkey key) {
  SR_TRY(const std::string type, JudgePublicKey(key.get()));
  const EVP_MD* digest = Sha256();
  ByteView algorithm;
  if (type == "p256" || type == "brainpoolP256r1") {
    algorithm = der::kEcdsaSha256;
  } else if (type == "p384") {
    algorithm = der::kEcdsaSha384;
    digest = Sha384();
  } else if (type.starts_with("rsa")) {
    algorithm = der::kRsaSha256;
  } else {
    return Refuse(FailureKind::kInvalid, "a CA with a key of type " + type + " is not supported",
                  "use P-256, brainpoolP256r1, P-384 or RSA");
  }
  return std::unique_ptr<SigningKey>(new SigningKey(std::move(key), digest, algorithm));
}

Outcome<EvpPkey> SigningKey::GenerateP256() {
  const ErrorScope errors;
  EvpPkey key(EVP_EC_gen("P-256"));
  if (!key) {
    return OpenSslCannot("make a key pair");
  }
  return key;
}

EvpPkeyCtx SigningKey::NewContext() const {
  EvpPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key_.get(), nullptr));
  const bool is_rsa = EVP_PKEY_is_a(key_.get(), "RSA") == 1;
  if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
      (is_rsa && EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) != 1) ||
      EVP_PKEY_CTX_set_signature_md(context.get(), digest_) != 1) {
    return nullptr;
  }
  return context;
}

Outcome<Bytes> SigningKey::Sign(ByteView message) {
  const ErrorScope errors;
  EvpPkeyCtx context = contexts_.Take();
  if (!context) {
    context = NewContext();
  }
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned hash_size = 0;
  Bytes signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())));
  std::size_t size = signature.size();
  if (!context || EVP_Digest(message.data(), message.size(), hash.data(), &hash_size, digest_, nullptr) != 1 ||
      EVP_PKEY_sign(context.get(), signature.data(), &size, hash.data(), hash_size) != 1) {
    return OpenSslCannot("sign with the key of a CA");
  }
  contexts_.GiveBack(std::move(context));
  signature.resize(size);
  return signature;
}

Outcome<Bytes> SigningKey::SignDocument(ByteView to_be_signed) {
  SR_TRY(const Bytes signature, Sign(to_be_signed));
  return der::Element(der::kSequence, {to_be_signed, algorithm_, der::BitString(signature)});
}

}  // namespace simroot::platform
