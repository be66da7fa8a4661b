// SPDX-License-Identifier: Apache-2.0
#include "card/modem/terminal.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace simroot::card {
namespace {

std::string Reason() {
  return std::strerror(errno);
}

tl::unexpected<Error> TerminalFailure(const std::string& what) {
  return Fail(ErrorDomain::kTransport, what + ": " + Reason(),
              "check that /dev/ptmx and /dev/pts exist and that not too many terminals are open");
}

std::optional<std::string> TargetOf(const std::string& link) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) {
    return std::nullopt;
  }
  target.resize(static_cast<std::size_t>(size));
  return target;
}

/// Says why `path`, which exists, may not be replaced; nothing if it may.
std::optional<Error> WhyNotReplace(const std::string& path, const std::string& target) {
  const auto old_target = TargetOf(path);
  if (!old_target) {
    return Error{ErrorDomain::kUsage, "cannot make the link " + path + ": a file of that name exists",
                 "choose another name for the link, or remove the file yourself"};
  }
  struct stat status {};
  const bool dangles = ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
  if (dangles || *old_target == target) {
    return std::nullopt;
  }
  return Error{ErrorDomain::kUsage, "cannot make the link " + path + ": it exists and leads to " + *old_target,
               "stop the program that made it, or remove the link if that program is gone"};
}

Error LinkFailure(const std::string& path) {
  return {ErrorDomain::kUsage, "cannot make the link " + path + ": " + Reason(),
          "choose a place that exists and where this user may write"};
}

}  // namespace

Result<Terminal> Terminal::Open() {
  Terminal terminal;
  terminal.master_ = UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  const int master = terminal.master_.get();
  std::array<char, 64> name{};
  if (!terminal.master_ || ::grantpt(master) != 0 || ::unlockpt(master) != 0 ||
      ::ptsname_r(master, name.data(), name.size()) != 0) {
    return TerminalFailure("cannot open a pseudo terminal");
  }
  terminal.slave_path_ = name.data();
  SR_TRY_VOID(terminal.Hold());
  if (::fchmod(terminal.slave_.get(), S_IRUSR | S_IWUSR) != 0) {
    return TerminalFailure("cannot keep other users from " + terminal.slave_path_);
  }
  return terminal;
}

Result<void> Terminal::Hold() {
  slave_ = UniqueFd(::open(slave_path_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  struct termios settings {};
  if (!slave_ || ::tcgetattr(slave_.get(), &settings) != 0) {
    return TerminalFailure("cannot open " + slave_path_);
  }
  ::cfmakeraw(&settings);
  if (::tcsetattr(slave_.get(), TCSANOW, &settings) != 0 || ::tcflush(slave_.get(), TCIFLUSH) != 0) {
    return TerminalFailure("cannot set " + slave_path_ + " to raw mode");
  }
  return {};
}

Result<TerminalLink> TerminalLink::Make(std::string path, std::string target) {
  if (::symlink(target.c_str(), path.c_str()) == 0) {
    return TerminalLink(std::move(path), std::move(target));
  }
  if (errno != EEXIST) {
    return Unexpected(LinkFailure(path));
  }
  if (const auto refusal = WhyNotReplace(path, target)) {
    return Unexpected(*refusal);
  }
  // Made beside it and renamed over it, so that nobody sees a moment without the link.
  const std::string fresh = path + "." + std::to_string(::getpid());
  if (::symlink(target.c_str(), fresh.c_str()) != 0) {
    return Unexpected(LinkFailure(path));
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const Error failure = LinkFailure(path);
    ::unlink(fresh.c_str());
    return Unexpected(failure);
  }
  return TerminalLink(std::move(path), std::move(target));
}

TerminalLink::TerminalLink(TerminalLink&& other) noexcept
    : path_(std::exchange(other.path_, {})), target_(std::move(other.target_)) {}

TerminalLink& TerminalLink::operator=(TerminalLink&& other) noexcept {
  if (this != &other) {
    Remove();
    path_ = std::exchange(other.path_, {});
    target_ = std::move(other.target_);
  }
  return *this;
}

void TerminalLink::Remove() {
  if (!path_.empty() && TargetOf(path_) == target_) {
    ::unlink(path_.c_str());
  }
}

}  // namespace simroot::card
