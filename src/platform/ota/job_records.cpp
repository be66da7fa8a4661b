// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/job_records.hpp"

#include <array>
#include <ctime>

namespace simroot::platform {
namespace {

[[nodiscard]] bool IsLive(CredentialState state) {
  return state == CredentialState::kActive || state == CredentialState::kSuperseded ||
         state == CredentialState::kSuspended;
}

[[nodiscard]] Outcome<Policy> PolicyOf(StoreReader& reader, const Card& card) {
  return card.policy != 0 ? reader.FindPolicy(card.policy) : reader.FindPolicyByName(card.tenant, "default");
}

/// The CA of the policy, or the newest of the tenant that issues; then its parents.
[[nodiscard]] Outcome<std::vector<CertificateAuthority>> ChainOf(StoreReader& reader, const Policy& policy, Id tenant) {
  SR_TRY(const std::vector<CertificateAuthority> all, reader.ListAuthorities(tenant));
  const CertificateAuthority* next = nullptr;
  for (const CertificateAuthority& authority : all) {
    const bool fits = policy.authority != 0 ? authority.id == policy.authority : authority.issues && !authority.retired;
    next = fits ? &authority : next;
  }
  std::vector<CertificateAuthority> chain;
  constexpr std::size_t kDeepest = 8;
  while (next != nullptr && chain.size() < kDeepest) {
    chain.push_back(*next);
    const auto parent = std::ranges::find(all, next->parent, &CertificateAuthority::id);
    next = parent == all.end() ? nullptr : &*parent;
  }
  return chain;
}

}  // namespace

const Credential* JobContext::Own() const {
  const auto found = std::ranges::find(credentials, job.id, &Credential::job);
  return found == credentials.end() ? nullptr : &*found;
}

const Credential* JobContext::Active() const {
  const Credential* best = nullptr;
  for (const Credential& credential : credentials) {
    const bool newer =
        best == nullptr || credential.state == CredentialState::kActive || best->state != CredentialState::kActive;
    if (credential.kind == Kind() && credential.tenant == card.tenant && IsLive(credential.state) && newer) {
      best = &credential;
    }
  }
  return best;
}

const Credential* JobContext::Find(Id credential) const {
  const auto found = std::ranges::find(credentials, credential, &Credential::id);
  return found == credentials.end() ? nullptr : &*found;
}

Outcome<JobContext> LoadJobContext(StoreReader& reader, const Job& job, const Card& card) {
  JobContext context;
  context.job = job;
  context.card = card;
  SR_TRY(const Tenant tenant, reader.FindTenant(context.card.tenant));
  context.tenant = tenant.name;
  SR_TRY(context.policy, PolicyOf(reader, context.card));
  auto device = reader.FindDeviceOfCard(job.card);
  if (!device && device.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(std::move(device).error());
  }
  context.device = device ? device->name : std::string();
  const CredentialFilter filter{.tenant = 0, .card = job.card, .state = {}, .kind = {}, .ends_before = 0};
  SR_TRY(context.credentials,
         ReadAllOf<Credential>([&](const Page& page) { return reader.ListCredentials(filter, page); }));
  SR_TRY(context.chain, ChainOf(reader, context.policy, context.card.tenant));
  return context;
}

// Names and reasons have no characters that JSON would have to escape but these two.
std::string AuditDetail(std::string_view name, std::string_view value) {
  std::string text = "{\"" + std::string(name) + "\":\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') {
      text += '\\';
    }
    text += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return text + "\"}";
}

Outcome<void> AddAudit(StoreWriter& writer, Id tenant, const std::string& actor, const std::string& action,
                       const std::string& object, const std::string& detail) {
  AuditEntry entry;
  entry.tenant = tenant;
  entry.actor = actor;
  entry.action = action;
  entry.object = object;
  entry.detail = detail;
  SR_TRY_VOID(writer.AddAudit(entry));
  return {};
}

Outcome<void> MoveCredentialTo(StoreWriter& writer, const Card& card, Id credential, CredentialState to,
                               const std::string& reason, UnixTime now) {
  SR_TRY(const Credential before, writer.FindCredential(credential));
  if (before.state == to) {
    return {};
  }
  if (!MayBecome(before.state, to) && MayBecome(before.state, CredentialState::kRevoked)) {
    SR_TRY_VOID(MoveCredentialTo(writer, card, credential, CredentialState::kRevoked, reason, now));
    return MoveCredentialTo(writer, card, credential, to, reason, now);
  }
  SR_TRY_VOID(writer.TransitionCredential(credential, before.state, to, reason, now));
  FeedEvent event;
  event.time = now;
  event.tenant = before.tenant;
  event.credential = credential;
  event.kind = "credential." + std::string(NameOf(to));
  SR_TRY_VOID(writer.AddFeedEvent(event));
  const bool was_over = before.state == CredentialState::kRevoked || before.state == CredentialState::kExpired;
  const std::string& why = was_over && to == CredentialState::kDeleted ? before.reason : reason;  // it had its own
  return AddAudit(writer, before.tenant, "card " + card.iccid, event.kind, "credential " + std::to_string(credential),
                  why.empty() ? "{}" : AuditDetail("reason", why));
}

Outcome<void> RecordActive(StoreWriter& writer, const Card& card, const Credential& credential, UnixTime now) {
  const CredentialFilter filter{.tenant = 0, .card = card.id, .state = {}, .kind = {}, .ends_before = 0};
  SR_TRY(const auto all, ReadAllOf<Credential>([&](const Page& page) { return writer.ListCredentials(filter, page); }));
  for (const Credential& other : all) {
    if (other.id == credential.id || other.kind != credential.kind || other.state == CredentialState::kDeleted ||
        other.state == CredentialState::kRequested) {
      continue;
    }
    const bool same_key = !other.public_key.empty() && other.public_key == credential.public_key;
    if (other.slot == credential.slot && !same_key) {  // its key is gone
      SR_TRY_VOID(MoveCredentialTo(writer, card, other.id, CredentialState::kDeleted, "superseded", now));
    } else if (other.state == CredentialState::kActive) {
      SR_TRY_VOID(MoveCredentialTo(writer, card, other.id, CredentialState::kSuperseded, "superseded", now));
    }
  }
  return MoveCredentialTo(writer, card, credential.id, CredentialState::kActive, "", now);
}

std::string DateOf(UnixTime time) {
  const std::time_t seconds = time;
  std::tm parts{};
  std::array<char, 32> text{};
  if (::gmtime_r(&seconds, &parts) == nullptr) {
    return "?";
  }
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

}  // namespace simroot::platform
