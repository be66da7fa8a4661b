// SPDX-License-Identifier: Apache-2.0
/// The cryptography the applet and the secured channels ask for. One backend per product: OpenSSL 3 on hosts, another
/// on a chip. The port is part of the core: no heap, no exceptions; a backend may use what its platform has.
#pragma once

#include <array>
#include <span>

#include "common/base/bytes.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::crypto {

using iotsafe::HashAlgorithm;
using iotsafe::kP256PointSize;
using iotsafe::kP256ScalarSize;
using iotsafe::kP256SignatureSize;

/// Elliptic curves by their group.
enum class Curve : std::uint8_t { kP256, kBrainpoolP256r1, kP384 };

/// Bytes of a scalar, of one coordinate and of a shared secret: 32, or 48 on P-384.
[[nodiscard]] constexpr std::size_t ScalarSize(Curve curve) {
  return curve == Curve::kP384 ? 48 : 32;
}
/// Bytes of an uncompressed point, 04 || X || Y: 65 or 97.
[[nodiscard]] constexpr std::size_t PointSize(Curve curve) {
  return 1 + 2 * ScalarSize(curve);
}
/// Bytes of r || s, each padded on the left to the size of a scalar: 64 or 96.
[[nodiscard]] constexpr std::size_t SignatureSize(Curve curve) {
  return 2 * ScalarSize(curve);
}

inline constexpr std::size_t kMaxScalarSize = ScalarSize(Curve::kP384);
inline constexpr std::size_t kMaxPointSize = PointSize(Curve::kP384);
inline constexpr std::size_t kMaxEcSignatureSize = SignatureSize(Curve::kP384);
inline constexpr std::size_t kMaxDigestSize = 64;
inline constexpr std::size_t kRsaSize = 256;             ///< modulus, signature and ciphertext of RSA-2048
inline constexpr std::size_t kRsaExponentSize = 3;       ///< keys that we make have the exponent 65537
inline constexpr std::size_t kMaxRsaPrivateSize = 1300;  ///< RSAPrivateKey in DER
inline constexpr std::size_t kAesBlockSize = 16;
inline constexpr std::size_t kDesBlockSize = 8;
inline constexpr std::size_t kGcmNonceSize = 12;
inline constexpr std::size_t kGcmTagSize = 16;

/// A private key as the applet holds it. A backend may keep a prepared form of it: `slot` says which object it belongs
/// to and `generation` changes whenever the value changes, so a prepared form of another generation is stale.
struct PrivateKey {
  Curve curve = Curve::kP256;
  ByteView scalar;  ///< ScalarSize(curve) bytes, big endian, 1 to n-1
  std::uint16_t slot = 0;
  std::uint32_t generation = 0;
};

/// An RSA-2048 private key; slot and generation as above.
struct RsaPrivateKey {
  ByteView der;  ///< RSAPrivateKey (RFC 8017 A.1.2), two primes
  std::uint16_t slot = 0;
  std::uint32_t generation = 0;
};
/// An RSA-2048 public key.
struct RsaPublicKey {
  ByteView modulus;   ///< 256 bytes, big endian
  ByteView exponent;  ///< 1 to 8 bytes, big endian, without leading zeros
};
/// RFC 8017: 8.2, or 8.1 with MGF1 of the same hash and a salt as long as the digest.
enum class RsaPadding : std::uint8_t { kPkcs1, kPss };

enum class Direction : std::uint8_t { kEncrypt, kDecrypt };

/// A message in up to a few pieces, so that nobody has to join them.
using ByteViews = std::span<const ByteView>;

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

  /// Makes a key pair. @param scalar ScalarSize(curve) bytes, secret. @param point PointSize(curve) bytes.
  [[nodiscard]] virtual bool GenerateKeyPair(Curve curve, ByteSpan scalar, ByteSpan point) = 0;
  /// Computes the public point of a scalar.
  [[nodiscard]] virtual bool PublicPoint(Curve curve, ByteView scalar, ByteSpan point) = 0;
  /// True if `point` has PointSize(curve) bytes, is uncompressed, on the curve and not the neutral element.
  [[nodiscard]] virtual bool IsValidPoint(Curve curve, ByteView point) = 0;

  /// ECDSA over a digest of any length (leftmost bits count). @param signature SignatureSize(curve) bytes, raw.
  [[nodiscard]] virtual bool SignEcdsa(const PrivateKey& key, ByteView digest, ByteSpan signature) = 0;
  /// @param signature raw r||s; any other length, or r, s outside 1..n-1, is kInvalid.
  [[nodiscard]] virtual VerifyResult VerifyEcdsa(Curve curve, ByteView point, ByteView digest, ByteView signature) = 0;
  /// X coordinate of the shared point, ScalarSize(curve) bytes (ECKA; SP 800-56A without derivation).
  [[nodiscard]] virtual bool Ecdh(const PrivateKey& key, ByteView peer_point, ByteSpan shared_x) = 0;
  /// Forgets and wipes every prepared form of the key in `slot`. (A backend may keep the pair it has made last, which
  /// has no slot, until its first use or the next pair.)
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

  /// Makes an RSA-2048 key with exponent 65537. @param der at most kMaxRsaPrivateSize bytes are written, their number
  /// goes to `der_size`. @param modulus 256 bytes. @param exponent kRsaExponentSize bytes.
  [[nodiscard]] virtual bool GenerateRsa(ByteSpan der, std::size_t& der_size, ByteSpan modulus, ByteSpan exponent) = 0;
  /// Modulus and exponent (kRsaExponentSize bytes) of a private key. False if it is no valid RSA-2048 key.
  [[nodiscard]] virtual bool RsaPublicHalf(ByteView der, ByteSpan modulus, ByteSpan exponent) = 0;
  /// @param digest DigestSize(hash) bytes. @param signature 256 bytes.
  [[nodiscard]] virtual bool SignRsa(const RsaPrivateKey& key, RsaPadding padding, HashAlgorithm hash, ByteView digest,
                                     ByteSpan signature) = 0;
  [[nodiscard]] virtual VerifyResult VerifyRsa(const RsaPublicKey& key, RsaPadding padding, HashAlgorithm hash,
                                               ByteView digest, ByteView signature) = 0;
  /// RSAES-OAEP (RFC 8017 7.1) with `hash` for label and MGF1, empty label. PKCS#1 v1.5 decryption is not offered: its
  /// errors are an oracle. @param message at least 256 bytes; their number goes to `size`.
  [[nodiscard]] virtual bool DecryptRsaOaep(const RsaPrivateKey& key, HashAlgorithm hash, ByteView ciphertext,
                                            ByteSpan message, std::size_t& size) = 0;

  /// The pseudo-random function of TLS 1.2 with SHA-256 (RFC 5246 5): P_SHA256(secret, label_and_seed).
  [[nodiscard]] virtual bool TlsPrfSha256(ByteView secret, ByteView label_and_seed, ByteSpan out) = 0;
  /// HKDF-Extract (RFC 5869 2.2). An empty salt counts as DigestSize(hash) zeros. @param prk DigestSize(hash) bytes.
  [[nodiscard]] virtual bool HkdfExtract(HashAlgorithm hash, ByteView salt, ByteView input, ByteSpan prk) = 0;

  /// AES in CBC mode without padding (SP 800-38A). @param key 16, 24 or 32 bytes. @param iv 16 bytes. @param in whole
  /// blocks. @param out as long as `in`; may be the same memory.
  [[nodiscard]] virtual bool AesCbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) = 0;
  /// Triple DES in CBC mode without padding (SP 800-67), for cards whose key sets know nothing newer. @param key 16
  /// bytes (the third key is the first) or 24. @param iv 8 bytes. @param in whole blocks. @param out as long as `in`;
  /// may be the same memory. A backend for chips has none and always answers false.
  [[nodiscard]] virtual bool TdesCbc(Direction direction, ByteView key, ByteView iv, ByteView in, ByteSpan out) = 0;
  /// AES in counter mode, both directions. @param counter the first counter block, 16 bytes; it counts as one number.
  [[nodiscard]] virtual bool AesCtr(ByteView key, ByteView counter, ByteView in, ByteSpan out) = 0;
  /// AES-GCM (SP 800-38D). @param nonce 12 bytes. @param out as long as `in`. @param tag 16 bytes.
  [[nodiscard]] virtual bool AesGcmEncrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteSpan out,
                                           ByteSpan tag) = 0;
  /// False if the tag does not match; `out` is then zero.
  [[nodiscard]] virtual bool AesGcmDecrypt(ByteView key, ByteView nonce, ByteView aad, ByteView in, ByteView tag,
                                           ByteSpan out) = 0;
  /// AES-CMAC (SP 800-38B) over the pieces of a message. @param key 16, 24 or 32 bytes. @param mac 16 bytes.
  [[nodiscard]] virtual bool AesCmac(ByteView key, ByteViews message, ByteSpan mac) = 0;

 protected:
  ~Crypto() = default;
};

}  // namespace simroot::crypto
