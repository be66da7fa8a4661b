// SPDX-License-Identifier: Apache-2.0
#include "platform/api/describe.hpp"

#include <boost/json.hpp>

namespace simroot::platform {
namespace {

json::value IdOrNull(Id id) {
  return id == 0 ? json::value(nullptr) : json::value(id);
}

json::value Base64OrNull(const Bytes& bytes) {
  return bytes.empty() ? json::value(nullptr) : json::value(View(ToBase64(bytes)));
}

}  // namespace

Outcome<json::value> Describer::TenantName(Id tenant) {
  if (tenant == 0) {
    return json::value(nullptr);
  }
  auto known = tenants_.find(tenant);
  if (known == tenants_.end()) {
    SR_TRY(const Tenant found, reader_.FindTenant(tenant));
    known = tenants_.emplace(tenant, found.name).first;
  }
  return json::value(View(known->second));
}

Outcome<std::string> Describer::IccidOf(Id card) {
  SR_TRY(const Card found, reader_.FindCard(card));
  return found.iccid;
}

Outcome<json::value> Describer::DeviceNameOf(Id card, Id tenant) {
  const auto device = reader_.FindDeviceOfCard(card);
  if (device) {
    // A card may have got a new owner since a credential was made; his names are not for the old one.
    return device->tenant == tenant ? json::value(View(device->name)) : json::value(nullptr);
  }
  if (device.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(device.error());
  }
  return json::value(nullptr);
}

Outcome<json::object> Describer::Describe(const Tenant& tenant) {
  return json::object{{"id", tenant.id}, {"name", View(tenant.name)}, {"created", TimeToJson(tenant.created)}};
}

Outcome<json::object> Describer::Describe(const Card& card) {
  SR_TRY(const json::value tenant, TenantName(card.tenant));
  SR_TRY(const json::value device, DeviceNameOf(card.id, card.tenant));
  json::value policy;
  if (card.policy != 0) {
    auto known = policies_.find(card.policy);
    if (known == policies_.end()) {
      SR_TRY(const Policy found, reader_.FindPolicy(card.policy));
      known = policies_.emplace(card.policy, found.name).first;
    }
    policy = View(known->second);
  }
  return json::object{{"iccid", View(card.iccid)},
                      {"tenant", tenant},
                      {"state", View(NameOf(card.state))},
                      {"profile", View(card.profile)},
                      {"policy", policy},
                      {"device", device},
                      {"eid", View(card.eid)},
                      {"imsi", View(card.imsi)},
                      {"security_domain", View(ToHex(card.security_domain))},
                      {"created", TimeToJson(card.created)},
                      {"last_contact", TimeToJson(card.last_contact)}};
}

Outcome<json::object> Describer::Describe(const Device& device) {
  SR_TRY(const json::value tenant, TenantName(device.tenant));
  SR_TRY(const std::string iccid, IccidOf(device.card));
  return json::object{{"id", device.id},
                      {"name", View(device.name)},
                      {"tenant", tenant},
                      {"iccid", View(iccid)},
                      {"created", TimeToJson(device.created)}};
}

Outcome<json::object> Describer::Describe(const Credential& credential) {
  SR_TRY(const std::string iccid, IccidOf(credential.card));
  SR_TRY(json::value device, DeviceNameOf(credential.card, credential.tenant));
  return DescribeWith(credential, iccid, std::move(device));
}

Outcome<json::object> Describer::DescribeWith(const Credential& credential, const std::string& iccid,
                                              json::value device) {
  SR_TRY(const json::value tenant, TenantName(credential.tenant));
  return json::object{{"id", credential.id},
                      {"tenant", tenant},
                      {"iccid", View(iccid)},
                      {"device", std::move(device)},
                      {"kind", View(NameOf(credential.kind))},
                      {"state", View(NameOf(credential.state))},
                      {"name", View(credential.name)},
                      {"slot", credential.slot},
                      {"job", IdOrNull(credential.job)},
                      {"authority", IdOrNull(credential.authority)},
                      {"not_before", TimeToJson(credential.not_before)},
                      {"not_after", TimeToJson(credential.not_after)},
                      {"first_used", TimeToJson(credential.first_used)},
                      {"changed", TimeToJson(credential.changed)},
                      {"reason", View(credential.reason)}};
}

Outcome<json::object> Describer::Describe(const Policy& policy) {
  SR_TRY(const json::value tenant, TenantName(policy.tenant));
  return json::object{{"id", policy.id},
                      {"tenant", tenant},
                      {"name", View(policy.name)},
                      {"kind", View(NameOf(policy.kind))},
                      {"key_type", View(policy.key_type)},
                      {"certificate_profile", View(policy.certificate_profile)},
                      {"authority", IdOrNull(policy.authority)},
                      {"lifetime_s", policy.lifetime_s},
                      {"renew_before_s", policy.renew_before_s},
                      {"rotate_key", policy.rotate_key},
                      {"psk_size", policy.psk_size},
                      {"label", View(policy.label)},
                      {"attesting_key", View(policy.attesting_key)}};
}

Outcome<json::object> Describer::Describe(const Job& job) {
  SR_TRY(const json::value tenant, TenantName(job.tenant));
  SR_TRY(const std::string iccid, IccidOf(job.card));
  return json::object{{"id", job.id},
                      {"tenant", tenant},
                      {"iccid", View(iccid)},
                      {"kind", View(NameOf(job.kind))},
                      {"state", View(NameOf(job.state))},
                      {"credential", IdOrNull(job.credential)},
                      {"attempts", job.attempts},
                      {"created", TimeToJson(job.created)},
                      {"not_before", TimeToJson(job.not_before)},
                      {"changed", TimeToJson(job.changed)},
                      {"error", View(job.error)},
                      {"requested_by", View(job.requested_by)}};
}

Outcome<json::object> Describer::Describe(const JobStep& step) {
  const std::array<std::uint8_t, 2> sw{LowByte(step.sw >> 8U), LowByte(step.sw)};
  return json::object{{"number", step.number},
                      {"time", TimeToJson(step.time)},
                      {"what", View(step.what)},
                      {"sw", step.sw == 0 ? json::value(nullptr) : json::value(View(ToHex(sw)))},
                      {"detail", View(step.detail)}};
}

Outcome<json::object> Describer::Describe(const CertificateAuthority& authority) {
  SR_TRY(const json::value tenant, TenantName(authority.tenant));
  return json::object{{"id", authority.id},
                      {"tenant", tenant},
                      {"name", View(authority.name)},
                      {"parent", IdOrNull(authority.parent)},
                      {"issues", authority.issues},
                      {"retired", authority.retired},
                      {"created", TimeToJson(authority.created)},
                      {"not_after", TimeToJson(EndOfCertificate(authority.certificate))},
                      {"crl_number", authority.crl_number},
                      {"certificate", View(ToPem("CERTIFICATE", authority.certificate))}};
}

Outcome<json::object> Describer::Describe(const Token& token) {
  SR_TRY(const json::value tenant, TenantName(token.tenant));
  return json::object{{"id", token.id},
                      {"name", View(token.name)},
                      {"role", View(NameOf(token.role))},
                      {"tenant", tenant},
                      {"created", TimeToJson(token.created)},
                      {"not_after", TimeToJson(token.not_after)},
                      {"revoked", TimeToJson(token.revoked)}};
}

Outcome<json::object> Describer::Describe(const ServerIdentity& server) {
  SR_TRY(const json::value tenant, TenantName(server.tenant));
  return json::object{{"id", server.id},
                      {"name", View(server.name)},
                      {"tenant", tenant},
                      {"fingerprint", View(ToHex(server.fingerprint))},
                      {"created", TimeToJson(server.created)},
                      {"revoked", TimeToJson(server.revoked)}};
}

Outcome<json::object> Describer::Describe(const AuditEntry& entry) {
  SR_TRY(const json::value tenant, TenantName(entry.tenant));
  const auto detail = ParseJson(entry.detail);
  return json::object{{"number", entry.number},
                      {"time", TimeToJson(entry.time)},
                      {"tenant", tenant},
                      {"actor", View(entry.actor)},
                      {"action", View(entry.action)},
                      {"object", View(entry.object)},
                      {"detail", detail ? *detail : json::value(View(entry.detail))},
                      {"hash", View(ToHex(entry.hash))}};
}

Outcome<json::object> Describer::Describe(const ToldCredential& told) {
  json::value device = told.device.empty() ? json::value(nullptr) : json::value(View(told.device));
  SR_TRY(json::object credential, DescribeWith(told.credential, told.iccid, std::move(device)));
  json::value fingerprint;
  if (!told.fingerprint.empty()) {
    fingerprint = View(ToHex(told.fingerprint));
  }
  return json::object{{"credential", std::move(credential)},
                      {"fingerprint", std::move(fingerprint)},
                      {"sealed_psk", Base64OrNull(told.sealed_psk)}};
}

Outcome<json::object> Describer::Describe(const FeedItem& item) {
  SR_TRY(json::object told, Describe(static_cast<const ToldCredential&>(item)));
  return json::object{{"number", item.event.number},
                      {"time", TimeToJson(item.event.time)},
                      {"kind", View(item.event.kind)},
                      {"credential", std::move(told.at("credential"))},
                      {"certificate", Base64OrNull(item.credential.certificate)},
                      {"fingerprint", std::move(told.at("fingerprint"))},
                      {"sealed_psk", std::move(told.at("sealed_psk"))}};
}

}  // namespace simroot::platform
