// SPDX-License-Identifier: Apache-2.0
#include "device/transport/daemon_line.hpp"

#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "common/base/secret.hpp"
#include "device/transport/unix_socket.hpp"

namespace simroot::device {
namespace {

constexpr const char* kStart =
    "start it with `systemctl start simroot-carded.socket`, or with `simroot carded --card URI --socket PATH`";
constexpr const char* kLookAtLog = "see what it says: journalctl -u simroot-carded, or its output";

/// The name of the group that `path` belongs to, if it may use it.
std::string GroupWithRights(const std::string& path) {
  struct stat status {};
  constexpr mode_t kNeeded = S_IWGRP;
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & kNeeded) != kNeeded) {
    return {};
  }
  std::array<char, 4096> memory{};
  group entry{};
  group* found = nullptr;
  ::getgrgid_r(status.st_gid, &entry, memory.data(), memory.size(), &found);
  return found != nullptr ? std::string(found->gr_name) : std::to_string(status.st_gid);
}

tl::unexpected<Error> NoRights(const std::string& path, const std::string& name) {
  const std::string group = GroupWithRights(path);
  if (group.empty()) {
    return Fail(ErrorDomain::kTransport, "no rights to use " + name + ", which only its owner may use",
                "run this as that user, or start the daemon with --group NAME");
  }
  return Fail(ErrorDomain::kTransport, "no rights to use " + name + ", which is for group " + group,
              "add the user to group " + group + " and log in again");
}

tl::unexpected<Error> CannotConnect(const std::string& path, const std::string& name, int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return Fail(ErrorDomain::kTransport, "there is no card daemon at " + name + ": no such socket", kStart);
    case ECONNREFUSED:
      return Fail(ErrorDomain::kTransport, "the card daemon at " + name + " is not running", kStart);
    case EACCES:
    case EPERM:
      return NoRights(path, name);
    case EAGAIN:
      return Fail(ErrorDomain::kTransport, "too many programs connect to " + name + " at once", "try again");
    case ENAMETOOLONG:
      return Fail(ErrorDomain::kUsage,
                  "the path of the socket in " + name + " has " + std::to_string(path.size()) +
                      " characters, a socket takes at most " + std::to_string(sizeof sockaddr_un{}.sun_path - 1),
                  "give the daemon a socket with a shorter path");
    default:
      return Fail(ErrorDomain::kTransport, "cannot connect to " + name + " (" + std::strerror(error_number) + ")",
                  "check that the path names the socket of a card daemon");
  }
}

/// What the daemon is told: a tenth less than what is left, half a second at most.
std::uint32_t TimeoutFor(Deadline deadline) {
  constexpr int kMostForTheWay = 500;
  const int left = deadline.PollTimeoutMs();
  return static_cast<std::uint32_t>(left - std::min(left / 10, kMostForTheWay));
}

}  // namespace

Result<std::shared_ptr<DaemonLine>> DaemonLine::Open(const std::string& path, std::string name, Deadline deadline) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int error = socket ? ConnectUnixSocket(socket.get(), path, deadline) : errno;
  if (error != 0) {
    return CannotConnect(path, name, error);
  }
  std::shared_ptr<DaemonLine> line(new DaemonLine(std::move(socket), std::move(name)));
  SR_TRY_VOID(line->Greet(deadline));
  return line;
}

Result<void> DaemonLine::Greet(Deadline deadline) {
  Bytes hello(kDaemonMagic.begin(), kDaemonMagic.end());
  hello.push_back(kDaemonVersion);
  SR_TRY(
      const ByteView body,
      Ask({.type = DaemonRequestType::kHello, .timeout_ms = 0, .channel = kNoDaemonChannel, .bytes = hello}, deadline));
  if (body.size() != 1 || body.front() != kDaemonVersion) {
    return Die(ErrorDomain::kProtocol, "the card daemon at " + name_ + " speaks another version of the protocol",
               "install the same version of simroot for the daemon and its clients, and restart the daemon");
  }
  return {};
}

Result<ByteView> DaemonLine::Ask(DaemonRequest request, Deadline deadline) {
  SR_TRY_VOID(process_.Check(name_));
  if (death_) {
    return tl::unexpected<Error>(*death_);
  }
  buffer_.Drop();
  request.timeout_ms = TimeoutFor(deadline);
  Bytes frame = EncodeDaemonRequest(request);
  const auto sent = Send(frame, deadline);
  Wipe(frame);
  // A daemon that refuses a connection says why and closes it at once: its sentence counts, not that sending failed.
  if (!sent && sent.error().domain != ErrorDomain::kTransport) {
    return Unexpected(sent.error());
  }
  SR_TRY(const ByteView content, Receive(deadline));
  auto reply = ParseDaemonReply(content);
  if (!reply) {
    return Die(ErrorDomain::kProtocol, name_ + " has sent something that is no reply of a card daemon",
               "check that the path names the socket of a card daemon");
  }
  if (reply->error) {
    reply->error->message = name_ + ": " + reply->error->message;
    return tl::unexpected<Error>(*std::move(reply->error));
  }
  return reply->body;
}

void DaemonLine::Unlock() {
  buffer_.Drop();  // the last reply may be a secret
  if (!process_.InOwner() || death_) {
    return;
  }
  const Bytes frame = EncodeDaemonRequest({.type = DaemonRequestType::kUnlock, .timeout_ms = 0, .bytes = {}});
  if (::send(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size())) {
    static_cast<void>(DieClosed(errno));
  }
}

Result<void> DaemonLine::Send(ByteView frame, Deadline deadline) {
  while (!frame.empty()) {
    const ssize_t count = ::send(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      frame = frame.subspan(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN) {
      if (!WaitForEvents(socket_.get(), POLLOUT, deadline)) {
        return DieSilent();
      }
    } else if (errno != EINTR) {
      // Not yet dead: what the daemon has sent before it closed is still to be read.
      return Fail(ErrorDomain::kTransport, std::strerror(errno));
    }
  }
  return {};
}

Result<ByteView> DaemonLine::Receive(Deadline deadline) {
  if (death_) {
    return tl::unexpected<Error>(*death_);
  }
  while (true) {
    if (const auto frame = buffer_.Frame()) {
      return *frame;
    }
    if (buffer_.Broken()) {
      return Die(ErrorDomain::kProtocol, name_ + " has sent something that is no reply of a card daemon",
                 "check that the path names the socket of a card daemon");
    }
    const ByteSpan room = buffer_.Room();
    const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), 0);
    if (count > 0) {
      buffer_.Received(static_cast<std::size_t>(count));
    } else if (count == 0) {
      return DieClosed(0);
    } else if (errno == EAGAIN) {
      if (!WaitForEvents(socket_.get(), POLLIN, deadline)) {
        return DieSilent();
      }
    } else if (errno != EINTR) {
      return DieClosed(errno);
    }
  }
}

tl::unexpected<Error> DaemonLine::Die(ErrorDomain domain, std::string message, std::string next_step) {
  death_ = Error{domain, std::move(message), std::move(next_step), {}};
  socket_.Reset();
  return tl::unexpected<Error>(*death_);
}

tl::unexpected<Error> DaemonLine::DieSilent() {
  return Die(ErrorDomain::kTransport, "no answer from the card daemon at " + name_ + " in time", kLookAtLog);
}

tl::unexpected<Error> DaemonLine::DieClosed(int error_number) {
  const std::string why = error_number == 0 ? std::string() : " (" + std::string(std::strerror(error_number)) + ")";
  return Die(ErrorDomain::kTransport, "the card daemon at " + name_ + " has ended the connection" + why,
             "repeat; if it ends again, look at the daemon's log");
}

Result<DaemonStatus> AskDaemonStatus(const std::string& path, const std::string& name, Deadline deadline) {
  SR_TRY(const auto line, DaemonLine::Open(path, name, deadline));
  SR_TRY(const ByteView body, line->Ask({.type = DaemonRequestType::kStatus, .timeout_ms = 0, .bytes = {}}, deadline));
  auto status = ParseDaemonStatus(body);
  if (!status) {
    return Fail(ErrorDomain::kProtocol, "the status that " + name + " sends cannot be understood",
                "install the same version of simroot for the daemon and its clients, and restart the daemon");
  }
  return *std::move(status);
}

}  // namespace simroot::device
