// SPDX-License-Identifier: Apache-2.0
#include "card/modem/pty_modem.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace simroot::card {
namespace {

constexpr std::size_t kReadSize = 4096;  // what a terminal's line discipline holds at most
constexpr std::chrono::hours kWakeUp{1};

bool WouldBlock() {
  return errno == EAGAIN || errno == EINTR;
}

tl::unexpected<Error> IoFailure(const std::string& what, const std::string& port) {
  return Fail(ErrorDomain::kTransport, "cannot " + what + " the terminal " + port + ": " + std::strerror(errno),
              "start the modem again");
}

}  // namespace

Result<std::unique_ptr<PtyModem>> PtyModem::Open(wire::CardEndpoint& card, PtyModemOptions options) {
  SR_TRY(Terminal terminal, Terminal::Open());
  TerminalLink link;
  if (!options.link.empty()) {
    SR_TRY(link, TerminalLink::Make(options.link, terminal.slave_path()));
  }
  return std::unique_ptr<PtyModem>(new PtyModem(card, std::move(options), std::move(terminal), std::move(link)));
}

PtyModem::PtyModem(wire::CardEndpoint& card, PtyModemOptions options, Terminal terminal, TerminalLink link)
    : interpreter_(card, std::move(options.identity), std::move(options.modem), options.observer),
      terminal_(std::move(terminal)),
      link_(std::move(link)),
      counters_(interpreter_.Counters()) {}

Result<void> PtyModem::Run(int stop_fd) {
  for (Event event = Event::kServed; event != Event::kStop;) {
    SR_TRY(event, Step(Deadline::After(kWakeUp), stop_fd));
  }
  return {};
}

Result<bool> PtyModem::RunOnce(Deadline deadline) {
  constexpr int kNoStop = -1;  // poll() passes over negative descriptors
  SR_TRY(const Event event, Step(deadline, kNoStop));
  return event == Event::kServed;
}

Result<PtyModem::Event> PtyModem::Step(Deadline deadline, int stop_fd) {
  const bool reading = input_.empty() && interpreter_.Output().size() < kMaxWaiting;
  const bool writing = !interpreter_.Output().empty();
  pollfd terminal{terminal_.master(), static_cast<short>((reading ? POLLIN : 0) | (writing ? POLLOUT : 0)), 0};
  pollfd stop{stop_fd, POLLIN, 0};
  std::array watched{terminal, stop};
  const int ready = ::poll(watched.data(), watched.size(), deadline.PollTimeoutMs());
  if (ready < 0 && errno != EINTR) {
    return IoFailure("wait for", TerminalPath());
  }
  if (ready <= 0) {
    return Event::kDeadline;
  }
  if (watched.back().revents != 0) {
    return Event::kStop;
  }
  SR_TRY_VOID(Serve(watched.front().revents, reading));
  return Event::kServed;
}

Result<void> PtyModem::Serve(short events, bool was_reading) {
  if ((events & POLLHUP) != 0) {
    interpreter_.DropOutput(interpreter_.Output().size());
  }
  if ((events & POLLOUT) != 0) {
    SR_TRY_VOID(WriteOutput());
  }
  if ((events & POLLIN) != 0) {
    SR_TRY_VOID(ReadInput());
  } else if ((events & POLLHUP) != 0 && was_reading) {
    return ClientsLeft();  // and everything they have sent has been read
  }
  FeedInput();
  return WriteOutput();
}

Result<void> PtyModem::ReadInput() {
  input_.resize(kReadSize);
  const ssize_t count = ::read(terminal_.master(), input_.data(), input_.size());
  input_.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  if (count > 0) {
    terminal_.LetGo();  // a client has the slave open, and its leaving shall be seen
    return {};
  }
  // EIO: the last client has closed the slave. poll() says so too, which is where it is handled.
  return count < 0 && !WouldBlock() && errno != EIO ? IoFailure("read from", TerminalPath()) : Result<void>{};
}

void PtyModem::FeedInput() {
  // One character at a time: a client that does not read must not make the modem hold more than one answer too many.
  ByteView rest = input_;
  while (!rest.empty() && interpreter_.Output().size() < kMaxWaiting) {
    if (reset_wanted_.exchange(false)) {
      interpreter_.ResetCard();
    }
    interpreter_.Feed(rest.first(1));
    rest = rest.subspan(1);
  }
  input_.assign(rest.begin(), rest.end());
  const std::lock_guard lock(counters_mutex_);
  counters_ = interpreter_.Counters();
}

Result<void> PtyModem::WriteOutput() {
  while (!interpreter_.Output().empty()) {
    const std::string_view output = interpreter_.Output();
    const ssize_t count = ::write(terminal_.master(), output.data(), output.size());
    if (count > 0) {
      interpreter_.DropOutput(static_cast<std::size_t>(count));
      continue;
    }
    if (count < 0 && errno == EIO) {  // nobody is left to read it
      interpreter_.DropOutput(output.size());
      continue;
    }
    return count == 0 || WouldBlock() ? Result<void>{} : IoFailure("write to", TerminalPath());
  }
  return {};
}

Result<void> PtyModem::ClientsLeft() {
  interpreter_.DropLine();
  interpreter_.DropOutput(interpreter_.Output().size());
  return terminal_.Hold();
}

ModemCounters PtyModem::Counters() const {
  const std::lock_guard lock(counters_mutex_);
  return counters_.Since(baseline_);
}

void PtyModem::ResetCounters() {
  const std::lock_guard lock(counters_mutex_);
  baseline_ = counters_;
}

}  // namespace simroot::card
