// SPDX-License-Identifier: Apache-2.0
/// Tokens, application servers, policies, CAs.
#include "service_test_support.hpp"

namespace simroot::platform {
namespace {

using TokensTest = ServiceTest;
using PoliciesTest = ServiceTest;
using AuthoritiesTest = ServiceTest;

std::string TextOf(const NewToken& token) {
  return std::string(AsText(token.text.Reveal(InsecureReveal::kForTest)));
}

TEST_F(TokensTest, OpensWhatItWasMadeFor) {
  const NewToken token = Take(service_->CreateToken(admin_, "ops", Role::kOperator, "acme", 0));
  const Actor actor = Take(service_->Authenticate(TextOf(token)));
  EXPECT_EQ(actor.name, "token ops");
  EXPECT_EQ(actor.role, Role::kOperator);
  EXPECT_EQ(actor.tenant, tenant_.id);
  EXPECT_EQ(TextOf(token).size(), 4U + 43U);
}

TEST_F(TokensTest, EveryRefusalIsTheSame) {
  const NewToken good = Take(service_->CreateToken(admin_, "c", Role::kAdmin, "", 0));
  const NewToken revoked = Take(service_->CreateToken(admin_, "a", Role::kAdmin, "", 0));
  Take(service_->RevokeToken(admin_, revoked.token.id));
  const NewToken expired = Take(service_->CreateToken(admin_, "b", Role::kAdmin, "", clock_.now + 10));
  clock_.now += 10;
  std::string flipped = TextOf(good);
  flipped.back() = flipped.back() == 'A' ? 'B' : 'A';
  const auto first = service_->Authenticate("");
  ASSERT_FALSE(first);
  for (const std::string& text : {TextOf(revoked), TextOf(expired), flipped, TextOf(good).substr(0, 40),
                                  TextOf(good) + "A", std::string("srt_")}) {
    const auto refused = service_->Authenticate(text);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, FailureKind::kDenied);
    EXPECT_EQ(refused.error().Text(), first.error().Text());
  }
  EXPECT_TRUE(service_->Authenticate(TextOf(good)));
}

TEST_F(TokensTest, NobodyGivesMoreThanHeHas) {
  const Actor of_tenant{.name = "token t", .role = Role::kAdmin, .tenant = tenant_.id, .certificate = {}};
  EXPECT_EQ(Take(service_->CreateToken(of_tenant, "x", Role::kAdmin, "", 0)).token.tenant, tenant_.id);
  Take(service_->CreateTenant(admin_, "other"));
  EXPECT_EQ(KindOf(service_->CreateToken(of_tenant, "y", Role::kAdmin, "other", 0)), FailureKind::kNotFound);
  EXPECT_EQ(KindOf(service_->CreateToken(operator_, "y", Role::kViewer, "", 0)), FailureKind::kDenied);
  const NewToken global = Take(service_->CreateToken(admin_, "z", Role::kViewer, "", 0));
  EXPECT_EQ(KindOf(service_->RevokeToken(of_tenant, global.token.id)), FailureKind::kNotFound);
  const auto third = service_->CreateTenant(of_tenant, "third");
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().kind, FailureKind::kDenied);
  EXPECT_THAT(third.error().Text(), ::testing::HasSubstr("for one tenant only"));
}

TEST_F(TokensTest, AnInvitationIsNoTokenAndTheOtherWayRound) {
  const NewToken invitation = Take(service_->InviteServer(admin_, "acme", "web-1", 60));
  EXPECT_EQ(KindOf(service_->Authenticate(TextOf(invitation))), FailureKind::kDenied);
  const NewToken token = Take(service_->CreateToken(admin_, "c", Role::kAdmin, "", 0));
  EXPECT_EQ(KindOf(service_->EnrolServer(TextOf(token), {})), FailureKind::kDenied);
  EXPECT_EQ(KindOf(service_->InviteServer(admin_, "acme", "web-2", 0)), FailureKind::kInvalid);
  clock_.now += 61;
  EXPECT_EQ(KindOf(service_->EnrolServer(TextOf(invitation), {})), FailureKind::kDenied);
}

TEST_F(TokensTest, AValidNameIsTaken) {
  const NewToken first = Take(service_->CreateToken(admin_, "ops", Role::kViewer, "acme", clock_.now + 10));
  EXPECT_EQ(KindOf(service_->CreateToken(admin_, "ops", Role::kAdmin, "acme", 0)), FailureKind::kConflict);
  EXPECT_TRUE(service_->CreateToken(admin_, "ops", Role::kViewer, "", 0)) << "of all tenants";
  clock_.now += 10;
  const NewToken second = Take(service_->CreateToken(admin_, "ops", Role::kViewer, "acme", 0));
  Take(service_->RevokeToken(admin_, second.token.id));
  EXPECT_TRUE(service_->CreateToken(admin_, "ops", Role::kViewer, "acme", 0));
}

TEST_F(TokensTest, AServersNameIsTakenUntilItIsRevoked) {
  ServerIdentity server;
  server.tenant = tenant_.id;
  server.name = "web-1";
  server.certificate = {1};
  server.fingerprint = Bytes(32, 1);
  Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(server.id, writer.InsertServer(server));
    return {};
  });
  EXPECT_EQ(KindOf(service_->InviteServer(admin_, "acme", "web-1", 60)), FailureKind::kConflict);
  EXPECT_TRUE(service_->InviteServer(admin_, "acme", "web-2", 60));
  Take(service_->CreateTenant(admin_, "other"));
  EXPECT_TRUE(service_->InviteServer(admin_, "other", "web-1", 60));
  Take(service_->RevokeServer(admin_, server.id));
  EXPECT_TRUE(service_->InviteServer(admin_, "acme", "web-1", 60));
}

TEST_F(TokensTest, AnUnknownCertificateIsNobody) {
  EXPECT_EQ(KindOf(service_->AuthenticateServer(AsBytes("no certificate"))), FailureKind::kDenied);
}

TEST_F(PoliciesTest, PutTwiceIsOne) {
  Policy policy;
  policy.tenant = tenant_.id;
  policy.name = "short";
  policy.lifetime_s = 86400;
  policy.renew_before_s = 3600;
  const Policy first = Take(service_->PutPolicy(admin_, policy));
  policy.lifetime_s = 2 * 86400;
  EXPECT_EQ(Take(service_->PutPolicy(admin_, policy)).id, first.id);
  const auto stored = Read<Policy>([&](StoreReader& reader) { return reader.FindPolicyByName(tenant_.id, "short"); });
  EXPECT_EQ(stored.lifetime_s, 2 * 86400);
  EXPECT_EQ(KindOf(service_->PutPolicy(operator_, policy)), FailureKind::kDenied);
  policy.key_type = "p999";
  EXPECT_EQ(KindOf(service_->PutPolicy(admin_, policy)), FailureKind::kInvalid);
}

TEST_F(PoliciesTest, ACaOfAnotherTenantIsUnknown) {
  const Tenant other = Take(service_->CreateTenant(admin_, "other"));
  const auto theirs =
      Read<std::vector<CertificateAuthority>>([&](StoreReader& reader) { return reader.ListAuthorities(other.id); });
  Policy policy;
  policy.tenant = tenant_.id;
  policy.name = "stolen";
  policy.authority = theirs.front().id;
  EXPECT_EQ(KindOf(service_->PutPolicy(admin_, policy)), FailureKind::kNotFound);
}

TEST_F(PoliciesTest, ACaThatDoesNotIssueIsOfNoUse) {
  const auto authorities =
      Read<std::vector<CertificateAuthority>>([&](StoreReader& reader) { return reader.ListAuthorities(tenant_.id); });
  Policy policy;
  policy.tenant = tenant_.id;
  policy.name = "by-root";
  policy.authority = authorities.front().id;
  EXPECT_EQ(KindOf(service_->PutPolicy(admin_, policy)), FailureKind::kInvalid);
  policy.authority = authorities.back().id;
  EXPECT_TRUE(service_->PutPolicy(admin_, policy));
}

TEST_F(AuthoritiesTest, ATenantHasRootIssuingCaAndPolicies) {
  const auto authorities =
      Read<std::vector<CertificateAuthority>>([&](StoreReader& reader) { return reader.ListAuthorities(tenant_.id); });
  ASSERT_EQ(authorities.size(), 2U);
  EXPECT_FALSE(authorities.front().issues);
  EXPECT_TRUE(authorities.back().issues);
  EXPECT_EQ(authorities.back().parent, authorities.front().id);
  EXPECT_EQ(KindOf(service_->CreateTenant(admin_, "acme")), FailureKind::kConflict);
}

TEST_F(AuthoritiesTest, TheNextOneIssues) {
  const CertificateAuthority next = Take(service_->RotateAuthority(admin_, "acme"));
  const auto authorities =
      Read<std::vector<CertificateAuthority>>([&](StoreReader& reader) { return reader.ListAuthorities(tenant_.id); });
  ASSERT_EQ(authorities.size(), 3U);
  EXPECT_EQ(std::ranges::count_if(authorities, &CertificateAuthority::issues), 1);
  EXPECT_TRUE(authorities.back().issues);
  EXPECT_EQ(authorities.back().id, next.id);
  const std::string anchors = Take(service_->TrustAnchors("acme"));
  std::size_t count = 0;
  for (std::size_t at = anchors.find("BEGIN"); at != std::string::npos; at = anchors.find("BEGIN", at + 1)) {
    ++count;
  }
  EXPECT_EQ(count, 3U);
}

TEST_F(AuthoritiesTest, ACrlIsMadeOnceUntilSomethingChanges) {
  const auto authorities =
      Read<std::vector<CertificateAuthority>>([&](StoreReader& reader) { return reader.ListAuthorities(tenant_.id); });
  const Id issuing = authorities.back().id;
  const Bytes first = Take(service_->CurrentCrl(issuing));
  EXPECT_EQ(Take(service_->CurrentCrl(issuing)), first);
  clock_.now += 4LL * 86400;
  const Bytes second = Take(service_->CurrentCrl(issuing));
  EXPECT_NE(second, first);
  const Credential credential = Active(ImportOne(), "0A");
  Take(service_->SetCredentialState(operator_, credential.id, CredentialState::kRevoked, ""));
  EXPECT_EQ(Take(service_->CurrentCrl(issuing)), second) << "not more often than every five seconds";
  clock_.now += 5;
  const Bytes third = Take(service_->CurrentCrl(issuing));
  EXPECT_NE(third, second);
  clock_.now -= 3600;
  EXPECT_NE(Take(service_->CurrentCrl(issuing)), third) << "a clock that was put back";
  EXPECT_EQ(KindOf(service_->CurrentCrl(999)), FailureKind::kNotFound);
}

}  // namespace
}  // namespace simroot::platform
