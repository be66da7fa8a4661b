// SPDX-License-Identifier: Apache-2.0
// The data of STORE DATA for simroot's applet in words (docs/formats/personalisation.md).
#include "common/iotsafe/describe.hpp"
#include "common/iotsafe/describe_parts.hpp"
#include "common/iotsafe/personalisation.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {
namespace {

using wire::Tlv;

/// LIST holds CREATE, a statement holds elements: what is deeper is shown as bytes.
constexpr std::size_t kMaxDepth = 3;

void PutFields(ByteView bytes, std::size_t depth, TextWriter& out);

void PutNumber(ByteView value, TextWriter& out) {
  std::size_t number = 0;
  for (const std::uint8_t byte : value) {
    number = number << 8U | byte;
  }
  out.PutDecimal(number);
}

/// Enciphered keys are never shown: whoever reads the words has no use for them.
void PutField(const AdminFieldRule& rule, ByteView value, std::size_t depth, TextWriter& out) {
  out.Put(rule.name);
  out.Put(' ');
  if (value.size() < rule.min || value.size() > rule.max) {
    out.Put("of unusual length, ");
    PutCount(value.size(), out);
    return;
  }
  switch (rule.kind) {
    case ValueKind::kSecret:
      PutCount(value.size(), out);
      break;
    case ValueKind::kNumber:
      PutNumber(value, out);
      break;
    case ValueKind::kTlvs:
      out.Put('{');
      PutFields(value, depth + 1, out);
      out.Put('}');
      break;
    default:
      PutShortHex(value, out);
      break;
  }
}

void PutFields(ByteView bytes, std::size_t depth, TextWriter& out) {
  ByteReader reader(bytes);
  bool first = true;
  while (!reader.empty()) {
    out.Put(first ? "" : ", ");
    first = false;
    const ByteReader before = reader;
    Tlv element;
    if (!wire::ReadBerTlv(reader, element)) {
      PutShortHex(reader.rest(), out);
      return;
    }
    const auto* const command = FindAdminCommand(element.tag);
    if (const auto* const field = FindAdminField(element.tag); field != nullptr && depth < kMaxDepth) {
      PutField(*field, element.value, depth, out);
    } else if (command != nullptr && depth < kMaxDepth) {
      out.Put(command->name);
      out.Put(" {");
      PutFields(element.value, depth + 1, out);
      out.Put('}');
    } else {
      PutElements(before.rest().first(before.remaining() - reader.remaining()), Visibility{.secrets = false}, out);
    }
  }
}

}  // namespace

bool IsPersonalisation(ByteView block) {
  ByteReader reader(block);
  Tlv command;
  while (wire::ReadBerTlv(reader, command) && FindAdminCommand(command.tag) != nullptr) {
    if (reader.empty()) {
      return true;
    }
  }
  return false;
}

void DescribePersonalisation(ByteView block, TextWriter& out) {
  ByteReader reader(block);
  bool first = true;
  Tlv command;
  while (wire::ReadBerTlv(reader, command)) {
    out.Put(first ? "" : "; ");
    first = false;
    const auto* const row = FindAdminCommand(command.tag);
    out.Put(row == nullptr ? "unknown command" : row->name);
    if (!command.value.empty()) {
      out.Put(": ");
      PutFields(command.value, 0, out);
    }
  }
}

}  // namespace simroot::iotsafe
