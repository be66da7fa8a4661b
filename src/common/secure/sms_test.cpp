// SPDX-License-Identifier: Apache-2.0
// Vectors: pySim (osmocom/pysim), tests/unittests/test_sms.py and docs/smpp2sim.rst at commit 597f1e0398bb. Numbers
// only.
#include "common/secure/sms.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "common/secure/scp80.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::secure {
namespace {

std::string Digits(const SmsAddress& address) {
  std::array<char, 32> memory{};
  const auto size = DigitsOf(address, memory);
  return size ? std::string(memory.data(), *size) : "?";
}

TEST(SmsUserData, HeadersOfPackets) {
  const Bytes response = Hex("027100AABB");
  const auto plain = ParseSmsUserData(response);
  ASSERT_TRUE(plain.has_value());
  EXPECT_TRUE(plain->has_response);
  EXPECT_FALSE(plain->has_command || plain->concatenation);
  EXPECT_EQ(ToHex(plain->payload), "AABB");
  const Bytes two = Hex("0571007001FF");
  const auto both = ParseSmsUserData(two);
  ASSERT_TRUE(both.has_value());
  EXPECT_TRUE(both->has_response && both->has_command);
  ByteReader elements(ByteView(two).subspan(1));
  UdhElement element;
  ASSERT_TRUE(ReadUdhElement(elements, element));
  EXPECT_EQ(element.id, 0x71);
  EXPECT_TRUE(element.value.empty());
  ASSERT_TRUE(ReadUdhElement(elements, element));
  EXPECT_EQ(element.id, 0x70);
  EXPECT_EQ(ToHex(element.value), "FF");
  EXPECT_FALSE(ReadUdhElement(elements, element));
}

TEST(SmsUserData, PartsOfMessagesInAnyOrderOfElements) {
  struct Case {
    const char* hex;
    bool wide;
    std::uint16_t reference;
    std::uint8_t total;
    std::uint8_t number;
    bool command;
  };
  for (const Case& row :
       {Case{"070003A502017000", false, 0xA5, 2, 1, true}, Case{"0770000003A50201", false, 0xA5, 2, 1, true},
        Case{"050003A50202", false, 0xA5, 2, 2, false}, Case{"08080412340303700011", true, 0x1234, 3, 3, true},
        Case{"0A05010A0003010101DD00", false, 1, 1, 1, false}}) {
    const Bytes bytes = Hex(row.hex);
    const auto parsed = ParseSmsUserData(bytes);
    ASSERT_TRUE(parsed.has_value()) << row.hex;
    ASSERT_TRUE(parsed->concatenation.has_value()) << row.hex;
    EXPECT_EQ(parsed->concatenation->wide, row.wide);
    EXPECT_EQ(parsed->concatenation->reference, row.reference);
    EXPECT_EQ(parsed->concatenation->total, row.total);
    EXPECT_EQ(parsed->concatenation->number, row.number);
    EXPECT_EQ(parsed->has_command, row.command);
  }
}

TEST(SmsUserData, BrokenHeaders) {
  for (const auto& [hex, why] :
       {std::pair{"", ParseError::kTruncated}, std::pair{"03027000", ParseError::kBadLength},
        std::pair{"0270", ParseError::kTruncated}, std::pair{"027001", ParseError::kBadLength},
        std::pair{"0170", ParseError::kBadLength}, std::pair{"050003A50200", ParseError::kBadLength},
        std::pair{"050003A50203", ParseError::kBadLength}, std::pair{"04000201FF", ParseError::kBadLength},
        std::pair{"06000401020102", ParseError::kBadLength},
        std::pair{"0A0003A502010003A50201", ParseError::kDuplicateTag}}) {
    EXPECT_EQ(ParseSmsUserData(Hex(hex)).error(), why) << hex;
  }
}

TEST(SmsAddress, Digits) {
  for (const auto& [hex, digits, type] :
       {std::tuple{"04802143", "1234", 0x80}, std::tuple{"05912143F5", "12345", 0x91}, std::tuple{"0081", "", 0x81},
        std::tuple{"0F8110325476981032F4", "012345678901234", 0x81}, std::tuple{"08D0E5759A0E", "?", 0xD0}}) {
    const Bytes bytes = Hex(hex);
    ByteReader reader(bytes);
    SmsAddress address;
    ASSERT_TRUE(ReadSmsAddress(reader, address)) << hex;
    EXPECT_EQ(Digits(address), digits) << hex;
    EXPECT_EQ(int{address.type}, type);
    EXPECT_TRUE(reader.empty());
  }
  const Bytes bytes = Hex("05912143F5");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ByteReader reader(ByteView(bytes).first(size));
    SmsAddress address;
    EXPECT_FALSE(ReadSmsAddress(reader, address));
    EXPECT_EQ(reader.remaining(), size);
  }
  std::array<char, 4> small{};
  EXPECT_EQ(DigitsOf({.digits = 5, .type = 0x91, .coded = ByteView(bytes).subspan(2)}, small), std::nullopt);
  const Bytes filler = Hex("2F");
  EXPECT_EQ(Digits({.digits = 2, .type = 0x91, .coded = filler}), "?") << "the filler is no digit";
}

TEST(SmsDeliver, KnownMessage) {
  const Bytes tpdu = Hex("0408D0E5759A0E7FF6907090307513000824010101BB400101");
  const auto message = ParseSmsDeliver(tpdu);
  ASSERT_TRUE(message.has_value());
  EXPECT_FALSE(message->more_messages);
  EXPECT_FALSE(message->has_header);
  EXPECT_EQ(message->protocol, 0x7F);
  EXPECT_EQ(message->coding, 0xF6);
  EXPECT_EQ(ToHex(message->timestamp), "90709030751300");
  EXPECT_EQ(ToHex(message->user_data), "24010101BB400101");
  EXPECT_TRUE(IsDataDownload(*message));
  for (std::size_t size = 0; size < tpdu.size(); ++size) {
    EXPECT_EQ(ParseSmsDeliver(ByteView(tpdu).first(size)).error(), ParseError::kTruncated);
  }
  EXPECT_EQ(ParseSmsDeliver(Join(tpdu, Bytes{0})).error(), ParseError::kTrailingBytes);
  EXPECT_EQ(ParseSmsDeliver(Hex("0108D0")).error(), ParseError::kUnexpectedTag);
}

TEST(SmsDeliver, WhatADataDownloadIs) {
  SmsDeliver message;
  message.protocol = 0x7F;
  for (const std::uint8_t coding : Hex("F616")) {
    message.coding = coding;
    EXPECT_TRUE(IsDataDownload(message)) << int{coding};
  }
  for (const std::uint8_t coding : Hex("0004F2F5F712061436C61E")) {
    message.coding = coding;
    EXPECT_FALSE(IsDataDownload(message)) << int{coding};
  }
  message.coding = 0xF6;
  message.protocol = 0x00;
  EXPECT_FALSE(IsDataDownload(message));
}

// The tool writes 03, the length of the header, as length of the user data: not a legal message until that is put
// right.
TEST(SmsDeliver, MessagesThatCarryTheKnownPackets) {
  const auto cases = testing::ReadVecFile(std::string(SIMROOT_VECTORS) + "/secure/scp80_sms.vec");
  ASSERT_TRUE(cases.has_value());
  std::size_t messages = 0;
  for (const auto& vector : *cases) {
    if (!vector.Has("SmsDeliver")) {
      continue;
    }
    ++messages;
    Bytes tpdu = vector.Get("SmsDeliver");
    EXPECT_EQ(ParseSmsDeliver(tpdu).error(), ParseError::kTrailingBytes);
    const Bytes packet = vector.Get("CommandPacket");
    tpdu.at(tpdu.size() - packet.size() - 4) = LowByte(packet.size() + 3);
    const auto message = ParseSmsDeliver(tpdu);
    ASSERT_TRUE(message.has_value());
    EXPECT_TRUE(message->has_header && IsDataDownload(*message));
    EXPECT_EQ(Digits(message->originator), "12345678");
    const auto user_data = ParseSmsUserData(message->user_data);
    ASSERT_TRUE(user_data.has_value());
    EXPECT_TRUE(user_data->has_command);
    EXPECT_EQ(ToHex(user_data->payload), ToHex(packet));
  }
  EXPECT_EQ(messages, 3U);
}

const char* const kEnvelope =
    "D147820283818604001032548B3B400290217FF6227052000000002D02700000281516191212B0000127FA28A5BAC69D3C5E9DF2C7155DFDDE"
    "449C826B236215566530787B30E8BE5D";

TEST(SmsDownload, KnownEnvelopeAndItsAnswer) {
  const Bytes envelope = Hex(kEnvelope);
  const auto tpdu = ParseSmsDownload(envelope);
  ASSERT_TRUE(tpdu.has_value());
  const auto message = ParseSmsDeliver(*tpdu);
  ASSERT_TRUE(message.has_value());
  EXPECT_TRUE(IsDataDownload(*message));
  const auto packet = ParseCommandPacket(message->user_data, Scp80Form::kSms);
  ASSERT_TRUE(packet.has_value());
  EXPECT_EQ(packet->header.kic, 0x12);
  EXPECT_EQ(packet->header.tar, 0xB00001U);
  EXPECT_EQ(packet->check_size, 8U);
  EXPECT_EQ(packet->body.size(), 32U);
  const Bytes answer = Hex("027100002412B000019A551BB7C28183652DE0ACE6170D0E563C5E949A3BA56747FE4C1DBBEF16642C");
  const auto response = ParseResponsePacket(answer, Scp80Form::kSms);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->tar, 0xB00001U);
  EXPECT_EQ(response->body.size(), 32U);
}

TEST(SmsDownload, BrokenEnvelopes) {
  const Bytes envelope = Hex(kEnvelope);
  for (std::size_t size = 1; size < envelope.size(); ++size) {
    EXPECT_EQ(ParseSmsDownload(ByteView(envelope).first(size)).error(), ParseError::kTruncated);
  }
  EXPECT_EQ(ParseSmsDownload({}).error(), ParseError::kUnexpectedTag);
  EXPECT_EQ(ParseSmsDownload(Join(envelope, Bytes{0})).error(), ParseError::kTrailingBytes);
  EXPECT_EQ(ParseSmsDownload(Hex("D60482028381")).error(), ParseError::kUnexpectedTag);
  EXPECT_EQ(ParseSmsDownload(Hex("D10482028381")).error(), ParseError::kMissingTag);
  EXPECT_EQ(ParseSmsDownload(Hex("D104820583818B")).error(), ParseError::kTrailingBytes);
  EXPECT_EQ(ParseSmsDownload(Hex("D10482058381")).error(), ParseError::kTruncated);
  EXPECT_EQ(ToHex(*ParseSmsDownload(Hex("D1040B02AABB"))), "AABB") << "without the bit of comprehension";
}

}  // namespace
}  // namespace simroot::secure
