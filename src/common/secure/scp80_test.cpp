// SPDX-License-Identifier: Apache-2.0
// Sender and receiver facing each other: what is understood, and what is refused as unsupported.
#include <gtest/gtest.h>

#include "common/base/crc32.hpp"
#include "common/secure/scp80_algorithms.hpp"
#include "common/secure/scp80_test_support.hpp"

namespace simroot::secure {
namespace {

using testing::kForms;
using testing::MakeSpi;
using testing::Owned;
using testing::PacketPair;
using testing::Received;

TEST(Scp80Spi, EveryByteThatIsNotReservedGoesThereAndBack) {
  std::size_t known = 0;
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const auto spi = ParseSpi(LowByte(first), LowByte(second));
      const bool reserved = (first & 0xE0U) != 0 || (second & 0xC0U) != 0 || (second & 0x03U) == 3;
      ASSERT_EQ(spi.has_value(), !reserved) << first << " " << second;
      if (spi) {
        ++known;
        ASSERT_EQ(FirstByte(*spi), first);
        ASSERT_EQ(SecondByte(*spi), second);
      }
    }
  }
  EXPECT_EQ(known, 32U * 48U);
}

TEST(Scp80Spi, UsualValues) {
  const Spi usual = MakeSpi(0x16, 0x39);
  EXPECT_EQ(usual, (Spi{.check = Scp80Check::kCryptographic,
                        .ciphered = true,
                        .counter = Scp80CounterRule::kHigher,
                        .proof = Scp80Proof::kAlways,
                        .proof_check = Scp80Check::kCryptographic,
                        .proof_ciphered = true,
                        .proof_by_submit = true}));
  EXPECT_EQ(KeyByte(3, Scp80Algorithm::kTdes2), 0x35);
  EXPECT_EQ(KeyVersionOf(0x35), 3);
  EXPECT_EQ(AlgorithmOf(0x35), 5);
}

// TS 102 225 gives this input with both checksums.
TEST(Scp80Checksums, ExampleOfTheStandard) {
  Crc16 crc16;
  crc16.Add(Hex("010203"));
  crc16.Add(Hex("0405"));
  EXPECT_EQ(crc16.value(), 0x22EC);
  EXPECT_EQ(Crc32Of(Hex("0102030405")), 0x470B99F4U);
}

TEST(Scp80, EndsUnderstandEachOther) {
  for (const Scp80Form form : kForms) {
    for (const std::uint8_t first : Hex("0206121A161E")) {
      for (const std::uint8_t second : Hex("01090D1119213931")) {
        if ((second & 0x0CU) == 0x0C) {
          continue;  // a signature
        }
        SCOPED_TRACE(::testing::Message() << static_cast<int>(form) << " " << int{first} << " " << int{second});
        PacketPair pair(form);
        pair.targets.front().minimum = {};
        for (const std::size_t size : {0U, 1U, 7U, 16U, 98U, 130U, 300U}) {
          const Bytes data = Counting(size);
          const Received received = pair.Receive(pair.Send(pair.Header(first, second), data));
          ASSERT_FALSE(received.refused.has_value()) << static_cast<int>(*received.refused);
          EXPECT_EQ(received.data, data);
          const Bytes answer = pair.Finish(Scp80Status::kOk, Counting(size / 2));
          const auto verdict = pair.Judge(answer);
          ASSERT_TRUE(verdict.has_value()) << static_cast<int>(verdict.error());
          EXPECT_EQ(verdict->status, Scp80Status::kOk);
          EXPECT_EQ(Owned(verdict->data), Counting(size / 2));
          EXPECT_EQ(verdict->authentic, (second & 0x08U) != 0);
          EXPECT_EQ(pair.Judge(answer).error(), Scp80Error::kState) << "one answer for one command";
        }
      }
    }
  }
}

TEST(Scp80, KeysOfEverySizeAndAlgorithm) {
  struct Case {
    Scp80Algorithm algorithm;
    std::size_t key_size;
    std::size_t check_size;
    bool legacy;
  };
  for (const Case& row : {Case{Scp80Algorithm::kAes, 16, 8, false}, Case{Scp80Algorithm::kAes, 24, 8, false},
                          Case{Scp80Algorithm::kAes, 32, 8, false}, Case{Scp80Algorithm::kAes, 16, 4, false},
                          Case{Scp80Algorithm::kTdes2, 16, 8, false}, Case{Scp80Algorithm::kTdes3, 24, 8, false},
                          Case{Scp80Algorithm::kDes, 8, 8, true}}) {
    SCOPED_TRACE(::testing::Message() << static_cast<int>(row.algorithm) << " " << row.key_size);
    PacketPair pair;
    const Bytes kic = Counting(row.key_size);
    Bytes kid = kic;
    std::ranges::reverse(kid);
    pair.agreement = {.kic = kic, .kid = kid, .check_size = row.check_size, .legacy = row.legacy};
    pair.key_sets.front().agreement = pair.agreement;
    Scp80Header header = pair.Header(0x16, 0x19);
    header.kic = KeyByte(1, row.algorithm);
    header.kid = KeyByte(1, row.algorithm);
    for (std::size_t size = 0; size < 40; ++size) {
      const Received received = pair.Receive(pair.Send(header, Counting(size)));
      ASSERT_FALSE(received.refused.has_value());
      ASSERT_EQ(received.data, Counting(size));
      const auto verdict = pair.Judge(pair.Finish(Scp80Status::kOk, Counting(size)));
      ASSERT_TRUE(verdict.has_value() && verdict->authentic);
      ASSERT_EQ(Owned(verdict->data), Counting(size));
    }
  }
}

TEST(Scp80, ChecksumsFindDamage) {
  for (const std::uint8_t kid : Hex("0105")) {
    PacketPair pair;
    pair.targets.front().minimum = {};
    Scp80Header header = pair.Header(0x01, 0x05);
    header.kid = kid;
    const Bytes packet = pair.Send(header, Counting(20));
    EXPECT_EQ(pair.Receive(packet).data, Counting(20));
    const Bytes answer = pair.Finish(Scp80Status::kOk, Counting(3));
    Bytes damaged = packet;
    damaged.back() ^= 0x01U;
    const Received refused = pair.Receive(damaged);
    EXPECT_EQ(refused.refused, Scp80Status::kCheckFailed);
    EXPECT_EQ(pair.Judge(refused.answer)->status, Scp80Status::kCheckFailed);
    static_cast<void>(pair.Send(header, pair.counter, Counting(20)));
    const auto verdict = pair.Judge(answer);
    ASSERT_TRUE(verdict.has_value());
    EXPECT_EQ(Owned(verdict->data), Counting(3));
    EXPECT_FALSE(verdict->authentic);
  }
}

TEST(Scp80, WhatIsRefusedAsUnsupported) {
  PacketPair pair;
  Bytes memory(200);
  const auto send = [&](std::uint8_t first, std::uint8_t second, std::uint8_t kic, std::uint8_t kid) {
    Scp80Header header = pair.Header(first, second);
    header.kic = kic;
    header.kid = kid;
    ByteWriter out(memory);
    const auto sent = pair.sender.Send(pair.agreement, {header, 1, {}}, Scp80Form::kSms, out);
    return sent ? std::nullopt : std::optional(sent.error());
  };
  EXPECT_EQ(send(0x16, 0x19, 0x12, 0x12), std::nullopt);
  EXPECT_EQ(send(0x17, 0x19, 0x12, 0x12), Scp80Error::kUnsupported) << "a signature";
  EXPECT_EQ(send(0x16, 0x1D, 0x12, 0x12), Scp80Error::kUnsupported) << "a signature as proof";
  for (const std::uint8_t kic : Hex("1011131418171A1D1F")) {
    EXPECT_EQ(send(0x16, 0x19, kic, 0x12), Scp80Error::kUnsupported) << int{kic};
    EXPECT_EQ(send(0x16, 0x19, 0x12, kic), Scp80Error::kUnsupported) << int{kic};
    EXPECT_EQ(send(0x02, 0x00, kic, 0x12), std::nullopt) << "nothing is ciphered";
  }
  EXPECT_EQ(send(0x16, 0x19, 0x15, 0x12), std::nullopt) << "16 bytes make two keys";
  EXPECT_EQ(send(0x16, 0x19, 0x19, 0x12), Scp80Error::kKey);
  EXPECT_EQ(send(0x01, 0x00, 0x12, 0x12), Scp80Error::kUnsupported) << "no checksum has this number";
  pair.agreement.check_size = 4;
  EXPECT_EQ(send(0x02, 0x00, 0x12, 0x15), Scp80Error::kUnsupported) << "triple DES is not cut";
  pair.agreement.check_size = 5;
  EXPECT_EQ(send(0x02, 0x00, 0x12, 0x12), Scp80Error::kUnsupported);
}

TEST(Scp80, EqualKeysOfTripleDesAreDes) {
  PacketPair pair;
  Bytes memory(200);
  const Bytes half = Counting(8);
  const Bytes other(8, 0x77);
  const auto judge = [&](const Bytes& key, bool legacy) {
    const auto algorithm = key.size() == 16 ? Scp80Algorithm::kTdes2 : Scp80Algorithm::kTdes3;
    return JudgeKey(algorithm, key, legacy).has_value();
  };
  EXPECT_TRUE(judge(Join(half, other), false));
  EXPECT_FALSE(judge(Join(half, half), false));
  EXPECT_TRUE(judge(Join(half, half), true));
  EXPECT_TRUE(judge(Join(half, other, half), false));
  EXPECT_FALSE(judge(Join(half, half, other), false));
  EXPECT_FALSE(judge(Join(other, half, half), false));
}

TEST(Scp80, DesAndEcbNeedTheLegacySwitch) {
  for (const Scp80Algorithm algorithm : {Scp80Algorithm::kDes, Scp80Algorithm::kDesEcb}) {
    PacketPair pair;
    const Bytes key = Counting(8);
    pair.agreement = {.kic = key, .kid = pair.kid};
    Scp80Header header = pair.Header(0x06, 0x00);
    header.kic = KeyByte(1, algorithm);
    const Bytes data = Counting(20);
    const Scp80Command command{header, 1, data};
    Bytes memory(200);
    ByteWriter out(memory);
    EXPECT_EQ(pair.sender.Send(pair.agreement, command, Scp80Form::kSms, out), Unexpected(Scp80Error::kUnsupported));
    pair.agreement.legacy = true;
    ASSERT_TRUE(pair.sender.Send(pair.agreement, command, Scp80Form::kSms, out).has_value());
    pair.key_sets.front().agreement = {.kic = key, .kid = pair.kid};
    EXPECT_EQ(pair.Receive(out.written()).refused, Scp80Status::kUnidentifiedError);
    pair.key_sets.front().agreement.legacy = true;
    pair.targets.front().minimum = {};
    EXPECT_EQ(pair.Receive(out.written()).data, Counting(20));
  }
}

TEST(Scp80Sender, NeverSendsTheCounterThatBlocks) {
  PacketPair pair;
  Bytes memory(200);
  ByteWriter out(memory);
  for (const std::uint64_t counter : {kMaxScp80Counter, kMaxScp80Counter + 1, ~std::uint64_t{0}}) {
    EXPECT_EQ(pair.sender.Send(pair.agreement, {pair.Header(0x16, 0x19), counter, {}}, Scp80Form::kSms, out),
              Unexpected(Scp80Error::kCounter));
    EXPECT_FALSE(pair.sender.is_awaiting());
  }
  EXPECT_TRUE(
      pair.sender.Send(pair.agreement, {pair.Header(0x16, 0x19), kMaxScp80Counter - 1, {}}, Scp80Form::kSms, out)
          .has_value());
}

TEST(Scp80Sender, AwaitsNothingWhereNoAnswerIsWanted) {
  PacketPair pair;
  static_cast<void>(pair.Send(pair.Header(0x16, 0x00)));
  EXPECT_FALSE(pair.sender.is_awaiting());
  EXPECT_EQ(pair.Judge(Hex("027100000E0AB000110000000000000001612F")).error(), Scp80Error::kState);
}

TEST(Scp80Sender, PacketsThatAreTooLong) {
  PacketPair pair;
  Bytes memory(kMaxScp80Packet + 100);
  ByteWriter out(memory);
  const Bytes data(kMaxScp80Packet, 0);
  EXPECT_EQ(pair.sender.Send(pair.agreement, {pair.Header(0x16, 0x00), 1, data}, Scp80Form::kSms, out),
            Unexpected(Scp80Error::kLength));
  ByteWriter small(ByteSpan(memory).first(28));
  EXPECT_EQ(pair.sender.Send(pair.agreement, {pair.Header(0x16, 0x00), 1, {}}, Scp80Form::kSms, small),
            Unexpected(Scp80Error::kLength));
}

}  // namespace
}  // namespace simroot::secure
