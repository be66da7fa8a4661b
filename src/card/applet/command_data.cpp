// SPDX-License-Identifier: Apache-2.0
#include "card/applet/command_data.hpp"

#include "common/wire/tlv.hpp"

namespace simroot::card {

using iotsafe::LengthRule;
using iotsafe::Tag;
using iotsafe::TagRule;

Expected<CommandData, ParseError> CommandData::Parse(ByteView data, std::initializer_list<Tag> allowed) {
  CommandData result;
  std::array<std::uint8_t, 16> followers{};
  ByteWriter follower_writer(followers);
  for (const Tag tag : allowed) {
    follower_writer.PutU8(Code(tag));
  }
  ByteReader reader(data);
  while (!reader.empty()) {
    std::uint8_t code = 0;
    if (!reader.PeekU8(code) || std::ranges::find(allowed, static_cast<Tag>(code)) == allowed.end()) {
      return Unexpected(ParseError::kUnexpectedTag);
    }
    const Tag tag = static_cast<Tag>(code);
    if (result.Has(tag)) {
      return Unexpected(ParseError::kDuplicateTag);
    }
    const TagRule* const rule = iotsafe::FindTagRule(code);
    if (rule == nullptr || result.count_ == kMaxElements) {
      return Unexpected(ParseError::kUnexpectedTag);
    }
    wire::Tlv tlv;
    const bool read = rule->length == LengthRule::kFlexible
                          ? wire::ReadFlexibleTlv(reader, follower_writer.written(), tlv)
                          : wire::ReadTlv(reader, tlv);
    if (!read) {
      return Unexpected(ParseError::kTruncated);
    }
    if (tlv.value.size() < rule->min || tlv.value.size() > rule->max) {
      return Unexpected(ParseError::kBadLength);
    }
    result.elements_[result.count_++] = Element{tag, tlv.value};
  }
  return result;
}

std::optional<ByteView> CommandData::Find(Tag tag) const {
  const auto present = std::span(elements_).first(count_);
  const auto found = std::ranges::find(present, tag, &Element::tag);
  return found == present.end() ? std::nullopt : std::optional(found->value);
}

std::optional<std::uint8_t> CommandData::FindU8(Tag tag) const {
  const auto value = Find(tag);
  return value && value->size() == 1 ? std::optional(value->front()) : std::nullopt;
}

std::optional<std::uint16_t> CommandData::FindU16(Tag tag) const {
  const auto value = Find(tag);
  std::uint16_t number = 0;
  return value && value->size() == 2 && ByteReader(*value).ReadU16(number) ? std::optional(number) : std::nullopt;
}

std::optional<std::uint32_t> CommandData::FindU32(Tag tag) const {
  const auto value = Find(tag);
  std::uint32_t number = 0;
  return value && value->size() == 4 && ByteReader(*value).ReadU32(number) ? std::optional(number) : std::nullopt;
}

Expected<iotsafe::ObjectRef, ParseError> CommandData::Reference(iotsafe::ObjectClass object_class) const {
  const iotsafe::ClassTags& tags = iotsafe::TagsOf(object_class);
  const auto id = Find(tags.id);
  const auto label = Find(tags.label);
  if (id && label) {
    return Unexpected(ParseError::kDuplicateTag);
  }
  if (!id && !label) {
    return Unexpected(ParseError::kMissingTag);
  }
  return iotsafe::ObjectRef{object_class, label.has_value(), id ? *id : *label};
}

}  // namespace simroot::card
