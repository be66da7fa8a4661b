// SPDX-License-Identifier: Apache-2.0
// Packets of other people's tools: both ends must make, and understand, exactly these bytes.
#include <gtest/gtest.h>

#include "common/secure/scp80_test_support.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::secure {
namespace {

using simroot::testing::ReadVecFile;
using simroot::testing::VecCase;
using testing::Owned;

std::vector<VecCase> Cases(const std::string& name) {
  auto cases = ReadVecFile(std::string(SIMROOT_VECTORS) + "/secure/" + name);
  EXPECT_TRUE(cases.has_value()) << name;
  return cases ? *std::move(cases) : std::vector<VecCase>();
}

std::uint64_t Number(ByteView bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) {
    value = (value << 8U) | byte;
  }
  return value;
}

class Scp80Vectors : public ::testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
  Bytes kic_;
  Bytes kid_;

  Scp80Agreement AgreementOf(const VecCase& vector) {
    kic_ = vector.Get("Kic");
    kid_ = vector.Get("Kid");
    return {.kic = kic_,
            .kid = kid_,
            .check_size = vector.Has("CheckSize") ? vector.Get("CheckSize").at(0) : kFullCheckSize,
            .legacy = vector.Has("Legacy")};
  }
};

TEST_P(Scp80Vectors, CommandsAreMadeAndOpened) {
  std::size_t commands = 0;
  for (const VecCase& vector : Cases(GetParam())) {
    if (!vector.Has("CommandPacket")) {
      continue;
    }
    SCOPED_TRACE(vector.name());
    ++commands;
    const Bytes packet = vector.Get("CommandPacket");
    const auto parsed = ParseCommandPacket(packet, Scp80Form::kSmsPart);
    ASSERT_TRUE(parsed.has_value());
    Scp80Agreement agreement = AgreementOf(vector);
    const Bytes data = vector.Get("Data");
    const Scp80Command command{parsed->header, Number(vector.Get("Counter")), data};
    Bytes memory(packet.size());
    Bytes made(200);
    ByteWriter out(made);
    if (vector.Has("Unsupported")) {
      agreement.legacy = true;
      EXPECT_EQ(PacketSecurity(*crypto_, agreement).OpenCommand(*parsed, memory).error(), Scp80Error::kUnsupported);
      EXPECT_EQ(PacketSecurity(*crypto_, agreement).PutCommand(command, Scp80Form::kSmsPart, out),
                Unexpected(Scp80Error::kUnsupported));
      continue;
    }
    const auto opened = PacketSecurity(*crypto_, agreement).OpenCommand(*parsed, memory);
    ASSERT_TRUE(opened.has_value()) << static_cast<int>(opened.error());
    EXPECT_EQ(ToHex(opened->data), ToHex(data));
    EXPECT_EQ(opened->counter, command.counter);
    ASSERT_TRUE(PacketSecurity(*crypto_, agreement).PutCommand(command, Scp80Form::kSmsPart, out).has_value());
    EXPECT_EQ(ToHex(out.written()), ToHex(packet));
    out.Truncate(0);
    ASSERT_TRUE(PacketSecurity(*crypto_, agreement).PutCommand(command, Scp80Form::kSms, out).has_value());
    EXPECT_EQ(ToHex(out.written()), "027000" + ToHex(packet));
    if (agreement.legacy) {
      agreement.legacy = false;
      EXPECT_FALSE(PacketSecurity(*crypto_, agreement).OpenCommand(*parsed, memory).has_value());
    }
  }
  EXPECT_GE(commands, 5U);
}

TEST_P(Scp80Vectors, ResponsesAreMadeAndOpened) {
  std::size_t responses = 0;
  for (const VecCase& vector : Cases(GetParam())) {
    if (!vector.Has("ResponseUd") && !vector.Has("ResponsePacket")) {
      continue;
    }
    SCOPED_TRACE(vector.name());
    ++responses;
    const Bytes packet =
        vector.Has("ResponseUd") ? vector.Get("ResponseUd") : Join(Hex("027100"), vector.Get("ResponsePacket"));
    const auto parsed = ParseResponsePacket(packet, Scp80Form::kSms);
    ASSERT_TRUE(parsed.has_value());
    Scp80Header header{.spi = {}, .kic = 0x35, .kid = 0x35, .tar = 0};
    if (vector.Has("CommandPacket")) {
      const Bytes command_packet = vector.Get("CommandPacket");
      header = ParseCommandPacket(command_packet, Scp80Form::kSmsPart)->header;
    } else {
      header.spi = *ParseSpi(0x06, vector.Has("Spi2") ? vector.Get("Spi2").at(0) : 0x01);
      if (vector.Has("Algorithm")) {
        header.kid = LowByte(0x10U | vector.Get("Algorithm").at(0));
      }
    }
    const Scp80Agreement agreement = AgreementOf(vector);
    PacketSecurity security(*crypto_, agreement);
    Bytes memory(packet.size());
    const auto opened = security.OpenResponse(header, *parsed, Scp80Form::kSms, memory);
    if (vector.Has("Refused")) {
      EXPECT_EQ(opened.error(), Scp80Error::kNotAuthentic);
      continue;
    }
    ASSERT_TRUE(opened.has_value()) << static_cast<int>(opened.error());
    EXPECT_EQ(static_cast<int>(opened->status), vector.Get("Status").at(0));
    if (vector.Has("LastSw")) {
      EXPECT_EQ(ToHex(opened->data), "01" + ToHex(vector.Get("LastSw")));
    } else {
      EXPECT_EQ(ToHex(opened->data), ToHex(vector.Get("Data")));
      EXPECT_EQ(opened->tar, Number(vector.Get("Tar")));
      EXPECT_EQ(opened->counter, Number(vector.Get("Counter")));
    }
    Bytes made(200);
    ByteWriter out(made);
    ASSERT_TRUE(security.PutResponse(header, *opened, Scp80Form::kSms, out).has_value());
    EXPECT_EQ(ToHex(out.written()), ToHex(packet));
  }
  EXPECT_GE(responses, 3U);
}

INSTANTIATE_TEST_SUITE_P(Files, Scp80Vectors, ::testing::Values("scp80_sms.vec", "scp80_gsm0348.vec"));

}  // namespace
}  // namespace simroot::secure
