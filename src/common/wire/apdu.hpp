// SPDX-License-Identifier: Apache-2.0
/// Command and response APDUs of ISO/IEC 7816-4, short and extended.
#pragma once

#include <optional>

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::wire {

/// Longest short command: header 4, Lc 1, data 255, Le 1.
inline constexpr std::size_t kMaxShortCommand = 261;
/// Longest short response: 256 bytes and the status word.
inline constexpr std::size_t kMaxShortResponse = 258;
/// Longest command and response buffers a host keeps: extended lengths up to what the applet accepts
/// (kMaxExtendedData).
inline constexpr std::size_t kMaxExtendedData = 4096;
inline constexpr std::size_t kMaxCommand = 4 + 3 + kMaxExtendedData + 2;
inline constexpr std::size_t kMaxResponse = kMaxExtendedData + 2;

/// The four cases of ISO/IEC 7816-4: which of Lc+data and Le are present.
enum class ApduCase : std::uint8_t { k1, k2, k3, k4 };

/// A command in its parts. `data` borrows.
struct CommandApdu {
  std::uint8_t cla = 0;
  std::uint8_t ins = 0;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
  ByteView data;                  ///< 0 to 255 bytes short, to kMaxExtendedData extended
  std::optional<std::size_t> le;  ///< expected length 1 to 256 (short) or to 65536 (extended); absent in cases 1 and 3
  bool extended = false;          ///< lengths are coded in three bytes

  [[nodiscard]] constexpr ApduCase Case() const {
    if (data.empty()) {
      return le ? ApduCase::k2 : ApduCase::k1;
    }
    return le ? ApduCase::k4 : ApduCase::k3;
  }
};

/// How bytes after Lc and data are judged.
enum class ApduStrictness : std::uint8_t {
  kExact,         ///< only Le may follow
  kIgnoreExcess,  ///< what a T=0 card does: with Lc present it reads Lc bytes and never sees the rest (Orange's library
                  ///< sends one 00 too many before Le). The last excess byte is taken as Le.
};

/// Reads a short or extended command. The result borrows from `bytes`.
/// @returns kTruncated: fewer than 4 bytes, or fewer data bytes than Lc. kBadLength: lengths that fit no case.
[[nodiscard]] Expected<CommandApdu, ParseError> ParseCommand(ByteView bytes, ApduStrictness strictness);

/// Writes `command`; extended coding is used when `extended` is set or a length needs it. Check `out.ok()`.
void PutCommand(const CommandApdu& command, ByteWriter& out);

/// A response in its parts. `data` borrows.
struct ResponseApdu {
  ByteView data;
  StatusWord sw = StatusWord::kOtherError;
};

/// Splits data from status word. @returns kTruncated for fewer than 2 bytes.
[[nodiscard]] Expected<ResponseApdu, ParseError> ParseResponse(ByteView bytes);

/// The logical channel 0 to 3 named by a class byte of the forms 0X and 8X (ISO/IEC 7816-4, first interindustry coding
/// and the proprietary one); nothing for 4X, CX and the rest.
[[nodiscard]] constexpr std::optional<std::uint8_t> ChannelOfClass(std::uint8_t cla) {
  if ((cla & 0x7CU) != 0) {
    return std::nullopt;
  }
  return LowByte(cla & 0x03U);
}

}  // namespace simroot::wire
