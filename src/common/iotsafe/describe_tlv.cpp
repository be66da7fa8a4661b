// SPDX-License-Identifier: Apache-2.0
// Elements in words: values by the kind that kTagRules gives them.
#include <optional>

#include "common/iotsafe/describe_parts.hpp"
#include "common/iotsafe/field.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {
namespace {

constexpr std::size_t kShortHexMax = 20;  // identifiers are shown in full
constexpr std::size_t kShortHexHead = 8;

struct Word {
  ValueKind kind;
  std::uint16_t value;
  std::string_view word;
};
constexpr std::array kWords{
    Word{ValueKind::kHash, 0x0001, "SHA-256"},
    Word{ValueKind::kHash, 0x0002, "SHA-384"},
    Word{ValueKind::kHash, 0x0004, "SHA-512"},
    Word{ValueKind::kSignatureAlgorithms, 0x01, "RSA PKCS#1 v1.5"},
    Word{ValueKind::kSignatureAlgorithms, 0x02, "RSA-PSS"},
    Word{ValueKind::kSignatureAlgorithms, 0x04, "ECDSA"},
    Word{ValueKind::kSignatureAlgorithms, 0x08, "AES-CMAC"},
    Word{ValueKind::kKeyAgreement, 0x01, "ECKA"},
    Word{ValueKind::kKeyDerivation, 0x01, "PRF SHA-256"},
    Word{ValueKind::kKeyDerivation, 0x02, "HKDF"},
    Word{ValueKind::kKeyDerivation, 0x04, "PSK TLS 1.3"},
    Word{ValueKind::kFunctions, 0x01, "signature"},
    Word{ValueKind::kFunctions, 0x02, "key generation"},
    Word{ValueKind::kFunctions, 0x04, "key agreement"},
    Word{ValueKind::kFunctions, 0x08, "key derivation"},
    Word{ValueKind::kFunctions, 0x10, "encryption"},
    Word{ValueKind::kFunctions, 0x20, "decryption"},
    Word{ValueKind::kAccess, 0x01, "readable"},
    Word{ValueKind::kAccess, 0x02, "updatable"},
    Word{ValueKind::kKeyType, 0x03, "RSA-2048"},
    Word{ValueKind::kKeyType, 0x13, "P-256 persistent"},
    Word{ValueKind::kKeyType, 0x14, "P-256 volatile"},
    Word{ValueKind::kKeyType, 0x23, "brainpoolP256r1 persistent"},
    Word{ValueKind::kKeyType, 0x24, "brainpoolP256r1 volatile"},
    Word{ValueKind::kKeyType, 0x33, "P-384 persistent"},
    Word{ValueKind::kKeyType, 0x34, "P-384 volatile"},
    Word{ValueKind::kKeyType, 0xA0, "pre-shared key"},
    Word{ValueKind::kKeyType, 0xB0, "AES-CMAC key"},
    Word{ValueKind::kKeyType, 0xB1, "AES key"},
    Word{ValueKind::kKeyUsage, 0x01, "general purpose"},
    Word{ValueKind::kKeyUsage, 0x02, "TLS 1.2"},
    Word{ValueKind::kKeyUsage, 0x03, "TLS 1.3"},
    Word{ValueKind::kKeyUsage, 0x81, "attestation"},
    Word{ValueKind::kFileUsage, 0x01, "general purpose"},
    Word{ValueKind::kFileUsage, 0x02, "X.509 certificate"},
    Word{ValueKind::kState, 0x00, "deactivated"},
    Word{ValueKind::kState, 0x01, "activated"},
    Word{ValueKind::kMode, 0x01, "full text"},
    Word{ValueKind::kMode, 0x02, "last block"},
    Word{ValueKind::kMode, 0x03, "pad and sign"},
    Word{ValueKind::kCipherMode, 0x01, "AES-CBC"},
    Word{ValueKind::kCipherMode, 0x02, "AES-CTR"},
    Word{ValueKind::kCipherMode, 0x03, "AES-GCM"},
    Word{ValueKind::kCipherMode, 0x04, "RSA-OAEP"},
};

/// In one line a value often speaks for itself; these words stand before it instead of the name of its tag.
struct ShortPrefix {
  ValueKind kind;
  std::string_view prefix;
};
constexpr std::array kShortPrefixes{
    ShortPrefix{ValueKind::kHash, ""},          ShortPrefix{ValueKind::kSignatureAlgorithms, ""},
    ShortPrefix{ValueKind::kKeyAgreement, ""},  ShortPrefix{ValueKind::kKeyDerivation, ""},
    ShortPrefix{ValueKind::kKeyType, ""},       ShortPrefix{ValueKind::kState, ""},
    ShortPrefix{ValueKind::kMode, "mode "},     ShortPrefix{ValueKind::kAccess, "access "},
    ShortPrefix{ValueKind::kKeyUsage, "use "},  ShortPrefix{ValueKind::kFileUsage, "use "},
    ShortPrefix{ValueKind::kFunctions, "for "}, ShortPrefix{ValueKind::kCipherMode, ""},
};

/// Inside the public key template the same numbers mean other things (ISO/IEC 7816-8, 7F49).
constexpr std::array kKeyTemplateRules{
    TagRule{static_cast<Tag>(0x81), "modulus", kRsaModulusSize, kRsaModulusSize, LengthRule::kFlexible,
            ValueKind::kHex},
    TagRule{static_cast<Tag>(0x82), "exponent", 1, kMaxRsaExponentSize, LengthRule::kOneByte, ValueKind::kHex},
    TagRule{Tag::kSecretKeyId, "EC point", kP256PointSize, kP384PointSize, LengthRule::kOneByte, ValueKind::kEcPoint},
};

/// Tags that may follow an element whose length has several codings, so that only the right one fits.
constexpr std::array kAfterSignature{Code(Tag::kLastBlock), Code(Tag::kData), Code(Tag::kFinalHash)};
constexpr std::array kAfterPublicKey{Code(Tag::kPrivateKeyId), Code(Tag::kPublicKeyId)};
constexpr std::array kAfterLastBlock{Code(Tag::kIntermediateHash), Code(Tag::kHashedByteCount), Code(Tag::kSignature)};
constexpr std::array kAfterData{Code(Tag::kSignature)};
constexpr std::array<std::uint8_t, 1> kAfterModulus{0x82};
constexpr std::array kAfterPseudoRandomLength{Code(Tag::kSecret), Code(Tag::kLabelAndSeed), Code(Tag::kDhResult),
                                              Code(Tag::kSecretKeyId), Code(Tag::kSecretKeyLabel)};
struct FollowerRule {
  Tag tag;
  ByteView followers;
};
constexpr std::array kFollowerRules{
    FollowerRule{static_cast<Tag>(0x81), kAfterModulus},
    FollowerRule{Tag::kSignature, kAfterSignature},
    FollowerRule{Tag::kPublicKeyData, kAfterPublicKey},
    FollowerRule{Tag::kLastBlock, kAfterLastBlock},
    FollowerRule{Tag::kData, kAfterData},
    FollowerRule{Tag::kFinalHash, kAfterData},
    FollowerRule{Tag::kPseudoRandomLength, kAfterPseudoRandomLength},
};

[[nodiscard]] ByteView FollowersOf(Tag tag) {
  for (const FollowerRule& rule : kFollowerRules) {
    if (rule.tag == tag) {
      return rule.followers;
    }
  }
  return {};
}

[[nodiscard]] const TagRule* RuleInside(std::uint8_t parent, std::uint8_t tag) {
  if (parent == Code(Tag::kPublicKeyTemplate)) {
    const auto* const rule =
        std::ranges::find(kKeyTemplateRules, tag, [](const TagRule& row) { return Code(row.tag); });
    return rule == kKeyTemplateRules.end() ? nullptr : rule;
  }
  return FindTagRule(tag);
}

[[nodiscard]] bool IsBitField(ValueKind kind) {
  switch (kind) {
    case ValueKind::kHash:
    case ValueKind::kSignatureAlgorithms:
    case ValueKind::kKeyAgreement:
    case ValueKind::kKeyDerivation:
    case ValueKind::kFunctions:
    case ValueKind::kAccess:
      return true;
    default:
      return false;
  }
}

/// The value as a number, if it has 1 to 4 bytes.
[[nodiscard]] std::optional<std::uint32_t> AsNumber(ByteView value) {
  if (value.empty() || value.size() > 4) {
    return std::nullopt;
  }
  std::uint32_t number = 0;
  for (const std::uint8_t byte : value) {
    number = number << 8U | byte;
  }
  return number;
}

void PutBits(ValueKind kind, std::uint32_t bits, ByteView value, TextWriter& out) {
  std::uint32_t left = bits;
  bool first = true;
  for (const Word& row : kWords) {
    if (row.kind == kind && (left & row.value) != 0) {
      left &= ~static_cast<std::uint32_t>(row.value);
      out.Put(first ? "" : "+");
      out.Put(row.word);
      first = false;
    }
  }
  if (bits == 0) {
    out.Put("none");
  } else if (left != 0) {
    out.Put(first ? "unknown " : "+unknown in ");
    out.PutHex(value);
  }
}

void PutEnum(ValueKind kind, std::uint32_t number, ByteView value, TextWriter& out) {
  for (const Word& row : kWords) {
    if (row.kind == kind && row.value == number) {
      out.Put(row.word);
      return;
    }
  }
  out.Put("unknown ");
  out.PutHex(value);
}

void PutText(ByteView value, TextWriter& out) {
  const bool printable =
      std::ranges::all_of(value, [](std::uint8_t c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; });
  if (!printable) {
    PutShortHex(value, out);
    return;
  }
  out.Put('"');
  for (const std::uint8_t c : value) {
    out.Put(static_cast<char>(c));
  }
  out.Put('"');
}

/// What a value says, when its tag is known and it holds no elements itself.
void PutKnownValue(const TagRule& rule, ByteView value, bool full, TextWriter& out) {
  const auto number = AsNumber(value);
  const bool is_number = number && value.size() <= rule.max;
  if (rule.tag == Tag::kVersion && is_number) {  // 10 is 1.0
    out.PutDecimal(*number >> 4U);
    out.Put('.');
    out.PutDecimal(*number & 0x0FU);
  } else if (rule.kind == ValueKind::kNumber && is_number) {
    out.PutDecimal(*number);
  } else if (IsBitField(rule.kind) && is_number) {
    PutBits(rule.kind, *number, value, out);
  } else if (rule.kind == ValueKind::kText) {
    PutText(value, out);
  } else if (std::ranges::find(kWords, rule.kind, &Word::kind) != kWords.end() && is_number) {
    PutEnum(rule.kind, *number, value, out);
  } else if (full) {
    out.PutHex(value);
  } else {
    PutShortHex(value, out);
  }
}

/// Notes what is odd about the length: part of a chain, or outside the tag's limits.
void PutLengthNote(const Element& element, TextWriter& out) {
  if (element.announced > element.value.size()) {
    out.Put(" (");
    out.PutDecimal(element.value.size());
    out.Put(" of ");
    PutCount(element.announced, out);
    out.Put(')');
  } else if (element.rule != nullptr &&
             (element.value.size() < element.rule->min || element.value.size() > element.rule->max)) {
    out.Put(" (unusual length ");
    out.PutDecimal(element.value.size());
    out.Put(')');
  }
}

void PutElementLine(const Element& element, const Visibility& visibility, std::size_t depth, TextWriter& out);

void PutElementsAt(ByteView bytes, std::uint8_t parent, const Visibility& visibility, std::size_t depth,
                   TextWriter& out) {
  ByteReader reader(bytes);
  bool first = true;
  while (!reader.empty()) {
    out.Put(first ? "" : ", ");
    first = false;
    Element element;
    if (!ReadElement(reader, parent, visibility.coding, element)) {
      PutBytesOrCount(reader.rest(), visibility.unknown, out);
      return;
    }
    PutElementLine(element, visibility, depth, out);
  }
}

void PutElementLine(const Element& element, const Visibility& visibility, std::size_t depth, TextWriter& out) {
  if (element.rule == nullptr) {
    out.Put("unknown tag ");
    out.PutHexByte(element.tag);
    out.Put(' ');
    PutBytesOrCount(element.value, visibility.unknown, out);
    return;
  }
  const TagRule& rule = *element.rule;
  const auto* const prefix = std::ranges::find(kShortPrefixes, rule.kind, &ShortPrefix::kind);
  if (prefix != kShortPrefixes.end() && IsShown(element, visibility)) {
    out.Put(prefix->prefix);
  } else {
    out.Put(rule.name);
    out.Put(' ');
  }
  if (HoldsElements(element, depth)) {
    out.Put('{');
    PutElementsAt(element.value, element.tag, visibility, depth + 1, out);
    out.Put('}');
  } else if (!IsShown(element, visibility)) {
    PutCount(element.value.size(), out);
  } else if (rule.kind == ValueKind::kSecret) {
    PutShortHex(element.value, out);
  } else {
    PutKnownValue(rule, element.value, false, out);
  }
  PutLengthNote(element, out);
}

void PutIndent(std::size_t depth, TextWriter& out) {
  for (std::size_t i = 0; i < depth; ++i) {
    out.Put("  ");
  }
}

/// One line for each element, those inside indented.
void PutTree(ByteView bytes, std::uint8_t parent, const Visibility& visibility, std::size_t depth, TextWriter& out) {
  ByteReader reader(bytes);
  while (!reader.empty()) {
    PutIndent(depth, out);
    Element element;
    if (!ReadElement(reader, parent, visibility.coding, element)) {
      out.Put("no element: ");
      PutBytesOrCount(reader.rest(), visibility.unknown, out);
      out.Put('\n');
      return;
    }
    out.PutHexByte(element.tag);
    out.Put(' ');
    out.Put(element.rule == nullptr ? "unknown tag" : element.rule->name);
    const bool nested = HoldsElements(element, depth);
    if (!nested) {
      out.Put(": ");
      if (!IsShown(element, visibility)) {
        PutCount(element.value.size(), out);
      } else if (element.rule == nullptr) {
        out.PutHex(element.value);
      } else {
        PutKnownValue(*element.rule, element.value, true, out);
      }
    }
    PutLengthNote(element, out);
    out.Put('\n');
    if (nested) {
      PutTree(element.value, element.tag, visibility, depth + 1, out);
    }
  }
}

}  // namespace

void PutCount(std::size_t count, TextWriter& out) {
  out.PutDecimal(count);
  out.Put(count == 1 ? " byte" : " bytes");
}

void PutShortHex(ByteView bytes, TextWriter& out) {
  if (bytes.size() <= kShortHexMax) {
    out.PutHex(bytes);
    return;
  }
  PutCount(bytes.size(), out);
  out.Put(' ');
  out.PutHex(bytes.first(kShortHexHead));
  out.Put("..");
}

void PutBytesOrCount(ByteView bytes, bool show, TextWriter& out) {
  if (show) {
    PutShortHex(bytes, out);
  } else {
    PutCount(bytes.size(), out);
  }
}

bool ReadElement(ByteReader& reader, std::uint8_t parent, ElementCoding coding, Element& out) {
  Element element;
  if (!reader.PeekU8(element.tag)) {
    return false;
  }
  element.rule = RuleInside(parent, element.tag);
  ByteReader attempt = reader;
  wire::Tlv tlv;
  wire::OpenTlv open;
  const bool plain =
      coding == ElementCoding::kPlain || element.rule == nullptr || element.rule->length == LengthRule::kOneByte;
  if (plain) {
    if (!ReadField(attempt, tlv)) {
      return false;
    }
  } else if (!wire::ReadFlexibleTlv(attempt, FollowersOf(element.rule->tag), tlv)) {
    if (wire::ReadOpenTlv(attempt, open)) {
      tlv.value = open.first;
    } else if (!ReadField(attempt, tlv)) {
      return false;
    }
  }
  element.value = tlv.value;
  element.announced = std::max(open.total, element.value.size());
  element.head = reader.rest().first(reader.remaining() - attempt.remaining() - element.value.size());
  reader = attempt;
  out = element;
  return true;
}

bool HoldsElements(const Element& element, std::size_t depth) {
  return element.rule != nullptr && element.rule->kind == ValueKind::kTlvs && depth < kMaxNesting;
}

bool IsShown(const Element& element, const Visibility& visibility) {
  if (element.rule == nullptr) {
    return visibility.unknown;
  }
  if (element.rule->kind == ValueKind::kSecret) {
    return visibility.secrets;
  }
  const bool as_expected = element.value.size() >= element.rule->min && element.value.size() <= element.rule->max &&
                           element.announced == element.value.size() && element.rule->kind != ValueKind::kTlvs;
  return visibility.unknown || as_expected;
}

void PutElements(ByteView bytes, const Visibility& visibility, TextWriter& out) {
  PutElementsAt(bytes, 0, visibility, 0, out);
}

void DescribeTlvs(ByteView bytes, Secrets secrets, TextWriter& out) {
  Visibility visibility = VisibilityOf(Exposure::kKnown, secrets);
  visibility.coding = ElementCoding::kAnyKnown;  // no command says that there is a secret among them
  PutTree(bytes, 0, visibility, 0, out);
}

}  // namespace simroot::iotsafe
