// SPDX-License-Identifier: Apache-2.0
#include "platform/domain/validate.hpp"
#include "platform/service/changes.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

/// Credentials that application servers may still accept, or that are on their way to the card.
constexpr std::array kLiving{CredentialState::kIssued, CredentialState::kActive, CredentialState::kSuperseded,
                             CredentialState::kSuspended};

[[nodiscard]] Outcome<std::vector<Credential>> CredentialsOf(StoreReader& reader, Id card, CredentialState state) {
  CredentialFilter filter;
  filter.card = card;
  filter.state = state;
  return ReadAll<Credential>([&](const Page& page) { return reader.ListCredentials(filter, page); });
}

[[nodiscard]] Outcome<void> RevokeAll(StoreWriter& writer, const Actor& actor, const Card& card,
                                      const std::string& reason, UnixTime now) {
  for (const CredentialState state : kLiving) {
    SR_TRY(const auto credentials, CredentialsOf(writer, card.id, state));
    for (const Credential& credential : credentials) {
      SR_TRY_VOID(MoveCredential(writer, actor, credential, CredentialState::kRevoked, reason, now));
    }
  }
  return {};
}

[[nodiscard]] Outcome<void> CancelQueued(StoreWriter& writer, Id card, UnixTime now) {
  const JobFilter filter{.tenant = 0, .card = card, .state = JobState::kQueued};
  SR_TRY(const auto jobs, ReadAll<Job>([&](const Page& page) { return writer.ListJobs(filter, page); }));
  for (const Job& job : jobs) {
    SR_TRY_VOID(writer.TransitionJob(job.id, JobState::kQueued, JobState::kCancelled, now));
  }
  return {};
}

/// What goes with a card's new state: its active credentials follow it.
[[nodiscard]] Outcome<void> FollowCard(StoreWriter& writer, const Actor& actor, const Card& card, CardState to,
                                       UnixTime now) {
  if (to == CardState::kRetired) {
    SR_TRY_VOID(RevokeAll(writer, actor, card, "cessationOfOperation", now));
    SR_TRY_VOID(CancelQueued(writer, card.id, now));
    SR_TRY(const auto keys, writer.ListCardKeys(card.id));
    for (const CardKeySet& set : keys) {
      SR_TRY_VOID(writer.DeleteCardKeys(card.id, set.version));
    }
    return {};
  }
  const bool suspend = to == CardState::kSuspended;
  const auto from = suspend ? CredentialState::kActive : CredentialState::kSuspended;
  SR_TRY(const auto credentials, CredentialsOf(writer, card.id, from));
  for (const Credential& credential : credentials) {
    SR_TRY_VOID(MoveCredential(writer, actor, credential,
                               suspend ? CredentialState::kSuspended : CredentialState::kActive,
                               suspend ? "card suspended" : "card resumed", now));
  }
  return {};
}

}  // namespace

Outcome<Card> ServiceImpl::FindCard(const Actor& actor, const std::string& iccid) {
  Card card;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(card, reader.FindCardByIccid(iccid));
    return {};
  }));
  SR_TRY_VOID(RequireTenant(actor, card.tenant, "card " + iccid));
  return card;
}

Outcome<Card> ServiceImpl::SetCardState(const Actor& actor, const std::string& iccid, CardState to) {
  SR_TRY_VOID(RequireRole(actor, Role::kOperator));
  SR_TRY_VOID(FindCard(actor, iccid));
  Card card;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(card, writer.FindCardByIccid(iccid));
    if (!MayBecome(card.state, to)) {
      return Refuse(FailureKind::kConflict, "card " + iccid + " is " + std::string(NameOf(card.state)) +
                                                " and cannot become " + std::string(NameOf(to)));
    }
    if (to == CardState::kActive && card.state == CardState::kImported) {
      return Refuse(FailureKind::kConflict, "card " + iccid + " becomes active by its first secured session only");
    }
    SR_TRY_VOID(writer.TransitionCard(card.id, card.state, to));
    SR_TRY_VOID(FollowCard(writer, actor, card, to, clock_.Now()));
    SR_TRY_VOID(Note(writer, actor, card.tenant, "card." + std::string(NameOf(to)), "card " + iccid));
    SR_TRY(card, writer.FindCard(card.id));
    return {};
  });
  SR_TRY_VOID(written);
  return card;
}

Outcome<Card> ServiceImpl::SetCardPolicy(const Actor& actor, const std::string& iccid, const std::string& name) {
  SR_TRY_VOID(RequireRole(actor, Role::kOperator));
  SR_TRY_VOID(FindCard(actor, iccid));
  Card card;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(card, writer.FindCardByIccid(iccid));
    SR_TRY(const Policy policy, writer.FindPolicyByName(card.tenant, name));
    card.policy = policy.id;
    SR_TRY_VOID(writer.UpdateCard(card));
    return Note(writer, actor, card.tenant, "card.policy", "card " + iccid, Detail("policy", name));
  });
  SR_TRY_VOID(written);
  return card;
}

Outcome<Card> ServiceImpl::ChangeOwner(const Actor& actor, const std::string& iccid, const std::string& tenant_name) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  SR_TRY_VOID(FindCard(actor, iccid));
  SR_TRY(const Tenant tenant, FindTenant(actor, tenant_name));
  Card card;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(card, writer.FindCardByIccid(iccid));
    if (card.tenant == tenant.id) {
      return Refuse(FailureKind::kConflict, "card " + iccid + " belongs to " + tenant.name + " already");
    }
    if (card.state == CardState::kRetired) {
      return Refuse(FailureKind::kConflict, "card " + iccid + " is retired and gets no new owner");
    }
    const UnixTime now = clock_.Now();
    const Id old_tenant = card.tenant;
    SR_TRY_VOID(CancelQueued(writer, card.id, now));
    SR_TRY_VOID(RevokeAll(writer, actor, card, "affiliationChanged", now));
    SR_TRY_VOID(CancelQueued(writer, card.id, now));  // one erasure takes the place of the deletions
    if (const auto device = writer.FindDeviceOfCard(card.id)) {
      SR_TRY_VOID(writer.DeleteDevice(device->id));
    }
    SR_TRY(const Policy policy,
           writer.FindPolicyByName(tenant.id, card.profile == "type2" ? "default-psk" : "default"));
    SR_TRY_VOID(writer.ChangeOwner(card.id, tenant.id));
    card.policy = policy.id;
    card.tenant = tenant.id;
    SR_TRY_VOID(writer.UpdateCard(card));
    SR_TRY_VOID(QueueJob(writer, actor, card, JobKind::kErase, 0, now));
    SR_TRY_VOID(QueueJob(writer, actor, card, JobKind::kSwitchOn, 0, now));
    SR_TRY_VOID(Note(writer, actor, old_tenant, "card.given", "card " + iccid, Detail("to", tenant.name)));
    SR_TRY_VOID(Note(writer, actor, tenant.id, "card.received", "card " + iccid));
    SR_TRY(card, writer.FindCard(card.id));
    return {};
  });
  SR_TRY_VOID(written);
  return card;
}

Outcome<Device> ServiceImpl::NameDevice(const Actor& actor, const std::string& iccid, const std::string& name) {
  SR_TRY_VOID(RequireRole(actor, Role::kOperator));
  SR_TRY_VOID(CheckDeviceName(name));
  SR_TRY_VOID(FindCard(actor, iccid));
  Device device;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const Card card, writer.FindCardByIccid(iccid));
    const auto known = writer.FindDeviceOfCard(card.id);
    if (known) {
      device = *known;
      device.name = name;
      SR_TRY_VOID(writer.UpdateDevice(device));
    } else {
      device = {.id = 0, .tenant = card.tenant, .card = card.id, .name = name, .created = clock_.Now()};
      SR_TRY(device.id, writer.InsertDevice(device));
    }
    SR_TRY(const auto active, CredentialsOf(writer, card.id, CredentialState::kActive));
    for (const Credential& credential : active) {
      FeedEvent event;
      event.time = clock_.Now();
      event.tenant = card.tenant;
      event.credential = credential.id;
      event.kind = "device.named";
      SR_TRY_VOID(writer.AddFeedEvent(event));
    }
    return Note(writer, actor, card.tenant, "device.named", "card " + iccid, Detail("name", name));
  });
  SR_TRY_VOID(written);
  return device;
}

}  // namespace simroot::platform
