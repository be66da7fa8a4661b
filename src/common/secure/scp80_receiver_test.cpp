// SPDX-License-Identifier: Apache-2.0
// Every status of an answer, and what the receiver keeps.
#include <gtest/gtest.h>

#include "common/secure/scp80_test_support.hpp"

namespace simroot::secure {
namespace {

using testing::MakeSpi;
using testing::PacketPair;
using testing::Received;

// One test for each status that the receiver has.
TEST(Scp80Status, CheckFailed01) {
  PacketPair pair;
  Bytes packet = pair.Send(pair.Header(0x16, 0x19), Counting(5));
  packet.back() ^= 0x40U;
  const Received received = pair.Receive(packet);
  EXPECT_EQ(received.refused, Scp80Status::kCheckFailed);
  EXPECT_EQ(pair.counters.values.at(1), 0U);
  // Bare, whatever the packet asked for: RHL is 0A, and the counter is not known.
  EXPECT_EQ(ToHex(received.answer), "027100000B0AB0001100000000000001");
  const auto verdict = pair.Judge(received.answer);
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->status, Scp80Status::kCheckFailed);
  EXPECT_FALSE(verdict->authentic);
}

TEST(Scp80Status, CounterLow02) {
  PacketPair pair;
  const Bytes packet = pair.Send(pair.Header(0x16, 0x19), 7, {});
  EXPECT_FALSE(pair.Receive(packet).refused.has_value());
  EXPECT_EQ(pair.counters.values.at(1), 7U);
  for (const std::uint64_t counter : {7U, 6U, 1U, 0U}) {
    const Received received = pair.Receive(pair.Send(pair.Header(0x16, 0x19), counter, {}));
    EXPECT_EQ(received.refused, Scp80Status::kCounterLow);
    const auto verdict = pair.Judge(received.answer);
    ASSERT_TRUE(verdict.has_value());
    EXPECT_EQ(verdict->status, Scp80Status::kCounterLow);
    EXPECT_TRUE(verdict->authentic) << "the packet itself was the platform's";
  }
  EXPECT_EQ(pair.counters.values.at(1), 7U);
  EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x16, 0x19), 100, {})).refused.has_value());
}

TEST(Scp80Status, CounterHigh03) {
  PacketPair pair;
  pair.counters.values[1] = 10;
  EXPECT_EQ(pair.Receive(pair.Send(pair.Header(0x1E, 0x19), 12, {})).refused, Scp80Status::kCounterHigh);
  EXPECT_EQ(pair.Receive(pair.Send(pair.Header(0x1E, 0x19), 10, {})).refused, Scp80Status::kCounterLow);
  EXPECT_EQ(pair.counters.values.at(1), 10U);
  EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x1E, 0x19), 11, {})).refused.has_value());
  EXPECT_EQ(pair.counters.values.at(1), 11U);
}

TEST(Scp80Status, CounterBlocked04) {
  PacketPair pair;
  pair.counters.values[1] = kMaxScp80Counter - 1;
  // Our sender does not send it, another might: the command is taken, and is the last.
  Bytes memory(100);
  ByteWriter out(memory);
  ASSERT_TRUE(PacketSecurity(*pair.crypto, pair.agreement)
                  .PutCommand({pair.Header(0x16, 0x19), kMaxScp80Counter, {}}, Scp80Form::kSms, out)
                  .has_value());
  EXPECT_FALSE(pair.Receive(out.written()).refused.has_value());
  for (const std::uint8_t rule : Hex("161E")) {
    const Received received = pair.Receive(pair.Send(pair.Header(rule, 0x19), kMaxScp80Counter - 1, {}));
    EXPECT_EQ(received.refused, Scp80Status::kCounterBlocked);
    EXPECT_EQ(pair.Judge(received.answer)->status, Scp80Status::kCounterBlocked);
  }
}

TEST(Scp80Status, CipheringError05) {
  PacketPair pair;
  Bytes packet = pair.Send(pair.Header(0x16, 0x19), Counting(20));
  packet.pop_back();
  packet.at(4) = LowByte(packet.at(4) - 1);
  const Received received = pair.Receive(packet);
  EXPECT_EQ(received.refused, Scp80Status::kCipheringError);
  EXPECT_EQ(pair.Judge(received.answer)->status, Scp80Status::kCipheringError);
  EXPECT_EQ(pair.counters.values.at(1), 0U);
}

TEST(Scp80Status, UnidentifiedError06) {
  PacketPair pair;
  pair.configuration.name_security_errors = false;
  Bytes packet = pair.Send(pair.Header(0x16, 0x19), Counting(20));
  packet.back() ^= 0x40U;
  EXPECT_EQ(pair.Receive(packet).refused, Scp80Status::kUnidentifiedError);
  packet.pop_back();
  packet.at(4) = LowByte(packet.at(4) - 1);
  EXPECT_EQ(pair.Receive(packet).refused, Scp80Status::kUnidentifiedError);
  // An unknown key set, two key sets in one packet, no key set.
  for (const auto& [kic, kid] : {std::pair{0x22, 0x22}, std::pair{0x12, 0x22}, std::pair{0x02, 0x02}}) {
    Scp80Header header = pair.Header(0x16, 0x19);
    header.kic = LowByte(kic);
    header.kid = LowByte(kid);
    const Received received = pair.Receive(pair.Send(header));
    EXPECT_EQ(received.refused, Scp80Status::kUnidentifiedError);
    EXPECT_EQ(pair.Judge(received.answer)->status, Scp80Status::kUnidentifiedError);
  }
  // A counter that cannot be read or stored: nothing is executed.
  pair.counters.broken = true;
  EXPECT_EQ(pair.Receive(pair.Send(pair.Header(0x16, 0x19))).refused, Scp80Status::kUnidentifiedError);
  pair.counters.values.clear();
  EXPECT_EQ(pair.Receive(pair.Send(pair.Header(0x16, 0x19))).refused, Scp80Status::kUnidentifiedError);
}

TEST(Scp80Status, ApplicationsSay07And08) {
  for (const Scp80Status status : {Scp80Status::kNoMemory, Scp80Status::kMoreTime}) {
    PacketPair pair;
    EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x16, 0x19))).refused.has_value());
    const auto verdict = pair.Judge(pair.Finish(status, {}));
    ASSERT_TRUE(verdict.has_value());
    EXPECT_EQ(verdict->status, status);
    EXPECT_TRUE(verdict->authentic);
  }
}

TEST(Scp80Status, AnswerThatComesAnotherWayIs0BOr0C) {
  for (const Scp80Status status : {Scp80Status::kDataBySubmit, Scp80Status::kDataByUssd}) {
    PacketPair pair;
    EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x16, 0x39))).refused.has_value());
    Bytes memory(100);
    ByteWriter report(memory);
    ASSERT_TRUE(
        PacketSecurity(*pair.crypto, pair.agreement)
            .PutResponse(pair.Header(0x16, 0x39), {PacketPair::kTar, pair.counter, status, {}}, pair.form, report)
            .has_value());
    EXPECT_EQ(pair.Judge(report.written())->status, status);
    EXPECT_TRUE(pair.sender.is_awaiting());
    const auto verdict = pair.Judge(pair.Finish(Scp80Status::kOk, Counting(3)));
    ASSERT_TRUE(verdict.has_value());
    EXPECT_EQ(verdict->status, Scp80Status::kOk);
    EXPECT_FALSE(pair.sender.is_awaiting());
  }
}

TEST(Scp80Status, TooLittleRoomIs07) {
  PacketPair pair;
  const Bytes packet = pair.Send(pair.Header(0x16, 0x19), Counting(40));
  Bytes memory(20);
  Bytes answer_memory(64);
  ByteWriter answer(answer_memory);
  EXPECT_EQ(pair.receiver.Receive(packet, Scp80Form::kSms, memory, answer).error(), Scp80Status::kNoMemory);
  EXPECT_EQ(pair.Judge(answer.written())->status, Scp80Status::kNoMemory);
}

TEST(Scp80Status, TarUnknown09) {
  PacketPair pair;
  Scp80Header header = pair.Header(0x16, 0x19);
  header.tar = 0xB00010;
  const Received received = pair.Receive(pair.Send(header));
  EXPECT_EQ(received.refused, Scp80Status::kTarUnknown);
  EXPECT_EQ(pair.Judge(received.answer)->status, Scp80Status::kTarUnknown);
  EXPECT_EQ(pair.counters.values.at(1), 0U);
}

TEST(Scp80Status, TooLittleSecurity0A) {
  for (const std::uint8_t first : Hex("000204060A0E1214")) {
    PacketPair pair;
    const Received received = pair.Receive(pair.Send(pair.Header(first, 0x01), Counting(4)));
    EXPECT_EQ(received.refused, Scp80Status::kTooLittleSecurity) << int{first};
    EXPECT_EQ(pair.Judge(received.answer)->status, Scp80Status::kTooLittleSecurity);
  }
  for (const std::uint8_t first : Hex("161E")) {
    PacketPair pair;
    EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(first, 0x01))).refused.has_value()) << int{first};
  }
  // A counter to be checked, and nothing that authenticates it.
  PacketPair open;
  open.targets.front().minimum = {};
  for (const std::uint8_t first : Hex("1014181C")) {
    EXPECT_EQ(open.Receive(open.Send(open.Header(first, 0x01))).refused, Scp80Status::kTooLittleSecurity);
  }
  EXPECT_EQ(open.counters.values.at(1), 0U);
  EXPECT_FALSE(open.Receive(open.Send(open.Header(0x00, 0x01))).refused.has_value());
}

TEST(Scp80, MinimumSecurityIsComparedPartByPart) {
  struct Case {
    std::uint8_t minimum;
    std::uint8_t given;
    bool enough;
  };
  for (const Case& row : {Case{0x00, 0x00, true}, Case{0x02, 0x01, false}, Case{0x02, 0x02, true},
                          Case{0x02, 0x03, true},   // a signature is more
                          Case{0x06, 0x1A, false},  // a larger number, and not ciphered
                          Case{0x12, 0x0E, false}, Case{0x12, 0x1A, true}, Case{0x16, 0x16, true},
                          Case{0x1E, 0x16, false}, Case{0x04, 0x02, false}, Case{0x01, 0x1E, true}}) {
    EXPECT_EQ(IsSecureEnough(MakeSpi(row.given, 0), MakeSpi(row.minimum, 0)), row.enough)
        << int{row.minimum} << " " << int{row.given};
  }
}

TEST(Scp80Receiver, CountersThatAreNotCheckedAreNotStored) {
  for (const std::uint8_t first : Hex("060E")) {
    PacketPair pair;
    pair.targets.front().minimum = MakeSpi(0x06, 0);
    const Bytes packet = pair.Send(pair.Header(first, 0x19), 5, {});
    EXPECT_FALSE(pair.Receive(packet).refused.has_value());
    EXPECT_FALSE(pair.Receive(packet).refused.has_value()) << "that is what the sender asked for";
    EXPECT_EQ(pair.counters.values.at(1), 0U);
  }
}

TEST(Scp80Receiver, CounterIsStoredBeforeTheCommandIsGivenOut) {
  PacketPair pair;
  Bytes packet = pair.Send(pair.Header(0x16, 0x19), 9, {});
  pair.counters.broken = true;
  EXPECT_TRUE(pair.Receive(packet).refused.has_value());
  pair.counters.broken = false;
  EXPECT_FALSE(pair.Receive(packet).refused.has_value()) << "it was never executed";
  EXPECT_EQ(pair.counters.values.at(1), 9U);
  EXPECT_EQ(pair.Receive(packet).refused, Scp80Status::kCounterLow) << "power may be cut before Finish";
}

TEST(Scp80Receiver, ProofOnErrorOnly) {
  PacketPair pair;
  const Bytes packet = pair.Send(pair.Header(0x16, 0x1A), 3, {});
  EXPECT_FALSE(pair.Receive(packet).refused.has_value());
  EXPECT_TRUE(pair.Finish(Scp80Status::kOk, Counting(5)).empty());
  const Received replayed = pair.Receive(packet);
  EXPECT_EQ(replayed.refused, Scp80Status::kCounterLow);
  EXPECT_EQ(pair.Judge(replayed.answer)->status, Scp80Status::kCounterLow);
}

TEST(Scp80Receiver, NoProofIsWanted) {
  PacketPair pair;
  const Bytes packet = pair.Send(pair.Header(0x16, 0x18), 3, {});
  EXPECT_FALSE(pair.Receive(packet).refused.has_value());
  EXPECT_TRUE(pair.Finish(Scp80Status::kOk, Counting(5)).empty());
  const Received replayed = pair.Receive(packet);
  EXPECT_EQ(replayed.refused, Scp80Status::kCounterLow);
  EXPECT_TRUE(replayed.answer.empty());
}

TEST(Scp80Receiver, FinishWithoutACommand) {
  PacketPair pair;
  Bytes memory(100);
  ByteWriter out(memory);
  EXPECT_EQ(pair.receiver.Finish(Scp80Status::kOk, {}, out), Unexpected(Scp80Error::kState));
  EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x16, 0x19))).refused.has_value());
  EXPECT_TRUE(pair.receiver.Finish(Scp80Status::kOk, {}, out).has_value());
  EXPECT_EQ(pair.receiver.Finish(Scp80Status::kOk, {}, out), Unexpected(Scp80Error::kState)) << "answered";
  EXPECT_TRUE(pair.Receive(Hex("00")).refused.has_value());
  EXPECT_EQ(pair.receiver.Finish(Scp80Status::kOk, {}, out), Unexpected(Scp80Error::kState)) << "refused";
}

TEST(Scp80Receiver, AnswerThatDoesNotFitIsLeftOut) {
  PacketPair pair;
  const Bytes packet = pair.Send(pair.Header(0x02, 0x01));
  Bytes memory(packet.size());
  Bytes answer_memory(10);
  ByteWriter answer(answer_memory);
  EXPECT_EQ(pair.receiver.Receive(packet, Scp80Form::kSms, memory, answer).error(), Scp80Status::kTooLittleSecurity);
  EXPECT_EQ(answer.size(), 0U);
  EXPECT_TRUE(answer.ok());
}

TEST(Scp80Status, Words) {
  EXPECT_EQ(Describe(Scp80Status::kOk), "done");
  EXPECT_EQ(Describe(Scp80Status::kTooLittleSecurity), "too little security for this application");
  EXPECT_EQ(Describe(Scp80Status::kDataByUssd), "the answer follows by USSD");
  EXPECT_EQ(Describe(static_cast<Scp80Status>(0x0D)), "unknown status");
}

}  // namespace
}  // namespace simroot::secure
