// SPDX-License-Identifier: Apache-2.0
// Every seeded defect is found by at least one case, and the card without a defect by none.
#include <gtest/gtest.h>

#include <cstdio>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "conformance/defects.hpp"
#include "conformance/judge.hpp"
#include "conformance/reference_card.hpp"

namespace simroot::conformance {
namespace {

/// The numbers of the cases that find something, each once.
std::vector<std::string> CasesThatFind(const Defect* defect, std::string_view store = "reference") {
  card::CompatibilityConfig config;
  config.answer_t0 = defect != nullptr && defect->t0;
  if (defect != nullptr && defect->configure != nullptr) {
    defect->configure(config);
  }
  ReferenceCard correct(store, config);
  DefectiveCard card(correct.Endpoint(), defect);
  const auto crypto = crypto::OpenSslCrypto::Create();
  const auto scripts = LoadEmbeddedScripts();
  EXPECT_TRUE(scripts.has_value()) << scripts.error().Text();
  const JudgeOptions options{.card = "reference", .profile = "default", .only = {}, .may_change = true, .progress = {}};
  const auto report = Judge(card, *crypto, *scripts, options);
  EXPECT_TRUE(report.has_value()) << report.error().Text();
  std::vector<std::string> found;
  for (const CaseReport& one : report->cases) {
    const bool differs = one.verdict == Verdict::kFailed || one.verdict == Verdict::kDeviates;
    if (differs && std::ranges::find(found, one.number) == found.end()) {
      found.push_back(one.number);
    }
  }
  return found;
}

std::string Listed(const std::vector<std::string>& numbers) {
  constexpr std::size_t kShown = 8;
  std::string text;
  std::size_t shown = 0;
  for (const std::string& number : numbers) {
    text += ++shown <= kShown ? " " + number : "";
  }
  return text + (numbers.size() > kShown ? " ... " : " ") + "(" + std::to_string(numbers.size()) + ")";
}

TEST(Mutation, TheCorrectCardIsFoundCorrect) {
  for (const std::string_view store : {"reference", "rsa", "curves", "secrets"}) {
    const auto found = CasesThatFind(nullptr, store);
    EXPECT_TRUE(found.empty()) << store << ":" << Listed(found);
  }
}

TEST(Mutation, EveryDefectIsFound) {
  const std::vector<Defect> defects = Defects();
  EXPECT_GE(defects.size(), 130U);
  for (const Defect& defect : defects) {
    const auto found = CasesThatFind(&defect, defect.store);
    std::printf("%-18s %-55s%s\n", std::string(defect.name).c_str(), std::string(defect.what).c_str(),
                Listed(found).c_str());
    EXPECT_FALSE(found.empty()) << defect.name << ": " << defect.what;
  }
}

TEST(Mutation, NamesAreUnique) {
  const std::vector<Defect> defects = Defects();
  for (const Defect& defect : defects) {
    EXPECT_EQ(std::ranges::count(defects, defect.name, &Defect::name), 1) << defect.name;
  }
}

}  // namespace
}  // namespace simroot::conformance
