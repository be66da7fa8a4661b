// SPDX-License-Identifier: Apache-2.0
/// Tenants with their CAs, CRLs and trust anchors.
#include "platform/domain/validate.hpp"
#include "platform/service/changes.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

constexpr std::int64_t kRootLifetime = 30LL * 365 * 86400;
constexpr std::int64_t kIssuingLifetime = 10LL * 365 * 86400;
constexpr std::int64_t kCrlLifetime = 7LL * 86400;
constexpr std::int64_t kCrlPause = 5;  ///< seconds that a CRL is served whatever happens: who asks often costs little

[[nodiscard]] Outcome<std::vector<CertificateAuthority>> AuthoritiesOf(Store& store, Id tenant) {
  std::vector<CertificateAuthority> authorities;
  SR_TRY_VOID(store.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(authorities, reader.ListAuthorities(tenant));
    return {};
  }));
  return authorities;
}

/// Suspended ones are on hold; revoked ones stay until their own end, also when they are deleted from the card.
[[nodiscard]] bool BelongsOnCrl(const Credential& credential, Id authority, UnixTime now) {
  return credential.authority == authority && credential.kind == CredentialKind::kCertificate &&
         !credential.certificate.empty() && credential.not_after > now &&
         (credential.state == CredentialState::kSuspended || credential.revoked != 0);
}

[[nodiscard]] Policy DefaultPolicy(Id tenant, CredentialKind kind) {
  Policy policy;
  policy.tenant = tenant;
  policy.kind = kind;
  policy.name = kind == CredentialKind::kPsk ? "default-psk" : "default";
  return policy;
}

/// Makes the new CA the one that issues.
[[nodiscard]] Outcome<void> TakeOver(StoreWriter& writer, CertificateAuthority& fresh) {
  SR_TRY(const auto authorities, writer.ListAuthorities(fresh.tenant));
  for (CertificateAuthority old : authorities) {
    if (old.issues) {
      old.issues = false;
      SR_TRY_VOID(writer.UpdateAuthority(old));
    }
  }
  fresh.issues = true;
  SR_TRY(fresh.id, writer.InsertAuthority(fresh));
  return {};
}

}  // namespace

Outcome<Tenant> ServiceImpl::CreateTenant(const Actor& actor, const std::string& name) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  if (actor.tenant != 0) {
    return Refuse(FailureKind::kDenied, actor.name + " may not do this: it is for one tenant only",
                  "use the token of an administrator of all tenants");
  }
  SR_TRY_VOID(CheckTenantName(name));
  const UnixTime now = clock_.Now();
  Tenant tenant{.id = 0, .name = name, .created = now};
  const Subject root_subject{.common_name = "root", .serial_number = {}, .organization = name};
  const Subject issuing_subject{.common_name = "devices 1", .serial_number = {}, .organization = name};
  SR_TRY(CertificateAuthority root, authority_.MakeRoot("root", root_subject, now, kRootLifetime));
  SR_TRY(CertificateAuthority issuing,
         authority_.MakeIssuing(root, "issuing-1", issuing_subject, now, kIssuingLifetime));
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(tenant.id, writer.InsertTenant(tenant));
    root.tenant = tenant.id;
    root.created = now;
    SR_TRY(root.id, writer.InsertAuthority(root));
    issuing.tenant = tenant.id;
    issuing.parent = root.id;
    issuing.issues = true;
    issuing.created = now;
    SR_TRY_VOID(writer.InsertAuthority(issuing));
    SR_TRY_VOID(writer.InsertPolicy(DefaultPolicy(tenant.id, CredentialKind::kCertificate)));
    SR_TRY_VOID(writer.InsertPolicy(DefaultPolicy(tenant.id, CredentialKind::kPsk)));
    return Note(writer, actor, tenant.id, "tenant.create", "tenant " + name);
  });
  SR_TRY_VOID(written);
  return tenant;
}

Outcome<CertificateAuthority> ServiceImpl::PlatformAuthority() {
  SR_TRY(const auto authorities, AuthoritiesOf(store_, 0));
  const auto platform = std::ranges::find_if(
      authorities, [](const CertificateAuthority& authority) { return authority.tenant == 0 && !authority.retired; });
  if (platform == authorities.end()) {
    return Refuse(FailureKind::kNotFound, "the platform has no CA of its own", "make one: simroot platform init");
  }
  return *platform;
}

Outcome<CertificateAuthority> ServiceImpl::RotateAuthority(const Actor& actor, const std::string& tenant_name) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  SR_TRY(const Tenant tenant, FindTenant(actor, tenant_name));
  SR_TRY(const auto authorities, AuthoritiesOf(store_, tenant.id));
  const auto root = std::ranges::find_if(authorities, [](const CertificateAuthority& authority) {
    return authority.name == "root" && !authority.key_file.empty();
  });
  if (root == authorities.end()) {
    return Refuse(FailureKind::kConflict, "tenant " + tenant_name + " has no root with a key here",
                  "import an issuing CA from where its root is");
  }
  const std::string number = std::to_string(authorities.size());
  const UnixTime now = clock_.Now();
  const Subject subject{.common_name = "devices " + number, .serial_number = {}, .organization = tenant_name};
  SR_TRY(CertificateAuthority fresh,
         authority_.MakeIssuing(*root, "issuing-" + number, subject, now, kIssuingLifetime));
  fresh.tenant = tenant.id;
  fresh.parent = root->id;
  fresh.created = now;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY_VOID(TakeOver(writer, fresh));
    return Note(writer, actor, tenant.id, "ca.rotate", "ca " + fresh.name);
  });
  SR_TRY_VOID(written);
  return fresh;
}

Outcome<CertificateAuthority> ServiceImpl::ImportAuthority(const Actor& actor, const std::string& tenant_name,
                                                           const std::string& name, std::string_view certificates,
                                                           ByteView private_key) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  SR_TRY_VOID(CheckTenantName(name));
  SR_TRY(const Tenant tenant, FindTenant(actor, tenant_name));
  SR_TRY(CertificateAuthority fresh, authority_.Import(name, certificates, private_key, clock_.Now()));
  fresh.tenant = tenant.id;
  fresh.created = clock_.Now();
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY_VOID(TakeOver(writer, fresh));
    return Note(writer, actor, tenant.id, "ca.import", "ca " + name);
  });
  SR_TRY_VOID(written);
  return fresh;
}

Outcome<std::vector<RevokedEntry>> ServiceImpl::RevokedBy(const CertificateAuthority& authority) {
  std::vector<RevokedEntry> entries;
  if (authority.tenant == 0) {
    return entries;  // the platform's own CA issues no credentials; to the filter 0 would mean all tenants
  }
  const UnixTime now = clock_.Now();
  for (const CredentialState state :
       {CredentialState::kRevoked, CredentialState::kSuspended, CredentialState::kDeleted}) {
    CredentialFilter filter;
    filter.tenant = authority.tenant;
    filter.state = state;
    filter.kind = CredentialKind::kCertificate;
    std::vector<Credential> credentials;
    SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
      SR_TRY(credentials, ReadAll<Credential>([&](const Page& page) { return reader.ListCredentials(filter, page); }));
      return {};
    }));
    for (const Credential& credential : credentials) {
      if (BelongsOnCrl(credential, authority.id, now)) {
        const bool on_hold = state == CredentialState::kSuspended;
        entries.push_back({credential.name, on_hold ? credential.changed : credential.revoked,
                           on_hold ? "certificateHold" : credential.reason});
      }
    }
  }
  return entries;
}

Outcome<Bytes> ServiceImpl::CurrentCrl(Id id) {
  const std::lock_guard lock(crl_mutex_);
  CertificateAuthority authority;
  std::int64_t feed = 0;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(authority, reader.FindAuthority(id));
    SR_TRY(feed, reader.LastFeedNumber());
    return {};
  }));
  const UnixTime now = clock_.Now();
  CachedCrl& cached = crls_[id];
  const std::int64_t age = now - cached.made;
  const std::int64_t served = cached.feed_number == feed ? kCrlLifetime / 2 : kCrlPause;
  if (!cached.der.empty() && age >= 0 && age < served) {
    return cached.der;
  }
  SR_TRY(const auto entries, RevokedBy(authority));
  SR_TRY_VOID(store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(authority, writer.FindAuthority(id));
    ++authority.crl_number;
    return writer.UpdateAuthority(authority);
  }));
  SR_TRY(cached.der, authority_.MakeCrl(authority, entries, authority.crl_number, now, kCrlLifetime));
  cached.feed_number = feed;
  cached.made = now;
  return cached.der;
}

Outcome<std::string> ServiceImpl::TrustAnchors(const std::string& tenant_name) {
  Tenant tenant;
  std::vector<CertificateAuthority> authorities;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(tenant, reader.FindTenant(tenant_name));
    SR_TRY(authorities, reader.ListAuthorities(tenant.id));
    return {};
  }));
  std::string pem;
  for (const CertificateAuthority& authority : authorities) {
    if (!authority.retired) {
      pem += CertificateToPem(authority.certificate);
    }
  }
  return pem;
}

}  // namespace simroot::platform
