// SPDX-License-Identifier: Apache-2.0
#include "service_test_support.hpp"

namespace simroot::platform {
namespace {

using ::testing::HasSubstr;

constexpr const char* kFirst = "89880000000000000011";
constexpr const char* kSecond = "89880000000000000029";

using ImportTest = ServiceTest;

TEST_F(ImportTest, ACardWithItsKeySetsAndAJob) {
  const auto report =
      Take(service_->ImportCards(operator_, "acme", Csv(Line(kFirst) + Line(kFirst, "01", '2') + Line(kSecond))));
  EXPECT_EQ(report.cards, 2U);
  EXPECT_EQ(report.key_sets, 3U);
  EXPECT_TRUE(report.bad.empty());
  const auto card = Read<Card>([](StoreReader& reader) { return reader.FindCardByIccid(kFirst); });
  EXPECT_EQ(card.tenant, tenant_.id);
  EXPECT_EQ(card.state, CardState::kImported);
  EXPECT_EQ(ToHex(card.security_domain), "A000000151000000");
  const auto jobs = JobsOf(card);
  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs.front().kind, JobKind::kSwitchOn);
  EXPECT_EQ(jobs.front().requested_by, "token ops");
}

TEST_F(ImportTest, KeysAreSealedForTheirCardAndVersion) {
  const Card card = ImportOne(kFirst);
  const auto keys = Read<CardKeySet>([&](StoreReader& reader) { return reader.FindCardKeys(card.id, 0x30); });
  EXPECT_EQ(ToHex(keys.sealed).find("11111111111111111111111111111111"), std::string::npos);
  const auto opened = Take(vault_->Unseal(keys.sealed, "card-keys/" + card.iccid + "/48"));
  EXPECT_EQ(ToHex(opened.Reveal(InsecureReveal::kForTest)), std::string(96, '1'));
  EXPECT_FALSE(vault_->Unseal(keys.sealed, "card-keys/" + std::string(kSecond) + "/48"));
}

TEST_F(ImportTest, OfSeveralLinesForOneVersionTheLastCounts) {
  Take(service_->ImportCards(operator_, "acme", Csv(Line(kFirst, "30", '1') + Line(kFirst, "30", '2'))));
  const auto card = Read<Card>([](StoreReader& reader) { return reader.FindCardByIccid(kFirst); });
  const auto keys = Read<CardKeySet>([&](StoreReader& reader) { return reader.FindCardKeys(card.id, 0x30); });
  const auto opened = Take(vault_->Unseal(keys.sealed, "card-keys/" + card.iccid + "/48"));
  EXPECT_EQ(ToHex(opened.Reveal(InsecureReveal::kForTest)), std::string(96, '2'));
}

TEST_F(ImportTest, Type2CardsGetThePolicyForPsks) {
  const Card card = ImportOne(kFirst, "type2");
  const auto policy = Read<Policy>([&](StoreReader& reader) { return reader.FindPolicy(card.policy); });
  EXPECT_EQ(policy.kind, CredentialKind::kPsk);
}

/// One bad line anywhere: it is named, and nothing of the batch is there.
TEST_F(ImportTest, AllOrNothing) {
  const std::string good = Line(kFirst);
  const std::string other_profile = Line(kFirst, "01", '1', "demo");
  const struct {
    const char* name;
    std::string csv;
    std::size_t line;
  } kCases[]{
      {"no header", good, 1},
      {"nothing but the header", Csv(""), 1},
      {"short key", Csv(good + good.substr(0, good.size() - 3) + "\n"), 3},
      {"letters in the ICCID", Csv(good + Line("8988000000000000002X")), 3},
      {"key version of nothing", Csv(good + Line(kSecond, "20")), 3},
      {"key version 00", Csv(good + Line(kSecond, "00")), 3},
      {"contradiction", Csv(good + other_profile), 3},
      {"too few fields", Csv(good + "1,2,3\n"), 3},
  };
  for (const auto& bad : kCases) {
    SCOPED_TRACE(bad.name);
    const auto report = Take(service_->ImportCards(operator_, "acme", bad.csv));
    ASSERT_EQ(report.bad.size(), 1U);
    EXPECT_EQ(report.bad.front().line, bad.line);
    EXPECT_EQ(report.bad.front().message.find("1111"), std::string::npos);
    EXPECT_EQ(report.cards, 0U);
    EXPECT_EQ(KindOf(service_->SetCardState(operator_, kFirst, CardState::kSuspended)), FailureKind::kNotFound);
  }
}

TEST_F(ImportTest, ACardThatIsHereAlreadyIsABadLine) {
  ImportOne(kFirst);
  const auto report = Take(service_->ImportCards(operator_, "acme", Csv(Line(kSecond) + Line(kFirst))));
  ASSERT_EQ(report.bad.size(), 1U);
  EXPECT_EQ(report.bad.front().line, 3U);
  EXPECT_THAT(report.bad.front().message, HasSubstr("here already"));
  EXPECT_EQ(KindOf(service_->SetCardState(operator_, kSecond, CardState::kSuspended)), FailureKind::kNotFound);
}

TEST_F(ImportTest, WhoseCardsAreHereIsNotTold) {
  ImportOne(kFirst);
  Take(service_->CreateTenant(admin_, "other"));
  const auto report = Take(service_->ImportCards(operator_, "other", Csv(Line(kFirst))));
  ASSERT_EQ(report.bad.size(), 1U);
  EXPECT_THAT(report.bad.front().message, ::testing::Not(HasSubstr("here")));
  EXPECT_THAT(report.bad.front().message, HasSubstr("cannot be imported; ask the platform's administrator"));
}

TEST_F(ImportTest, WhoMay) {
  EXPECT_EQ(KindOf(service_->ImportCards(viewer_, "acme", Csv(Line(kFirst)))), FailureKind::kDenied);
  EXPECT_EQ(KindOf(service_->ImportCards(operator_, "nobody", Csv(Line(kFirst)))), FailureKind::kNotFound);
  const Actor stranger{.name = "token other", .role = Role::kAdmin, .tenant = tenant_.id + 1, .certificate = {}};
  EXPECT_EQ(KindOf(service_->ImportCards(stranger, "acme", Csv(Line(kFirst)))), FailureKind::kNotFound);
}

}  // namespace
}  // namespace simroot::platform
