// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <optional>

#include "common/base/result.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/iotsafe/personalisation.hpp"

namespace simroot::card {

/// The elements of one personalisation command, in any order. Borrows the data.
class AdminData {
 public:
  using Field = iotsafe::AdminField;

  /// Reads BER-TLVs with the tags of AdminField and iotsafe::Tag, each at most once and with an allowed length.
  /// @returns kUnexpectedTag for others, kDuplicateTag, kBadLength or kTruncated.
  [[nodiscard]] static Expected<AdminData, ParseError> Parse(ByteView value);

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::optional<ByteView> Find(Field field) const { return FindTag(Code(field)); }
  [[nodiscard]] std::optional<ByteView> Find(iotsafe::Tag tag) const { return FindTag(Code(tag)); }
  [[nodiscard]] std::optional<std::uint8_t> FindU8(std::uint8_t tag) const;
  [[nodiscard]] std::optional<std::uint16_t> FindU16(std::uint8_t tag) const;

  /// True if nothing but these elements is there.
  [[nodiscard]] bool HasOnly(std::initializer_list<std::uint8_t> tags) const;

  /// The one object that the data names, of one of these classes. @returns kMissingTag without a reference,
  /// kDuplicateTag with more than one.
  [[nodiscard]] Expected<iotsafe::ObjectRef, ParseError> Reference(
      std::initializer_list<iotsafe::ObjectClass> classes) const;

 private:
  struct Element {
    std::uint8_t tag = 0;
    ByteView value;
  };
  static constexpr std::size_t kMaxElements = 12;

  [[nodiscard]] std::optional<ByteView> FindTag(std::uint8_t tag) const;

  std::array<Element, kMaxElements> elements_{};
  std::size_t count_ = 0;
};

/// What a template (C1 to C4 as IoT.05 writes information structures) says of an object.
struct ObjectTemplate {
  iotsafe::ObjectInfo info;
  bool has_key_type = false;
};
/// Puts the fields that the template has into `result.info`; those it has not stay. State (4A) and file size (20) may
/// be there and say nothing. @param info structure with its wrapper. @returns kMissingTag without an identifier;
/// kBadValue for a value outside its table or a field that does not belong to the class.
[[nodiscard]] Expected<void, ParseError> TakeTemplate(iotsafe::ObjectClass object_class, ByteView content,
                                                      ObjectTemplate& result);

}  // namespace simroot::card
