// SPDX-License-Identifier: Apache-2.0
#include "platform/domain/validate.hpp"
#include "platform/service/changes.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

/// Kinds that an operator asks for by name; the others follow from the state of a credential or a card.
constexpr std::array kOnRequest{JobKind::kSwitchOn, JobKind::kRotate,      JobKind::kRenew,
                                JobKind::kErase,    JobKind::kUpdateTrust, JobKind::kReplaceKeys};

/// Reasons of RFC 5280 that an issuer of device certificates gives.
constexpr std::array<std::string_view, 7> kRevocationReasons{
    "unspecified",          "keyCompromise",      "affiliationChanged", "superseded",
    "cessationOfOperation", "privilegeWithdrawn", "aACompromise"};

/// A job that failed long ago may not fit the card any more.
[[nodiscard]] Outcome<void> RequireRetryable(StoreReader& reader, const Job& job) {
  SR_TRY(const Card card, reader.FindCard(job.card));
  const std::string name = "job " + std::to_string(job.id);
  if (card.tenant != job.tenant) {
    return Refuse(FailureKind::kConflict, name + " is of a card that has another owner now");
  }
  if (card.state == CardState::kRetired) {
    return Refuse(FailureKind::kConflict, name + " is of a card that is retired");
  }
  SR_TRY(const bool open, HasOpenJob(reader, card.id, job.kind));
  if (open) {
    return Refuse(FailureKind::kConflict,
                  "card " + card.iccid + " has an open job of kind " + std::string(NameOf(job.kind)) + " already");
  }
  return {};
}

[[nodiscard]] Outcome<Job> MoveJob(Store& store, const Actor& actor, Id id, JobState from, JobState to, UnixTime now) {
  SR_TRY_VOID(RequireRole(actor, Role::kOperator));
  Job job;
  const auto written = store.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(job, writer.FindJob(id));
    SR_TRY_VOID(RequireTenant(actor, job.tenant, "job " + std::to_string(id)));
    if (job.state != from) {
      return Refuse(FailureKind::kConflict, "job " + std::to_string(id) + " is " + std::string(NameOf(job.state)) +
                                                ", not " + std::string(NameOf(from)));
    }
    if (to == JobState::kQueued) {
      SR_TRY_VOID(RequireRetryable(writer, job));
    }
    job.state = to;
    if (to == JobState::kQueued) {
      job.attempts = 0;
      job.not_before = now;
      job.error.clear();
    }
    SR_TRY_VOID(writer.TransitionJob(job, from, now));
    SR_TRY_VOID(Note(writer, actor, job.tenant, "job." + std::string(NameOf(to)), "job " + std::to_string(id)));
    SR_TRY(job, writer.FindJob(id));
    return {};
  });
  SR_TRY_VOID(written);
  return job;
}

}  // namespace

Outcome<Job> ServiceImpl::RequestJob(const Actor& actor, const std::string& iccid, JobKind kind) {
  SR_TRY_VOID(RequireRole(actor, Role::kOperator));
  SR_TRY_VOID(FindCard(actor, iccid));
  if (std::ranges::find(kOnRequest, kind) == kOnRequest.end()) {
    return Refuse(FailureKind::kInvalid,
                  "a job of kind " + std::string(NameOf(kind)) + " comes with the state of a credential",
                  "change the state of the credential");
  }
  Job job;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const Card card, writer.FindCardByIccid(iccid));
    SR_TRY_VOID(RequireTenant(actor, card.tenant, "card " + iccid));  // it may have a new owner since
    if (card.state == CardState::kRetired) {
      return Refuse(FailureKind::kConflict, "card " + iccid + " is retired");
    }
    SR_TRY(const bool open, HasOpenJob(writer, card.id, kind));
    if (open) {
      return Refuse(FailureKind::kConflict,
                    "card " + iccid + " has an open job of kind " + std::string(NameOf(kind)) + " already");
    }
    SR_TRY(job, QueueJob(writer, actor, card, kind, 0, clock_.Now()));
    return {};
  });
  SR_TRY_VOID(written);
  return job;
}

Outcome<Job> ServiceImpl::CancelJob(const Actor& actor, Id job) {
  return MoveJob(store_, actor, job, JobState::kQueued, JobState::kCancelled, clock_.Now());
}

Outcome<Job> ServiceImpl::RetryJob(const Actor& actor, Id job) {
  return MoveJob(store_, actor, job, JobState::kFailed, JobState::kQueued, clock_.Now());
}

Outcome<Credential> ServiceImpl::SetCredentialState(const Actor& actor, Id id, CredentialState to,
                                                    const std::string& reason) {
  SR_TRY_VOID(RequireRole(actor, Role::kOperator));
  if (to != CredentialState::kRevoked && to != CredentialState::kSuspended && to != CredentialState::kActive) {
    return Refuse(FailureKind::kInvalid, "nobody can make a credential " + std::string(NameOf(to)),
                  "ask for revoked, suspended or active");
  }
  if (to == CredentialState::kRevoked && !reason.empty() &&
      std::ranges::find(kRevocationReasons, reason) == kRevocationReasons.end()) {
    std::string known;
    for (const std::string_view name : kRevocationReasons) {
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    return Refuse(FailureKind::kInvalid, "this is no reason for a revocation", "give one of RFC 5280: " + known);
  }
  Credential credential;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const Credential before, writer.FindCredential(id));
    SR_TRY_VOID(RequireTenant(actor, before.tenant, "credential " + std::to_string(id)));
    if (to == CredentialState::kActive && before.state == CredentialState::kIssued) {
      return Refuse(FailureKind::kConflict, "credential " + std::to_string(id) + " is not on the card yet");
    }
    if (to == CredentialState::kActive) {
      SR_TRY(const Card card, writer.FindCard(before.card));
      if (card.state != CardState::kActive) {
        return Refuse(FailureKind::kConflict, "card " + card.iccid + " of credential " + std::to_string(id) + " is " +
                                                  std::string(NameOf(card.state)) + ", not active");
      }
    }
    SR_TRY(credential, MoveCredential(writer, actor, before, to, reason, clock_.Now()));
    return {};
  });
  SR_TRY_VOID(written);
  return credential;
}

Outcome<Credential> ServiceImpl::RecordUse(const Actor& actor, const std::string& name) {
  if (actor.certificate.empty()) {
    return Refuse(FailureKind::kDenied, "only an application server tells which credentials were used");
  }
  Credential credential;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(credential, writer.FindCredentialByName(actor.tenant, name));
    if (credential.first_used != 0 || credential.state != CredentialState::kActive) {
      return {};
    }
    credential.first_used = clock_.Now();
    SR_TRY_VOID(writer.UpdateCredential(credential));
    // So that the other servers of the tenant need not tell it again.
    SR_TRY_VOID(writer.AddFeedEvent({.number = 0,
                                     .time = credential.first_used,
                                     .tenant = credential.tenant,
                                     .credential = credential.id,
                                     .kind = "credential.used"}));
    SR_TRY_VOID(Note(writer, actor, actor.tenant, "credential.used", "credential " + std::to_string(credential.id)));
    CredentialFilter filter;
    filter.card = credential.card;
    filter.state = CredentialState::kSuperseded;
    filter.kind = credential.kind;
    SR_TRY(const auto old, ReadAll<Credential>([&](const Page& page) { return writer.ListCredentials(filter, page); }));
    for (const Credential& superseded : old) {
      SR_TRY_VOID(MoveCredential(writer, actor, superseded, CredentialState::kRevoked, "superseded", clock_.Now()));
    }
    return {};
  });
  SR_TRY_VOID(written);
  return credential;
}

Outcome<Policy> ServiceImpl::PutPolicy(const Actor& actor, const Policy& policy) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  SR_TRY_VOID(RequireTenant(actor, policy.tenant, "tenant"));
  SR_TRY_VOID(CheckPolicy(policy));
  Policy stored = policy;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY_VOID(writer.FindTenant(policy.tenant));
    if (policy.authority != 0) {
      SR_TRY(const CertificateAuthority authority, writer.FindAuthority(policy.authority));
      if (authority.tenant != policy.tenant) {
        return Refuse(FailureKind::kNotFound, "there is no CA " + std::to_string(policy.authority));
      }
      if (!authority.issues) {
        return Refuse(FailureKind::kInvalid, "CA " + authority.name + " does not issue certificates for devices",
                      "name the one that issues, or none");
      }
    }
    const auto known = writer.FindPolicyByName(policy.tenant, policy.name);
    if (known) {
      stored.id = known->id;
      SR_TRY_VOID(writer.UpdatePolicy(stored));
    } else {
      SR_TRY(stored.id, writer.InsertPolicy(stored));
    }
    return Note(writer, actor, policy.tenant, "policy.put", "policy " + policy.name);
  });
  SR_TRY_VOID(written);
  return stored;
}

}  // namespace simroot::platform
