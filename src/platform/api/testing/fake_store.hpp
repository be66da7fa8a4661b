// SPDX-License-Identifier: Apache-2.0
/// A store of a few records in memory. Pages, filters by tenant and idempotency replies work; the rest says there is
/// nothing, or does nothing.
#pragma once

#include <atomic>
#include <map>

#include "platform/domain/store.hpp"

namespace simroot::platform::testing {

class FakeStore final : public Store, public StoreWriter {
 public:
  // What it holds.
  std::vector<Tenant> tenants{{1, "acme", 1'700'000'000}, {2, "other", 1'700'000'001}};
  std::vector<Card> cards;
  std::vector<Device> devices;
  std::vector<Credential> credentials;
  std::vector<Policy> policies;
  std::vector<Job> jobs;
  std::vector<JobStep> steps;
  std::vector<AuditEntry> audit;
  std::vector<Token> tokens;
  std::vector<ServerIdentity> servers;
  std::vector<CertificateAuthority> authorities;
  std::map<std::pair<std::string, std::string>, Reply> replies;
  std::optional<Failure> failure;  ///< of every Read and Write

  Outcome<void> Read(const std::function<Outcome<void>(StoreReader&)>& work) override {
    return failure ? tl::make_unexpected(*failure) : work(*this);
  }
  Outcome<void> Write(const std::function<Outcome<void>(StoreWriter&)>& work) override {
    return failure ? tl::make_unexpected(*failure) : work(*this);
  }
  void OnFeed(std::function<void(std::int64_t)> /*listener*/) override {}
  Outcome<void> Backup(const std::string& /*file*/) override { return {}; }

  Outcome<Tenant> FindTenant(Id id) override {
    return First(tenants, [&](const auto& x) { return x.id == id; });
  }
  Outcome<Tenant> FindTenant(const std::string& name) override {
    return First(tenants, [&](const auto& x) { return x.name == name; });
  }
  Outcome<std::vector<Tenant>> ListTenants(const Page& page) override {
    return Part(tenants, page, [](const auto&) { return true; });
  }
  Outcome<Card> FindCard(Id id) override {
    return First(cards, [&](const auto& x) { return x.id == id; });
  }
  Outcome<Card> FindCardByIccid(const std::string& iccid) override {
    return First(cards, [&](const auto& x) { return x.iccid == iccid; });
  }
  Outcome<std::vector<Card>> ListCards(const CardFilter& filter, const Page& page) override {
    return Part(cards, page, [&](const Card& x) {
      return IsOf(filter.tenant, x) && (!filter.state || *filter.state == x.state) &&
             x.iccid.starts_with(filter.iccid_prefix);
    });
  }
  Outcome<CardKeySet> FindCardKeys(Id /*card*/, std::uint8_t /*version*/) override { return None(); }
  Outcome<std::vector<CardKeySet>> ListCardKeys(Id /*card*/) override { return std::vector<CardKeySet>(); }
  Outcome<Device> FindDevice(Id id) override {
    return First(devices, [&](const auto& x) { return x.id == id; });
  }
  Outcome<Device> FindDeviceByName(Id /*tenant*/, const std::string& /*name*/) override { return None(); }
  Outcome<Device> FindDeviceOfCard(Id card) override {
    return First(devices, [&](const auto& x) { return x.card == card; });
  }
  Outcome<std::vector<Device>> ListDevices(Id tenant, const Page& page) override {
    return Part(devices, page, [&](const auto& x) { return IsOf(tenant, x); });
  }
  Outcome<Credential> FindCredential(Id id) override {
    return First(credentials, [&](const auto& x) { return x.id == id; });
  }
  Outcome<Credential> FindCredentialByName(Id /*tenant*/, const std::string& /*name*/) override { return None(); }
  Outcome<Credential> FindCredentialOfJob(Id /*job*/) override { return None(); }
  Outcome<std::vector<Credential>> ListCredentials(const CredentialFilter& filter, const Page& page) override {
    return Part(credentials, page, [&](const Credential& x) {
      return IsOf(filter.tenant, x) && (filter.card == 0 || filter.card == x.card) &&
             (!filter.state || *filter.state == x.state) && (!filter.kind || *filter.kind == x.kind);
    });
  }
  Outcome<Policy> FindPolicy(Id id) override {
    return First(policies, [&](const auto& x) { return x.id == id; });
  }
  Outcome<Policy> FindPolicyByName(Id /*tenant*/, const std::string& /*name*/) override { return None(); }
  Outcome<std::vector<Policy>> ListPolicies(Id tenant, const Page& page) override {
    return Part(policies, page, [&](const auto& x) { return IsOf(tenant, x); });
  }
  Outcome<Job> FindJob(Id id) override {
    return First(jobs, [&](const auto& x) { return x.id == id; });
  }
  Outcome<std::vector<Job>> ListJobs(const JobFilter& filter, const Page& page) override {
    return Part(jobs, page, [&](const Job& x) {
      return IsOf(filter.tenant, x) && (filter.card == 0 || filter.card == x.card) &&
             (!filter.state || *filter.state == x.state);
    });
  }
  Outcome<Job> NextJob(Id /*card*/, UnixTime /*now*/) override { return None(); }
  Outcome<std::vector<JobStep>> ListJobSteps(Id job, const Page& page) override {
    return Part(steps, page, [&](const auto& x) { return x.job == job; });
  }
  Outcome<std::vector<AuditEntry>> ListAudit(Id tenant, const Page& page) override {
    return Part(audit, page, [&](const auto& x) { return IsOf(tenant, x); });
  }
  Outcome<std::int64_t> VerifyAudit() override { return static_cast<std::int64_t>(audit.size()); }
  Outcome<std::vector<FeedEvent>> ListFeed(Id /*tenant*/, const Page& /*page*/) override {
    return std::vector<FeedEvent>();
  }
  Outcome<std::int64_t> LastFeedNumber() override { return 0; }
  Outcome<Token> FindTokenByHash(ByteView /*hash*/) override { return None(); }
  Outcome<std::vector<Token>> ListTokens(const Page& page) override {
    return Part(tokens, page, [](const auto&) { return true; });
  }
  Outcome<ServerIdentity> FindServerByFingerprint(ByteView /*fingerprint*/) override { return None(); }
  Outcome<std::vector<ServerIdentity>> ListServers(Id tenant, const Page& page) override {
    return Part(servers, page, [&](const auto& x) { return IsOf(tenant, x); });
  }
  Outcome<CertificateAuthority> FindAuthority(Id id) override {
    return First(authorities, [&](const auto& x) { return x.id == id; });
  }
  Outcome<std::vector<CertificateAuthority>> ListAuthorities(Id tenant) override {
    return Part(authorities, {0, 1000}, [&](const auto& x) { return IsOf(tenant, x); });
  }
  Outcome<Reply> FindReply(const std::string& actor, const std::string& key) override {
    const auto found = replies.find({actor, key});
    return found == replies.end() ? None() : Outcome<Reply>(found->second);
  }

  Outcome<Id> InsertTenant(const Tenant& /*x*/) override { return 1; }
  Outcome<Id> InsertCard(const Card& /*x*/) override { return 1; }
  Outcome<void> UpdateCard(const Card& /*x*/) override { return {}; }
  Outcome<void> ChangeOwner(Id /*card*/, Id /*tenant*/) override { return {}; }
  Outcome<void> TransitionCard(Id /*card*/, CardState /*from*/, CardState /*to*/) override { return {}; }
  Outcome<void> NoteContact(Id /*card*/, CardState /*from*/, CardState /*to*/, UnixTime /*now*/) override { return {}; }
  Outcome<void> PutCardKeys(const CardKeySet& /*x*/) override { return {}; }
  Outcome<void> ResealCardKeys(Id /*c*/, std::uint8_t /*v*/, ByteView /*from*/, ByteView /*to*/) override { return {}; }
  Outcome<void> DeleteCardKeys(Id /*card*/, std::uint8_t /*version*/) override { return {}; }
  Outcome<void> AdvanceScp03Sequence(Id /*c*/, std::uint8_t /*v*/, std::int64_t /*s*/) override { return {}; }
  Outcome<std::int64_t> ReserveScp80Counters(Id /*c*/, std::uint8_t /*v*/, unsigned /*n*/) override { return 1; }
  Outcome<Id> InsertDevice(const Device& /*x*/) override { return 1; }
  Outcome<void> UpdateDevice(const Device& /*x*/) override { return {}; }
  Outcome<void> DeleteDevice(Id /*device*/) override { return {}; }
  Outcome<Id> InsertCredential(const Credential& /*x*/) override { return 1; }
  Outcome<void> UpdateCredential(const Credential& /*x*/) override { return {}; }
  Outcome<void> TransitionCredential(Id /*c*/, CredentialState /*from*/, CredentialState /*to*/,
                                     const std::string& /*reason*/, UnixTime /*now*/) override {
    return {};
  }
  Outcome<Id> InsertPolicy(const Policy& /*x*/) override { return 1; }
  Outcome<void> UpdatePolicy(const Policy& /*x*/) override { return {}; }
  Outcome<Id> InsertJob(const Job& /*x*/) override { return 1; }
  Outcome<void> TransitionJob(const Job& /*job*/, JobState /*from*/, UnixTime /*now*/) override { return {}; }
  Outcome<void> AddJobSteps(Id /*job*/, const std::vector<JobStep>& /*steps*/) override { return {}; }
  Outcome<std::int64_t> AddAudit(const AuditEntry& /*x*/) override { return 1; }
  Outcome<std::int64_t> AddFeedEvent(const FeedEvent& /*x*/) override { return 1; }
  Outcome<void> RaiseFeed(std::int64_t /*least*/) override { return {}; }
  Outcome<Id> InsertToken(const Token& /*x*/) override { return 1; }
  Outcome<void> RevokeToken(Id /*token*/, UnixTime /*now*/) override { return {}; }
  Outcome<Id> InsertServer(const ServerIdentity& /*x*/) override { return 1; }
  Outcome<void> RevokeServer(Id /*server*/, UnixTime /*now*/) override { return {}; }
  Outcome<Id> InsertAuthority(const CertificateAuthority& /*x*/) override { return 1; }
  Outcome<void> UpdateAuthority(const CertificateAuthority& /*x*/) override { return {}; }
  Outcome<void> InsertReply(const std::string& actor, const std::string& key, const Reply& reply) override {
    replies[{actor, key}] = reply;
    return {};
  }
  Outcome<void> DeleteRepliesBefore(UnixTime /*time*/) override { return {}; }

 private:
  static tl::unexpected<Failure> None() { return Refuse(FailureKind::kNotFound, "the store has no such record"); }
  template <typename Record>
  static bool IsOf(Id tenant, const Record& record) {
    return tenant == 0 || tenant == record.tenant;
  }
  template <typename Record, typename Test>
  static Outcome<Record> First(const std::vector<Record>& all, const Test& test) {
    for (const Record& one : all) {
      if (test(one)) {
        return one;
      }
    }
    return None();
  }
  template <typename Record, typename Test>
  static std::vector<Record> Part(const std::vector<Record>& all, const Page& page, const Test& test) {
    std::vector<Record> out;
    for (const Record& one : all) {
      std::int64_t key = 0;
      if constexpr (requires { one.number; }) {
        key = one.number;
      } else {
        key = one.id;
      }
      if (key > page.after && test(one) && out.size() < page.limit) {
        out.push_back(one);
      }
    }
    return out;
  }
};

}  // namespace simroot::platform::testing
