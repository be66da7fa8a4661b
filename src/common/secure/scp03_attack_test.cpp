// SPDX-License-Identifier: Apache-2.0
// What somebody between host and card can do to a session, and that none of it gets through.
#include <gtest/gtest.h>

#include "common/secure/scp03_test_support.hpp"

namespace simroot::secure {
namespace {

using testing::kAllLevels;
using testing::Pair;
using testing::PlainCommand;
using wire::StatusWord;

const PlainCommand kCommand{.ins = 0xE2, .p1 = 0x80, .p2 = 0, .data = Counting(20), .le = std::nullopt};

/// Each change of one bit of `bytes`, bit by bit.
template <typename Try>
void ForEachFlippedBit(const Bytes& bytes, const Try& attempt) {
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    Bytes changed = bytes;
    changed.at(bit / 8) = LowByte(changed.at(bit / 8) ^ (1U << (bit % 8)));
    attempt(changed, bit);
  }
}

TEST(Scp03Attack, FlippedBitInTheCardsAnswerEndsTheHostsSession) {
  Pair pair;
  const Bytes answer = pair.Begin();
  constexpr std::size_t kFirstJudgedByte = kDiversificationSize;
  constexpr std::size_t kSequenceStart = 29;  // checked by nothing but the challenge made of it
  ForEachFlippedBit(answer, [&](const Bytes& changed, std::size_t bit) {
    if (bit / 8 < kFirstJudgedByte || bit / 8 >= kSequenceStart) {
      return;
    }
    Pair fresh;
    static_cast<void>(fresh.Begin());
    EXPECT_FALSE(fresh.HostAuthenticates(changed, SecurityLevel::kFull).has_value()) << bit;
    EXPECT_FALSE(fresh.host.is_open());
  });
}

TEST(Scp03Attack, FlippedBitInExternalAuthenticateEndsTheCardsSession) {
  Pair probe;
  const Bytes command = *probe.HostAuthenticates(probe.Begin(), SecurityLevel::kFull);
  ASSERT_EQ(command.size(), 21U);
  ForEachFlippedBit(command, [&](const Bytes& changed, std::size_t bit) {
    constexpr std::size_t kLc = 4;
    if (bit / 8 == kLc || bit < 8) {
      return;  // another length is no command; another class may be another channel
    }
    Pair fresh;
    static_cast<void>(fresh.Begin());
    EXPECT_FALSE(fresh.CardAuthenticates(changed).has_value()) << bit;
    EXPECT_FALSE(fresh.card.is_authenticated() || fresh.card.is_begun());
    EXPECT_EQ(fresh.CardAuthenticates(command), Unexpected(Scp03Error::kState)) << "no second try on one challenge";
  });
}

TEST(Scp03Attack, AuthenticationIsForOneChallengeOnly) {
  Pair pair;
  const Bytes command = *pair.HostAuthenticates(pair.Begin(), SecurityLevel::kCMac);
  ASSERT_TRUE(pair.CardAuthenticates(command).has_value());
  static_cast<void>(pair.Begin());
  EXPECT_EQ(pair.CardAuthenticates(command), Unexpected(Scp03Error::kNotAuthentic));
}

TEST(Scp03Attack, OtherKeysAreNoticedByBothEnds) {
  Pair pair;
  Pair stranger;
  stranger.mac.back() = 0xEE;
  EXPECT_EQ(stranger.HostAuthenticates(pair.Begin(), SecurityLevel::kCMac), Unexpected(Scp03Error::kState));
  const Bytes answer = stranger.Begin();
  pair.sequence = 0;
  static_cast<void>(pair.Begin());
  EXPECT_EQ(pair.HostAuthenticates(answer, SecurityLevel::kCMac), Unexpected(Scp03Error::kNotAuthentic));
  static_cast<void>(pair.Begin());
  const Bytes forged = *stranger.HostAuthenticates(answer, SecurityLevel::kCMac);
  EXPECT_EQ(pair.CardAuthenticates(forged), Unexpected(Scp03Error::kNotAuthentic));
}

TEST(Scp03Attack, HostRefusesAWeakerCard) {
  const auto with_options = [](std::uint8_t i, SecurityLevel level) {
    Pair pair;
    Bytes answer = pair.Begin();
    answer.at(12) = i;
    return pair.HostAuthenticates(answer, level);
  };
  EXPECT_TRUE(with_options(0x70, SecurityLevel::kFull).has_value());
  EXPECT_EQ(with_options(0x30, SecurityLevel::kFull), Unexpected(Scp03Error::kUnsupported));
  EXPECT_EQ(with_options(0x10, SecurityLevel::kCMacRMac), Unexpected(Scp03Error::kUnsupported));
  EXPECT_TRUE(with_options(0x10, SecurityLevel::kCMacCDec).has_value());
  EXPECT_EQ(with_options(0x71, SecurityLevel::kFull), Unexpected(Scp03Error::kMalformed));
  Pair pair;
  Bytes answer = pair.Begin();
  answer.at(10) = 0x31;  // key version
  EXPECT_EQ(pair.HostAuthenticates(answer, SecurityLevel::kFull), Unexpected(Scp03Error::kUnsupported));
}

TEST(Scp03Attack, FlippedBitInACommandEndsTheSession) {
  for (const SecurityLevel level : kAllLevels) {
    Pair probe;
    probe.Open(level);
    const Bytes command = *probe.HostWraps(kCommand);
    ForEachFlippedBit(command, [&](const Bytes& changed, std::size_t bit) {
      constexpr std::size_t kLc = 4;
      constexpr std::size_t kChannelBits = 2;
      if (bit / 8 == kLc || bit < kChannelBits) {
        return;
      }
      Pair fresh;
      fresh.Open(level);
      EXPECT_FALSE(fresh.CardUnwraps(changed).has_value()) << bit;
      EXPECT_FALSE(fresh.card.is_authenticated());
      EXPECT_EQ(fresh.CardUnwraps(command), Unexpected(Scp03Error::kState));
    });
  }
}

TEST(Scp03Attack, ReplayedCommand) {
  for (const SecurityLevel level : kAllLevels) {
    Pair pair;
    pair.Open(level);
    const Bytes command = *pair.HostWraps(kCommand);
    EXPECT_TRUE(pair.CardUnwraps(command).has_value());
    EXPECT_EQ(pair.CardUnwraps(command), Unexpected(Scp03Error::kNotAuthentic));
    EXPECT_FALSE(pair.card.is_authenticated());
  }
}

TEST(Scp03Attack, DroppedCommand) {
  for (const SecurityLevel level : kAllLevels) {
    Pair pair;
    pair.Open(level);
    ASSERT_TRUE(pair.HostWraps(kCommand).has_value());
    EXPECT_EQ(pair.CardUnwraps(*pair.HostWraps(kCommand)), Unexpected(Scp03Error::kNotAuthentic));
  }
}

TEST(Scp03Attack, ReorderedCommands) {
  Pair pair;
  pair.Open(SecurityLevel::kFull);
  const Bytes first = *pair.HostWraps(kCommand);
  const Bytes second = *pair.HostWraps(kCommand);
  EXPECT_NE(first, second);
  EXPECT_EQ(pair.CardUnwraps(second), Unexpected(Scp03Error::kNotAuthentic));
  EXPECT_EQ(pair.CardUnwraps(first), Unexpected(Scp03Error::kState));
}

TEST(Scp03Attack, TruncatedCommand) {
  for (std::size_t kept = 0; kept < 40; ++kept) {
    Pair pair;
    pair.Open(SecurityLevel::kFull);
    const Bytes command = *pair.HostWraps(kCommand);
    ASSERT_EQ(command.size(), 45U);
    Bytes cut(command.begin(), command.begin() + 5 + static_cast<std::ptrdiff_t>(kept));
    cut.at(4) = LowByte(kept);
    EXPECT_EQ(pair.CardUnwraps(cut), Unexpected(Scp03Error::kNotAuthentic)) << kept;
    EXPECT_FALSE(pair.card.is_authenticated());
  }
}

TEST(Scp03Attack, CommandOfAnotherLevel) {
  Pair full;
  Pair mac_only;
  full.Open(SecurityLevel::kFull);
  mac_only.Open(SecurityLevel::kCMac);
  const Bytes wrapped_for_mac_only = *mac_only.HostWraps(kCommand);
  EXPECT_FALSE(full.CardUnwraps(wrapped_for_mac_only).has_value());
}

TEST(Scp03Attack, AuthenticMacOverSomethingNeverEnciphered) {
  // Data that is no whole number of blocks, with a right check: only who has the keys can make it, and it is refused.
  Pair pair;
  pair.Open(SecurityLevel::kFull);
  Scp03Session twin(*pair.crypto);
  std::array<std::uint8_t, 8> challenge{};
  ASSERT_TRUE(MakeCardChallenge(*pair.crypto, pair.enc, pair.sequence, pair.aid, challenge));
  ASSERT_TRUE(twin.Start({pair.enc, pair.mac}, pair.challenge, challenge));
  const wire::CommandApdu authenticate{.cla = 0x84, .ins = 0x82, .p1 = 0x33, .data = {}, .le = {}};
  twin.Chain(*twin.CommandMac(authenticate, twin.host_cryptogram()));
  for (const std::size_t size : {15U, 16U}) {
    Pair fresh;
    fresh.Open(SecurityLevel::kFull);
    const wire::CommandApdu store{.cla = 0x84, .ins = 0xE2, .data = {}, .le = {}};
    const Bytes data(size, 0x00);
    const Bytes mac = testing::Copy(ByteView(*twin.CommandMac(store, data)).first(8));
    EXPECT_EQ(fresh.CardUnwraps(Join(Bytes{0x84, 0xE2, 0, 0, LowByte(size + 8)}, data, mac)),
              Unexpected(Scp03Error::kNotAuthentic))
        << size;
    EXPECT_FALSE(fresh.card.is_authenticated());
  }
}

TEST(Scp03Attack, PlainAndExtendedCommandsEndTheSession) {
  for (const char* command : {"80F2000000", "00F2000000", "84F2000000000C000000000000000000000000"}) {
    Pair pair;
    pair.Open(SecurityLevel::kCMac);
    EXPECT_EQ(pair.CardUnwraps(Hex(command)), Unexpected(Scp03Error::kMalformed)) << command;
    EXPECT_FALSE(pair.card.is_authenticated());
  }
}

TEST(Scp03Attack, FlippedBitInAnAnswer) {
  for (const SecurityLevel level : kAllLevels) {
    if (!ChecksResponses(level)) {
      continue;
    }
    const auto answered = [&](Pair& pair) {
      pair.Open(level);
      EXPECT_TRUE(pair.CardUnwraps(*pair.HostWraps(kCommand)).has_value());
      return *pair.CardWraps(StatusWord::kOk, Counting(5));
    };
    Pair probe;
    ForEachFlippedBit(answered(probe), [&](const Bytes& changed, std::size_t bit) {
      Pair fresh;
      static_cast<void>(answered(fresh));
      EXPECT_EQ(fresh.HostUnwraps(changed, StatusWord::kOk), Unexpected(Scp03Error::kNotAuthentic)) << bit;
      EXPECT_FALSE(fresh.host.is_open());
    });
    Pair other_sw;
    const Bytes answer = answered(other_sw);
    EXPECT_EQ(other_sw.HostUnwraps(answer, StatusWord::kOkAfterRemoteSession), Unexpected(Scp03Error::kNotAuthentic));
    for (std::size_t size = 0; size < answer.size(); ++size) {
      Pair fresh;
      static_cast<void>(answered(fresh));
      EXPECT_EQ(fresh.HostUnwraps(ByteView(answer).first(size), StatusWord::kOk),
                Unexpected(Scp03Error::kNotAuthentic));
    }
  }
}

TEST(Scp03Attack, AnswerToAnEarlierCommand) {
  Pair pair;
  pair.Open(SecurityLevel::kFull);
  ASSERT_TRUE(pair.CardUnwraps(*pair.HostWraps(kCommand)).has_value());
  const Bytes old_answer = *pair.CardWraps(StatusWord::kOk, Counting(5));
  ASSERT_TRUE(pair.HostUnwraps(old_answer, StatusWord::kOk).has_value());
  ASSERT_TRUE(pair.CardUnwraps(*pair.HostWraps(kCommand)).has_value());
  EXPECT_EQ(pair.HostUnwraps(old_answer, StatusWord::kOk), Unexpected(Scp03Error::kNotAuthentic));
}

TEST(Scp03Attack, RefusalsCarryNoData) {
  Pair pair;
  pair.Open(SecurityLevel::kFull);
  ASSERT_TRUE(pair.CardUnwraps(*pair.HostWraps(kCommand)).has_value());
  EXPECT_EQ(pair.CardWraps(StatusWord::kIncorrectData, Counting(5)), Bytes());
  EXPECT_EQ(pair.HostUnwraps({}, StatusWord::kIncorrectData), Bytes());
  EXPECT_TRUE(pair.host.is_open());
  EXPECT_EQ(pair.HostUnwraps(Counting(5), StatusWord::kIncorrectData), Unexpected(Scp03Error::kNotAuthentic));
}

}  // namespace
}  // namespace simroot::secure
