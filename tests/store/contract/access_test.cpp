// SPDX-License-Identifier: Apache-2.0
/// Policies, authorities, tokens, servers and idempotent replies.
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using AccessContract = Contract;

TEST_F(AccessContract, PolicyComesBackAndIsUpdated) {
  Policy policy = SamplePolicy(tenant_, "default");
  policy.id = Write([&](StoreWriter& w) { return w.InsertPolicy(policy); }).value_or(0);
  const auto get = [&] { return Read([&](StoreReader& r) { return r.FindPolicy(policy.id); }); };
  ASSERT_TRUE(get());
  EXPECT_EQ(get()->name, "default");
  EXPECT_EQ(get()->kind, CredentialKind::kCertificate);
  EXPECT_EQ(get()->key_type, "p256");
  EXPECT_EQ(get()->certificate_profile, "device");
  EXPECT_EQ(get()->authority, 0);
  EXPECT_EQ(get()->lifetime_s, 365 * 86400);
  EXPECT_EQ(get()->renew_before_s, 30 * 86400);
  EXPECT_TRUE(get()->rotate_key);
  EXPECT_EQ(get()->psk_size, 32);
  EXPECT_EQ(get()->label, "tls");
  EXPECT_EQ(get()->attesting_key, "");
  const Id authority =
      Write([&](StoreWriter& w) { return w.InsertAuthority(SampleAuthority(tenant_, "issuing-1")); }).value_or(0);
  const Policy changed{.id = policy.id,
                       .tenant = other_tenant_,
                       .name = "meters",
                       .kind = CredentialKind::kPsk,
                       .key_type = "p384",
                       .certificate_profile = "meter",
                       .authority = authority,
                       .lifetime_s = 100,
                       .renew_before_s = 10,
                       .rotate_key = false,
                       .psk_size = 64,
                       .label = "dtls",
                       .attesting_key = "0A"};
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.UpdatePolicy(changed); }));
  EXPECT_EQ(get()->tenant, tenant_);
  EXPECT_EQ(get()->name, "meters");
  EXPECT_EQ(get()->kind, CredentialKind::kPsk);
  EXPECT_EQ(get()->key_type, "p384");
  EXPECT_EQ(get()->certificate_profile, "meter");
  EXPECT_EQ(get()->authority, authority);
  EXPECT_EQ(get()->lifetime_s, 100);
  EXPECT_EQ(get()->renew_before_s, 10);
  EXPECT_FALSE(get()->rotate_key);
  EXPECT_EQ(get()->psk_size, 64);
  EXPECT_EQ(get()->label, "dtls");
  EXPECT_EQ(get()->attesting_key, "0A");
}

TEST_F(AccessContract, PolicyNameIsUniqueInItsTenant) {
  const auto add = [&](Id tenant, const std::string& name) {
    return Write([&](StoreWriter& w) { return w.InsertPolicy(SamplePolicy(tenant, name)); });
  };
  const Id a = add(tenant_, "default").value_or(0);
  EXPECT_EQ(KindOf(add(tenant_, "default")), "conflict");
  const Id b = add(other_tenant_, "default").value_or(0);
  EXPECT_EQ(KindOf(add(99, "default")), "not found");
  const Id c = add(tenant_, "meters").value_or(0);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindPolicyByName(other_tenant_, "default"); })->id, b);
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindPolicyByName(other_tenant_, "meters"); })), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindPolicy(99); })), "not found");
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListPolicies(tenant_, {}); })), ElementsAre(a, c));
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListPolicies(0, {}); })), ElementsAre(a, b, c));
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListPolicies(tenant_, {.after = a, .limit = 1}); })),
              ElementsAre(c));
  Policy renamed = SamplePolicy(tenant_, "default");
  renamed.id = c;
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.UpdatePolicy(renamed); })), "conflict");
  renamed.id = 99;
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.UpdatePolicy(renamed); })), "not found");
}

TEST_F(AccessContract, AnAuthorityMayBeThePlatformsOwn) {
  const auto id = Write([&](StoreWriter& w) { return w.InsertAuthority(SampleAuthority(0, "platform")); });
  ASSERT_TRUE(id);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindAuthority(*id); })->tenant, 0);
}

TEST_F(AccessContract, AuthorityComesBackAndIsUpdated) {
  CertificateAuthority root = SampleAuthority(tenant_, "root");
  root.issues = false;
  root.id = Write([&](StoreWriter& w) { return w.InsertAuthority(root); }).value_or(0);
  CertificateAuthority issuing = SampleAuthority(tenant_, "issuing-1");
  issuing.parent = root.id;
  issuing.crl_number = 4;
  issuing.id = Write([&](StoreWriter& w) { return w.InsertAuthority(issuing); }).value_or(0);
  const auto get = [&] { return Read([&](StoreReader& r) { return r.FindAuthority(issuing.id); }); };
  ASSERT_TRUE(get());
  EXPECT_EQ(get()->tenant, tenant_);
  EXPECT_EQ(get()->name, "issuing-1");
  EXPECT_EQ(get()->parent, root.id);
  EXPECT_EQ(get()->certificate, Counting(300));
  EXPECT_EQ(get()->key_file, "issuing-1.key");
  EXPECT_TRUE(get()->issues);
  EXPECT_FALSE(get()->retired);
  EXPECT_EQ(get()->crl_number, 4);
  EXPECT_EQ(get()->created, 1'700'000'000);
  issuing.retired = true;
  issuing.issues = false;
  issuing.crl_number = 5;
  EXPECT_TRUE(Write([&](StoreWriter& w) { return w.UpdateAuthority(issuing); }));
  EXPECT_TRUE(get()->retired);
  EXPECT_FALSE(get()->issues);
  EXPECT_EQ(get()->crl_number, 5);
  issuing.crl_number = 4;
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.UpdateAuthority(issuing); })), "conflict");
  EXPECT_EQ(get()->crl_number, 5);
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListAuthorities(tenant_); })), ElementsAre(root.id, issuing.id));
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListAuthorities(other_tenant_); })), IsEmpty());
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListAuthorities(0); })), ElementsAre(root.id, issuing.id));
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindAuthority(99); })), "not found");
  issuing.id = 99;
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.UpdateAuthority(issuing); })), "not found");
}

TEST_F(AccessContract, AuthorityNameIsUniqueInItsTenantAndAmongThePlatformsOwn) {
  const auto add = [&](Id tenant, const std::string& name) {
    return Write([&](StoreWriter& w) { return w.InsertAuthority(SampleAuthority(tenant, name)); });
  };
  const Id own = add(0, "root").value_or(0);
  EXPECT_EQ(Read([&](StoreReader& r) { return r.FindAuthority(own); })->tenant, 0);
  EXPECT_TRUE(add(tenant_, "root"));
  EXPECT_TRUE(add(other_tenant_, "root"));
  EXPECT_EQ(KindOf(add(0, "root")), "conflict");
  EXPECT_EQ(KindOf(add(tenant_, "root")), "conflict");
  EXPECT_EQ(KindOf(add(99, "root")), "not found");
}

TEST_F(AccessContract, TokenIsFoundByItsHashAndRevokedOnce) {
  const Token token{
      .tenant = tenant_, .name = "fleet", .role = Role::kOperator, .hash = Counting(32), .created = 5, .not_after = 50};
  const Id id = Write([&](StoreWriter& w) { return w.InsertToken(token); }).value_or(0);
  const auto find = [&](const Bytes& hash) { return Read([&](StoreReader& r) { return r.FindTokenByHash(hash); }); };
  ASSERT_TRUE(find(token.hash));
  EXPECT_EQ(find(token.hash)->id, id);
  EXPECT_EQ(find(token.hash)->tenant, tenant_);
  EXPECT_EQ(find(token.hash)->name, "fleet");
  EXPECT_EQ(find(token.hash)->role, Role::kOperator);
  EXPECT_EQ(find(token.hash)->hash, Counting(32));
  EXPECT_EQ(find(token.hash)->created, 5);
  EXPECT_EQ(find(token.hash)->not_after, 50);
  EXPECT_EQ(find(token.hash)->revoked, 0);
  Bytes flipped = token.hash;
  flipped.back() ^= 1U;
  EXPECT_EQ(KindOf(find(flipped)), "not found");
  EXPECT_EQ(KindOf(find({})), "not found");
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.InsertToken(token); })), "conflict");
  const auto revoke = [&](Id which) { return Write([&](StoreWriter& w) { return w.RevokeToken(which, 30); }); };
  EXPECT_TRUE(revoke(id));
  EXPECT_EQ(find(token.hash)->revoked, 30);
  EXPECT_EQ(KindOf(revoke(id)), "conflict");
  EXPECT_EQ(KindOf(revoke(99)), "not found");
}

TEST_F(AccessContract, TokensAreListedInPages) {
  const auto add = [&](Id tenant, std::uint8_t seed) {
    return Write(
               [&](StoreWriter& w) { return w.InsertToken({.tenant = tenant, .name = "t", .hash = Bytes(32, seed)}); })
        .value_or(0);
  };
  const Id a = add(0, 1);
  const Id b = add(tenant_, 2);
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListTokens({}); })), ElementsAre(a, b));
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListTokens({.after = a}); })), ElementsAre(b));
  EXPECT_EQ(Read([&](StoreReader& r) { return r.ListTokens({.limit = 1}); })->front().tenant, 0);
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.InsertToken({.tenant = 99, .hash = Bytes(32, 3)}); })),
            "not found");
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.InsertToken({.hash = Bytes(31, 3)}); })), "invalid");
}

TEST_F(AccessContract, ServerIsFoundByItsCertificateAndRevokedOnce) {
  const ServerIdentity server{
      .tenant = tenant_, .name = "broker", .fingerprint = Counting(32), .certificate = Counting(500), .created = 6};
  const Id id = Write([&](StoreWriter& w) { return w.InsertServer(server); }).value_or(0);
  const auto find = [&](const Bytes& print) {
    return Read([&](StoreReader& r) { return r.FindServerByFingerprint(print); });
  };
  ASSERT_TRUE(find(server.fingerprint));
  EXPECT_EQ(find(server.fingerprint)->id, id);
  EXPECT_EQ(find(server.fingerprint)->tenant, tenant_);
  EXPECT_EQ(find(server.fingerprint)->name, "broker");
  EXPECT_EQ(find(server.fingerprint)->certificate, Counting(500));
  EXPECT_EQ(find(server.fingerprint)->created, 6);
  EXPECT_EQ(find(server.fingerprint)->revoked, 0);
  EXPECT_EQ(KindOf(find(Counting(31))), "not found");
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) { return w.InsertServer(server); })), "conflict");
  const auto revoke = [&](Id which) { return Write([&](StoreWriter& w) { return w.RevokeServer(which, 31); }); };
  EXPECT_TRUE(revoke(id));
  EXPECT_EQ(find(server.fingerprint)->revoked, 31);
  EXPECT_EQ(KindOf(revoke(id)), "conflict");
  EXPECT_EQ(KindOf(revoke(99)), "not found");
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListServers(tenant_, {}); })), ElementsAre(id));
  EXPECT_THAT(Ids(Read([&](StoreReader& r) { return r.ListServers(other_tenant_, {}); })), IsEmpty());
}

TEST_F(AccessContract, ReplyIsKeptForItsActorAndKeyUntilItIsOld) {
  const StoreReader::Reply reply{.request_hash = Counting(32), .status = 201, .body = "{\"id\":7}", .time = 100};
  const auto add = [&](const std::string& actor, const std::string& key) {
    return Write([&](StoreWriter& w) { return w.InsertReply(actor, key, reply); });
  };
  const auto find = [&](const std::string& actor, const std::string& key) {
    return Read([&](StoreReader& r) { return r.FindReply(actor, key); });
  };
  EXPECT_TRUE(add("token fleet", "k1"));
  ASSERT_TRUE(find("token fleet", "k1"));
  EXPECT_EQ(find("token fleet", "k1")->request_hash, Counting(32));
  EXPECT_EQ(find("token fleet", "k1")->status, 201);
  EXPECT_EQ(find("token fleet", "k1")->body, "{\"id\":7}");
  EXPECT_EQ(find("token fleet", "k1")->time, 100);
  EXPECT_EQ(KindOf(add("token fleet", "k1")), "conflict");
  EXPECT_EQ(KindOf(find("token other", "k1")), "not found");
  EXPECT_EQ(KindOf(find("token fleet", "k2")), "not found");
  EXPECT_TRUE(add("token other", "k1"));
  const auto clean = [&](UnixTime time) { return Write([&](StoreWriter& w) { return w.DeleteRepliesBefore(time); }); };
  EXPECT_TRUE(clean(100));
  EXPECT_TRUE(find("token fleet", "k1"));
  EXPECT_TRUE(clean(101));
  EXPECT_EQ(KindOf(find("token fleet", "k1")), "not found");
  EXPECT_TRUE(clean(101));
}

}  // namespace
}  // namespace simroot::platform::contract
