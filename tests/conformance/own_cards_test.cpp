// SPDX-License-Identifier: Apache-2.0
// Our own cards, judged as `simroot conformance` judges any card: by what they say they have.
#include <gtest/gtest.h>

#include <set>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "conformance/defects.hpp"
#include "conformance/judge.hpp"
#include "conformance/reference_card.hpp"
#include "conformance/report.hpp"

namespace simroot::conformance {
namespace {

constexpr std::array<std::string_view, 7> kStores{"reference", "demo", "many", "type2", "curves", "rsa", "secrets"};

RunReport JudgeOwn(std::string_view store, const card::CompatibilityProfile& profile, TransportModel model,
                   bool may_change = true, std::string_view pin = {}) {
  card::CompatibilityConfig config = profile.config;
  config.answer_t0 = model == TransportModel::kT0;
  ReferenceCard own(store, config);
  DefectiveCard link(own.Endpoint(), nullptr);
  const auto crypto = crypto::OpenSslCrypto::Create();
  const auto scripts = LoadEmbeddedScripts();
  EXPECT_TRUE(scripts.has_value()) << scripts.error().Text();
  const JudgeOptions options{.card = std::string(store),
                             .profile = std::string(profile.name),
                             .only = {},
                             .may_change = may_change,
                             .pin = AsBytes(pin),
                             .progress = {}};
  auto report = Judge(link, *crypto, *scripts, options);
  EXPECT_TRUE(report.has_value()) << report.error().Text();
  return report.value_or(RunReport());
}

/// Cases that pass at least on a card of this kind.
std::size_t MinimumOf(std::string_view store) {
  return store == "type2" || store == "secrets" ? 90U : store == "curves" || store == "rsa" ? 200U : 250U;
}

class OwnCards : public ::testing::TestWithParam<card::CompatibilityProfile> {};

TEST_P(OwnCards, ConformToTheirProfile) {
  for (const std::string_view store : kStores) {
    for (const TransportModel model : {TransportModel::kT0, TransportModel::kT1}) {
      const RunReport report = JudgeOwn(store, GetParam(), model);
      EXPECT_EQ(report.Overall(), Grade::kConforms) << store << "\n" << ToText(report);
      EXPECT_GE(report.Count().Of(Verdict::kPassed), MinimumOf(store)) << store;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, OwnCards, ::testing::ValuesIn(card::kCompatibilityProfiles),
                         [](const auto& run) { return std::string(run.param.name); });

TEST(OwnCards, EveryPortableCaseRunsOnOne) {
  std::set<std::string> passed;
  std::set<std::string> portable;
  for (const std::string_view store : kStores) {
    for (const card::CompatibilityProfile& profile : card::kCompatibilityProfiles) {
      for (const TransportModel model : {TransportModel::kT0, TransportModel::kT1}) {
        for (const CaseReport& one : JudgeOwn(store, profile, model).cases) {
          const std::string name = one.chapter + ": " + one.number + " " + one.title;
          if (!one.reason.starts_with("the case is bound to")) {
            portable.insert(name);
          }
          if (one.verdict == Verdict::kPassed) {
            passed.insert(name);
          }
        }
      }
    }
  }
  EXPECT_GE(portable.size(), 250U);
  for (const std::string& name : portable) {
    EXPECT_TRUE(passed.contains(name)) << name;
  }
}

TEST(OwnCards, WithoutLeaveNoCaseTriesToChangeAnything) {
  for (const std::string_view store : kStores) {
    const RunReport report = JudgeOwn(store, card::kCompatibilityProfiles.front(), TransportModel::kT0, false);
    EXPECT_EQ(report.Overall(), Grade::kConforms);
    for (const CaseReport& one : report.cases) {
      EXPECT_EQ(one.reason.find("without saying so"), std::string::npos) << one.number << " " << one.title;
    }
  }
}

TEST(OwnCards, WithItsPinACardIsJudgedAsOneWithout) {
  for (const card::CompatibilityProfile& profile : card::kCompatibilityProfiles) {
    for (const TransportModel model : {TransportModel::kT0, TransportModel::kT1}) {
      const RunReport report = JudgeOwn("pin", profile, model, true, "1234");
      const RunReport without = JudgeOwn("reference", profile, model);
      EXPECT_EQ(report.Overall(), Grade::kConforms) << ToText(report);
      ASSERT_EQ(report.cases.size(), without.cases.size());
      for (std::size_t i = 0; i < report.cases.size(); ++i) {
        EXPECT_EQ(report.cases[i].verdict, without.cases[i].verdict)
            << report.cases[i].number << " " << report.cases[i].title << ": " << report.cases[i].reason;
      }
    }
  }
}

TEST(OwnCards, WithoutItsPinNothingIsHeldAgainstACard) {
  for (const TransportModel model : {TransportModel::kT0, TransportModel::kT1}) {
    const RunReport report = JudgeOwn("pin", card::kCompatibilityProfiles.front(), model);
    EXPECT_EQ(report.Overall(), Grade::kConforms) << ToText(report);
    EXPECT_GE(report.Count().Of(Verdict::kPassed), 150U);
    const auto guarded =
        std::ranges::count(report.cases, "the card wants its user PIN; give --pin-file", &CaseReport::reason);
    EXPECT_GE(guarded, 60);
  }
}

TEST(OwnCards, EverySkippedCaseSaysWhy) {
  for (const CaseReport& one : JudgeOwn("demo", card::kCompatibilityProfiles.front(), TransportModel::kT1).cases) {
    EXPECT_TRUE(one.verdict == Verdict::kPassed || !one.reason.empty()) << one.number << " " << one.title;
    EXPECT_FALSE(one.clause.empty()) << one.number << " " << one.title;
  }
}

TEST(OwnCards, NeedsOfTheScriptsExist) {
  const auto scripts = LoadEmbeddedScripts();
  ASSERT_TRUE(scripts.has_value());
  for (const Script& script : *scripts) {
    for (const ScriptCase& one : script.cases) {
      for (const std::string& need : one.options.needs) {
        EXPECT_TRUE(std::ranges::count(Needs(), need, &Need::name) == 1) << script.name << ": " << need;
      }
      for (const std::string& client : one.options.cope) {
        EXPECT_NE(std::ranges::find(kKnownClients, client), kKnownClients.end()) << script.name << ": " << client;
      }
    }
  }
}

}  // namespace
}  // namespace simroot::conformance
