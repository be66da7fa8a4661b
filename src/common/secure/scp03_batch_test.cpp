// SPDX-License-Identifier: Apache-2.0
// A host that wraps a whole batch of commands before it sees an answer, and what may become of the answers.
#include <gtest/gtest.h>

#include "common/secure/scp03_test_support.hpp"

namespace simroot::secure {
namespace {

using testing::kAllLevels;
using testing::Pair;
using testing::PlainCommand;
using wire::StatusWord;

constexpr std::size_t kPlaces = 6;

/// A host with places for kPlaces commands.
struct BatchPair : Pair {
  explicit BatchPair(SecurityLevel level, std::size_t challenge_size = 8) : Pair(16, challenge_size, kPlaces) {
    Open(level);
  }
};

struct Answer {
  Bytes data;
  StatusWord sw = StatusWord::kOk;
};

PlainCommand Command(std::size_t number) {
  return {.ins = 0xE2, .p1 = 0, .p2 = LowByte(number), .data = Counting(number % 3 * 17), .le = 256};
}
Bytes PlainAnswer(std::size_t number) {
  return Counting(number * 11 % 60);
}

/// Every third command is refused.
StatusWord SwOf(std::size_t number) {
  return number % 3 == 2 ? StatusWord::kIncorrectData : StatusWord::kOk;
}

std::vector<Bytes> Wrapped(Pair& pair, std::size_t count, std::size_t first = 0) {
  std::vector<Bytes> commands;
  for (std::size_t number = first; number < first + count; ++number) {
    auto command = pair.HostWraps(Command(number));
    EXPECT_TRUE(command.has_value());
    commands.push_back(command ? *command : Bytes());
  }
  return commands;
}

/// The card end runs the batch.
std::vector<Answer> CardRuns(Pair& pair, const std::vector<Bytes>& commands, std::size_t first = 0) {
  std::vector<Answer> answers;
  for (std::size_t number = first; number < first + commands.size(); ++number) {
    EXPECT_EQ(pair.CardUnwraps(commands.at(number - first)), Command(number).data);
    const StatusWord sw = SwOf(number);
    const auto data = pair.CardWraps(sw, CarriesResponseMac(sw) ? PlainAnswer(number) : Bytes());
    EXPECT_TRUE(data.has_value());
    answers.push_back({data ? *data : Bytes(), sw});
  }
  return answers;
}

void ExpectAnswer(Pair& pair, const Answer& answer, std::size_t number) {
  const auto plain = pair.HostUnwraps(answer.data, answer.sw);
  ASSERT_TRUE(plain.has_value()) << number;
  EXPECT_EQ(*plain, CarriesResponseMac(answer.sw) ? PlainAnswer(number) : Bytes()) << number;
}

TEST(Scp03Batch, AnswersAreReadInTheOrderOfTheCommands) {
  for (const SecurityLevel level : kAllLevels) {
    for (const std::size_t challenge_size : {8U, 16U}) {
      for (const std::size_t count : {std::size_t{1}, std::size_t{2}, kPlaces}) {
        SCOPED_TRACE(::testing::Message() << static_cast<int>(level) << " " << challenge_size << " " << count);
        BatchPair pair(level, challenge_size);
        const std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, count));
        EXPECT_EQ(pair.host.pending(), count);
        for (std::size_t number = 0; number < count; ++number) {
          ExpectAnswer(pair, answers.at(number), number);
        }
        EXPECT_EQ(pair.host.pending(), 0U);
        EXPECT_TRUE(pair.host.is_open());
      }
    }
  }
}

TEST(Scp03Batch, ManyBatchesGoRoundTheRing) {
  BatchPair pair(SecurityLevel::kFull);
  std::size_t first = 0;
  for (const std::size_t count : {4U, 5U, 1U, 6U, 3U, 6U}) {
    const std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, count, first), first);
    for (const Answer& answer : answers) {
      ExpectAnswer(pair, answer, first++);
    }
  }
  EXPECT_EQ(first, 25U);
}

TEST(Scp03Batch, MoreMayBeWrappedAsAnswersComeIn) {
  BatchPair pair(SecurityLevel::kFull);
  std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, 3));
  ExpectAnswer(pair, answers.at(0), 0);
  const std::vector<Answer> more = CardRuns(pair, Wrapped(pair, 4, 3), 3);
  answers.insert(answers.end(), more.begin(), more.end());
  EXPECT_EQ(pair.host.pending(), kPlaces);
  for (std::size_t number = 1; number < answers.size(); ++number) {
    ExpectAnswer(pair, answers.at(number), number);
  }
}

TEST(Scp03Batch, BatchLongerThanTheRingIsRefusedAndNothingHasHappened) {
  for (const SecurityLevel level : kAllLevels) {
    BatchPair pair(level);
    const std::vector<Bytes> commands = Wrapped(pair, kPlaces);
    EXPECT_EQ(pair.HostWraps(Command(kPlaces)), Unexpected(Scp03Error::kState));
    EXPECT_TRUE(pair.host.is_open());
    EXPECT_EQ(pair.host.pending(), kPlaces);
    std::vector<Answer> answers = CardRuns(pair, commands);
    for (std::size_t number = 0; number < kPlaces; ++number) {
      ExpectAnswer(pair, answers.at(number), number);
    }
    // The card would notice a command that was counted or chained and not sent.
    answers = CardRuns(pair, Wrapped(pair, 1, kPlaces), kPlaces);
    ExpectAnswer(pair, answers.at(0), kPlaces);
  }
}

TEST(Scp03Batch, TooLongCommandTakesNoPlace) {
  BatchPair pair(SecurityLevel::kFull);
  PlainCommand command = Command(0);
  command.data = Counting(250);
  EXPECT_EQ(pair.HostWraps(command), Unexpected(Scp03Error::kLength));
  EXPECT_EQ(pair.host.pending(), 0U);
  const std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, 1));
  ExpectAnswer(pair, answers.at(0), 0);
}

/// Answers 0 and 1 of a batch of three, which both carry a check.
template <typename Change>
void ExpectRefused(SecurityLevel level, const Change& change) {
  BatchPair pair(level);
  std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, 3));
  change(answers);
  const auto plain = pair.HostUnwraps(answers.at(0).data, answers.at(0).sw);
  if (plain) {
    EXPECT_EQ(pair.HostUnwraps(answers.at(1).data, answers.at(1).sw), Unexpected(Scp03Error::kNotAuthentic));
  } else {
    EXPECT_EQ(plain, Unexpected(Scp03Error::kNotAuthentic));
  }
  EXPECT_FALSE(pair.host.is_open());
  EXPECT_EQ(pair.host.pending(), 0U);
  EXPECT_EQ(pair.HostUnwraps({}, StatusWord::kIncorrectData), Unexpected(Scp03Error::kState));
}

TEST(Scp03Batch, AnswersThatWereTamperedWithEndTheSession) {
  for (const SecurityLevel level : kAllLevels) {
    if (!ChecksResponses(level)) {
      continue;
    }
    SCOPED_TRACE(static_cast<int>(level));
    ExpectRefused(level, [](std::vector<Answer>& answers) { std::swap(answers.at(0), answers.at(1)); });
    ExpectRefused(level, [](std::vector<Answer>& answers) { answers.erase(answers.begin()); });
    ExpectRefused(level, [](std::vector<Answer>& answers) { answers.at(1) = answers.at(0); });
    ExpectRefused(level, [](std::vector<Answer>& answers) { answers.at(0).data.front() ^= 0x01U; });
    ExpectRefused(level, [](std::vector<Answer>& answers) { answers.at(1).data.back() ^= 0x80U; });
    ExpectRefused(level, [](std::vector<Answer>& answers) { answers.at(1).data.pop_back(); });
    ExpectRefused(level, [](std::vector<Answer>& answers) { answers.at(1).sw = StatusWord::kMoreEntries; });
    ExpectRefused(level, [&](std::vector<Answer>& answers) {
      BatchPair other(level);
      other.Open(level);  // same keys and challenge of the host, another sequence of the card
      answers.at(0) = CardRuns(other, Wrapped(other, 1)).at(0);
    });
  }
}

TEST(Scp03Batch, AnswerNobodyAskedForEndsTheSession) {
  BatchPair pair(SecurityLevel::kFull);
  const std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, 1));
  ExpectAnswer(pair, answers.at(0), 0);
  EXPECT_EQ(pair.HostUnwraps(answers.at(0).data, answers.at(0).sw), Unexpected(Scp03Error::kState));
  EXPECT_FALSE(pair.host.is_open());
}

TEST(Scp03Batch, BareRefusalConsumesItsCommandOnly) {
  BatchPair pair(SecurityLevel::kFull);
  const std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, 4));
  ExpectAnswer(pair, answers.at(0), 0);
  // Somebody suppressed the second answer and says that the card refused: that is known after it only.
  EXPECT_EQ(pair.HostUnwraps({}, StatusWord::kSecurityNotSatisfied), Bytes());
  EXPECT_EQ(pair.host.pending(), 2U);
  EXPECT_EQ(pair.HostUnwraps({}, answers.at(2).sw), Bytes());
  ExpectAnswer(pair, answers.at(3), 3);
}

TEST(Scp03Batch, NewSessionForgetsWhatWasPending) {
  BatchPair pair(SecurityLevel::kFull);
  static_cast<void>(Wrapped(pair, kPlaces));
  pair.Open(SecurityLevel::kFull);
  EXPECT_EQ(pair.host.pending(), 0U);
  const std::vector<Answer> answers = CardRuns(pair, Wrapped(pair, kPlaces));
  ExpectAnswer(pair, answers.at(0), 0);
}

}  // namespace
}  // namespace simroot::secure
