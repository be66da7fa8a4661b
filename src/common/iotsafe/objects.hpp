// SPDX-License-Identifier: Apache-2.0
/// Objects of the applet as both ends describe them: references, information structures, public keys.
#pragma once

#include <optional>

#include "common/base/fixed_bytes.hpp"
#include "common/base/result.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::iotsafe {

using ObjectId = FixedBytes<kMaxIdSize>;
using ObjectLabel = FixedBytes<kMaxLabelSize>;

/// How a command names an object: by identifier or by label, never both (spec section 4). `name` borrows.
struct ObjectRef {
  ObjectClass object_class = ObjectClass::kPrivateKey;
  bool by_label = false;
  ByteView name;
};
/// Writes `84 01 01` or `74 03 736967` and so on.
void PutObjectRef(const ObjectRef& ref, ByteWriter& out);

/// What an information structure (C1 to C4; 2.14.4.2 to 2.14.4.4) says of an object. Fields that do not belong to the
/// class are left at their defaults and are not written.
struct ObjectInfo {
  ObjectClass object_class = ObjectClass::kPrivateKey;
  ObjectId id;
  ObjectLabel label;  ///< empty: not written
  std::uint8_t access = 0;
  ObjectState state = ObjectState::kDeactivated;
  KeyType key_type = KeyType::kP256Persistent;  ///< keys and secrets
  KeyUsage key_usage = KeyUsage::kGeneral;      ///< private and public keys
  std::uint8_t functions = 0;                   ///< keys and secrets: Function bits
  std::uint8_t signature_algorithms = 0;        ///< private and public keys; 0: not written
  std::uint16_t hash_algorithms = 0;            ///< private and public keys; 0: not written
  std::uint8_t key_agreement = 0;               ///< private and public keys; 0: not written
  std::uint8_t key_derivation = 0;              ///< secrets; 0: not written
  FileUsage file_usage = FileUsage::kGeneral;   ///< files
  std::uint16_t file_size = 0;                  ///< files: bytes of content

  friend bool operator==(const ObjectInfo&, const ObjectInfo&) = default;
};

/// Writes the structure with its wrapper, fields in the order real applets use (spec 4.1):
/// label, id, 60, 4A, then 4B 4E 61 92 91 6F for keys, 21 20 for files, 4B 61 94 for secrets.
void PutObjectInfo(const ObjectInfo& info, ByteWriter& out);

/// Reads the next structure of a GET DATA answer: with wrapper (C1 to C4), or flat as some cards send it, where a new
/// object starts at an id or label tag of another object (spec 10.5). Order of fields is free; hash algorithms of one
/// or two bytes and the wrong length of tag 92 on one known card (10.16) are understood; unknown tags are skipped. The
/// reader moves past the structure. @returns kMissingTag if there is no identifier and no label.
[[nodiscard]] Expected<ObjectInfo, ParseError> ReadObjectInfo(ByteReader& reader);

/// What GET DATA (application) says (2.12).
struct ApplicationInfo {
  std::uint8_t version = 0x10;
  FixedBytes<32> proprietary_identifier;
  std::uint8_t max_files = 0;
  std::uint8_t max_private_keys = 0;
  std::uint8_t max_public_keys = 0;
  std::uint8_t max_secret_keys = 0;
  std::uint8_t functions = 0;
  std::uint16_t hash_algorithms = 0;
  std::uint8_t signature_algorithms = 0;
  std::uint8_t key_agreement = 0;
  std::uint8_t key_derivation = 0;
  std::uint8_t max_sessions = 0;
};
/// Which tags carry functions and key agreement in the application information (spec 10.3).
enum class ApplicationTags : std::uint8_t { k90And93, k61And6F };
void PutApplicationInfo(const ApplicationInfo& info, ApplicationTags tags, ByteWriter& out);
/// Both tag variants, any order, hash algorithms of one or two bytes; unknown tags are skipped.
[[nodiscard]] Expected<ApplicationInfo, ParseError> ParseApplicationInfo(ByteView bytes);

/// simroot's applet fills the 32 bytes of the proprietary identifier (tag 11) with a mark, its layout version and a
/// counter that changes with every persistent change of an object; old clients ignore it. Caches are keyed by it.
struct SimrootIdentifier {
  std::uint8_t applet_major = 1;
  std::uint8_t applet_minor = 0;
  std::uint32_t change_counter = 0;
  std::uint32_t epoch = 0;  ///< drawn at random with every change: tells copies of a card, and a card made anew, apart
  std::uint16_t extensions = 0;  ///< Extension bits (extensions.hpp)
};
[[nodiscard]] FixedBytes<32> EncodeIdentifier(const SimrootIdentifier& identifier);
/// Nothing if the identifier is another vendor's.
[[nodiscard]] std::optional<SimrootIdentifier> ParseIdentifier(ByteView proprietary_identifier);

/// A public key of any kind that tag 34 carries (2.5.7, spec 8.2): an elliptic point, or modulus and exponent. Views
/// borrow.
struct PublicKeyView {
  ByteView point = {};     ///< 04 || X || Y, 65 bytes, or 97 on P-384; empty for RSA
  ByteView modulus = {};   ///< RSA-2048: 256 bytes, big endian
  ByteView exponent = {};  ///< RSA: 1 to 8 bytes, big endian, without leading zeros
  [[nodiscard]] constexpr bool empty() const { return point.empty() && modulus.empty(); }
};
/// Writes `34 45 49 43 86 41 <point>`, `34 65 49 63 86 61 <point>` or, with BER lengths as Thales' client codes this
/// tag, `34 82010D 49 820109 81 820100 <modulus> 82 03 <exponent>`. Other sizes make `out` not ok.
void PutPublicKeyData(const PublicKeyView& key, ByteWriter& out);
/// The same for a point.
void PutPublicKeyData(ByteView point, ByteWriter& out);
/// Reads the content of tag 34, whatever the form of the lengths inside. The result borrows. @returns kBadValue for
/// anything but an uncompressed point of 65 or 97 bytes or an RSA key of 2048 bits; the curve equation is not checked.
[[nodiscard]] Expected<PublicKeyView, ParseError> ParseAnyPublicKeyValue(ByteView value_of_34);
/// The same for a card without RSA.
[[nodiscard]] Expected<PublicKeyView, ParseError> ParseEcPublicKeyValue(ByteView value_of_34);
/// Reads the content of tag 34: `49 43 86 41 04 X Y`. The result borrows. @returns kBadValue for anything but an
/// uncompressed point of 65 bytes; the curve equation is not checked here.
[[nodiscard]] Expected<ByteView, ParseError> ParsePublicKeyValue(ByteView value_of_34);

/// The answer of GENERATE KEY PAIR (2.11): identifiers of both halves and the public key. Views borrow.
struct GeneratedKeyPair {
  ByteView private_id;  ///< empty if the card leaves it out
  ByteView public_id;   ///< empty if the card leaves it out
  ByteView point;       ///< 65 or 97 bytes; empty if the card leaves it out, and for RSA
  ByteView modulus = {};
  ByteView exponent = {};
};
void PutGeneratedKeyPair(const GeneratedKeyPair& pair, ByteWriter& out);
[[nodiscard]] Expected<GeneratedKeyPair, ParseError> ParseGeneratedKeyPair(ByteView bytes);

/// Parameters of COMPUTE SIGNATURE INIT and VERIFY SIGNATURE INIT (2.9, 2.23).
struct SignatureParameters {
  ObjectRef key;
  OperationMode mode = OperationMode::kPadAndSign;
  HashAlgorithm hash = HashAlgorithm::kSha256;
  SignatureAlgorithm algorithm = SignatureAlgorithm::kEcdsa;
};
void PutSignatureParameters(const SignatureParameters& parameters, ByteWriter& out);

/// Reads tag 33 with a length of one byte, two bytes or BER, and returns raw r||s of two scalars: a DER ECDSA-Sig-Value
/// inside, as some cards send it, is converted (spec 8.1). The data must end after it.
/// @param scalar_size bytes of r and of s: 32, or 48 on P-384.
[[nodiscard]] Expected<FixedBytes<kMaxRawSignatureSize>, ParseError> ParseSignature(
    ByteView bytes, std::size_t scalar_size = kP256ScalarSize);

/// Converts raw r||s, two scalars of `scalar_size` bytes (at most 48), to a DER ECDSA-Sig-Value of 8 to 72 bytes (104
/// on P-384), and back. Raw bytes of another length give nothing. Decoding is strict DER.
[[nodiscard]] FixedBytes<kMaxDerSignatureSize> RawSignatureToDer(ByteView raw,
                                                                 std::size_t scalar_size = kP256ScalarSize);
[[nodiscard]] Expected<FixedBytes<kMaxRawSignatureSize>, ParseError> DerSignatureToRaw(
    ByteView der, std::size_t scalar_size = kP256ScalarSize);

}  // namespace simroot::iotsafe
