// SPDX-License-Identifier: Apache-2.0
/// The seam to applets: an intention becomes blocks of STORE DATA in the applet's own words, and its answers become
/// facts. A driver keeps no state.
#pragma once

#include <functional>

#include "platform/ota/card_command.hpp"
#include "platform/ota/card_content.hpp"

namespace simroot::platform {

/// An object by its class and one byte of identifier: the containers that the platform makes.
struct ObjectKey {
  iotsafe::ObjectClass object_class = iotsafe::ObjectClass::kPrivateKey;
  std::uint8_t id = 0;
  /// "private key 01"
  [[nodiscard]] std::string Text() const;
};

struct KeyPairWish {
  std::uint8_t private_id = 0;
  std::uint8_t public_id = 0;
  std::string label;     ///< of the private key
  std::string key_type;  ///< as in a policy
};

/// Enciphers a value under the data encryption key of the session (AES-CBC, padded with zeros).
using KeyCipher = std::function<Outcome<Bytes>(ByteView clear)>;

struct ListedObjects {
  std::vector<CardObject> objects;
  std::vector<std::size_t> missing;  ///< numbers of objects to ask for next; empty: the list is complete
};

/// Functions that an applet has no command for are kInvalid with a sentence that says so.
class AppletDriver {
 public:
  virtual ~AppletDriver() = default;

  [[nodiscard]] virtual const std::string& Name() const = 0;

  /// Around what becomes visible at once; nothing for an applet that has no such thing.
  [[nodiscard]] virtual CardCommands Begin() const = 0;
  [[nodiscard]] virtual CardCommands Commit() const = 0;

  [[nodiscard]] virtual Outcome<CardCommands> List(const std::vector<std::size_t>& from) const = 0;
  [[nodiscard]] virtual Outcome<ListedObjects> ReadList(const CardAnswers& answers) const = 0;

  /// A container for a pair, and the pair made in it on the card.
  [[nodiscard]] virtual Outcome<CardCommands> MakeKeyPair(const KeyPairWish& wish) const = 0;
  /// The same in a container that exists.
  [[nodiscard]] virtual Outcome<CardCommands> FillKeyPair(std::uint8_t private_id) const = 0;
  /// A PKCS#10 request, asked for in pieces all at once. @param subject X.501 Name in DER.
  [[nodiscard]] virtual Outcome<CardCommands> MakeRequest(std::uint8_t private_id, const std::string& key_type,
                                                          ByteView subject) const = 0;
  /// An attestation of a private key by another. @param attesting_key identifier. @param nonce 8 to 32 bytes.
  [[nodiscard]] virtual Outcome<CardCommands> Attest(std::uint8_t private_id, const std::string& key_type,
                                                     ByteView attesting_key, ByteView nonce) const = 0;
  /// The content of a file of `size` bytes, in pieces.
  [[nodiscard]] virtual Outcome<CardCommands> ReadFile(std::uint8_t id, std::size_t size) const = 0;
  /// The public half of an attesting key, which has the same identifier.
  [[nodiscard]] virtual Outcome<CardCommands> ReadAttestingKey(ByteView id) const = 0;
  /// The point in the answer to that, 65 bytes; other keys are kInvalid.
  [[nodiscard]] virtual Outcome<Bytes> ReadPoint(const CardAnswers& answers) const = 0;
  /// Puts the pieces of a request, an attestation or a file together. @param answers of one purpose.
  [[nodiscard]] virtual Outcome<Bytes> JoinPieces(const CardAnswers& answers) const = 0;

  [[nodiscard]] virtual Outcome<CardCommands> CreateFile(std::uint8_t id, const std::string& label,
                                                         iotsafe::FileUsage usage, std::size_t size) const = 0;
  [[nodiscard]] virtual Outcome<CardCommands> WriteFile(std::uint8_t id, ByteView content) const = 0;
  [[nodiscard]] virtual Outcome<CardCommands> CreateSecret(std::uint8_t id, const std::string& label) const = 0;
  [[nodiscard]] virtual Outcome<CardCommands> LoadSecret(std::uint8_t id, ByteView secret, ByteView check_value,
                                                         const KeyCipher& cipher) const = 0;

  [[nodiscard]] virtual Outcome<CardCommands> SetLabel(const ObjectKey& object, const std::string& label) const = 0;
  /// Lets the device use a key, or not.
  [[nodiscard]] virtual Outcome<CardCommands> SetUsable(const ObjectKey& object, bool usable) const = 0;
  [[nodiscard]] virtual Outcome<CardCommands> Delete(const ObjectKey& object) const = 0;

  /// Puts commands together where the applet takes several at once, and cuts the contents of files into pieces. Only
  /// then are they what can be sent.
  [[nodiscard]] virtual CardCommands Pack(CardCommands commands) const = 0;
};

/// simroot's own applet (docs/formats/personalisation.md).
[[nodiscard]] const AppletDriver& SimrootDriver();
/// The applet of NTT Communications, as far as its commands are known. Proves the seam; no card of ours speaks it.
[[nodiscard]] const AppletDriver& NttDriver();

/// The driver for the applet of a card by its profile, as the factory's file names it. What a device says of the applet
/// does not count: it could make the platform believe that something was deleted.
[[nodiscard]] const AppletDriver& ChooseDriver(const std::string& profile);

/// Offsets at which pieces of `piece` bytes must be asked for so that a whole of `least` to `most` bytes is covered and
/// none begins behind its end.
[[nodiscard]] std::vector<std::size_t> PieceOffsets(std::size_t least, std::size_t most, std::size_t piece);

/// How many bytes a certificate request for a key of this type may have. @returns nothing for an unknown type.
struct SizeRange {
  std::size_t least = 0;
  std::size_t most = 0;
};
/// What a policy calls a kind of key pair that a card may hold. @returns nothing for other keys.
[[nodiscard]] std::optional<std::string> NameOfKeyType(iotsafe::KeyType type);
[[nodiscard]] std::optional<SizeRange> RequestSize(const std::string& key_type, std::size_t subject_size);

}  // namespace simroot::platform
