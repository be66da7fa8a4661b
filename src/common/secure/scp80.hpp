// SPDX-License-Identifier: Apache-2.0
/// Secured packets (SCP80; ETSI TS 102 225 and its dialect for short messages, 3GPP TS 31.115): the words of both ends
/// and how their bytes are coded. Nothing here ciphers or checks: scp80_security.hpp does; Scp80Sender and
/// Scp80Receiver are the state machines.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"

namespace simroot::secure {

/// What the check of a packet is (b2b1 of the first byte of SPI; b4b3 of the second for the answer).
enum class Scp80Check : std::uint8_t {
  kNone = 0,
  kRedundancy = 1,  ///< a checksum: finds damage, stops nobody
  kCryptographic = 2,
  kSignature = 3,  ///< defined, used by nobody; refused as unsupported
};
/// What a receiver does with the counter (b5b4 of the first byte of SPI). The order is that of strength.
enum class Scp80CounterRule : std::uint8_t {
  kNone = 0,       ///< the field is there and means nothing
  kUnchecked = 1,  ///< a counter, against which nothing is checked
  kHigher = 2,     ///< must be higher than the last one
  kNext = 3,       ///< must be exactly one higher than the last one
};
/// Whether an answer (proof of receipt) is wanted (b2b1 of the second byte of SPI; 11 is reserved).
enum class Scp80Proof : std::uint8_t { kNever = 0, kAlways = 1, kOnError = 2 };

/// The security parameter indication: what the sender did, and what he wants done with the answer.
struct Spi {
  Scp80Check check = Scp80Check::kNone;
  bool ciphered = false;
  Scp80CounterRule counter = Scp80CounterRule::kNone;
  Scp80Proof proof = Scp80Proof::kNever;
  Scp80Check proof_check = Scp80Check::kNone;
  bool proof_ciphered = false;
  bool proof_by_submit = false;  ///< by a message of its own (SMS-SUBMIT) instead of in the delivery report

  friend bool operator==(const Spi&, const Spi&) = default;
};
/// The first and the second byte of SPI.
[[nodiscard]] std::uint8_t FirstByte(const Spi& spi);
[[nodiscard]] std::uint8_t SecondByte(const Spi& spi);
/// @returns nothing if a reserved bit is set or the proof is the reserved value.
[[nodiscard]] std::optional<Spi> ParseSpi(std::uint8_t first, std::uint8_t second);

/// The algorithm in the low four bits of KIc and KID, as far as anybody uses it.
enum class Scp80Algorithm : std::uint8_t {
  kImplicit = 0x0,     ///< agreed upon elsewhere; refused: both ends say what they mean
  kDes = 0x1,          ///< DES in CBC mode; in KID with a redundancy check CRC-16
  kAes = 0x2,          ///< AES in CBC mode; in KID AES-CMAC
  kProprietary = 0x3,  ///< refused
  kTdes2 = 0x5,        ///< triple DES with two keys; in KID with a redundancy check CRC-32
  kTdes3 = 0x9,        ///< triple DES with three keys
  kDesEcb = 0xD,       ///< DES in ECB mode, KIc only
};
inline constexpr std::uint8_t kCrc16Algorithm = 0x1;
inline constexpr std::uint8_t kCrc32Algorithm = 0x5;

/// Low half of a KIc or KID byte.
[[nodiscard]] constexpr std::uint8_t AlgorithmOf(std::uint8_t key_byte) {
  return LowByte(key_byte & 0x0FU);
}
/// High half of a KIc or KID byte: the version of the key set, 1 to F; 0 means one agreed upon elsewhere.
[[nodiscard]] constexpr std::uint8_t KeyVersionOf(std::uint8_t key_byte) {
  return LowByte(key_byte >> 4U);
}
[[nodiscard]] constexpr std::uint8_t KeyByte(std::uint8_t key_version, Scp80Algorithm algorithm) {
  return LowByte((key_version << 4U) | static_cast<std::uint8_t>(algorithm));
}

inline constexpr std::uint64_t kMaxScp80Counter = 0xFFFFFFFFFF;  ///< 5 bytes; a counter with this value is blocked
inline constexpr std::size_t kTarSize = 3;
inline constexpr std::uint32_t kMaxTar = 0xFFFFFF;

/// What travels around a packet.
enum class Scp80Form : std::uint8_t {
  kSms,      ///< user data of one short message: the header 027000 or 027100, lengths of 2 and 1 bytes
  kSmsPart,  ///< the same without the header, which belongs to a message of several parts; the check of an answer
             ///< counts 027100 in nevertheless
  kStream,   ///< over TCP/IP or CAT_TP: the identifier 01 or 02, lengths coded as in BER
};
inline constexpr std::array<std::uint8_t, 3> kCommandUdh{0x02, 0x70, 0x00};
inline constexpr std::array<std::uint8_t, 3> kResponseUdh{0x02, 0x71, 0x00};
inline constexpr std::uint8_t kCommandPacketId = 0x01;
inline constexpr std::uint8_t kResponsePacketId = 0x02;

/// Longest packet that is built or accepted, bytes: what the longest chain of short messages can carry, and a stream
/// as well.
inline constexpr std::size_t kMaxScp80Packet = 34'170;

/// The clear part of a command's header.
struct Scp80Header {
  Spi spi;
  std::uint8_t kic = 0;   ///< key version and algorithm of the ciphering
  std::uint8_t kid = 0;   ///< key version and algorithm of the check
  std::uint32_t tar = 0;  ///< at most kMaxTar: the application that is meant

  friend bool operator==(const Scp80Header&, const Scp80Header&) = default;
};

/// A command packet cut into its parts; what is ciphered stays so. Views borrow.
struct Scp80CommandPacket {
  Scp80Header header;
  std::size_t check_size = 0;  ///< 0, or 2, 4 or 8
  ByteView clear;              ///< what the check counts in before the counter: identifier and lengths to TAR
  ByteView body;               ///< counter, padding counter, check, data: ciphered as a whole if header.spi says so
};
/// @returns kTruncated, kTrailingBytes, kBadLength for lengths that do not go together, kUnexpectedTag without the
/// header or identifier of `form`, kBadValue for reserved values of SPI.
[[nodiscard]] Expected<Scp80CommandPacket, ParseError> ParseCommandPacket(ByteView bytes, Scp80Form form);

/// A response packet cut into its parts. Views borrow.
struct Scp80ResponsePacket {
  std::uint32_t tar = 0;
  std::size_t check_size = 0;
  ByteView clear;  ///< lengths and TAR, with the identifier of kStream and the header of kSms
  ByteView body;   ///< counter, padding counter, status, check, data: ciphered if the command's SPI asked for that
};
/// Errors as above.
[[nodiscard]] Expected<Scp80ResponsePacket, ParseError> ParseResponsePacket(ByteView bytes, Scp80Form form);

/// Status of a response packet (TS 102 225 5.2). Any other value may come from a card.
enum class Scp80Status : std::uint8_t {
  kOk = 0x00,
  kCheckFailed = 0x01,
  kCounterLow = 0x02,
  kCounterHigh = 0x03,
  kCounterBlocked = 0x04,
  kCipheringError = 0x05,
  kUnidentifiedError = 0x06,
  kNoMemory = 0x07,
  kMoreTime = 0x08,
  kTarUnknown = 0x09,
  kTooLittleSecurity = 0x0A,
  kDataBySubmit = 0x0B,  ///< the answer itself follows in an SMS-SUBMIT
  kDataByUssd = 0x0C,
};
/// "counter is low". "unknown status" for others.
[[nodiscard]] std::string_view Describe(Scp80Status status);

}  // namespace simroot::secure
