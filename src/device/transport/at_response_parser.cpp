// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_response_parser.hpp"

#include <array>
#include <span>

#include "common/base/secret.hpp"
#include "common/base/text.hpp"

namespace simroot::device {
namespace {

constexpr std::size_t kMaxErrorText = 80;
constexpr std::size_t kMinIccidDigits = 18;
constexpr std::size_t kMaxIccidDigits = 20;

constexpr std::array<std::string_view, 1> kCsimPrefixes{"+CSIM:"};
constexpr std::array<std::string_view, 1> kCglaPrefixes{"+CGLA:"};
constexpr std::array<std::string_view, 1> kCchoPrefixes{"+CCHO:"};
constexpr std::array<std::string_view, 1> kCrsmPrefixes{"+CRSM:"};
constexpr std::array<std::string_view, 3> kCcidPrefixes{"+CCID:", "+ICCID:", "ICCID:"};
constexpr std::array<std::string_view, 7> kAllPrefixes{
    "+CSIM:", "+CGLA:", "+CCHO:", "+CRSM:", "+CCID:", "+ICCID:", "ICCID:"};

constexpr std::span<const std::string_view> PrefixesOf(AtInformation wanted) {
  switch (wanted) {
    case AtInformation::kNone:
      return {};
    case AtInformation::kCsim:
      return kCsimPrefixes;
    case AtInformation::kCgla:
      return kCglaPrefixes;
    case AtInformation::kCcho:
      return kCchoPrefixes;
    case AtInformation::kCrsm:
      return kCrsmPrefixes;
    case AtInformation::kCcid:
      return kCcidPrefixes;
    case AtInformation::kAny:
      return kAllPrefixes;
  }
  return {};
}

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

constexpr std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpaces = " \t";
  const std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) {
    return {};
  }
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(kSpaces) + 1);
}

/// Takes one pair of quotes off; nothing if there is only one of the two.
constexpr std::optional<std::string_view> Unquote(std::string_view text) {
  const bool opens = text.starts_with('"');
  if (opens != (text.size() > 1 && text.ends_with('"'))) {
    return std::nullopt;
  }
  return opens ? Trim(text.substr(1, text.size() - 2)) : text;
}

/// A decimal number of 1 to 9 digits and nothing else.
constexpr std::optional<unsigned> ParseNumber(std::string_view text) {
  if (text.empty() || text.size() > 9) {
    return std::nullopt;
  }
  unsigned value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) {
      return std::nullopt;
    }
    value = value * 10 + static_cast<unsigned>(c - '0');
  }
  return value;
}

/// Cuts `text` at its first comma: what is before it is returned, what is after it stays.
constexpr std::string_view TakeField(std::string_view& text, bool& had_comma) {
  const std::size_t comma = text.find(',');
  had_comma = comma != std::string_view::npos;
  const std::string_view field = Trim(text.substr(0, comma));
  text = had_comma ? Trim(text.substr(comma + 1)) : std::string_view();
  return field;
}

constexpr Expected<void, AtPayloadError> ReadHex(std::string_view digits, ByteWriter& out) {
  if (digits.size() % 2 != 0) {
    return Unexpected(AtPayloadError::kOddDigits);
  }
  if (!ParseHex(digits, out)) {
    return Unexpected(out.ok() ? AtPayloadError::kNotHex : AtPayloadError::kTooLong);
  }
  return {};
}

void WipeText(std::string& text) {
  Wipe({reinterpret_cast<std::uint8_t*>(text.data()), text.size()});
  text.clear();
}

}  // namespace

AtResponseParser::AtResponseParser() {
  // Never grows beyond this, so no copy of a secret is left behind by a reallocation.
  line_.reserve(kMaxLine);
  information_.reserve(kMaxLine);
}

AtResponseParser::~AtResponseParser() {
  WipeText(line_);
  WipeText(information_);
}

void AtResponseParser::Start(AtInformation wanted) {
  WipeText(line_);
  WipeText(information_);
  error_text_.clear();
  answer_ = AtAnswer{};
  wanted_ = wanted;
  state_ = State::kReading;
  line_too_long_ = false;
  after_line_feed_ = false;
  line_follows_line_feed_ = false;
}

std::size_t AtResponseParser::Feed(std::string_view chunk) {
  std::size_t taken = 0;
  for (const char c : chunk) {
    if (state_ != State::kReading) {
      break;
    }
    TakeCharacter(c);
    ++taken;
  }
  return taken;
}

void AtResponseParser::TakeCharacter(char c) {
  if (c == '\0') {  // noise of a port that has just been powered
    return;
  }
  if (c == '\r' || c == '\n') {
    // The line ends at its first end character: a numeric result code has no other (V.250 6.2.6).
    EndLine();
    WipeText(line_);
    line_too_long_ = false;
    after_line_feed_ = c == '\n';
    return;
  }
  if (line_.empty()) {
    line_follows_line_feed_ = after_line_feed_;
  }
  after_line_feed_ = false;
  if (line_.size() < kMaxLine) {
    line_.push_back(c);
    return;
  }
  line_too_long_ = true;
  if (wanted_ != AtInformation::kAny && InformationIn(Trim(line_))) {
    state_ = State::kTooLong;
  }
}

void AtResponseParser::EndLine() {
  const std::string_view line = Trim(line_);
  if (line.empty() || (!line_too_long_ && TakeFinal(line))) {
    return;
  }
  if (const auto information = InformationIn(line)) {
    // A modem may repeat an old answer before the new one: the last one counts.
    WipeText(information_);
    information_.assign(*information);
    answer_.has_information = true;
    answer_.information = information_;
  }
}

bool AtResponseParser::IsNumericFinal(std::string_view line) const {
  if (line != "0" && line != "4") {
    return false;
  }
  // AT+CCHO may answer with a bare session number. With words as result codes such a line comes after CR LF; numeric
  // result codes come without it, or after the information line.
  return wanted_ != AtInformation::kCcho || answer_.has_information || !line_follows_line_feed_;
}

bool AtResponseParser::TakeFinal(std::string_view line) {
  if (TakeErrorWithCode(line, "+CME ERROR", AtFinal::kCmeError) ||
      TakeErrorWithCode(line, "+CMS ERROR", AtFinal::kCmsError)) {
    return true;
  }
  const bool numeric = IsNumericFinal(line);
  if (line == "OK" || (numeric && line == "0")) {
    answer_.final = AtFinal::kOk;
    answer_.final_line_label = "OK";
  } else if (line == "ERROR" || numeric) {
    answer_.final = AtFinal::kError;
    answer_.final_line_label = "ERROR";
  } else if (line == "NO CARRIER") {
    answer_.final = AtFinal::kNoCarrier;
    answer_.final_line_label = "NO CARRIER";
  } else {
    return false;
  }
  state_ = State::kDone;
  return true;
}

bool AtResponseParser::TakeErrorWithCode(std::string_view line, std::string_view label, AtFinal final) {
  if (!line.starts_with(label)) {
    return false;
  }
  std::string_view rest = Trim(line.substr(label.size()));
  if (!rest.starts_with(':')) {
    return false;
  }
  rest.remove_prefix(1);
  for (const char c : Trim(rest).substr(0, kMaxErrorText)) {  // it will be shown to people
    error_text_.push_back(c >= ' ' && c <= '~' ? c : '?');
  }
  answer_.final = final;
  answer_.final_line_label = label;
  answer_.code = ParseNumber(error_text_);
  answer_.text = error_text_;
  state_ = State::kDone;
  return true;
}

std::optional<std::string_view> AtResponseParser::InformationIn(std::string_view line) const {
  for (const std::string_view prefix : PrefixesOf(wanted_)) {
    if (line.starts_with(prefix)) {
      return Trim(line.substr(prefix.size()));
    }
  }
  if ((wanted_ == AtInformation::kCcho && ParseSession(line)) ||
      (wanted_ == AtInformation::kCcid && ParseIccid(line))) {
    return line;
  }
  return std::nullopt;
}

std::string_view Describe(AtPayloadError error) {
  switch (error) {
    case AtPayloadError::kForm:
      return "does not have the form n,\"HEX\"";
    case AtPayloadError::kLengthMismatch:
      return "announces another number of characters than it has";
    case AtPayloadError::kOddDigits:
      return "has an odd number of hexadecimal digits";
    case AtPayloadError::kNotHex:
      return "is not hexadecimal";
    case AtPayloadError::kTooLong:
      return "is longer than any card's answer";
  }
  return "cannot be understood";
}

Expected<void, AtPayloadError> ParseLengthAndHex(std::string_view information, ByteWriter& out) {
  std::string_view rest = information;
  bool had_comma = false;
  const auto length = ParseNumber(TakeField(rest, had_comma));
  const auto digits = Unquote(rest);
  if (!length || !had_comma || !digits) {
    return Unexpected(AtPayloadError::kForm);
  }
  if (*length != digits->size()) {
    return Unexpected(AtPayloadError::kLengthMismatch);
  }
  return ReadHex(*digits, out);
}

std::optional<int> ParseSession(std::string_view information) {
  const auto number = ParseNumber(information);
  if (!number) {
    return std::nullopt;
  }
  return static_cast<int>(*number);  // 9 digits fit
}

std::optional<std::string> ParseIccid(std::string_view information) {
  const auto unquoted = Unquote(information);
  if (!unquoted) {
    return std::nullopt;
  }
  std::string_view digits = *unquoted;
  while (digits.ends_with('F') || digits.ends_with('f')) {
    digits.remove_suffix(1);
  }
  if (digits.size() < kMinIccidDigits || digits.size() > kMaxIccidDigits || !std::ranges::all_of(digits, IsDigit)) {
    return std::nullopt;
  }
  return std::string(digits);
}

Expected<wire::StatusWord, AtPayloadError> ParseRestrictedAccess(std::string_view information, ByteWriter& out) {
  std::string_view rest = information;
  bool had_comma = false;
  const auto sw1 = ParseNumber(TakeField(rest, had_comma));
  const auto sw2 = ParseNumber(TakeField(rest, had_comma));
  const auto digits = Unquote(rest);
  if (!sw1 || *sw1 > 0xFF || !sw2 || *sw2 > 0xFF || !digits) {
    return Unexpected(AtPayloadError::kForm);
  }
  if (auto read = ReadHex(*digits, out); !read) {
    return Unexpected(read.error());
  }
  return wire::MakeStatusWord(LowByte(*sw1), LowByte(*sw2));
}

}  // namespace simroot::device
