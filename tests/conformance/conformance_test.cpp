// SPDX-License-Identifier: Apache-2.0
// Every case of every script, on a fresh card, in both transport models and under every compatibility profile for which
// the case holds.
#include <gtest/gtest.h>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "conformance/embedded_scripts.hpp"
#include "conformance/judge.hpp"
#include "conformance/reference_card.hpp"
#include "conformance/script_runner.hpp"

namespace simroot::conformance {
namespace {

struct Combination {
  EmbeddedScript script;
  TransportModel model;
  card::CompatibilityProfile profile;
};

std::vector<Combination> AllRuns() {
  std::vector<Combination> runs;
  for (const EmbeddedScript& script : EmbeddedScripts()) {
    for (const TransportModel model : {TransportModel::kT0, TransportModel::kT1}) {
      for (const card::CompatibilityProfile& profile : card::kCompatibilityProfiles) {
        runs.push_back({script, model, profile});
      }
    }
  }
  return runs;
}

Script ReadScript(const EmbeddedScript& embedded) {
  auto script = ParseScript(std::string(embedded.name), embedded.text);
  EXPECT_TRUE(script.has_value()) << (script ? "" : script.error().Text());
  return script.value_or(Script());
}

std::string NameOf(const Combination& run) {
  const std::string_view stem = run.script.name.substr(0, run.script.name.find('.'));
  return std::string(stem) + (run.model == TransportModel::kT0 ? "_t0_" : "_t1_") + std::string(run.profile.name);
}

/// What GoogleTest writes beside a failed test.
void PrintTo(const Combination& run, std::ostream* out) {
  *out << NameOf(run);
}

/// What a card of this store and these switches has, found out once.
const Capabilities& CapabilitiesOf(const std::string& store, const Combination& run,
                                   const card::CompatibilityConfig& config) {
  static std::map<std::string, Capabilities> known;
  const std::string key = store + NameOf(run).substr(run.script.name.find('.'));
  const auto found = known.find(key);
  if (found != known.end()) {
    return found->second;
  }
  ReferenceCard card(store, config);
  const auto crypto = crypto::OpenSslCrypto::Create();
  auto capabilities = Discover(card.Endpoint(), *crypto, {.may_change = true, .can_reset = true, .channels = 3});
  EXPECT_TRUE(capabilities.has_value()) << capabilities.error().Text();
  return known.emplace(key, capabilities.value_or(Capabilities())).first->second;
}

class Conformance : public ::testing::TestWithParam<Combination> {};

TEST_P(Conformance, EveryCaseHolds) {
  const Combination& run = GetParam();
  card::CompatibilityConfig config = run.profile.config;
  config.answer_t0 = run.model == TransportModel::kT0;
  for (const ScriptCase& script_case : ReadScript(run.script).cases) {
    if (!script_case.options.HoldsFor(run.profile.name, run.model)) {
      continue;
    }
    ReferenceCard card(script_case.options.store, config);
    const auto crypto = crypto::OpenSslCrypto::Create();
    ASSERT_NE(crypto, nullptr);
    Variables given = ReferenceCard::Given(script_case.options.store);
    if (script_case.options.portable) {
      const Capabilities& has = CapabilitiesOf(script_case.options.store, run, config);
      if (!WhySkipped(script_case, has, run.profile.name).empty()) {
        continue;  // OwnCards.EveryPortableCaseRunsOnOne sees to it that each runs on a card of ours
      }
      given.insert(has.variables.begin(), has.variables.end());
    }
    ScriptRunner runner(card.Endpoint(), *crypto, std::move(given));
    const auto failure = runner.Run(script_case);
    EXPECT_FALSE(failure.has_value()) << failure->Text(script_case);
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, Conformance, ::testing::ValuesIn(AllRuns()),
                         [](const auto& run) { return NameOf(run.param); });

TEST(ConformanceScripts, AreMany) {
  std::size_t cases = 0;
  for (const EmbeddedScript& script : EmbeddedScripts()) {
    cases += ReadScript(script).cases.size();
  }
  EXPECT_GE(cases, 250U);
}

TEST(ConformanceScripts, NameProfilesThatExist) {
  for (const EmbeddedScript& script : EmbeddedScripts()) {
    for (const ScriptCase& script_case : ReadScript(script).cases) {
      for (const std::string& profile : script_case.options.profiles) {
        EXPECT_NE(std::ranges::find(card::kCompatibilityProfiles, profile, &card::CompatibilityProfile::name),
                  card::kCompatibilityProfiles.end())
            << script.name << ": " << profile;
      }
    }
  }
}

}  // namespace
}  // namespace simroot::conformance
