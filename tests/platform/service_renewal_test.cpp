// SPDX-License-Identifier: Apache-2.0
/// Certificates of application servers: the next one, and the end of all of them.
#include "server_test_support.hpp"

namespace simroot::platform {
namespace {

class RenewalTest : public ServerTest {
 protected:
  std::vector<ServerIdentity> AllServers() {
    return Read<std::vector<ServerIdentity>>([](StoreReader& reader) { return reader.ListServers(0, {}); });
  }
  Id IdOf(const Bytes& certificate) {
    const auto all = AllServers();
    const auto one = std::ranges::find(all, certificate, &ServerIdentity::certificate);
    EXPECT_NE(one, all.end());
    return one == all.end() ? 0 : one->id;
  }
};

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
  const auto valid = [&] {
    return std::ranges::count_if(AllServers(),
                                 [](const ServerIdentity& one) { return one.name == "web-1" && one.revoked == 0; });
  };
  EXPECT_EQ(valid(), 8);
  clock_.now += 10;
  Take(service_->RenewServer(server.actor, server.Request()));
  EXPECT_EQ(valid(), 8);
}

TEST_F(RenewalTest, LostAnswersLockNobodyOut) {
  TestServer server = Enrol("acme", "web-1");
  const TestServer other = Enrol("acme", "web-2");
  const EnrolledServer taken_up = Take(service_->RenewServer(server.actor, server.Request()));
  const Actor asking = Take(service_->AuthenticateServer(taken_up.identity.certificate));
  std::vector<EnrolledServer> lost;
  for (int i = 0; i < 20; ++i) {
    clock_.now += 10;
    auto renewed = service_->RenewServer(asking, server.Request());
    ASSERT_TRUE(renewed) << i << ": " << renewed.error().Text();
    lost.push_back(std::move(*renewed));
  }
  EXPECT_TRUE(service_->AuthenticateServer(server.actor.certificate)) << "the oldest is in use";
  EXPECT_TRUE(service_->AuthenticateServer(asking.certificate));
  EXPECT_TRUE(service_->AuthenticateServer(lost.front().identity.certificate));
  EXPECT_EQ(KindOf(service_->AuthenticateServer(lost[18].identity.certificate)), FailureKind::kDenied);
  EXPECT_TRUE(service_->AuthenticateServer(lost[19].identity.certificate));
  EXPECT_TRUE(service_->AuthenticateServer(other.actor.certificate));
  // The newest one asks itself: it stays.
  const Actor newest = Take(service_->AuthenticateServer(lost[19].identity.certificate));
  Take(service_->RenewServer(newest, server.Request()));
  EXPECT_TRUE(service_->AuthenticateServer(newest.certificate));
  // By the id of one that was ended in this way, the server ends nevertheless.
  Take(service_->RevokeServer(admin_, lost[18].identity.id));
  EXPECT_EQ(KindOf(service_->AuthenticateServer(asking.certificate)), FailureKind::kDenied);
  EXPECT_EQ(KindOf(service_->AuthenticateServer(newest.certificate)), FailureKind::kDenied);
  EXPECT_TRUE(service_->AuthenticateServer(other.actor.certificate));
}

TEST_F(RenewalTest, AnOldCertificatesIdEndsTheServer) {
  TestServer server = Enrol("acme", "web-1");
  const auto first = IdOf(server.actor.certificate);
  clock_.now += kLifetime - 10;
  const EnrolledServer second = Take(service_->RenewServer(server.actor, server.Request()));
  const Actor of_second = Take(service_->AuthenticateServer(second.identity.certificate));
  clock_.now += 20;
  Take(service_->RenewServer(of_second, server.Request()));  // ends the first
  clock_.now += kLifetime - 30;
  const EnrolledServer fourth = Take(service_->RenewServer(of_second, server.Request()));
  const Actor of_fourth = Take(service_->AuthenticateServer(fourth.identity.certificate));
  clock_.now += 20;
  const EnrolledServer newest = Take(service_->RenewServer(of_fourth, server.Request()));  // ends the second
  EXPECT_EQ(KindOf(service_->RevokeServer(operator_, first)), FailureKind::kDenied);
  EXPECT_EQ(Take(service_->RevokeServer(admin_, first)).id, first);
  EXPECT_EQ(KindOf(service_->AuthenticateServer(fourth.identity.certificate)), FailureKind::kDenied);
  EXPECT_EQ(KindOf(service_->AuthenticateServer(newest.identity.certificate)), FailureKind::kDenied);
  // Its namesake is another server, whichever of the old ids is given.
  clock_.now += 10;
  const TestServer namesake = Enrol("acme", "web-1");
  for (const Id id : {first, second.identity.id, fourth.identity.id, newest.identity.id}) {
    Take(service_->RevokeServer(admin_, id));
    EXPECT_TRUE(service_->AuthenticateServer(namesake.actor.certificate)) << id;
  }
}

TEST_F(RenewalTest, WhatCannotBeToldApartIsRefused) {
  TestServer server = Enrol("acme", "web-1");
  const auto first = IdOf(server.actor.certificate);
  clock_.now += kLifetime;  // a renewal would clean it up now
  Take(service_->RevokeServer(admin_, first));
  const TestServer namesake = Enrol("acme", "web-1");  // within the same second
  const auto refused = service_->RevokeServer(admin_, first);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, FailureKind::kConflict);
  const auto living = IdOf(namesake.actor.certificate);
  EXPECT_THAT(refused.error().Text(), ::testing::HasSubstr("id " + std::to_string(living)));
  EXPECT_TRUE(service_->AuthenticateServer(namesake.actor.certificate));
  Take(service_->RevokeServer(admin_, living));
  EXPECT_TRUE(service_->RevokeServer(admin_, first)) << "nothing is left that could be meant";
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
