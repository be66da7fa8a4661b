// SPDX-License-Identifier: Apache-2.0
/// A UICC with two applications that answer predictably, spoken to in hexadecimal.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "card/uicc/uicc.hpp"
#include "common/host/hex.hpp"

namespace simroot::card::testing {

inline constexpr std::string_view kGsmaAid = "A0000005590010";
inline constexpr std::string_view kThalesAid = "A00000003053F12401770101495341";
inline constexpr std::string_view kNttAid = "A0000001157000000000000049534102";
inline constexpr std::string_view kOtherAid = "A000000559001099";  // its beginning is the GSMA AID

inline Bytes Hex(std::string_view text) {
  const auto bytes = FromHex(text);
  EXPECT_TRUE(bytes.has_value()) << text;
  return bytes.value_or(Bytes());
}

/// `size` bytes 00 01 02 ..., as hexadecimal text.
inline std::string Pattern(std::size_t size, std::size_t from = 0) {
  Bytes bytes;
  for (std::size_t i = from; i < from + size; ++i) {
    bytes.push_back(LowByte(i));
  }
  return ToHex(bytes);
}

/// Knows just enough of IoT.05 to have answers of the right sizes: 84 random, B0 file of 600 bytes, CD 71 bytes, B9 81
/// bytes, 2A and 2B signature of one byte value per channel, 24 and D8 without answer, and E0: P1P2 bytes with the
/// status word in the data.
class FakeApplication final : public Application {
 public:
  explicit FakeApplication(const std::vector<std::string_view>& aids) {
    for (const std::string_view aid : aids) {
      aids_.push_back(Hex(aid));
    }
  }

  bool AnswersTo(ByteView aid) const override {
    EXPECT_GE(aid.size(), 5U);
    EXPECT_LE(aid.size(), 16U);
    return std::ranges::any_of(aids_, [&](const Bytes& own) {
      return own.size() >= aid.size() && SameBytes(ByteView(own).first(aid.size()), aid);
    });
  }
  ByteView Aid() const override { return aids_.front(); }

  wire::StatusWord Select(std::uint8_t channel) override {
    log.push_back("select " + std::to_string(channel));
    keys_.at(channel) = 0;
    return select_answer;
  }
  void Deselect(std::uint8_t channel) override { log.push_back("deselect " + std::to_string(channel)); }
  void Reset() override {
    log.emplace_back("reset");
    keys_ = {};
  }

  wire::StatusWord Process(std::uint8_t channel, const wire::CommandApdu& command, ByteWriter& response) override {
    EXPECT_EQ(command.cla & 3, channel);
    ++processed;
    const std::size_t offset = static_cast<std::size_t>(command.p1) << 8U | command.p2;
    switch (command.ins) {
      case 0x24:
      case 0xD8:
        return wire::StatusWord::kOk;
      case 0x2A:
        return Init(channel, command);
      case 0x2B:
        return Sign(channel, response);
      case 0x84:
        return Put(0, command.le.value_or(256), wire::StatusWord::kOk, response);
      case 0xB0:
        return Put(offset, std::min({command.le.value_or(255), std::size_t{255}, offset < 600 ? 600 - offset : 0}),
                   wire::StatusWord::kOk, response);
      case 0xB9:
        return Put(0, 81, wire::StatusWord::kOk, response);
      case 0xCD:
        return Put(0, 71, wire::StatusWord::kOk, response);
      case 0xE0: {
        ByteReader reader(command.data);
        std::uint16_t sw = 0x9000;
        static_cast<void>(reader.ReadU16(sw));
        return Put(0, offset, static_cast<wire::StatusWord>(sw), response);
      }
      default:
        return wire::StatusWord::kUnknownInstruction;
    }
  }

  std::vector<std::string> log;
  std::size_t processed = 0;
  wire::StatusWord select_answer = wire::StatusWord::kOk;

 private:
  static wire::StatusWord Put(std::size_t from, std::size_t size, wire::StatusWord sw, ByteWriter& response) {
    for (std::size_t i = from; i < from + size; ++i) {
      response.PutU8(LowByte(i));
    }
    return sw;
  }
  wire::StatusWord Init(std::uint8_t channel, const wire::CommandApdu& command) {
    if (command.p1 != 0) {
      keys_.at(channel) = 0;
      return wire::StatusWord::kOk;
    }
    keys_.at(channel) = command.data.empty() ? 0 : command.data.back();
    return wire::StatusWord::kOk;
  }
  wire::StatusWord Sign(std::uint8_t channel, ByteWriter& response) {
    if (keys_.at(channel) == 0) {
      return wire::StatusWord::kConditionsNotSatisfied;
    }
    response.PutU16(0x3340);
    for (int i = 0; i < 64; ++i) {
      response.PutU8(keys_.at(channel));
    }
    return wire::StatusWord::kOk;
  }

  std::vector<Bytes> aids_;
  std::array<std::uint8_t, kUiccChannels> keys_{};
};

inline UiccIdentity TestIdentity() {
  UiccIdentity identity;
  EXPECT_TRUE(CopyBytes(Hex("98880100000000000010"), identity.iccid));
  EXPECT_TRUE(CopyBytes(Hex("080910101032547698"), identity.imsi));
  return identity;
}

/// The card under test; `iot` is the IoT SAFE stand-in with all its aliases, `other` shares the beginning of its AID.
struct TestCard {
  explicit TestCard(const CompatibilityConfig& config = {}) : uicc(applications, TestIdentity(), config, buffers) {}

  /// Sends one APDU, returns data and status word.
  std::string Send(std::string_view apdu) { return SendBytes(Hex(apdu)); }
  std::string SendBytes(ByteView apdu) {
    std::array<std::uint8_t, wire::kMaxResponse> memory{};
    const std::size_t size = uicc.Transmit(apdu, memory);
    return ToHex(ByteView(memory).first(size));
  }
  /// SELECT of the GSMA AID.
  std::string SelectIot(int channel) {
    return Send("0" + std::to_string(channel) + "A4040007" + std::string(kGsmaAid));
  }
  bool BuffersAreClean() const {
    return std::ranges::all_of(buffers.pending, [](const auto& memory) {
      return std::ranges::all_of(memory, [](std::uint8_t byte) { return byte == 0; });
    });
  }

  FakeApplication iot{{kGsmaAid, kThalesAid, kNttAid}};
  FakeApplication other{{kOtherAid}};
  std::array<Application*, 2> applications{&iot, &other};
  UiccBuffers buffers;
  Uicc uicc;
};

/// The default card with channel 1 opened and the applet selected on it: the precondition of the spec's test cases.
class UiccTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(card.Send("0070000001"), "019000");
    ASSERT_EQ(card.SelectIot(1), "9000");
    card.iot.log.clear();
  }
  std::string Send(std::string_view apdu) { return card.Send(apdu); }

  TestCard card;
};

}  // namespace simroot::card::testing
