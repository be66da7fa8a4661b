// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/authority/pool.hpp"
#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {

/// A CA's private key with contexts that are prepared once. Safe for any number of threads.
class SigningKey {
 public:
  /// kInvalid for kinds that do not sign here: only P-256, brainpoolP256r1, P-384 and RSA from 2048 bits do.
  [[nodiscard]] static Outcome<std::unique_ptr<SigningKey>> Make(EvpPkey key);
  /// A fresh key on P-256.
  [[nodiscard]] static Outcome<EvpPkey> GenerateP256();

  /// Signature as X.509 has it: ECDSA-Sig-Value, or RSA PKCS#1.
  [[nodiscard]] Outcome<Bytes> Sign(ByteView message);
  /// SEQUENCE { to_be_signed, algorithm, signature }: a certificate or a CRL.
  [[nodiscard]] Outcome<Bytes> SignDocument(ByteView to_be_signed);

  /// AlgorithmIdentifier in DER.
  [[nodiscard]] ByteView algorithm() const { return algorithm_; }
  [[nodiscard]] const EVP_MD* digest() const { return digest_; }
  [[nodiscard]] EVP_PKEY* key() const { return key_.get(); }

 private:
  SigningKey(EvpPkey key, const EVP_MD* digest, ByteView algorithm)
      : key_(std::move(key)), digest_(digest), algorithm_(algorithm) {}
  [[nodiscard]] EvpPkeyCtx NewContext() const;

  EvpPkey key_;
  const EVP_MD* digest_;
  ByteView algorithm_;
  Pool<EvpPkeyCtx> contexts_;
};

}  // namespace simroot::platform
