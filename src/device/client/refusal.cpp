// SPDX-License-Identifier: Apache-2.0
#include "device/client/refusal.hpp"

namespace simroot::device::client {
namespace {

using wire::StatusWord;

constexpr const char* kListObjects = "list the objects with `simroot device list`";

struct Words {
  std::string message;  ///< without port and status word
  std::string next_step;
};

[[nodiscard]] std::string SwText(StatusWord sw) {
  const std::array bytes{wire::Sw1(sw), wire::Sw2(sw)};
  return ToHex(bytes);
}

[[nodiscard]] std::string_view Meaning(ParseError error) {
  switch (error) {
    case ParseError::kTruncated:
      return "it ends too early";
    case ParseError::kTrailingBytes:
      return "bytes follow after its end";
    case ParseError::kBadLength:
      return "it has a wrong length";
    case ParseError::kUnexpectedTag:
      return "it holds an unexpected tag";
    case ParseError::kDuplicateTag:
      return "a tag occurs twice";
    case ParseError::kMissingTag:
      return "a tag is missing";
    case ParseError::kBadValue:
      return "it holds a value that is not allowed";
  }
  return "it is malformed";
}

/// What the status word says of a named object; `on` is " on PORT".
[[nodiscard]] std::optional<Words> AboutObject(StatusWord sw, const Refused& refused, const std::string& on) {
  const std::string object = refused.object->Text();
  switch (sw) {
    case StatusWord::kIncorrectData:
    case StatusWord::kFileNotFound:
    case StatusWord::kRecordNotFound:
      return Words{
          object + " does not exist" + on + (refused.or_else.empty() ? "" : " or " + std::string(refused.or_else)),
          kListObjects};
    case StatusWord::kConditionsNotSatisfied:
      return Words{object + on + " is deactivated (empty), or not allowed for " + std::string(refused.purpose),
                   "look at its state and functions with `simroot device list`"};
    case StatusWord::kSecurityNotSatisfied:
      return Words{
          object + on + " cannot be used: the card's user PIN has not been given, or is blocked",
          "give it: pin-file in openssl.cnf, --pin-file, SIMROOT_PIN_FILE, a login through PKCS#11; or have the "
          "card's issuer unblock it or take it off"};
    case StatusWord::kReferencedDataInvalidated:
      return Words{object + on + " is being updated by a remote session", "try again later"};
    case StatusWord::kCapacityReached:
      return Words{object + on + " was changed by a remote session, or all sessions of the applet are in use",
                   "list the objects with `simroot device list`, or try again when other programs have finished"};
    default:
      return std::nullopt;
  }
}

[[nodiscard]] Words AboutCommand(StatusWord sw, const Refused& refused, const std::string& on) {
  const std::string command(iotsafe::NameOf(iotsafe::Code(refused.ins)));
  switch (sw) {
    case StatusWord::kUnknownInstruction:
    case StatusWord::kUnknownClass:
      return {"the applet" + on + " does not know " + command,
              "an applet that holds only pre-shared keys lacks this function; see `simroot device info`"};
    case StatusWord::kReferencedDataInvalidated:
      return {"an object" + on + " is being updated by a remote session", "try again later"};
    case StatusWord::kCapacityReached:
      return {"all sessions of the applet" + on + " are in use, or a remote session changed its objects",
              "try again when other programs have finished"};
    case StatusWord::kIntegrityIssue:
      return {"the applet" + on + " found its own store damaged", "the SIM has to be replaced or personalised again"};
    default:
      break;
  }
  std::string message = command + on + " was refused: " + std::string(wire::Describe(sw));
  if (refused.object != nullptr) {
    message += ", for " + refused.object->Text();
  }
  return {message, "run the command again with --trace to see the exchange"};
}

}  // namespace

Error Refusal(StatusWord sw, const Refused& refused, const std::string& port) {
  const std::string on = " on " + port;
  std::optional<Words> words;
  if (refused.object != nullptr) {
    words = AboutObject(sw, refused, on);
  }
  if (!words) {
    words = AboutCommand(sw, refused, on);
  }
  return Error{ErrorDomain::kCard, words->message + " (" + SwText(sw) + ")", words->next_step, sw};
}

Error NotUnderstood(std::string_view what, ParseError error, const std::string& port) {
  return Error{ErrorDomain::kProtocol,
               std::string(what) + " from " + port + " cannot be understood: " + std::string(Meaning(error)),
               "run the command again with --trace to see the exchange"};
}

}  // namespace simroot::device::client
