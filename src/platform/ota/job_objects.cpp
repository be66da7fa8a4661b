// SPDX-License-Identifier: Apache-2.0
// suspend, resume, revoke, erase, update-trust: one transaction on the card.
#include "platform/ota/job_kinds.hpp"

namespace simroot::platform {
namespace {

class ObjectsJob final : public ContentJob {
 public:
  using ContentJob::ContentJob;

 private:
  [[nodiscard]] Outcome<Progress> Plan() override;
  [[nodiscard]] Outcome<Progress> Continue(const CardAnswers& answers) override;

  [[nodiscard]] Outcome<void> PutChanges(CardCommands& commands);
  [[nodiscard]] Outcome<void> PutUsable(CardCommands& commands);
  [[nodiscard]] Outcome<void> PutRevocation(CardCommands& commands);
  [[nodiscard]] Outcome<void> PutErasure(CardCommands& commands);
  [[nodiscard]] Outcome<void> Record(StoreWriter& writer) const;
  [[nodiscard]] bool SlotIsShared(const Credential& credential) const;

  const Credential* target_ = nullptr;
};

Outcome<Progress> ObjectsJob::Plan() {
  target_ = context_.job.credential != 0 ? context_.Find(context_.job.credential) : context_.Active();
  const bool needs_target = context_.job.kind != JobKind::kErase && context_.job.kind != JobKind::kUpdateTrust;
  if (needs_target && target_ == nullptr) {
    return Refuse(FailureKind::kNotFound,
                  "card " + context_.card.iccid + " has no credential that the job could be for");
  }
  CardCommands changes;
  SR_TRY_VOID(PutChanges(changes));
  if (changes.empty()) {
    return Continue({});
  }
  CardCommands commands;
  Open(commands);
  Append(commands, std::move(changes));
  Close(commands);
  return Send(std::move(commands));
}

Outcome<void> ObjectsJob::PutChanges(CardCommands& commands) {
  switch (context_.job.kind) {
    case JobKind::kSuspend:
    case JobKind::kResume:
      return PutUsable(commands);
    case JobKind::kRevoke:
      return PutRevocation(commands);
    case JobKind::kErase:
      return PutErasure(commands);
    default:
      return PutTrustAnchors(commands);
  }
}

Outcome<void> ObjectsJob::PutUsable(CardCommands& commands) {
  const Slot& slot = SlotOf(target_->slot);
  const ObjectKey key = target_->kind == CredentialKind::kPsk ? slot.Secret() : slot.Private();
  if (Has(key)) {
    SR_TRY(CardCommands set, driver().SetUsable(key, context_.job.kind == JobKind::kResume));
    Append(commands, std::move(set));
  }
  return {};
}

/// A successor in the same containers: of a renewal, or of a rotation that came back to them.
bool ObjectsJob::SlotIsShared(const Credential& credential) const {
  return std::ranges::any_of(context_.credentials, [&](const Credential& other) {
    return other.id != credential.id && other.kind == credential.kind && other.slot == credential.slot &&
           (other.state == CredentialState::kIssued || other.state == CredentialState::kActive ||
            other.state == CredentialState::kSuspended ||
            (other.state == CredentialState::kSuperseded && other.id > credential.id));
  });
}

Outcome<void> ObjectsJob::PutRevocation(CardCommands& commands) {
  if (SlotIsShared(*target_)) {
    return {};
  }
  const Slot& slot = SlotOf(target_->slot);
  if (target_->kind == CredentialKind::kCertificate) {
    SR_TRY_VOID(DeleteIfThere(slot.Private(), commands));
    SR_TRY_VOID(DeleteIfThere(slot.Public(), commands));
    return DeleteIfThere(slot.Certificate(), commands);
  }
  const Credential* const active = context_.Active();
  if (active == nullptr || active->id == target_->id) {
    SR_TRY_VOID(DeleteIfThere({iotsafe::ObjectClass::kFile, kIdentityFile}, commands));
  }
  return DeleteIfThere(slot.Secret(), commands);
}

Outcome<void> ObjectsJob::PutErasure(CardCommands& commands) {
  for (const Slot& slot : kSlots) {
    for (const ObjectKey& object : {slot.Private(), slot.Public(), slot.Certificate(), slot.Secret()}) {
      SR_TRY_VOID(DeleteIfThere(object, commands));
    }
  }
  for (const std::uint8_t file : {kRootFile, kIssuingFile, kIdentityFile}) {
    SR_TRY_VOID(DeleteIfThere({iotsafe::ObjectClass::kFile, file}, commands));
  }
  return {};
}

Outcome<Progress> ObjectsJob::Continue(const CardAnswers& /*answers*/) {
  Progress progress;
  progress.done = true;
  progress.credential = target_ != nullptr ? target_->id : 0;
  progress.message = std::string(NameOf(context_.job.kind)) + " of " + context_.Called() + " is done";
  progress.record = [this](StoreWriter& writer) { return Record(writer); };
  return progress;
}

Outcome<void> ObjectsJob::Record(StoreWriter& writer) const {
  const UnixTime now = tools_.clock.Now();
  const auto move = [&](const Credential& credential, CredentialState to, const std::string& reason) {
    return MoveCredentialTo(writer, context_.card, credential.id, to, reason, now);
  };
  switch (context_.job.kind) {
    case JobKind::kSuspend:
      return MayBecome(target_->state, CredentialState::kSuspended) ? move(*target_, CredentialState::kSuspended, "")
                                                                    : Outcome<void>();
    case JobKind::kResume:
      return target_->state == CredentialState::kSuspended ? move(*target_, CredentialState::kActive, "")
                                                           : Outcome<void>();
    case JobKind::kRevoke:
      return move(*target_, CredentialState::kDeleted,
                  target_->state == CredentialState::kSuperseded ? "superseded" : "cessationOfOperation");
    case JobKind::kErase:
      for (const Credential& credential : context_.credentials) {
        SR_TRY_VOID(move(credential, CredentialState::kDeleted, "cessationOfOperation"));
      }
      return {};
    default:
      return {};
  }
}

}  // namespace

std::unique_ptr<JobRun> MakeObjectsJob(const JobTools& tools, JobContext context, const CardContent* hints) {
  return std::make_unique<ObjectsJob>(tools, std::move(context), hints);
}

}  // namespace simroot::platform
