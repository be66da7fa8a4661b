// SPDX-License-Identifier: Apache-2.0
// Every case of every script, on a fresh card, in both transport models and under every compatibility profile for which
// the case holds.
#include <gtest/gtest.h>

#include <filesystem>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/file_io.hpp"
#include "conformance/reference_card.hpp"
#include "conformance/script_runner.hpp"

namespace simroot::conformance {
namespace {

struct Combination {
  std::string script;
  TransportModel model;
  card::CompatibilityProfile profile;
};

std::vector<std::string> ScriptFiles() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(SIMROOT_SCRIPT_DIR)) {
    if (entry.path().extension() == ".apdu") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::ranges::sort(names);
  return names;
}

std::vector<Combination> AllRuns() {
  std::vector<Combination> runs;
  for (const std::string& script : ScriptFiles()) {
    for (const TransportModel model : {TransportModel::kT0, TransportModel::kT1}) {
      for (const card::CompatibilityProfile& profile : card::kCompatibilityProfiles) {
        runs.push_back({script, model, profile});
      }
    }
  }
  return runs;
}

Script ReadScript(const std::string& name) {
  const auto text = ReadWholeFile(std::string(SIMROOT_SCRIPT_DIR) + "/" + name + ".apdu", 1U << 20U);
  EXPECT_TRUE(text.has_value()) << name;
  auto script = ParseScript(name + ".apdu", AsText(text.value_or(Bytes())));
  EXPECT_TRUE(script.has_value()) << (script ? "" : script.error().Text());
  return script.value_or(Script());
}

std::string NameOf(const Combination& run) {
  return run.script + (run.model == TransportModel::kT0 ? "_t0_" : "_t1_") + std::string(run.profile.name);
}

/// What GoogleTest writes beside a failed test.
void PrintTo(const Combination& run, std::ostream* out) {
  *out << NameOf(run);
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
    ScriptRunner runner(card.Endpoint(), *crypto, ReferenceCard::Given(script_case.options.store));
    const auto failure = runner.Run(script_case);
    EXPECT_FALSE(failure.has_value()) << failure->Text(script_case);
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, Conformance, ::testing::ValuesIn(AllRuns()),
                         [](const auto& run) { return NameOf(run.param); });

TEST(ConformanceScripts, AreMany) {
  std::size_t cases = 0;
  for (const std::string& name : ScriptFiles()) {
    cases += ReadScript(name).cases.size();
  }
  EXPECT_GE(cases, 130U);
}

TEST(ConformanceScripts, NameProfilesThatExist) {
  for (const std::string& name : ScriptFiles()) {
    for (const ScriptCase& script_case : ReadScript(name).cases) {
      for (const std::string& profile : script_case.options.profiles) {
        EXPECT_NE(std::ranges::find(card::kCompatibilityProfiles, profile, &card::CompatibilityProfile::name),
                  card::kCompatibilityProfiles.end())
            << name << ": " << profile;
      }
    }
  }
}

}  // namespace
}  // namespace simroot::conformance
