// SPDX-License-Identifier: Apache-2.0
#include "demo/story/service.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "common/host/file_io.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kMaxLog = 64U << 20U;
constexpr std::size_t kTail = 600;

}  // namespace

Result<Service> Service::Start(const std::string& name, ProgramCall call, const std::string& log_file) {
  call.output_file = log_file;
  SR_TRY(ChildProcess child, ChildProcess::Start(call));
  return Service(name, log_file, std::move(child));
}

void Service::Kill() {
  if (child_.Running()) {
    ::kill(child_.pid(), SIGKILL);
  }
  child_.Stop();  // only waits for it now
}

std::string Service::Log() const {
  const auto log = ReadWholeFile(log_file_, kMaxLog);
  return log ? std::string(AsText(*log)) : std::string();
}

Result<void> Service::WaitUntil(const std::string& what, const std::function<bool()>& ready, Deadline deadline,
                                int stop_fd) {
  while (!ready()) {
    const bool running = Running();
    if (!running || deadline.Passed()) {
      const std::string log = Log();
      return Fail(ErrorDomain::kTransport,
                  name_ + (running ? " has not done in time what was expected: " : " has ended before ") + what,
                  "it wrote: " + log.substr(log.size() - std::min(log.size(), kTail)));
    }
    SR_TRY_VOID(PauseBriefly(stop_fd));
  }
  return {};
}

Result<void> Service::WaitFor(const std::string& text, Deadline deadline, int stop_fd, std::size_t from) {
  return WaitUntil(
      "\"" + text + "\" in its log", [&] { return Log().find(text, from) != std::string::npos; }, deadline, stop_fd);
}

Result<void> PauseBriefly(int stop_fd) {
  constexpr int kPauseMs = 5;
  pollfd stop{stop_fd, POLLIN, 0};
  if (::poll(&stop, 1, kPauseMs) > 0) {
    return Fail(ErrorDomain::kTransport, "stopped by a signal");
  }
  return {};
}

Result<std::string> FreePort() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (!listener || ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
      ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return Fail(ErrorDomain::kTransport, std::string("cannot get a port of the loopback: ") + std::strerror(errno));
  }
  return std::to_string(ntohs(address.sin_port));
}

Result<std::string> FindProgram(const std::string& program, const std::string& package) {
  const char* const path = std::getenv("PATH");
  std::string folders = (path != nullptr ? std::string(path) + ":" : std::string()) + "/usr/sbin";
  while (!folders.empty()) {
    const std::size_t colon = std::min(folders.find(':'), folders.size());
    const std::string found = folders.substr(0, colon) + "/" + program;
    if (::access(found.c_str(), X_OK) == 0) {
      return found;
    }
    folders.erase(0, colon + 1);
  }
  return Fail(ErrorDomain::kUsage, program + " is not installed",
              "install the Debian package " + package + " (`make setup` does)");
}

}  // namespace simroot::app
