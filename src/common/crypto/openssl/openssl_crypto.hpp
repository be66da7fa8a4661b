// SPDX-License-Identifier: Apache-2.0
/// The crypto port on hosts, by OpenSSL 3.0 and its EVP interface.
#pragma once

#include <memory>

#include "common/crypto/port.hpp"

namespace simroot::crypto {

/// All of port.hpp. Keeps prepared forms of up to 16 private keys, found again by slot, generation and kind, so a
/// signature costs little more than EVP_PKEY_sign; ForgetKey and the destructor wipe them. The EC pair made last is
/// kept prepared, too, until it is used first (then it is its slot's), another one is made, or the object ends. AES-CBC
/// and AES-CMAC run on contexts that are kept, without their keys.
///
/// Every object of a process shares one private OpenSSL library context, on which the user's OpenSSL configuration has
/// no effect, and the caller's OpenSSL error queue stays as it was. (OpenSSL 3.0 itself reads that configuration into
/// its default context at the first use of anything; a program that does not want that calls OPENSSL_init_crypto with
/// OPENSSL_INIT_NO_LOAD_CONFIG first.) Two cards need two objects, because their slots have the same numbers.
///
/// Threads: one object, one thread at a time; different objects are independent. Fork: an object may go on in the
/// child; random numbers of parent and child differ.
///
/// Beyond the port: an empty digest is refused (false, kError), because a signature over it can be had by anybody.
/// VerifyEcdsa answers kError for a public key that is not a point of the curve. HashBegin and HashResume on a running
/// state abort it first. HashFinish ends the hash even when it fails. An RSA private key must have two primes and an
/// exponent of exactly three bytes without leading zeros (65537 is one); RsaPublicHalf checks that its numbers belong
/// together, which takes as long as some signatures. TlsPrfSha256 wants 1 to 1024 bytes of label and seed.
class OpenSslCrypto final : public Crypto {
 public:
  /// nullptr if OpenSSL cannot be used: no memory, or no built-in default provider.
  [[nodiscard]] static std::unique_ptr<OpenSslCrypto> Create();
  ~OpenSslCrypto();
  OpenSslCrypto(const OpenSslCrypto&) = delete;
  OpenSslCrypto& operator=(const OpenSslCrypto&) = delete;

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
  struct Parts;
  explicit OpenSslCrypto(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace simroot::crypto
