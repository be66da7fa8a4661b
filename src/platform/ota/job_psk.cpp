// SPDX-License-Identifier: Apache-2.0
// switch-on and rotate of a pre-shared key: it is sealed in the database before it is sent, so that an interrupted job
// sends the same one again.
#include "platform/ota/element.hpp"
#include "platform/ota/job_kinds.hpp"

namespace simroot::platform {
namespace {

class PskJob final : public ContentJob {
 public:
  using ContentJob::ContentJob;

 private:
  [[nodiscard]] Outcome<Progress> Plan() override;
  [[nodiscard]] Outcome<Progress> Continue(const CardAnswers& answers) override;

  [[nodiscard]] Outcome<SecretBytes> TakeKey();
  [[nodiscard]] Outcome<SecretBytes> MakeKey();
  [[nodiscard]] Outcome<void> PutKey(const Slot& slot, const SecretBytes& psk, CardCommands& commands);

  bool made_ = false;  ///< just now: not in the database yet
  Credential credential_;
};

Outcome<SecretBytes> PskJob::TakeKey() {
  const Credential* const own = context_.Own();
  if (own == nullptr) {
    return MakeKey();
  }
  if (own->state != CredentialState::kIssued && own->state != CredentialState::kActive) {
    return Refuse(FailureKind::kConflict,
                  "the pre-shared key of this job is " + std::string(NameOf(own->state)) + " meanwhile",
                  "ask for a new switch-on or rotation");
  }
  credential_ = *own;
  return tools_.vault.Unseal(own->sealed_psk, "psk/" + own->name);
}

Outcome<SecretBytes> PskJob::MakeKey() {
  const Credential* const active = context_.Active();
  const bool rotates = context_.job.kind == JobKind::kRotate;
  const auto number = 1 + std::ranges::count(context_.credentials, CredentialKind::kPsk, &Credential::kind);
  credential_.tenant = context_.card.tenant;
  credential_.card = context_.card.id;
  credential_.job = context_.job.id;
  credential_.kind = CredentialKind::kPsk;
  credential_.state = CredentialState::kIssued;
  credential_.slot = active == nullptr ? 0 : rotates ? OtherSlot(SlotOf(active->slot)).number : active->slot;
  credential_.name = context_.card.iccid + "-" + std::to_string(number);
  credential_.not_before = tools_.clock.Now();
  credential_.changed = credential_.not_before;
  SecretArray<iotsafe::kMaxSecretSize> random;
  const ByteSpan bytes = random.Prepare(context_.policy.psk_size);
  if (bytes.empty() || !tools_.channel.Random(bytes)) {
    return Refuse(FailureKind::kInternal, "no random numbers for a pre-shared key");
  }
  SecretBytes psk(random.Reveal(InsecureReveal::kForStore));
  SR_TRY(credential_.sealed_psk, tools_.vault.Seal(psk.Reveal(InsecureReveal::kForStore), "psk/" + credential_.name));
  made_ = true;
  return psk;
}

Outcome<Progress> PskJob::Plan() {
  if (context_.job.kind == JobKind::kRenew) {
    return Refuse(FailureKind::kInvalid, "a pre-shared key has no end and cannot be renewed", "ask for a rotation");
  }
  SR_TRY(const SecretBytes psk, TakeKey());
  CardCommands commands;
  Open(commands);
  SR_TRY_VOID(PutKey(SlotOf(credential_.slot), psk, commands));
  SR_TRY_VOID(
      PutFile(kIdentityFile, kIdentityLabel, iotsafe::FileUsage::kGeneral, AsBytes(credential_.name), commands));
  Close(commands);
  Progress progress = Send(std::move(commands));
  if (made_) {
    progress.record = [this](StoreWriter& writer) -> Outcome<void> {
      SR_TRY(credential_.id, writer.InsertCredential(credential_));
      return {};
    };
  }
  return progress;
}

Outcome<void> PskJob::PutKey(const Slot& slot, const SecretBytes& psk, CardCommands& commands) {
  const std::string& label = context_.policy.label;
  const ObjectKey old = OtherSlot(slot).Secret();
  SR_TRY_VOID(DeleteIfThere(slot.Secret(), commands));
  const CardObject* const there = content_.Find(old.object_class, old.id);
  if (there != nullptr && there->Label() == label) {
    SR_TRY_VOID(PutLabel(old, OldLabel(label), commands));
  }
  SR_TRY(CardCommands create, driver().CreateSecret(slot.secret, label));
  Append(commands, std::move(create));
  const ByteView value = psk.Reveal(InsecureReveal::kForCrypto);
  const Bytes digest = tools_.channel.Hash(value);
  if (digest.size() < iotsafe::kKeyCheckValueSize) {
    return Refuse(FailureKind::kInternal, "the crypto library cannot hash");
  }
  const KeyCipher cipher = [this](ByteView clear) { return tools_.channel.EncipherKey(clear); };
  SR_TRY(CardCommands load,
         driver().LoadSecret(slot.secret, value, ByteView(digest).first(iotsafe::kKeyCheckValueSize), cipher));
  Append(commands, std::move(load));
  return {};
}

Outcome<Progress> PskJob::Continue(const CardAnswers& /*answers*/) {
  Progress progress;
  progress.done = true;
  progress.credential = credential_.id;
  progress.message = "pre-shared key with identity " + credential_.name + " for " + context_.Called();
  progress.record = [this](StoreWriter& writer) {
    return RecordActive(writer, context_.card, credential_, tools_.clock.Now());
  };
  return progress;
}

}  // namespace

std::unique_ptr<JobRun> MakePskJob(const JobTools& tools, JobContext context, const CardContent* hints) {
  return std::make_unique<PskJob>(tools, std::move(context), hints);
}

}  // namespace simroot::platform
