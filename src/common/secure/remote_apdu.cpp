// SPDX-License-Identifier: Apache-2.0
#include "common/secure/remote_apdu.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::secure {
namespace {

constexpr std::uint8_t kIndefiniteLength = 0x80;
constexpr std::array<std::uint8_t, 2> kEndOfContents{0x00, 0x00};
constexpr std::size_t kHeaderSize = 4;

constexpr std::array kItemTags{ScriptTag::kCApdu,           ScriptTag::kRApdu,       ScriptTag::kExecuted,
                               ScriptTag::kImmediateAction, ScriptTag::kErrorAction, ScriptTag::kChaining,
                               ScriptTag::kBadFormat};
constexpr std::array kScriptTags{ScriptTag::kCApdu, ScriptTag::kImmediateAction, ScriptTag::kErrorAction,
                                 ScriptTag::kChaining};
constexpr std::array kResponseTags{ScriptTag::kRApdu, ScriptTag::kImmediateAction, ScriptTag::kChaining,
                                   ScriptTag::kBadFormat};

/// Instructions without data whose P3 is Le, whatever is managed (TS 102 221, GlobalPlatform).
constexpr std::array<std::uint8_t, 5> kDataOut{0x84, 0xB0, 0xB2, 0xC0, 0xCA};
/// And those among files only: STATUS. To applications F2 is GET STATUS, which has data.
constexpr std::array<std::uint8_t, 1> kFileDataOut{0xF2};

[[nodiscard]] std::uint8_t Code(ScriptTag tag) {
  return static_cast<std::uint8_t>(tag);
}

template <std::size_t kCount>
[[nodiscard]] bool IsOneOf(ScriptTag tag, const std::array<ScriptTag, kCount>& tags) {
  return std::ranges::find(tags, tag) != tags.end();
}

/// The outer template: its content and its form.
struct Template {
  ScriptCoding coding = ScriptCoding::kDefinite;
  ByteView content;
};

[[nodiscard]] Expected<Template, BadFormat> OpenTemplate(ByteView bytes, ScriptTag definite, ScriptTag indefinite) {
  ByteReader reader(bytes);
  std::uint8_t tag = 0;
  if (!reader.ReadU8(tag) || (tag != Code(definite) && tag != Code(indefinite))) {
    return Unexpected(BadFormat::kUnknownTag);
  }
  std::uint8_t length = 0;
  if (!reader.PeekU8(length)) {
    return Unexpected(BadFormat::kLengthNotFound);
  }
  if (tag == Code(definite)) {
    ByteReader whole(bytes);
    wire::Tlv tlv;
    if (!wire::ReadBerTlv(whole, tlv) || !whole.empty()) {
      return Unexpected(BadFormat::kWrongLength);
    }
    return Template{ScriptCoding::kDefinite, tlv.value};
  }
  // The end can only be the last two bytes: nothing may follow it. JudgeItems finds out if it came earlier.
  const ByteView rest = reader.rest().subspan(1);
  if (length != kIndefiniteLength || rest.size() < kEndOfContents.size() ||
      !SameBytes(rest.last(kEndOfContents.size()), kEndOfContents)) {
    return Unexpected(BadFormat::kWrongLength);
  }
  return Template{ScriptCoding::kIndefinite, rest.first(rest.size() - kEndOfContents.size())};
}

/// True if the content is nothing but whole items that belong there.
template <std::size_t kCount>
[[nodiscard]] Expected<void, BadFormat> JudgeItems(ScriptItems items, const std::array<ScriptTag, kCount>& allowed) {
  while (!items.empty()) {
    SR_TRY(const ScriptItem item, items.Next());
    if (!IsOneOf(item.tag, allowed)) {
      return Unexpected(BadFormat::kUnknownTag);
    }
  }
  return {};
}

/// P3 of this instruction is Le.
[[nodiscard]] bool IsDataOut(std::uint8_t ins, RemoteManagement management) {
  return std::ranges::find(kDataOut, ins) != kDataOut.end() ||
         (management == RemoteManagement::kFiles && std::ranges::find(kFileDataOut, ins) != kFileDataOut.end());
}

void PutIndefinite(ScriptTag tag, ByteView content, ByteWriter& out) {
  out.PutU8(Code(tag));
  out.PutU8(kIndefiniteLength);
  out.PutBytes(content);
  out.PutBytes(kEndOfContents);
}

}  // namespace

Expected<ScriptItem, BadFormat> ScriptItems::Next() {
  ByteReader ahead = rest_;
  std::uint8_t tag = 0;
  if (!ahead.ReadU8(tag)) {
    return Unexpected(BadFormat::kLengthNotFound);
  }
  if (!IsOneOf(static_cast<ScriptTag>(tag), kItemTags)) {
    return Unexpected(BadFormat::kUnknownTag);
  }
  if (ahead.empty()) {
    return Unexpected(BadFormat::kLengthNotFound);
  }
  wire::Tlv tlv;
  if (!wire::ReadBerTlv(rest_, tlv)) {
    return Unexpected(BadFormat::kWrongLength);
  }
  return ScriptItem{static_cast<ScriptTag>(tag), tlv.value};
}

void PutCApdu(ByteView command, ByteWriter& content) {
  wire::PutBerTlv(Code(ScriptTag::kCApdu), command, content);
}

void PutRApdu(const wire::ResponseApdu& response, ByteWriter& content) {
  content.PutU8(Code(ScriptTag::kRApdu));
  wire::PutBerLength(response.data.size() + 2, content);
  content.PutBytes(response.data);
  content.PutU16(static_cast<std::uint16_t>(response.sw));
}

void PutBadFormat(BadFormat why, ByteWriter& content) {
  wire::PutTlvU8(Code(ScriptTag::kBadFormat), static_cast<std::uint8_t>(why), content);
}

void PutScript(ScriptCoding coding, ByteView content, ByteWriter& out) {
  if (coding == ScriptCoding::kIndefinite) {
    PutIndefinite(ScriptTag::kIndefiniteScript, content, out);
  } else {
    wire::PutBerTlv(Code(ScriptTag::kScript), content, out);
  }
}

void PutScriptResponse(ScriptCoding coding, std::uint8_t executed, ByteView content, ByteWriter& out) {
  if (coding == ScriptCoding::kIndefinite) {
    PutIndefinite(ScriptTag::kIndefiniteResponse, content, out);
    return;
  }
  constexpr std::size_t kExecutedSize = 3;
  out.PutU8(Code(ScriptTag::kResponse));
  wire::PutBerLength(kExecutedSize + content.size(), out);
  wire::PutTlvU8(Code(ScriptTag::kExecuted), executed, out);
  out.PutBytes(content);
}

Expected<ExpandedScript, BadFormat> ParseScript(ByteView bytes) {
  SR_TRY(const Template opened, OpenTemplate(bytes, ScriptTag::kScript, ScriptTag::kIndefiniteScript));
  const ExpandedScript out{opened.coding, ScriptItems(opened.content)};
  SR_TRY_VOID(JudgeItems(out.items, kScriptTags));
  return out;
}

Expected<ExpandedResponse, BadFormat> ParseScriptResponse(ByteView bytes) {
  SR_TRY(const Template opened, OpenTemplate(bytes, ScriptTag::kResponse, ScriptTag::kIndefiniteResponse));
  ExpandedResponse out{opened.coding, std::nullopt, ScriptItems(opened.content)};
  if (opened.coding == ScriptCoding::kDefinite) {
    SR_TRY(const ScriptItem executed, out.items.Next());
    if (executed.tag != ScriptTag::kExecuted || executed.value.size() != 1) {
      return Unexpected(BadFormat::kWrongLength);
    }
    out.executed = executed.value.front();
  }
  SR_TRY_VOID(JudgeItems(out.items, kResponseTags));
  return out;
}

Expected<ByteView, ParseError> ReadCompactCommand(ByteReader& reader, RemoteManagement management) {
  ByteReader ahead = reader;
  std::uint8_t cla = 0;
  std::uint8_t ins = 0;
  std::uint8_t p3 = 0;
  if (!ahead.ReadU8(cla) || !ahead.ReadU8(ins) || !ahead.Skip(2) || !ahead.ReadU8(p3) ||
      (!IsDataOut(ins, management) && !ahead.Skip(p3))) {
    return Unexpected(ParseError::kTruncated);
  }
  ByteView command;
  static_cast<void>(reader.ReadBytes(reader.remaining() - ahead.remaining(), command));
  return command;
}

Expected<void, ParseError> PutCompactCommand(ByteView command, RemoteManagement management, ByteWriter& list) {
  SR_TRY(const wire::CommandApdu parsed, wire::ParseCommand(command, wire::ApduStrictness::kExact));
  const bool data_out = IsDataOut(parsed.ins, management);
  const std::uint8_t le = LowByte(parsed.le.value_or(0));
  // With P3 for Lc and Le, the instruction must tell which; a P3 of 00 is no data and any length at once.
  if (parsed.extended || (data_out && !parsed.data.empty()) || (!data_out && parsed.data.empty() && le != 0)) {
    return Unexpected(ParseError::kBadLength);
  }
  list.PutBytes(command.first(kHeaderSize));
  if (parsed.data.empty()) {
    list.PutU8(le);
  } else {
    list.PutU8(LowByte(parsed.data.size()));
    list.PutBytes(parsed.data);
  }
  return {};
}

void PutCompactResponse(const CompactResponse& response, ByteWriter& out) {
  out.PutU8(response.executed);
  out.PutU16(static_cast<std::uint16_t>(response.sw));
  out.PutBytes(response.data);
}

Expected<CompactResponse, ParseError> ParseCompactResponse(ByteView bytes) {
  ByteReader reader(bytes);
  CompactResponse out;
  std::uint16_t sw = 0;
  if (!reader.ReadU8(out.executed) || !reader.ReadU16(sw)) {
    return Unexpected(ParseError::kTruncated);
  }
  out.sw = static_cast<wire::StatusWord>(sw);
  out.data = reader.rest();
  return out;
}

}  // namespace simroot::secure
