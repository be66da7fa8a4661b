// SPDX-License-Identifier: Apache-2.0
/// Running other programs: started without a shell, read with deadlines, always stopped by their own id.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::app {

/// What a program is started with.
struct ProgramCall {
  std::vector<std::string> arguments;              ///< the first is the program, looked up in PATH
  std::map<std::string, std::string> environment;  ///< in addition to, or instead of, what this process has
  std::string directory;                           ///< working directory; empty: this process's
  std::string
      output_file{};  ///< stdout and stderr go here, made anew, mode 0600; empty: through a pipe to this process

  /// As a person would type it, for messages.
  [[nodiscard]] std::string Text() const;
};

/// A running program; its output (stdout and stderr together) comes through a pipe, or goes to a file. Destroying it
/// ends the program.
class ChildProcess {
 public:
  [[nodiscard]] static Result<ChildProcess> Start(const ProgramCall& call);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;
  ~ChildProcess();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// All output read so far.
  [[nodiscard]] const std::string& output() const { return output_; }

  /// Reads until the output holds `text`. @returns kTransport with the last lines of the output if the program ends
  /// before or the deadline passes, or `stop_fd` (if not negative) becomes readable.
  [[nodiscard]] Result<void> ReadUntil(const std::string& text, Deadline deadline, int stop_fd = -1);
  /// Reads at least one more character. Errors as ReadUntil.
  [[nodiscard]] Result<void> ReadMore(Deadline deadline, int stop_fd = -1);
  /// Writes to the program's stdin.
  [[nodiscard]] Result<void> Write(const std::string& text);
  void CloseInput() { input_.Reset(); }
  /// Reads to the end and waits. @returns the exit status, 128 + signal if a signal ended it.
  [[nodiscard]] Result<int> Wait(Deadline deadline, int stop_fd = -1);
  /// Whether it has not ended yet.
  [[nodiscard]] bool Running();
  /// SIGTERM, then SIGKILL after a second.
  void Stop();

 private:
  ChildProcess() = default;
  enum class ReadOutcome : unsigned char { kData, kEnd, kDeadline, kStopped };
  [[nodiscard]] ReadOutcome ReadSome(Deadline deadline, int stop_fd);
  [[nodiscard]] tl::unexpected<Error> Failed(const std::string& what) const;

  pid_t pid_ = -1;
  std::string name_;
  UniqueFd input_;
  UniqueFd from_program_;
  std::string output_;
};

struct ProgramResult {
  int status = 0;
  std::string output;
};
/// Runs a program to its end. A status other than 0 is not an error here.
[[nodiscard]] Result<ProgramResult> RunProgram(const ProgramCall& call, Deadline deadline, int stop_fd = -1);

}  // namespace simroot::app
