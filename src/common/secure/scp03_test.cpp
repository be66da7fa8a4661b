// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>

#include <random>

#include "common/secure/scp03_test_support.hpp"

namespace simroot::secure {
namespace {

using testing::Copy;
using testing::kAllLevels;
using testing::Pair;
using testing::PlainCommand;
using wire::StatusWord;

constexpr std::array<std::size_t, 3> kKeySizes{16, 24, 32};
constexpr std::array<std::size_t, 2> kChallengeSizes{8, 16};

Bytes RandomBytes(std::mt19937& random, std::size_t size) {
  Bytes bytes(size);
  std::ranges::generate(bytes, [&] { return LowByte(random()); });
  return bytes;
}

PlainCommand RandomCommand(std::mt19937& random, std::size_t max_data) {
  PlainCommand command{.cla = LowByte(0x80U | random() % 4),
                       .ins = LowByte(random()),
                       .p1 = LowByte(random()),
                       .p2 = LowByte(random()),
                       .data = RandomBytes(random, random() % (max_data + 1)),
                       .le = std::nullopt};
  if (random() % 2 == 0) {
    command.le = 256;
  }
  return command;
}

TEST(Scp03, EndsUnderstandEachOtherInEveryLevelWithEveryKey) {
  constexpr std::array kAnswers{StatusWord::kOk, StatusWord::kOkAfterRemoteSession, wire::MakeStatusWord(0x63, 0x10),
                                StatusWord::kIncorrectData, StatusWord::kReferencedDataNotFound};
  std::mt19937 random(20260301);
  for (const SecurityLevel level : kAllLevels) {
    for (const std::size_t key_size : kKeySizes) {
      for (const std::size_t challenge_size : kChallengeSizes) {
        SCOPED_TRACE(::testing::Message() << static_cast<int>(level) << " " << key_size << " " << challenge_size);
        Pair pair(key_size, challenge_size);
        pair.Open(level);
        const std::size_t max_data = challenge_size == 8 ? kMaxPlainCommand : kMaxPlainCommand - 16;
        for (int turn = 0; turn < 40; ++turn) {
          const PlainCommand command = RandomCommand(random, max_data);
          const auto wrapped = pair.HostWraps(command);
          ASSERT_TRUE(wrapped.has_value());
          const auto understood = pair.CardUnwraps(*wrapped);
          ASSERT_TRUE(understood.has_value());
          ASSERT_EQ(*understood, command.data);
          const StatusWord sw = kAnswers[random() % kAnswers.size()];
          const Bytes plain =
              CarriesResponseMac(sw) ? RandomBytes(random, random() % (kMaxPlainResponse + 1)) : Bytes();
          const auto answer = pair.CardWraps(sw, plain);
          ASSERT_TRUE(answer.has_value());
          ASSERT_LE(answer->size(), 256U);
          const auto read = pair.HostUnwraps(*answer, sw);
          ASSERT_TRUE(read.has_value());
          ASSERT_EQ(*read, plain);
        }
      }
    }
  }
}

TEST(Scp03, LengthsOfTheAnswerToInitializeUpdate) {
  EXPECT_EQ(Pair(16, 8).Begin().size(), 32U);
  EXPECT_EQ(Pair(32, 16).Begin().size(), 48U);
  Pair pair;
  std::array<std::uint8_t, 64> memory{};
  for (const std::size_t size : {0U, 7U, 9U, 15U, 17U}) {
    ByteWriter out(memory);
    EXPECT_EQ(pair.card.Begin({pair.enc, pair.mac}, {pair.diversification, 0x30, 1, pair.aid}, Counting(size), out),
              Unexpected(Scp03Error::kMalformed));
    EXPECT_EQ(pair.host.Begin(0x30, Counting(size), out), Unexpected(Scp03Error::kMalformed));
  }
  ByteWriter small(ByteSpan(memory).first(31));
  EXPECT_EQ(pair.card.Begin({pair.enc, pair.mac}, {pair.diversification, 0x30, 1, pair.aid}, pair.challenge, small),
            Unexpected(Scp03Error::kLength));
  EXPECT_FALSE(pair.card.is_begun());
}

TEST(Scp03, BadKeysAndSequencesAreRefused) {
  Pair pair;
  std::array<std::uint8_t, 64> memory{};
  for (const std::size_t size : {0U, 15U, 17U, 33U}) {
    ByteWriter out(memory);
    EXPECT_EQ(
        pair.card.Begin({Counting(size), pair.mac}, {pair.diversification, 0x30, 1, pair.aid}, pair.challenge, out),
        Unexpected(Scp03Error::kCrypto));
    EXPECT_EQ(
        pair.card.Begin({pair.enc, Counting(size)}, {pair.diversification, 0x30, 1, pair.aid}, pair.challenge, out),
        Unexpected(Scp03Error::kCrypto));
  }
  ByteWriter out(memory);
  EXPECT_EQ(pair.card.Begin({pair.enc, pair.mac}, {pair.diversification, 0x30, kMaxSequence + 1, pair.aid},
                            pair.challenge, out),
            Unexpected(Scp03Error::kCrypto));
}

TEST(InitializeUpdateAnswer, ParsesWhatItWritesAndNothingElse) {
  for (const std::uint8_t i : Hex("0001107071")) {
    const Bytes challenge = Counting(MacSize(i));
    const Bytes cryptogram(MacSize(i), 0xCC);
    const Bytes diversification(kDiversificationSize, 0xDD);
    InitializeUpdateAnswer answer{.diversification = diversification,
                                  .key_version = 0x30,
                                  .i = i,
                                  .card_challenge = challenge,
                                  .card_cryptogram = cryptogram,
                                  .sequence = std::nullopt};
    if (Has(i, Scp03Option::kPseudoRandom)) {
      answer.sequence = 0x010203;
    }
    std::array<std::uint8_t, 64> memory{};
    ByteWriter out(memory);
    PutInitializeUpdateAnswer(answer, out);
    const Bytes whole = Copy(out.written());
    const auto parsed = ParseInitializeUpdateAnswer(whole);
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->i, i);
    EXPECT_EQ(parsed->key_version, 0x30);
    EXPECT_EQ(parsed->sequence, answer.sequence);
    EXPECT_TRUE(SameBytes(parsed->card_challenge, challenge));
    EXPECT_TRUE(SameBytes(parsed->card_cryptogram, cryptogram));
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(ParseInitializeUpdateAnswer(ByteView(whole).first(size)).error(), ParseError::kTruncated) << size;
    }
    EXPECT_EQ(ParseInitializeUpdateAnswer(Join(whole, Bytes{0})).error(), ParseError::kTrailingBytes);
    Bytes other = whole;
    other.at(11) = 0x02;
    EXPECT_EQ(ParseInitializeUpdateAnswer(other).error(), ParseError::kBadValue);
  }
}

TEST(SecurityLevel, OnlyFiveExist) {
  std::vector<int> known;
  for (int p1 = 0; p1 < 256; ++p1) {
    if (SecurityLevelOf(LowByte(p1))) {
      known.push_back(p1);
    }
  }
  EXPECT_THAT(known, ::testing::ElementsAre(0x01, 0x03, 0x11, 0x13, 0x33));
}

TEST(Scp03, MacIgnoresTheChannelThatAModemPutsIntoTheClass) {
  Pair pair;
  pair.Open(SecurityLevel::kFull);
  for (const std::uint8_t channel : Hex("00010203")) {
    auto command = pair.HostWraps({.ins = 0xCA, .p1 = 0, .p2 = 0x66, .data = {}, .le = 256});
    ASSERT_TRUE(command.has_value());
    command->front() = LowByte(command->front() | channel);
    EXPECT_TRUE(pair.CardUnwraps(*command).has_value());
  }
}

TEST(Scp03, EndOfTheMemoryIsAnErrorOfTheWriter) {
  Pair pair;
  pair.Open(SecurityLevel::kFull);
  ASSERT_TRUE(pair.CardUnwraps(*pair.HostWraps({.data = Counting(3), .le = {}})).has_value());
  EXPECT_EQ(pair.CardWraps(StatusWord::kOk, Counting(kMaxPlainResponse + 1)), Unexpected(Scp03Error::kLength));
  EXPECT_FALSE(pair.card.is_authenticated());
}

TEST(Scp03, TooLongACommandLeavesTheSessionAsItWas) {
  for (const SecurityLevel level : kAllLevels) {
    Pair pair;
    pair.Open(level);
    const std::size_t most = EnciphersCommands(level) ? kMaxPlainCommand : 247;
    EXPECT_EQ(pair.HostWraps({.data = Counting(most + 1), .le = {}}), Unexpected(Scp03Error::kLength));
    EXPECT_TRUE(pair.host.is_open());
    const auto command = pair.HostWraps({.data = Counting(most), .le = {}});
    ASSERT_TRUE(command.has_value());
    EXPECT_EQ(pair.CardUnwraps(*command), Counting(most));
  }
}

TEST(Scp03, CounterEndsTheSessionBeforeItWraps) {
  Pair pair;
  pair.Open(SecurityLevel::kCMac);
  const PlainCommand command{.ins = 0xF2, .data = {}, .le = {}};
  for (std::uint32_t i = 0; i < kMaxSessionCommands; ++i) {
    const auto wrapped = pair.HostWraps(command);
    ASSERT_TRUE(wrapped.has_value()) << i;
    ASSERT_TRUE(pair.CardUnwraps(*wrapped).has_value()) << i;
  }
  EXPECT_EQ(pair.HostWraps(command), Unexpected(Scp03Error::kExhausted));
  EXPECT_FALSE(pair.host.is_open());
  EXPECT_EQ(pair.CardUnwraps(Hex("84F2000008000000000000000000")), Unexpected(Scp03Error::kExhausted));
  EXPECT_FALSE(pair.card.is_authenticated());
}

TEST(Scp03, NothingWorksInTheWrongState) {
  Pair pair;
  EXPECT_EQ(pair.HostWraps({.data = {}, .le = {}}), Unexpected(Scp03Error::kState));
  EXPECT_EQ(pair.HostUnwraps({}, StatusWord::kOk), Unexpected(Scp03Error::kState));
  EXPECT_EQ(pair.HostAuthenticates(Bytes(32), SecurityLevel::kFull), Unexpected(Scp03Error::kState));
  EXPECT_EQ(pair.CardUnwraps(Hex("84F2000008000000000000000000")), Unexpected(Scp03Error::kState));
  EXPECT_EQ(pair.CardWraps(StatusWord::kOk, {}), Unexpected(Scp03Error::kState));
  EXPECT_EQ(pair.CardAuthenticates(Join(Hex("8482330010"), Bytes(16))), Unexpected(Scp03Error::kState));
  static_cast<void>(pair.Begin());
  EXPECT_EQ(pair.CardUnwraps(Hex("84F2000008000000000000000000")), Unexpected(Scp03Error::kState));
  EXPECT_FALSE(pair.card.is_begun());
}

}  // namespace
}  // namespace simroot::secure
