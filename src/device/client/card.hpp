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
  std::string cache_directory;            ///< empty: see DefaultCacheDirectory()
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

  /// Closes the channel and the port; the next operation opens them again. Errors while closing are of no consequence.
  void Close();
  [[nodiscard]] ExchangeCounters Counters();

 private:
  friend struct CardInternals;
  struct Impl;
  explicit Card(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

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
