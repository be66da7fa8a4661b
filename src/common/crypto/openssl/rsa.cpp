// SPDX-License-Identifier: Apache-2.0
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>

#include "common/crypto/openssl/parts.hpp"

namespace simroot::crypto {
namespace {

constexpr int kRsaBits = 2048;
constexpr std::size_t kMaxExponentSize = 8;

/// Writes a number of the key. False if it does not have exactly as many significant bytes as there is room.
bool ExportNumber(const EVP_PKEY* key, const char* name, ByteSpan out) {
  BIGNUM* number = nullptr;
  const bool exported = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                        BN_num_bytes(number) == static_cast<int>(out.size()) &&
                        BN_bn2bin(number, out.data()) == static_cast<int>(out.size());
  BN_free(number);
  return exported;
}

bool ExportPublicHalf(const EVP_PKEY* key, ByteSpan modulus, ByteSpan exponent) {
  return ExportNumber(key, OSSL_PKEY_PARAM_RSA_N, modulus) && ExportNumber(key, OSSL_PKEY_PARAM_RSA_E, exponent);
}

/// A key with more than two primes has a third one.
bool HasTwoPrimes(const EVP_PKEY* key) {
  BIGNUM* second = BN_secure_new();
  BIGNUM* third = BN_secure_new();
  const bool two = second != nullptr && third != nullptr &&
                   EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR2, &second) == 1 &&
                   EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_FACTOR3, &third) != 1;
  BN_clear_free(second);
  BN_clear_free(third);
  return two;
}

/// Sets padding and hash of a context after EVP_PKEY_sign_init or EVP_PKEY_verify_init.
bool SetSignatureParameters(EVP_PKEY_CTX* ctx, RsaPadding padding, const EVP_MD* digest) {
  const bool pss = padding == RsaPadding::kPss;
  return EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(ctx, digest) == 1 &&
         (!pss || (EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest) == 1 &&
                   EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1));
}

}  // namespace

EvpPkey Backend::MakeRsaPublicKey(const RsaPublicKey& key) const {
  const bool plausible = key.modulus.size() == kRsaSize && (key.modulus.front() & 0x80U) != 0 &&
                         (key.modulus.back() & 1U) != 0 && !key.exponent.empty() &&
                         key.exponent.size() <= kMaxExponentSize && key.exponent.front() != 0 &&
                         (key.exponent.back() & 1U) != 0 && !(key.exponent.size() == 1 && key.exponent.front() == 1);
  if (!plausible) {
    return nullptr;
  }
  const SecretBignum modulus(BN_bin2bn(key.modulus.data(), static_cast<int>(key.modulus.size()), nullptr));
  const SecretBignum exponent(BN_bin2bn(key.exponent.data(), static_cast<int>(key.exponent.size()), nullptr));
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (modulus == nullptr || exponent == nullptr || builder == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return nullptr;
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(context_, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (params == nullptr || ctx == nullptr || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
      EVP_PKEY_fromdata(ctx.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return EvpPkey(made);
}

EvpPkey Backend::MakeRsaPrivateKey(ByteView der) const {
  EVP_PKEY* decoded = nullptr;
  const Decoder decoder(
      OSSL_DECODER_CTX_new_for_pkey(&decoded, "DER", "type-specific", "RSA", EVP_PKEY_KEYPAIR, context_, nullptr));
  if (decoder == nullptr) {
    return nullptr;
  }
  const unsigned char* rest = der.data();
  std::size_t rest_size = der.size();
  const bool whole = OSSL_DECODER_from_data(decoder.get(), &rest, &rest_size) == 1 && rest_size == 0;
  EvpPkey key(decoded);
  // OpenSSL takes an RSAPrivateKey inside PKCS #8 as well; written back without that wrapper it is shorter.
  if (!whole || key == nullptr || EVP_PKEY_get_bits(key.get()) != kRsaBits || !HasTwoPrimes(key.get()) ||
      i2d_PrivateKey(key.get(), nullptr) != static_cast<int>(der.size())) {
    return nullptr;
  }
  return key;
}

bool OpenSslCrypto::GenerateRsa(ByteSpan der, std::size_t& der_size, ByteSpan modulus, ByteSpan exponent) {
  if (modulus.size() != kRsaSize || exponent.size() != kRsaExponentSize) {
    return false;
  }
  const ErrorScope errors;
  const EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(parts_->backend.context(), "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (ctx == nullptr || EVP_PKEY_keygen_init(ctx.get()) != 1 ||
      EVP_PKEY_CTX_set_rsa_keygen_bits(ctx.get(), kRsaBits) != 1 || EVP_PKEY_generate(ctx.get(), &made) != 1) {
    return false;
  }
  const EvpPkey key(made);
  const Encoder encoder(OSSL_ENCODER_CTX_new_for_pkey(key.get(), EVP_PKEY_KEYPAIR, "DER", "type-specific", nullptr));
  unsigned char* place = der.data();
  std::size_t room = der.size();
  // Writes nothing if there is not enough room; its own memory is wiped when it is freed.
  if (encoder == nullptr || OSSL_ENCODER_to_data(encoder.get(), &place, &room) != 1) {
    return false;
  }
  if (!ExportPublicHalf(key.get(), modulus, exponent)) {
    OPENSSL_cleanse(der.data(), der.size());
    return false;
  }
  der_size = der.size() - room;
  return true;
}

bool OpenSslCrypto::RsaPublicHalf(ByteView der, ByteSpan modulus, ByteSpan exponent) {
  if (modulus.size() != kRsaSize || exponent.size() != kRsaExponentSize || der.size() > kMaxRsaPrivateSize) {
    return false;
  }
  const ErrorScope errors;
  const EvpPkey key = parts_->backend.MakeRsaPrivateKey(der);
  const EvpPkeyCtx ctx(key == nullptr ? nullptr
                                      : EVP_PKEY_CTX_new_from_pkey(parts_->backend.context(), key.get(), nullptr));
  return ctx != nullptr && EVP_PKEY_check(ctx.get()) == 1 && ExportPublicHalf(key.get(), modulus, exponent);
}

bool OpenSslCrypto::SignRsa(const RsaPrivateKey& key, RsaPadding padding, HashAlgorithm hash, ByteView digest,
                            ByteSpan signature) {
  if (digest.size() != iotsafe::DigestSize(hash) || signature.size() != kRsaSize) {
    return false;
  }
  const ErrorScope errors;
  EVP_PKEY* const prepared = parts_->keys.ForRsa(key);
  const EvpPkeyCtx ctx(prepared == nullptr ? nullptr
                                           : EVP_PKEY_CTX_new_from_pkey(parts_->backend.context(), prepared, nullptr));
  std::size_t length = signature.size();
  if (ctx != nullptr && EVP_PKEY_sign_init(ctx.get()) == 1 &&
      SetSignatureParameters(ctx.get(), padding, parts_->backend.Digest(hash)) &&
      EVP_PKEY_sign(ctx.get(), signature.data(), &length, digest.data(), digest.size()) == 1 && length == kRsaSize) {
    return true;
  }
  OPENSSL_cleanse(signature.data(), signature.size());
  return false;
}

VerifyResult OpenSslCrypto::VerifyRsa(const RsaPublicKey& key, RsaPadding padding, HashAlgorithm hash, ByteView digest,
                                      ByteView signature) {
  if (digest.size() != iotsafe::DigestSize(hash)) {
    return VerifyResult::kError;
  }
  const ErrorScope errors;
  const EvpPkey imported = parts_->backend.MakeRsaPublicKey(key);
  const EvpPkeyCtx ctx(
      imported == nullptr ? nullptr : EVP_PKEY_CTX_new_from_pkey(parts_->backend.context(), imported.get(), nullptr));
  if (ctx == nullptr || EVP_PKEY_verify_init(ctx.get()) != 1 ||
      !SetSignatureParameters(ctx.get(), padding, parts_->backend.Digest(hash))) {
    return VerifyResult::kError;
  }
  if (signature.size() != kRsaSize) {
    return VerifyResult::kInvalid;
  }
  const int verified = EVP_PKEY_verify(ctx.get(), signature.data(), signature.size(), digest.data(), digest.size());
  return verified == 1 ? VerifyResult::kValid : verified == 0 ? VerifyResult::kInvalid : VerifyResult::kError;
}

bool OpenSslCrypto::DecryptRsaOaep(const RsaPrivateKey& key, HashAlgorithm hash, ByteView ciphertext, ByteSpan message,
                                   std::size_t& size) {
  if (ciphertext.size() != kRsaSize || message.size() < kRsaSize) {
    return false;
  }
  const ErrorScope errors;
  EVP_PKEY* const prepared = parts_->keys.ForRsa(key);
  const EvpPkeyCtx ctx(prepared == nullptr ? nullptr
                                           : EVP_PKEY_CTX_new_from_pkey(parts_->backend.context(), prepared, nullptr));
  EVP_MD* const digest = parts_->backend.Digest(hash);
  std::size_t length = message.size();
  if (ctx != nullptr && EVP_PKEY_decrypt_init(ctx.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(ctx.get(), RSA_PKCS1_OAEP_PADDING) == 1 &&
      EVP_PKEY_CTX_set_rsa_oaep_md(ctx.get(), digest) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(ctx.get(), digest) == 1 &&
      EVP_PKEY_decrypt(ctx.get(), message.data(), &length, ciphertext.data(), ciphertext.size()) == 1) {
    size = length;
    return true;
  }
  OPENSSL_cleanse(message.data(), message.size());
  return false;
}

}  // namespace simroot::crypto
