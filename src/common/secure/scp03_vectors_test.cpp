// SPDX-License-Identifier: Apache-2.0
// Sessions with a real card: both ends must make, and accept, exactly its bytes.
#include <gtest/gtest.h>

#include "common/secure/scp03_test_support.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::secure {
namespace {

using simroot::testing::ReadVecFile;
using simroot::testing::VecCase;
using wire::ApduStrictness;
using wire::CommandApdu;

std::vector<VecCase> Cases(const std::string& name) {
  auto cases = ReadVecFile(std::string(SIMROOT_VECTORS) + "/secure/" + name);
  EXPECT_TRUE(cases.has_value()) << name;
  return cases ? *std::move(cases) : std::vector<VecCase>();
}

CommandApdu Parse(ByteView bytes) {
  const auto command = wire::ParseCommand(bytes, ApduStrictness::kExact);
  EXPECT_TRUE(command.has_value());
  return command ? *command : CommandApdu{};
}

Bytes Written(const CommandApdu& command) {
  std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
  ByteWriter out(memory);
  wire::PutCommand(command, out);
  EXPECT_TRUE(out.ok());
  return testing::Copy(out.written());
}

wire::StatusWord SwOf(const VecCase& vector, const std::string& step) {
  const Bytes sw = vector.Get("Sw" + step);
  EXPECT_EQ(sw.size(), 2U);
  return wire::MakeStatusWord(sw.at(0), sw.at(1));
}

class Scp03Vectors : public ::testing::Test {
 protected:
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
};

TEST_F(Scp03Vectors, HostMakesTheCommandsAndReadsTheAnswers) {
  std::size_t steps = 0;
  for (const VecCase& vector : Cases("scp03.vec")) {
    SCOPED_TRACE(vector.name());
    const Bytes enc = vector.Get("Enc");
    const Bytes mac = vector.Get("Mac");
    const Bytes initialize = vector.Get("InitializeUpdate");
    Scp03Host host(*crypto_);
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter begin(memory);
    ASSERT_TRUE(host.Begin(Parse(initialize).p1, Parse(initialize).data, begin).has_value());
    EXPECT_EQ(ToHex(begin.written()), ToHex(initialize));
    const auto level = SecurityLevelOf(vector.Get("Level").at(0));
    ASSERT_TRUE(level.has_value());
    ByteWriter authenticate(memory);
    ASSERT_TRUE(host.Authenticate({enc, mac}, vector.Get("InitializeUpdateAnswer"), *level, authenticate).has_value());
    EXPECT_EQ(ToHex(authenticate.written()), ToHex(vector.Get("ExternalAuthenticate")));
    for (std::string step = "1"; vector.Has("Plain" + step); step = std::to_string(std::stoi(step) + 1)) {
      SCOPED_TRACE("step " + step);
      ++steps;
      const Bytes plain = vector.Get("Plain" + step);
      ByteWriter wrapped(memory);
      ASSERT_TRUE(host.Wrap(Parse(plain), wrapped).has_value());
      EXPECT_EQ(ToHex(wrapped.written()), ToHex(vector.Get("Wrapped" + step)));
      if (vector.Has("Answer" + step)) {
        const Bytes answer = vector.Get("Answer" + step);
        std::array<std::uint8_t, 256> space{};
        const auto unwrapped = host.Unwrap(answer, SwOf(vector, step), space);
        ASSERT_TRUE(unwrapped.has_value());
        EXPECT_EQ(ToHex(*unwrapped), ToHex(vector.Get("PlainAnswer" + step)));
      }
    }
  }
  EXPECT_EQ(steps, 30U);
}

TEST_F(Scp03Vectors, CardMakesTheAnswersAndReadsTheCommands) {
  std::size_t answers = 0;
  for (const VecCase& vector : Cases("scp03.vec")) {
    SCOPED_TRACE(vector.name());
    const Bytes enc = vector.Get("Enc");
    const Bytes mac = vector.Get("Mac");
    const Bytes aid = vector.Get("Aid");
    const Bytes initialize = vector.Get("InitializeUpdate");
    const Bytes expected = vector.Get("InitializeUpdateAnswer");
    const auto offer = ParseInitializeUpdateAnswer(expected);
    ASSERT_TRUE(offer.has_value() && offer->sequence.has_value());
    Scp03Card card(*crypto_);
    std::array<std::uint8_t, 64> memory{};
    ByteWriter answer(memory);
    ASSERT_TRUE(card.Begin({enc, mac},
                           {.diversification = offer->diversification,
                            .key_version = Parse(initialize).p1,
                            .sequence = *offer->sequence,
                            .aid = aid},
                           Parse(initialize).data, answer)
                    .has_value());
    EXPECT_EQ(ToHex(answer.written()), ToHex(expected));
    const Bytes authenticate = vector.Get("ExternalAuthenticate");
    ASSERT_TRUE(card.Authenticate(Parse(authenticate)).has_value());
    EXPECT_EQ(static_cast<std::uint8_t>(card.level()), vector.Get("Level").at(0));
    for (std::string step = "1"; vector.Has("Wrapped" + step); step = std::to_string(std::stoi(step) + 1)) {
      SCOPED_TRACE("step " + step);
      std::array<std::uint8_t, 255> space{};
      const Bytes wrapped = vector.Get("Wrapped" + step);
      auto plain = card.Unwrap(Parse(wrapped), space);
      ASSERT_TRUE(plain.has_value());
      plain->cla = kProprietaryClass;
      EXPECT_EQ(ToHex(Written(*plain)), ToHex(vector.Get("Plain" + step)));
      if (vector.Has("Answer" + step)) {
        ++answers;
        std::array<std::uint8_t, 256> out_memory{};
        ByteWriter out(out_memory);
        ASSERT_TRUE(card.Wrap(SwOf(vector, step), vector.Get("PlainAnswer" + step), out).has_value());
        EXPECT_EQ(ToHex(out.written()), ToHex(vector.Get("Answer" + step)));
      }
    }
  }
  EXPECT_EQ(answers, 6U);
}

TEST_F(Scp03Vectors, KeyCheckValues) {
  const auto cases = Cases("key_check_value.vec");
  EXPECT_EQ(cases.size(), 3U);
  for (const VecCase& vector : cases) {
    const auto value = KeyCheckValue(*crypto_, vector.Get("Key"));
    ASSERT_TRUE(value.has_value());
    EXPECT_EQ(ToHex(*value), ToHex(vector.Get("CheckValue")));
  }
  EXPECT_FALSE(KeyCheckValue(*crypto_, Counting(15)).has_value());
  EXPECT_FALSE(KeyCheckValue(*crypto_, {}).has_value());
}

}  // namespace
}  // namespace simroot::secure
