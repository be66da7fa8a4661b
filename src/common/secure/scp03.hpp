// SPDX-License-Identifier: Apache-2.0
/// Secure Channel Protocol 03 (GlobalPlatform Card Specification Amendment D): what both ends have in common. Keys are
/// AES keys of 16, 24 or 32 bytes; the channel carries short APDUs only.
#pragma once

#include <optional>

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/crypto/port.hpp"

namespace simroot::secure {

inline constexpr std::uint8_t kScp03 = 0x03;  ///< the protocol's number in key information
inline constexpr std::size_t kMaxAesKeySize = 32;
inline constexpr std::size_t kFullMacSize = crypto::kAesBlockSize;  ///< of which the first 8 or 16 bytes travel
inline constexpr std::size_t kDiversificationSize = 10;
inline constexpr std::size_t kKeyCheckValueSize = 3;
inline constexpr std::size_t kSequenceSize = 3;
inline constexpr std::uint32_t kMaxSequence = 0xFFFFFF;
/// Most bytes of a plain answer: enciphered and with its check it fits the 256 bytes of a short APDU, S8 and S16.
inline constexpr std::size_t kMaxPlainResponse = 239;
/// Most bytes of a plain command's data that fit a short APDU in every level, S8 (with S16 one block less).
inline constexpr std::size_t kMaxPlainCommand = 239;
/// A session ends after so many commands: its counter never wraps.
inline constexpr std::uint32_t kMaxSessionCommands = 0xFFFF;

inline constexpr std::uint8_t kInitializeUpdateIns = 0x50;
inline constexpr std::uint8_t kExternalAuthenticateIns = 0x82;
inline constexpr std::uint8_t kProprietaryClass = 0x80;
inline constexpr std::uint8_t kSecureMessagingBit = 0x04;  ///< of the class byte

/// True for a class byte that announces secure messaging of GlobalPlatform, on any of the channels 0 to 3.
[[nodiscard]] constexpr bool IsSecureClass(std::uint8_t cla) {
  return (cla & 0x7CU) == kSecureMessagingBit;
}

/// Security level, P1 of EXTERNAL AUTHENTICATE. No other combination of the bits exists.
enum class SecurityLevel : std::uint8_t {
  kCMac = 0x01,          ///< commands carry a check
  kCMacCDec = 0x03,      ///< and are enciphered
  kCMacRMac = 0x11,      ///< commands and answers carry a check
  kCMacCDecRMac = 0x13,  ///< and commands are enciphered
  kFull = 0x33,          ///< everything carries a check and is enciphered
};
[[nodiscard]] std::optional<SecurityLevel> SecurityLevelOf(std::uint8_t p1);
[[nodiscard]] constexpr bool EnciphersCommands(SecurityLevel level) {
  return (static_cast<unsigned>(level) & 0x02U) != 0;
}
[[nodiscard]] constexpr bool ChecksResponses(SecurityLevel level) {
  return (static_cast<unsigned>(level) & 0x10U) != 0;
}
[[nodiscard]] constexpr bool EnciphersResponses(SecurityLevel level) {
  return (static_cast<unsigned>(level) & 0x20U) != 0;
}

/// Bits of the parameter i.
enum class Scp03Option : std::uint8_t {
  kS16 = 0x01,           ///< challenges, cryptograms and checks have 16 bytes instead of 8
  kPseudoRandom = 0x10,  ///< the card's challenge comes from its sequence counter
  kRMac = 0x20,
  kREnc = 0x40,
};
[[nodiscard]] constexpr bool Has(std::uint8_t i, Scp03Option option) {
  return (i & static_cast<unsigned>(option)) != 0;
}
/// Bytes of challenges, cryptograms and checks under the parameter `i`.
[[nodiscard]] constexpr std::size_t MacSize(std::uint8_t i) {
  return Has(i, Scp03Option::kS16) ? 16 : 8;
}

/// Why a secured session refused something. What the card answers does not depend on it.
enum class Scp03Error : std::uint8_t {
  kState,         ///< not the time for this call: nothing begun, not authenticated, or ended
  kLength,        ///< too long for a short APDU or for the memory given
  kMalformed,     ///< not understood: lengths, class byte, level
  kUnsupported,   ///< the card offers another protocol, or not what the level needs
  kNotAuthentic,  ///< cryptogram, check or padding is wrong
  kExhausted,     ///< the session has carried kMaxSessionCommands commands
  kCrypto,        ///< the crypto backend failed
};

/// The static keys that a session is derived from; borrowed. The data encryption key is no part of the channel.
struct Scp03Keys {
  ByteView enc;
  ByteView mac;
};

/// The answer to INITIALIZE UPDATE. Views borrow.
struct InitializeUpdateAnswer {
  ByteView diversification;  ///< kDiversificationSize bytes
  std::uint8_t key_version = 0;
  std::uint8_t i = 0;
  ByteView card_challenge;                ///< MacSize(i) bytes
  ByteView card_cryptogram;               ///< MacSize(i) bytes
  std::optional<std::uint32_t> sequence;  ///< present exactly if i says pseudo-random; at most kMaxSequence
};
/// Writes the answer; 29, 32, 45 or 48 bytes.
void PutInitializeUpdateAnswer(const InitializeUpdateAnswer& answer, ByteWriter& out);
/// Borrows from `bytes`. @returns kTruncated or kTrailingBytes for lengths that do not go with i, kBadValue for another
/// protocol than SCP03.
[[nodiscard]] Expected<InitializeUpdateAnswer, ParseError> ParseInitializeUpdateAnswer(ByteView bytes);

/// What is derived from a key (Amendment D, 4.1.5).
enum class Derivation : std::uint8_t {
  kCardCryptogram = 0x00,
  kHostCryptogram = 0x01,
  kCardChallenge = 0x02,
  kSessionEnc = 0x04,
  kSessionMac = 0x06,
  kSessionRMac = 0x07,
};

/// The key derivation function: AES-CMAC in counter mode (SP 800-108). `context` is `first` followed by `second`.
/// @param out 1 to 32 bytes. False if the backend fails.
[[nodiscard]] bool Derive(crypto::Crypto& crypto, ByteView key, Derivation what, ByteView first, ByteView second,
                          ByteSpan out);

/// The card's pseudo-random challenge from its key ENC, its sequence counter (at most kMaxSequence) and the AID of the
/// security domain. @param challenge 8 or 16 bytes.
[[nodiscard]] bool MakeCardChallenge(crypto::Crypto& crypto, ByteView enc, std::uint32_t sequence, ByteView aid,
                                     ByteSpan challenge);

/// The first three bytes of the enciphered block 01 01 .. 01. Nothing if the key has another length than an AES key.
[[nodiscard]] std::optional<std::array<std::uint8_t, kKeyCheckValueSize>> KeyCheckValue(crypto::Crypto& crypto,
                                                                                        ByteView key);

/// True for the three lengths of AES keys.
[[nodiscard]] constexpr bool IsAesKeySize(std::size_t size) {
  return size == 16 || size == 24 || size == 32;
}

}  // namespace simroot::secure
