// SPDX-License-Identifier: Apache-2.0
/// Programs that run in the background of the story, and what is needed to start them.
#pragma once

#include <functional>

#include "process.hpp"

namespace simroot::app {

/// A program in the background whose output goes to a file. Destroying it ends the program.
class Service {
 public:
  /// @param name for messages.
  [[nodiscard]] static Result<Service> Start(const std::string& name, ProgramCall call, const std::string& log_file);

  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  /// All that it has written so far.
  [[nodiscard]] std::string Log() const;
  /// Waits until its log has `text` behind the first `from` bytes. @returns kTransport with the end of the log if the
  /// program ends before, the deadline passes or a signal comes.
  [[nodiscard]] Result<void> WaitFor(const std::string& text, Deadline deadline, int stop_fd, std::size_t from = 0);
  /// Waits until `ready`, called every few milliseconds, says yes. Errors as WaitFor. @param what was expected.
  [[nodiscard]] Result<void> WaitUntil(const std::string& what, const std::function<bool()>& ready, Deadline deadline,
                                       int stop_fd);
  [[nodiscard]] bool Running() { return child_.Running(); }
  void Stop() { child_.Stop(); }
  /// SIGKILL: it has no time to put anything in order.
  void Kill();

 private:
  Service(std::string name, std::string log_file, ChildProcess child)
      : name_(std::move(name)), log_file_(std::move(log_file)), child_(std::move(child)) {}
  std::string name_;
  std::string log_file_;
  ChildProcess child_;
};

/// Waits a moment between two looks at something. @returns kTransport if a signal has come.
[[nodiscard]] Result<void> PauseBriefly(int stop_fd);

/// A port of the loopback that nobody listens on.
[[nodiscard]] Result<std::string> FreePort();

/// Path of a program, looked up in PATH and in /usr/sbin, where servers are. @returns kUsage naming the package if it
/// is not installed.
[[nodiscard]] Result<std::string> FindProgram(const std::string& program, const std::string& package);

}  // namespace simroot::app
