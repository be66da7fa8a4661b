// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/job_run.hpp"

#include "platform/ota/job_kinds.hpp"

namespace simroot::platform {
namespace {

/// Numbers of objects from which a card is asked at once: one answer holds four entries and more. What is still missing
/// is asked for in another round.
constexpr std::array<std::size_t, 6> kFirstQuestions{0, 4, 8, 12, 16, 20};
constexpr std::size_t kMostObjects = 1000;

[[nodiscard]] bool TakesAway(JobKind kind) {
  return kind == JobKind::kErase || kind == JobKind::kRevoke || kind == JobKind::kSuspend || kind == JobKind::kResume;
}

}  // namespace

Outcome<Progress> ContentJob::Start() {
  if (!hinted_) {
    auto list = driver().List({0});
    if (list) {
      return Ask({kFirstQuestions.begin(), kFirstQuestions.end()});
    }
    if (TakesAway(context_.job.kind)) {  // it must not be called done because nothing was seen
      return tl::make_unexpected(std::move(list).error());
    }  // else the containers of an applet that cannot list its objects are taken as empty
  }
  return Plan();
}

Outcome<Progress> ContentJob::Ask(const std::vector<std::size_t>& from) {
  asking_ = true;
  CardCommands commands;
  Open(commands);
  SR_TRY(CardCommands list, driver().List(from));
  Append(commands, std::move(list));
  return Send(std::move(commands));
}

Outcome<Progress> ContentJob::Next(const CardAnswers& answers) {
  if (!asking_) {
    return Continue(answers);
  }
  for (const CardAnswer& answer : AnswersFor(answers, Purpose::kList)) {
    listed_.push_back(answer);
  }
  SR_TRY(const ListedObjects listed, driver().ReadList(listed_));
  if (!listed.missing.empty()) {
    if (listed.missing.back() > kMostObjects) {
      return Refuse(FailureKind::kInternal, "the card's list of objects has no end");
    }
    return Ask(listed.missing);
  }
  asking_ = false;
  content_ = CardContent(listed.objects);
  return Plan();
}

void ContentJob::Open(CardCommands& commands) {
  if (!open_) {
    Append(commands, driver().Begin());
    open_ = true;
  }
}

void ContentJob::Close(CardCommands& commands) {
  Append(commands, driver().Commit());
  open_ = false;
}

Outcome<void> ContentJob::PutFile(std::uint8_t id, std::string_view label, iotsafe::FileUsage usage, ByteView bytes,
                                  CardCommands& commands) {
  const ObjectKey file{iotsafe::ObjectClass::kFile, id};
  if (!Has(file)) {
    SR_TRY(CardCommands create, driver().CreateFile(id, std::string(label), usage, bytes.size()));
    Append(commands, std::move(create));
    content_.Add(file.object_class, id, std::string(label));
  }
  SR_TRY(CardCommands write, driver().WriteFile(id, bytes));
  Append(commands, std::move(write));
  return {};
}

Outcome<void> ContentJob::PutTrustAnchors(CardCommands& commands) {
  if (context_.chain.empty()) {
    return Refuse(FailureKind::kNotFound, "the tenant " + context_.tenant + " has no CA that issues certificates",
                  "make one with `simroot platform ca`");
  }
  SR_TRY_VOID(
      PutFile(kRootFile, kRootLabel, iotsafe::FileUsage::kCertificate, context_.chain.back().certificate, commands));
  if (context_.chain.size() > 1) {
    SR_TRY_VOID(PutFile(kIssuingFile, kIssuingLabel, iotsafe::FileUsage::kCertificate,
                        context_.chain.front().certificate, commands));
  }
  return {};
}

Outcome<void> ContentJob::PutLabel(const ObjectKey& object, const std::string& label, CardCommands& commands) {
  const CardObject* const there = content_.Find(object.object_class, object.id);
  if (there != nullptr && there->Label() == label) {
    return {};
  }
  SR_TRY(CardCommands set, driver().SetLabel(object, label));
  Append(commands, std::move(set));
  content_.Remove(object.object_class, object.id);
  content_.Add(object.object_class, object.id, label);
  return {};
}

Outcome<void> ContentJob::DeleteIfThere(const ObjectKey& object, CardCommands& commands) {
  if (Has(object)) {
    SR_TRY(CardCommands remove, driver().Delete(object));
    Append(commands, std::move(remove));
    content_.Remove(object.object_class, object.id);
  }
  return {};
}

Progress ContentJob::Send(CardCommands commands) const {
  Progress progress;
  progress.commands = driver().Pack(std::move(commands));
  return progress;
}

std::unique_ptr<JobRun> MakeJobRun(const JobTools& tools, JobContext context, const CardContent* hints,
                                   const KnownKeys& keys) {
  switch (context.job.kind) {
    case JobKind::kSwitchOn:
    case JobKind::kRotate:
    case JobKind::kRenew:
      return context.Kind() == CredentialKind::kPsk ? MakePskJob(tools, std::move(context), hints)
                                                    : MakeCertificateJob(tools, std::move(context), hints);
    case JobKind::kReplaceKeys:
      return MakeKeysJob(tools, std::move(context), keys);
    case JobKind::kUpdateTrust:
      return MakeObjectsJob(tools, std::move(context), hints);
    case JobKind::kSuspend:
    case JobKind::kResume:
    case JobKind::kRevoke:
    case JobKind::kErase:
      break;
  }
  // What is to be taken from the card must not depend on what a device says is there.
  return MakeObjectsJob(tools, std::move(context), nullptr);
}

}  // namespace simroot::platform
