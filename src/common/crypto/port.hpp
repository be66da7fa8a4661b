// SPDX-License-Identifier: Apache-2.0
/// The cryptography the applet and the secured channels ask for. One backend per product: OpenSSL 3 on hosts, another
/// on a chip. The port is part of the core: no heap, no exceptions; a backend may use what its platform has.
#pragma once

#include <array>

#include "common/base/bytes.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::crypto {

using iotsafe::HashAlgorithm;

/// Elliptic curves by their group. All have 32-byte scalars and coordinates.
enum class Curve : std::uint8_t { kP256, kBrainpoolP256r1 };

inline constexpr std::size_t kScalarSize = 32;
inline constexpr std::size_t kPointSize = 65;      ///< 04 || X || Y
inline constexpr std::size_t kSignatureSize = 64;  ///< r || s, each padded on the left to 32 bytes
inline constexpr std::size_t kSharedSecretSize = 32;
inline constexpr std::size_t kMaxDigestSize = 64;

/// A private key as the applet holds it. A backend may keep a prepared form of it: `slot` says which object it belongs
/// to and `generation` changes whenever the value changes, so a prepared form of another generation is stale.
struct PrivateKey {
  Curve curve = Curve::kP256;
  ByteView scalar;  ///< 32 bytes, big endian, 1 to n-1
  std::uint16_t slot = 0;
  std::uint32_t generation = 0;
};

enum class VerifyResult : std::uint8_t { kValid, kInvalid, kError };

/// Memory for one running hash, owned by the caller, meaningful only to the backend that began it. Begin or Resume
/// starts it; Finish or Abort ends it; destroying or overwriting it while running leaks in some backends.
struct HashState {
  alignas(8) std::array<std::uint8_t, 256> memory{};
  bool running = false;
};

/// All functions return false on failure of the backend or of its arguments; outputs are then zero or untouched.
class Crypto {
 public:
  /// Fills `out` from a cryptographically secure generator.
  [[nodiscard]] virtual bool Random(ByteSpan out) = 0;

  /// Makes a key pair. @param scalar 32 bytes, secret. @param point 65 bytes.
  [[nodiscard]] virtual bool GenerateKeyPair(Curve curve, ByteSpan scalar, ByteSpan point) = 0;
  /// Computes the public point (65 bytes) of a scalar.
  [[nodiscard]] virtual bool PublicPoint(Curve curve, ByteView scalar, ByteSpan point) = 0;
  /// True if `point` is 65 bytes, uncompressed, on the curve and not the neutral element.
  [[nodiscard]] virtual bool IsValidPoint(Curve curve, ByteView point) = 0;

  /// ECDSA over a digest of any length (leftmost bits count). @param signature 64 bytes, raw.
  [[nodiscard]] virtual bool SignEcdsa(const PrivateKey& key, ByteView digest, ByteSpan signature) = 0;
  /// @param signature raw r||s; anything but 64 bytes or r, s outside 1..n-1 is kInvalid.
  [[nodiscard]] virtual VerifyResult VerifyEcdsa(Curve curve, ByteView point, ByteView digest, ByteView signature) = 0;
  /// X coordinate of the shared point, 32 bytes (ECKA; SP 800-56A without derivation).
  [[nodiscard]] virtual bool Ecdh(const PrivateKey& key, ByteView peer_point, ByteSpan shared_x) = 0;
  /// Forgets and wipes every prepared form of the key in `slot`.
  virtual void ForgetKey(std::uint16_t slot) = 0;

  [[nodiscard]] virtual bool HashBegin(HashAlgorithm hash, HashState& state) = 0;
  /// Starts from a chaining value after `hashed_bytes` (a multiple of the block size) bytes: 32 bytes for SHA-256, 64
  /// for SHA-384 and SHA-512 (FIPS 180-4, big-endian words).
  [[nodiscard]] virtual bool HashResume(HashAlgorithm hash, ByteView chaining_value, std::uint32_t hashed_bytes,
                                        HashState& state) = 0;
  [[nodiscard]] virtual bool HashUpdate(HashState& state, ByteView data) = 0;
  /// Ends the hash. @param digest exactly DigestSize(hash) bytes.
  [[nodiscard]] virtual bool HashFinish(HashState& state, ByteSpan digest) = 0;
  virtual void HashAbort(HashState& state) = 0;

 protected:
  ~Crypto() = default;
};

}  // namespace simroot::crypto
