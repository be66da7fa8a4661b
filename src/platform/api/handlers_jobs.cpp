// SPDX-License-Identifier: Apache-2.0
#include "platform/api/handlers.hpp"

namespace simroot::platform::handlers {
namespace {

Outcome<Job> FindJob(Context& context) {
  SR_TRY(const Id id, context.PathId());
  return ReadStore(context, [&](StoreReader& reader) { return IfVisible(context, reader.FindJob(id), "such job"); });
}

}  // namespace

Answer ListJobs(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<Job>> {
    JobFilter filter;
    SR_TRY(filter.tenant, TenantScope(context, reader, context.Query("tenant")));
    SR_TRY(const auto card, CardOfQuery(context, reader));
    if (card == Id(0)) {
      return std::vector<Job>();
    }
    filter.card = card.value_or(0);
    filter.state = StateOfQuery<JobState>(context, "state");
    return reader.ListJobs(filter, context.page);
  });
}

Answer RequestJob(Context& context) {
  const auto kind = ParseName<JobKind>(context.Text("kind"));
  SR_TRY(const Job job,
         context.parts.service.RequestJob(context.actor, context.Text("iccid"), kind.value_or(JobKind::kSwitchOn)));
  return Show(context, job);
}

Answer GetJob(Context& context) {
  SR_TRY(const Job job, FindJob(context));
  return Show(context, job);
}

Answer ListJobSteps(Context& context) {
  SR_TRY(const Job job, FindJob(context));
  return ShowPage(context, [&](StoreReader& reader) { return reader.ListJobSteps(job.id, context.page); });
}

Answer CancelJob(Context& context) {
  SR_TRY(const Id id, context.PathId());
  SR_TRY(const Job job, context.parts.service.CancelJob(context.actor, id));
  return Show(context, job);
}

Answer RetryJob(Context& context) {
  SR_TRY(const Id id, context.PathId());
  SR_TRY(const Job job, context.parts.service.RetryJob(context.actor, id));
  return Show(context, job);
}

}  // namespace simroot::platform::handlers
