// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <optional>

#include "card/modem/command_table.hpp"

namespace simroot::card {
namespace {

/// The number of a basic command; left out it is 0 (V.250 5.3.1). Nothing if it is above `highest`.
std::optional<std::uint32_t> BasicNumber(const AtCommand& command, std::uint32_t highest) {
  if (command.arguments.empty()) {
    return 0;
  }
  const auto number = AtArgument{command.arguments}.Number();
  return number && *number <= highest ? number : std::nullopt;
}

AtResult SetSwitch(bool& setting, const AtCommand& command) {
  const auto number = BasicNumber(command, 1);
  if (!number) {
    return kAtError;
  }
  setting = *number == 1;
  return kAtOk;
}

struct Parameter {
  std::string_view number;
  std::string_view value;  ///< three digits, as V.250 5.3.2 answers
};

constexpr std::array kParameters{
    Parameter{"3", "013"},  // command line termination character
    Parameter{"4", "010"},  // response formatting character
    Parameter{"5", "008"},  // command line editing character
};
static_assert(kCarriageReturn == 13 && kLineFeed == 10 && kBackspace == 8);

}  // namespace

AtResult HandleEcho(AtContext& modem, const AtCommand& command) {
  return SetSwitch(modem.settings.echo, command);
}

AtResult HandleQuiet(AtContext& modem, const AtCommand& command) {
  return SetSwitch(modem.settings.quiet, command);
}

AtResult HandleVerbose(AtContext& modem, const AtCommand& command) {
  return SetSwitch(modem.settings.verbose, command);
}

AtResult HandleRestore(AtContext& modem, const AtCommand& command) {
  if (!BasicNumber(command, 0)) {  // there is one profile, the factory's
    return kAtError;
  }
  modem.RestoreSettings();
  return kAtOk;
}

AtResult HandleInformation(AtContext& modem, const AtCommand& command) {
  if (!BasicNumber(command, 0)) {
    return kAtError;
  }
  modem.PutInformation(modem.identity.manufacturer);
  modem.PutInformation(modem.identity.model);
  modem.PutInformation("Revision: " + modem.identity.revision);
  return kAtOk;
}

// The three characters are fixed: they can be read, and set to the value they have.
AtResult HandleParameter(AtContext& modem, const AtCommand& command) {
  const std::size_t end = command.arguments.find_first_of("=?");
  if (end == std::string_view::npos) {
    return kAtError;
  }
  const std::string_view number = command.arguments.substr(0, end);
  const std::string_view wanted = command.arguments.substr(end);
  const auto* const parameter = std::ranges::find(kParameters, number, &Parameter::number);
  if (parameter == kParameters.end()) {
    return kAtError;
  }
  if (wanted == "?") {
    modem.PutInformation(parameter->value);
    return kAtOk;
  }
  if (!wanted.starts_with('=')) {
    return kAtError;
  }
  const auto value = AtArgument{wanted.substr(1)}.Number();
  return value && value == AtArgument{parameter->value}.Number() ? kAtOk : kAtError;
}

AtResult HandleErrorLevel(AtContext& modem, const AtCommand& command) {
  if (command.form == AtForm::kRead) {
    modem.PutInformation("+CMEE: " + std::to_string(modem.settings.cme_level));
    return kAtOk;
  }
  AtArguments arguments(command.arguments);
  const auto level = arguments.Next().value_or(AtArgument{}).Number();
  if (!level || *level > 2 || !arguments.done()) {
    return AtFailure(CmeError::kIncorrectParameters);
  }
  modem.settings.cme_level = *level;
  return kAtOk;
}

}  // namespace simroot::card
