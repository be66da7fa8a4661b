// SPDX-License-Identifier: Apache-2.0
#include "stop_signal.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "common/base/check.hpp"

namespace simroot::app {
namespace {

constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};

// A signal handler can reach nothing but globals.
std::array<int, 2> pipe_ends{-1, -1};
std::array<struct sigaction, kSignals.size()> previous_actions{};

void OnSignal(int /*number*/) {
  const int saved = errno;
  const char byte = 0;
  static_cast<void>(::write(pipe_ends[1], &byte, 1) == 1);  // a full pipe is readable already
  errno = saved;
}

}  // namespace

StopSignal::StopSignal(OnHangUp on_hang_up) {
  SR_CHECK(pipe_ends[0] < 0);
  SR_CHECK(::pipe2(pipe_ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    const bool ignored = kSignals[i] == SIGHUP && on_hang_up == OnHangUp::kIgnore;
    action.sa_handler = ignored ? SIG_IGN : OnSignal;
    ::sigaction(kSignals[i], &action, &previous_actions[i]);
  }
}

StopSignal::~StopSignal() {
  for (std::size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], &previous_actions[i], nullptr);
  }
  for (int& end : pipe_ends) {
    ::close(end);
    end = -1;
  }
}

int StopSignal::fd() const {
  return pipe_ends[0];
}

bool StopSignal::Raised() const {
  pollfd state{pipe_ends[0], POLLIN, 0};
  return ::poll(&state, 1, 0) == 1;
}

}  // namespace simroot::app
