// SPDX-License-Identifier: Apache-2.0
// Any sequence of APDUs is answered, and leaves a card that can be selected.
#include <random>

#include "card/uicc/uicc_test_support.hpp"

namespace simroot::card::testing {
namespace {

constexpr int kCommands = 200'000;

/// Makes APDUs of which most have a header the UICC knows and lengths that fit.
class ApduSource {
 public:
  explicit ApduSource(std::uint32_t seed) : random_(seed) {}

  Bytes Next() {
    static constexpr std::array<std::uint8_t, 16> kClasses{0x00, 0x00, 0x00, 0x01, 0x01, 0x01, 0x02, 0x03,
                                                           0x80, 0x81, 0x81, 0x82, 0x83, 0x04, 0x40, 0xFF};
    static constexpr std::array<std::uint8_t, 16> kInstructions{0x70, 0x70, 0xA4, 0xA4, 0xA4, 0xB0, 0xB2, 0xC0,
                                                                0xC0, 0xC0, 0xF2, 0x84, 0xCD, 0xE0, 0xE0, 0xB9};
    static constexpr std::array<std::uint8_t, 12> kParameters{0x00, 0x00, 0x00, 0x01, 0x02, 0x04,
                                                              0x08, 0x0C, 0x80, 0x82, 0xF4, 0x09};
    static const std::vector<Bytes> kData{
        Hex("3F00"),       Hex("2F00"),           Hex("2FE2"),           Hex("7FFF"),     Hex("6F07"),
        Hex("A000000559"), Hex("A0000000871002"), Hex("A0000005590010"), Hex("7FFF6FAD"), Hex("9000")};
    if (Chance(2)) {
      return Noise(Below(300));
    }
    Bytes apdu{Chance(5) ? Byte() : Pick(kClasses), Chance(5) ? Byte() : Pick(kInstructions),
               Chance(15) ? Byte() : Pick(kParameters), Chance(15) ? Byte() : Pick(kParameters)};
    const bool extended = Chance(5);
    if (Chance(60)) {
      const Bytes data = Chance(70) ? kData.at(Below(kData.size())) : Noise(1 + Below(255));
      if (extended) {
        apdu.insert(apdu.end(), {0, 0});
      }
      apdu.push_back(LowByte(data.size() + (Chance(3) ? 1 : 0)));
      apdu.insert(apdu.end(), data.begin(), data.end());
    } else if (extended) {
      apdu.push_back(0);
    }
    if (Chance(50)) {
      apdu.push_back(Chance(50) ? std::uint8_t{0} : Byte());
      if (extended) {
        apdu.push_back(Byte());
      }
    }
    if (Chance(2)) {
      apdu.resize(Below(apdu.size() + 1));
    }
    return apdu;
  }

 private:
  std::size_t Below(std::size_t limit) { return random_() % limit; }
  bool Chance(unsigned percent) { return random_() % 100 < percent; }
  std::uint8_t Byte() { return LowByte(random_()); }
  template <std::size_t kSize>
  std::uint8_t Pick(const std::array<std::uint8_t, kSize>& from) {
    return from.at(Below(kSize));
  }
  Bytes Noise(std::size_t size) {
    Bytes bytes(size);
    std::ranges::generate(bytes, [this] { return Byte(); });
    return bytes;
  }

  std::mt19937 random_;  // the standard fixes its sequence; distributions it does not
};

void FeedAndSelect(const CompatibilityConfig& config, std::uint32_t seed) {
  SCOPED_TRACE("seed " + std::to_string(seed));
  TestCard card(config);
  ApduSource source(seed);
  std::array<std::size_t, 256> answers{};
  std::vector<std::uint8_t> memory(wire::kMaxResponse);
  for (int i = 0; i < kCommands; ++i) {
    const Bytes apdu = source.Next();
    const bool small = i % 2 == 0;  // both sizes the contract allows
    const ByteSpan response = ByteSpan(memory).first(small ? wire::kMaxShortResponse : wire::kMaxResponse);
    const std::size_t size = card.uicc.Transmit(apdu, response);
    ASSERT_GE(size, 2U) << ToHex(apdu);
    ASSERT_LE(size, response.size()) << ToHex(apdu);
    const std::uint8_t sw1 = response[size - 2];
    ++answers.at(sw1);
    if (size > 2) {
      ASSERT_TRUE(sw1 == 0x90 || sw1 == 0x61 || sw1 == 0x62 || sw1 == 0x63 || sw1 == 0x91) << ToHex(apdu);
    }
    ASSERT_NE(sw1, 0x6C) << ToHex(apdu);
    if (i % 1000 == 999) {
      card.uicc.Reset();
    }
  }
  for (const unsigned sw1 : {0x90U, 0x61U, 0x67U, 0x68U, 0x69U, 0x6AU, 0x6BU, 0x6DU, 0x6EU, 0x6FU}) {
    EXPECT_GT(answers.at(sw1), 20U) << "the source never leads to " << sw1;
  }
  EXPECT_EQ(card.uicc.Counters().commands, static_cast<std::uint64_t>(kCommands));
  EXPECT_EQ(card.Send("00A4040007A0000005590010"), "9000");
  EXPECT_EQ(card.Send("8084000004"), "000102039000");
  card.uicc.Reset();
  EXPECT_TRUE(card.BuffersAreClean());
  EXPECT_EQ(card.Send("0070000001"), "019000");
  EXPECT_EQ(card.SelectIot(1), "9000");
}

TEST(UiccRandom, StaysSelectableOverT0) {
  FeedAndSelect(CompatibilityConfig{}, 20191203);
}

TEST(UiccRandom, StaysSelectableOverT1) {
  FeedAndSelect(CompatibilityConfig{.ignore_excess_bytes = false, .implicit_channel_open = false, .answer_t0 = false},
                20240607);
}

}  // namespace
}  // namespace simroot::card::testing
