// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/rows.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr std::string_view kJobs =
    "SELECT id, tenant, card, kind, state, credential, attempts, created, not_before, changed, error, requested_by "
    "FROM job";
Job ReadJob(Query& row) {
  return {.id = row.Int(),
          .tenant = row.Int(),
          .card = row.Int(),
          .kind = row.Named<JobKind>(),
          .state = row.Named<JobState>(),
          .credential = row.Int(),
          .attempts = row.As<unsigned>(),
          .created = row.Int(),
          .not_before = row.Int(),
          .changed = row.Int(),
          .error = row.Text(),
          .requested_by = row.Text()};
}

constexpr std::string_view kSteps = "SELECT job, number, time, what, sw, detail FROM job_step";
JobStep ReadStep(Query& row) {
  return {.job = row.Int(),
          .number = row.Int(),
          .time = row.Int(),
          .what = row.Text(),
          .sw = row.As<std::uint16_t>(),
          .detail = row.Text()};
}

}  // namespace

Outcome<Job> Transaction::FindJob(Id id) {
  return One(connection_.Ask(Where(kJobs, "id = ?"), id), ReadJob, Numbered("job", id));
}

Outcome<std::vector<Job>> Transaction::ListJobs(const JobFilter& filter, const Page& page) {
  return PageQuery(kJobs, "id", page)
      .WhereEqual(filter.tenant != 0, "tenant", filter.card == 0)
      .WhereEqual(filter.card != 0, "card", true)
      .WhereEqual(filter.state.has_value(), "state", filter.card == 0)
      .Run(connection_, ReadJob, [&](Query& query) {
        for (const Id id : {filter.tenant, filter.card}) {
          if (id != 0) {
            query.Bind(id);
          }
        }
        if (filter.state) {
          query.Bind(NameOf(*filter.state));
        }
      });
}

Outcome<Job> Transaction::NextJob(Id card, UnixTime now) {
  // Further ahead than any back-off means that the clock was wrong when it was written.
  return One(connection_.Ask(Where(kJobs,
                                   "id = (SELECT min(id) FROM job WHERE card = ?1 AND state IN ('queued', 'running')) "
                                   "AND (not_before <= ?2 OR not_before - 3600 > ?2)"),
                             card, now),
             ReadJob, "job for " + Numbered("card", card) + " now");
}

Outcome<std::vector<JobStep>> Transaction::ListJobSteps(Id job, const Page& page) {
  return PageQuery(kSteps, "number", page).Where(true, "job = ?").Run(connection_, ReadStep, [&](Query& query) {
    query.Bind(job);
  });
}

Outcome<Id> Transaction::InsertJob(const Job& job) {
  SR_TRY(const std::int64_t inserted,
         connection_.Change("INSERT INTO job (tenant, card, kind, state, credential, attempts, created, not_before, "
                            "changed, error, requested_by) SELECT tenant, id, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM card "
                            "WHERE id = ? AND tenant = ?",
                            NameOf(job.kind), NameOf(job.state), Reference{job.credential}, job.attempts, job.created,
                            job.not_before, job.changed, job.error, job.requested_by, job.card, job.tenant));
  if (inserted == 0) {
    return NoSuch(Numbered("card", job.card) + " of this tenant");
  }
  return connection_.LastId();
}

Outcome<void> Transaction::TransitionJob(const Job& job, JobState from, UnixTime now) {
  SR_TRY_VOID(CheckTransition("job", from, job.state));
  return StillInState(
      connection_,
      connection_.Change("UPDATE job SET state = ?, changed = ?, attempts = ?, not_before = ?, error = ?, "
                         "credential = ? WHERE id = ? AND state = ?",
                         NameOf(job.state), now, job.attempts, job.not_before, job.error, Reference{job.credential},
                         job.id, NameOf(from)),
      "job", "SELECT state FROM job WHERE id = ?", job.id);
}

Outcome<void> Transaction::AddJobSteps(Id job, const std::vector<JobStep>& steps) {
  if (steps.empty()) {
    return {};
  }
  SR_TRY(const auto last, connection_.Number("SELECT max(number) FROM job_step WHERE job = ?", job));
  std::int64_t number = last.value_or(0);
  SR_TRY(Query insert,
         connection_.Ask("INSERT INTO job_step (job, number, time, what, sw, detail) VALUES (?, ?, ?, ?, ?, ?)"));
  for (const JobStep& step : steps) {
    insert.Again();
    insert.BindBorrowed(job, ++number, step.time, step.what, int{step.sw}, step.detail);
    SR_TRY_VOID(insert.Next());
  }
  return {};
}

}  // namespace simroot::platform::sqlite
