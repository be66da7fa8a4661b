// SPDX-License-Identifier: Apache-2.0
#include "server/agent/command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "common/host/deadline.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::server {
namespace {

constexpr std::size_t kMaxOutput = 4096;  ///< of what it prints, the end
constexpr std::size_t kMaxSaid = 200;
constexpr std::chrono::milliseconds kStopCheck{100};

[[nodiscard]] tl::unexpected<Error> BadLine(const std::string& what) {
  return Fail(ErrorDomain::kUsage, "the command " + what, "write it as in a shell, without its special characters");
}

/// Collects the words of a command line.
class Words {
 public:
  void Put(char character) {
    word_ += character;
    open_ = true;
  }
  void Open() { open_ = true; }  // "" is a word too
  void Close() {
    if (open_) {
      command_.push_back(std::move(word_));
    }
    word_.clear();
    open_ = false;
  }
  [[nodiscard]] Command Take() {
    Close();
    return std::move(command_);
  }

 private:
  Command command_;
  std::string word_;
  bool open_ = false;
};

struct Started {
  pid_t pid = -1;
  UniqueFd output;
};

[[nodiscard]] Result<Started> Start(const Command& command) {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Fail(ErrorDomain::kTransport, std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  Started started{-1, UniqueFd(ends[0])};
  const UniqueFd to_us(ends[1]);
  ::fcntl(started.output.get(), F_SETFL, O_NONBLOCK);  // our end alone: programs expect that theirs waits

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to_us.get(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, to_us.get(), STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t signals;
  sigemptyset(&signals);
  posix_spawnattr_setsigmask(&attributes, &signals);  // threads of ours block some
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  Command words = command;
  std::vector<char*> pointers;
  pointers.reserve(words.size() + 1);
  for (std::string& word : words) {
    pointers.push_back(word.data());
  }
  pointers.push_back(nullptr);
  const int error = ::posix_spawnp(&started.pid, pointers.front(), &actions, &attributes, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return Fail(ErrorDomain::kTransport, "cannot start " + command.front() + ": " + std::strerror(error),
                "check that it is installed and in PATH");
  }
  return started;
}

/// Takes what is in the pipe. A daemon that the command leaves behind may keep it open for ever: its end says nothing.
void Drain(int fd, std::string& output) {
  std::array<char, 1024> block{};
  for (ssize_t count = 0; (count = ::read(fd, block.data(), block.size())) > 0;) {
    output.append(block.data(), static_cast<std::size_t>(count));
    if (output.size() > kMaxOutput) {
      output.erase(0, output.size() - kMaxOutput);
    }
  }
}

/// Leaves its status to be fetched.
[[nodiscard]] bool HasEnded(pid_t pid) {
  siginfo_t info{};  // si_pid stays 0 as long as it runs
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/// True: it ended by itself.
[[nodiscard]] bool WaitFor(const Started& started, Deadline deadline, const std::atomic<bool>& stop,
                           std::string& output) {
  // The header of this function in glibc 2.36 cannot be used from C++. It fails in sandboxes that do not know it, or
  // without a free descriptor: then poll() below only waits for a turn.
  const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, started.pid, 0)));
  while (!stop && !deadline.Passed()) {
    // The pipe is not waited for: a command that floods it is emptied with every turn, one that closes it is no reason
    // to turn faster.
    pollfd ended{process.get(), POLLIN, 0};
    const Deadline turn = Deadline::After(kStopCheck).Earlier(deadline);
    const bool told = ::poll(&ended, 1, turn.PollTimeoutMs()) > 0;
    const bool over = told || (process.get() < 0 && HasEnded(started.pid));
    Drain(started.output.get(), output);
    if (over) {
      return true;
    }
  }
  return false;
}

[[nodiscard]] std::string LastLine(std::string output) {
  while (!output.empty() && (output.back() == '\n' || output.back() == ' ' || output.back() == '\r')) {
    output.pop_back();
  }
  output.erase(0, output.rfind('\n') + 1);  // npos + 1 is 0
  std::ranges::replace_if(
      output, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return output.substr(0, kMaxSaid);
}

}  // namespace

Result<Command> SplitCommand(std::string_view line) {
  Words words;
  char quote = '\0';
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char character = line[at];
    if (character == '\\' && quote != '\'') {
      if (++at == line.size()) {
        return BadLine("ends with a backslash");
      }
      words.Put(line[at]);
    } else if (quote != '\0') {
      if (character == quote) {
        quote = '\0';
      } else {
        words.Put(character);
      }
    } else if (character == '"' || character == '\'') {
      quote = character;
      words.Open();
    } else if (character == ' ' || character == '\t') {
      words.Close();
    } else {
      words.Put(character);
    }
  }
  if (quote != '\0') {
    return BadLine("has a quote without its end");
  }
  Command command = words.Take();
  if (command.empty() || command.front().empty()) {
    return BadLine("is empty");
  }
  return command;
}

std::string TextOf(const Command& command) {
  std::string text;
  for (const std::string& word : command) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

Result<void> RunCommand(const Command& command, std::chrono::milliseconds limit, const std::atomic<bool>& stop) {
  SR_TRY(const Started started, Start(command));
  std::string output;
  const bool ended = WaitFor(started, Deadline::After(limit), stop, output);
  if (!ended) {
    ::kill(-started.pid, SIGKILL);
  }
  int status = 0;
  while (::waitpid(started.pid, &status, 0) < 0 && errno == EINTR) {
  }
  const std::string said = LastLine(std::move(output));
  const std::string next_step = said.empty() ? "it printed nothing; try it by hand" : "it printed: " + said;
  if (!ended) {
    return Fail(ErrorDomain::kTransport,
                "`" + TextOf(command) + "` " + (stop ? "was stopped" : "did not end in time and was killed"),
                next_step);
  }
  if (!WIFEXITED(status)) {
    return Fail(ErrorDomain::kTransport,
                "`" + TextOf(command) + "` was ended by signal " + std::to_string(WTERMSIG(status)), next_step);
  }
  if (WEXITSTATUS(status) != 0) {
    return Fail(ErrorDomain::kTransport,
                "`" + TextOf(command) + "` ended with status " + std::to_string(WEXITSTATUS(status)), next_step);
  }
  return {};
}

}  // namespace simroot::server
