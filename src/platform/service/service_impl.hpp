// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>

#include "platform/service/service.hpp"

namespace simroot::platform {

class Sealer;

/// A CRL as it was made last.
struct CachedCrl {
  Bytes der;
  std::int64_t feed_number = -1;  ///< nothing newer was known
  UnixTime made = 0;
};

class ServiceImpl final : public Service {
 public:
  ServiceImpl(Store& store, Vault& vault, Authority& authority, Clock& clock)
      : store_(store), vault_(vault), authority_(authority), clock_(clock) {}

  Outcome<Tenant> CreateTenant(const Actor& actor, const std::string& name) override;

  Outcome<ImportReport> ImportCards(const Actor& actor, const std::string& tenant, std::string_view csv) override;
  Outcome<Card> SetCardState(const Actor& actor, const std::string& iccid, CardState to) override;
  Outcome<Card> SetCardPolicy(const Actor& actor, const std::string& iccid, const std::string& policy) override;
  Outcome<Card> ChangeOwner(const Actor& actor, const std::string& iccid, const std::string& tenant) override;
  Outcome<Device> NameDevice(const Actor& actor, const std::string& iccid, const std::string& name) override;

  Outcome<Policy> PutPolicy(const Actor& actor, const Policy& policy) override;

  Outcome<Job> RequestJob(const Actor& actor, const std::string& iccid, JobKind kind) override;
  Outcome<Job> CancelJob(const Actor& actor, Id job) override;
  Outcome<Job> RetryJob(const Actor& actor, Id job) override;

  Outcome<Credential> SetCredentialState(const Actor& actor, Id credential, CredentialState to,
                                         const std::string& reason) override;
  Outcome<Credential> RecordUse(const Actor& actor, const std::string& credential_name) override;

  Outcome<NewToken> CreateToken(const Actor& actor, const std::string& name, Role role, const std::string& tenant,
                                UnixTime not_after) override;
  Outcome<Token> RevokeToken(const Actor& actor, Id token) override;
  Outcome<Actor> Authenticate(std::string_view token) override;
  Outcome<Actor> AuthenticateServer(ByteView certificate) override;

  Outcome<NewToken> InviteServer(const Actor& actor, const std::string& tenant, const std::string& name,
                                 std::int64_t lifetime_s) override;
  Outcome<EnrolledServer> EnrolServer(std::string_view one_time_token, ByteView csr) override;
  Outcome<EnrolledServer> RenewServer(const Actor& actor, ByteView csr) override;
  Outcome<ServerIdentity> RevokeServer(const Actor& actor, Id server) override;

  Outcome<CertificateAuthority> RotateAuthority(const Actor& actor, const std::string& tenant) override;
  Outcome<CertificateAuthority> ImportAuthority(const Actor& actor, const std::string& tenant, const std::string& name,
                                                std::string_view certificates, ByteView private_key) override;
  Outcome<Bytes> CurrentCrl(Id authority) override;
  Outcome<std::string> TrustAnchors(const std::string& tenant) override;

  Outcome<void> BeginFeed() override;
  Outcome<std::vector<FeedItem>> Feed(const Actor& actor, const Page& page) override;
  Outcome<SnapshotPart> Snapshot(const Actor& actor, const Page& page) override;

  std::uint64_t UnsealedPsks() const override { return unsealed_; }

  Outcome<void> Housekeeping() override;

 private:
  /// The card if the actor may see it, else kNotFound.
  [[nodiscard]] Outcome<Card> FindCard(const Actor& actor, const std::string& iccid);
  [[nodiscard]] Outcome<Tenant> FindTenant(const Actor& actor, const std::string& name);
  [[nodiscard]] Outcome<CertificateAuthority> PlatformAuthority();
  [[nodiscard]] Outcome<std::vector<RevokedEntry>> RevokedBy(const CertificateAuthority& authority);
  [[nodiscard]] Outcome<Bytes> SealPsk(const Sealer& sealer, const Credential& credential);
  /// Makes what is for the asking server alone, and takes away what is for nobody. @param sealer nullptr: no server.
  [[nodiscard]] Outcome<void> Complete(const Sealer* sealer, ToldCredential& told);
  /// A certificate for an application server of this name and tenant; nothing is stored yet.
  [[nodiscard]] Outcome<EnrolledServer> IssueForServer(Id tenant, const std::string& name, ByteView csr);
  [[nodiscard]] Outcome<void> ExpireCredentials();
  [[nodiscard]] Outcome<void> QueueRotations();
  /// @param check looks, inside the transaction, whether there may be such a token.
  [[nodiscard]] Outcome<NewToken> MakeToken(const Actor& actor, std::string_view prefix, Token token,
                                            const std::string& action,
                                            const std::function<Outcome<void>(StoreReader&, const Token&)>& check);

  Store& store_;
  Vault& vault_;
  Authority& authority_;
  Clock& clock_;
  std::atomic<std::uint64_t> unsealed_ = 0;
  std::mutex crl_mutex_;
  std::map<Id, CachedCrl> crls_;
};

}  // namespace simroot::platform
