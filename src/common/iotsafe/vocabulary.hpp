// SPDX-License-Identifier: Apache-2.0
/// The words of GSMA IoT.05: instructions, tags, enumerations, AIDs. One set of tables for the applet, the client, the
/// decoder and the documentation. Section numbers are those of IoT.05 v1 as far as they are known.
#pragma once

#include <string_view>

#include "common/base/bytes.hpp"

namespace simroot::iotsafe {

/// Instruction bytes of the applet. The extensions have a range of their own that no known client uses.
enum class Ins : std::uint8_t {
  kVerifyPin = 0x20,  ///< VERIFY of ISO/IEC 7816-4: the optional user PIN
  kPutPublicKeyInit = 0x24,
  kComputeSignatureInit = 0x2A,
  kComputeSignatureUpdate = 0x2B,
  kVerifySignatureInit = 0x2C,
  kVerifySignatureUpdate = 0x2D,
  kComputeDh = 0x46,
  kComputePrf = 0x48,
  kComputeHkdf = 0x4A,
  // Our extension (docs/formats/extensions.md): 52 to 5F.
  kHash = 0x52,
  kEncryptInit = 0x54,
  kEncryptUpdate = 0x55,
  kDecryptInit = 0x56,
  kDecryptUpdate = 0x57,
  kGenerateCsr = 0x58,
  kWriteFile = 0x5A,
  kDeleteObject = 0x5C,
  kPskTls13 = 0x5E,
  kGetRandom = 0x84,
  kReadFile = 0xB0,
  kGenerateKeyPair = 0xB9,
  kGetData = 0xCB,
  kReadPublicKey = 0xCD,
  kPutPublicKeyUpdate = 0xD8,
};

/// Tags, always one byte on the wire.
enum class Tag : std::uint8_t {
  kVersion = 0x10,
  kProprietaryIdentifier = 0x11,
  kFileSize = 0x20,
  kFileUsage = 0x21,
  kSignature = 0x33,
  kPublicKeyData = 0x34,
  kPublicKeyTemplate = 0x49,  ///< inside 34
  kObjectState = 0x4A,
  kKeyType = 0x4B,
  kKeyUsage = 0x4E,
  kSubject = 0x50,     ///< our extension: X.501 Name in DER
  kAttributes = 0x51,  ///< our extension: attributes of PKCS#10 in DER, with their tag A0
  kAccessConditions = 0x60,
  kObjectFunctions = 0x61,
  kObjectKeyAgreement = 0x6F,
  kFileLabel = 0x73,
  kPrivateKeyLabel = 0x74,
  kPublicKeyLabel = 0x75,
  kSecretKeyLabel = 0x76,
  kFileId = 0x83,
  kPrivateKeyId = 0x84,
  kPublicKeyId = 0x85,
  kSecretKeyId = 0x86,  ///< inside 49 the same number is the EC point
  kApplicationFunctions = 0x90,
  kHashAlgorithms = 0x91,
  kSignatureAlgorithms = 0x92,
  kApplicationKeyAgreement = 0x93,
  kKeyDerivation = 0x94,
  kLastBlock = 0x9A,
  kData = 0x9B,
  kIntermediateHash = 0x9C,
  kHashedByteCount = 0x9D,
  kFinalHash = 0x9E,
  kMacData = 0x9F,
  kModeOfOperation = 0xA1,
  // Our extension (docs/formats/extensions.md).
  kCipherMode = 0xA2,
  kNonce = 0xA3,
  kAssociatedData = 0xA4,
  kAuthenticationTag = 0xA5,
  kMaxFiles = 0xB1,
  kMaxPrivateKeys = 0xB2,
  kMaxPublicKeys = 0xB3,
  kMaxSecretKeys = 0xB4,
  kMaxSessions = 0xB7,
  kPrivateKeyInfo = 0xC1,
  kPublicKeyInfo = 0xC2,
  kFileInfo = 0xC3,
  kSecretKeyInfo = 0xC4,
  kSecret = 0xD1,
  kLabelAndSeed = 0xD2,
  kPseudoRandomLength = 0xD3,
  kDhResult = 0xD4,
  kSalt = 0xD5,
};

[[nodiscard]] constexpr std::uint8_t Code(Ins ins) {
  return static_cast<std::uint8_t>(ins);
}
[[nodiscard]] constexpr std::uint8_t Code(Tag tag) {
  return static_cast<std::uint8_t>(tag);
}

inline constexpr std::size_t kMaxIdSize = 20;      ///< identifiers: 1 to 20 opaque bytes
inline constexpr std::size_t kMaxLabelSize = 60;   ///< labels: 0 to 60 bytes
inline constexpr std::size_t kP256PointSize = 65;  ///< 04 || X || Y
inline constexpr std::size_t kP256ScalarSize = 32;
inline constexpr std::size_t kP256SignatureSize = 64;  ///< raw r || s
inline constexpr std::size_t kP384PointSize = 97;
inline constexpr std::size_t kRsaModulusSize = 256;  ///< RSA-2048
inline constexpr std::size_t kMaxRsaExponentSize = 8;
inline constexpr std::size_t kP384ScalarSize = 48;
inline constexpr std::size_t kMaxRawSignatureSize = 2 * kP384ScalarSize;  ///< raw r || s of the largest curve
inline constexpr std::size_t kMaxDerSignatureSize = 104;                  ///< the same as DER ECDSA-Sig-Value
inline constexpr std::size_t kMaxAssociatedData = 200;                    ///< of AES-GCM, one command
/// 34 45 49 43 86 41 followed by the point.
inline constexpr std::size_t kPublicKeyDataSize = 6 + kP256PointSize;

/// Hash algorithms (2.5.1), a bit field of 16 bits in tag 91.
enum class HashAlgorithm : std::uint16_t { kSha256 = 0x0001, kSha384 = 0x0002, kSha512 = 0x0004 };
/// Signature algorithms (2.5.2), bit field, tag 92.
/// kCmac is Thales' extension.
enum class SignatureAlgorithm : std::uint8_t { kRsaPkcs1 = 0x01, kRsaPss = 0x02, kEcdsa = 0x04, kCmac = 0x08 };
/// Key agreement (2.5.3), bit field, tags 93 and 6F.
enum class KeyAgreement : std::uint8_t { kEcka = 0x01 };
/// Key derivation (2.5.4), bit field, tag 94.
enum class KeyDerivation : std::uint8_t {
  kPrfSha256 = 0x01,
  kHkdf = 0x02,
  kPskTls13 = 0x04,  ///< our extension: PSK TLS 1.3 and nothing else, so that the early secret cannot be had
};
/// Cryptographic functions, bit field, tags 61 and 90.
enum class Function : std::uint8_t {
  kSignature = 0x01,
  kKeyGeneration = 0x02,
  kKeyAgreement = 0x04,
  kKeyDerivation = 0x08,
  kEncryption = 0x10,  ///< our extension: ENCRYPT
  kDecryption = 0x20,  ///< our extension: DECRYPT
};
/// Key types, tag 4B.
enum class KeyType : std::uint8_t {
  kRsa2048 = 0x03,
  kP256Persistent = 0x13,
  kP256Volatile = 0x14,
  kBrainpoolP256Persistent = 0x23,
  kBrainpoolP256Volatile = 0x24,
  kP384Persistent = 0x33,  ///< our extension
  kP384Volatile = 0x34,    ///< our extension
  kHmac = 0xA0,            ///< pre-shared key
  kAesCmac = 0xB0,         ///< AES-128 for CMAC, Thales' extension
  kAes = 0xB1,             ///< AES-128 or AES-256 for ENCRYPT and DECRYPT, our extension
  kUserPin = 0xF1,         ///< the user PIN: inside our card only, never seen from outside
};
/// Key specific usage, tag 4E.
enum class KeyUsage : std::uint8_t {
  kGeneral = 0x01,
  kTls12 = 0x02,
  kTls13 = 0x03,
  kAttestation = 0x81,  ///< our extension: signs nothing but attestations of keys made on the card (IoT.04 H4)
};
/// File specific usage, tag 21.
enum class FileUsage : std::uint8_t { kGeneral = 0x01, kCertificate = 0x02 };
/// Object state, tag 4A.
enum class ObjectState : std::uint8_t { kDeactivated = 0x00, kActivated = 0x01 };
/// Access conditions over the device interface, bit field, tag 60.
enum class Access : std::uint8_t { kNone = 0x00, kReadable = 0x01, kUpdatable = 0x02 };
/// Mode of operation (2.5.14), tag A1.
enum class OperationMode : std::uint8_t { kFullText = 0x01, kLastBlock = 0x02, kPadAndSign = 0x03 };

/// The four kinds of object. IDs and labels are unique inside one class only.
enum class ObjectClass : std::uint8_t { kPrivateKey, kPublicKey, kFile, kSecretKey };

/// True if `bits` (one of the bit fields above) contains `flag`.
template <typename Bits, typename Flag>
[[nodiscard]] constexpr bool Has(Bits bits, Flag flag) {
  return (static_cast<unsigned>(bits) & static_cast<unsigned>(flag)) != 0;
}

/// Bytes of a digest: 32, 48 or 64.
[[nodiscard]] constexpr std::size_t DigestSize(HashAlgorithm hash) {
  return hash == HashAlgorithm::kSha256 ? 32 : hash == HashAlgorithm::kSha384 ? 48 : 64;
}
/// Bytes of one block: 64 or 128.
[[nodiscard]] constexpr std::size_t HashBlockSize(HashAlgorithm hash) {
  return hash == HashAlgorithm::kSha256 ? 64 : 128;
}
/// Bytes of the chaining value (tag 9C): 32 for SHA-256, 64 for SHA-384 and SHA-512.
[[nodiscard]] constexpr std::size_t HashStateSize(HashAlgorithm hash) {
  return hash == HashAlgorithm::kSha256 ? 32 : 64;
}

/// The tags that belong to an object class.
struct ClassTags {
  ObjectClass object_class;
  Tag id;
  Tag label;
  Tag info;               ///< wrapper of its information structure, also P1 of GET DATA
  std::string_view name;  ///< "private key"
};
inline constexpr std::array kClassTags{
    ClassTags{ObjectClass::kPrivateKey, Tag::kPrivateKeyId, Tag::kPrivateKeyLabel, Tag::kPrivateKeyInfo, "private key"},
    ClassTags{ObjectClass::kPublicKey, Tag::kPublicKeyId, Tag::kPublicKeyLabel, Tag::kPublicKeyInfo, "public key"},
    ClassTags{ObjectClass::kFile, Tag::kFileId, Tag::kFileLabel, Tag::kFileInfo, "file"},
    ClassTags{ObjectClass::kSecretKey, Tag::kSecretKeyId, Tag::kSecretKeyLabel, Tag::kSecretKeyInfo, "secret key"},
};
[[nodiscard]] constexpr const ClassTags& TagsOf(ObjectClass object_class) {
  return kClassTags[static_cast<std::size_t>(object_class)];
}

/// Application identifiers under which IoT SAFE applets are found, in the order a client tries them (spec 1.1).
struct AidEntry {
  std::array<std::uint8_t, 16> bytes;
  std::size_t size;
  std::string_view who;
  [[nodiscard]] constexpr ByteView view() const { return ByteView(bytes).first(size); }
};
inline constexpr std::array kAids{
    AidEntry{{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10}, 7, "GSMA"},
    AidEntry{{0xA0, 0x00, 0x00, 0x00, 0x30, 0x53, 0xF1, 0x24, 0x01, 0x77, 0x01, 0x01, 0x49, 0x53, 0x41}, 15, "Thales"},
    AidEntry{{0xA0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00}, 7, "Orange Live Objects"},
    AidEntry{
        {0xA0, 0x00, 0x00, 0x01, 0x15, 0x70, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x49, 0x53, 0x41, 0x02}, 16, "NTT"},
};

/// One row per instruction that is the applet's own, for decoding and documentation. Sorted by code.
struct InsName {
  Ins ins;
  std::string_view name;  ///< as IoT.05 writes it
};
inline constexpr std::array kInsNames{
    InsName{Ins::kPutPublicKeyInit, "PUT PUBLIC KEY INIT"},
    InsName{Ins::kComputeSignatureInit, "COMPUTE SIGNATURE INIT"},
    InsName{Ins::kComputeSignatureUpdate, "COMPUTE SIGNATURE UPDATE"},
    InsName{Ins::kVerifySignatureInit, "VERIFY SIGNATURE INIT"},
    InsName{Ins::kVerifySignatureUpdate, "VERIFY SIGNATURE UPDATE"},
    InsName{Ins::kComputeDh, "COMPUTE DH"},
    InsName{Ins::kComputePrf, "COMPUTE PRF"},
    InsName{Ins::kComputeHkdf, "COMPUTE HKDF"},
    InsName{Ins::kHash, "HASH"},
    InsName{Ins::kEncryptInit, "ENCRYPT INIT"},
    InsName{Ins::kEncryptUpdate, "ENCRYPT UPDATE"},
    InsName{Ins::kDecryptInit, "DECRYPT INIT"},
    InsName{Ins::kDecryptUpdate, "DECRYPT UPDATE"},
    InsName{Ins::kGenerateCsr, "GENERATE CSR"},
    InsName{Ins::kWriteFile, "WRITE FILE"},
    InsName{Ins::kDeleteObject, "DELETE OBJECT"},
    InsName{Ins::kPskTls13, "PSK TLS 1.3"},
    InsName{Ins::kGetRandom, "GET RANDOM"},
    InsName{Ins::kReadFile, "READ FILE"},
    InsName{Ins::kGenerateKeyPair, "GENERATE KEY PAIR"},
    InsName{Ins::kGetData, "GET DATA"},
    InsName{Ins::kReadPublicKey, "READ PUBLIC KEY"},
    InsName{Ins::kPutPublicKeyUpdate, "PUT PUBLIC KEY UPDATE"},
};
static_assert(std::ranges::is_sorted(kInsNames, {}, &InsName::ins));

/// How a value is put into words.
enum class ValueKind : std::uint8_t {
  kHex,
  kText,
  kNumber,
  kHash,
  kSignatureAlgorithms,
  kKeyAgreement,
  kKeyDerivation,
  kFunctions,
  kKeyType,
  kKeyUsage,
  kFileUsage,
  kState,
  kAccess,
  kMode,
  kCipherMode,
  kTlvs,
  kEcPoint,
  kSecret,
};
/// How the length of a value is coded in commands and responses (spec section 2).
enum class LengthRule : std::uint8_t { kOneByte, kFlexible };

/// One row per tag: what the encoder, the strict and the lenient decoder, `simroot decode` and the documentation know.
struct TagRule {
  Tag tag;
  std::string_view name;
  std::size_t min;  ///< bytes of the value
  std::size_t max;
  LengthRule length;
  ValueKind kind;
};
inline constexpr std::array kTagRules{
    TagRule{Tag::kVersion, "IoT SAFE version", 1, 1, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kProprietaryIdentifier, "applet proprietary identifier", 0, 32, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kFileSize, "file size", 2, 2, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kFileUsage, "file specific usage", 1, 1, LengthRule::kOneByte, ValueKind::kFileUsage},
    TagRule{Tag::kSignature, "signature", 1, 512, LengthRule::kFlexible, ValueKind::kHex},
    TagRule{Tag::kPublicKeyData, "public key data", 1, 600, LengthRule::kFlexible, ValueKind::kTlvs},
    TagRule{Tag::kPublicKeyTemplate, "public key template", 1, 600, LengthRule::kFlexible, ValueKind::kTlvs},
    TagRule{Tag::kObjectState, "object state", 1, 1, LengthRule::kOneByte, ValueKind::kState},
    TagRule{Tag::kKeyType, "key type", 1, 1, LengthRule::kOneByte, ValueKind::kKeyType},
    TagRule{Tag::kKeyUsage, "key specific usage", 1, 1, LengthRule::kOneByte, ValueKind::kKeyUsage},
    TagRule{Tag::kSubject, "subject", 2, 0xFFFF, LengthRule::kFlexible, ValueKind::kHex},
    TagRule{Tag::kAttributes, "attributes", 2, 0xFFFF, LengthRule::kFlexible, ValueKind::kHex},
    TagRule{Tag::kAccessConditions, "object access conditions", 1, 1, LengthRule::kOneByte, ValueKind::kAccess},
    TagRule{Tag::kObjectFunctions, "cryptographic functions", 1, 1, LengthRule::kOneByte, ValueKind::kFunctions},
    TagRule{Tag::kObjectKeyAgreement, "key agreement algorithms", 1, 1, LengthRule::kOneByte, ValueKind::kKeyAgreement},
    TagRule{Tag::kFileLabel, "file label", 0, kMaxLabelSize, LengthRule::kOneByte, ValueKind::kText},
    TagRule{Tag::kPrivateKeyLabel, "private key label", 0, kMaxLabelSize, LengthRule::kOneByte, ValueKind::kText},
    TagRule{Tag::kPublicKeyLabel, "public key label", 0, kMaxLabelSize, LengthRule::kOneByte, ValueKind::kText},
    TagRule{Tag::kSecretKeyLabel, "secret key label", 0, kMaxLabelSize, LengthRule::kOneByte, ValueKind::kText},
    TagRule{Tag::kFileId, "file identifier", 1, kMaxIdSize, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kPrivateKeyId, "private key identifier", 1, kMaxIdSize, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kPublicKeyId, "public key identifier", 1, kMaxIdSize, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kSecretKeyId, "secret key identifier", 1, kMaxIdSize, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kApplicationFunctions, "cryptographic functions (application)", 1, 1, LengthRule::kOneByte,
            ValueKind::kFunctions},
    TagRule{Tag::kHashAlgorithms, "hash algorithms", 2, 2, LengthRule::kOneByte, ValueKind::kHash},
    TagRule{Tag::kSignatureAlgorithms, "signature algorithms", 1, 1, LengthRule::kOneByte,
            ValueKind::kSignatureAlgorithms},
    TagRule{Tag::kApplicationKeyAgreement, "key agreement algorithms (application)", 1, 1, LengthRule::kOneByte,
            ValueKind::kKeyAgreement},
    TagRule{Tag::kKeyDerivation, "key derivation algorithms", 1, 1, LengthRule::kOneByte, ValueKind::kKeyDerivation},
    TagRule{Tag::kLastBlock, "last block to hash", 0, 128, LengthRule::kFlexible, ValueKind::kHex},
    TagRule{Tag::kData, "data", 0, 0xFFFFFF, LengthRule::kFlexible, ValueKind::kHex},
    TagRule{Tag::kIntermediateHash, "intermediate hash", 32, 64, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kHashedByteCount, "number of bytes already hashed", 4, 4, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kFinalHash, "final hash", 1, 64, LengthRule::kFlexible, ValueKind::kHex},
    TagRule{Tag::kMacData, "data for CMAC", 0, 0xFFFF, LengthRule::kFlexible, ValueKind::kHex},
    TagRule{Tag::kModeOfOperation, "mode of operation", 1, 1, LengthRule::kOneByte, ValueKind::kMode},
    TagRule{Tag::kCipherMode, "cipher", 1, 1, LengthRule::kOneByte, ValueKind::kCipherMode},
    TagRule{Tag::kNonce, "nonce", 12, 16, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kAssociatedData, "additional authenticated data", 0, kMaxAssociatedData, LengthRule::kOneByte,
            ValueKind::kHex},
    TagRule{Tag::kAuthenticationTag, "authentication tag", 16, 16, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kMaxFiles, "maximum number of files", 1, 1, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kMaxPrivateKeys, "maximum number of private keys", 1, 1, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kMaxPublicKeys, "maximum number of public keys", 1, 1, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kMaxSecretKeys, "maximum number of secret keys", 1, 1, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kMaxSessions, "maximum number of sessions", 1, 1, LengthRule::kOneByte, ValueKind::kNumber},
    TagRule{Tag::kPrivateKeyInfo, "private key information", 0, 255, LengthRule::kOneByte, ValueKind::kTlvs},
    TagRule{Tag::kPublicKeyInfo, "public key information", 0, 255, LengthRule::kOneByte, ValueKind::kTlvs},
    TagRule{Tag::kFileInfo, "file information", 0, 255, LengthRule::kOneByte, ValueKind::kTlvs},
    TagRule{Tag::kSecretKeyInfo, "secret key information", 0, 255, LengthRule::kOneByte, ValueKind::kTlvs},
    TagRule{Tag::kSecret, "secret", 0, 255, LengthRule::kOneByte, ValueKind::kSecret},
    TagRule{Tag::kLabelAndSeed, "label and seed", 0, 255, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kPseudoRandomLength, "pseudo-random length", 1, 2, LengthRule::kFlexible, ValueKind::kNumber},
    TagRule{Tag::kDhResult, "Diffie-Hellman result", 0, 255, LengthRule::kOneByte, ValueKind::kSecret},
    TagRule{Tag::kSalt, "salt", 0, 255, LengthRule::kOneByte, ValueKind::kHex},
};
static_assert(std::ranges::is_sorted(kTagRules, {}, &TagRule::tag));

/// The row of a tag, or nullptr.
[[nodiscard]] constexpr const TagRule* FindTagRule(std::uint8_t tag) {
  const auto* const row = std::ranges::lower_bound(kTagRules, tag, {}, [](const TagRule& r) { return Code(r.tag); });
  return row != kTagRules.end() && Code(row->tag) == tag ? row : nullptr;
}
/// The name of an instruction, or an empty text.
[[nodiscard]] constexpr std::string_view NameOf(std::uint8_t ins) {
  const auto* const row = std::ranges::lower_bound(kInsNames, ins, {}, [](const InsName& r) { return Code(r.ins); });
  return row != kInsNames.end() && Code(row->ins) == ins ? row->name : std::string_view();
}

}  // namespace simroot::iotsafe
