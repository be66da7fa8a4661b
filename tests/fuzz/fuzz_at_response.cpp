// SPDX-License-Identifier: Apache-2.0
// The answer parser of the AT transport. Input: one byte for the information line waited for, one for the size of the
// pieces, then what the modem sends.
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/check.hpp"
#include "common/host/hex.hpp"
#include "device/transport/at_response_parser.hpp"

namespace simroot::device {
namespace {

struct Outcome {
  AtResponseParser::State state = AtResponseParser::State::kReading;
  std::size_t taken = 0;
  AtFinal final = AtFinal::kOk;
  std::optional<std::string> information;
  std::optional<unsigned> code;
  std::string text;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome Parse(AtInformation wanted, std::string_view text, std::size_t piece) {
  AtResponseParser parser;
  parser.Start(wanted);
  Outcome outcome;
  while (!text.empty() && parser.state() == AtResponseParser::State::kReading) {
    const std::string_view part = text.substr(0, piece);
    const std::size_t count = parser.Feed(part);
    SR_CHECK(count == part.size() || parser.state() != AtResponseParser::State::kReading);
    outcome.taken += count;
    text.remove_prefix(count);
  }
  SR_CHECK(parser.state() == AtResponseParser::State::kReading || parser.Feed("OK\r\n") == 0);
  outcome.state = parser.state();
  if (outcome.state == AtResponseParser::State::kDone) {
    const AtAnswer& answer = parser.answer();
    SR_CHECK(answer.information.size() <= AtResponseParser::kMaxLine);
    SR_CHECK(answer.has_information || answer.information.empty());
    outcome.final = answer.final;
    outcome.code = answer.code;
    outcome.text = answer.text;
    if (answer.has_information) {
      outcome.information = std::string(answer.information);
    }
  }
  return outcome;
}

void ParsePayload(std::string_view information) {
  std::array<std::uint8_t, 16> memory{};
  ByteWriter hex(memory);
  if (ParseLengthAndHex(information, hex)) {
    SR_CHECK(hex.ok());
  }
  ByteWriter restricted(memory);
  if (ParseRestrictedAccess(information, restricted)) {
    SR_CHECK(restricted.ok());
  }
  const auto session = ParseSession(information);
  SR_CHECK(!session || *session >= 0);
  const auto iccid = ParseIccid(information);
  SR_CHECK(!iccid || (iccid->size() >= 18 && iccid->size() <= 20));
}

}  // namespace
}  // namespace simroot::device

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using simroot::device::AtInformation;
  simroot::ByteReader reader({data, size});
  std::uint8_t kind = 0;
  std::uint8_t piece = 0;
  if (!reader.ReadU8(kind) || !reader.ReadU8(piece)) {
    return 0;
  }
  constexpr unsigned kKinds = static_cast<unsigned>(AtInformation::kAny) + 1;
  const auto wanted = static_cast<AtInformation>(kind % kKinds);
  const std::string_view text = simroot::AsText(reader.rest());
  const auto whole = simroot::device::Parse(wanted, text, text.size() + 1);
  SR_CHECK(whole == simroot::device::Parse(wanted, text, 1));
  SR_CHECK(whole == simroot::device::Parse(wanted, text, piece + 1U));
  simroot::device::ParsePayload(whole.information.value_or(std::string(text)));
  return 0;
}
