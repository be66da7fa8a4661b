// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/engine_impl.hpp"

namespace simroot::platform {
namespace {

constexpr std::int64_t kLongestBackOff = 3600;
constexpr std::size_t kDecoySize = 48;

/// The job cannot be done as it is; trying again changes nothing.
[[nodiscard]] bool IsFinal(FailureKind kind) {
  return kind == FailureKind::kInvalid || kind == FailureKind::kConflict || kind == FailureKind::kNotFound;
}

}  // namespace

bool EngineImpl::Recover() {
  std::array<std::uint8_t, kDecoySize> random{};
  CryptoPool::Place& place = pool_->Next();
  const std::lock_guard lock(place.mutex);
  if (place.crypto->Random(random)) {
    decoy_keys_ = parts_.vault.Seal(random, "card-keys/unknown/0").value_or(Bytes());
  }
  Wipe(random);
  const UnixTime now = parts_.clock.Now();
  // If the database does not answer now: TakeJob takes up jobs that are still called running, too.
  static_cast<void>(parts_.store.Write([&](StoreWriter& writer) -> Outcome<void> {
    const JobFilter running{.tenant = 0, .card = 0, .state = JobState::kRunning};
    SR_TRY(const auto jobs, ReadAllOf<Job>([&](const Page& page) { return writer.ListJobs(running, page); }));
    for (Job job : jobs) {
      job.state = JobState::kQueued;
      SR_TRY_VOID(writer.TransitionJob(job, JobState::kRunning, now));
    }
    return {};
  }));
  return !decoy_keys_.empty();
}

/// The next job of the card that is due, running from now on; nothing if there is none.
Outcome<std::optional<Job>> EngineImpl::TakeJob(StoreWriter& writer, const Card& card) {
  const UnixTime now = parts_.clock.Now();
  while (true) {
    auto next = writer.NextJob(card.id, now);
    if (!next && next.error().kind == FailureKind::kNotFound) {
      return std::optional<Job>();
    }
    SR_TRY(Job job, std::move(next));
    if (job.state == JobState::kRunning) {  // its session has died
      job.state = JobState::kQueued;
      SR_TRY_VOID(writer.TransitionJob(job, JobState::kRunning, now));
    }
    if (job.tenant != card.tenant) {  // of the owner before
      job.state = JobState::kCancelled;
      SR_TRY_VOID(writer.TransitionJob(job, JobState::kQueued, now));
      continue;
    }
    const bool spent = job.attempts >= parts_.limits.attempts_per_job;
    if (spent) {
      job.error = "given up after " + std::to_string(job.attempts) + " attempts" +
                  (job.error.empty() ? "" : "; the last one: " + job.error);
    } else {
      ++job.attempts;
    }
    job.state = spent ? JobState::kFailed : JobState::kRunning;
    SR_TRY_VOID(writer.TransitionJob(job, JobState::kQueued, now));
    if (!spent) {
      return std::optional<Job>(std::move(job));
    }
    ++counters_.jobs_failed;
    SR_TRY_VOID(AddAudit(writer, job.tenant, "platform", "job.failed", "job " + std::to_string(job.id),
                         AuditDetail("reason", job.error)));
  }
}

Outcome<void> EngineImpl::EndJob(StoreWriter& writer, const RelaySession& session, Job job, JobState to,
                                 const std::string& message) {
  job.error = to == JobState::kDone ? std::string() : message;
  job.state = to;
  SR_TRY_VOID(writer.TransitionJob(job, JobState::kRunning, parts_.clock.Now()));
  if (to == JobState::kQueued) {
    return {};
  }
  return AddAudit(writer, job.tenant, "card " + session.iccid, "job." + std::string(NameOf(to)),
                  "job " + std::to_string(job.id), AuditDetail(to == JobState::kDone ? "result" : "reason", message));
}

/// The first attempt may have believed a wrong hint: that is nobody's fault and costs no wait.
std::int64_t EngineImpl::BackOff(const RelaySession& session, unsigned attempts) const {
  if (session.hinted && attempts <= 1) {
    return 0;
  }
  std::int64_t wait = parts_.limits.first_back_off_s;
  for (unsigned i = 1; i < attempts && wait < kLongestBackOff; ++i) {
    wait *= 2;
  }
  return std::min(wait, kLongestBackOff);
}

Outcome<RelayBatch> EngineImpl::FailAttempt(RelaySession& session, const Failure& failure) {
  if (failure.kind == FailureKind::kUnavailable || !session.job) {
    return tl::unexpected<Failure>(failure);
  }
  Job job = *session.job;
  const bool final = IsFinal(failure.kind) || job.attempts >= parts_.limits.attempts_per_job;
  const std::int64_t wait = final ? 0 : BackOff(session, job.attempts);
  job.not_before = parts_.clock.Now() + wait;
  session.steps.push_back({.time = parts_.clock.Now(),
                           .what = "attempt " + std::to_string(job.attempts) + " has failed",
                           .detail = failure.Text()});
  Outcome<Rest> rest = Rest();
  const auto written = parts_.store.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY_VOID(writer.AddJobSteps(job.id, session.steps));
    SR_TRY_VOID(EndJob(writer, session, job, final ? JobState::kFailed : JobState::kQueued, failure.Text()));
    rest = ReadRest(writer, session.card);
    return {};
  });
  SR_TRY_VOID(written);
  session.steps.clear();
  session.job.reset();
  session.failed = final;
  counters_.jobs_failed += final ? 1 : 0;
  session.messages.push_back(std::string(NameOf(job.kind)) + ": " + failure.message);
  return Finish(session, std::move(rest));
}

void EngineImpl::Abandon(RelaySession& session) {
  const std::lock_guard card_lock(LockOf(session.card.id));
  if (!session.job || session.replaced) {
    return;
  }
  const Id id = session.job->id;
  // Best effort: the next session of the card takes a job up that is still called running.
  static_cast<void>(parts_.store.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY_VOID(writer.AddJobSteps(id, session.steps));
    SR_TRY(Job job, writer.FindJob(id));
    job.state = JobState::kQueued;
    return writer.TransitionJob(job, JobState::kRunning, parts_.clock.Now());
  }));
  session.job.reset();
  session.run.reset();
  session.phase = RelaySession::Phase::kOver;
}

}  // namespace simroot::platform
