// SPDX-License-Identifier: Apache-2.0
#include "firmware/piped_conformance.hpp"

#include <gtest/gtest.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "conformance/judge.hpp"
#include "conformance/script_runner.hpp"

namespace simroot::conformance {
namespace {

constexpr std::string_view kProfile = "default";

Script ReadScript(const EmbeddedScript& embedded) {
  auto script = ParseScript(std::string(embedded.name), embedded.text);
  EXPECT_TRUE(script.has_value()) << (script ? "" : script.error().Text());
  return script.value_or(Script());
}

/// True if a line sends fewer bytes than a command has: a pipe takes them for a control code.
bool SendsFragments(const ScriptCase& script_case) {
  return std::ranges::any_of(script_case.lines, [](const ScriptLine& line) {
    const auto bytes = FromHex(line.rest);
    return line.verb == ">" && bytes && bytes->size() < 4;
  });
}

/// The cases of one script on the cards of one kind.
class Runner {
 public:
  Runner(const PipedRun& run, const StartCard& start, const WhyNotRun& why_not_run)
      : run_(run), start_(start), why_not_run_(why_not_run) {}

  void Run(const ScriptCase& script_case) {
    const std::string& store = script_case.options.store;
    if (!script_case.options.HoldsFor(kProfile, run_.model)) {
      ++counts_.skipped["holds for another profile or transport model"];
    } else if (const std::string why = why_not_run_(script_case); !why.empty()) {
      ++counts_.skipped[why];
    } else if (SendsFragments(script_case)) {
      ++counts_.skipped["sends fewer than four bytes, which a pipe does not carry"];
    } else {
      RunOn(CardFor(store), script_case);
    }
  }

  [[nodiscard]] const PipedCounts& counts() const { return counts_; }

 private:
  PipedCard* CardFor(const std::string& store) {
    const bool type2 = store == "type2";
    std::unique_ptr<PipedCard>& card = type2 ? type2_card_ : card_;
    bool& started = type2 ? type2_started_ : started_;
    if (!started) {
      started = true;  // once: what does not start fails every case that needs it
      card = start_({.answer_t0 = run_.model == TransportModel::kT0, .type2 = type2});
    }
    return card.get();
  }

  const Capabilities& CapabilitiesOf(PipedCard& card, const std::string& store) {
    const auto known = capabilities_.find(store);
    if (known != capabilities_.end()) {
      return known->second;
    }
    PipeEndpoint* const endpoint = card.Load(store);
    Capabilities found;
    if (endpoint != nullptr) {
      auto discovered =
          Discover(*endpoint, *crypto_, {.may_change = true, .can_reset = true, .fragments = false, .channels = 3});
      EXPECT_TRUE(discovered.has_value()) << discovered.error().Text();
      found = discovered.value_or(Capabilities());
    }
    return capabilities_.emplace(store, std::move(found)).first->second;
  }

  void RunOn(PipedCard* card, const ScriptCase& script_case) {
    const std::string& store = script_case.options.store;
    if (card == nullptr) {
      ++counts_.failed;
      return;
    }
    Variables given = ReferenceCard::Given(store);
    if (script_case.options.portable) {
      const Capabilities& has = CapabilitiesOf(*card, store);
      if (const std::string why = WhySkipped(script_case, has, kProfile); !why.empty()) {
        ++counts_.skipped[why];
        return;
      }
      given.insert(has.variables.begin(), has.variables.end());
    }
    PipeEndpoint* const endpoint = card->Load(store);
    if (endpoint == nullptr) {
      ++counts_.failed;
      return;
    }
    const auto failure = ScriptRunner(*endpoint, *crypto_, std::move(given)).Run(script_case);
    if (endpoint->TakeExceeded() && failure) {
      ++counts_.skipped["uses longer commands or answers than the card has memory for"];
      return;
    }
    EXPECT_FALSE(failure.has_value()) << failure->Text(script_case);
    ++(failure ? counts_.failed : counts_.passed);
  }

  const PipedRun& run_;
  const StartCard& start_;
  const WhyNotRun& why_not_run_;
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
  std::unique_ptr<PipedCard> card_;
  std::unique_ptr<PipedCard> type2_card_;
  bool started_ = false;
  bool type2_started_ = false;
  std::map<std::string, Capabilities> capabilities_;
  PipedCounts counts_;
};

}  // namespace

std::vector<PipedRun> AllPipedRuns() {
  std::vector<PipedRun> runs;
  for (const EmbeddedScript& script : EmbeddedScripts()) {
    for (const TransportModel model : {TransportModel::kT0, TransportModel::kT1}) {
      runs.push_back({script, model});
    }
  }
  return runs;
}

std::string NameOf(const PipedRun& run) {
  return std::string(run.script.name.substr(0, run.script.name.find('.'))) +
         (run.model == TransportModel::kT0 ? "_t0" : "_t1");
}

void PrintTo(const PipedRun& run, std::ostream* out) {
  *out << NameOf(run);
}

void PipedCounts::Add(const PipedCounts& other) {
  passed += other.passed;
  failed += other.failed;
  for (const auto& [reason, count] : other.skipped) {
    skipped[reason] += count;
  }
}

std::string PipedCounts::Text() const {
  unsigned all_skipped = 0;
  std::string reasons;
  for (const auto& [reason, count] : skipped) {
    all_skipped += count;
    reasons += "\n  " + std::to_string(count) + " skipped: " + reason;
  }
  return std::to_string(passed) + " passed, " + std::to_string(failed) + " failed, " + std::to_string(all_skipped) +
         " skipped" + reasons;
}

PipedCounts RunScript(const PipedRun& run, const StartCard& start, const WhyNotRun& why_not_run) {
  Runner runner(run, start, why_not_run);
  for (const ScriptCase& script_case : ReadScript(run.script).cases) {
    runner.Run(script_case);
  }
  return runner.counts();
}

}  // namespace simroot::conformance
