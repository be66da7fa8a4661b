// SPDX-License-Identifier: Apache-2.0
#include "card/applet/command_data.hpp"

#include "card/applet/features.hpp"

namespace simroot::card {

using iotsafe::LengthRule;
using iotsafe::Tag;

namespace {

/// What the reader needs of iotsafe::kTagRules: the names and kinds would take 2 KiB of a chip.
struct ElementRule {
  Tag tag;
  LengthRule length;
  std::uint16_t min;  ///< bytes of the value
  std::uint16_t max;
};
[[nodiscard]] constexpr bool IsTaken(const iotsafe::TagRule& rule) {
  constexpr std::array kOfExtensions{Tag::kSubject, Tag::kAttributes,     Tag::kCipherMode,
                                     Tag::kNonce,   Tag::kAssociatedData, Tag::kAuthenticationTag};
  return kFeatures.extensions || std::ranges::find(kOfExtensions, rule.tag) == kOfExtensions.end();
}
constexpr auto kElementRules = [] {
  std::array<ElementRule, static_cast<std::size_t>(std::ranges::count_if(iotsafe::kTagRules, IsTaken))> rules{};
  auto next = rules.begin();
  for (const iotsafe::TagRule& rule : iotsafe::kTagRules) {
    if (IsTaken(rule)) {
      // 0xFFFF is more than any command has.
      *next++ = ElementRule{rule.tag, rule.length, static_cast<std::uint16_t>(rule.min),
                            static_cast<std::uint16_t>(std::min<std::size_t>(rule.max, 0xFFFF))};
    }
  }
  return rules;
}();

[[nodiscard]] const ElementRule* FindElementRule(Tag tag) {
  const auto* const row = std::ranges::lower_bound(kElementRules, tag, {}, &ElementRule::tag);
  return row != kElementRules.end() && row->tag == tag ? row : nullptr;
}

/// Reads an element as its rule says. @param ends true if forms of the length that end with the data count first.
[[nodiscard]] bool ReadByRule(ByteReader& reader, const ElementRule& rule, ByteView followers, bool ends,
                              wire::Tlv& out) {
  if (rule.length == LengthRule::kOneByte) {
    return wire::ReadTlv(reader, out);
  }
  return (ends && wire::ReadFlexibleTlv(reader, {}, out)) || wire::ReadFlexibleTlv(reader, followers, out);
}

/// Reads the beginning of a signature that ends in a later command; not one that ends here.
[[nodiscard]] bool ReadOpenSignature(ByteReader& reader, const ElementRule& rule, wire::OpenTlv& out) {
  ByteReader attempt = reader;
  wire::Tlv complete;
  wire::OpenTlv open;
  if (rule.tag != Tag::kSignature || wire::ReadFlexibleTlv(attempt, {}, complete) ||
      !wire::ReadOpenTlv(attempt, open) || open.total > rule.max) {
    return false;
  }
  reader = attempt;
  out = open;
  return true;
}

}  // namespace

Expected<CommandData, ParseError> CommandData::Parse(ByteView data, std::initializer_list<Tag> allowed,
                                                     wire::OpenTlv* open) {
  CommandData result;
  std::array<std::uint8_t, 16> followers{};
  ByteWriter follower_writer(followers);
  for (const Tag tag : allowed) {
    follower_writer.PutU8(Code(tag));
  }
  // A signature is the last element with every known client, and so is a text without one. What is in them may look
  // like another element: an RSA signature, `33 01 00 <256 bytes>`, now and then like one of a single byte.
  const bool with_signature = std::ranges::find(allowed, Tag::kSignature) != allowed.end();
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
    const ElementRule* const rule = FindElementRule(tag);
    if (rule == nullptr || result.count_ == kMaxElements) {
      return Unexpected(ParseError::kUnexpectedTag);
    }
    if (open != nullptr && ReadOpenSignature(reader, *rule, *open)) {
      return result;
    }
    wire::Tlv tlv;
    const bool ends = tag == Tag::kSignature || (tag == Tag::kData && !with_signature);
    if (!ReadByRule(reader, *rule, follower_writer.written(), ends, tlv)) {
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
