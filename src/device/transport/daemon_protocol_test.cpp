// SPDX-License-Identifier: Apache-2.0
#include "device/transport/daemon_protocol.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::device {
namespace {

using Type = DaemonRequestType;

/// The content of a frame.
Bytes Content(const Bytes& frame) {
  return Bytes(frame.begin() + kDaemonLengthSize, frame.end());
}

TEST(DaemonRequest, IsEncodedAsDocumented) {
  const Bytes aid = Hex("A0000005590010");
  EXPECT_EQ(EncodeDaemonRequest({.type = Type::kOpen, .timeout_ms = 9000, .channel = 0, .bytes = aid}),
            Hex("000D 04 00002328 00 A0000005590010"));
  EXPECT_EQ(EncodeDaemonRequest({.type = Type::kUnlock, .bytes = {}}), Hex("0006 03 00000000 00"));
  const Bytes hello = Hex("53524344 01");
  EXPECT_EQ(EncodeDaemonRequest({.type = Type::kHello, .bytes = hello}), Hex("000B 01 00000000 00 53524344 01"));
}

TEST(DaemonRequest, ComesBackAsItWas) {
  const Bytes command = Hex("80840000 10");
  const Bytes frame = EncodeDaemonRequest({.type = Type::kTransmit, .timeout_ms = 1, .channel = 3, .bytes = command});
  const Bytes content = Content(frame);
  const auto request = ParseDaemonRequest(content);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->type, Type::kTransmit);
  EXPECT_EQ(request->timeout_ms, 1U);
  EXPECT_EQ(request->channel, 3);
  EXPECT_TRUE(SameBytes(request->bytes, command));
}

TEST(DaemonRequest, RefusesWhatNoClientSends) {
  const auto error_of = [](std::string_view hex) {
    const auto request = ParseDaemonRequest(Hex(hex));
    return request ? std::optional<ParseError>() : std::optional(request.error());
  };
  EXPECT_EQ(error_of(""), ParseError::kTruncated);
  EXPECT_EQ(error_of("02 000003E8"), ParseError::kTruncated);
  EXPECT_EQ(error_of("02 000003E8 00"), std::nullopt);
  EXPECT_EQ(error_of("00 000003E8 00"), ParseError::kUnexpectedTag);
  EXPECT_EQ(error_of("09 000003E8 00"), ParseError::kUnexpectedTag);
  EXPECT_EQ(error_of("02 000003E8 01"), ParseError::kBadValue) << "a lock has no channel";
  EXPECT_EQ(error_of("02 000003E8 00 00"), ParseError::kBadLength);
  EXPECT_EQ(error_of("05 000003E8 00"), ParseError::kBadValue) << "the channel to close is missing";
  EXPECT_EQ(error_of("05 000003E8 05"), ParseError::kBadValue);
  EXPECT_EQ(error_of("04 000003E8 00 A0000005"), ParseError::kBadLength);
  EXPECT_EQ(error_of("04 000003E8 00 A000000559"), std::nullopt);
  EXPECT_EQ(error_of("04 000003E8 00 000102030405060708090A0B0C0D0E0F"), std::nullopt);
  EXPECT_EQ(error_of("04 000003E8 00 000102030405060708090A0B0C0D0E0F10"), ParseError::kBadLength);
  EXPECT_EQ(error_of("06 000003E8 01 808400"), ParseError::kBadLength);
  EXPECT_EQ(error_of("06 000003E8 01 80840000"), std::nullopt);
  EXPECT_EQ(error_of("01 00000000 00 53524344"), ParseError::kBadLength);
}

TEST(DaemonRequest, TakesTheLongestCommandAndNoLonger) {
  Bytes content = Hex("06 000003E8 01");
  content.resize(kMaxDaemonRequest);
  EXPECT_TRUE(ParseDaemonRequest(content));
  content.push_back(0);
  EXPECT_FALSE(ParseDaemonRequest(content));
}

TEST(DaemonReply, IsABodyOrAnError) {
  EXPECT_EQ(EncodeDaemonReply(Hex("9000")), Hex("0003 00 9000"));
  const Error error{ErrorDomain::kCard, "refused", "ask", wire::StatusWord::kFileNotFound};
  const Bytes frame = EncodeDaemonError(error);
  EXPECT_EQ(frame, Hex("0012 01 02 6A82 0007 72656675736564 0003 61736B"));
  const Bytes content = Content(frame);
  const auto reply = ParseDaemonReply(content);
  ASSERT_TRUE(reply && reply->error);
  EXPECT_EQ(reply->error->domain, ErrorDomain::kCard);
  EXPECT_EQ(reply->error->Text(), "refused; ask");
  EXPECT_EQ(reply->error->sw, wire::StatusWord::kFileNotFound);
}

TEST(DaemonReply, RefusesWhatNoDaemonSends) {
  EXPECT_FALSE(ParseDaemonReply(Hex("")));
  EXPECT_FALSE(ParseDaemonReply(Hex("02")));
  EXPECT_FALSE(ParseDaemonReply(Hex("01 02 6A82 0007 726566757365 0003")));
  EXPECT_FALSE(ParseDaemonReply(Hex("01 06 6A82 0000 0000"))) << "no such domain";
  EXPECT_FALSE(ParseDaemonReply(Hex("01 02 6A82 0000 0000 00"))) << "one byte long";
  EXPECT_FALSE(ParseDaemonReply(Hex("01 02 6A82 0000 00"))) << "one byte short";
  EXPECT_TRUE(ParseDaemonReply(Hex("01 02 6A82 0000 0000")));
}

TEST(DaemonReply, CutsLongSentences) {
  const Error error{ErrorDomain::kTransport, std::string(5000, 'm'), std::string(5000, 'n'), {}};
  const Bytes content = Content(EncodeDaemonError(error));
  const auto reply = ParseDaemonReply(content);
  ASSERT_TRUE(reply && reply->error);
  EXPECT_EQ(reply->error->message.size(), kMaxDaemonErrorText);
  EXPECT_EQ(reply->error->next_step.size(), kMaxDaemonErrorText);
}

DaemonStatus SomeStatus() {
  DaemonStatus status;
  status.card = "at:/dev/ttyUSB2";
  status.open = true;
  status.trouble = "none";
  status.iccid = "89880000000000000013";
  status.openings = 2;
  status.exchanges = 70000;
  status.transactions = 3;
  status.taken_away = 1;
  status.clients = 4;
  status.up_s = 5;
  status.holder = DaemonStatus::Peer{.pid = 77, .uid = 1000, .since_ms = 20};
  status.waiting = {{.pid = 78, .uid = 0, .since_ms = 10}, {.pid = 79, .uid = 1, .since_ms = 5}};
  status.channels = {{.number = 1, .clean = false, .owner = 77, .aid = Hex("A0000005590010")}};
  return status;
}

TEST(DaemonStatusCodec, ComesBackAsItWas) {
  const Bytes body = EncodeDaemonStatus(SomeStatus());
  const auto status = ParseDaemonStatus(body);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->card, "at:/dev/ttyUSB2");
  EXPECT_TRUE(status->open);
  EXPECT_EQ(status->exchanges, 70000U);
  EXPECT_EQ(status->up_s, 5U);
  ASSERT_TRUE(status->holder);
  EXPECT_EQ(status->holder->uid, 1000U);
  ASSERT_EQ(status->waiting.size(), 2U);
  EXPECT_EQ(status->waiting.back().pid, 79U);
  ASSERT_EQ(status->channels.size(), 1U);
  EXPECT_EQ(status->channels.front().aid, Hex("A0000005590010"));
  EXPECT_EQ(EncodeDaemonStatus(*status), body);
}

TEST(DaemonStatusCodec, RefusesEveryOtherLength) {
  Bytes body = EncodeDaemonStatus(SomeStatus());
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(ParseDaemonStatus(ByteView(body).first(size))) << size;
  }
  body.push_back(0);
  EXPECT_FALSE(ParseDaemonStatus(body));
}

TEST(DaemonStatusCodec, IsBounded) {
  DaemonStatus status = SomeStatus();
  status.card = status.trouble = std::string(5000, 'x');
  status.waiting.resize(500);
  status.channels.resize(50);
  const Bytes body = EncodeDaemonStatus(status);
  const auto parsed = ParseDaemonStatus(body);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->waiting.size(), DaemonStatus::kMaxPeers);
  EXPECT_LE(EncodeDaemonReply(body).size(), kMaxDaemonReply);
}

void Put(DaemonFrameBuffer& buffer, ByteView bytes) {
  const ByteSpan room = buffer.Room();
  ASSERT_TRUE(CopyBytes(bytes, room));
  buffer.Received(bytes.size());
}

TEST(DaemonFrameBuffer, CutsAStreamIntoFrames) {
  DaemonFrameBuffer buffer(8);
  const Bytes stream = Hex("0002 AABB 0001 CC 0003");
  for (const std::uint8_t byte : ByteView(stream).first(3)) {
    Put(buffer, ByteView(&byte, 1));
    EXPECT_FALSE(buffer.Frame());
    EXPECT_TRUE(buffer.Begun());
  }
  Put(buffer, ByteView(stream).subspan(3));
  ASSERT_TRUE(buffer.Frame());
  EXPECT_TRUE(SameBytes(*buffer.Frame(), Hex("AABB")));
  EXPECT_TRUE(buffer.Room().empty()) << "nothing is read before the first frame was taken";
  buffer.Drop();
  ASSERT_TRUE(buffer.Frame());
  EXPECT_TRUE(SameBytes(*buffer.Frame(), Hex("CC")));
  buffer.Drop();
  EXPECT_FALSE(buffer.Frame());
  EXPECT_TRUE(buffer.Begun());
  EXPECT_FALSE(buffer.Broken());
}

TEST(DaemonFrameBuffer, KnowsLengthsThatCannotBe) {
  for (const auto& [length, broken] :
       {std::pair("0000", true), {"0001", false}, {"0008", false}, {"0009", true}, {"FFFF", true}}) {
    DaemonFrameBuffer buffer(8);
    Put(buffer, Hex(length));
    EXPECT_EQ(buffer.Broken(), broken) << length;
    EXPECT_FALSE(buffer.Frame());
  }
}

}  // namespace
}  // namespace simroot::device
