// SPDX-License-Identifier: Apache-2.0
#include "platform/domain/validate.hpp"
#include "platform/service/changes.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

/// Why a credential is suspended that only follows its card: it comes back with it, others do not.
constexpr std::string_view kCardSuspended = "card suspended";

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

/// Queued ones are cancelled. Running ones fail: the session that works on them finds them taken away.
[[nodiscard]] Outcome<void> EndJobs(StoreWriter& writer, Id card, const std::string& why, UnixTime now) {
  for (const JobState state : {JobState::kQueued, JobState::kRunning}) {
    const JobFilter filter{.tenant = 0, .card = card, .state = state};
    SR_TRY(const auto jobs, ReadAll<Job>([&](const Page& page) { return writer.ListJobs(filter, page); }));
    for (Job job : jobs) {
      job.state = state == JobState::kQueued ? JobState::kCancelled : JobState::kFailed;
      job.error = why;
      SR_TRY_VOID(writer.TransitionJob(job, state, now));
    }
  }
  return {};
}

[[nodiscard]] Outcome<void> SuspendCredentials(StoreWriter& writer, const Actor& actor, const Card& card,
                                               UnixTime now) {
  for (const CredentialState state : {CredentialState::kActive, CredentialState::kSuperseded}) {
    SR_TRY(const auto credentials, CredentialsOf(writer, card.id, state));
    for (const Credential& credential : credentials) {
      SR_TRY_VOID(
          MoveCredential(writer, actor, credential, CredentialState::kSuspended, std::string(kCardSuspended), now));
    }
  }
  return {};
}

/// Of each kind the youngest becomes active again; an older one was superseded, and that overlap is over.
[[nodiscard]] Outcome<void> ResumeCredentials(StoreWriter& writer, const Actor& actor, const Card& card, UnixTime now) {
  SR_TRY(auto suspended, CredentialsOf(writer, card.id, CredentialState::kSuspended));
  std::erase_if(suspended, [](const Credential& credential) { return credential.reason != kCardSuspended; });
  std::ranges::sort(suspended, std::ranges::greater(), &Credential::id);
  std::vector<CredentialKind> resumed;
  for (const Credential& credential : suspended) {
    if (std::ranges::find(resumed, credential.kind) == resumed.end()) {
      resumed.push_back(credential.kind);
      SR_TRY_VOID(MoveCredential(writer, actor, credential, CredentialState::kActive, "card resumed", now));
    } else {
      SR_TRY_VOID(MoveCredential(writer, actor, credential, CredentialState::kRevoked, "superseded", now));
    }
  }
  return {};
}

/// Application servers learn a device's name with its credentials, also with those that are refused: what somebody has
/// followed is then the same as what he would read anew.
[[nodiscard]] Outcome<void> TellName(StoreWriter& writer, const Card& card, UnixTime now) {
  CredentialFilter filter;
  filter.tenant = card.tenant;
  filter.card = card.id;
  SR_TRY(const auto credentials,
         ReadAll<Credential>([&](const Page& page) { return writer.ListCredentials(filter, page); }));
  for (const Credential& credential : credentials) {
    if (IsWorthTelling(credential)) {
      SR_TRY_VOID(writer.AddFeedEvent(
          {.number = 0, .time = now, .tenant = card.tenant, .credential = credential.id, .kind = "device.named"}));
    }
  }
  return {};
}

/// What goes with a card's new state: its credentials follow it.
[[nodiscard]] Outcome<void> FollowCard(StoreWriter& writer, const Actor& actor, const Card& card, CardState to,
                                       UnixTime now) {
  if (to == CardState::kRetired) {
    SR_TRY_VOID(RevokeAll(writer, actor, card, "cessationOfOperation", now));
    SR_TRY_VOID(EndJobs(writer, card.id, "the card is retired", now));
    SR_TRY(const auto keys, writer.ListCardKeys(card.id));
    for (const CardKeySet& set : keys) {
      SR_TRY_VOID(writer.DeleteCardKeys(card.id, set.version));
    }
    return {};
  }
  return to == CardState::kSuspended ? SuspendCredentials(writer, actor, card, now)
                                     : ResumeCredentials(writer, actor, card, now);
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
    SR_TRY_VOID(RequireTenant(actor, card.tenant, "card " + iccid));  // it may have a new owner since
    if (!MayBecome(card.state, to)) {
      return Refuse(FailureKind::kConflict, card.state == to
                                                ? "card " + iccid + " is " + std::string(NameOf(to)) + " already"
                                                : "card " + iccid + " is " + std::string(NameOf(card.state)) +
                                                      " and cannot become " + std::string(NameOf(to)));
    }
    // One that was suspended before its first contact may go on to it.
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
    SR_TRY_VOID(RequireTenant(actor, card.tenant, "card " + iccid));  // it may have a new owner since
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
    SR_TRY_VOID(RequireTenant(actor, card.tenant, "card " + iccid));  // it may have a new owner since
    if (card.tenant == tenant.id) {
      return Refuse(FailureKind::kConflict, "card " + iccid + " belongs to " + tenant.name + " already");
    }
    if (card.state == CardState::kRetired) {
      return Refuse(FailureKind::kConflict, "card " + iccid + " is retired and gets no new owner");
    }
    const UnixTime now = clock_.Now();
    const Id old_tenant = card.tenant;
    const std::string why = "the card has a new owner";
    SR_TRY_VOID(EndJobs(writer, card.id, why, now));
    SR_TRY_VOID(RevokeAll(writer, actor, card, "affiliationChanged", now));
    SR_TRY_VOID(EndJobs(writer, card.id, why, now));  // one erasure takes the place of the deletions
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
    SR_TRY_VOID(RequireTenant(actor, card.tenant, "card " + iccid));  // it may have a new owner since
    const auto known = writer.FindDeviceOfCard(card.id);
    if (known) {
      device = *known;
      device.name = name;
      SR_TRY_VOID(writer.UpdateDevice(device));
    } else {
      device = {.id = 0, .tenant = card.tenant, .card = card.id, .name = name, .created = clock_.Now()};
      SR_TRY(device.id, writer.InsertDevice(device));
    }
    SR_TRY_VOID(TellName(writer, card, clock_.Now()));
    return Note(writer, actor, card.tenant, "device.named", "card " + iccid, Detail("name", name));
  });
  SR_TRY_VOID(written);
  return device;
}

}  // namespace simroot::platform
