// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>

#include "common/base/result.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/wire/status_word.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {

/// The elements of one command's data field, in any order (spec section 2, rules 1 to 3). Borrows the data.
class CommandData {
 public:
  /// Reads `data`, which may hold each of `allowed` once and nothing else. Lengths of values are checked against
  /// iotsafe::kTagRules.
  /// @param open if given, a signature (tag 33) at the end may be announced and go on in the next command: it is then
  /// in `open`, whose total is otherwise 0.
  /// @returns kUnexpectedTag, kDuplicateTag, kBadLength or kTruncated; all of them are 6A80 on the card.
  [[nodiscard]] static Expected<CommandData, ParseError> Parse(ByteView data,
                                                               std::initializer_list<iotsafe::Tag> allowed,
                                                               wire::OpenTlv* open = nullptr);

  [[nodiscard]] bool Has(iotsafe::Tag tag) const { return Find(tag).has_value(); }
  [[nodiscard]] std::optional<ByteView> Find(iotsafe::Tag tag) const;
  /// The value of an element of one or two bytes; nothing if it is absent or has another length.
  [[nodiscard]] std::optional<std::uint8_t> FindU8(iotsafe::Tag tag) const;
  [[nodiscard]] std::optional<std::uint16_t> FindU16(iotsafe::Tag tag) const;
  [[nodiscard]] std::optional<std::uint32_t> FindU32(iotsafe::Tag tag) const;

  /// The object of a class that the data names. @returns kMissingTag: neither identifier nor label. kDuplicateTag:
  /// both.
  [[nodiscard]] Expected<iotsafe::ObjectRef, ParseError> Reference(iotsafe::ObjectClass object_class) const;

 private:
  struct Element {
    iotsafe::Tag tag;
    ByteView value;
  };
  static constexpr std::size_t kMaxElements = 8;
  std::array<Element, kMaxElements> elements_{};
  std::size_t count_ = 0;
};

/// The one place where a parse error of command data becomes a status word: 6A80.
[[nodiscard]] constexpr wire::StatusWord ToStatusWord(ParseError /*error*/) {
  return wire::StatusWord::kIncorrectData;
}

}  // namespace simroot::card
