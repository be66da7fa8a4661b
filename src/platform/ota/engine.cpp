// SPDX-License-Identifier: Apache-2.0
#include "platform/ota/engine.hpp"

#include "platform/ota/engine_impl.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kCryptoPlaces = 16;
constexpr std::size_t kSessionIdSize = 16;
constexpr unsigned kMostStrikes = 5;

[[nodiscard]] bool IsIccid(const std::string& text) {
  return text.size() >= 18 && text.size() <= 20 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

[[nodiscard]] tl::unexpected<Failure> SessionIsOver() {
  return Refuse(FailureKind::kNotFound, "the session is over", "begin a new one");
}

/// Whether a session that the device has begun can be gone on with. A card without a sequence number needs a challenge
/// of ours. That a device has selected another domain is no attack: it is told the right one.
[[nodiscard]] bool CanBeTakenUp(const RelayOpening& opening, ByteView domain) {
  const auto offer = SecuredSession::ReadOffer(opening.answer.data);
  return offer && offer->sequence && !IsRefusal(opening.answer.sw) && SameBytes(opening.security_domain, domain) &&
         opening.challenge.size() == SecuredSession::kChallengeSize;
}

[[nodiscard]] Bytes Whole(const RelayOpening& opening) {
  Bytes whole = opening.challenge;
  whole.insert(whole.end(), opening.answer.data.begin(), opening.answer.data.end());
  return whole;
}

/// All answers in one, each with its length in front, so that no two lists look the same.
[[nodiscard]] Bytes Joined(const std::vector<RelayAnswer>& answers) {
  Bytes joined;
  for (const RelayAnswer& answer : answers) {
    const std::size_t size = answer.data.size();
    joined.insert(joined.end(), {LowByte(size >> 16U), LowByte(size >> 8U), LowByte(size)});
    joined.insert(joined.end(), answer.data.begin(), answer.data.end());
    joined.insert(joined.end(), {LowByte(answer.sw >> 8U), LowByte(answer.sw)});
  }
  return joined;
}

}  // namespace

std::unique_ptr<OtaEngine> OtaEngine::Create(Store& store, Vault& vault, Authority& authority, Clock& clock,
                                             const EngineLimits& limits) {
  auto pool = CryptoPool::Create(kCryptoPlaces);
  if (!pool) {
    return nullptr;
  }
  auto engine = std::make_unique<EngineImpl>(EngineParts{store, vault, authority, clock, limits}, std::move(pool));
  return engine->Recover() ? std::move(engine) : nullptr;
}

Outcome<RelayBatch> EngineImpl::Begin(const RelayHello& hello) {
  if (!IsIccid(hello.iccid)) {
    return Refuse(FailureKind::kInvalid, "an ICCID has 18 to 20 digits", "send the ICCID as it is on the card");
  }
  if (!limits_.Take(hello.source, hello.iccid, parts_.clock.Now())) {
    return Refuse(FailureKind::kLimited, "too many sessions were begun in this minute", "wait a minute");
  }
  Sweep();
  SR_TRY(const auto session, NewSession(hello));
  SR_TRY_VOID(FindCard(*session));  // nobody else knows the session yet
  if (hello.opening && session->known) {
    if (auto replied = RepliedTo(*hello.opening, session->card.id)) {
      return std::move(*replied);
    }
  }
  const std::lock_guard lock(session->mutex);
  SR_TRY_VOID(Admit(session));
  ++counters_.sessions;
  auto batch = hello.opening && CanBeTakenUp(*hello.opening, DomainOf(*session))
                   ? TakeUp(*session, *hello.opening, hello.source)
                   : Ask(*session);
  if (!batch) {
    Abandon(*session);
    Forget(session->id);
  }
  return batch;
}

std::optional<RelayBatch> EngineImpl::RepliedTo(const RelayOpening& opening, Id card) {
  std::shared_ptr<RelaySession> session;
  {
    const std::lock_guard table_lock(table_mutex_);
    const auto found = session_of_card_.find(card);
    session = found == session_of_card_.end() ? nullptr : found->second.lock();
  }
  if (session == nullptr) {
    return std::nullopt;
  }
  const std::lock_guard lock(session->mutex);
  const bool same = !session->opening.empty() && SameBytes(session->opening, Whole(opening));
  if (!same || session->step != 1 || !session->last_reply || !*session->last_reply || HasExpired(*session)) {
    return std::nullopt;
  }
  return **session->last_reply;
}

Outcome<void> EngineImpl::Admit(const std::shared_ptr<RelaySession>& session) {
  const std::lock_guard table_lock(table_mutex_);
  if (sessions_.size() >= parts_.limits.sessions) {
    return Refuse(FailureKind::kLimited, "too many sessions are open", "wait a minute");
  }
  sessions_.emplace(session->id, session);
  return {};
}

Outcome<RelayBatch> EngineImpl::Ask(RelaySession& session) {
  SR_TRY(const Bytes command, session.channel.Hello(0));
  RelayBatch batch;
  batch.session = session.id;
  batch.step = session.step;
  const ByteView domain = DomainOf(session);
  batch.security_domain.assign(domain.begin(), domain.end());
  batch.commands.push_back(command);
  return batch;
}

/// What the first answer of a card is to a session that the platform has begun.
Outcome<RelayBatch> EngineImpl::TakeUp(RelaySession& session, const RelayOpening& opening, const std::string& source) {
  SR_TRY_VOID(session.channel.TakeUp(opening.challenge));
  session.step = 0;
  auto batch = Authenticate(session, opening.answer, source);
  session.step = 1;
  if (!batch || batch->done) {
    session.phase = RelaySession::Phase::kOver;
    session.run.reset();
  }
  session.opening = Whole(opening);
  session.last_reply = batch;
  return batch;
}

Outcome<std::shared_ptr<RelaySession>> EngineImpl::NewSession(const RelayHello& hello) {
  std::array<std::uint8_t, kSessionIdSize> id{};
  {
    CryptoPool::Place& place = pool_->Next();
    const std::lock_guard lock(place.mutex);
    if (!place.crypto->Random(id)) {
      return Refuse(FailureKind::kInternal, "no random numbers for a session");
    }
  }
  auto session = std::make_shared<RelaySession>(ToHex(id), hello, *pool_);
  session->begun = parts_.clock.Now();
  session->touched = session->begun;
  return session;
}

// The same reads for every ICCID. Cards that the platform must not work with are as good as unknown.
Outcome<void> EngineImpl::FindCard(RelaySession& session) {
  SR_TRY_VOID(parts_.store.Read([&](StoreReader& reader) -> Outcome<void> {
    auto card = reader.FindCardByIccid(session.iccid);
    if (!card && card.error().kind != FailureKind::kNotFound) {
      return tl::make_unexpected(std::move(card).error());
    }
    if (card) {
      session.card = *card;
    }
    SR_TRY(session.keys, reader.ListCardKeys(session.card.id));
    return {};
  }));
  session.known =
      session.card.id != 0 && session.card.state != CardState::kSuspended && session.card.state != CardState::kRetired;
  // What is known of a card decides, not what a device says of it.
  session.driver = &ChooseDriver(session.card.profile);
  return {};
}

Outcome<RelayBatch> EngineImpl::Continue(const std::string& id, unsigned step, const std::vector<RelayAnswer>& answers,
                                         const std::string& source) {
  std::shared_ptr<RelaySession> session;
  {
    const std::lock_guard lock(table_mutex_);
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) {
      return SessionIsOver();
    }
    session = found->second;
  }
  const std::lock_guard lock(session->mutex);
  if (HasExpired(*session)) {
    Abandon(*session);
    Forget(id);
    return SessionIsOver();
  }
  const Bytes hash = session->channel.Hash(Joined(answers));
  if (session->last_reply && step + 1 == session->step) {
    if (hash == session->last_answers) {
      return *session->last_reply;
    }
    return Strike(*session, source, "other answers for a step that is over",
                  {FailureKind::kConflict, "the step is over, with other answers", "begin a new session"});
  }
  if (session->phase == RelaySession::Phase::kOver) {
    return SessionIsOver();
  }
  if (step != session->step) {
    return Strike(*session, source, "a step out of order",
                  {FailureKind::kConflict, "this is not the step that is awaited", "begin a new session"});
  }
  if (!FitsBatch(*session, answers)) {
    return Strike(*session, source, "another number of answers than of commands",
                  {FailureKind::kInvalid, "the answers do not fit the commands of the step",
                   "send one answer for each command, up to the first refusal"});
  }
  session->touched = parts_.clock.Now();
  auto reply = Work(*session, answers, source);
  if (!reply || reply->done) {
    session->phase = RelaySession::Phase::kOver;
    session->run.reset();
  }
  ++session->step;
  session->last_answers = hash;
  session->last_reply = reply;
  return reply;
}

/// One answer a command, or fewer if the last one is a refusal.
bool EngineImpl::FitsBatch(const RelaySession& session, const std::vector<RelayAnswer>& answers) {
  const std::size_t commands =
      session.phase == RelaySession::Phase::kHello ? 1 : session.sent.size() + (session.starts_with_proof ? 1 : 0);
  if (answers.empty() || answers.size() > commands) {
    return false;
  }
  const auto last = answers.end() - 1;
  const bool earlier =
      std::any_of(answers.begin(), last, [](const RelayAnswer& answer) { return IsRefusal(answer.sw); });
  return !earlier && (answers.size() == commands || IsRefusal(last->sw));
}

Failure EngineImpl::Noted(RelaySession& session, const std::string& source, const std::string& action,
                          const std::string& what) {
  const Id tenant = session.known ? session.card.tenant : 0;
  const auto written = parts_.store.Write([&](StoreWriter& writer) {
    return AddAudit(writer, tenant, "address " + source, action, "card " + session.iccid, AuditDetail("reason", what));
  });
  return written ? Failure(FailureKind::kDenied, "the card did not prove itself") : written.error();
}

tl::unexpected<Failure> EngineImpl::Strike(RelaySession& session, const std::string& source, const std::string& what,
                                           Failure answer) {
  ++counters_.tampered;
  if (++session.strikes > kMostStrikes) {
    session.touched = 0;  // it is over: whoever has it, it is not the device
  } else {
    const Failure noted = Noted(session, source, "relay.tampered", what);
    if (noted.kind == FailureKind::kUnavailable) {
      return tl::unexpected<Failure>(noted);
    }
  }
  return tl::unexpected<Failure>(std::move(answer));
}

OtaEngine::Counters EngineImpl::Count() const {
  Counters result;
  result.sessions = counters_.sessions;
  result.authenticated = counters_.authenticated;
  result.refused = counters_.refused;
  result.tampered = counters_.tampered;
  result.jobs_done = counters_.jobs_done;
  result.jobs_failed = counters_.jobs_failed;
  result.certificates = counters_.certificates;
  const std::lock_guard lock(table_mutex_);
  result.open_sessions = static_cast<unsigned>(std::ranges::count_if(sessions_, [&](const auto& entry) {
    return entry.second->phase != RelaySession::Phase::kOver && !HasExpired(*entry.second);
  }));
  return result;
}

// Only fitting answers keep a session alive, and none for ever.
bool EngineImpl::HasExpired(const RelaySession& session) const {
  constexpr UnixTime kLongestSession = 900;
  const UnixTime now = parts_.clock.Now();
  const UnixTime idle = now - session.touched;
  return std::abs(idle) > parts_.limits.session_lifetime_s || std::abs(now - session.begun) > kLongestSession;
}

// Looks at all sessions once a few seconds at most: with many open ones a hello must stay cheap.
void EngineImpl::Sweep() {
  constexpr UnixTime kBetween = 5;
  std::vector<std::shared_ptr<RelaySession>> expired;
  {
    const std::lock_guard lock(table_mutex_);
    const UnixTime now = parts_.clock.Now();
    const bool full = sessions_.size() >= parts_.limits.sessions;
    if (!full && now >= swept_ && now - swept_ < kBetween) {
      return;
    }
    swept_ = now;
    for (const auto& [id, session] : sessions_) {
      if (HasExpired(*session)) {
        expired.push_back(session);
      }
    }
    for (const auto& session : expired) {
      sessions_.erase(session->id);
    }
    std::erase_if(session_of_card_, [](const auto& entry) { return entry.second.expired(); });
  }
  for (const auto& session : expired) {
    const std::lock_guard lock(session->mutex);
    Abandon(*session);  // an answer that came in between finds no session any more
  }
}

void EngineImpl::Forget(const std::string& id) {
  const std::lock_guard lock(table_mutex_);
  sessions_.erase(id);
}

}  // namespace simroot::platform
