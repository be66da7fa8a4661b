// SPDX-License-Identifier: Apache-2.0
// Commands and responses in one line.
#include "common/iotsafe/describe.hpp"

#include "common/iotsafe/describe_parts.hpp"

namespace simroot::iotsafe {
namespace {

constexpr std::uint8_t kManageChannel = 0x70;

/// What P1 and P2 of an instruction mean.
enum class ParameterKind : std::uint8_t {
  kNone,
  kSession,
  kUpdate,
  kOffset,
  kWhatToGet,
  kPrfMode,
  kHkdfMode,
  kPskStep
};
/// What the answer's data is.
enum class AnswerKind : std::uint8_t { kBytes, kElements };

struct InsRule {
  Ins ins;
  ParameterKind parameters;
  AnswerKind answer;
  std::string_view answer_name;  ///< for bytes
};
constexpr std::array kInsRules{
    InsRule{Ins::kPutPublicKeyInit, ParameterKind::kSession, AnswerKind::kBytes, ""},
    InsRule{Ins::kComputeSignatureInit, ParameterKind::kSession, AnswerKind::kBytes, ""},
    InsRule{Ins::kComputeSignatureUpdate, ParameterKind::kUpdate, AnswerKind::kElements, ""},
    InsRule{Ins::kVerifySignatureInit, ParameterKind::kSession, AnswerKind::kBytes, ""},
    InsRule{Ins::kVerifySignatureUpdate, ParameterKind::kUpdate, AnswerKind::kBytes, ""},
    InsRule{Ins::kComputeDh, ParameterKind::kNone, AnswerKind::kBytes, "shared secret "},
    InsRule{Ins::kComputePrf, ParameterKind::kPrfMode, AnswerKind::kBytes, "pseudo-random "},
    InsRule{Ins::kComputeHkdf, ParameterKind::kHkdfMode, AnswerKind::kBytes, "pseudo-random key "},
    InsRule{Ins::kHash, ParameterKind::kUpdate, AnswerKind::kBytes, "digest "},
    InsRule{Ins::kEncryptInit, ParameterKind::kSession, AnswerKind::kElements, ""},
    InsRule{Ins::kEncryptUpdate, ParameterKind::kUpdate, AnswerKind::kElements, ""},
    InsRule{Ins::kDecryptInit, ParameterKind::kSession, AnswerKind::kElements, ""},
    InsRule{Ins::kDecryptUpdate, ParameterKind::kUpdate, AnswerKind::kElements, ""},
    InsRule{Ins::kGenerateCsr, ParameterKind::kNone, AnswerKind::kElements, ""},
    InsRule{Ins::kWriteFile, ParameterKind::kNone, AnswerKind::kBytes, ""},
    InsRule{Ins::kDeleteObject, ParameterKind::kNone, AnswerKind::kBytes, ""},
    InsRule{Ins::kPskTls13, ParameterKind::kPskStep, AnswerKind::kBytes, "derived "},
    InsRule{Ins::kGetRandom, ParameterKind::kNone, AnswerKind::kBytes, "random "},
    InsRule{Ins::kReadFile, ParameterKind::kOffset, AnswerKind::kBytes, "content "},
    InsRule{Ins::kGenerateKeyPair, ParameterKind::kNone, AnswerKind::kElements, ""},
    InsRule{Ins::kGetData, ParameterKind::kWhatToGet, AnswerKind::kElements, ""},
    InsRule{Ins::kReadPublicKey, ParameterKind::kNone, AnswerKind::kElements, ""},
    InsRule{Ins::kPutPublicKeyUpdate, ParameterKind::kUpdate, AnswerKind::kBytes, ""},
};
static_assert(std::ranges::equal(kInsRules, kInsNames, {}, &InsRule::ins, &InsName::ins),
              "every instruction has its rule");

struct ModeName {
  ParameterKind kind;
  std::uint8_t p1;
  std::string_view name;
};
constexpr std::array kModeNames{
    ModeName{ParameterKind::kSession, 0x00, "session "},
    ModeName{ParameterKind::kSession, 0x01, "close session "},
    ModeName{ParameterKind::kWhatToGet, 0x00, "application"},
    ModeName{ParameterKind::kWhatToGet, 0x01, "object list"},
    ModeName{ParameterKind::kPrfMode, 0x00, "general"},
    ModeName{ParameterKind::kPrfMode, 0x01, "PSK"},
    ModeName{ParameterKind::kPrfMode, 0x02, "PSK with ECDHE"},
    ModeName{ParameterKind::kHkdfMode, 0x00, "extract"},
    ModeName{ParameterKind::kHkdfMode, 0x01, "TLS 1.3 early secret"},
    ModeName{ParameterKind::kPskStep, 0x01, "binder"},
    ModeName{ParameterKind::kPskStep, 0x02, "handshake secret"},
};

[[nodiscard]] const InsRule* FindInsRule(std::uint8_t ins) {
  const auto* const row = std::ranges::lower_bound(kInsRules, ins, {}, [](const InsRule& r) { return Code(r.ins); });
  return row != kInsRules.end() && Code(row->ins) == ins ? row : nullptr;
}

/// READ FILE and READ BINARY share a number: only the applet's command has data.
[[nodiscard]] bool IsUiccCommand(const wire::CommandApdu& command) {
  return FindInsRule(command.ins) == nullptr || (command.ins == Code(Ins::kReadFile) && command.data.empty());
}

void PutChannel(std::uint8_t cla, TextWriter& out) {
  if (const auto channel = wire::ChannelOfClass(cla)) {
    out.Put("ch");
    out.PutDecimal(*channel);
  } else {
    out.Put("class ");
    out.PutHexByte(cla);
  }
  out.Put(' ');
}

void PutP1P2(const wire::CommandApdu& command, TextWriter& out) {
  out.Put(" P1=");
  out.PutHexByte(command.p1);
  out.Put(" P2=");
  out.PutHexByte(command.p2);
}

/// A word for P1, with P2 where it carries a session; both as bytes if there is no word.
void PutMode(ParameterKind kind, const wire::CommandApdu& command, TextWriter& out) {
  for (const ModeName& row : kModeNames) {
    if (row.kind == kind && row.p1 == command.p1) {
      out.Put(' ');
      out.Put(row.name);
      if (kind == ParameterKind::kSession) {
        out.PutDecimal(command.p2);
      }
      return;
    }
  }
  PutP1P2(command, out);
}

void PutParameters(const InsRule& rule, const wire::CommandApdu& command, TextWriter& out) {
  switch (rule.parameters) {
    case ParameterKind::kNone:
      if (command.p1 != 0 || command.p2 != 0) {
        PutP1P2(command, out);
      }
      return;
    case ParameterKind::kUpdate:
      out.Put(" session ");
      out.PutDecimal(command.p2);
      out.Put((command.p1 & 0x80U) != 0 ? " last" : " more follows");
      return;
    case ParameterKind::kOffset:
      out.Put(" offset ");
      out.PutDecimal(std::size_t{command.p1} * 0x100 + command.p2);
      return;
    case ParameterKind::kWhatToGet:
      if (const auto* const tag = FindTagRule(command.p1); tag != nullptr && tag->kind == ValueKind::kTlvs) {
        out.Put(' ');
        out.Put(tag->name);
        return;
      }
      break;
    default:
      break;
  }
  PutMode(rule.parameters, command, out);
  if (rule.parameters == ParameterKind::kWhatToGet && command.p1 == 0x01 && command.p2 == 0x01) {
    out.Put(", next block");
  }
}

void PutExpectedLength(const wire::CommandApdu& command, TextWriter& out) {
  const bool matters = command.ins == Code(Ins::kGetRandom) || command.ins == Code(Ins::kReadFile);
  if (matters && command.le) {
    out.Put(", up to ");
    PutCount(*command.le, out);
  }
}

void PutStatusWord(wire::StatusWord sw, TextWriter& out) {
  out.PutHexByte(wire::Sw1(sw));
  out.PutHexByte(wire::Sw2(sw));
  out.Put(' ');
  if (wire::Sw1(sw) == 0x61) {
    out.PutDecimal(wire::Sw2(sw) == 0 ? 256 : wire::Sw2(sw));
    out.Put(' ');
  }
  out.Put(wire::Describe(sw));
}

void PutUiccAnswer(std::uint8_t ins, ByteView data, bool show, TextWriter& out) {
  if (ins == kManageChannel && data.size() == 1) {
    out.Put("channel ");
    out.PutDecimal(data.front());
    return;
  }
  PutBytesOrCount(data, show, out);
}

void PutAnswer(ByteView command, ByteView data, Secrets secrets, TextWriter& out) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  const Exposure exposure = ExposureOfResponse(command);
  const bool recognised = exposure == Exposure::kRecognised && IsRecognisedAnswer(data);
  if (recognised) {
    PutElements(data, VisibilityOf(exposure, secrets), out);
    return;
  }
  const bool hidden = exposure == Exposure::kNothing || exposure == Exposure::kRecognised;
  const bool show = secrets == Secrets::kShow || !hidden;
  if (!parsed || IsUiccCommand(*parsed)) {
    PutUiccAnswer(parsed ? parsed->ins : 0, data, show, out);
    return;
  }
  const InsRule& rule = *FindInsRule(parsed->ins);
  if (rule.answer == AnswerKind::kElements) {
    PutElements(data, VisibilityOf(exposure, secrets), out);
    return;
  }
  out.Put(rule.answer_name);
  PutBytesOrCount(data, show, out);
}

}  // namespace

void DescribeCommand(ByteView command, Secrets secrets, TextWriter& out) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  if (!parsed) {
    out.Put("no command APDU (");
    out.Put(parsed.error() == ParseError::kTruncated ? "fewer bytes than announced" : "lengths fit no case");
    out.Put("): ");
    PutBytesOrCount(command, secrets == Secrets::kShow, out);
    return;
  }
  PutChannel(parsed->cla, out);
  if (IsUiccCommand(*parsed)) {
    DescribeUiccCommand(*parsed, secrets, out);
    return;
  }
  const InsRule& rule = *FindInsRule(parsed->ins);
  out.Put(NameOf(parsed->ins));
  PutParameters(rule, *parsed, out);
  if (!parsed->data.empty()) {
    out.Put(": ");
    PutElements(parsed->data, VisibilityOf(ExposureOfCommand(parsed->ins), secrets), out);
  }
  PutExpectedLength(*parsed, out);
}

void DescribeResponse(ByteView command, ByteView response, Secrets secrets, TextWriter& out) {
  const auto parsed = wire::ParseResponse(response);
  if (!parsed) {
    out.Put("no response APDU: ");
    out.PutHex(response);
    return;
  }
  if (!parsed->data.empty()) {
    PutAnswer(command, parsed->data, secrets, out);
    out.Put("; ");
  }
  PutStatusWord(parsed->sw, out);
}

}  // namespace simroot::iotsafe
