// SPDX-License-Identifier: Apache-2.0
/// `simroot device pin`: the state of the user PIN, and giving it by hand.
#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/host/unique_fd.hpp"
#include "device/client/pin_file.hpp"
#include "device_session.hpp"
#include "output.hpp"
#include "stop_signal.hpp"

namespace simroot::app {
namespace {

using device::UserPinState;
using device::client::UserPin;

/// A terminal that does not show what is typed, until the end of this object's life.
class SilentTerminal {
 public:
  explicit SilentTerminal(int fd) : fd_(fd) {
    if (::tcgetattr(fd_, &before_) == 0) {
      termios silent = before_;
      silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      silent_ = ::tcsetattr(fd_, TCSAFLUSH, &silent) == 0;
    }
  }
  ~SilentTerminal() {
    if (silent_) {
      static_cast<void>(::tcsetattr(fd_, TCSAFLUSH, &before_));
    }
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;
  [[nodiscard]] bool silent() const { return silent_; }

 private:
  int fd_;
  termios before_{};
  bool silent_ = false;
};

/// One line of the terminal, without its end; nothing if it is longer than any PIN, or `stop` came first.
ByteView ReadLine(int terminal, const StopSignal& stop, ByteSpan space) {
  std::array<pollfd, 2> both{{{terminal, POLLIN, 0}, {stop.fd(), POLLIN, 0}}};
  while (::poll(both.data(), both.size(), -1) < 0 && errno == EINTR) {
  }
  if (both.back().revents != 0) {
    return {};
  }
  const ssize_t got = ::read(terminal, space.data(), space.size());
  const bool whole = got > 0 && space[static_cast<std::size_t>(got) - 1] == '\n';
  return whole ? ByteView(space).first(static_cast<std::size_t>(got) - 1) : ByteView();
}

Result<void> AskForPin(UserPin& pin) {
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (!terminal) {
    return Fail(ErrorDomain::kUsage, "there is no terminal to ask for the PIN", "give it as --pin-file FILE");
  }
  const StopSignal stop;  // so that Ctrl-C does not leave the terminal silent
  const SilentTerminal silent(terminal.get());
  if (!silent.silent()) {
    return Fail(ErrorDomain::kUsage, "the terminal cannot be kept from showing the PIN", "give it as --pin-file FILE");
  }
  constexpr std::string_view kQuestion = "user PIN of the card: ";
  static_cast<void>(!::write(terminal.get(), kQuestion.data(), kQuestion.size()));
  SecretArray<device::kMaxUserPinSize + 2> space;
  const ByteView line = ReadLine(terminal.get(), stop, space.Prepare(device::kMaxUserPinSize + 2));
  static_cast<void>(!::write(terminal.get(), "\n", 1));
  if (line.empty() || !pin.Assign(line)) {
    return Fail(ErrorDomain::kUsage,
                "no PIN was given; it has 1 to " + std::to_string(device::kMaxUserPinSize) + " characters",
                "nothing was sent to the card");
  }
  return {};
}

std::string_view NameOf(const UserPinState& state) {
  if (!state.exists) {
    return "none";
  }
  if (state.verified) {
    return "verified";
  }
  return state.tries_left == 0 ? "blocked" : "wanted";
}

int PrintState(const UserPinState& state, bool json) {
  const std::string name(NameOf(state));
  if (json) {
    return PrintLine("{\"pin\":\"" + name + "\"" +
                     (name == "wanted" ? ",\"tries_left\":" + std::to_string(state.tries_left) : "") + "}")
               ? kDone
               : kFailed;
  }
  const std::string text = name == "none"       ? "the card has no user PIN: its keys can be used without"
                           : name == "verified" ? "the PIN was given; the card forgets it when it is reset"
                           : name == "blocked"  ? "the PIN is blocked: only the card's issuer can unblock it"
                           : state.tries_left == device::kTriesNotTold
                               ? "the PIN is wanted; the card does not tell how many tries are left"
                               : "the PIN is wanted; tries left: " + std::to_string(state.tries_left);
  return PrintLine(text) ? kDone : kFailed;
}

Result<UserPinState> Give(device::Card& card, const std::string& pin_file) {
  UserPin pin;
  SR_TRY_VOID(pin_file.empty() ? AskForPin(pin) : device::client::ReadPinFile(pin_file, pin));
  SR_TRY(const UserPinState state, card.VerifyUserPin(pin.Reveal(InsecureReveal::kForCrypto)));
  if (state.exists && !state.verified) {
    return Fail(ErrorDomain::kCard,
                state.tries_left == 0 ? std::string("the PIN is wrong or blocked, and no try is left")
                                      : "the PIN is wrong; tries left: " + std::to_string(state.tries_left),
                state.tries_left == 0 ? "have the card's issuer unblock it" : "wrong PINs block the card");
  }
  return state;
}

}  // namespace

int RunDevicePin(const DeviceOptions& options, bool give) {
  auto session = DeviceSession::Open(options);
  if (!session) {
    return Report(session.error());
  }
  const auto state = give ? Give(session->card(), options.pin_file) : session->card().UserPin();
  if (!state) {
    return Report(state.error());
  }
  return PrintState(*state, options.json);
}

}  // namespace simroot::app
