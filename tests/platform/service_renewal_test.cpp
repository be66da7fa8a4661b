// SPDX-License-Identifier: Apache-2.0
/// Certificates of application servers: the next one, and the end of all of them.
#include "server_test_support.hpp"

namespace simroot::platform {
namespace {

using RenewalTest = ServerTest;

constexpr std::int64_t kLifetime = 365LL * 86400;

TEST_F(RenewalTest, BothCertificatesAreOfOneServer) {
  TestServer server = Enrol("acme", "web-1");
  const Actor before = server.actor;
  clock_.now += kLifetime / 2;
  const EnrolledServer renewed = Take(service_->RenewServer(before, server.Request()));
  EXPECT_EQ(renewed.identity.name, "web-1");
  EXPECT_EQ(renewed.identity.tenant, tenant_.id);
  EXPECT_NE(renewed.identity.certificate, before.certificate);
  EXPECT_THAT(renewed.certificate_chain, ::testing::StartsWith("-----BEGIN CERTIFICATE-----"));
  const Actor after = Take(service_->AuthenticateServer(renewed.identity.certificate));
  EXPECT_EQ(after.name, before.name);
  EXPECT_EQ(after.tenant, before.tenant);
  EXPECT_TRUE(service_->AuthenticateServer(before.certificate));
  EXPECT_TRUE(service_->RenewServer(after, TestServer().Request())) << "a new key is as good";
}

TEST_F(RenewalTest, ARevokedServerIsOutWithAllItsCertificates) {
  TestServer server = Enrol("acme", "web-1");
  const TestServer other = Enrol("acme", "web-2");
  const EnrolledServer renewed = Take(service_->RenewServer(server.actor, server.Request()));
  Take(service_->RevokeServer(admin_, renewed.identity.id));
  EXPECT_EQ(KindOf(service_->AuthenticateServer(server.actor.certificate)), FailureKind::kDenied);
  EXPECT_EQ(KindOf(service_->AuthenticateServer(renewed.identity.certificate)), FailureKind::kDenied);
  EXPECT_EQ(KindOf(service_->RenewServer(server.actor, server.Request())), FailureKind::kDenied);
  EXPECT_TRUE(service_->AuthenticateServer(other.actor.certificate));
  const TestServer again = Enrol("acme", "web-1");
  Take(service_->RevokeServer(admin_, renewed.identity.id));
  EXPECT_TRUE(service_->AuthenticateServer(again.actor.certificate)) << "its namesake before was revoked";
}

TEST_F(RenewalTest, CertificatesWhoseTimeIsOverAreCleanedUp) {
  TestServer server = Enrol("acme", "web-1");
  const Actor first = server.actor;
  clock_.now += kLifetime - 10;
  const EnrolledServer second = Take(service_->RenewServer(first, server.Request()));
  clock_.now += 20;
  Take(service_->RenewServer(Take(service_->AuthenticateServer(second.identity.certificate)), server.Request()));
  EXPECT_EQ(KindOf(service_->AuthenticateServer(first.certificate)), FailureKind::kDenied);
  EXPECT_TRUE(service_->AuthenticateServer(second.identity.certificate));
}

TEST_F(RenewalTest, NobodyCollectsCertificates) {
  TestServer server = Enrol("acme", "web-1");
  Enrol("acme", "web-2");
  for (int i = 0; i < 7; ++i) {
    clock_.now += 10;
    Take(service_->RenewServer(server.actor, server.Request()));
  }
  EXPECT_EQ(KindOf(service_->RenewServer(server.actor, server.Request())), FailureKind::kLimited);
  clock_.now += kLifetime - 65;  // the first one has ended
  EXPECT_TRUE(service_->RenewServer(server.actor, server.Request()));
}

TEST_F(RenewalTest, IsForServersWithAKeyThatCanBeSealedFor) {
  TestServer server = Enrol("acme", "web-1");
  EXPECT_EQ(KindOf(service_->RenewServer(admin_, server.Request())), FailureKind::kDenied);
  EXPECT_EQ(KindOf(service_->RenewServer(server.actor, AsBytes("no request"))), FailureKind::kInvalid);
  Actor stranger = server.actor;
  stranger.certificate = TestServer().actor.certificate;
  stranger.certificate.push_back(0);
  EXPECT_EQ(KindOf(service_->RenewServer(stranger, server.Request())), FailureKind::kNotFound);
}

TEST_F(RenewalTest, TwoInvitationsOfOneNameMakeOneServer) {
  const NewToken one = Take(service_->InviteServer(admin_, "acme", "web-1", 60));
  const NewToken two = Take(service_->InviteServer(admin_, "acme", "web-1", 60));
  const auto enrol = [&](const NewToken& token) {
    return service_->EnrolServer(AsText(token.text.Reveal(InsecureReveal::kForTest)), TestServer().Request());
  };
  const EnrolledServer server = Take(enrol(one));
  EXPECT_EQ(KindOf(enrol(two)), FailureKind::kConflict);
  Take(service_->RevokeServer(admin_, server.identity.id));
  EXPECT_TRUE(enrol(two)) << "what was refused has spent nothing";
}

}  // namespace
}  // namespace simroot::platform
