// SPDX-License-Identifier: Apache-2.0
// Properties of the applet's structures, and of what traces hide.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "common/iotsafe/describe.hpp"
#include "property/generators.hpp"

namespace simroot::iotsafe {
namespace {

using property::AnyObject;
using property::BytesOf;
using property::TlvLikeBytes;

Bytes Written(const auto& put) {
  Bytes memory(2048);
  ByteWriter out(memory);
  put(out);
  RC_ASSERT(out.ok());
  memory.resize(out.size());
  return memory;
}

RC_GTEST_PROP(ObjectProperty, ListsSurviveTheWay, ()) {
  std::vector<ObjectInfo> objects;
  const auto count = *rc::gen::inRange(1, 6);
  for (int i = 0; i < count; ++i) {
    objects.push_back(AnyObject());
  }
  const Bytes bytes = Written([&objects](ByteWriter& out) {
    for (const ObjectInfo& info : objects) {
      PutObjectInfo(info, out);
    }
  });
  ByteReader reader(bytes);
  for (const ObjectInfo& expected : objects) {
    const auto info = ReadObjectInfo(reader);
    RC_ASSERT(info.has_value());
    RC_ASSERT(*info == expected);
  }
  RC_ASSERT(reader.empty());
}

RC_GTEST_PROP(ObjectProperty, FlatListsReadAsWrappedOnes, ()) {
  std::vector<ObjectInfo> objects;
  Bytes flat;
  const auto count = *rc::gen::inRange(1, 6);
  for (int i = 0; i < count; ++i) {
    objects.push_back(AnyObject());
    const Bytes wrapped = Written([&](ByteWriter& out) { PutObjectInfo(objects.back(), out); });
    flat.insert(flat.end(), wrapped.begin() + 2, wrapped.end());
  }
  ByteReader reader(flat);
  for (const ObjectInfo& expected : objects) {
    const auto info = ReadObjectInfo(reader);
    RC_ASSERT(info.has_value());
    RC_ASSERT(*info == expected);
  }
  RC_ASSERT(reader.empty());
}

RC_GTEST_PROP(ObjectProperty, ReaderMovesBySuccessOnly, ()) {
  const Bytes bytes = *TlvLikeBytes(60);
  ByteReader reader(bytes);
  if (ReadObjectInfo(reader)) {
    RC_ASSERT(reader.remaining() < bytes.size());
  } else {
    RC_ASSERT(SameBytes(reader.rest(), bytes));
  }
}

RC_GTEST_PROP(ObjectProperty, WhatIsReadCanBeWrittenAndReadAgain, ()) {
  Bytes bytes = Written([](ByteWriter& out) { PutObjectInfo(AnyObject(), out); });
  bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<std::uint8_t>();
  ByteReader reader(bytes);
  const auto first = ReadObjectInfo(reader);
  RC_PRE(first.has_value());
  const Bytes written = Written([&first](ByteWriter& out) { PutObjectInfo(*first, out); });
  ByteReader again(written);
  const auto second = ReadObjectInfo(again);
  RC_ASSERT((!first->id.empty() || !first->label.empty()) == second.has_value());
  RC_ASSERT(!second || *second == *first);
}

RC_GTEST_PROP(ApplicationProperty, InformationSurvivesTheWay, ()) {
  ApplicationInfo info;
  info.proprietary_identifier = property::Fixed<32>(*BytesOf(0, 32));
  info.version = *rc::gen::arbitrary<std::uint8_t>();
  info.max_files = *rc::gen::arbitrary<std::uint8_t>();
  info.max_private_keys = *rc::gen::arbitrary<std::uint8_t>();
  info.max_public_keys = *rc::gen::arbitrary<std::uint8_t>();
  info.max_secret_keys = *rc::gen::arbitrary<std::uint8_t>();
  info.functions = *rc::gen::arbitrary<std::uint8_t>();
  info.hash_algorithms = *rc::gen::arbitrary<std::uint16_t>();
  info.signature_algorithms = *rc::gen::arbitrary<std::uint8_t>();
  info.key_agreement = *rc::gen::arbitrary<std::uint8_t>();
  info.key_derivation = *rc::gen::arbitrary<std::uint8_t>();
  info.max_sessions = *rc::gen::arbitrary<std::uint8_t>();
  for (const auto tags : {ApplicationTags::k90And93, ApplicationTags::k61And6F}) {
    const Bytes bytes = Written([&](ByteWriter& out) { PutApplicationInfo(info, tags, out); });
    const auto parsed = ParseApplicationInfo(bytes);
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(Written([&](ByteWriter& out) { PutApplicationInfo(*parsed, tags, out); }) == bytes);
  }
}

RC_GTEST_PROP(ApplicationProperty, IdentifierSurvivesTheWay, ()) {
  const SimrootIdentifier identifier{*rc::gen::arbitrary<std::uint8_t>(), *rc::gen::arbitrary<std::uint8_t>(),
                                     *rc::gen::arbitrary<std::uint32_t>()};
  const auto parsed = ParseIdentifier(EncodeIdentifier(identifier).view());
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->applet_major == identifier.applet_major);
  RC_ASSERT(parsed->applet_minor == identifier.applet_minor);
  RC_ASSERT(parsed->change_counter == identifier.change_counter);
}

RC_GTEST_PROP(SignatureProperty, RawSurvivesTheWayThroughDer, ()) {
  Bytes raw = *BytesOf(64, 64);
  const auto zeros = *rc::gen::inRange<std::size_t>(0, 33);  // short r and s are rare in random bytes
  std::ranges::fill(ByteSpan(raw).first(zeros), std::uint8_t{0});
  std::ranges::fill(ByteSpan(raw).subspan(32, zeros), std::uint8_t{0});
  const auto der = RawSignatureToDer(raw);
  RC_ASSERT(der.size() >= 8U && der.size() <= 72U);
  const auto back = DerSignatureToRaw(der.view());
  RC_ASSERT(back.has_value());
  RC_ASSERT(SameBytes(back->view(), raw));
}

RC_GTEST_PROP(SignatureProperty, DerHasOneFormOnly, ()) {  // any single changed byte: refused, or another signature
  const auto der = RawSignatureToDer(*BytesOf(64, 64));
  Bytes changed(der.view().begin(), der.view().end());
  const auto at = *rc::gen::inRange<std::size_t>(0, changed.size());
  changed[at] = LowByte(changed[at] ^ *rc::gen::inRange(1, 256));
  const auto raw = DerSignatureToRaw(changed);
  RC_PRE(raw.has_value());
  RC_ASSERT(SameBytes(RawSignatureToDer(raw->view()).view(), changed));
}

RC_GTEST_PROP(KeyPairProperty, SurvivesTheWay, ()) {
  const Bytes private_id = *BytesOf(0, kMaxIdSize);
  const Bytes public_id = *BytesOf(0, kMaxIdSize);
  Bytes point = *BytesOf(kP256PointSize, kP256PointSize);
  point.front() = 0x04;
  const Bytes bytes = Written([&](ByteWriter& out) { PutGeneratedKeyPair({private_id, public_id, point}, out); });
  const auto pair = ParseGeneratedKeyPair(bytes);
  RC_ASSERT(pair.has_value());
  RC_ASSERT(SameBytes(pair->private_id, private_id));
  RC_ASSERT(SameBytes(pair->public_id, public_id));
  RC_ASSERT(SameBytes(pair->point, point));
}

std::string Shown(ByteView command, ByteView response) {
  std::string memory(65536, '\0');
  TextWriter out(memory);
  DescribeCommand(command, Secrets::kHide, out);
  DescribeResponse(command, response, Secrets::kHide, out);
  PutTraceHex(command, response, false, out);
  PutTraceHex(command, response, true, out);
  RC_ASSERT(out.ok());
  return std::string(out.text());
}

RC_GTEST_PROP(TraceProperty, SecretsDoNotChangeWhatIsShown, ()) {
  const auto ins = *rc::gen::element(Ins::kComputeDh, Ins::kComputePrf, Ins::kComputeHkdf);
  const auto tag = *rc::gen::element(Tag::kSecret, Tag::kDhResult);
  const auto size = *rc::gen::inRange<std::size_t>(0, 64);
  // Whole elements before it, so that the secret begins where this test says.
  const Bytes before = Written([](ByteWriter& out) {
    const auto count = *rc::gen::inRange(0, 4);
    for (int i = 0; i < count; ++i) {
      const TagRule& rule = *rc::gen::elementOf(kTagRules);
      const Bytes value = *BytesOf(0, 20);
      RC_PRE(rule.tag != Tag::kSignatureAlgorithms || value.size() != 2);  // that one is read in a way of its own
      out.PutU8(Code(rule.tag));
      out.PutU8(LowByte(value.size()));
      out.PutBytes(value);
    }
  });
  const Bytes after = *TlvLikeBytes(40);
  const auto command = [&](const Bytes& secret) {
    return Written([&](ByteWriter& out) {
      out.PutU8(0x81);
      out.PutU8(Code(ins));
      out.PutU16(0);
      out.PutU8(LowByte(before.size() + 2 + secret.size() + after.size()));
      out.PutBytes(before);
      out.PutU8(Code(tag));
      out.PutU8(LowByte(secret.size()));
      out.PutBytes(secret);
      out.PutBytes(after);
    });
  };
  Bytes answer = *BytesOf(34, 34);
  const std::string first = Shown(command(*BytesOf(size, size)), answer);
  std::ranges::transform(ByteView(answer).first(32), answer.begin(), [](std::uint8_t b) { return LowByte(~b); });
  RC_ASSERT(first == Shown(command(*BytesOf(size, size)), answer));
}

RC_GTEST_PROP(TraceProperty, TextIsAlwaysPrintable, ()) {
  const std::string text = Shown(*TlvLikeBytes(100), *TlvLikeBytes(100));
  RC_ASSERT(std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; }));
}

}  // namespace
}  // namespace simroot::iotsafe
