// SPDX-License-Identifier: Apache-2.0
// What a script can ask of values: the checks of ScriptRunner.
#include <algorithm>
#include <bit>
#include <set>

#include "common/wire/tlv.hpp"
#include "conformance/script_runner.hpp"
#include "conformance/script_words.hpp"

namespace simroot::conformance {

using crypto::Curve;

OrReason<void> ScriptRunner::Verify(const Words& words) {
  SR_TRY(const Curve curve, CurveNamed(words[0]));
  SR_TRY(const Bytes point, Value(words[1]));
  SR_TRY(const Bytes digest, Value(words[2]));
  SR_TRY(const Bytes signature, Value(words[3]));
  return Require(crypto_.VerifyEcdsa(curve, point, digest, signature) == crypto::VerifyResult::kValid,
                 "the signature " + ToHex(signature) + " does not verify over " + ToHex(digest));
}

OrReason<void> ScriptRunner::Ecdh(const Words& words) {
  SR_TRY(const Curve curve, CurveNamed(words[0]));
  SR_TRY(const Bytes scalar, Value(words[1]));
  SR_TRY(const Bytes point, Value(words[2]));
  SR_TRY(const Bytes shared, Value(words[3]));
  Bytes own(ScalarSize(curve));
  crypto_.ForgetKey(0);
  SR_TRY_VOID(Require(crypto_.Ecdh({curve, scalar, 0, 1}, point, own), "the host cannot agree on a key"));
  return Require(own == shared, "the shared secret is not the one the host computes");
}

OrReason<void> ScriptRunner::OnCurve(const Words& words) {
  SR_TRY(const Curve curve, CurveNamed(words[0]));
  SR_TRY(const Bytes point, Value(words[1]));
  return Require(crypto_.IsValidPoint(curve, point), ToHex(point) + " is not on the curve");
}

OrReason<void> ScriptRunner::Equal(const Words& words) {
  SR_TRY(const Bytes a, Value(words[0]));
  SR_TRY(const Bytes b, Value(words[1]));
  return Require(a == b, ToHex(a) + " is not " + ToHex(b));
}

OrReason<void> ScriptRunner::Differs(const Words& words) {
  SR_TRY(const Bytes a, Value(words[0]));
  SR_TRY(const Bytes b, Value(words[1]));
  return Require(a != b, "both are " + ToHex(a));
}

OrReason<void> ScriptRunner::AtMost(const Words& words) {
  SR_TRY(const std::size_t most, Number(words[0]));
  SR_TRY(const Bytes bytes, Value(words[1]));
  return Require(bytes.size() <= most, std::to_string(bytes.size()) + " bytes are too many");
}

OrReason<void> ScriptRunner::Distinct(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  SR_TRY(const std::size_t size, Number(words[1]));
  std::set<std::string> seen;
  ByteReader reader(all);
  for (ByteView part; reader.ReadBytes(size, part);) {
    SR_TRY_VOID(Require(seen.insert(ToHex(part)).second, ToHex(part) + " occurs twice"));
  }
  return Require(reader.empty() && !seen.empty(), "the bytes do not divide into parts of " + words[1]);
}

/// Ones and zeros of truly random bits differ by more than five standard deviations once in 1.7 million runs.
OrReason<void> ScriptRunner::Monobit(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  std::int64_t balance = 0;
  for (const std::uint8_t byte : all) {
    balance += 2 * std::popcount(byte) - 8;
  }
  const auto bits = static_cast<std::int64_t>(all.size() * 8);
  return Require(bits > 0 && balance * balance <= 25 * bits, "ones and zeros differ by " + std::to_string(balance));
}

/// Reads a file by steps of the received length until nothing more comes; with a third word, the Le of each step.
OrReason<void> ScriptRunner::ReadFile(const Words& words) {
  const std::string le = words.size() > 3 ? words[3] : std::string();
  Bytes content;
  for (int steps = 0; steps < 2000; ++steps) {
    variables_["offset"] = Bytes{LowByte(content.size() >> 8U), LowByte(content.size())};
    SR_TRY_VOID(Command(words[1] + "B0{offset}(" + words[2] + ")" + le));
    SR_TRY_VOID(Require(LastStatus() == 0x9000, "READ FILE refused"));
    if (answer_.size() == 2) {
      variables_[words[0]] = std::move(content);
      return {};
    }
    content.insert(content.end(), answer_.begin(), answer_.end() - 2);
  }
  return Reason("the file does not end");
}

/// Reads the whole object list: first block, then P2=01 while the status word is 6300.
OrReason<void> ScriptRunner::List(const Words& words) {
  Bytes all;
  for (int block = 0; block < 100; ++block) {
    SR_TRY_VOID(Command(words[1] + "CB01" + (block == 0 ? "00" : "01") + "00"));
    SR_TRY_VOID(Require(LastStatus() == 0x9000 || LastStatus() == 0x6300, "GET DATA refused"));
    all.insert(all.end(), answer_.begin(), answer_.end() - 2);
    if (LastStatus() == 0x9000) {
      variables_[words[0]] = std::move(all);
      return {};
    }
  }
  return Reason("the list does not end");
}

/// Whole information structures with these tags only, none of them twice.
OrReason<void> ScriptRunner::Structures(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  std::set<std::string> seen;
  ByteReader reader(all);
  wire::Tlv structure;
  while (wire::ReadTlv(reader, structure)) {
    const Bytes tag{LowByte(structure.tag)};
    SR_TRY_VOID(Require(std::find(words.begin() + 1, words.end(), ToHex(tag)) != words.end(),
                        "tag " + ToHex(tag) + " at the top of the list"));
    SR_TRY_VOID(Require(seen.insert(ToHex(tag) + ToHex(structure.value)).second, "an object occurs twice"));
  }
  return Require(reader.empty() && !seen.empty(), "the list does not end with a whole structure");
}

/// One of the alternatives, divided by bars, occurs in the bytes.
OrReason<void> ScriptRunner::Contains(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  std::string_view alternatives = words[1];
  while (!alternatives.empty()) {
    const std::size_t end = std::min(alternatives.find('|'), alternatives.size());
    SR_TRY(const Bytes part, Value(alternatives.substr(0, end)));
    if (std::search(all.begin(), all.end(), part.begin(), part.end()) != all.end()) {
      return {};
    }
    alternatives.remove_prefix(std::min(end + 1, alternatives.size()));
  }
  return Reason(words[1] + " is not in " + ToHex(all));
}

OrReason<void> ScriptRunner::Ends(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  SR_TRY(const Bytes end, Value(words[1]));
  return Require(all.size() >= end.size() && SameBytes(ByteView(all).last(end.size()), end),
                 ToHex(all) + " does not end with " + ToHex(end));
}

/// The bytes are as many as a number of two bytes says.
OrReason<void> ScriptRunner::Size(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  SR_TRY(const Bytes size, NumberValue(words[1]));
  return Require(Bytes({LowByte(all.size() >> 8U), LowByte(all.size())}) == size,
                 std::to_string(all.size()) + " bytes, not " + ToHex(size));
}

/// One structure with this wrapper and these fields in this order; a field with ? may be missing.
OrReason<void> ScriptRunner::Fields(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  ByteReader reader(all);
  wire::Tlv structure;
  if (!wire::ReadTlv(reader, structure) || !reader.empty() || ToHex(Bytes{LowByte(structure.tag)}) != words[1]) {
    return Reason("not one whole structure " + words[1] + ": " + ToHex(all));
  }
  ByteReader fields(structure.value);
  wire::Tlv field;
  bool more = wire::ReadTlv(fields, field);
  for (auto word = words.begin() + 2; word != words.end(); ++word) {
    const bool optional = word->ends_with('?');
    if (more && ToHex(Bytes{LowByte(field.tag)}) == word->substr(0, 2)) {
      more = wire::ReadTlv(fields, field);
    } else if (!optional) {
      return Reason("field " + *word + " is not where it should be in " + ToHex(all));
    }
  }
  return Require(!more && fields.empty(), "a field too many, or out of order, in " + ToHex(all));
}

/// Whole structures whose fields have no other tags than these.
OrReason<void> ScriptRunner::TagsIn(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  ByteReader reader(all);
  for (wire::Tlv structure; wire::ReadTlv(reader, structure);) {
    ByteReader fields(structure.value);
    for (wire::Tlv field; wire::ReadTlv(fields, field);) {
      const std::string tag = ToHex(Bytes{LowByte(field.tag)});
      SR_TRY_VOID(Require(std::find(words.begin() + 1, words.end(), tag) != words.end(),
                          "field " + tag + " has no place in an object's description"));
    }
    SR_TRY_VOID(Require(fields.empty(), "a structure does not divide into fields: " + ToHex(structure.value)));
  }
  return Require(reader.empty(), "the list does not end with a whole structure");
}

}  // namespace simroot::conformance
