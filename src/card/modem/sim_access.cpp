// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "card/modem/command_table.hpp"
#include "card/modem/hex_argument.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

constexpr std::size_t kMaxAid = 16;     // ISO/IEC 7816-5
constexpr std::size_t kHeaderSize = 4;  // what every APDU has

/// Reads `<length>,<command>` to the end of the arguments: the length counts hexadecimal digits (27.007 8.17).
Expected<void, CmeError> ReadApdu(AtArguments& arguments, ByteWriter& out) {
  const auto length = arguments.Next();
  const auto command = arguments.Next();
  if (!length || !command || !arguments.done() || length->Number() != command->text.size()) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  SR_TRY_VOID(ReadHexArgument(*command, out));
  if (out.size() < kHeaderSize) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  return {};
}

/// `+CSIM: 4,"9000"`. A status word that is an error is an answer too: wolfSSL never leaves a loop after ERROR.
void PutResponse(AtContext& modem, std::string_view name, ByteView response) {
  const std::string hex = ToHex(response);
  const std::string_view quote = modem.config.unquoted_answers ? "" : "\"";
  std::string line(name);
  line.append(": ").append(std::to_string(hex.size())).append(",").append(quote).append(hex).append(quote);
  modem.PutInformation(line);
}

void RunApdu(AtContext& modem, std::string_view name, ByteView command) {
  PutResponse(modem, name,
              modem.config.automatic_get_response ? modem.sim.TransmitAndFetch(command) : modem.sim.Transmit(command));
}

/// The only argument of a command, a session number.
std::optional<std::uint32_t> ReadSession(AtArguments& arguments) {
  return arguments.Next().value_or(AtArgument{}).Number();
}

}  // namespace

AtResult HandleGenericAccess(AtContext& modem, const AtCommand& command) {
  AtArguments arguments(command.arguments);
  std::array<std::uint8_t, wire::kMaxCommand> apdu{};
  ByteWriter writer(apdu);
  if (const auto read = ReadApdu(arguments, writer); !read) {
    return AtFailure(read.error());
  }
  RunApdu(modem, command.name, writer.written());
  return kAtOk;
}

AtResult HandleOpenSession(AtContext& modem, const AtCommand& command) {
  AtArguments arguments(command.arguments);
  const AtArgument name = arguments.Next().value_or(AtArgument{});
  std::array<std::uint8_t, kMaxAid> aid{};
  ByteWriter writer(aid);
  if (const auto read = ReadHexArgument(name, writer); !read) {
    return AtFailure(read.error());
  }
  if (!arguments.done() || writer.size() == 0) {
    return AtFailure(CmeError::kIncorrectParameters);
  }
  const auto session = modem.sim.OpenSession(writer.written());
  if (!session) {
    return AtFailure(session.error());
  }
  modem.PutInformation("+CCHO: " + std::to_string(*session));
  return kAtOk;
}

AtResult HandleSessionAccess(AtContext& modem, const AtCommand& command) {
  AtArguments arguments(command.arguments);
  const auto session = ReadSession(arguments);
  std::array<std::uint8_t, wire::kMaxCommand> apdu{};
  ByteWriter writer(apdu);
  if (const auto read = ReadApdu(arguments, writer); !read) {
    return AtFailure(read.error());
  }
  if (!session) {
    return AtFailure(CmeError::kIncorrectParameters);
  }
  if (!modem.sim.HasSession(*session)) {
    return AtFailure(CmeError::kInvalidIndex);
  }
  // The session's channel replaces whatever channel the application wrote. Classes 4X and CX name channels 4 to 19 in
  // another coding, which would lead out of the session.
  std::uint8_t& cla = apdu.front();
  if ((cla & 0x40U) != 0) {
    return AtFailure(CmeError::kIncorrectParameters);
  }
  cla = LowByte((cla & 0xFCU) | *session);
  RunApdu(modem, command.name, writer.written());
  return kAtOk;
}

AtResult HandleCloseSession(AtContext& modem, const AtCommand& command) {
  AtArguments arguments(command.arguments);
  const auto session = ReadSession(arguments);
  if (!session || !arguments.done()) {
    return AtFailure(CmeError::kIncorrectParameters);
  }
  if (const auto closed = modem.sim.CloseSession(*session); !closed) {
    return AtFailure(closed.error());
  }
  return kAtOk;
}

}  // namespace simroot::card
