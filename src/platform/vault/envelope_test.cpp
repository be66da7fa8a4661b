// SPDX-License-Identifier: Apache-2.0
#include "platform/vault/envelope.hpp"

#include <gtest/gtest.h>

#include <set>

#include "common/host/test_hex.hpp"

namespace simroot::platform {
namespace {

constexpr std::string_view kContext = "card-keys/89880000000000000011/48";

class Envelope : public ::testing::Test {
 protected:
  void SetUp() override {
    for (Kek* kek : {&first_, &second_, &impostor_}) {
      ByteSpan key = kek->key.Prepare(kVaultKeySize);
      std::ranges::fill(key, LowByte(kek == &first_ ? 0x11 : kek == &second_ ? 0x22 : 0x33));
    }
    first_.number = 1;
    second_.number = 2;
    impostor_.number = 1;
  }
  [[nodiscard]] static Bytes Plain(const std::optional<SecretBytes>& opened) {
    if (!opened) {
      ADD_FAILURE() << "not opened";
      return {};
    }
    const ByteView bytes = opened->Reveal(InsecureReveal::kForTest);
    return {bytes.begin(), bytes.end()};
  }

  Kek first_;
  Kek second_;
  Kek impostor_;  ///< another key under the first one's number
};

TEST_F(Envelope, OpensToWhatWasSealed) {
  for (const std::size_t size : std::vector<std::size_t>{0, 1, 15, 16, 17, 48, 1000, 65536}) {
    const Bytes plain = Counting(size);
    const auto sealed = SealEnvelope(first_, plain, kContext);
    ASSERT_TRUE(sealed);
    EXPECT_EQ(sealed->size(), size + kEnvelopeOverhead);
    EXPECT_EQ(KekNumberOf(*sealed), 1U);
    EXPECT_EQ(Plain(OpenEnvelope(first_, *sealed, kContext)), plain);
  }
}

// Opens a sealed value that other tools made (Python's cryptography 48.0.0: AESGCM for both layers): KEK 11 x 32, data
// key 55 x 32, nonce 66 x 12, value 000102..0F.
TEST_F(Envelope, OpensWhatAnotherImplementationSealed) {
  const Bytes sealed =
      Hex("53525601 00000001 666666666666666666666666"
          "EDB8D6B4AF40C4EF965CA04638CDDDAAB5E49DD90B22472BA05635CB013A3BCC9481FA5F63060C3AD3233BE44F11ACF2"
          "697CBA3041914DFB34670E82DCF489EF73EE49402AB161F858D1A5C1EB357FCA");
  EXPECT_EQ(Plain(OpenEnvelope(first_, sealed, kContext)), Counting(16));
}

TEST_F(Envelope, NeverLooksTheSameTwice) {
  std::set<Bytes> seen;
  for (int i = 0; i < 64; ++i) {
    const auto sealed = SealEnvelope(first_, Counting(16), kContext);
    ASSERT_TRUE(sealed);
    EXPECT_TRUE(seen.insert({sealed->begin() + 8, sealed->end()}).second);
  }
}

TEST_F(Envelope, EveryFlippedBitIsFound) {
  const auto sealed = SealEnvelope(first_, Counting(20), kContext);
  ASSERT_TRUE(sealed);
  for (std::size_t i = 0; i < sealed->size(); ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Bytes damaged = *sealed;
      damaged.at(i) = LowByte(damaged.at(i) ^ (1U << bit));
      EXPECT_FALSE(OpenEnvelope(first_, damaged, kContext)) << "byte " << i << " bit " << bit;
    }
  }
}

TEST_F(Envelope, EveryOtherLengthIsFound) {
  const auto sealed = SealEnvelope(first_, Counting(20), kContext);
  ASSERT_TRUE(sealed);
  for (std::size_t size = 0; size < sealed->size(); ++size) {
    EXPECT_FALSE(OpenEnvelope(first_, ByteView(*sealed).first(size), kContext)) << size;
  }
  EXPECT_FALSE(OpenEnvelope(first_, Join(*sealed, Hex("00")), kContext));
  EXPECT_FALSE(OpenEnvelope(first_, Join(Hex("53"), *sealed), kContext));
}

TEST_F(Envelope, BelongsToItsContextAndItsKek) {
  const auto sealed = SealEnvelope(first_, Counting(20), kContext);
  ASSERT_TRUE(sealed);
  for (const std::string_view other : {"", "card-keys/89880000000000000011/4", "card-keys/89880000000000000011/481",
                                       "card-keys/89880000000000000012/48", "psk/89880000000000000011"}) {
    EXPECT_FALSE(OpenEnvelope(first_, *sealed, other)) << other;
  }
  EXPECT_FALSE(OpenEnvelope(second_, *sealed, kContext));
  EXPECT_FALSE(OpenEnvelope(impostor_, *sealed, kContext));
}

TEST_F(Envelope, HalvesOfTwoValuesDoNotMakeOne) {
  const auto one = SealEnvelope(first_, Counting(20), kContext);
  const auto two = SealEnvelope(first_, Counting(20), kContext);
  ASSERT_TRUE(one && two);
  const auto half = static_cast<std::ptrdiff_t>(kEnvelopeOverhead - 16);
  Bytes mixed(one->begin(), one->begin() + half);
  mixed.insert(mixed.end(), two->begin() + half, two->end());
  EXPECT_FALSE(OpenEnvelope(first_, mixed, kContext));
}

TEST_F(Envelope, RewrapChangesTheKeyAndNotTheValue) {
  const auto sealed = SealEnvelope(first_, Counting(20), kContext);
  ASSERT_TRUE(sealed);
  const auto wrapped = RewrapEnvelope(first_, second_, *sealed, kContext);
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(KekNumberOf(*wrapped), 2U);
  EXPECT_EQ(Bytes(wrapped->end() - 36, wrapped->end()), Bytes(sealed->end() - 36, sealed->end()));
  EXPECT_EQ(Plain(OpenEnvelope(second_, *wrapped, kContext)), Counting(20));
  EXPECT_FALSE(OpenEnvelope(first_, *wrapped, kContext));
  EXPECT_FALSE(RewrapEnvelope(first_, second_, *sealed, "another")) << "context";
  EXPECT_FALSE(RewrapEnvelope(second_, first_, *sealed, kContext)) << "wrong KEK";
  EXPECT_FALSE(RewrapEnvelope(impostor_, second_, *sealed, kContext)) << "another key under its number";
  Bytes damaged = *sealed;
  damaged.at(25) ^= 1;
  EXPECT_FALSE(RewrapEnvelope(first_, second_, damaged, kContext)) << "damaged";
}

}  // namespace
}  // namespace simroot::platform
