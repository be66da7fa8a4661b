// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/openssl_crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/crypto/openssl/parts.hpp"
#include "common/iotsafe/objects.hpp"

namespace simroot::crypto {
namespace {

bool ExportPoint(Curve curve, const EVP_PKEY* pair, ByteSpan point) {
  std::size_t length = 0;
  return EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &length) == 1 &&
         length == PointSize(curve);
}

/// Takes scalar and point out of a key pair. On failure `scalar` is zero.
bool ExportKeyPair(Curve curve, const EVP_PKEY* pair, ByteSpan scalar, ByteSpan point) {
  BIGNUM* number = BN_secure_new();
  const bool exported =
      number != nullptr && EVP_PKEY_get_bn_param(pair, OSSL_PKEY_PARAM_PRIV_KEY, &number) == 1 &&
      BN_bn2binpad(number, scalar.data(), static_cast<int>(scalar.size())) == static_cast<int>(ScalarSize(curve));
  BN_clear_free(number);
  if (exported && ExportPoint(curve, pair, point)) {
    return true;
  }
  OPENSSL_cleanse(scalar.data(), scalar.size());
  return false;
}

}  // namespace

std::unique_ptr<OpenSslCrypto> OpenSslCrypto::Create() {
  const Backend* const backend = Backend::Get();
  if (backend == nullptr) {
    return nullptr;
  }
  return std::unique_ptr<OpenSslCrypto>(new OpenSslCrypto(std::make_unique<Parts>(*backend)));
}

OpenSslCrypto::OpenSslCrypto(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
OpenSslCrypto::~OpenSslCrypto() = default;

bool OpenSslCrypto::Random(ByteSpan out) {
  const ErrorScope errors;
  if (RAND_priv_bytes_ex(parts_->backend.context(), out.data(), out.size(), 0) != 1) {
    std::ranges::fill(out, std::uint8_t{0});
    return false;
  }
  return true;
}

bool OpenSslCrypto::GenerateKeyPair(Curve curve, ByteSpan scalar, ByteSpan point) {
  if (scalar.size() != ScalarSize(curve) || point.size() != PointSize(curve)) {
    return false;
  }
  const ErrorScope errors;
  EvpPkey pair = parts_->backend.MakeKeyPair(curve);
  if (pair == nullptr || !ExportKeyPair(curve, pair.get(), scalar, point)) {
    return false;
  }
  parts_->keys.KeepMade(curve, scalar, std::move(pair));
  return true;
}

bool OpenSslCrypto::PublicPoint(Curve curve, ByteView scalar, ByteSpan point) {
  const ErrorScope errors;
  if (const EVP_PKEY* const made = parts_->keys.Made(curve, scalar)) {
    return point.size() == PointSize(curve) && ExportPoint(curve, made, point);
  }
  return parts_->backend.PublicPoint(curve, scalar, point);
}

bool OpenSslCrypto::IsValidPoint(Curve curve, ByteView point) {
  const ErrorScope errors;
  return parts_->backend.MakePublicKey(curve, point) != nullptr;
}

bool OpenSslCrypto::SignEcdsa(const PrivateKey& key, ByteView digest, ByteSpan signature) {
  if (digest.empty() || signature.size() != SignatureSize(key.curve)) {
    return false;
  }
  const ErrorScope errors;
  EVP_PKEY_CTX* const ctx = parts_->keys.ForSigning(key);
  std::array<std::uint8_t, iotsafe::kMaxDerSignatureSize> der{};
  std::size_t length = der.size();
  if (ctx == nullptr || EVP_PKEY_sign(ctx, der.data(), &length, digest.data(), digest.size()) != 1) {
    return false;
  }
  const auto raw = iotsafe::DerSignatureToRaw(ByteView(der).first(length), ScalarSize(key.curve));
  return raw && CopyBytes(raw->view(), signature);
}

VerifyResult OpenSslCrypto::VerifyEcdsa(Curve curve, ByteView point, ByteView digest, ByteView signature) {
  if (digest.empty()) {
    return VerifyResult::kError;
  }
  const ErrorScope errors;
  const EvpPkey key = parts_->backend.MakePublicKey(curve, point);
  if (key == nullptr) {
    return VerifyResult::kError;
  }
  if (signature.size() != SignatureSize(curve)) {
    return VerifyResult::kInvalid;
  }
  const EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(parts_->backend.context(), key.get(), nullptr));
  if (ctx == nullptr || EVP_PKEY_verify_init(ctx.get()) != 1) {
    return VerifyResult::kError;
  }
  const auto der = iotsafe::RawSignatureToDer(signature, ScalarSize(curve));
  // 0 is OpenSSL's answer for a wrong signature, r or s out of range included; the encoding is ours, so anything
  // negative is a failure inside the library.
  const int verified = EVP_PKEY_verify(ctx.get(), der.view().data(), der.view().size(), digest.data(), digest.size());
  return verified == 1 ? VerifyResult::kValid : verified == 0 ? VerifyResult::kInvalid : VerifyResult::kError;
}

bool OpenSslCrypto::Ecdh(const PrivateKey& key, ByteView peer_point, ByteSpan shared_x) {
  if (shared_x.size() != ScalarSize(key.curve)) {
    return false;
  }
  const ErrorScope errors;
  const EvpPkey peer = parts_->backend.MakePublicKey(key.curve, peer_point);
  EVP_PKEY_CTX* const ctx = peer == nullptr ? nullptr : parts_->keys.ForAgreement(key);
  std::size_t length = shared_x.size();
  // MakePublicKey has validated the peer; a second, slower validation is switched off.
  if (ctx != nullptr && EVP_PKEY_derive_set_peer_ex(ctx, peer.get(), 0) == 1 &&
      EVP_PKEY_derive(ctx, shared_x.data(), &length) == 1 && length == shared_x.size()) {
    return true;
  }
  OPENSSL_cleanse(shared_x.data(), shared_x.size());
  return false;
}

void OpenSslCrypto::ForgetKey(std::uint16_t slot) {
  parts_->keys.Forget(slot);
}

bool OpenSslCrypto::HashBegin(HashAlgorithm hash, HashState& state) {
  const ErrorScope errors;
  return parts_->hashes.Begin(hash, state);
}

bool OpenSslCrypto::HashResume(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes,
                               HashState& state) {
  return parts_->hashes.Resume(hash, chaining_value, hashed_bytes, state);
}

bool OpenSslCrypto::HashUpdate(HashState& state, ByteView data) {
  const ErrorScope errors;
  return parts_->hashes.Update(state, data);
}

bool OpenSslCrypto::HashFinish(HashState& state, ByteSpan digest) {
  const ErrorScope errors;
  return parts_->hashes.Finish(state, digest);
}

void OpenSslCrypto::HashAbort(HashState& state) {
  const ErrorScope errors;
  parts_->hashes.Abort(state);
}

}  // namespace simroot::crypto
