// SPDX-License-Identifier: Apache-2.0
#include "platform/service/changes.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace simroot::platform {
namespace {

/// What the card must do when a credential that is on it becomes this.
[[nodiscard]] std::optional<JobKind> JobFor(CredentialState from, CredentialState to) {
  switch (to) {
    case CredentialState::kSuspended:
      return JobKind::kSuspend;
    case CredentialState::kActive:
      return from == CredentialState::kSuspended ? std::optional(JobKind::kResume) : std::nullopt;
    case CredentialState::kRevoked:
    case CredentialState::kExpired:
      return JobKind::kRevoke;
    default:
      return std::nullopt;
  }
}

}  // namespace

Outcome<void> RequireRole(const Actor& actor, Role role) {
  if (actor.role < role) {
    return Refuse(FailureKind::kDenied, actor.name + " may not do this: it needs the role " + std::string(NameOf(role)),
                  "use a token with that role");
  }
  return {};
}

Outcome<void> RequireTenant(const Actor& actor, Id tenant, const std::string& what) {
  if (actor.tenant != 0 && actor.tenant != tenant) {
    return Refuse(FailureKind::kNotFound, "there is no " + what);
  }
  return {};
}

Outcome<void> Note(StoreWriter& writer, const Actor& actor, Id tenant, const std::string& action,
                   const std::string& object, const std::string& detail) {
  AuditEntry entry;
  entry.tenant = tenant;
  entry.actor = actor.name;
  entry.action = action;
  entry.object = object;
  entry.detail = detail;
  SR_TRY_VOID(writer.AddAudit(entry));
  return {};
}

std::string Detail(std::string_view name, std::string_view value) {
  boost::json::object detail;
  detail[name] = value;
  return boost::json::serialize(detail);
}

Outcome<Job> QueueJob(StoreWriter& writer, const Actor& actor, const Card& card, JobKind kind, Id credential,
                      UnixTime now) {
  Job job;
  job.tenant = card.tenant;
  job.card = card.id;
  job.kind = kind;
  job.credential = credential;
  job.created = now;
  job.not_before = now;
  job.changed = now;
  job.requested_by = actor.name;
  SR_TRY(job.id, writer.InsertJob(job));
  SR_TRY_VOID(Note(writer, actor, card.tenant, "job." + std::string(NameOf(kind)), "card " + card.iccid));
  return job;
}

Outcome<bool> HasOpenJob(StoreReader& reader, Id card, JobKind kind, Id credential) {
  for (const JobState state : {JobState::kQueued, JobState::kRunning}) {
    const JobFilter filter{.tenant = 0, .card = card, .state = state};
    SR_TRY(const auto jobs, ReadAll<Job>([&](const Page& page) { return reader.ListJobs(filter, page); }));
    if (std::ranges::any_of(jobs, [&](const Job& job) {
          return job.kind == kind && (credential == 0 || job.credential == credential);
        })) {
      return true;
    }
  }
  return false;
}

Outcome<Credential> MoveCredential(StoreWriter& writer, const Actor& actor, const Credential& credential,
                                   CredentialState to, const std::string& reason, UnixTime now) {
  if (!MayBecome(credential.state, to)) {
    const std::string now_it_is =
        "credential " + std::to_string(credential.id) + " is " + std::string(NameOf(credential.state));
    return Refuse(FailureKind::kConflict, credential.state == to
                                              ? now_it_is + " already"
                                              : now_it_is + " and cannot become " + std::string(NameOf(to)));
  }
  SR_TRY_VOID(writer.TransitionCredential(credential.id, credential.state, to, reason, now));
  FeedEvent event;
  event.time = now;
  event.tenant = credential.tenant;
  event.credential = credential.id;
  event.kind = "credential." + std::string(NameOf(to));
  SR_TRY_VOID(writer.AddFeedEvent(event));
  SR_TRY_VOID(Note(writer, actor, credential.tenant, event.kind, "credential " + std::to_string(credential.id),
                   Detail("reason", reason)));
  if (const auto kind = JobFor(credential.state, to)) {
    SR_TRY(const Card card, writer.FindCard(credential.card));
    SR_TRY_VOID(QueueJob(writer, actor, card, *kind, credential.id, now));
  }
  return writer.FindCredential(credential.id);
}

}  // namespace simroot::platform
