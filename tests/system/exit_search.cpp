// SPDX-License-Identifier: Apache-2.0
// Runs a command and looks for secrets in the memory of every process that comes of it:
// exit_search NEEDLES_FILE REPORT_FILE COMMAND...
//
// A process is searched when it ends, before it becomes another program, and before it sends something over a socket,
// the first times: a program that wipes its keys when it ends still has them then.
//
// NEEDLES_FILE has one secret per line, in hexadecimal. Each search adds a line to REPORT_FILE, fields with tabs
// between:
//   executable, first argument, "exit", "exec" or "send", number of bytes searched or "not searched", what was found.
// What was found is the number of the secret, from 0, with its form ("0:bytes 2:base64"), never the secret itself.
// Ends when the last process has ended, with the command's status. A signal to it ends all of them.
#include "memory_search.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

using simroot::test::Fail;
using simroot::test::Finder;
using simroot::test::PatternsOf;
using simroot::test::ReadAll;
using simroot::test::Search;
using simroot::test::SearchMemory;

namespace {

constexpr int kNotPermitted = 77;
constexpr int kFailed = 125;
constexpr int kNoCommand = 127;
constexpr int kMostSends = 8;  // a handshake, an answer and the farewell; Java's memory takes a while each time

constexpr std::array kExecs{SYS_execve, SYS_execveat};
constexpr std::array kSends{SYS_write, SYS_writev, SYS_sendto, SYS_sendmsg, SYS_sendmmsg};

class Tracer {
 public:
  Tracer(const Finder& finder, const std::string& report, pid_t command)
      : finder_{finder},
        report_{open(report.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)},
        command_{command} {
    if (report_ < 0) {
      Fail(report + " cannot be written: " + std::strerror(errno));
    }
    Add(command);
    processes_[command].is_ours = true;  // until it becomes the command
  }

  /// Until the last process has ended; returns the command's status as a shell gives it.
  int Run() {
    int status = 0;
    pid_t thread = 0;
    while ((thread = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
      if (thread <= 0) {
        continue;
      }
      if (WIFSTOPPED(status)) {
        Stopped(thread, WSTOPSIG(status), status >> 16);
      } else {
        Ended(thread);
        if (thread == command_) {
          command_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
      }
    }
    return command_status_;
  }

 private:
  struct Process {
    std::string name;  // executable and first argument
    bool is_ours = false;
    bool is_done = false;
    int sends = 0;
  };

  struct Thread {
    pid_t process = 0;
    bool is_ending = false;
  };

  static std::string LinkOf(pid_t thread, const std::string& name) {
    std::array<char, 4096> target{};
    const std::string path = "/proc/" + std::to_string(thread) + "/" + name;
    const ssize_t size = readlink(path.c_str(), target.data(), target.size());
    return {target.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  }

  static std::string NameOf(pid_t thread) {
    const std::string executable = LinkOf(thread, "exe");
    std::istringstream arguments{ReadAll("/proc/" + std::to_string(thread) + "/cmdline")};
    std::string first;
    std::getline(arguments, first, '\0');
    std::getline(arguments, first, '\0');
    std::replace_if(
        first.begin(), first.end(), [](char c) { return c == '\t' || c == '\n'; }, ' ');
    return executable.substr(executable.rfind('/') + 1) + "\t" + (arguments ? first : "");
  }

  /// A thread that is new here: a child's first stop may come before its parent's word of it, or after.
  void Add(pid_t thread) {
    if (threads_.contains(thread)) {
      return;
    }
    const std::string status = ReadAll("/proc/" + std::to_string(thread) + "/status");
    const std::size_t at = status.find("\nTgid:");
    const pid_t process = at == std::string::npos ? thread : std::atoi(status.c_str() + at + 6);
    threads_[thread] = {process, false};
    if (!processes_.contains(process)) {
      processes_[process].name = NameOf(thread);
    }
  }

  void Stopped(pid_t thread, int signal_number, int event) {
    Add(thread);
    long signal_to_deliver = 0;
    switch (event) {
      case PTRACE_EVENT_FORK:
      case PTRACE_EVENT_VFORK:
      case PTRACE_EVENT_CLONE: {
        unsigned long child = 0;
        if (ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &child) == 0) {
          Add(static_cast<pid_t>(child));
        }
        break;
      }
      case PTRACE_EVENT_SECCOMP:
        AboutToCall(thread);
        break;
      case PTRACE_EVENT_EXEC:
        BecameAnother(thread);
        break;
      case PTRACE_EVENT_EXIT:
        threads_[thread].is_ending = true;
        if (IsLast(thread)) {
          LookAt(thread, "exit");
          processes_[threads_[thread].process].is_done = true;
        }
        break;
      case PTRACE_EVENT_STOP:
        if (signal_number != SIGTRAP) {  // stopped by job control: stays so until SIGCONT
          ptrace(PTRACE_LISTEN, thread, nullptr, nullptr);
          return;
        }
        break;
      default:
        signal_to_deliver = signal_number;
    }
    ptrace(PTRACE_CONT, thread, nullptr, signal_to_deliver);  // fails if it was killed meanwhile: then its end comes
  }

  /// Before one of the calls of kExecs and kSends.
  void AboutToCall(pid_t thread) {
    __ptrace_syscall_info call{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof call, &call) <= 0 || call.op != PTRACE_SYSCALL_INFO_SECCOMP) {
      return;  // killed meanwhile
    }
    Process& process = processes_[threads_[thread].process];
    if (std::find(kExecs.begin(), kExecs.end(), static_cast<long>(call.seccomp.nr)) != kExecs.end()) {
      LookAt(thread, "exec");
    } else if (process.sends < kMostSends &&
               LinkOf(thread, "fd/" + std::to_string(call.seccomp.args[0])).starts_with("socket:")) {
      ++process.sends;
      LookAt(thread, "send");
    }
  }

  /// Its other threads are gone, and the thread has the number of the process now.
  void BecameAnother(pid_t process) {
    std::erase_if(threads_, [process](const auto& entry) { return entry.second.process == process; });
    threads_[process] = {process, false};
    processes_[process] = {NameOf(process)};
  }

  [[nodiscard]] bool IsLast(pid_t thread) const {
    const pid_t process = threads_.at(thread).process;
    return std::none_of(threads_.begin(), threads_.end(), [process](const auto& entry) {
      return entry.second.process == process && !entry.second.is_ending;
    });
  }

  void LookAt(pid_t thread, const char* occasion) {
    Process& process = processes_[threads_[thread].process];
    if (process.is_ours) {
      return;
    }
    process.name = NameOf(thread);
    const Search search = SearchMemory(thread, finder_);
    std::string found;
    for (const std::string& name : search.found) {
      found += (found.empty() ? "" : " ") + name;
    }
    Write(process, occasion, search.is_complete ? std::to_string(search.bytes) : "not searched", found);
  }

  void Ended(pid_t thread) {
    const auto at = processes_.find(thread);
    threads_.erase(thread);
    if (at == processes_.end()) {
      return;
    }
    if (!at->second.is_done && !at->second.is_ours) {
      Write(at->second, "exit", "not searched", "");  // killed, and the kernel did not let us look
    }
    processes_.erase(at);
  }

  void Write(const Process& process, const char* occasion, const std::string& result, const std::string& found) const {
    const std::string line = process.name + "\t" + occasion + "\t" + result + "\t" + found + "\n";
    if (write(report_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
      Fail(std::string{"the report cannot be written: "} + std::strerror(errno));
    }
  }

  const Finder& finder_;
  int report_;
  pid_t command_;
  int command_status_ = kFailed;
  std::map<pid_t, Thread> threads_;
  std::map<pid_t, Process> processes_;
};

/// Stops a thread before each of the calls. ptrace alone tells of an execve when the old memory is gone.
bool StopAtCalls() {
  // What a program says on its standard output is no reason to stop: its lines would mix with those of others.
  constexpr unsigned kLastStandard = 2;
  constexpr std::size_t kLow = std::endian::native == std::endian::little ? 0 : 4;
  constexpr std::size_t kCheckOfFile = 2 + kExecs.size() + kSends.size();
  constexpr std::size_t kTrace = kCheckOfFile + 3;
  std::vector<sock_filter> filter{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const auto go_to_if = [&filter](long call, std::size_t target) {
    const auto distance = static_cast<unsigned char>(target - filter.size() - 1);
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), distance, 0));
  };
  for (const long call : kExecs) {
    go_to_if(call, kTrace);
  }
  for (const long call : kSends) {
    go_to_if(call, kCheckOfFile);
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  filter.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + kLow));
  filter.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, kLastStandard, 1, 0));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  // Who is not root must first give up programs that change their user.
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0 ||
         (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

[[noreturn]] void BecomeCommand(int go, char** command) {
  char byte = 0;
  if (read(go, &byte, 1) != 1) {
    _exit(kNotPermitted);
  }
  if (!StopAtCalls()) {
    Fail(std::string{"the kernel does not let a process be stopped before a call (seccomp): "} + std::strerror(errno),
         kNotPermitted);
  }
  execvp(command[0], command);
  std::fprintf(stderr, "exit_search: %s: %s\n", command[0], std::strerror(errno));
  _exit(kNoCommand);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    Fail("usage: exit_search NEEDLES_FILE REPORT_FILE COMMAND...");
  }
  const Finder finder{PatternsOf(argv[1])};
  std::array<int, 2> go{};
  if (pipe2(go.data(), O_CLOEXEC) != 0) {
    Fail(std::string{"no pipe: "} + std::strerror(errno));
  }
  const pid_t command = fork();
  if (command < 0) {
    Fail(std::string{"no process: "} + std::strerror(errno));
  }
  if (command == 0) {
    close(go[1]);
    BecomeCommand(go[0], argv + 3);
  }
  // What a terminal sends is meant for the command.
  signal(SIGINT, SIG_IGN);
  signal(SIGQUIT, SIG_IGN);
  const long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                       PTRACE_O_TRACEEXIT | PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
  if (ptrace(PTRACE_SEIZE, command, nullptr, options) != 0) {
    Fail(std::string{"ptrace is not permitted (kernel.yama.ptrace_scope, or a container without it): "} +
             std::strerror(errno),
         kNotPermitted);
  }
  Tracer tracer{finder, argv[2], command};
  if (write(go[1], "g", 1) != 1) {
    Fail(std::string{"the command cannot be started: "} + std::strerror(errno));
  }
  close(go[1]);
  return tracer.Run();
}
