// SPDX-License-Identifier: Apache-2.0
// The conformance scripts on the firmware, in an emulator, over its serial line. Run by `make firmware` with the folder
// of the build in SIMROOT_FIRMWARE; no part of `make test`. At the end it prints what was run, and writes the deepest
// stack to the file stack-peak of that folder.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "firmware/piped_conformance.hpp"

namespace simroot::conformance {
namespace {

std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

class EmulatedConformance : public ::testing::TestWithParam<PipedRun> {
 protected:
  static void TearDownTestSuite() {
    std::cout << "on the emulated chip: " << total.Text() << "\ndeepest stack: " << stack_peak << " bytes\n";
    if (const std::string folder = Environment("SIMROOT_FIRMWARE"); !folder.empty()) {
      std::ofstream(folder + "/stack-peak") << stack_peak << "\n";
    }
  }

  /// Notes the stack of a chip when its run is over.
  class Watched final : public PipedCard {
   public:
    explicit Watched(std::unique_ptr<EmulatedChip> chip) : chip_(std::move(chip)) {}
    ~Watched() override { stack_peak = std::max(stack_peak, chip_->StackPeak()); }
    [[nodiscard]] PipeEndpoint* Load(const std::string& store) override { return chip_->Load(store); }

   private:
    std::unique_ptr<EmulatedChip> chip_;
  };

  static std::unique_ptr<PipedCard> Start(const PipedCardOptions& options) {
    auto chip = EmulatedChip::Start(Environment("SIMROOT_FIRMWARE"), options);
    return chip == nullptr ? nullptr : std::make_unique<Watched>(std::move(chip));
  }
  static std::string WhyNotRun(const ScriptCase& script_case) {
    if (script_case.options.store == "rsa") {
      return "the firmware is built without RSA";
    }
    return BuildOf(Environment("SIMROOT_FIRMWARE")).card == "interface" ? WhyNotOnInterface(script_case) : "";
  }
  /// What the interface of IoT.05 alone does not have, and what its memory does not hold.
  static std::string WhyNotOnInterface(const ScriptCase& script_case) {
    const auto is_about = [&](std::string_view words) { return script_case.title.find(words) != std::string::npos; };
    if (script_case.clause == "PIN") {
      return "the interface alone has no user PIN";
    }
    if (script_case.options.clause == "docs/formats/extensions.md") {
      return "the interface alone has no extensions";
    }
    if (is_about("P-384")) {
      return "P-384 is an extension";
    }
    if (is_about("PRF general, 512 bytes") || is_about("PRF general, an extended Le")) {
      return "an answer of 512 bytes is longer than the card has memory for";
    }
    return "";
  }

  static inline PipedCounts total;
  static inline unsigned stack_peak = 0;
};

TEST_P(EmulatedConformance, EveryCaseHolds) {
  ASSERT_FALSE(Environment("SIMROOT_FIRMWARE").empty()) << "set SIMROOT_FIRMWARE, or run make firmware";
  const PipedCounts counts = RunScript(GetParam(), Start, WhyNotRun);
  EXPECT_EQ(counts.failed, 0U);
  EXPECT_GT(counts.passed + counts.skipped.size(), 0U);
  total.Add(counts);
}

INSTANTIATE_TEST_SUITE_P(Scripts, EmulatedConformance, ::testing::ValuesIn(AllPipedRuns()),
                         [](const auto& run) { return NameOf(run.param); });

}  // namespace
}  // namespace simroot::conformance
