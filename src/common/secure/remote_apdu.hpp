// SPDX-License-Identifier: Apache-2.0
/// Remote APDU formats (ETSI TS 102 226 5): lists of commands as secured data, and what a card answers. Which format an
/// application takes is known from its TAR; nothing in the bytes of the compact one tells it.
#pragma once

#include <optional>

#include "common/base/bytes.hpp"
#include "common/base/result.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::secure {

/// Tags of the expanded format.
enum class ScriptTag : std::uint8_t {
  kCApdu = 0x22,
  kRApdu = 0x23,
  kExecuted = 0x80,         ///< in responses of definite length: number of commands
  kImmediateAction = 0x81,  ///< in scripts; in responses, why it failed
  kErrorAction = 0x82,
  kChaining = 0x83,  ///< first in a script; in responses, why it failed
  kBadFormat = 0x90,
  kScript = 0xAA,              ///< definite length
  kResponse = 0xAB,            ///< definite length
  kIndefiniteScript = 0xAE,    ///< 80 instead of a length, 0000 at the end
  kIndefiniteResponse = 0xAF,  ///< 80 instead of a length, 0000 at the end
};

enum class ScriptCoding : std::uint8_t { kDefinite, kIndefinite };

/// Value of kBadFormat: why a card did not understand a script (TS 102 226 5.2.2).
enum class BadFormat : std::uint8_t { kUnknownTag = 1, kWrongLength = 2, kLengthNotFound = 3 };

/// Value of kChaining in a script: its place among scripts that belong together (TS 102 226 5.4.1.2).
enum class ScriptChaining : std::uint8_t {
  kFirstUntilReset = 0x01,
  kMoreFollow = 0x02,
  kLast = 0x03,
  kFirstKept = 0x11,
};

/// One item of a script or response. `value` borrows.
struct ScriptItem {
  ScriptTag tag = ScriptTag::kCApdu;
  ByteView value;
};

/// Items one after the other. A type of its own, so that a list that ends early is not taken for one that ends.
class ScriptItems {
 public:
  ScriptItems() = default;
  explicit ScriptItems(ByteView content) : rest_(content) {}

  [[nodiscard]] bool empty() const { return rest_.empty(); }
  /// The next item, which borrows from the content. @returns kLengthNotFound at the end of the content, kWrongLength if
  /// a length is longer than the content or not in its shortest form, kUnknownTag. The list has not moved then.
  [[nodiscard]] Expected<ScriptItem, BadFormat> Next();

 private:
  ByteReader rest_;
};

/// Appends one C-APDU to the content of a script. @param command 4 or more bytes; Le present where data is wanted.
void PutCApdu(ByteView command, ByteWriter& content);
/// Appends one R-APDU to the content of a response.
void PutRApdu(const wire::ResponseApdu& response, ByteWriter& content);
/// Appends kBadFormat to the content of a response.
void PutBadFormat(BadFormat why, ByteWriter& content);

/// Writes a script around its content. Check `out.ok()`.
void PutScript(ScriptCoding coding, ByteView content, ByteWriter& out);
/// Writes a response around its content. @param executed number of commands, said in the definite form only.
void PutScriptResponse(ScriptCoding coding, std::uint8_t executed, ByteView content, ByteWriter& out);

/// A script or response of the expanded format. Borrows.
struct ExpandedScript {
  ScriptCoding coding = ScriptCoding::kDefinite;
  ScriptItems items;
};
/// Takes the outer template off and walks the items once: reading them again cannot fail. @returns kUnknownTag for
/// another outer tag or an item that does not belong there, kLengthNotFound, kWrongLength also for bytes after the end.
[[nodiscard]] Expected<ExpandedScript, BadFormat> ParseScript(ByteView bytes);

struct ExpandedResponse {
  ScriptCoding coding = ScriptCoding::kDefinite;
  std::optional<std::uint8_t> executed;  ///< definite form only
  ScriptItems items;
};
/// Errors as above; kWrongLength also without the number of executed commands in the definite form.
[[nodiscard]] Expected<ExpandedResponse, BadFormat> ParseScriptResponse(ByteView bytes);

/// Splits the value of a kRApdu item. @returns kTruncated for fewer than 2 bytes.
[[nodiscard]] inline Expected<wire::ResponseApdu, ParseError> ParseRApdu(const ScriptItem& item) {
  return wire::ParseResponse(item.value);
}

/// What a card manages through the compact format: an instruction byte means other commands to files than to
/// applications, and P3 is Lc or Le by the command alone.
enum class RemoteManagement : std::uint8_t { kFiles, kApplications };

/// Takes the next command off a compact list: CLA INS P1 P2 P3 and, unless P3 is Le, that many bytes of data. `command`
/// borrows. @returns kTruncated if the list ends inside a command; the reader has not moved then. An empty list is
/// kTruncated as well: ask reader.empty() first.
[[nodiscard]] Expected<ByteView, ParseError> ReadCompactCommand(ByteReader& reader, RemoteManagement management);
/// Appends a command to a compact list. Le of case 4 is left out, P3 of case 1 is 00. @returns kTruncated or
/// kBadLength, and writes nothing, for what is no command, or none that the format can carry: extended lengths, data
/// where P3 is Le, Le other than 256 where P3 is Lc.
[[nodiscard]] Expected<void, ParseError> PutCompactCommand(ByteView command, RemoteManagement management,
                                                           ByteWriter& list);

/// What a card answers to a compact list. `data` is that of the last command, and borrows.
struct CompactResponse {
  std::uint8_t executed = 0;
  wire::StatusWord sw = wire::StatusWord::kOk;
  ByteView data;
};
void PutCompactResponse(const CompactResponse& response, ByteWriter& out);
/// @returns kTruncated for fewer than 3 bytes.
[[nodiscard]] Expected<CompactResponse, ParseError> ParseCompactResponse(ByteView bytes);

/// True if a list goes on after this status word: 90XX, 91XX, 61XX, 9FXX and the warnings 62XX and 63XX.
[[nodiscard]] constexpr bool ContinuesScript(wire::StatusWord sw) {
  switch (wire::Sw1(sw)) {
    case 0x61:
    case 0x62:
    case 0x63:
    case 0x90:
    case 0x91:
    case 0x9F:
      return sw != wire::MakeStatusWord(0x62, 0xF1);  // the answer was cut off: the list ends here
    default:
      return false;
  }
}

}  // namespace simroot::secure
