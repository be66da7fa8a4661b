// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/crypto/port.hpp"
#include "platform/domain/store.hpp"
#include "platform/store/sqlite/connection.hpp"

namespace simroot::platform::sqlite {

/// All statements of the store, on one connection inside a transaction that somebody else began. A connection opened
/// for reading gets one too, and is shown as a StoreReader.
class Transaction final : public StoreWriter {
 public:
  Transaction(Connection& connection, crypto::Crypto& crypto, Clock& clock)
      : connection_(connection), crypto_(crypto), clock_(clock) {}

  /// The highest number that AddFeedEvent has given here; 0 if it was not called.
  [[nodiscard]] std::int64_t last_feed_number() const { return last_feed_number_; }

  // tables_of_owners.cpp: tenants, policies, authorities
  Outcome<Tenant> FindTenant(Id id) override;
  Outcome<Tenant> FindTenant(const std::string& name) override;
  Outcome<std::vector<Tenant>> ListTenants(const Page& page) override;
  Outcome<Id> InsertTenant(const Tenant& tenant) override;
  Outcome<Policy> FindPolicy(Id id) override;
  Outcome<Policy> FindPolicyByName(Id tenant, const std::string& name) override;
  Outcome<std::vector<Policy>> ListPolicies(Id tenant, const Page& page) override;
  Outcome<Id> InsertPolicy(const Policy& policy) override;
  Outcome<void> UpdatePolicy(const Policy& policy) override;
  Outcome<CertificateAuthority> FindAuthority(Id id) override;
  Outcome<std::vector<CertificateAuthority>> ListAuthorities(Id tenant) override;
  Outcome<Id> InsertAuthority(const CertificateAuthority& authority) override;
  Outcome<void> UpdateAuthority(const CertificateAuthority& authority) override;

  // tables_of_cards.cpp
  Outcome<Card> FindCard(Id id) override;
  Outcome<Card> FindCardByIccid(const std::string& iccid) override;
  Outcome<std::vector<Card>> ListCards(const CardFilter& filter, const Page& page) override;
  Outcome<Id> InsertCard(const Card& card) override;
  Outcome<void> UpdateCard(const Card& card) override;
  Outcome<void> ChangeOwner(Id card, Id tenant) override;
  Outcome<void> TransitionCard(Id card, CardState from, CardState to) override;
  Outcome<void> NoteContact(Id card, CardState from, CardState to, UnixTime now) override;
  Outcome<Device> FindDevice(Id id) override;
  Outcome<Device> FindDeviceByName(Id tenant, const std::string& name) override;
  Outcome<Device> FindDeviceOfCard(Id card) override;
  Outcome<std::vector<Device>> ListDevices(Id tenant, const Page& page) override;
  Outcome<Id> InsertDevice(const Device& device) override;
  Outcome<void> UpdateDevice(const Device& device) override;
  Outcome<void> DeleteDevice(Id device) override;

  // tables_of_keys.cpp
  Outcome<CardKeySet> FindCardKeys(Id card, std::uint8_t version) override;
  Outcome<std::vector<CardKeySet>> ListCardKeys(Id card) override;
  Outcome<void> PutCardKeys(const CardKeySet& keys) override;
  Outcome<void> ResealCardKeys(Id card, std::uint8_t version, ByteView was, ByteView sealed) override;
  Outcome<void> DeleteCardKeys(Id card, std::uint8_t version) override;
  Outcome<void> AdvanceScp03Sequence(Id card, std::uint8_t version, std::int64_t sequence) override;
  Outcome<std::int64_t> ReserveScp80Counters(Id card, std::uint8_t version, unsigned count) override;

  // tables_of_credentials.cpp
  Outcome<Credential> FindCredential(Id id) override;
  Outcome<Credential> FindCredentialByName(Id tenant, const std::string& name) override;
  Outcome<Credential> FindCredentialOfJob(Id job) override;
  Outcome<std::vector<Credential>> ListCredentials(const CredentialFilter& filter, const Page& page) override;
  Outcome<Id> InsertCredential(const Credential& credential) override;
  Outcome<void> UpdateCredential(const Credential& credential) override;
  Outcome<void> TransitionCredential(Id credential, CredentialState from, CredentialState to, const std::string& reason,
                                     UnixTime now) override;

  // tables_of_jobs.cpp
  Outcome<Job> FindJob(Id id) override;
  Outcome<std::vector<Job>> ListJobs(const JobFilter& filter, const Page& page) override;
  Outcome<Job> NextJob(Id card, UnixTime now) override;
  Outcome<std::vector<JobStep>> ListJobSteps(Id job, const Page& page) override;
  Outcome<Id> InsertJob(const Job& job) override;
  Outcome<void> TransitionJob(const Job& job, JobState from, UnixTime now) override;
  Outcome<void> AddJobSteps(Id job, const std::vector<JobStep>& steps) override;

  // tables_of_logs.cpp
  Outcome<std::vector<AuditEntry>> ListAudit(Id tenant, const Page& page) override;
  Outcome<std::int64_t> VerifyAudit() override;
  Outcome<std::int64_t> AddAudit(const AuditEntry& entry) override;
  Outcome<std::vector<FeedEvent>> ListFeed(Id tenant, const Page& page) override;
  Outcome<std::int64_t> LastFeedNumber() override;
  Outcome<std::int64_t> AddFeedEvent(const FeedEvent& event) override;
  Outcome<void> RaiseFeed(std::int64_t least) override;

  // tables_of_access.cpp: tokens, servers, replies
  Outcome<Token> FindTokenByHash(ByteView hash) override;
  Outcome<std::vector<Token>> ListTokens(const Page& page) override;
  Outcome<Id> InsertToken(const Token& token) override;
  Outcome<void> RevokeToken(Id token, UnixTime now) override;
  Outcome<ServerIdentity> FindServerByFingerprint(ByteView fingerprint) override;
  Outcome<std::vector<ServerIdentity>> ListServers(Id tenant, const Page& page) override;
  Outcome<Id> InsertServer(const ServerIdentity& server) override;
  Outcome<void> RevokeServer(Id server, UnixTime now) override;
  Outcome<Reply> FindReply(const std::string& actor, const std::string& key) override;
  Outcome<void> InsertReply(const std::string& actor, const std::string& key, const Reply& reply) override;
  Outcome<void> DeleteRepliesBefore(UnixTime time) override;

 private:
  Outcome<void> PutCredentialContent(Id id, const Credential& credential);
  Outcome<std::int64_t> InsertFeedEvent(const FeedEvent& event, std::int64_t least);

  Connection& connection_;
  crypto::Crypto& crypto_;
  Clock& clock_;
  std::int64_t last_feed_number_ = 0;
};

}  // namespace simroot::platform::sqlite
