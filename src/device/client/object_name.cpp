// SPDX-License-Identifier: Apache-2.0
#include "device/client/card.hpp"

namespace simroot::device {
namespace {

constexpr std::string_view kIdPrefix = "id=";
constexpr std::string_view kLabelPrefix = "label=";
constexpr std::string_view kForms = "write it as 01, id=01 (hexadecimal identifier) or label=NAME";

[[nodiscard]] bool IsPrintable(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte >= 0x20 && byte != 0x7F; });
}

[[nodiscard]] Result<ObjectName> ParseLabel(iotsafe::ObjectClass object_class, std::string_view label) {
  if (label.empty() || label.size() > iotsafe::kMaxLabelSize) {
    return Fail(ErrorDomain::kUsage, "a label has 1 to 60 bytes, not " + std::to_string(label.size()),
                std::string(kForms));
  }
  const ByteView bytes = AsBytes(label);
  return ObjectName{object_class, true, Bytes(bytes.begin(), bytes.end())};
}

}  // namespace

std::string ObjectName::Text() const {
  std::string text(iotsafe::TagsOf(object_class).name);
  if (by_label && IsPrintable(name)) {
    return text.append(" \"").append(AsText(name)).append("\"");
  }
  return text.append(by_label ? " with label " : " ").append(ToHex(name));
}

Result<ObjectName> ParseObjectName(iotsafe::ObjectClass object_class, std::string_view text) {
  if (text.starts_with(kLabelPrefix)) {
    return ParseLabel(object_class, text.substr(kLabelPrefix.size()));
  }
  const std::string_view digits = text.starts_with(kIdPrefix) ? text.substr(kIdPrefix.size()) : text;
  // Not FromHex: blanks and colons inside a reference are more likely a mistake than an identifier.
  std::array<std::uint8_t, iotsafe::kMaxIdSize> memory{};
  ByteWriter id(memory);
  if (digits.empty() || !ParseHex(digits, id)) {
    return Fail(ErrorDomain::kUsage,
                "\"" + std::string(text) + "\" does not name a " + std::string(iotsafe::TagsOf(object_class).name) +
                    ": an identifier has 1 to 20 bytes",
                std::string(kForms));
  }
  return ObjectName{object_class, false, Bytes(id.written().begin(), id.written().end())};
}

}  // namespace simroot::device
