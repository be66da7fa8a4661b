// SPDX-License-Identifier: Apache-2.0
// What somebody between platform and card can do to packets, and that none of it gets through.
#include <gtest/gtest.h>

#include "common/secure/scp80_test_support.hpp"

namespace simroot::secure {
namespace {

using testing::kForms;
using testing::MakeSpi;
using testing::Owned;
using testing::PacketPair;
using testing::Received;

/// Each change of one bit of `bytes`, bit by bit.
template <typename Try>
void ForEachFlippedBit(const Bytes& bytes, const Try& attempt) {
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Bytes changed = bytes;
    changed.at(bit / 8) = LowByte(changed.at(bit / 8) ^ (1U << (bit % 8)));
    attempt(changed, bit);
  }
}

/// True if a response packet was secured in any way.
bool IsSecured(ByteView answer, Scp80Form form) {
  const auto parsed = ParseResponsePacket(answer, form);
  constexpr std::size_t kBareBody = 7;
  return !parsed || parsed->check_size != 0 || parsed->body.size() != kBareBody;
}

TEST(Scp80Attack, FlippedBitInACommandIsRefusedAndAnsweredBare) {
  for (const Scp80Form form : kForms) {
    for (const std::uint8_t first : Hex("1216")) {
      PacketPair pair(form);
      pair.targets.front().minimum = MakeSpi(0x02, 0);
      const Bytes packet = pair.Send(pair.Header(first, 0x39), Counting(30));
      ForEachFlippedBit(packet, [&](const Bytes& changed, std::size_t bit) {
        const Received received = pair.Receive(changed);
        EXPECT_TRUE(received.refused.has_value()) << static_cast<int>(form) << " " << int{first} << " " << bit;
        EXPECT_TRUE(received.answer.empty() || !IsSecured(received.answer, form)) << bit;
        EXPECT_EQ(pair.counters.values.at(1), 0U) << bit;
      });
      EXPECT_EQ(pair.Receive(packet).data, Counting(30));
    }
  }
}

TEST(Scp80Attack, TruncatedAndExtendedCommands) {
  for (const Scp80Form form : kForms) {
    PacketPair pair(form);
    const Bytes packet = pair.Send(pair.Header(0x16, 0x39), Counting(30));
    for (std::size_t size = 0; size < packet.size(); ++size) {
      const Received received = pair.Receive(ByteView(packet).first(size));
      EXPECT_TRUE(received.refused.has_value());
      EXPECT_TRUE(received.answer.empty()) << "these bytes are no packet";
    }
    EXPECT_TRUE(pair.Receive(Join(packet, Bytes{0})).refused.has_value());
    EXPECT_FALSE(pair.Receive(packet).refused.has_value());
  }
}

TEST(Scp80Attack, ReplayedCommands) {
  PacketPair pair;
  std::vector<Bytes> packets;
  for (int i = 0; i < 5; ++i) {
    packets.push_back(pair.Send(pair.Header(0x16, 0x39), Counting(10)));
    EXPECT_FALSE(pair.Receive(packets.back()).refused.has_value());
  }
  for (const Bytes& packet : packets) {
    EXPECT_EQ(pair.Receive(packet).refused, Scp80Status::kCounterLow);
  }
}

TEST(Scp80Attack, ReorderedCommands) {
  PacketPair pair;
  const Bytes first = pair.Send(pair.Header(0x16, 0x39));
  const Bytes second = pair.Send(pair.Header(0x16, 0x39));
  EXPECT_FALSE(pair.Receive(second).refused.has_value());
  EXPECT_EQ(pair.Receive(first).refused, Scp80Status::kCounterLow);
}

TEST(Scp80Attack, OtherKeys) {
  for (const bool cipher_key : {false, true}) {
    PacketPair pair;
    Bytes key = cipher_key ? pair.kic : pair.kid;
    key.back() ^= 0x01U;
    (cipher_key ? pair.agreement.kic : pair.agreement.kid) = key;
    const Received received = pair.Receive(pair.Send(pair.Header(0x16, 0x39), Counting(10)));
    EXPECT_EQ(received.refused, Scp80Status::kCheckFailed);
    EXPECT_FALSE(IsSecured(received.answer, Scp80Form::kSms));
  }
}

// What tools that look for weak cards do: ask, without any key, for an answer secured under the card's keys.
TEST(Scp80Attack, NobodyGetsASecuredAnswerWithoutKeys) {
  for (const std::uint8_t minimum : Hex("000204061601")) {
    for (const std::uint8_t first : Hex("00010206080E1216")) {
      for (const std::uint8_t second : Hex("090A1112191A392D2E")) {
        if ((second & 0x0CU) == 0x0C) {
          continue;
        }
        PacketPair pair;
        pair.targets.front().minimum = MakeSpi(minimum, 0);
        const Bytes none(16, 0x00);
        const Scp80Agreement guess{.kic = none, .kid = none};
        Scp80Header header = pair.Header(first, second);
        if ((first & 0x03U) == 0x01) {
          header.kid = 0x15;
        }
        Bytes memory(200);
        ByteWriter out(memory);
        if (!pair.sender.Send(guess, {header, 1, Counting(9)}, Scp80Form::kSms, out)) {
          continue;  // not a packet that the protocol has
        }
        const Received received = pair.Receive(out.written());
        Bytes answer = received.answer;
        if (!received.refused) {
          answer = pair.Finish(Scp80Status::kNoMemory, {});
        }
        EXPECT_TRUE(answer.empty() || !IsSecured(answer, Scp80Form::kSms))
            << int{minimum} << " " << int{first} << " " << int{second};
      }
    }
  }
}

TEST(Scp80Attack, FlippedBitInAnAnswer) {
  for (const Scp80Form form : kForms) {
    for (const std::uint8_t second : Hex("0919")) {
      PacketPair pair(form);
      EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x16, second), Counting(8))).refused.has_value());
      const Bytes answer = pair.Finish(Scp80Status::kOk, Counting(30));
      ForEachFlippedBit(answer, [&](const Bytes& changed, std::size_t bit) {
        EXPECT_FALSE(pair.Judge(changed).has_value()) << static_cast<int>(form) << " " << int{second} << " " << bit;
        EXPECT_TRUE(pair.sender.is_awaiting());
      });
      for (std::size_t size = 0; size < answer.size(); ++size) {
        EXPECT_FALSE(pair.Judge(ByteView(answer).first(size)).has_value());
      }
      EXPECT_TRUE(pair.Judge(answer)->authentic);
    }
  }
}

TEST(Scp80Attack, AnswerToAnotherCommand) {
  PacketPair pair;
  EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x16, 0x39))).refused.has_value());
  const Bytes old = pair.Finish(Scp80Status::kOk, Counting(3));
  EXPECT_FALSE(pair.Receive(pair.Send(pair.Header(0x16, 0x39))).refused.has_value());
  EXPECT_EQ(pair.Judge(old).error(), Scp80Error::kNotAuthentic);
  EXPECT_TRUE(pair.Judge(pair.Finish(Scp80Status::kOk, Counting(3)))->authentic);
}

TEST(Scp80Attack, BareAnswersCannotClaimSuccess) {
  PacketPair pair;
  static_cast<void>(pair.Send(pair.Header(0x16, 0x39), 5, {}));
  EXPECT_EQ(pair.Judge(Hex("027100000B0AB0001100000000050000")).error(), Scp80Error::kNotAuthentic);
  EXPECT_EQ(pair.Judge(Hex("027100000C0AB000110000000005000161")).error(), Scp80Error::kNotAuthentic) << "with data";
  EXPECT_EQ(pair.Judge(Hex("027100000B0AB0001100000000060001")).error(), Scp80Error::kNotAuthentic) << "counter";
  EXPECT_EQ(pair.Judge(Hex("027100000B0AB0001200000000050001")).error(), Scp80Error::kNotAuthentic) << "TAR";
  EXPECT_EQ(pair.Judge(Hex("027100000B0AB0001100000000050101")).error(), Scp80Error::kNotAuthentic) << "padding";
  const auto verdict = pair.Judge(Hex("027100000B0AB0001100000000050001"));
  ASSERT_TRUE(verdict.has_value());
  EXPECT_FALSE(verdict->authentic);
  EXPECT_TRUE(pair.sender.is_awaiting()) << "the card's own answer may still come";
}

TEST(Scp80Attack, ShorterCheckThanAgreed) {
  PacketPair pair;
  pair.agreement.check_size = kShortCheckSize;
  const Bytes packet = pair.Send(pair.Header(0x16, 0x39), Counting(10));
  EXPECT_EQ(pair.Receive(packet).refused, Scp80Status::kCheckFailed) << "right, but guessed 2^32 times sooner";
  pair.key_sets.front().agreement.check_size = kShortCheckSize;
  EXPECT_FALSE(pair.Receive(packet).refused.has_value());
}

TEST(Scp80Attack, PaddingThatNoSenderMakes) {
  // Under right keys, so only a faulty platform could: the card must not read outside the packet.
  PacketPair pair;
  pair.targets.front().minimum = MakeSpi(0x02, 0);
  for (const std::uint8_t first : Hex("1216")) {
    Bytes packet = pair.Send(pair.Header(first, 0x00), Counting(3));
    const auto parsed = ParseCommandPacket(packet, Scp80Form::kSms);
    ASSERT_TRUE(parsed.has_value());
    for (const std::uint8_t padding : Hex("01101FFF")) {
      // The body in clear, another padding counter, checked and ciphered again.
      Bytes body(parsed->body.size());
      if (first == 0x16) {
        ASSERT_TRUE(pair.crypto->AesCbc(crypto::Direction::kDecrypt, pair.kic, Bytes(16), parsed->body, body));
      } else {
        body = Owned(parsed->body);
      }
      if (first == 0x16 && padding == 0x01) {
        continue;  // one byte of padding is what a sender may make
      }
      body.at(5) = padding;
      const std::array pieces{parsed->clear, ByteView(body).first(6), ByteView(body).subspan(14)};
      Bytes mac(16);
      ASSERT_TRUE(pair.crypto->AesCmac(pair.kid, pieces, mac));
      std::copy_n(mac.begin(), 8, body.begin() + 6);
      if (first == 0x16) {
        ASSERT_TRUE(pair.crypto->AesCbc(crypto::Direction::kEncrypt, pair.kic, Bytes(16), body, body));
      }
      const Bytes changed = Join(ByteView(packet).first(packet.size() - body.size()), body);
      EXPECT_EQ(pair.Receive(changed).refused, Scp80Status::kUnidentifiedError) << int{first} << " " << int{padding};
    }
  }
}

TEST(Scp80Attack, HeadersThatAreNotOurs) {
  PacketPair pair;
  const Bytes packet = pair.Send(pair.Header(0x16, 0x39), Counting(4));
  for (const char* start : {"027000", "027100", "017000", "0270", "0571007001FF"}) {
    const Bytes other = Join(Hex(start), ByteView(packet).subspan(3));
    EXPECT_EQ(pair.Receive(other).refused.has_value(), std::string(start) != "027000") << start;
  }
}

}  // namespace
}  // namespace simroot::secure
