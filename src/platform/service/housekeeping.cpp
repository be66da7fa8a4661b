// SPDX-License-Identifier: Apache-2.0
/// What time brings.
#include "platform/service/changes.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

constexpr std::int64_t kReplyLifetime = 86400;

[[nodiscard]] Actor Platform() {
  return {.name = "platform", .role = Role::kAdmin, .tenant = 0, .certificate = {}};
}

[[nodiscard]] Outcome<std::vector<Credential>> Ending(StoreReader& reader, CredentialState state, UnixTime before) {
  CredentialFilter filter;
  filter.state = state;
  filter.ends_before = before;
  return ReadAll<Credential>([&](const Page& page) { return reader.ListCredentials(filter, page); });
}

[[nodiscard]] Outcome<Policy> PolicyOf(StoreReader& reader, const Card& card) {
  return card.policy == 0 ? reader.FindPolicyByName(card.tenant, "default") : reader.FindPolicy(card.policy);
}

/// Active credentials whose policy wants a successor by now.
[[nodiscard]] Outcome<std::vector<Credential>> DueCredentials(StoreReader& reader, UnixTime now) {
  std::vector<Credential> due;
  SR_TRY(const auto tenants, ReadAll<Tenant>([&](const Page& page) { return reader.ListTenants(page); }));
  for (const Tenant& tenant : tenants) {
    SR_TRY(const auto policies,
           ReadAll<Policy>([&](const Page& page) { return reader.ListPolicies(tenant.id, page); }));
    CredentialFilter filter;
    filter.tenant = tenant.id;
    filter.state = CredentialState::kActive;
    for (const Policy& policy : policies) {
      filter.ends_before = std::max(filter.ends_before, now + policy.renew_before_s);
    }
    SR_TRY(const auto ending,
           ReadAll<Credential>([&](const Page& page) { return reader.ListCredentials(filter, page); }));
    for (const Credential& credential : ending) {
      SR_TRY(const Card card, reader.FindCard(credential.card));
      SR_TRY(const Policy policy, PolicyOf(reader, card));
      if (card.state == CardState::kActive && credential.not_after - policy.renew_before_s <= now) {
        due.push_back(credential);
      }
    }
  }
  return due;
}

}  // namespace

Outcome<void> ServiceImpl::ExpireCredentials() {
  const UnixTime now = clock_.Now();
  for (const CredentialState state :
       {CredentialState::kActive, CredentialState::kSuperseded, CredentialState::kSuspended}) {
    std::vector<Credential> ended;
    SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
      SR_TRY(ended, Ending(reader, state, now));
      return {};
    }));
    for (const Credential& credential : ended) {
      const auto moved = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
        SR_TRY(const Credential current, writer.FindCredential(credential.id));
        if (current.state != state || current.not_after > now) {
          return {};  // somebody was first
        }
        SR_TRY_VOID(MoveCredential(writer, Platform(), current, CredentialState::kExpired, "time", now));
        return {};
      });
      SR_TRY_VOID(moved);
    }
  }
  return {};
}

Outcome<void> ServiceImpl::QueueRotations() {
  const UnixTime now = clock_.Now();
  std::vector<Credential> due;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(due, DueCredentials(reader, now));
    return {};
  }));
  for (const Credential& credential : due) {
    const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
      SR_TRY(const Card card, writer.FindCard(credential.card));
      SR_TRY(const Policy policy, PolicyOf(writer, card));
      const JobKind kind = policy.rotate_key ? JobKind::kRotate : JobKind::kRenew;
      SR_TRY(const bool open, HasOpenJob(writer, card.id, kind));
      if (!open) {
        SR_TRY_VOID(QueueJob(writer, Platform(), card, kind, 0, now));
      }
      return {};
    });
    SR_TRY_VOID(written);
  }
  return {};
}

Outcome<void> ServiceImpl::Housekeeping() {
  SR_TRY_VOID(ExpireCredentials());
  SR_TRY_VOID(QueueRotations());
  return store_.Write([&](StoreWriter& writer) { return writer.DeleteRepliesBefore(clock_.Now() - kReplyLifetime); });
}

std::unique_ptr<Service> Service::Create(Store& store, Vault& vault, Authority& authority, Clock& clock) {
  return std::make_unique<ServiceImpl>(store, vault, authority, clock);
}

}  // namespace simroot::platform
