// SPDX-License-Identifier: Apache-2.0
/// The client of an IoT SAFE applet: what a program on the device asks of its SIM.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/iotsafe/extensions.hpp"
#include "common/iotsafe/objects.hpp"
#include "device/transport/transport.hpp"

namespace simroot::device {

/// An object reference that owns its bytes: `01` or `id=01` (hexadecimal identifier), `label=NAME`.
struct ObjectName {
  iotsafe::ObjectClass object_class = iotsafe::ObjectClass::kPrivateKey;
  bool by_label = false;
  Bytes name;

  [[nodiscard]] iotsafe::ObjectRef Ref() const { return {object_class, by_label, name}; }
  /// "private key 01", "file \"cert\"": for messages.
  [[nodiscard]] std::string Text() const;
  friend bool operator==(const ObjectName&, const ObjectName&) = default;
};
/// @returns kUsage for anything else than the forms above, empty, odd or too long.
[[nodiscard]] Result<ObjectName> ParseObjectName(iotsafe::ObjectClass object_class, std::string_view text);

using Point = std::array<std::uint8_t, iotsafe::kP256PointSize>;             ///< 04 || X || Y
using RawSignature = std::array<std::uint8_t, iotsafe::kP256SignatureSize>;  ///< r || s

struct CardOptions {
  CardUri uri;
  std::chrono::milliseconds timeout{10'000};  ///< for one operation as a whole; key generation gets at least 30 s
  std::vector<Bytes> aids;                    ///< tried in this order; empty: iotsafe::kAids
  bool use_cache = true;
  std::string cache_directory;  ///< empty: see DefaultCacheDirectory()
  /// A file with the user PIN: read, and the PIN given once, when a card first refuses something without it. Empty: the
  /// caller gives it himself (VerifyUserPin), or not at all.
  std::string pin_file;
  TransportObserver* observer = nullptr;  ///< borrowed, outlives the card
};

/// SIMROOT_CACHE, else XDG_CACHE_HOME/simroot, else HOME/.cache/simroot; empty (no cache) if none of them is set.
[[nodiscard]] std::string DefaultCacheDirectory();

/// A key pair made on the card, as GENERATE KEY PAIR reports it. The card may have changed the identifiers.
struct NewKeyPair {
  Bytes private_id;
  Bytes public_id;
  Point point{};
};

/// How a private key of any kind signs (2.5.2). The card makes the padding; PSS has a salt as long as the digest.
enum class SignatureScheme : std::uint8_t { kEcdsa, kRsaPkcs1, kRsaPss };

/// A public key of any kind a card holds: P-256, brainpoolP256r1, P-384 or RSA-2048.
struct PublicKey {
  iotsafe::KeyType type = iotsafe::KeyType::kP256Persistent;
  Bytes point;     ///< 04 || X || Y, 65 bytes, 97 on P-384; empty for RSA
  Bytes modulus;   ///< RSA: 256 bytes, big endian
  Bytes exponent;  ///< RSA: 1 to 8 bytes, big endian, without leading zeros
};

/// A key pair of any kind made on the card. The card may have changed the identifiers.
struct NewAnyKeyPair {
  Bytes private_id;
  Bytes public_id;
  PublicKey key;
};

/// What VERIFY says of the user PIN, which guards the use of private and secret keys.
struct UserPinState {
  bool exists = false;      ///< false: the keys of this card can be used without a PIN
  bool verified = false;    ///< given since the card was powered, by whatever program
  unsigned tries_left = 0;  ///< before it is blocked; kTriesNotTold; meaningless once it is verified
};
/// tries_left of a card that does not tell: the most that one could, so that no warning is given without reason.
inline constexpr unsigned kTriesNotTold = 15;
/// Longest user PIN, in bytes.
inline constexpr std::size_t kMaxUserPinSize = 8;

/// A text that a card has encrypted, or that it is to decrypt.
struct Sealed {
  iotsafe::CipherMode mode = iotsafe::CipherMode::kGcm;
  Bytes nonce;  ///< made by the card: 12 bytes for GCM, 16 for CBC and CTR (the first counter block), none for OAEP
  Bytes ciphertext;
  Bytes tag;  ///< GCM: 16 bytes
};
/// Longest text of one Encrypt or Decrypt in GCM mode.
inline constexpr std::size_t kMaxGcmText = iotsafe::kCipherPieceSize;

/// One card. Opens its transport and channel at the first operation, keeps them open, opens again after a fork, a
/// transport error or a lost channel (once per operation). Safe for several threads: one operation at a time, each one
/// locked transaction on the port. An operation of several APDUs is never interleaved with another process's.
///
/// Errors: kUsage (bad argument), kTransport (port), kCard (refusal, with status word), kProtocol (answer not
/// understood), kCrypto (wrong key), kStore (cache; never fatal). Every message names object or port.
class Card {
 public:
  /// Never touches the port.
  [[nodiscard]] static std::shared_ptr<Card> Create(CardOptions options);
  ~Card();
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  [[nodiscard]] const CardUri& uri() const;

  [[nodiscard]] Result<std::string> Iccid();
  [[nodiscard]] Result<iotsafe::ApplicationInfo> Application();
  [[nodiscard]] Result<std::vector<iotsafe::ObjectInfo>> List();
  [[nodiscard]] Result<iotsafe::ObjectInfo> Info(const ObjectName& object);
  /// @param count 1 or more; asked for in blocks of 255 at most.
  [[nodiscard]] Result<Bytes> Random(std::size_t count);

  /// Content of a file, cut to the length of its DER structure when it is a zero-padded certificate. From the cache if
  /// the card announces a change counter and it is unchanged.
  [[nodiscard]] Result<Bytes> ReadFile(const ObjectName& file);
  /// From the cache under the same condition.
  [[nodiscard]] Result<Point> ReadPublicKey(const ObjectName& public_key);

  /// COMPUTE SIGNATURE INIT and UPDATE as one transaction, mode pad and sign. @param digest DigestSize(hash) bytes.
  /// @param expected if given, the first signature after each opening of the channel is verified with it: a swapped SIM
  /// gives kCrypto with a message that says so.
  [[nodiscard]] Result<RawSignature> Sign(const ObjectName& private_key, iotsafe::HashAlgorithm hash, ByteView digest,
                                          const Point* expected = nullptr);
  /// VERIFY SIGNATURE on the card. false: does not match.
  [[nodiscard]] Result<bool> Verify(const ObjectName& public_key, iotsafe::HashAlgorithm hash, ByteView digest,
                                    const RawSignature& signature);
  [[nodiscard]] Result<NewKeyPair> GenerateKeyPair(const ObjectName& private_key);
  [[nodiscard]] Result<void> PutPublicKey(const ObjectName& public_key, const Point& point);
  /// The shared X coordinate, 32 bytes. The caller wipes it.
  [[nodiscard]] Result<std::array<std::uint8_t, 32>> ComputeDh(const ObjectName& private_key,
                                                               const ObjectName& public_key);

  /// PUT PUBLIC KEY into `container` and COMPUTE DH with it, as one transaction: no other program can put its own point
  /// there in between. The shared X coordinate; the caller wipes it.
  [[nodiscard]] Result<std::array<std::uint8_t, 32>> ComputeDhWith(const ObjectName& private_key,
                                                                   const ObjectName& container, const Point& peer);

  /// COMPUTE PRF with a stored secret: the PRF of TLS 1.2 over the premaster secret of RFC 4279 2, which is put
  /// together on the card. @param other_secret the (EC)DHE result of ECDHE-PSK; empty: a PSK alone. It has to fit one
  /// command together with the label; 256 bytes of DHE-PSK do not. @param out 1 to 255 bytes; filled on success only;
  /// the caller wipes it. @param hash SHA-384 needs a card that announces it (docs/formats/extensions.md).
  [[nodiscard]] Result<void> ComputePrf(const ObjectName& secret_key, ByteView other_secret, ByteView label_and_seed,
                                        ByteSpan out, iotsafe::HashAlgorithm hash = iotsafe::HashAlgorithm::kSha256);
  /// COMPUTE HKDF with a stored secret: the early secret of TLS 1.3, HKDF-Extract(0, PSK). It is the same at every
  /// call, so whoever has it needs no card any more (docs/threat-model.md): never keep it. @param out DigestSize(hash)
  /// bytes; filled on success only; the caller wipes it.
  [[nodiscard]] Result<void> ComputeEarlySecret(const ObjectName& secret_key, iotsafe::HashAlgorithm hash,
                                                ByteSpan out);

  // Keys of any kind. The functions above are for keys of 256 bits.

  /// From the cache as ReadPublicKey.
  [[nodiscard]] Result<PublicKey> ReadAnyPublicKey(const ObjectName& public_key);
  /// As Sign. @returns raw r||s of 64 or 96 bytes, or 256 bytes.
  [[nodiscard]] Result<Bytes> SignDigest(const ObjectName& private_key, SignatureScheme scheme,
                                         iotsafe::HashAlgorithm hash, ByteView digest);
  /// As Verify. @param signature 64, 96 or 256 bytes; kUsage if its length does not fit the scheme.
  [[nodiscard]] Result<bool> VerifyDigest(const ObjectName& public_key, SignatureScheme scheme,
                                          iotsafe::HashAlgorithm hash, ByteView digest, ByteView signature);
  /// As GenerateKeyPair; the container decides the kind. The public half is read back.
  [[nodiscard]] Result<NewAnyKeyPair> GenerateAnyKeyPair(const ObjectName& private_key);
  /// As PutPublicKey. @param point 65 or 97 bytes.
  [[nodiscard]] Result<void> PutPublicPoint(const ObjectName& public_key, ByteView point);
  /// As ComputeDh: 32 bytes, 48 on P-384. The caller wipes them.
  [[nodiscard]] Result<Bytes> ComputeSharedSecret(const ObjectName& private_key, const ObjectName& public_key);
  /// PutPublicPoint into `container` and ComputeSharedSecret with it as one transaction, so that no other process's
  /// peer gets in between.
  [[nodiscard]] Result<Bytes> ComputeSharedSecret(const ObjectName& private_key, const ObjectName& container,
                                                  ByteView peer_point);

  /// Asks the card whether there is a user PIN and how many tries are left. Uses up none.
  [[nodiscard]] Result<UserPinState> UserPin();
  /// Gives the user PIN. A wrong one is no error: `verified` is false and a try is used up. Sent at most once.
  /// @param pin 1 to kMaxUserPinSize bytes.
  [[nodiscard]] Result<UserPinState> VerifyUserPin(ByteView pin);

  // Services beyond IoT.05 (docs/formats/extensions.md). A card that does not announce one gives kCard, and a sentence
  // that says so, before anything else is sent. Long texts are sent in pieces, for which the time limit grows.

  /// @returns DigestSize(hash) bytes.
  [[nodiscard]] Result<Bytes> Hash(iotsafe::HashAlgorithm hash, ByteView text);
  /// AES-CMAC, 16 bytes. Cards of Thales have it too.
  [[nodiscard]] Result<Bytes> Mac(const ObjectName& secret_key, ByteView text);
  /// @param mode CBC, CTR or GCM; kUsage for OAEP, which needs no card. @param text at most kMaxGcmText bytes for GCM.
  /// @param aad GCM only: bytes that are authenticated, not encrypted.
  [[nodiscard]] Result<Sealed> Encrypt(const ObjectName& secret_key, iotsafe::CipherMode mode, ByteView text,
                                       ByteView aad = {});
  /// @param key a secret key, or a private key for OAEP (SHA-256). The caller wipes the text. kCrypto: the ciphertext
  /// was changed, or belongs to another key. In CBC mode do not tell that to whoever sent it: it is an oracle.
  [[nodiscard]] Result<Bytes> Decrypt(const ObjectName& key, const Sealed& sealed, ByteView aad = {});

  /// PSK TLS 1.3 (`psk = deep`): the binder of a ClientHello for an external PSK, without its early secret leaving the
  /// card. @param transcript_hash DigestSize(hash) bytes. @param out as long. SHA-256 or SHA-384.
  [[nodiscard]] Result<void> ComputePskBinder(const ObjectName& secret_key, iotsafe::HashAlgorithm hash,
                                              ByteView transcript_hash, ByteSpan out);
  /// PSK TLS 1.3: the handshake secret for one key exchange. @param dh_result not all zeros: without a fresh key
  /// exchange the answer would be a constant. @param out DigestSize(hash) bytes; filled on success only; the caller
  /// wipes it.
  [[nodiscard]] Result<void> ComputePskHandshakeSecret(const ObjectName& secret_key, iotsafe::HashAlgorithm hash,
                                                       ByteView dh_result, ByteSpan out);

  /// Closes the channel and the port; the next operation opens them again. Errors while closing are of no consequence.
  void Close();
  [[nodiscard]] ExchangeCounters Counters();

 private:
  friend struct CardInternals;
  struct Impl;
  explicit Card(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The public half of a private key in an object list: same identifier, else same label, else the same place in lists
/// of equal length (cards list both halves in the same order, spec 4.1; the first signature proves the pair).
[[nodiscard]] std::optional<ObjectName> FindPublicHalf(const std::vector<iotsafe::ObjectInfo>& objects,
                                                       const ObjectName& name);

/// A private key on a card, and the identifier of the public half (the same unless told).
class Key {
 public:
  Key(std::shared_ptr<Card> card, ObjectName private_key);
  ~Key();
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  [[nodiscard]] const ObjectName& name() const { return private_key_; }
  [[nodiscard]] const std::shared_ptr<Card>& card() const { return card_; }
  /// Reads the public half: same identifier, or the public key with the same label; found in the object list otherwise.
  /// Once read it is kept, and signatures are checked with it as Card::Sign says.
  [[nodiscard]] Result<Point> PublicKey();
  /// The same half for a key of any kind. Not kept.
  [[nodiscard]] Result<device::PublicKey> AnyPublicKey();
  [[nodiscard]] Result<RawSignature> Sign(iotsafe::HashAlgorithm hash, ByteView digest);

 private:
  std::shared_ptr<Card> card_;
  ObjectName private_key_;
  std::atomic<const Point*> public_key_{nullptr};  ///< set once; no mutex, so a fork can never leave it locked
};

/// A file on a card.
class File {
 public:
  File(std::shared_ptr<Card> card, ObjectName file) : card_(std::move(card)), file_(std::move(file)) {}
  [[nodiscard]] Result<Bytes> Read() { return card_->ReadFile(file_); }
  [[nodiscard]] const ObjectName& name() const { return file_; }

 private:
  std::shared_ptr<Card> card_;
  ObjectName file_;
};

}  // namespace simroot::device
