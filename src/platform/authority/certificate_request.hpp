// SPDX-License-Identifier: Apache-2.0
/// PKCS#10 certificate requests (RFC 2986): a strict walk for what the cards of this project make, OpenSSL for the
/// rest.
#pragma once

#include <optional>

#include "platform/authority/authority.hpp"
#include "platform/authority/pool.hpp"

namespace simroot::platform {

/// The parts of a request for a P-256 key, signed with SHA-256, borrowed.
struct P256Request {
  ByteView signed_part;  ///< CertificationRequestInfo with tag and length
  ByteView subject;      ///< Name with tag and length
  ByteView point;        ///< 65 bytes; whether it is on the curve is not checked
  ByteView signature;    ///< ECDSA-Sig-Value; not looked into
};

/// Takes apart a request of the usual form: version 0, a subject whose attributes are of X.520, one to a set, as
/// UTF8String, PrintableString or IA5String, an uncompressed P-256 point, no attributes, ecdsa-with-SHA256, all in DER.
/// Nothing for all others, which may be right all the same: OpenSSL judges them. Whatever is taken apart here, OpenSSL
/// takes apart in the same way (tests/fuzz/fuzz_csr.cpp).
[[nodiscard]] std::optional<P256Request> ParseP256Request(ByteView csr);

/// Verifies ECDSA signatures with one prepared context whose key changes.
class P256Verifier {
 public:
  /// Empty if OpenSSL fails.
  [[nodiscard]] static std::unique_ptr<P256Verifier> Make();
  /// Takes the key to verify with. False if the point is not on the curve.
  [[nodiscard]] bool UseKey(ByteView point);
  /// SHA-256 over `message`. @param signature ECDSA-Sig-Value in strict DER.
  [[nodiscard]] bool Verify(ByteView message, ByteView signature);

 private:
  P256Verifier() = default;

  crypto::EvpPkey key_;
  crypto::EvpPkeyCtx context_;
};

/// Judges requests. Safe for any number of threads.
class RequestChecker {
 public:
  [[nodiscard]] Outcome<CheckedRequest> Check(ByteView csr);

 private:
  [[nodiscard]] Outcome<CheckedRequest> CheckP256(const P256Request& request);

  Pool<std::unique_ptr<P256Verifier>> verifiers_;
};

/// The slow half of RequestChecker: OpenSSL takes the request apart and verifies it.
[[nodiscard]] Outcome<CheckedRequest> CheckRequestWithOpenSsl(ByteView csr);

}  // namespace simroot::platform
