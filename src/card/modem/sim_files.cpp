// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "card/modem/command_table.hpp"
#include "card/modem/hex_argument.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

/// The values of <command> that read; 27.007 8.18.
enum class FileCommand : std::uint8_t { kReadBinary = 176, kReadRecord = 178, kGetResponse = 192, kStatus = 242 };

constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kStatusClass = 0x80;  // ETSI TS 102 221 11.1.2
constexpr std::uint8_t kByFileId = 0x00;
constexpr std::uint8_t kByAid = 0x04;
constexpr std::uint8_t kFromMasterFile = 0x08;
constexpr std::uint8_t kFromCurrentDirectory = 0x09;
constexpr std::uint8_t kReturnFcp = 0x04;
constexpr std::uint8_t kReturnNothing = 0x0C;

constexpr std::array<std::uint8_t, 2> kMasterFile{0x3F, 0x00};
constexpr std::array<std::uint8_t, 2> kActiveApplication{0x7F, 0xFF};
/// The 3GPP RID and the USIM's application code (ETSI TS 101 220): the beginning of every USIM's AID.
constexpr std::array<std::uint8_t, 7> kUsimAid{0xA0, 0x00, 0x00, 0x00, 0x87, 0x10, 0x02};

constexpr std::size_t kMaxPath = 8;  ///< bytes of <pathid>: four directories

/// The arguments of AT+CRSM=<command>[,<fileid>[,<P1>,<P2>,<P3>[,<data>[,<pathid>]]]].
struct FileRequest {
  FileCommand command = FileCommand::kStatus;
  std::optional<std::uint16_t> file;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
  std::optional<std::uint8_t> p3;  ///< nothing if P1 to P3 were left out
  FixedBytes<kMaxPath> path;
};

/// The next argument as a number up to `highest`. Left out: nothing, and no error.
Expected<std::optional<std::uint32_t>, CmeError> ReadOptional(AtArguments& arguments, std::uint32_t highest) {
  const auto argument = arguments.Next();
  if (!argument || argument->omitted()) {
    return std::nullopt;
  }
  const auto number = argument->Number();
  if (!number || *number > highest) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  return number;
}

/// <data>, which only writing commands have, and <pathid>.
Expected<void, CmeError> ReadPath(AtArguments& arguments, FileRequest& request) {
  const AtArgument data = arguments.Next().value_or(AtArgument{});
  if (!data.text.empty() || !data.well_formed) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  std::array<std::uint8_t, kMaxPath> path{};
  ByteWriter writer(path);
  SR_TRY_VOID(ReadHexArgument(arguments.Next().value_or(AtArgument{}), writer));
  ByteView directories = writer.written();
  if (directories.size() % 2 != 0 || !arguments.done()) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  if (directories.size() >= kMasterFile.size() && SameBytes(directories.first(kMasterFile.size()), kMasterFile)) {
    directories = directories.subspan(kMasterFile.size());  // paths are selected from the MF, which is not part of them
  }
  static_cast<void>(request.path.Assign(directories));  // came from a buffer of the same size
  return {};
}

/// @returns kNotSupported for commands that write: the modem leaves the card's files to the card's owner.
Expected<FileCommand, CmeError> ReadFileCommand(AtArguments& arguments) {
  SR_TRY(const auto number, ReadOptional(arguments, 255));
  if (!number) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  const auto command = static_cast<FileCommand>(*number);
  constexpr std::array kKnown{FileCommand::kReadBinary, FileCommand::kReadRecord, FileCommand::kGetResponse,
                              FileCommand::kStatus};
  if (std::ranges::find(kKnown, command) == kKnown.end()) {
    return Unexpected(CmeError::kNotSupported);
  }
  return command;
}

/// True if the arguments that the command needs are there.
bool IsComplete(const FileRequest& request) {
  switch (request.command) {
    case FileCommand::kReadBinary:
    case FileCommand::kReadRecord:
      return request.file && request.p3;
    case FileCommand::kGetResponse:
      return request.file.has_value();
    case FileCommand::kStatus:
      return true;
  }
  return false;
}

Expected<FileRequest, CmeError> ReadRequest(AtArguments& arguments) {
  FileRequest request;
  SR_TRY(request.command, ReadFileCommand(arguments));
  SR_TRY(const auto file, ReadOptional(arguments, 0xFFFF));
  SR_TRY(const auto p1, ReadOptional(arguments, 255));
  SR_TRY(const auto p2, ReadOptional(arguments, 255));
  SR_TRY(const auto p3, ReadOptional(arguments, 255));
  if (p1.has_value() != p3.has_value() || p2.has_value() != p3.has_value()) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  if (file) {
    request.file = static_cast<std::uint16_t>(*file);
  }
  if (p3) {
    request.p1 = LowByte(*p1);
    request.p2 = LowByte(*p2);
    request.p3 = LowByte(*p3);
  }
  SR_TRY_VOID(ReadPath(arguments, request));
  if (!IsComplete(request)) {
    return Unexpected(CmeError::kIncorrectParameters);
  }
  return request;
}

std::size_t ExpectedLength(std::uint8_t p3) {
  return p3 == 0 ? 256 : p3;
}

bool IsOk(wire::StatusWord sw) {
  return sw == wire::StatusWord::kOk || wire::Sw1(sw) == 0x61 || wire::Sw1(sw) == 0x91;
}

/// True if the file lies under the USIM: the path says so, or, without a path, its identifier does (6FXX lies below an
/// application or a DF, and the USIM is what a modem has active).
bool UnderUsim(const FileRequest& request) {
  const ByteView path = request.path.view();
  if (path.size() >= kActiveApplication.size()) {
    return SameBytes(path.first(kActiveApplication.size()), kActiveApplication);
  }
  return (*request.file >> 8U) == 0x6F;
}

/// Selects the file on `channel`, a fresh one whose current directory is the MF.
wire::ResponseApdu SelectFile(SimSlot& sim, std::uint8_t channel, const FileRequest& request, std::uint8_t answer) {
  ByteView directories = request.path.view();
  const bool under_usim = UnderUsim(request);
  if (under_usim) {
    const wire::ResponseApdu usim =
        sim.Run({.cla = channel, .ins = kSelect, .p1 = kByAid, .p2 = kReturnNothing, .data = kUsimAid, .le = {}});
    if (!IsOk(usim.sw)) {
      return usim;
    }
    directories = directories.empty() ? directories : directories.subspan(kActiveApplication.size());
  }
  std::array<std::uint8_t, kMaxPath + 2> memory{};
  ByteWriter place(memory);
  place.PutBytes(directories);
  place.PutU16(*request.file);
  const std::uint8_t way = directories.empty() ? kByFileId : under_usim ? kFromCurrentDirectory : kFromMasterFile;
  return sim.Run({.cla = channel, .ins = kSelect, .p1 = way, .p2 = answer, .data = place.written(), .le = {}});
}

/// Runs what needs a selected file, on a channel of its own.
wire::ResponseApdu RunOnFile(SimSlot& sim, std::uint8_t channel, const FileRequest& request) {
  if (request.command == FileCommand::kGetResponse) {
    const wire::ResponseApdu selected = SelectFile(sim, channel, request, kReturnFcp);
    if (wire::Sw1(selected.sw) != 0x61) {
      return selected;  // refused, or the FCP came at once
    }
    const std::uint8_t length = request.p3.value_or(0) != 0 ? *request.p3 : wire::Sw2(selected.sw);
    wire::ResponseApdu parameters =
        sim.Run({.cla = channel, .ins = LowByte(FileCommand::kGetResponse), .data = {}, .le = ExpectedLength(length)});
    if (wire::Sw1(parameters.sw) == 0x61) {
      parameters.sw = wire::StatusWord::kOk;  // the rest was not asked for, and its channel is about to be closed
    }
    return parameters;
  }
  const wire::ResponseApdu selected = SelectFile(sim, channel, request, kReturnNothing);
  if (!IsOk(selected.sw)) {
    return selected;
  }
  return sim.RunAndFetch({.cla = channel,
                          .ins = LowByte(request.command),
                          .p1 = request.p1,
                          .p2 = request.p2,
                          .data = {},
                          .le = ExpectedLength(request.p3.value_or(0))});
}

/// `+CRSM: 144,0,"98..."`; no third value without data.
std::string ResponseLine(const wire::ResponseApdu& response, bool unquoted) {
  std::string line = "+CRSM: " + std::to_string(wire::Sw1(response.sw)) + "," + std::to_string(wire::Sw2(response.sw));
  if (!response.data.empty()) {
    const std::string_view quote = unquoted ? "" : "\"";
    line.append(",").append(quote).append(ToHex(response.data)).append(quote);
  }
  return line;
}

}  // namespace

// Files are read on a logical channel of their own: an application selected on the basic channel, and what the client
// has selected there with AT+CSIM, stay as they are. STATUS asks about the basic channel and changes nothing.
AtResult HandleRestrictedAccess(AtContext& modem, const AtCommand& command) {
  AtArguments arguments(command.arguments);
  const auto request = ReadRequest(arguments);
  if (!request) {
    return AtFailure(request.error());
  }
  const bool unquoted = modem.config.unquoted_answers;
  if (request->command == FileCommand::kStatus) {
    const wire::ResponseApdu status = modem.sim.RunAndFetch({.cla = kStatusClass,
                                                             .ins = LowByte(FileCommand::kStatus),
                                                             .p1 = request->p1,
                                                             .p2 = request->p2,
                                                             .data = {},
                                                             .le = ExpectedLength(request->p3.value_or(0))});
    modem.PutInformation(ResponseLine(status, unquoted));
    return kAtOk;
  }
  const auto channel = modem.sim.OpenChannel();
  if (!channel) {
    return AtFailure(channel.error());
  }
  const std::string line = ResponseLine(RunOnFile(modem.sim, *channel, *request), unquoted);
  if (!modem.sim.CloseChannel(*channel)) {
    return AtFailure(CmeError::kSimFailure);
  }
  modem.PutInformation(line);
  return kAtOk;
}

}  // namespace simroot::card
