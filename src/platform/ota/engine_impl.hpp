// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <unordered_map>

#include "platform/ota/hello_limits.hpp"
#include "platform/ota/relay_session.hpp"

namespace simroot::platform {

/// The issuer security domain, which most cards have. Every unknown card is asked for it.
inline constexpr std::array<std::uint8_t, 8> kUsualDomain{0xA0, 0x00, 0x00, 0x01, 0x51, 0x00, 0x00, 0x00};

struct EngineParts {
  Store& store;
  Vault& vault;
  Authority& authority;
  Clock& clock;
  EngineLimits limits;
};

/// Any status word but 9000, 61XX, 62XX and 63XX.
[[nodiscard]] constexpr bool IsRefusal(std::uint16_t sw) {
  const unsigned first = sw >> 8U;
  return sw != 0x9000 && first != 0x61 && first != 0x62 && first != 0x63;
}

/// Where the keys are that the session is about.
[[nodiscard]] inline ByteView DomainOf(const RelaySession& session) {
  return session.known ? ByteView(session.card.security_domain) : ByteView(kUsualDomain);
}

/// Locks are taken in this order: a session's mutex, a card's, the table's, a crypto place's.
class EngineImpl final : public OtaEngine {
 public:
  EngineImpl(const EngineParts& parts, std::unique_ptr<CryptoPool> pool)
      : parts_(parts),
        pool_(std::move(pool)),
        limits_(parts.limits.hellos_per_minute_and_source, parts.limits.hellos_per_minute_and_card) {}

  [[nodiscard]] Outcome<RelayBatch> Begin(const RelayHello& hello) override;
  [[nodiscard]] Outcome<RelayBatch> Continue(const std::string& id, unsigned step,
                                             const std::vector<RelayAnswer>& answers,
                                             const std::string& source) override;
  [[nodiscard]] Counters Count() const override;

  /// Jobs that were running when the platform ended are queued again. False if the crypto or the vault fails.
  [[nodiscard]] bool Recover();

 private:
  // engine.cpp: sessions as the relay sees them
  [[nodiscard]] Outcome<std::shared_ptr<RelaySession>> NewSession(const RelayHello& hello);
  [[nodiscard]] Outcome<void> FindCard(RelaySession& session);
  [[nodiscard]] Outcome<void> Admit(const std::shared_ptr<RelaySession>& session);
  [[nodiscard]] Outcome<RelayBatch> Ask(RelaySession& session);
  /// The reply to this opening, if it was taken up and nothing has come since.
  [[nodiscard]] std::optional<RelayBatch> RepliedTo(const RelayOpening& opening, Id card);
  [[nodiscard]] Outcome<RelayBatch> TakeUp(RelaySession& session, const RelayOpening& opening,
                                           const std::string& source);
  [[nodiscard]] static bool FitsBatch(const RelaySession& session, const std::vector<RelayAnswer>& answers);
  /// Writes an audit entry. @returns what the device is told: kDenied, or that the database is gone.
  [[nodiscard]] Failure Noted(RelaySession& session, const std::string& source, const std::string& action,
                              const std::string& what);
  [[nodiscard]] tl::unexpected<Failure> Strike(RelaySession& session, const std::string& source,
                                               const std::string& what, Failure answer);
  [[nodiscard]] bool HasExpired(const RelaySession& session) const;
  void Sweep();
  void Forget(const std::string& id);

  // engine_session.cpp: the secured session and the jobs in it
  [[nodiscard]] Outcome<RelayBatch> Work(RelaySession& session, const std::vector<RelayAnswer>& answers,
                                         const std::string& source);
  [[nodiscard]] Outcome<RelayBatch> Authenticate(RelaySession& session, const RelayAnswer& answer,
                                                 const std::string& source);
  [[nodiscard]] Outcome<SecretBytes> KeysFor(const RelaySession& session, std::uint8_t version) const;
  [[nodiscard]] static Outcome<bool> IsReplacingKeys(StoreReader& reader, Id card);
  [[nodiscard]] static Outcome<void> CheckInService(const Card& card, const RelaySession& session);
  /// A job that is running from now on, and what it stands on. That this could not be read fails the job alone.
  struct TakenJob {
    Job job;
    Outcome<JobContext> context;
  };
  /// What the device is told when no job is left, as far as the store knows it.
  struct Rest {
    std::vector<Job> queued;  ///< the first of them
    std::vector<Job> lost;    ///< if the card has no credential
    bool has_credential = false;
    std::string key_label;
  };
  /// Either the next job or the rest. Read in the transaction that has written what was before: the writer's pages are
  /// at hand, a reader's are not.
  struct Next {
    std::optional<TakenJob> job;
    Outcome<Rest> rest = Rest();  ///< that it could not be read undoes nothing of what was written
  };
  [[nodiscard]] Outcome<void> RecordOpening(StoreWriter& writer, RelaySession& session,
                                            const SecuredSession::Offer& offer, Next& next);
  [[nodiscard]] Outcome<void> TakeNext(StoreWriter& writer, const RelaySession& session, const Card& card, Next& next);
  [[nodiscard]] static Outcome<Rest> ReadRest(StoreReader& reader, const Card& card);
  [[nodiscard]] Outcome<RelayBatch> TakeAnswers(RelaySession& session, const std::vector<RelayAnswer>& answers,
                                                const std::string& source);
  [[nodiscard]] Outcome<RelayBatch> Advance(RelaySession& session, Outcome<Progress> progress);
  [[nodiscard]] Outcome<Progress> StartJob(RelaySession& session, TakenJob taken);
  [[nodiscard]] Outcome<RelayBatch> SendNext(RelaySession& session);
  [[nodiscard]] Outcome<RelayBatch> Finish(RelaySession& session, Outcome<Rest> read);
  void TakeOver(RelaySession& session);

  // engine_jobs.cpp: jobs in the store
  [[nodiscard]] Outcome<std::optional<Job>> TakeJob(StoreWriter& writer, const Card& card);
  [[nodiscard]] Outcome<void> EndJob(StoreWriter& writer, const RelaySession& session, Job job, JobState to,
                                     const std::string& message);
  [[nodiscard]] Outcome<RelayBatch> FailAttempt(RelaySession& session, const Failure& failure);
  [[nodiscard]] std::int64_t BackOff(const RelaySession& session, unsigned attempts) const;
  /// The session has died: its job is queued again.
  void Abandon(RelaySession& session);

  struct AtomicCounters {
    std::atomic<std::uint64_t> sessions = 0;
    std::atomic<std::uint64_t> authenticated = 0;
    std::atomic<std::uint64_t> refused = 0;
    std::atomic<std::uint64_t> tampered = 0;
    std::atomic<std::uint64_t> jobs_done = 0;
    std::atomic<std::uint64_t> jobs_failed = 0;
    std::atomic<std::uint64_t> certificates = 0;
  };

  static constexpr std::size_t kCardLocks = 256;
  [[nodiscard]] std::mutex& LockOf(Id card) { return card_locks_.at(static_cast<std::size_t>(card) % kCardLocks); }

  EngineParts parts_;
  std::unique_ptr<CryptoPool> pool_;
  HelloLimits limits_;
  AtomicCounters counters_;
  std::array<std::mutex, kCardLocks> card_locks_;  ///< one session at a time works on a card's jobs
  mutable std::mutex table_mutex_;                 ///< of what follows
  std::unordered_map<std::string, std::shared_ptr<RelaySession>> sessions_;
  std::unordered_map<Id, std::weak_ptr<RelaySession>> session_of_card_;  ///< the one that the card has opened last
  UnixTime swept_ = 0;
  Bytes decoy_keys_;  ///< sealed: what unknown cards are measured by
};

}  // namespace simroot::platform
