// SPDX-License-Identifier: Apache-2.0
/// What every OpenSslCrypto of a process shares: one library context and the algorithms fetched from it.
#pragma once

#include <atomic>

#include "common/crypto/openssl/handles.hpp"
#include "common/crypto/port.hpp"

namespace simroot::crypto {

/// The modes of AES that the port needs.
enum class AesMode : std::uint8_t { kCbc, kCtr, kGcm };

/// One private library context with only the built-in default provider. The user's OpenSSL configuration (providers,
/// properties) has no effect on it, so that code running inside an OpenSSL provider never comes back to that provider.
///
/// It is made at first use and lives until the process ends. It is never freed, on purpose: threads that drew random
/// numbers hold per-thread state of it, and objects owned by a provider are destroyed when libcrypto is half torn down.
/// All functions are safe to call from several threads.
class Backend {
 public:
  /// The shared backend, or nullptr if OpenSSL cannot give what is needed (the next call tries again).
  [[nodiscard]] static const Backend* Get();

  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  [[nodiscard]] OSSL_LIB_CTX* context() const { return context_; }
  /// The fetched digest, borrowed. Never nullptr.
  [[nodiscard]] EVP_MD* Digest(HashAlgorithm hash) const;

  /// The fetched AES, borrowed; nullptr unless the key has 16, 24 or 32 bytes.
  [[nodiscard]] EVP_CIPHER* Aes(AesMode mode, std::size_t key_size) const;
  /// The fetched triple DES in CBC mode, borrowed; nullptr unless the key has 16 or 24 bytes and OpenSSL was built with
  /// it.
  [[nodiscard]] EVP_CIPHER* Tdes(std::size_t key_size) const;
  /// The fetched algorithms, borrowed. Never nullptr.
  [[nodiscard]] EVP_KDF* Hkdf() const { return hkdf_; }
  [[nodiscard]] EVP_KDF* TlsPrf() const { return tls_prf_; }

  /// A public key from PointSize(curve) bytes; nullptr if they are not an uncompressed point of the curve.
  [[nodiscard]] EvpPkey MakePublicKey(Curve curve, ByteView point) const;
  /// A private key without its public half (signing and ECDH need none); nullptr if `scalar` is not
  /// ScalarSize(curve) bytes of 1..n-1.
  [[nodiscard]] EvpPkey MakePrivateKey(Curve curve, ByteView scalar) const;
  /// A new key pair; nullptr on failure.
  [[nodiscard]] EvpPkey MakeKeyPair(Curve curve) const;
  /// Writes the PointSize(curve) bytes of scalar * G. False if the scalar is not ScalarSize(curve) bytes of 1..n-1.
  [[nodiscard]] bool PublicPoint(Curve curve, ByteView scalar, ByteSpan point) const;

  /// An RSA-2048 public key; nullptr if modulus or exponent are outside what the port accepts.
  [[nodiscard]] EvpPkey MakeRsaPublicKey(const RsaPublicKey& key) const;
  /// An RSA-2048 private key with both halves from RSAPrivateKey in DER; nullptr if it is anything else. Only sizes are
  /// checked, not whether the numbers belong together.
  [[nodiscard]] EvpPkey MakeRsaPrivateKey(ByteView der) const;

 private:
  static constexpr std::size_t kCurves = 3;
  static constexpr std::size_t kDigests = 3;
  static constexpr std::size_t kAesModes = 3;
  static constexpr std::size_t kAesKeySizes = 3;

  Backend() = default;
  ~Backend();
  /// A context ready for EVP_PKEY_generate on `curve`; nullptr on failure.
  [[nodiscard]] EvpPkeyCtx MakeKeyGenerator(Curve curve) const;
  [[nodiscard]] bool Load();
  [[nodiscard]] bool LoadDigests();
  [[nodiscard]] bool LoadSymmetric();
  [[nodiscard]] bool LoadCurve(Curve curve);
  [[nodiscard]] SecretBignum ReadScalar(Curve curve, ByteView scalar) const;

  OSSL_LIB_CTX* context_ = nullptr;
  OSSL_PROVIDER* provider_ = nullptr;
  std::array<EVP_MD*, kDigests> digests_{};
  std::array<std::array<EVP_CIPHER*, kAesKeySizes>, kAesModes> aes_{};
  std::array<EVP_CIPHER*, 2> tdes_{};  ///< with two keys, with three
  EVP_KDF* hkdf_ = nullptr;
  EVP_KDF* tls_prf_ = nullptr;
  std::array<EVP_PKEY*, kCurves> parameters_{};  ///< keys with nothing but the domain parameters, to copy from
  std::array<EC_GROUP*, kCurves> groups_{};
  /// By curve: a context for EVP_PKEY_generate, which takes longer to make than a key; nullptr while somebody has it.
  /// It holds no key. No lock: a child forked while another thread has it makes one of its own.
  mutable std::array<std::atomic<EVP_PKEY_CTX*>, kCurves> generators_{};
};

}  // namespace simroot::crypto
