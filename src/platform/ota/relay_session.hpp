// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "platform/ota/engine.hpp"
#include "platform/ota/job_run.hpp"

namespace simroot::platform {

/// One relay session: what the engine remembers between two calls of a device. `mutex` is held while one is worked on.
struct RelaySession {
  enum class Phase : std::uint8_t {
    kHello,  ///< INITIALIZE UPDATE is on its way
    kWork,   ///< the card has proved itself
    kOver,   ///< only the last reply is repeated
  };

  RelaySession(std::string session, const RelayHello& hello, CryptoPool& pool)
      : id(std::move(session)),
        iccid(hello.iccid),
        application(hello.application_id),
        hints(CardContent::FromHints(hello.objects)),
        channel(pool) {}

  std::mutex mutex;
  const std::string id;
  const std::string iccid;
  const Bytes application;  ///< AID of the applet
  const CardContent hints;
  const AppletDriver* driver = nullptr;
  UnixTime begun = 0;
  std::atomic<UnixTime> touched = 0;   ///< last fitting answers
  std::atomic<bool> replaced = false;  ///< a newer session with the same card has been opened

  std::atomic<Phase> phase = Phase::kHello;  ///< written under `mutex`
  bool known = false;                        ///< the platform may work with this card
  Card card;
  std::vector<CardKeySet> keys;
  std::uint8_t key_version = 0;  ///< of this session
  SecuredSession channel;
  bool installed = false;   ///< INSTALL [for personalization] has been sent
  bool skip_first = false;  ///< its answer is the first of the progress and not the job's

  unsigned step = 1;                ///< of the batch whose answers are awaited
  bool starts_with_proof = false;   ///< its first command is EXTERNAL AUTHENTICATE
  std::vector<CardCommand> sent;    ///< the secured ones of the batch, in order
  std::deque<CardCommand> waiting;  ///< of the same progress, for the next batches
  CardAnswers opened;               ///< answers to the commands of the progress so far

  std::optional<Job> job;  ///< that is worked on
  std::unique_ptr<JobRun> run;
  bool hinted = false;         ///< its plan came from the device's hints
  std::vector<JobStep> steps;  ///< not in the store yet
  unsigned strikes = 0;        ///< requests that were altered, replayed or misshapen
  bool failed = false;         ///< a job has failed for good in this session
  std::vector<std::string> messages;

  Bytes opening;       ///< what the device's opening was, if it was taken up
  Bytes last_answers;  ///< hash of the answers that brought the last reply; empty: none yet
  std::optional<Outcome<RelayBatch>> last_reply;
};

}  // namespace simroot::platform
