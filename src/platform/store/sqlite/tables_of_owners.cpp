// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/rows.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr std::string_view kTenants = "SELECT id, name, created FROM tenant";
Tenant ReadTenant(Query& row) {
  return {.id = row.Int(), .name = row.Text(), .created = row.Int()};
}

constexpr std::string_view kPolicies =
    "SELECT id, tenant, name, kind, key_type, certificate_profile, authority, lifetime_s, renew_before_s, rotate_key, "
    "psk_size, label, attesting_key FROM policy";
Policy ReadPolicy(Query& row) {
  return {.id = row.Int(),
          .tenant = row.Int(),
          .name = row.Text(),
          .kind = row.Named<CredentialKind>(),
          .key_type = row.Text(),
          .certificate_profile = row.Text(),
          .authority = row.Int(),
          .lifetime_s = row.Int(),
          .renew_before_s = row.Int(),
          .rotate_key = row.Int() != 0,
          .psk_size = row.As<std::uint8_t>(),
          .label = row.Text(),
          .attesting_key = row.Text()};
}

constexpr std::string_view kAuthorities =
    "SELECT id, tenant, name, parent, certificate, key_file, issues, retired, crl_number, created FROM authority";
CertificateAuthority ReadAuthority(Query& row) {
  return {.id = row.Int(),
          .tenant = row.Int(),
          .name = row.Text(),
          .parent = row.Int(),
          .certificate = row.Blob(),
          .key_file = row.Text(),
          .issues = row.Int() != 0,
          .retired = row.Int() != 0,
          .crl_number = row.Int(),
          .created = row.Int()};
}

}  // namespace

Outcome<Tenant> Transaction::FindTenant(Id id) {
  return One(connection_.Ask(Where(kTenants, "id = ?"), id), ReadTenant, Numbered("tenant", id));
}

Outcome<Tenant> Transaction::FindTenant(const std::string& name) {
  return One(connection_.Ask(Where(kTenants, "name = ?"), name), ReadTenant, "tenant " + name);
}

Outcome<std::vector<Tenant>> Transaction::ListTenants(const Page& page) {
  return PageQuery(kTenants, "id", page).Run(connection_, ReadTenant, [](Query&) {});
}

Outcome<Id> Transaction::InsertTenant(const Tenant& tenant) {
  SR_TRY_VOID(connection_.Change("INSERT INTO tenant (name, created) VALUES (?, ?)", tenant.name, tenant.created));
  return connection_.LastId();
}

Outcome<Policy> Transaction::FindPolicy(Id id) {
  return One(connection_.Ask(Where(kPolicies, "id = ?"), id), ReadPolicy, Numbered("policy", id));
}

Outcome<Policy> Transaction::FindPolicyByName(Id tenant, const std::string& name) {
  return One(connection_.Ask(Where(kPolicies, "tenant = ? AND name = ?"), tenant, name), ReadPolicy, "policy " + name);
}

Outcome<std::vector<Policy>> Transaction::ListPolicies(Id tenant, const Page& page) {
  return PageOfTenant(connection_, kPolicies, "id", tenant, page, ReadPolicy);
}

Outcome<Id> Transaction::InsertPolicy(const Policy& policy) {
  SR_TRY_VOID(connection_.Change(
      "INSERT INTO policy (tenant, name, kind, key_type, certificate_profile, authority, lifetime_s, renew_before_s, "
      "rotate_key, psk_size, label, attesting_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      policy.tenant, policy.name, NameOf(policy.kind), policy.key_type, policy.certificate_profile,
      Reference{policy.authority}, policy.lifetime_s, policy.renew_before_s, policy.rotate_key, int{policy.psk_size},
      policy.label, policy.attesting_key));
  return connection_.LastId();
}

Outcome<void> Transaction::UpdatePolicy(const Policy& policy) {
  return Found(
      connection_.Change(
          "UPDATE policy SET name = ?, kind = ?, key_type = ?, certificate_profile = ?, authority = ?, lifetime_s = ?, "
          "renew_before_s = ?, rotate_key = ?, psk_size = ?, label = ?, attesting_key = ? WHERE id = ?",
          policy.name, NameOf(policy.kind), policy.key_type, policy.certificate_profile, Reference{policy.authority},
          policy.lifetime_s, policy.renew_before_s, policy.rotate_key, int{policy.psk_size}, policy.label,
          policy.attesting_key, policy.id),
      Numbered("policy", policy.id));
}

Outcome<CertificateAuthority> Transaction::FindAuthority(Id id) {
  return One(connection_.Ask(Where(kAuthorities, "id = ?"), id), ReadAuthority, Numbered("authority", id));
}

Outcome<std::vector<CertificateAuthority>> Transaction::ListAuthorities(Id tenant) {
  return All(connection_.Ask(Where(kAuthorities, "?1 = 0 OR tenant = ?1 ORDER BY id"), tenant), ReadAuthority);
}

Outcome<Id> Transaction::InsertAuthority(const CertificateAuthority& authority) {
  SR_TRY_VOID(connection_.Change(
      "INSERT INTO authority (tenant, name, parent, certificate, key_file, issues, retired, crl_number, created) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
      Reference{authority.tenant}, authority.name, Reference{authority.parent}, authority.certificate,
      authority.key_file, authority.issues, authority.retired, authority.crl_number, authority.created));
  return connection_.LastId();
}

Outcome<void> Transaction::UpdateAuthority(const CertificateAuthority& authority) {
  SR_TRY(const CertificateAuthority old, FindAuthority(authority.id));
  if (authority.crl_number < old.crl_number) {
    return Refuse(FailureKind::kConflict, "the number of the CRL of authority " + old.name + " is " +
                                              std::to_string(old.crl_number) + " and never falls");
  }
  return Found(
      connection_.Change("UPDATE authority SET name = ?, parent = ?, certificate = ?, key_file = ?, issues = ?, "
                         "retired = ?, crl_number = ? WHERE id = ?",
                         authority.name, Reference{authority.parent}, authority.certificate, authority.key_file,
                         authority.issues, authority.retired, authority.crl_number, authority.id),
      Numbered("authority", authority.id));
}

}  // namespace simroot::platform::sqlite
