// SPDX-License-Identifier: Apache-2.0
#include "commands.hpp"
#include "common/host/hex.hpp"
#include "common/iotsafe/describe.hpp"
#include "common/iotsafe/vocabulary.hpp"
#include "common/secure/describe_secured.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

/// A command starts with a class byte the applet or the UICC takes and an instruction that has a name.
bool LooksLikeCommand(ByteView bytes) {
  const auto command = wire::ParseCommand(bytes, wire::ApduStrictness::kIgnoreExcess);
  if (!command || !wire::ChannelOfClass(command->cla)) {
    return false;
  }
  constexpr std::array<std::uint8_t, 8> kUiccInstructions{0x70, 0xA4, 0xB0, 0xB2, 0xC0, 0xE2, 0xF2, 0x20};
  return !iotsafe::NameOf(command->ins).empty() ||
         std::ranges::find(kUiccInstructions, command->ins) != kUiccInstructions.end();
}

/// What `kind` says of secured packets and scripts; empty for bytes that are neither.
std::string KindOf(secure::SecuredKind kind) {
  switch (kind) {
    case secure::SecuredKind::kCommandPacket:
    case secure::SecuredKind::kResponsePacket:
      return "secured packet";
    case secure::SecuredKind::kEnvelope:
      return "short message";
    case secure::SecuredKind::kScript:
    case secure::SecuredKind::kScriptResponse:
      return "remote commands";
    case secure::SecuredKind::kNone:
      break;
  }
  return {};
}

/// A response ends in a status word that has a meaning.
bool LooksLikeResponse(ByteView bytes) {
  const auto response = wire::ParseResponse(bytes);
  return response && wire::Describe(response->sw) != wire::Describe(wire::StatusWord{});
}

}  // namespace

int RunDecode(const std::string& hex, bool json) {
  const auto bytes = FromHex(hex);
  if (!bytes || bytes->empty()) {
    return Report({ErrorDomain::kUsage, "this is not hexadecimal text: " + hex.substr(0, 40),
                   "give pairs of digits 0-9 and A-F, spaces are skipped"});
  }
  std::string memory(16384 + 8 * bytes->size(), '\0');
  TextWriter words(memory);
  std::string kind = "elements";
  // First what must fit exactly: the lengths of a packet can be taken for a command as well.
  if (const std::string secured = KindOf(secure::RecogniseSecured(*bytes)); !secured.empty()) {
    kind = secured;
    secure::DescribeSecured(*bytes, words);
  } else if (LooksLikeCommand(*bytes)) {
    kind = "command";
    iotsafe::DescribeCommand(*bytes, iotsafe::Secrets::kShow, words);
  } else if (iotsafe::IsPersonalisation(*bytes)) {
    kind = "personalisation";
    iotsafe::DescribePersonalisation(*bytes, words);
  } else if (LooksLikeResponse(*bytes)) {
    kind = "response";
    iotsafe::DescribeResponse({}, *bytes, iotsafe::Secrets::kShow, words);
  } else {
    iotsafe::DescribeTlvs(*bytes, iotsafe::Secrets::kShow, words);
  }
  const std::string text = json ? JsonWriter()
                                      .BeginObject()
                                      .Text("kind", kind)
                                      .Text("hex", ToHex(*bytes))
                                      .Text("words", words.text())
                                      .EndObject()
                                      .text()
                                : kind + ": " + std::string(words.text());
  return PrintLine(text) ? kDone : kFailed;
}

}  // namespace simroot::app
