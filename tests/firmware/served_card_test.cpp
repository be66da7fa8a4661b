// SPDX-License-Identifier: Apache-2.0
// The conformance scripts on a virtual card behind a byte pipe: server, protocol and transport, without an emulator.
#include <gtest/gtest.h>

#include "firmware/piped_conformance.hpp"

namespace simroot::conformance {
namespace {

class PipedConformance : public ::testing::TestWithParam<PipedRun> {};

TEST_P(PipedConformance, EveryCaseHolds) {
  const PipedCounts counts = RunScript(
      GetParam(), [](const PipedCardOptions& options) { return std::make_unique<ServedCard>(options); },
      [](const ScriptCase& /*script_case*/) { return std::string(); });
  EXPECT_EQ(counts.failed, 0U);
  EXPECT_GT(counts.passed, 0U);
  std::cout << counts.Text() << "\n";
}

INSTANTIATE_TEST_SUITE_P(Scripts, PipedConformance, ::testing::ValuesIn(AllPipedRuns()),
                         [](const auto& run) { return NameOf(run.param); });

}  // namespace
}  // namespace simroot::conformance
