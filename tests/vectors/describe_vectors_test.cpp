// SPDX-License-Identifier: Apache-2.0
// Runs describe/*.vec: what a trace says of commands and answers seen on real cards and clients.
#include <gtest/gtest.h>

#include "common/host/hex.hpp"
#include "common/iotsafe/describe.hpp"
#include "vectors/vec_reader.hpp"

namespace simroot::iotsafe {
namespace {

std::string Text(const auto& describe) {
  std::string memory(4096, '\0');
  TextWriter out(memory);
  describe(out);
  EXPECT_TRUE(out.ok());
  return std::string(out.text());
}

class DescribeVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(DescribeVectors, SayWhatTheBytesMean) {
  const auto cases = testing::ReadVecFile(std::string(SIMROOT_VECTOR_DIR "/describe/") + GetParam());
  ASSERT_TRUE(cases);
  for (const auto& row : *cases) {
    SCOPED_TRACE(row.name());
    const Bytes command = row.Get("Command");
    const Bytes response = row.Get("Response");
    EXPECT_EQ(AsText(row.Get("Says")), Text([&](auto& out) { DescribeCommand(command, Secrets::kHide, out); }));
    EXPECT_EQ(AsText(row.Get("Answers")),
              Text([&](auto& out) { DescribeResponse(command, response, Secrets::kHide, out); }));
    const std::string trace = row.Has("Trace") ? std::string(AsText(row.Get("Trace"))) : ToHex(command);
    EXPECT_EQ(trace, Text([&](auto& out) { PutTraceHex(command, response, false, out); }));
    const std::string answer =
        row.Has("ResponseTrace") ? std::string(AsText(row.Get("ResponseTrace"))) : ToHex(response);
    EXPECT_EQ(answer, Text([&](auto& out) { PutTraceHex(command, response, true, out); }));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, DescribeVectors, ::testing::Values("cards.vec", "clients.vec"));

}  // namespace
}  // namespace simroot::iotsafe
