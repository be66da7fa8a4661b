// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/host/file_io.hpp"

namespace simroot::app {
namespace {

constexpr std::chrono::seconds kGraceAfterTerm{1};
constexpr std::size_t kTailSize = 600;

std::vector<std::string> MergedEnvironment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!additions.contains(text.substr(0, text.find('=')))) {
      merged.push_back(text);
    }
  }
  for (const auto& [name, value] : additions) {
    merged.push_back(name + "=" + value);
  }
  return merged;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

/// waitpid() with a deadline: a pidfd would be neater, but the program's closed pipe already says that it is ending.
bool Reap(pid_t pid, Deadline deadline, int& status) {
  for (;;) {
    const pid_t ended = ::waitpid(pid, &status, WNOHANG);
    if (ended == pid || (ended < 0 && errno != EINTR)) {
      return true;
    }
    if (deadline.Passed()) {
      return false;
    }
    constexpr int kPauseMs = 2;
    ::poll(nullptr, 0, kPauseMs);
  }
}

}  // namespace

std::string ProgramCall::Text() const {
  std::string text;
  for (const std::string& argument : arguments) {
    text += (text.empty() ? "" : " ") + argument;
  }
  return text;
}

Result<ChildProcess> ChildProcess::Start(const ProgramCall& call) {
  std::array<int, 2> in{-1, -1};
  std::array<int, 2> out{-1, -1};
  if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0) {
    return Fail(ErrorDomain::kTransport, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  const UniqueFd in_read(in[0]);
  UniqueFd in_write(in[1]);
  UniqueFd out_read(out[0]);
  UniqueFd out_write(out[1]);
  if (!call.output_file.empty()) {
    constexpr mode_t kOwnerOnly = 0600;
    out_write =
        UniqueFd(::open(call.output_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, kOwnerOnly));
    if (!out_write) {
      return Unexpected(FileError("write", call.output_file, errno));
    }
  }

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in_read.get(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out_write.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out_write.get(), STDERR_FILENO);
  if (!call.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, call.directory.c_str());
  }
  // A program of its own group: Ctrl-C reaches us alone, and we end it in order.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);  // ignored by this program, see Main()
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> arguments = call.arguments;
  std::vector<std::string> environment = MergedEnvironment(call.environment);
  ChildProcess child;
  const int error = ::posix_spawnp(&child.pid_, arguments.front().c_str(), &actions, &attributes,
                                   Pointers(arguments).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    child.pid_ = -1;
    return Fail(ErrorDomain::kTransport, "cannot start " + arguments.front() + ": " + std::strerror(error),
                "install it (`make setup` does)");
  }
  child.name_ = call.Text();
  child.input_ = std::move(in_write);
  child.from_program_ = std::move(out_read);
  ::fcntl(child.from_program_.get(), F_SETFL, O_NONBLOCK);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      name_(std::move(other.name_)),
      input_(std::move(other.input_)),
      from_program_(std::move(other.from_program_)),
      output_(std::move(other.output_)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  if (this != &other) {
    Stop();
    pid_ = std::exchange(other.pid_, -1);
    name_ = std::move(other.name_);
    input_ = std::move(other.input_);
    from_program_ = std::move(other.from_program_);
    output_ = std::move(other.output_);
  }
  return *this;
}

ChildProcess::~ChildProcess() {
  Stop();
}

tl::unexpected<Error> ChildProcess::Failed(const std::string& what) const {
  const std::string tail = output_.size() > kTailSize ? output_.substr(output_.size() - kTailSize) : output_;
  return Fail(ErrorDomain::kTransport, "`" + name_ + "` " + what, "it printed: " + tail);
}

ChildProcess::ReadOutcome ChildProcess::ReadSome(Deadline deadline, int stop_fd) {
  std::array<pollfd, 2> waits{{{from_program_.get(), POLLIN, 0}, {stop_fd, POLLIN, 0}}};
  const int ready = ::poll(waits.data(), waits.size(), deadline.PollTimeoutMs());
  if (ready < 0 && errno == EINTR) {
    return ReadOutcome::kData;
  }
  if (ready <= 0) {
    return ReadOutcome::kDeadline;
  }
  if (waits[1].revents != 0) {
    return ReadOutcome::kStopped;
  }
  std::array<char, 4096> block{};
  const ssize_t count = ::read(from_program_.get(), block.data(), block.size());
  if (count > 0) {
    output_.append(block.data(), static_cast<std::size_t>(count));
    return ReadOutcome::kData;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? ReadOutcome::kData : ReadOutcome::kEnd;
}

Result<void> ChildProcess::ReadUntil(const std::string& text, Deadline deadline, int stop_fd) {
  while (output_.find(text) == std::string::npos) {
    if (const auto more = ReadMore(deadline, stop_fd); !more) {
      return Fail(more.error().domain, more.error().message + " while \"" + text + "\" was expected",
                  more.error().next_step);
    }
  }
  return {};
}

Result<void> ChildProcess::ReadMore(Deadline deadline, int stop_fd) {
  switch (ReadSome(deadline, stop_fd)) {
    case ReadOutcome::kData:
      return {};
    case ReadOutcome::kEnd:
      return Failed("ended");
    case ReadOutcome::kDeadline:
      return Failed("said nothing for too long");
    case ReadOutcome::kStopped:
      break;
  }
  return Fail(ErrorDomain::kTransport, "stopped by a signal");
}

Result<void> ChildProcess::Write(const std::string& text) {
  // The texts are far smaller than a pipe's buffer, so this cannot block.
  if (::write(input_.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return Failed(std::string("does not take input: ") + std::strerror(errno));
  }
  return {};
}

Result<int> ChildProcess::Wait(Deadline deadline, int stop_fd) {
  for (;;) {
    const ReadOutcome outcome = ReadSome(deadline, stop_fd);
    if (outcome == ReadOutcome::kEnd) {
      break;
    }
    if (outcome == ReadOutcome::kStopped) {
      return Fail(ErrorDomain::kTransport, "stopped by a signal");
    }
    if (outcome == ReadOutcome::kDeadline) {
      return Failed("did not end in time");
    }
  }
  int status = 0;
  if (!Reap(pid_, deadline, status)) {
    return Failed("did not end in time");
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool ChildProcess::Running() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) != 0) {
    pid_ = -1;
  }
  return pid_ > 0;
}

void ChildProcess::Stop() {
  if (pid_ <= 0) {
    return;
  }
  int status = 0;
  ::kill(pid_, SIGTERM);
  if (!Reap(pid_, Deadline::After(kGraceAfterTerm), status)) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status, 0);
  }
  pid_ = -1;
}

Result<ProgramResult> RunProgram(const ProgramCall& call, Deadline deadline, int stop_fd) {
  SR_TRY(ChildProcess child, ChildProcess::Start(call));
  child.CloseInput();
  SR_TRY(const int status, child.Wait(deadline, stop_fd));
  return ProgramResult{status, child.output()};
}

}  // namespace simroot::app
