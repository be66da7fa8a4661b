// SPDX-License-Identifier: Apache-2.0
// Properties of APDU and TLV coding.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "common/wire/apdu.hpp"
#include "common/wire/tlv.hpp"
#include "property/generators.hpp"

namespace simroot::wire {
namespace {

using property::BytesOf;
using property::TlvLikeBytes;

Bytes Written(const CommandApdu& command) {
  Bytes memory(kMaxCommand + 0x10000);
  ByteWriter out(memory);
  PutCommand(command, out);
  RC_ASSERT(out.ok());
  memory.resize(out.size());
  return memory;
}

RC_GTEST_PROP(CommandProperty, ShortCommandsSurviveTheWay, ()) {
  const Bytes data = *BytesOf(0, 255);
  const auto le = *rc::gen::maybe(rc::gen::inRange<std::size_t>(1, 257));
  const auto header = *rc::gen::arbitrary<std::array<std::uint8_t, 4>>();
  CommandApdu command{header[0], header[1], header[2], header[3], data, {}, false};
  if (le) {
    command.le = *le;
  }
  for (const auto strictness : {ApduStrictness::kExact, ApduStrictness::kIgnoreExcess}) {
    const Bytes bytes = Written(command);
    const auto parsed = ParseCommand(bytes, strictness);
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(parsed->cla == command.cla && parsed->ins == command.ins && parsed->p1 == command.p1 &&
              parsed->p2 == command.p2);
    RC_ASSERT(SameBytes(parsed->data, data));
    RC_ASSERT(parsed->le == command.le);
    RC_ASSERT(!parsed->extended);
  }
}

RC_GTEST_PROP(CommandProperty, ExtendedCommandsSurviveTheWay, ()) {
  const Bytes data = *BytesOf(0, 600);
  const auto le = *rc::gen::inRange<std::size_t>(1, 65537);
  CommandApdu command{0x81, 0xE2, 0x00, 0x01, data, le, true};
  const Bytes bytes = Written(command);
  const auto parsed = ParseCommand(bytes, ApduStrictness::kExact);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(SameBytes(parsed->data, data));
  RC_ASSERT(parsed->le == command.le);
  RC_ASSERT(parsed->extended);
}

/// A command whose lengths are right more often than not.
Bytes NearlyACommand() {
  const Bytes header = *BytesOf(4, 4);
  const Bytes data = *BytesOf(0, 20);
  const Bytes tail = *BytesOf(0, 3);
  const auto announced = data.size() + *rc::gen::element<std::size_t>(0, 0, 0, 1, 2);
  Bytes bytes = header;
  if (*rc::gen::arbitrary<bool>()) {
    bytes.insert(bytes.end(), 2, 0);
  }
  bytes.push_back(LowByte(announced));
  bytes.insert(bytes.end(), data.begin(), data.end());
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  return bytes;
}

RC_GTEST_PROP(CommandProperty, WhatExactAcceptsIsWrittenBackUnchanged, ()) {
  const Bytes bytes = NearlyACommand();
  const auto parsed = ParseCommand(bytes, ApduStrictness::kExact);
  RC_PRE(parsed.has_value());
  RC_ASSERT(Written(*parsed) == bytes);
}

RC_GTEST_PROP(CommandProperty, IgnoreExcessAcceptsEverythingThatExactAccepts, ()) {
  const Bytes bytes = NearlyACommand();
  const auto exact = ParseCommand(bytes, ApduStrictness::kExact);
  RC_PRE(exact.has_value());
  const auto loose = ParseCommand(bytes, ApduStrictness::kIgnoreExcess);
  RC_ASSERT(loose.has_value());
  RC_ASSERT(SameBytes(loose->data, exact->data) && loose->le == exact->le);
}

RC_GTEST_PROP(TlvProperty, BerSurvivesTheWay, ()) {
  const Bytes value = *BytesOf(0, 400);
  const auto tag = *rc::gen::element<std::uint16_t>(0x04, 0x30, 0x53, 0x9E, 0xC1, 0x5F20, 0x7F49, 0x9F7F);
  Bytes memory(500);
  ByteWriter out(memory);
  PutBerTlv(tag, value, out);
  RC_ASSERT(out.ok());
  ByteReader reader(out.written());
  Tlv tlv;
  RC_ASSERT(ReadBerTlv(reader, tlv));
  RC_ASSERT(tlv.tag == tag && SameBytes(tlv.value, value) && reader.empty());
}

RC_GTEST_PROP(TlvProperty, FlexibleReadingUndoesEveryWayToWrite, ()) {
  const Bytes value = *BytesOf(0, 400);
  Bytes memory(500);
  ByteWriter out(memory);
  const bool ber = value.size() > 0xFF || *rc::gen::arbitrary<bool>();
  if (ber) {
    PutBerTlv(0x9B, value, out);
  } else {
    PutTlv(0x9B, value, out);
  }
  // A plain length of 81 to 83 can by chance read as BER as well: then the shorter value wins, by the order of forms.
  RC_PRE(ber || value.size() < 0x81 || value.size() > 0x83);
  ByteReader reader(out.written());
  Tlv tlv;
  RC_ASSERT(ReadFlexibleTlv(reader, {}, tlv));
  RC_ASSERT(SameBytes(tlv.value, value) && reader.empty());
}

/// Reads once and checks that a failure moved nothing and a success moved by what it says.
template <typename Read>
void CheckReader(const Bytes& bytes, const Read& read) {
  ByteReader reader(bytes);
  if (read(reader)) {
    RC_ASSERT(reader.remaining() < bytes.size());
  } else {
    RC_ASSERT(SameBytes(reader.rest(), bytes));
  }
}

RC_GTEST_PROP(TlvProperty, ReadersMoveBySuccessOnly, ()) {
  const Bytes bytes = *TlvLikeBytes(80);
  const Bytes followers = *BytesOf(0, 3);
  CheckReader(bytes, [](ByteReader& reader) {
    Tlv tlv;
    return ReadBerTlv(reader, tlv);
  });
  CheckReader(bytes, [](ByteReader& reader) {
    Tlv tlv;
    return ReadTlv(reader, tlv);
  });
  CheckReader(bytes, [&followers](ByteReader& reader) {
    Tlv tlv;
    return ReadFlexibleTlv(reader, followers, tlv);
  });
  CheckReader(bytes, [](ByteReader& reader) {
    OpenTlv open;
    return ReadOpenTlv(reader, open) && open.total > open.first.size();
  });
}

RC_GTEST_PROP(ReaderProperty, IntegersMoveBySuccessOnly, ()) {
  const Bytes bytes = *BytesOf(0, 5);
  const auto count = *rc::gen::inRange<std::size_t>(0, 8);
  CheckReader(Bytes(bytes), [](ByteReader& reader) {
    std::uint16_t value = 0;
    return reader.ReadU16(value);
  });
  CheckReader(Bytes(bytes), [](ByteReader& reader) {
    std::uint32_t value = 0;
    return reader.ReadU24(value);
  });
  CheckReader(Bytes(bytes), [](ByteReader& reader) {
    std::uint32_t value = 0;
    return reader.ReadU32(value);
  });
  ByteReader reader(bytes);
  RC_ASSERT(reader.Skip(count) == (count <= bytes.size()));
}

}  // namespace
}  // namespace simroot::wire
