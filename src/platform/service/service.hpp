// SPDX-License-Identifier: Apache-2.0
/// What operators and application servers ask of the platform: each change is one transaction with its audit entry and,
/// where application servers must know, its feed event. No HTTP in here.
#pragma once

#include <memory>

#include "platform/authority/authority.hpp"
#include "platform/domain/store.hpp"

namespace simroot::platform {

/// Who asks.
struct Actor {
  std::string name;  ///< as in the audit log: "token ops", "server web-1", "platform"
  Role role = Role::kViewer;
  Id tenant = 0;      ///< the only one he may see; 0: all
  Bytes certificate;  ///< of an application server, DER: what is for it alone is sealed to its key
};

/// A credential with all that an application server needs to know of it.
struct ToldCredential {
  Credential credential;  ///< as it is now; without sealed_psk
  std::string iccid;
  std::string device;  ///< name; empty: none
  Bytes fingerprint;   ///< SHA-256 of the certificate; empty: there is none
  Bytes sealed_psk;    ///< CMS for the asking server; empty for certificates, everybody else, and if it cannot be made
};

/// A change of a credential.
struct FeedItem : ToldCredential {
  FeedEvent event;
};

/// A part of all credentials as they are now, of one moment.
struct SnapshotPart {
  std::vector<ToldCredential> items;  ///< in ascending order of the credentials' ids
  Id next = 0;                        ///< `after` of the next part; 0: this was the last
  std::int64_t feed_number = 0;       ///< the newest change at that moment
};

/// A line of an import that is wrong. Line 1 is the header.
struct BadLine {
  std::size_t line = 0;
  std::string message;  ///< never repeats a key
};
struct ImportReport {
  std::size_t cards = 0;  ///< new ones
  std::size_t key_sets = 0;
  std::vector<BadLine> bad;  ///< not empty: nothing was imported
};

struct NewToken {
  Token token;
  SecretBytes text;  ///< what the holder shows; only now, the store keeps its hash
};

struct EnrolledServer {
  ServerIdentity identity;
  std::string certificate_chain;  ///< PEM
};

/// Safe for any number of threads. Every function checks role and tenant of the actor: kDenied, or kNotFound for what
/// he may not even know of.
class Service {
 public:
  /// All outlive it.
  [[nodiscard]] static std::unique_ptr<Service> Create(Store& store, Vault& vault, Authority& authority, Clock& clock);
  virtual ~Service() = default;

  /// With its root, its issuing CA and the policy "default". Admin.
  [[nodiscard]] virtual Outcome<Tenant> CreateTenant(const Actor& actor, const std::string& name) = 0;

  /// One batch: a file of card keys (docs/formats/card-keys.md), header included, all or nothing; a switch-on job for
  /// every new card. Operator.
  [[nodiscard]] virtual Outcome<ImportReport> ImportCards(const Actor& actor, const std::string& tenant,
                                                          std::string_view csv) = 0;
  [[nodiscard]] virtual Outcome<Card> SetCardState(const Actor& actor, const std::string& iccid, CardState to) = 0;
  [[nodiscard]] virtual Outcome<Card> SetCardPolicy(const Actor& actor, const std::string& iccid,
                                                    const std::string& policy) = 0;
  /// To another tenant: credentials are revoked, the card is erased at its next contact and then switched on anew.
  [[nodiscard]] virtual Outcome<Card> ChangeOwner(const Actor& actor, const std::string& iccid,
                                                  const std::string& tenant) = 0;
  [[nodiscard]] virtual Outcome<Device> NameDevice(const Actor& actor, const std::string& iccid,
                                                   const std::string& name) = 0;

  /// Inserts, or changes the one with this name. Admin.
  [[nodiscard]] virtual Outcome<Policy> PutPolicy(const Actor& actor, const Policy& policy) = 0;

  /// Queues a job. kConflict if an open one of the same kind exists for the card, or the card is retired.
  [[nodiscard]] virtual Outcome<Job> RequestJob(const Actor& actor, const std::string& iccid, JobKind kind) = 0;
  [[nodiscard]] virtual Outcome<Job> CancelJob(const Actor& actor, Id job) = 0;
  /// A failed job once more. kConflict if the card has another owner, is retired, or has an open job of the kind.
  [[nodiscard]] virtual Outcome<Job> RetryJob(const Actor& actor, Id job) = 0;

  /// Revoked, suspended or active again: at once for application servers, on the card at its next contact.
  [[nodiscard]] virtual Outcome<Credential> SetCredentialState(const Actor& actor, Id credential, CredentialState to,
                                                               const std::string& reason) = 0;
  /// Proof of use, told by an application server with its certificate: ends the overlap of a rotation. Idempotent.
  [[nodiscard]] virtual Outcome<Credential> RecordUse(const Actor& actor, const std::string& credential_name) = 0;

  /// kConflict for the name of a valid one of the same tenant. Admin.
  [[nodiscard]] virtual Outcome<NewToken> CreateToken(const Actor& actor, const std::string& name, Role role,
                                                      const std::string& tenant, UnixTime not_after) = 0;
  [[nodiscard]] virtual Outcome<Token> RevokeToken(const Actor& actor, Id token) = 0;
  /// The actor behind the text of a token. kDenied for an unknown, expired or revoked one, without telling which.
  [[nodiscard]] virtual Outcome<Actor> Authenticate(std::string_view token) = 0;
  /// The actor behind a client certificate that chains to the platform's CA.
  [[nodiscard]] virtual Outcome<Actor> AuthenticateServer(ByteView certificate) = 0;

  /// A one-time token for an application server's first contact, valid for `lifetime_s`. kConflict for the name of a
  /// server of the tenant that is not revoked. Admin.
  [[nodiscard]] virtual Outcome<NewToken> InviteServer(const Actor& actor, const std::string& tenant,
                                                       const std::string& name, std::int64_t lifetime_s) = 0;
  /// Spends the one-time token and signs the server's certificate request. kInvalid for a key that nothing can be
  /// encrypted for.
  [[nodiscard]] virtual Outcome<EnrolledServer> EnrolServer(std::string_view one_time_token, ByteView csr) = 0;
  /// A new certificate for the application server that asks, with the key of the request, which may be the old one. The
  /// old certificate stays valid until its end. Of more than eight that are valid, the newest that do not ask are
  /// ended: they were never taken up. kInvalid as above.
  [[nodiscard]] virtual Outcome<EnrolledServer> RenewServer(const Actor& actor, ByteView csr) = 0;
  /// With all its certificates; `server` may also be one that has ended, but then kConflict if a later namesake cannot
  /// be told from it. Nothing changes for a server that is revoked.
  [[nodiscard]] virtual Outcome<ServerIdentity> RevokeServer(const Actor& actor, Id server) = 0;

  /// A further issuing CA that issues from now on; the old one stays for what it issued. Admin.
  [[nodiscard]] virtual Outcome<CertificateAuthority> RotateAuthority(const Actor& actor,
                                                                      const std::string& tenant) = 0;
  [[nodiscard]] virtual Outcome<CertificateAuthority> ImportAuthority(const Actor& actor, const std::string& tenant,
                                                                      const std::string& name,
                                                                      std::string_view certificates,
                                                                      ByteView private_key) = 0;
  /// The current CRL of a CA, DER; made anew when something changed, but not within 5 seconds, or half its time is
  /// over.
  [[nodiscard]] virtual Outcome<Bytes> CurrentCrl(Id authority) = 0;
  /// Trust anchors of a tenant for application servers: PEM of roots and issuing CAs.
  [[nodiscard]] virtual Outcome<std::string> TrustAnchors(const std::string& tenant) = 0;

  /// To be called once by whoever is going to serve. Raises the feed's numbers above all that an earlier run can have
  /// given, also one whose end is not in this database, because it was restored from a backup.
  [[nodiscard]] virtual Outcome<void> BeginFeed() = 0;
  /// The changes after `page.after` that the actor may see. Empty: none yet. kConflict: `page.after` is neither 0 nor
  /// the number of a change: whoever has read it has read things that a restore from a backup has undone.
  [[nodiscard]] virtual Outcome<std::vector<FeedItem>> Feed(const Actor& actor, const Page& page) = 0;
  /// What the actor may see of all credentials: without what was never made and without PSKs that are deleted, so a
  /// part may be shorter than its limit.
  [[nodiscard]] virtual Outcome<SnapshotPart> Snapshot(const Actor& actor, const Page& page) = 0;

  /// Pre-shared keys that could not be sealed for a reader since the start: he got them empty.
  [[nodiscard]] virtual std::uint64_t UnsealedPsks() const = 0;

  /// What time brings: expiry, rotations that are due, jobs whose session died, old idempotency keys.
  [[nodiscard]] virtual Outcome<void> Housekeeping() = 0;
};

}  // namespace simroot::platform
