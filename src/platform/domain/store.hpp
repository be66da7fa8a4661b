// SPDX-License-Identifier: Apache-2.0
/// The platform's memory as the domain wants it. SQLite implements it; tests/store/contract says in full what an
/// implementation must do.
#pragma once

#include <functional>
#include <optional>

#include "platform/domain/failure.hpp"
#include "platform/domain/records.hpp"

namespace simroot::platform {

/// A part of a list in ascending order of its key.
struct Page {
  std::int64_t after = 0;  ///< id or number of the last one already seen
  unsigned limit = 100;    ///< 1 to 1000
};

struct CardFilter {
  Id tenant = 0;  ///< 0: all
  std::optional<CardState> state{};
  std::string iccid_prefix{};
};
struct CredentialFilter {
  Id tenant = 0;
  Id card = 0;  ///< 0: all
  std::optional<CredentialState> state{};
  std::optional<CredentialKind> kind{};
  UnixTime ends_before = 0;  ///< 0: any; else only those with an end before
};
struct JobFilter {
  Id tenant = 0;
  Id card = 0;
  std::optional<JobState> state{};
};

/// One consistent view. kNotFound is a normal result of the Find functions; kUnavailable means the database is gone.
class StoreReader {
 public:
  virtual ~StoreReader() = default;

  [[nodiscard]] virtual Outcome<Tenant> FindTenant(Id id) = 0;
  [[nodiscard]] virtual Outcome<Tenant> FindTenant(const std::string& name) = 0;
  [[nodiscard]] virtual Outcome<std::vector<Tenant>> ListTenants(const Page& page) = 0;

  [[nodiscard]] virtual Outcome<Card> FindCard(Id id) = 0;
  [[nodiscard]] virtual Outcome<Card> FindCardByIccid(const std::string& iccid) = 0;
  [[nodiscard]] virtual Outcome<std::vector<Card>> ListCards(const CardFilter& filter, const Page& page) = 0;
  [[nodiscard]] virtual Outcome<CardKeySet> FindCardKeys(Id card, std::uint8_t version) = 0;
  /// In ascending order of the version.
  [[nodiscard]] virtual Outcome<std::vector<CardKeySet>> ListCardKeys(Id card) = 0;

  [[nodiscard]] virtual Outcome<Device> FindDevice(Id id) = 0;
  [[nodiscard]] virtual Outcome<Device> FindDeviceByName(Id tenant, const std::string& name) = 0;
  [[nodiscard]] virtual Outcome<Device> FindDeviceOfCard(Id card) = 0;
  [[nodiscard]] virtual Outcome<std::vector<Device>> ListDevices(Id tenant, const Page& page) = 0;

  [[nodiscard]] virtual Outcome<Credential> FindCredential(Id id) = 0;
  [[nodiscard]] virtual Outcome<Credential> FindCredentialByName(Id tenant, const std::string& name) = 0;
  [[nodiscard]] virtual Outcome<Credential> FindCredentialOfJob(Id job) = 0;
  [[nodiscard]] virtual Outcome<std::vector<Credential>> ListCredentials(const CredentialFilter& filter,
                                                                         const Page& page) = 0;

  [[nodiscard]] virtual Outcome<Policy> FindPolicy(Id id) = 0;
  [[nodiscard]] virtual Outcome<Policy> FindPolicyByName(Id tenant, const std::string& name) = 0;
  [[nodiscard]] virtual Outcome<std::vector<Policy>> ListPolicies(Id tenant, const Page& page) = 0;

  [[nodiscard]] virtual Outcome<Job> FindJob(Id id) = 0;
  [[nodiscard]] virtual Outcome<std::vector<Job>> ListJobs(const JobFilter& filter, const Page& page) = 0;
  /// The oldest queued or running job of the card, if its not_before has come; younger ones wait for it: what they do
  /// may depend on what it has done. A time more than an hour ahead is from a wrong clock and counts as come.
  /// kNotFound if there is none.
  [[nodiscard]] virtual Outcome<Job> NextJob(Id card, UnixTime now) = 0;
  [[nodiscard]] virtual Outcome<std::vector<JobStep>> ListJobSteps(Id job, const Page& page) = 0;

  [[nodiscard]] virtual Outcome<std::vector<AuditEntry>> ListAudit(Id tenant, const Page& page) = 0;
  /// Recomputes the chain. kConflict names the first entry that does not fit.
  [[nodiscard]] virtual Outcome<std::int64_t> VerifyAudit() = 0;

  [[nodiscard]] virtual Outcome<std::vector<FeedEvent>> ListFeed(Id tenant, const Page& page) = 0;
  [[nodiscard]] virtual Outcome<std::int64_t> LastFeedNumber() = 0;

  [[nodiscard]] virtual Outcome<Token> FindTokenByHash(ByteView hash) = 0;
  [[nodiscard]] virtual Outcome<std::vector<Token>> ListTokens(const Page& page) = 0;
  [[nodiscard]] virtual Outcome<ServerIdentity> FindServerByFingerprint(ByteView fingerprint) = 0;
  [[nodiscard]] virtual Outcome<std::vector<ServerIdentity>> ListServers(Id tenant, const Page& page) = 0;

  [[nodiscard]] virtual Outcome<CertificateAuthority> FindAuthority(Id id) = 0;
  /// In the order they were made.
  [[nodiscard]] virtual Outcome<std::vector<CertificateAuthority>> ListAuthorities(Id tenant) = 0;

  /// What was answered to a request with this idempotency key of this actor: status and body.
  struct Reply {
    Bytes request_hash;  ///< SHA-256 of method, path and body
    int status = 0;
    std::string body;
    UnixTime time = 0;
  };
  [[nodiscard]] virtual Outcome<Reply> FindReply(const std::string& actor, const std::string& key) = 0;
};

/// A transaction. Insert functions fill id, number or hash of what they return. Updates compare and set: kConflict, and
/// nothing changed, if somebody was first.
class StoreWriter : public StoreReader {
 public:
  [[nodiscard]] virtual Outcome<Id> InsertTenant(const Tenant& tenant) = 0;
  /// kConflict for an ICCID that exists.
  [[nodiscard]] virtual Outcome<Id> InsertCard(const Card& card) = 0;
  /// Everything but state, tenant and ICCID.
  [[nodiscard]] virtual Outcome<void> UpdateCard(const Card& card) = 0;
  [[nodiscard]] virtual Outcome<void> ChangeOwner(Id card, Id tenant) = 0;
  [[nodiscard]] virtual Outcome<void> TransitionCard(Id card, CardState from, CardState to) = 0;
  /// The card has proved itself `now`, and with that passed to another state, or stays in the same.
  [[nodiscard]] virtual Outcome<void> NoteContact(Id card, CardState from, CardState to, UnixTime now) = 0;
  /// Inserts or replaces one key set; replaced keys begin with fresh counters.
  [[nodiscard]] virtual Outcome<void> PutCardKeys(const CardKeySet& keys) = 0;
  /// Replaces what is sealed by the same keys sealed anew; counters stay. kConflict unless it is still `was`.
  [[nodiscard]] virtual Outcome<void> ResealCardKeys(Id card, std::uint8_t version, ByteView was, ByteView sealed) = 0;
  [[nodiscard]] virtual Outcome<void> DeleteCardKeys(Id card, std::uint8_t version) = 0;
  /// Notes the sequence counter that a card has shown. kConflict unless it is higher than every one before.
  [[nodiscard]] virtual Outcome<void> AdvanceScp03Sequence(Id card, std::uint8_t version, std::int64_t sequence) = 0;
  /// Reserves `count` counters and gives the first. They are never given again, whatever happens. kConflict when the
  /// last one (FFFFFFFFFE) is passed.
  [[nodiscard]] virtual Outcome<std::int64_t> ReserveScp80Counters(Id card, std::uint8_t version, unsigned count) = 0;

  [[nodiscard]] virtual Outcome<Id> InsertDevice(const Device& device) = 0;
  [[nodiscard]] virtual Outcome<void> UpdateDevice(const Device& device) = 0;
  [[nodiscard]] virtual Outcome<void> DeleteDevice(Id device) = 0;

  /// kConflict if the job has one already, or the name exists in the tenant.
  [[nodiscard]] virtual Outcome<Id> InsertCredential(const Credential& credential) = 0;
  /// Everything but tenant, card, job, kind and state.
  [[nodiscard]] virtual Outcome<void> UpdateCredential(const Credential& credential) = 0;
  /// To kRevoked also notes the time; to kDeleted keeps the reason that was given before.
  [[nodiscard]] virtual Outcome<void> TransitionCredential(Id credential, CredentialState from, CredentialState to,
                                                           const std::string& reason, UnixTime now) = 0;

  [[nodiscard]] virtual Outcome<Id> InsertPolicy(const Policy& policy) = 0;
  [[nodiscard]] virtual Outcome<void> UpdatePolicy(const Policy& policy) = 0;

  [[nodiscard]] virtual Outcome<Id> InsertJob(const Job& job) = 0;
  /// To job.state, with its attempts, not_before, error and credential.
  [[nodiscard]] virtual Outcome<void> TransitionJob(const Job& job, JobState from, UnixTime now) = 0;
  /// After those that the job has. Their `job` and `number` are given here.
  [[nodiscard]] virtual Outcome<void> AddJobSteps(Id job, const std::vector<JobStep>& steps) = 0;

  /// Time and chain are the store's: entry.time is when it was written, never before the one in front of it.
  [[nodiscard]] virtual Outcome<std::int64_t> AddAudit(const AuditEntry& entry) = 0;
  [[nodiscard]] virtual Outcome<std::int64_t> AddFeedEvent(const FeedEvent& event) = 0;
  /// Numbers above `least` for all that comes: adds an event of no tenant and no credential, "feed.begun", whose number
  /// is at least `least`.
  [[nodiscard]] virtual Outcome<void> RaiseFeed(std::int64_t least) = 0;

  [[nodiscard]] virtual Outcome<Id> InsertToken(const Token& token) = 0;
  [[nodiscard]] virtual Outcome<void> RevokeToken(Id token, UnixTime now) = 0;
  [[nodiscard]] virtual Outcome<Id> InsertServer(const ServerIdentity& server) = 0;
  [[nodiscard]] virtual Outcome<void> RevokeServer(Id server, UnixTime now) = 0;

  [[nodiscard]] virtual Outcome<Id> InsertAuthority(const CertificateAuthority& authority) = 0;
  [[nodiscard]] virtual Outcome<void> UpdateAuthority(const CertificateAuthority& authority) = 0;

  /// kConflict if the key exists for the actor.
  [[nodiscard]] virtual Outcome<void> InsertReply(const std::string& actor, const std::string& key,
                                                  const Reply& reply) = 0;
  [[nodiscard]] virtual Outcome<void> DeleteRepliesBefore(UnixTime time) = 0;
};

/// Safe for any number of threads.
class Store {
 public:
  virtual ~Store() = default;

  /// Runs `work` on one consistent view. The reader is valid inside `work` only.
  [[nodiscard]] virtual Outcome<void> Read(const std::function<Outcome<void>(StoreReader&)>& work) = 0;

  /// Runs `work` as one transaction and returns after it is safe from loss of power (with others in one commit). If
  /// `work` returns a failure or throws, nothing of it has happened. `work` runs on the store's own thread and may be
  /// run only once; it must not call Read or Write.
  [[nodiscard]] virtual Outcome<void> Write(const std::function<Outcome<void>(StoreWriter&)>& work) = 0;

  /// `listener` takes the place of the one before: it is called, on the store's thread, after each commit that added
  /// feed events, with the highest number, and must not call OnFeed. nullptr takes it away; when OnFeed returns, the
  /// one before is not running and never called again.
  virtual void OnFeed(std::function<void(std::int64_t last)> listener) = 0;

  /// A consistent copy into a new file while the store is in use. kConflict if the file exists.
  [[nodiscard]] virtual Outcome<void> Backup(const std::string& file) = 0;
};

}  // namespace simroot::platform
