// SPDX-License-Identifier: Apache-2.0
/// What a modem sends after one command line (ITU-T V.250, 3GPP TS 27.007), understood without waiting for silence.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/status_word.hpp"

namespace simroot::device {

/// The information line that belongs to the command sent; every other line that is no final result code is unsolicited
/// or echo, and skipped.
enum class AtInformation : std::uint8_t {
  kNone,  ///< the command has none: AT, AT+CCHC
  kCsim,  ///< +CSIM: n,"HEX"
  kCgla,  ///< +CGLA: n,"HEX"
  kCcho,  ///< +CCHO: session, or the bare number
  kCcid,  ///< +CCID: digits, +ICCID: digits, ICCID: digits, or the bare digits
  kCrsm,  ///< +CRSM: sw1,sw2[,"HEX"]
  kAny,   ///< any of those with a prefix: shows that a final result code belongs to an earlier command
};

/// How the modem ended the command.
enum class AtFinal : std::uint8_t {
  kOk,         ///< OK, or 0 with numeric result codes (ATV0)
  kError,      ///< ERROR, or 4 with numeric result codes
  kCmeError,   ///< +CME ERROR: the equipment or the SIM
  kCmsError,   ///< +CMS ERROR: the message service
  kNoCarrier,  ///< NO CARRIER
};

/// One whole answer. Views are borrowed from the parser until its next Start.
struct AtAnswer {
  AtFinal final = AtFinal::kOk;
  bool has_information = false;
  std::string_view information;       ///< the last information line, without prefix and outer spaces
  std::optional<unsigned> code;       ///< of +CME ERROR and +CMS ERROR, where the modem gives the number
  std::string_view text;              ///< what follows "ERROR:", number or words, 80 characters at most
  std::string_view final_line_label;  ///< "OK", "ERROR", "+CME ERROR", "+CMS ERROR", "NO CARRIER"
};

/// Takes an answer in pieces of any size and stops right after the line of the final result code. Memory is bounded by
/// kMaxLine whatever arrives. Pure: no port, no clock.
class AtResponseParser {
 public:
  /// Longest line that is kept: a +CSIM line with the longest response, and room for prefix, length and quotes.
  static constexpr std::size_t kMaxLine = 2 * wire::kMaxResponse + 40;

  enum class State : std::uint8_t {
    kReading,  ///< no final result code yet
    kDone,     ///< answer() is complete
    kTooLong,  ///< the information line is longer than any card's answer; where it ends is unknown
  };

  AtResponseParser();
  AtResponseParser(const AtResponseParser&) = delete;
  AtResponseParser& operator=(const AtResponseParser&) = delete;
  /// Wipes: an answer may be a shared secret.
  ~AtResponseParser();

  /// Forgets everything, wipes it, and waits for the answer to a command with this information line.
  void Start(AtInformation wanted);

  /// Takes characters until the end of the final result code, or all of them.
  /// @returns how many were taken; what is behind them has not been looked at.
  [[nodiscard]] std::size_t Feed(std::string_view chunk);

  [[nodiscard]] State state() const { return state_; }
  /// Only in state kDone.
  [[nodiscard]] const AtAnswer& answer() const { return answer_; }

 private:
  void TakeCharacter(char c);
  void EndLine();
  [[nodiscard]] bool TakeFinal(std::string_view line);
  [[nodiscard]] bool TakeErrorWithCode(std::string_view line, std::string_view label, AtFinal final);
  [[nodiscard]] bool IsNumericFinal(std::string_view line) const;
  [[nodiscard]] std::optional<std::string_view> InformationIn(std::string_view line) const;

  AtInformation wanted_ = AtInformation::kNone;
  State state_ = State::kReading;
  std::string line_;         // the line being received, kMaxLine characters at most
  std::string information_;  // keeps answer_.information
  std::string error_text_;   // keeps answer_.text
  bool line_too_long_ = false;
  bool after_line_feed_ = false;         // the character before the next one was a line feed
  bool line_follows_line_feed_ = false;  // the same, when the current line began
  AtAnswer answer_;
};

/// Why the text of an information line is not the answer it should be.
enum class AtPayloadError : std::uint8_t {
  kForm,            ///< not `n,"HEX"`
  kLengthMismatch,  ///< n is not the number of characters that follow
  kOddDigits,       ///< half a byte
  kNotHex,          ///< another character between the digits
  kTooLong,         ///< more bytes than `out` takes
};

/// In words, to follow "the answer ...".
[[nodiscard]] std::string_view Describe(AtPayloadError error);

/// Reads `n,"HEX"` of +CSIM and +CGLA into `out`; the quotes and spaces around the parts are optional. n counts
/// hexadecimal characters (3GPP TS 27.007 8.17). On failure `out` may be partly written.
[[nodiscard]] Expected<void, AtPayloadError> ParseLengthAndHex(std::string_view information, ByteWriter& out);

/// The session number of +CCHO (3GPP TS 27.007 8.45): decimal, 1 to 9 digits.
[[nodiscard]] std::optional<int> ParseSession(std::string_view information);

/// The 18 to 20 digits of an ICCID as modems print them: quoted or not, possibly padded with F.
[[nodiscard]] std::optional<std::string> ParseIccid(std::string_view information);

/// Reads `sw1,sw2[,"HEX"]` of +CRSM (3GPP TS 27.007 8.18).
[[nodiscard]] Expected<wire::StatusWord, AtPayloadError> ParseRestrictedAccess(std::string_view information,
                                                                               ByteWriter& out);

}  // namespace simroot::device
