// SPDX-License-Identifier: Apache-2.0
/// One signature or verification in progress, behind the ECDSA dispatch table.
#pragma once

#include "device/provider/ec_key.hpp"

namespace simroot::provider {

enum class Purpose : std::uint8_t { kSign, kVerify, kDigestSign, kDigestVerify };

/// Output of a signature as libcrypto asks for it: `data` null asks for the greatest length only.
struct SignatureOutput {
  std::uint8_t* data = nullptr;
  std::size_t* length = nullptr;
  std::size_t room = 0;
};

/// All functions return false after having put an error on the stack.
class SignOperation {
 public:
  virtual ~SignOperation() = default;

  /// Signs a digest. A length query changes nothing and never touches a card.
  [[nodiscard]] virtual bool Sign(const SignatureOutput& out, ByteView digest) = 0;
  [[nodiscard]] virtual bool Verify(ByteView signature, ByteView digest) = 0;
  [[nodiscard]] virtual bool Update(ByteView data) = 0;
  [[nodiscard]] virtual bool SignFinal(const SignatureOutput& out) = 0;
  [[nodiscard]] virtual bool VerifyFinal(ByteView signature) = 0;
  [[nodiscard]] virtual bool GetParams(OSSL_PARAM* params) = 0;
  [[nodiscard]] virtual bool SetParams(const OSSL_PARAM* params) = 0;
  /// An independent copy at the same point of the message; nullptr on failure.
  [[nodiscard]] virtual std::unique_ptr<SignOperation> Clone() const = 0;
};

/// What an operation is started with. `digest_name` may be null or empty.
struct SignRequest {
  Context* context = nullptr;
  Purpose purpose = Purpose::kSign;
  const char* digest_name = nullptr;
  const OSSL_PARAM* params = nullptr;
};

/// Hashes on the host and signs on the card, INIT and UPDATE as one transaction at the very end: libcrypto copies
/// contexts in the middle of an operation, and a session on the card cannot be copied. Signing only.
/// @returns nullptr, with the error on the stack, for a digest that the card does not sign.
[[nodiscard]] std::unique_ptr<SignOperation> StartOnCard(const SignRequest& request, std::shared_ptr<CardKey> key);

/// Passes everything on to the default provider in the provider's own context.
/// @returns nullptr, with libcrypto's errors on the stack, if it refuses.
[[nodiscard]] std::unique_ptr<SignOperation> StartInSoftware(const SignRequest& request, const PkeyPtr& key);

}  // namespace simroot::provider
