// SPDX-License-Identifier: Apache-2.0
/// Service and engine that answer with the same records again and again, or with a failure.
#pragma once

#include <atomic>
#include <mutex>

#include "platform/api/testing/fake_store.hpp"
#include "platform/ota/engine.hpp"
#include "platform/service/service.hpp"

namespace simroot::platform::testing {

inline constexpr std::string_view kIccid = "8949000000000000012";
inline constexpr std::string_view kSession = "000102030405060708090A0B0C0D0E0F";

class FakeClock final : public Clock {
 public:
  UnixTime Now() override { return 1'800'000'000; }
};

class FakeService final : public Service {
 public:
  explicit FakeService(FakeStore& store) : store_(store) {}

  std::optional<Failure> failure;  ///< of everything but logging in
  std::optional<Failure> login_failure;
  std::vector<FeedItem> feed;
  std::vector<BadLine> bad_lines;
  std::atomic<int> calls = 0;  ///< that change something
  std::string last;            ///< what was asked last: arguments
  bool revoked = false;        ///< all tokens and servers

  /// Tokens are "viewer", "operator", "admin", each also with "@acme" behind it.
  Outcome<Actor> Authenticate(std::string_view token) override {
    if (login_failure) {
      return tl::make_unexpected(*login_failure);
    }
    const std::string_view role = token.substr(0, token.find('@'));
    const auto parsed = ParseName<Role>(role);
    if (!parsed || revoked) {
      return Refuse(FailureKind::kDenied, "unknown");
    }
    return Actor{"token " + std::string(token), *parsed, token.ends_with("@acme") ? 1 : 0, {}};
  }
  Outcome<Actor> AuthenticateServer(ByteView certificate) override {
    if (revoked || certificate.size() != 3) {
      return Refuse(FailureKind::kDenied, "unknown");
    }
    return Actor{"server web-1", Role::kViewer, 1, Bytes(certificate.begin(), certificate.end())};
  }

  Outcome<Tenant> CreateTenant(const Actor& /*actor*/, const std::string& name) override {
    return Done("tenant " + name, store_.tenants.front());
  }
  Outcome<ImportReport> ImportCards(const Actor& /*actor*/, const std::string& tenant, std::string_view csv) override {
    return Done("import " + tenant + " " + std::to_string(csv.size()), ImportReport{2, 3, bad_lines});
  }
  Outcome<Card> SetCardState(const Actor& /*actor*/, const std::string& iccid, CardState to) override {
    return Done("state " + iccid + " " + std::string(NameOf(to)), store_.cards.front());
  }
  Outcome<Card> SetCardPolicy(const Actor& /*actor*/, const std::string& iccid, const std::string& policy) override {
    return Done("policy " + iccid + " " + policy, store_.cards.front());
  }
  Outcome<Card> ChangeOwner(const Actor& /*actor*/, const std::string& iccid, const std::string& tenant) override {
    return Done("owner " + iccid + " " + tenant, store_.cards.front());
  }
  Outcome<Device> NameDevice(const Actor& /*actor*/, const std::string& iccid, const std::string& name) override {
    return Done("device " + iccid + " " + name, store_.devices.front());
  }
  Outcome<Policy> PutPolicy(const Actor& /*actor*/, const Policy& policy) override {
    return Done("policy " + policy.name + " " + policy.key_type + " " + std::to_string(policy.lifetime_s),
                store_.policies.front());
  }
  Outcome<Job> RequestJob(const Actor& /*actor*/, const std::string& iccid, JobKind kind) override {
    return Done("job " + iccid + " " + std::string(NameOf(kind)), store_.jobs.front());
  }
  Outcome<Job> CancelJob(const Actor& /*actor*/, Id job) override {
    return Done("cancel " + std::to_string(job), store_.jobs.front());
  }
  Outcome<Job> RetryJob(const Actor& /*actor*/, Id job) override {
    return Done("retry " + std::to_string(job), store_.jobs.front());
  }
  Outcome<Credential> SetCredentialState(const Actor& /*actor*/, Id id, CredentialState to,
                                         const std::string& reason) override {
    return Done("credential " + std::to_string(id) + " " + std::string(NameOf(to)) + " " + reason,
                store_.credentials.front());
  }
  Outcome<Credential> RecordUse(const Actor& /*actor*/, const std::string& name) override {
    return Done("use " + name, store_.credentials.front());
  }
  Outcome<NewToken> CreateToken(const Actor& /*actor*/, const std::string& name, Role role, const std::string& tenant,
                                UnixTime not_after) override {
    return Give("token " + name + " " + std::string(NameOf(role)) + " " + tenant + " " + std::to_string(not_after),
                [&] {
                  return NewToken{store_.tokens.front(), SecretBytes(AsBytes("the-secret-token"))};
                });
  }
  Outcome<Token> RevokeToken(const Actor& /*actor*/, Id token) override {
    return Done("revoke token " + std::to_string(token), store_.tokens.front());
  }
  Outcome<NewToken> InviteServer(const Actor& /*actor*/, const std::string& tenant, const std::string& name,
                                 std::int64_t lifetime_s) override {
    return Give("invite " + tenant + " " + name + " " + std::to_string(lifetime_s), [&] {
      return NewToken{store_.tokens.front(), SecretBytes(AsBytes("the-invitation"))};
    });
  }
  Outcome<EnrolledServer> EnrolServer(std::string_view token, ByteView csr) override {
    return Done("enrol " + std::string(token) + " " + ToHex(csr),
                EnrolledServer{store_.servers.front(), "-----BEGIN CERTIFICATE-----\n"});
  }
  Outcome<EnrolledServer> RenewServer(const Actor& actor, ByteView csr) override {
    return Done("renew " + actor.name + " " + ToHex(csr),
                EnrolledServer{store_.servers.front(), "-----BEGIN CERTIFICATE-----\n"});
  }
  Outcome<ServerIdentity> RevokeServer(const Actor& /*actor*/, Id server) override {
    return Done("revoke server " + std::to_string(server), store_.servers.front());
  }
  Outcome<CertificateAuthority> RotateAuthority(const Actor& /*actor*/, const std::string& tenant) override {
    return Done("rotate " + tenant, store_.authorities.front());
  }
  Outcome<CertificateAuthority> ImportAuthority(const Actor& /*actor*/, const std::string& tenant,
                                                const std::string& name, std::string_view /*certificates*/,
                                                ByteView /*key*/) override {
    return Done("import authority " + tenant + " " + name, store_.authorities.front());
  }
  Outcome<Bytes> CurrentCrl(Id authority) override { return Done("crl " + std::to_string(authority), Bytes{0x30, 0}); }
  Outcome<std::string> TrustAnchors(const std::string& tenant) override {
    return Done("anchors " + tenant, std::string("PEM\n"));
  }
  Outcome<void> BeginFeed() override { return {}; }
  Outcome<std::vector<FeedItem>> Feed(const Actor& /*actor*/, const Page& page) override {
    const std::lock_guard lock(mutex_);
    if (failure) {
      return tl::make_unexpected(*failure);
    }
    std::vector<FeedItem> out;
    for (const FeedItem& item : feed) {
      if (item.event.number > page.after && out.size() < page.limit) {
        out.push_back(item);
      }
    }
    return out;
  }
  /// What the store holds of the actor's tenant.
  Outcome<SnapshotPart> Snapshot(const Actor& actor, const Page& page) override {
    if (failure) {
      return tl::make_unexpected(*failure);
    }
    SnapshotPart part;
    part.feed_number = 41;
    for (const Credential& credential : store_.credentials) {
      if (credential.id > page.after && (actor.tenant == 0 || actor.tenant == credential.tenant) &&
          part.items.size() < page.limit) {
        ToldCredential& told = part.items.emplace_back();
        told.credential = credential;
        told.iccid = kIccid;
        told.fingerprint = Bytes(credential.certificate.empty() ? 0 : 32, 7);
        part.next = part.items.size() == page.limit ? credential.id : 0;
      }
    }
    return part;
  }
  std::uint64_t UnsealedPsks() const override { return 7; }
  Outcome<void> Housekeeping() override { return {}; }

  void AddEvent(std::int64_t number) {
    const std::lock_guard lock(mutex_);
    FeedItem item;
    item.event = {number, 1'700'000'000, 1, 1, "credential.active"};
    item.fingerprint = Bytes(32, 7);
    item.credential = store_.credentials.front();
    item.iccid = kIccid;
    feed.push_back(std::move(item));
  }

 private:
  template <typename Make>
  auto Give(std::string what, const Make& make) -> Outcome<decltype(make())> {
    if (failure) {
      return tl::make_unexpected(*failure);
    }
    const std::lock_guard lock(mutex_);
    ++calls;
    last = std::move(what);
    return make();
  }
  template <typename T>
  Outcome<T> Done(std::string what, const T& value) {
    return Give(std::move(what), [&] { return value; });
  }

  FakeStore& store_;
  std::mutex mutex_;
};

class FakeEngine final : public OtaEngine {
 public:
  std::optional<Failure> failure;
  RelayHello hello;
  std::vector<RelayAnswer> answers;
  bool done = false;

  Outcome<RelayBatch> Begin(const RelayHello& said) override {
    hello = said;
    return Batch(1);
  }
  Outcome<RelayBatch> Continue(const std::string& session, unsigned step, const std::vector<RelayAnswer>& said,
                               const std::string& /*source*/) override {
    if (session != kSession) {
      return Refuse(FailureKind::kNotFound, "there is no such session");
    }
    answers = said;
    return Batch(step + 1);
  }
  Counters Count() const override { return {}; }

 private:
  Outcome<RelayBatch> Batch(unsigned step) {
    if (failure) {
      return tl::make_unexpected(*failure);
    }
    RelayBatch batch;
    batch.session = kSession;
    batch.done = done;
    if (done) {
      batch.provisioned = true;
      batch.message = "certificate for meter-17";
      batch.key_label = "tls";
      return batch;
    }
    batch.step = step;
    batch.commands = {{0x80, 0x50, 0x30, 0x00, 0x00}};
    if (step == 1) {
      batch.security_domain = {0xA0, 0x00, 0x00, 0x01, 0x51};
    }
    return batch;
  }
};

}  // namespace simroot::platform::testing
