// SPDX-License-Identifier: Apache-2.0
#include "device/transport/at_errors.hpp"

#include <algorithm>
#include <array>

namespace simroot::device {
namespace {

/// +CME ERROR of 3GPP TS 27.007 9.2.1 that can come from the commands used here, with what to do.
struct CmeError {
  unsigned code;
  std::string_view words;
  bool sim_trouble;
  std::string_view next_step;
};
constexpr std::string_view kEnterPin = "enter the PIN, or switch the PIN request off";
constexpr std::array kCmeErrors{
    CmeError{3, "operation not allowed", false, "try another mode: mode=csim or mode=cgla"},
    CmeError{4, "operation not supported", false, "try another mode: mode=csim or mode=cgla"},
    CmeError{5, "PH-SIM PIN required", true, kEnterPin},
    CmeError{6, "PH-FSIM PIN required", true, kEnterPin},
    CmeError{7, "PH-FSIM PUK required", true, "enter the PUK"},
    CmeError{10, "SIM not inserted", true, "insert the SIM, and check that the modem uses this slot"},
    CmeError{11, "SIM PIN required", true, kEnterPin},
    CmeError{12, "SIM PUK required", true, "enter the PUK"},
    CmeError{13, "SIM failure", true, "take the SIM out and in again, or restart the modem"},
    CmeError{14, "SIM busy", true, "repeat when the modem has started"},
    CmeError{15, "SIM wrong", true, "insert a SIM that this modem accepts"},
    CmeError{16, "incorrect password", true, "check the PIN"},
    CmeError{17, "SIM PIN2 required", true, "enter PIN2"},
    CmeError{18, "SIM PUK2 required", true, "enter PUK2"},
    CmeError{20, "memory full", false, "close other programs that use the card"},
    CmeError{22, "not found", false, "check the AID, and that the applet is installed"},
    CmeError{50, "incorrect parameters", false, "try another mode: mode=csim or mode=cgla"},
    CmeError{100, "unknown", false, "restart the modem"},
};

bool SameWords(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// The row of the table for a +CME ERROR, given as a number (AT+CMEE=1) or in words (AT+CMEE=2).
const CmeError* RowOf(const AtAnswer& answer) {
  if (answer.final != AtFinal::kCmeError) {
    return nullptr;
  }
  const auto* const row = std::ranges::find_if(kCmeErrors, [&answer](const CmeError& error) {
    return answer.code ? error.code == *answer.code : SameWords(error.words, answer.text);
  });
  return row == kCmeErrors.end() ? nullptr : row;
}

}  // namespace

bool IsSimTrouble(const AtAnswer& answer) {
  const CmeError* const row = RowOf(answer);
  return row != nullptr && row->sim_trouble;
}

bool IsNotFound(const AtAnswer& answer) {
  constexpr unsigned kNotFound = 22;
  const CmeError* const row = RowOf(answer);
  return row != nullptr && row->code == kNotFound;
}

bool IsFull(const AtAnswer& answer) {
  constexpr unsigned kMemoryFull = 20;
  const CmeError* const row = RowOf(answer);
  return row != nullptr && row->code == kMemoryFull;
}

std::string AnswerText(const AtAnswer& answer) {
  std::string text(answer.final_line_label);
  if (answer.text.empty()) {
    return text;
  }
  text.append(" ").append(answer.text);
  if (const CmeError* const row = RowOf(answer); row != nullptr && answer.code) {
    text.append(", ").append(row->words);
  }
  return text;
}

tl::unexpected<Error> AtRefusal(const std::string& port, const std::string& verb, const AtAnswer& answer) {
  const CmeError* const row = RowOf(answer);
  const std::string_view next_step =
      row == nullptr ? "check that the SIM is ready and that the modem has the command, or try another mode"
                     : row->next_step;
  return Fail(ErrorDomain::kTransport, port + " refused " + verb + " with " + AnswerText(answer),
              std::string(next_step));
}

}  // namespace simroot::device
