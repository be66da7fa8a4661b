// SPDX-License-Identifier: Apache-2.0
/// The crypto port by Mbed TLS 2.28, for chips; a host can use it as well.
#pragma once

#include <mbedtls/ctr_drbg.h>

#include "common/crypto/entropy.hpp"
#include "common/crypto/port.hpp"

namespace simroot::crypto {

/// All of port.hpp. RSA is a part of its own (rsa.cpp): a product that leaves it out (rsa_absent.cpp) has the
/// functions, and they fail.
///
/// Random numbers come from a CTR_DRBG with AES-256 (SP 800-90A), seeded from `entropy` at Start and again after every
/// 10,000 requests. Private operations are blinded with it. Keys are not prepared: `slot` and `generation` mean nothing
/// here.
///
/// Memory: the generator is a member; all else is on the stack or comes from the library's calloc, which on a chip
/// serves a fixed arena. When that is exhausted the function fails. Every intermediate that depends on a secret is
/// wiped.
///
/// Beyond the port: an empty digest is refused, because a signature over it can be had by anybody. VerifyEcdsa answers
/// kError for a public key that is not a point of the curve. HashBegin and HashResume on a running state abort it
/// first. HashFinish ends the hash even when it fails. There is no triple DES: TdesCbc fails. One object, one thread at
/// a time.
class MbedTlsCrypto : public Crypto {
 public:
  /// `entropy` is borrowed for the life of the object.
  explicit MbedTlsCrypto(Entropy& entropy);
  ~MbedTlsCrypto();
  MbedTlsCrypto(const MbedTlsCrypto&) = delete;
  MbedTlsCrypto& operator=(const MbedTlsCrypto&) = delete;

  /// Seeds the generator. Until it has succeeded, everything that needs random numbers fails. Call it once.
  [[nodiscard]] bool Start();

  [[nodiscard]] bool Random(ByteSpan out) override;
  [[nodiscard]] bool GenerateKeyPair(Curve curve, ByteSpan scalar, ByteSpan point) override;
  [[nodiscard]] bool PublicPoint(Curve curve, ByteView scalar, ByteSpan point) override;
  [[nodiscard]] bool IsValidPoint(Curve curve, ByteView point) override;
  [[nodiscard]] bool SignEcdsa(const PrivateKey& key, ByteView digest, ByteSpan signature) override;
  [[nodiscard]] VerifyResult VerifyEcdsa(Curve curve, ByteView point, ByteView digest, ByteView signature) override;
  [[nodiscard]] bool Ecdh(const PrivateKey& key, ByteView peer_point, ByteSpan shared_x) override;
  void ForgetKey(std::uint16_t slot) override;
  [[nodiscard]] bool HashBegin(HashAlgorithm hash, HashState& state) override;
  [[nodiscard]] bool HashResume(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes,
                                HashState& state) override;
  [[nodiscard]] bool HashUpdate(HashState& state, ByteView data) override;
  [[nodiscard]] bool HashFinish(HashState& state, ByteSpan digest) override;
  void HashAbort(HashState& state) override;
  [[nodiscard]] bool GenerateRsa(ByteSpan der, std::size_t& der_size, ByteSpan modulus, ByteSpan exponent) override;
  [[nodiscard]] bool RsaPublicHalf(ByteView der, ByteSpan modulus, ByteSpan exponent) override;
  [[nodiscard]] bool SignRsa(const RsaPrivateKey& key, RsaPadding padding, HashAlgorithm hash, ByteView digest,
                             ByteSpan signature) override;
  [[nodiscard]] VerifyResult VerifyRsa(const RsaPublicKey& key, RsaPadding padding, HashAlgorithm hash, ByteView digest,
                                       ByteView signature) override;
  [[nodiscard]] bool DecryptRsaOaep(const RsaPrivateKey& key, HashAlgorithm hash, ByteView ciphertext, ByteSpan message,
                                    std::size_t& size) override;
  [[nodiscard]] bool TlsPrfSha256(ByteView secret, ByteView label_and_seed, ByteSpan out) override;
  [[nodiscard]] bool HkdfExtract(HashAlgorithm hash, ByteView salt, ByteView input, ByteSpan prk) override;
  [[nodiscard]] bool AesCbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) override;
  [[nodiscard]] bool TdesCbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) override;
  [[nodiscard]] bool AesCtr(ByteView key, ByteView counter, ByteView in, ByteSpan out) override;
  [[nodiscard]] bool AesGcmEncrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteSpan out,
                                   ByteSpan tag) override;
  [[nodiscard]] bool AesGcmDecrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteView tag,
                                   ByteSpan out) override;
  [[nodiscard]] bool AesCmac(ByteView key, ByteViews message, ByteSpan mac) override;

 private:
  Entropy& entropy_;
  mbedtls_ctr_drbg_context generator_;
  bool started_ = false;
};

}  // namespace simroot::crypto
