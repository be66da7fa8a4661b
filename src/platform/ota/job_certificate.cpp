// SPDX-License-Identifier: Apache-2.0
// switch-on, rotate and renew of a certificate: the key is committed before its request is read, so that an
// interruption never makes two keys; the certificate is committed in the database before it is sent, so that an
// interrupted job takes the same one again.
#include "platform/ota/job_kinds.hpp"
#include "platform/ota/request_subject.hpp"

namespace simroot::platform {
namespace {

/// Clocks of devices run late.
constexpr std::int64_t kBeforeNow = 3600;
constexpr std::size_t kNonceSize = 16;

class CertificateJob final : public ContentJob {
 public:
  using ContentJob::ContentJob;

 private:
  enum class Stage : std::uint8_t { kKey, kDeliver };

  [[nodiscard]] Outcome<Progress> Plan() override;
  [[nodiscard]] Outcome<Progress> Continue(const CardAnswers& answers) override;

  [[nodiscard]] Outcome<const Slot*> ChooseSlot() const;
  [[nodiscard]] bool NeedsKey() const;
  [[nodiscard]] std::string KeyType() const;
  [[nodiscard]] Outcome<void> PutNewKey(CardCommands& commands);
  [[nodiscard]] Outcome<void> PutAttestation(CardCommands& commands);
  [[nodiscard]] Outcome<CheckedRequest> TakeRequest(const CardAnswers& answers);
  [[nodiscard]] Outcome<void> CheckAttested(const CardAnswers& answers, const CheckedRequest& request);
  [[nodiscard]] Outcome<const Credential*> Adoptable(const CardAnswers& answers, const CheckedRequest& request) const;
  [[nodiscard]] Outcome<void> TakeOwn(const Credential& own, const CheckedRequest& request);
  [[nodiscard]] Outcome<void> Issue(const CheckedRequest& request);
  [[nodiscard]] Outcome<Progress> Deliver(bool write_certificate);
  [[nodiscard]] Outcome<void> PutLabels(CardCommands& commands);

  Stage stage_ = Stage::kKey;
  const Slot* slot_ = nullptr;
  bool fresh_ = false;
  bool issued_ = false;  ///< just now: not in the database yet
  Bytes subject_;
  Bytes nonce_;
  Credential credential_;
};

Outcome<const Slot*> CertificateJob::ChooseSlot() const {
  const Credential* const own = context_.Own();
  const Credential* const active = context_.Active();
  if (own != nullptr) {
    return &SlotOf(own->slot);
  }
  if (context_.job.kind == JobKind::kRenew && active == nullptr) {
    return Refuse(FailureKind::kNotFound, "card " + context_.card.iccid + " has no certificate that can be renewed",
                  "ask for a switch-on");
  }
  if (active == nullptr) {
    return &SlotOf(0);
  }
  return context_.job.kind == JobKind::kRotate ? &OtherSlot(SlotOf(active->slot)) : &SlotOf(active->slot);
}

// A device that says there is a key of this job could have the old key certified anew: only the card is believed.
bool CertificateJob::NeedsKey() const {
  const CardObject* const key = content_.Find(iotsafe::ObjectClass::kPrivateKey, slot_->private_key);
  switch (context_.job.kind) {
    case JobKind::kRenew:
      return false;
    case JobKind::kRotate:
      return key == nullptr || is_hinted() || !key->IsFilled() ||
             (context_.Own() == nullptr && key->Label() != JobLabel(context_.job.id));
    default:
      return key == nullptr || !key->IsFilled();
  }
}

/// Of the key that is to be certified: the policy's if it is to be made, otherwise that of the key the card has.
std::string CertificateJob::KeyType() const {
  const CardObject* const key = fresh_ ? nullptr : content_.Find(iotsafe::ObjectClass::kPrivateKey, slot_->private_key);
  const auto type = key == nullptr ? std::nullopt : NameOfKeyType(key->info.key_type);
  return type.value_or(context_.policy.key_type);
}

Outcome<Progress> CertificateJob::Plan() {
  SR_TRY(slot_, ChooseSlot());
  subject_ = EncodeName(context_.RequestSubject());
  CardCommands commands;
  fresh_ = NeedsKey();
  if (fresh_) {
    Open(commands);
    SR_TRY_VOID(PutNewKey(commands));
    Close(commands);
  }
  Open(commands);
  SR_TRY(CardCommands request, driver().MakeRequest(slot_->private_key, KeyType(), subject_));
  Append(commands, std::move(request));
  SR_TRY_VOID(PutAttestation(commands));
  const CardObject* const file = content_.Find(iotsafe::ObjectClass::kFile, slot_->certificate);
  if (context_.job.kind == JobKind::kSwitchOn && !fresh_ && file != nullptr && file->IsFilled()) {
    SR_TRY(CardCommands read, driver().ReadFile(slot_->certificate, file->info.file_size));
    Append(commands, std::move(read));
  }
  return Send(std::move(commands));
}

Outcome<void> CertificateJob::PutNewKey(CardCommands& commands) {
  const CardObject* const key = content_.Find(iotsafe::ObjectClass::kPrivateKey, slot_->private_key);
  if (context_.job.kind == JobKind::kSwitchOn && key != nullptr) {
    SR_TRY(CardCommands fill, driver().FillKeyPair(slot_->private_key));
    Append(commands, std::move(fill));
    return {};
  }
  SR_TRY_VOID(DeleteIfThere(slot_->Private(), commands));
  SR_TRY_VOID(DeleteIfThere(slot_->Public(), commands));
  if (context_.job.kind == JobKind::kRotate) {
    SR_TRY_VOID(DeleteIfThere(slot_->Certificate(), commands));
  }
  const bool first = context_.job.kind == JobKind::kSwitchOn;
  const KeyPairWish wish{slot_->private_key, slot_->public_key,
                         first ? context_.policy.label : JobLabel(context_.job.id), context_.policy.key_type};
  SR_TRY(CardCommands make, driver().MakeKeyPair(wish));
  Append(commands, std::move(make));
  content_.Add(iotsafe::ObjectClass::kPrivateKey, wish.private_id, wish.label);
  content_.Add(iotsafe::ObjectClass::kPublicKey, wish.public_id, "");
  return {};
}

Outcome<void> CertificateJob::PutAttestation(CardCommands& commands) {
  if (context_.policy.attesting_key.empty()) {
    return {};
  }
  const auto id = FromHex(context_.policy.attesting_key);
  nonce_.resize(kNonceSize);
  if (!id || id->empty() || id->size() > iotsafe::kMaxIdSize) {
    return Refuse(FailureKind::kInvalid, "the policy's attesting key is no identifier",
                  "give the identifier in hexadecimal");
  }
  if (!tools_.channel.Random(nonce_)) {
    return Refuse(FailureKind::kInternal, "no random numbers for a nonce");
  }
  SR_TRY(CardCommands key, driver().ReadAttestingKey(*id));
  Append(commands, std::move(key));
  SR_TRY(CardCommands attest, driver().Attest(slot_->private_key, KeyType(), *id, nonce_));
  Append(commands, std::move(attest));
  return {};
}

Outcome<Progress> CertificateJob::Continue(const CardAnswers& answers) {
  if (stage_ == Stage::kDeliver) {
    Progress progress;
    progress.done = true;
    progress.credential = credential_.id;
    progress.message =
        "certificate " + credential_.name + " for " + context_.Called() + " until " + DateOf(credential_.not_after);
    progress.record = [this](StoreWriter& writer) {
      return RecordActive(writer, context_.card, credential_, tools_.clock.Now());
    };
    return progress;
  }
  SR_TRY(const CheckedRequest request, TakeRequest(answers));
  SR_TRY(const Credential* const known, Adoptable(answers, request));
  if (known != nullptr) {
    credential_ = *known;
    return Deliver(false);
  }
  if (const Credential* const own = context_.Own()) {
    SR_TRY_VOID(TakeOwn(*own, request));
  } else {
    SR_TRY_VOID(Issue(request));
  }
  return Deliver(true);
}

Outcome<CheckedRequest> CertificateJob::TakeRequest(const CardAnswers& answers) {
  SR_TRY(const Bytes document, driver().JoinPieces(AnswersFor(answers, Purpose::kRequest)));
  SR_TRY(CheckedRequest request, tools_.authority.CheckRequest(document));
  if (request.subject != subject_ || (fresh_ && request.key_type != context_.policy.key_type)) {
    return Refuse(FailureKind::kInternal, "the card's certificate request is for another subject or kind of key");
  }
  const bool old_key = std::ranges::any_of(context_.credentials, [&](const Credential& credential) {
    return credential.job != context_.job.id && credential.public_key == request.public_key;
  });
  if (context_.job.kind == JobKind::kRotate && old_key) {
    return Refuse(FailureKind::kInternal, "the card has given an old key in place of a new one");
  }
  const bool burnt = std::ranges::any_of(context_.credentials, [&](const Credential& credential) {
    return credential.public_key == request.public_key &&
           (credential.revoked != 0 || credential.tenant != context_.card.tenant);
  });
  if (burnt) {
    return Refuse(FailureKind::kConflict, "the card's key belongs to a revoked certificate, or to another owner",
                  "ask for an erase of the card, then for a switch-on");
  }
  SR_TRY_VOID(CheckAttested(answers, request));
  return request;
}

Outcome<void> CertificateJob::CheckAttested(const CardAnswers& answers, const CheckedRequest& request) {
  if (nonce_.empty()) {
    return {};
  }
  SR_TRY(const Bytes point, driver().ReadPoint(AnswersFor(answers, Purpose::kAttestingKey)));
  SR_TRY(const Bytes document, driver().JoinPieces(AnswersFor(answers, Purpose::kAttest)));
  SR_TRY(const CheckedAttestation attested, tools_.authority.CheckAttestation(document, point, nonce_));
  if (attested.public_key != request.public_key || attested.key_id != Bytes{slot_->private_key}) {
    return Refuse(FailureKind::kInvalid, "the card attests another key than the one it asks a certificate for");
  }
  return {};
}

/// A certificate that is on the card already, valid, known, and for this key: of the factory, or of an attempt whose
/// last answer was lost.
Outcome<const Credential*> CertificateJob::Adoptable(const CardAnswers& answers, const CheckedRequest& request) const {
  const CardAnswers pieces = AnswersFor(answers, Purpose::kContent);
  if (pieces.empty()) {
    return nullptr;
  }
  SR_TRY(const Bytes content, driver().JoinPieces(pieces));
  const auto found = std::ranges::find_if(context_.credentials, [&](const Credential& credential) {
    return credential.certificate == content && credential.public_key == request.public_key &&
           credential.tenant == context_.card.tenant && credential.not_after > tools_.clock.Now() &&
           (credential.state == CredentialState::kIssued || credential.state == CredentialState::kActive);
  });
  return found == context_.credentials.end() ? nullptr : &*found;
}

Outcome<void> CertificateJob::TakeOwn(const Credential& own, const CheckedRequest& request) {
  if (own.public_key != request.public_key) {
    return Refuse(FailureKind::kConflict, "the card has another key than the one this job's certificate was issued for",
                  "revoke the certificate and ask for a new switch-on or rotation");
  }
  if (own.state != CredentialState::kIssued && own.state != CredentialState::kActive) {
    return Refuse(FailureKind::kConflict,
                  "the certificate of this job is " + std::string(NameOf(own.state)) + " meanwhile",
                  "ask for a new switch-on or rotation");
  }
  credential_ = own;
  return {};
}

Outcome<void> CertificateJob::Issue(const CheckedRequest& request) {
  if (context_.chain.empty()) {
    return Refuse(FailureKind::kNotFound, "the tenant " + context_.tenant + " has no CA that issues certificates",
                  "make one with `simroot platform ca`");
  }
  const UnixTime now = tools_.clock.Now();
  const IssueRequest wanted{.public_key = request.public_key,
                            .subject = context_.CertificateSubject(),
                            .profile = context_.policy.certificate_profile,
                            .not_before = now - kBeforeNow,
                            .not_after = now + context_.policy.lifetime_s};
  SR_TRY(const IssuedCertificate certificate, tools_.authority.Issue(context_.chain.front(), wanted));
  credential_.tenant = context_.card.tenant;
  credential_.card = context_.card.id;
  credential_.job = context_.job.id;
  credential_.kind = CredentialKind::kCertificate;
  credential_.state = CredentialState::kIssued;
  credential_.slot = slot_->number;
  credential_.name = certificate.serial;
  credential_.certificate = certificate.der;
  credential_.public_key = request.public_key;
  credential_.authority = context_.chain.front().id;
  credential_.not_before = certificate.not_before;
  credential_.not_after = certificate.not_after;
  credential_.changed = now;
  issued_ = true;
  return {};
}

Outcome<Progress> CertificateJob::Deliver(bool write_certificate) {
  stage_ = Stage::kDeliver;
  CardCommands commands;
  Open(commands);
  if (context_.job.kind == JobKind::kRotate) {
    SR_TRY_VOID(PutLabels(commands));
  }
  if (write_certificate) {
    SR_TRY_VOID(PutFile(slot_->certificate, context_.policy.label, iotsafe::FileUsage::kCertificate,
                        credential_.certificate, commands));
  }
  if (context_.job.kind == JobKind::kSwitchOn) {
    SR_TRY_VOID(PutTrustAnchors(commands));
  }
  SR_TRY_VOID(PutLabel(slot_->Private(), context_.policy.label, commands));
  SR_TRY_VOID(PutLabel(slot_->Certificate(), context_.policy.label, commands));
  Close(commands);
  Progress progress = Send(std::move(commands));
  progress.issued = issued_;
  if (issued_) {
    progress.record = [this](StoreWriter& writer) -> Outcome<void> {
      SR_TRY(credential_.id, writer.InsertCredential(credential_));
      return {};
    };
  }
  return progress;
}

/// The label moves from the old credential to the new one, in the same commit.
Outcome<void> CertificateJob::PutLabels(CardCommands& commands) {
  const Slot& old = OtherSlot(*slot_);
  for (const ObjectKey& object : {old.Private(), old.Certificate()}) {
    const CardObject* const there = content_.Find(object.object_class, object.id);
    if (there != nullptr && there->Label() == context_.policy.label) {
      SR_TRY_VOID(PutLabel(object, OldLabel(context_.policy.label), commands));
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<JobRun> MakeCertificateJob(const JobTools& tools, JobContext context, const CardContent* hints) {
  return std::make_unique<CertificateJob>(tools, std::move(context), hints);
}

}  // namespace simroot::platform
