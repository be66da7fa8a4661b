// SPDX-License-Identifier: Apache-2.0
/// One job in one secured session: from what is on the card and what is wanted to commands, and on by their answers.
/// Nothing in here sends or commits anything.
#pragma once

#include "platform/ota/containers.hpp"
#include "platform/ota/job_records.hpp"
#include "platform/ota/secured_session.hpp"

namespace simroot::platform {

/// What a job works with; borrowed for the session.
struct JobTools {
  Vault& vault;
  Authority& authority;
  Clock& clock;
  const AppletDriver& driver;
  SecuredSession& channel;
};

/// What is to happen next.
struct Progress {
  CardCommands commands;                              ///< to be sent; empty when done
  bool done = false;                                  ///< the card has confirmed everything
  Id credential = 0;                                  ///< done: that the job has made or worked on
  std::string message;                                ///< done: for the device's log
  std::function<Outcome<void>(StoreWriter&)> record;  ///< in one transaction, before anything is sent; may be empty
  bool issued = false;                                ///< a certificate was signed
};

/// A failure of kind kInvalid, kConflict or kNotFound ends the job for good, any other this attempt.
class JobRun {
 public:
  virtual ~JobRun() = default;
  [[nodiscard]] virtual Outcome<Progress> Start() = 0;
  /// @param answers to all commands of the last progress, each with a status word that is no refusal.
  [[nodiscard]] virtual Outcome<Progress> Next(const CardAnswers& answers) = 0;
};

/// What a job may believe about the card before it has asked it.
struct KnownKeys {
  std::uint8_t version = 0;      ///< key set of this session
  std::vector<CardKeySet> sets;  ///< all of the card
};
/// @param hints what the device says is on the card; nullptr: the card is asked.
[[nodiscard]] std::unique_ptr<JobRun> MakeJobRun(const JobTools& tools, JobContext context, const CardContent* hints,
                                                 const KnownKeys& keys);

/// The jobs that need to know what is on the card: by the hints, or by asking it first.
class ContentJob : public JobRun {
 public:
  ContentJob(const JobTools& tools, JobContext context, const CardContent* hints)
      : tools_(tools), context_(std::move(context)), hinted_(hints != nullptr) {
    if (hints != nullptr) {
      content_ = *hints;
    }
  }
  [[nodiscard]] Outcome<Progress> Start() final;
  [[nodiscard]] Outcome<Progress> Next(const CardAnswers& answers) final;

 protected:
  /// The content is known.
  [[nodiscard]] virtual Outcome<Progress> Plan() = 0;
  [[nodiscard]] virtual Outcome<Progress> Continue(const CardAnswers& answers) = 0;

  [[nodiscard]] const AppletDriver& driver() const { return tools_.driver; }
  [[nodiscard]] bool Has(const ObjectKey& object) const {
    return content_.Find(object.object_class, object.id) != nullptr;
  }
  /// Begins a management session unless one is open.
  void Open(CardCommands& commands);
  /// What was prepared becomes visible; the management session is over.
  void Close(CardCommands& commands);
  [[nodiscard]] Outcome<void> PutFile(std::uint8_t id, std::string_view label, iotsafe::FileUsage usage, ByteView bytes,
                                      CardCommands& commands);
  [[nodiscard]] Outcome<void> PutTrustAnchors(CardCommands& commands);
  /// Unless it has this label already.
  [[nodiscard]] Outcome<void> PutLabel(const ObjectKey& object, const std::string& label, CardCommands& commands);
  [[nodiscard]] Outcome<void> DeleteIfThere(const ObjectKey& object, CardCommands& commands);
  [[nodiscard]] Progress Send(CardCommands commands) const;
  /// The content is what a device has said, and may be wrong.
  [[nodiscard]] bool is_hinted() const { return hinted_; }

  JobTools tools_;
  JobContext context_;
  CardContent content_;

 private:
  [[nodiscard]] Outcome<Progress> Ask(const std::vector<std::size_t>& from);

  bool hinted_;
  bool asking_ = false;
  bool open_ = false;
  CardAnswers listed_;
};

}  // namespace simroot::platform
