// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "conformance/apdu_script.hpp"
#include "conformance/embedded_scripts.hpp"
#include "firmware/piped_card.hpp"

namespace simroot::conformance {

/// One script in one transport model.
struct PipedRun {
  EmbeddedScript script;
  TransportModel model = TransportModel::kT0;
};

/// Every script in both models.
[[nodiscard]] std::vector<PipedRun> AllPipedRuns();
/// "sessions_t0"
[[nodiscard]] std::string NameOf(const PipedRun& run);
void PrintTo(const PipedRun& run, std::ostream* out);

/// What became of the cases of one run, or of several.
struct PipedCounts {
  unsigned passed = 0;
  unsigned failed = 0;
  std::map<std::string, unsigned> skipped;  ///< by reason

  void Add(const PipedCounts& other);
  /// "12 passed, 0 failed, 3 skipped" and a line for each reason.
  [[nodiscard]] std::string Text() const;
};

/// Starts a card; nullptr if that fails.
using StartCard = std::function<std::unique_ptr<PipedCard>(const PipedCardOptions& options)>;

/// Why a case cannot run on the card; empty if it can.
using WhyNotRun = std::function<std::string(const ScriptCase& script_case)>;

/// Runs every case of a script that holds for the profile `default`, each on new content. One card is started for each
/// type of applet that the script needs. Failures are failures of the test that calls this.
[[nodiscard]] PipedCounts RunScript(const PipedRun& run, const StartCard& start, const WhyNotRun& why_not_run);

}  // namespace simroot::conformance
