// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/ota/job_run.hpp"

namespace simroot::platform {

/// switch-on, rotate and renew of a certificate.
[[nodiscard]] std::unique_ptr<JobRun> MakeCertificateJob(const JobTools& tools, JobContext context,
                                                         const CardContent* hints);
/// switch-on and rotate of a pre-shared key.
[[nodiscard]] std::unique_ptr<JobRun> MakePskJob(const JobTools& tools, JobContext context, const CardContent* hints);
/// suspend, resume, revoke, erase, update-trust.
[[nodiscard]] std::unique_ptr<JobRun> MakeObjectsJob(const JobTools& tools, JobContext context,
                                                     const CardContent* hints);
/// replace-keys.
[[nodiscard]] std::unique_ptr<JobRun> MakeKeysJob(const JobTools& tools, JobContext context, const KnownKeys& keys);

}  // namespace simroot::platform
