// SPDX-License-Identifier: Apache-2.0
// Credentials, how they are made, and by whom.
#include "platform/api/handlers.hpp"
#include "platform/api/path_match.hpp"

namespace simroot::platform::handlers {
namespace {

Outcome<Credential> FindCredential(Context& context) {
  SR_TRY(const Id id, context.PathId());
  return ReadStore(
      context, [&](StoreReader& reader) { return IfVisible(context, reader.FindCredential(id), "such credential"); });
}

}  // namespace

Answer ListCredentials(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<Credential>> {
    CredentialFilter filter;
    SR_TRY(filter.tenant, TenantScope(context, reader, context.Query("tenant")));
    SR_TRY(const auto card, CardOfQuery(context, reader));
    if (card == Id(0)) {
      return std::vector<Credential>();
    }
    filter.card = card.value_or(0);
    filter.state = StateOfQuery<CredentialState>(context, "state");
    filter.kind = StateOfQuery<CredentialKind>(context, "kind");
    return reader.ListCredentials(filter, context.page);
  });
}

Answer GetCredential(Context& context) {
  SR_TRY(const Credential credential, FindCredential(context));
  return Show(context, credential);
}

Answer GetCertificate(Context& context) {
  SR_TRY(const Credential credential, FindCredential(context));
  if (credential.certificate.empty()) {
    return Refuse(FailureKind::kNotFound, "this credential has no certificate",
                  credential.kind == CredentialKind::kPsk ? "it is a pre-shared key" : "it was not issued yet");
  }
  return context.Raw(ToPem("CERTIFICATE", credential.certificate));
}

Answer SetCredentialState(Context& context) {
  SR_TRY(const Id id, context.PathId());
  const auto state = ParseName<CredentialState>(context.Text("state"));
  SR_TRY(const Credential credential,
         context.parts.service.SetCredentialState(context.actor, id, state.value_or(CredentialState::kRequested),
                                                  context.Text("reason")));
  return Show(context, credential);
}

Answer ListPolicies(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<Policy>> {
    SR_TRY(const Id tenant, TenantScope(context, reader, context.path.front()));
    return reader.ListPolicies(tenant, context.page);
  });
}

Answer PutPolicy(Context& context) {
  Policy policy;  // what is not given is as by default
  SR_TRY(policy.tenant,
         ReadStore(context, [&](StoreReader& reader) { return TenantScope(context, reader, context.path.front()); }));
  policy.name = context.path.back();
  const auto set = [&](std::string_view name, std::string& member) {
    if (context.Has(name)) {
      member = context.Text(name);
    }
  };
  set("key_type", policy.key_type);
  set("certificate_profile", policy.certificate_profile);
  set("label", policy.label);
  set("attesting_key", policy.attesting_key);
  if (context.Has("kind")) {
    policy.kind = ParseName<CredentialKind>(context.Text("kind")).value_or(policy.kind);
  }
  policy.authority = context.Number("authority", 0);
  policy.lifetime_s = context.Number("lifetime_s", policy.lifetime_s);
  policy.renew_before_s = context.Number("renew_before_s", policy.renew_before_s);
  policy.psk_size = LowByte(context.Number("psk_size", policy.psk_size));
  if (context.Has("rotate_key")) {
    policy.rotate_key = context.body.at("rotate_key").as_bool();
  }
  SR_TRY(const Policy stored, context.parts.service.PutPolicy(context.actor, policy));
  return Show(context, stored);
}

Outcome<std::vector<CertificateAuthority>> PageOfAuthorities(const Context& context, StoreReader& reader, Id tenant) {
  SR_TRY(auto all, reader.ListAuthorities(tenant));  // a handful
  std::erase_if(all, [&](const auto& authority) { return authority.id <= context.page.after; });
  if (all.size() > context.page.limit) {
    all.resize(context.page.limit);
  }
  return all;
}

Answer ListAuthorities(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<CertificateAuthority>> {
    SR_TRY(const Id tenant, TenantScope(context, reader, context.path.front()));
    return PageOfAuthorities(context, reader, tenant);
  });
}

Answer AddAuthority(Context& context) {
  const std::string& tenant = context.path.front();
  if (context.body.empty()) {
    SR_TRY(const auto authority, context.parts.service.RotateAuthority(context.actor, tenant));
    return Show(context, authority);
  }
  if (!context.Has("name") || !context.Has("certificates") || !context.Has("private_key")) {
    return Refuse(FailureKind::kInvalid, "a CA is imported with its name, its certificates and its private key",
                  "give all three, or none to have a new issuing CA made");
  }
  std::string key = context.Text("private_key");
  auto authority = context.parts.service.ImportAuthority(context.actor, tenant, context.Text("name"),
                                                         context.Text("certificates"), AsBytes(key));
  Wipe({reinterpret_cast<std::uint8_t*>(key.data()), key.size()});
  SR_TRY(const auto imported, std::move(authority));
  return Show(context, imported);
}

Answer GetTrustAnchors(Context& context) {
  SR_TRY(std::string anchors, context.parts.service.TrustAnchors(context.path.front()));
  return context.Raw(std::move(anchors));
}

Answer GetCrl(Context& context) {
  SR_TRY(const Id id, context.PathId());
  SR_TRY(const Bytes crl, context.parts.service.CurrentCrl(id));
  return context.Raw(std::string(AsText(crl)));
}

}  // namespace simroot::platform::handlers
