// SPDX-License-Identifier: Apache-2.0
/// The words of our services beyond IoT.05 v1 (docs/formats/extensions.md).
#pragma once

#include <string_view>

#include "common/iotsafe/vocabulary.hpp"

namespace simroot::iotsafe {

/// What a card of ours offers beyond IoT.05, a bit field in its proprietary identifier (SimrootIdentifier).
enum class Extension : std::uint16_t {
  kHash = 0x0001,
  kAesCbc = 0x0002,
  kAesCtr = 0x0004,
  kAesGcm = 0x0008,
  kCmac = 0x0010,
  kRsaOaep = 0x0020,
  kCsr = 0x0040,
  kLocalWrite = 0x0080,  ///< WRITE FILE and DELETE OBJECT by the device
  kP384 = 0x0100,
  kPskTls13 = 0x0200,   ///< PSK TLS 1.3: binder and handshake secret, no early secret
  kPrfSha384 = 0x0400,  ///< COMPUTE PRF with SHA-384 for stored secrets
};

/// How ENCRYPT and DECRYPT work, tag A2.
enum class CipherMode : std::uint8_t {
  kCbc = 0x01,   ///< AES-CBC, PKCS#7 padding
  kCtr = 0x02,   ///< AES-CTR
  kGcm = 0x03,   ///< AES-GCM
  kOaep = 0x04,  ///< RSAES-OAEP with a key pair; DECRYPT only
};

/// One row per mode, in the order of their numbers.
struct CipherModeRow {
  CipherMode mode;
  std::string_view name;   ///< as the command line writes it
  std::size_t nonce_size;  ///< bytes of tag A3; 0: none
  std::size_t tag_size;    ///< bytes of tag A5; 0: none
  Extension announced_as;
};
inline constexpr std::array kCipherModes{
    CipherModeRow{CipherMode::kCbc, "cbc", 16, 0, Extension::kAesCbc},
    CipherModeRow{CipherMode::kCtr, "ctr", 16, 0, Extension::kAesCtr},
    CipherModeRow{CipherMode::kGcm, "gcm", 12, 16, Extension::kAesGcm},
    CipherModeRow{CipherMode::kOaep, "oaep", 0, 0, Extension::kRsaOaep},
};
/// The row of a value of tag A2, or nullptr.
[[nodiscard]] constexpr const CipherModeRow* FindCipherMode(std::uint8_t value) {
  const auto* const row = std::ranges::find(kCipherModes, static_cast<CipherMode>(value), &CipherModeRow::mode);
  return row == kCipherModes.end() ? nullptr : row;
}

/// Bytes of one piece that client and card exchange in ENCRYPT, DECRYPT and HASH: whole blocks, and with the
/// authentication tag of GCM the answer fits one short response.
inline constexpr std::size_t kCipherPieceSize = 224;

/// What PSK TLS 1.3 answers with, its P1.
enum class PskStep : std::uint8_t {
  kBinder = 0x01,           ///< the binder of a ClientHello (RFC 8446 4.2.11.2)
  kHandshakeSecret = 0x02,  ///< the handshake secret of one key exchange (RFC 8446 7.1)
};

/// P1 of HASH, besides 80 for the last command.
inline constexpr std::uint8_t kHashBegins = 0x40;  ///< a new text begins; one that was running is forgotten

}  // namespace simroot::iotsafe
