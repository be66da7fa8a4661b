// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/engine_impl.hpp"

namespace simroot::platform {
namespace {

constexpr std::uint8_t kFirstScp03Version = 0x30;
constexpr std::uint8_t kLastScp03Version = 0x3F;
constexpr std::uint16_t kOk = 0x9000;

[[nodiscard]] std::string SwText(std::uint16_t sw) {
  const std::array<std::uint8_t, 2> bytes{LowByte(sw >> 8U), LowByte(sw)};
  return ToHex(bytes);
}

[[nodiscard]] bool IsScp03(std::uint8_t version) {
  return version >= kFirstScp03Version && version <= kLastScp03Version;
}

}  // namespace

Outcome<RelayBatch> EngineImpl::Work(RelaySession& session, const std::vector<RelayAnswer>& answers,
                                     const std::string& source) {
  if (session.phase == RelaySession::Phase::kHello) {
    return Authenticate(session, answers.front(), source);
  }
  const std::lock_guard card_lock(LockOf(session.card.id));
  if (session.replaced) {
    session.job.reset();
    return Refuse(FailureKind::kNotFound, "the session is over", "begin a new one");
  }
  return TakeAnswers(session, answers, source);
}

/// The set that the card's answer names; for a card without it the decoy, so that the refusal comes the same way.
Outcome<SecretBytes> EngineImpl::KeysFor(const RelaySession& session, std::uint8_t version) const {
  const auto found = std::ranges::find(session.keys, version, &CardKeySet::version);
  if (!session.known || found == session.keys.end() || !IsScp03(version)) {
    return parts_.vault.Unseal(decoy_keys_, "card-keys/unknown/0");
  }
  return parts_.vault.Unseal(found->sealed, "card-keys/" + session.iccid + "/" + std::to_string(version));
}

Outcome<RelayBatch> EngineImpl::Authenticate(RelaySession& session, const RelayAnswer& answer,
                                             const std::string& source) {
  const auto refuse = [&](const std::string& why) {
    ++counters_.refused;
    return tl::unexpected<Failure>(Noted(session, source, "relay.refused", why));
  };
  const auto offer = SecuredSession::ReadOffer(answer.data);
  if (answer.sw != kOk || !offer) {
    return refuse("no answer to INITIALIZE UPDATE: " + SwText(answer.sw));
  }
  SR_TRY(const SecretBytes keys, KeysFor(session, offer->key_version));
  const auto parts = SplitCardKeys(keys.Reveal(InsecureReveal::kForCrypto));
  if (!parts) {
    return Refuse(FailureKind::kInternal, "the sealed keys of a card are damaged");
  }
  auto proof = session.channel.Authenticate(*parts, DomainOf(session), answer.data);
  if (!proof && proof.error().kind != FailureKind::kDenied) {
    return tl::make_unexpected(std::move(proof).error());
  }
  if (!proof || !session.known) {
    return refuse(session.card.id == 0 ? "unknown card" : session.known ? "wrong keys" : "the card is not in service");
  }
  const std::lock_guard card_lock(LockOf(session.card.id));
  session.key_version = offer->key_version;
  Next next;
  const auto opened =
      parts_.store.Write([&](StoreWriter& writer) { return RecordOpening(writer, session, *offer, next); });
  if (!opened && opened.error().kind == FailureKind::kConflict) {
    return refuse("its sequence number was seen before: a copy of the card, or an old state of it");
  }
  if (!opened && opened.error().kind == FailureKind::kDenied) {
    return refuse("the card, or the key set it has used, is not in service any more");
  }
  SR_TRY_VOID(opened);
  ++counters_.authenticated;
  TakeOver(session);
  session.phase = RelaySession::Phase::kWork;
  if (!next.job) {
    return Finish(session, std::move(next.rest));
  }
  SR_TRY(RelayBatch batch, Advance(session, StartJob(session, std::move(*next.job))));
  if (!batch.done) {
    batch.commands.insert(batch.commands.begin(), *proof);
    session.starts_with_proof = true;
  }
  return batch;
}

/// Whether the card has a job whose new keys may have reached it.
Outcome<bool> EngineImpl::IsReplacingKeys(StoreReader& reader, Id card) {
  const JobFilter filter{.tenant = 0, .card = card, .state = {}};
  SR_TRY(const auto jobs, ReadAllOf<Job>([&](const Page& page) { return reader.ListJobs(filter, page); }));
  return std::ranges::any_of(jobs,
                             [](const Job& job) { return job.kind == JobKind::kReplaceKeys && job.attempts > 0; });
}

/// State and owner may have changed since the hello.
Outcome<void> EngineImpl::CheckInService(const Card& card, const RelaySession& session) {
  if (card.state == CardState::kSuspended || card.state == CardState::kRetired || card.tenant != session.card.tenant) {
    return Refuse(FailureKind::kDenied, "the card did not prove itself");
  }
  return {};
}

/// All that must be safe before a byte is sent under the session's keys.
Outcome<void> EngineImpl::RecordOpening(StoreWriter& writer, RelaySession& session, const SecuredSession::Offer& offer,
                                        Next& next) {
  const UnixTime now = parts_.clock.Now();
  SR_TRY(Card card, writer.FindCard(session.card.id));
  SR_TRY_VOID(CheckInService(card, session));
  SR_TRY(session.keys, writer.ListCardKeys(card.id));
  const auto used = std::ranges::find(session.keys, offer.key_version, &CardKeySet::version);
  if (used == session.keys.end()) {  // deleted since the hello
    return Refuse(FailureKind::kDenied, "the card did not prove itself");
  }
  const bool is_new = used->scp03_sequence < 0;
  const bool counts = std::ranges::any_of(
      session.keys, [](const CardKeySet& other) { return IsScp03(other.version) && other.scp03_sequence >= 0; });
  if (offer.sequence) {
    SR_TRY_VOID(writer.AdvanceScp03Sequence(card.id, offer.key_version, *offer.sequence));
  } else if (counts) {
    return Refuse(FailureKind::kConflict, "the card has shown a sequence number before and shows none now");
  }
  const CardState before = std::exchange(card.state, CardState::kActive);  // all but these two were refused above
  card.last_contact = now;
  SR_TRY_VOID(writer.NoteContact(card.id, before, card.state, now));
  // The first session of a new key set proves that it has taken the place of the one that was in use.
  bool replaced = false;
  for (const CardKeySet& other : session.keys) {
    if (is_new && other.version != offer.key_version && IsScp03(other.version) && other.scp03_sequence >= 0) {
      SR_TRY(const bool replacing, IsReplacingKeys(writer, card.id));
      if (replacing) {
        SR_TRY_VOID(writer.DeleteCardKeys(card.id, other.version));
        replaced = true;
      }
    }
  }
  if (replaced) {
    SR_TRY(session.keys, writer.ListCardKeys(card.id));
  }
  while (true) {
    SR_TRY_VOID(TakeNext(writer, session, card, next));
    if (!next.job || !replaced || next.job->job.kind != JobKind::kReplaceKeys || next.job->job.attempts < 2) {
      return {};
    }
    SR_TRY_VOID(EndJob(writer, session, next.job->job, JobState::kDone, "the new keys have opened a session"));
    ++counters_.jobs_done;
  }
}

/// @param card as it is in the store.
Outcome<void> EngineImpl::TakeNext(StoreWriter& writer, const RelaySession& session, const Card& card, Next& next) {
  next.job.reset();
  SR_TRY(const auto job, TakeJob(writer, card));
  if (!job) {
    next.rest = ReadRest(writer, session.card);
    return {};
  }
  next.job = TakenJob{*job, LoadJobContext(writer, *job, card)};
  return {};
}

/// Only now, when the card has proved itself: nobody ends a session by merely naming its card.
void EngineImpl::TakeOver(RelaySession& session) {
  const std::lock_guard lock(table_mutex_);
  const auto self = sessions_.find(session.id);
  auto& last = session_of_card_[session.card.id];
  if (const auto before = last.lock(); before && before.get() != &session) {
    before->replaced = true;
  }
  last = self == sessions_.end() ? std::weak_ptr<RelaySession>() : std::weak_ptr<RelaySession>(self->second);
}

Outcome<Progress> EngineImpl::StartJob(RelaySession& session, TakenJob taken) {
  session.job = taken.job;
  session.steps.clear();
  SR_TRY(JobContext context, std::move(taken.context));
  // Hints are believed once: if they were wrong, the next attempt asks the card. They are of the state before the
  // first job of the session.
  const bool first = session.run == nullptr;
  session.hinted = first && taken.job.attempts <= 1 && context.Own() == nullptr;
  const JobTools tools{parts_.vault, parts_.authority, parts_.clock, *session.driver, session.channel};
  session.run = MakeJobRun(tools, std::move(context), session.hinted ? &session.hints : nullptr,
                           {session.key_version, session.keys});
  return session.run->Start();
}

Outcome<RelayBatch> EngineImpl::TakeAnswers(RelaySession& session, const std::vector<RelayAnswer>& answers,
                                            const std::string& source) {
  auto answer = answers.begin();
  const UnixTime now = parts_.clock.Now();
  const auto note = [&](const std::string& what, std::uint16_t sw) {
    session.steps.push_back({.time = now, .what = what, .sw = sw});
  };
  if (session.starts_with_proof) {
    session.starts_with_proof = false;
    note("EXTERNAL AUTHENTICATE", answer->sw);
    if (IsRefusal(answer->sw)) {
      return FailAttempt(session,
                         {FailureKind::kInternal, "the card refuses EXTERNAL AUTHENTICATE: " + SwText(answer->sw)});
    }
    ++answer;
  }
  for (auto command = session.sent.begin(); answer != answers.end(); ++answer, ++command) {
    auto data = session.channel.Open(answer->data, answer->sw);
    if (!data) {
      ++counters_.tampered;
      const Failure told = Noted(session, source, "relay.tampered", "an answer that the card has not given");
      note(command->what + ": answer not authentic", 0);
      SR_TRY_VOID(FailAttempt(session, {FailureKind::kInternal, "an answer was altered on its way"}));
      return tl::unexpected<Failure>(told);
    }
    note(command->what, answer->sw);
    if (IsRefusal(answer->sw)) {
      return FailAttempt(session,
                         {FailureKind::kInternal, "the card refuses " + command->what + ": " + SwText(answer->sw)});
    }
    session.opened.push_back({command->purpose, command->offset, std::move(*data)});
  }
  session.sent.clear();
  if (!session.waiting.empty()) {
    return SendNext(session);
  }
  CardAnswers opened = std::move(session.opened);
  session.opened.clear();
  if (session.skip_first) {
    opened.erase(opened.begin());
    session.skip_first = false;
  }
  return Advance(session, session.run->Next(opened));
}

/// Goes on until there is something to send, or nothing left to do.
Outcome<RelayBatch> EngineImpl::Advance(RelaySession& session, Outcome<Progress> progress) {
  while (progress) {
    Next next;
    const bool records = progress->done || progress->record;
    if (records) {
      const auto written = parts_.store.Write([&](StoreWriter& writer) -> Outcome<void> {
        SR_TRY(const Card card, writer.FindCard(session.card.id));
        SR_TRY_VOID(CheckInService(card, session));
        SR_TRY_VOID(writer.AddJobSteps(session.job->id, session.steps));
        if (progress->record) {
          SR_TRY_VOID(progress->record(writer));
        }
        if (progress->done) {
          Job done = *session.job;  // the session's stays as it is in the store, should this not get there
          done.credential = progress->credential;
          SR_TRY_VOID(EndJob(writer, session, std::move(done), JobState::kDone, progress->message));
          SR_TRY_VOID(TakeNext(writer, session, card, next));
          if (next.job) {  // the job that has ended may have changed them
            SR_TRY(session.keys, writer.ListCardKeys(card.id));
          }
        }
        return {};
      });
      if (!written) {
        return FailAttempt(session, written.error());
      }
      session.steps.clear();
    }
    counters_.certificates += progress->issued ? 1 : 0;
    if (!progress->done) {
      session.waiting.assign(progress->commands.begin(), progress->commands.end());
      return SendNext(session);
    }
    ++counters_.jobs_done;
    session.messages.push_back(progress->message);
    session.job.reset();
    if (!next.job) {
      return Finish(session, std::move(next.rest));
    }
    progress = StartJob(session, std::move(*next.job));
  }
  return FailAttempt(session, progress.error());
}

Outcome<RelayBatch> EngineImpl::SendNext(RelaySession& session) {
  constexpr std::size_t kMost = kMaxBatch - 2;
  if (!session.installed && session.job->kind != JobKind::kReplaceKeys) {
    // What a device says names an applet of ours, or nothing: no other may be given commands by it.
    const bool named = std::ranges::any_of(
        iotsafe::kAids, [&](const iotsafe::AidEntry& entry) { return SameBytes(entry.view(), session.application); });
    session.waiting.push_front(
        InstallForPersonalisation(named ? ByteView(session.application) : iotsafe::kAids.front().view()));
    session.installed = true;
    session.skip_first = true;
  }
  RelayBatch batch;
  batch.session = session.id;
  batch.step = session.step + 1;
  while (!session.waiting.empty() && batch.commands.size() < kMost) {
    SR_TRY(Bytes secured, session.channel.Secure(session.waiting.front()));
    batch.commands.push_back(std::move(secured));
    session.sent.push_back(std::move(session.waiting.front()));
    session.waiting.pop_front();
  }
  return batch;
}

Outcome<EngineImpl::Rest> EngineImpl::ReadRest(StoreReader& reader, const Card& card) {
  constexpr Page kOne{.after = 0, .limit = 1};
  Rest rest;
  const JobFilter queued{.tenant = card.tenant, .card = card.id, .state = JobState::kQueued};
  const CredentialFilter active{
      .tenant = 0, .card = card.id, .state = CredentialState::kActive, .kind = {}, .ends_before = 0};
  SR_TRY(rest.queued, reader.ListJobs(queued, kOne));
  SR_TRY(const auto credentials, reader.ListCredentials(active, kOne));
  rest.has_credential = !credentials.empty();
  if (!rest.has_credential) {  // what has failed before is of no interest to a device that has what it needs
    const JobFilter failed{.tenant = card.tenant, .card = card.id, .state = JobState::kFailed};
    SR_TRY(rest.lost, reader.ListJobs(failed, Page{}));
    return rest;
  }
  SR_TRY(const Card now, reader.FindCard(card.id));
  const auto policy = now.policy != 0 ? reader.FindPolicy(now.policy) : reader.FindPolicyByName(now.tenant, "default");
  rest.key_label = policy ? policy->label : std::string();
  return rest;
}

/// No job is left that could be done now.
Outcome<RelayBatch> EngineImpl::Finish(RelaySession& session, Outcome<Rest> read) {
  SR_TRY(const Rest rest, std::move(read));
  RelayBatch batch;
  batch.session = session.id;
  batch.step = session.step + 1;
  batch.done = true;
  batch.provisioned = rest.queued.empty() && !session.failed && (rest.lost.empty() || rest.has_credential);
  batch.key_label = rest.key_label;
  if (!rest.queued.empty()) {  // the others wait for the first
    const std::int64_t wait = rest.queued.front().not_before - parts_.clock.Now();
    batch.retry_after_s = static_cast<unsigned>(std::clamp<std::int64_t>(wait, 0, 3600));
  }
  if (!batch.provisioned && rest.queued.empty() && session.messages.empty() && !rest.lost.empty()) {
    session.messages.push_back("job " + std::to_string(rest.lost.back().id) + " has failed: " + rest.lost.back().error);
  }
  for (const std::string& message : session.messages) {
    batch.message += (batch.message.empty() ? "" : "; ") + message;
  }
  if (batch.message.empty()) {
    batch.message = batch.provisioned ? "nothing to do" : "work is waiting for its time";
  }
  return batch;
}

}  // namespace simroot::platform
