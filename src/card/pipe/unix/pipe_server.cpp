// SPDX-License-Identifier: Apache-2.0
#include "card/pipe/unix/pipe_server.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace simroot::card {
namespace {

constexpr int kQueue = 8;
constexpr std::chrono::hours kWakeUp{1};

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Fail(ErrorDomain::kUsage,
                "\"" + path + "\" cannot be the name of a socket: it has " + std::to_string(path.size()) +
                    " bytes, and 1 to " + std::to_string(sizeof address.sun_path - 1) + " are possible",
                "give a shorter path");
  }
  path.copy(&address.sun_path[0], path.size());
  return address;
}

const sockaddr* Generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

tl::unexpected<Error> CannotServe(const std::string& path, int error_number) {
  return Fail(ErrorDomain::kTransport, "cannot make the socket " + path + ": " + std::strerror(error_number),
              "check the directory, or give another path");
}

/// Removes what an ended server has left behind. Anything else that bears the name stays.
Result<void> MakeRoom(const std::string& path, const sockaddr_un& address) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    return {};
  }
  if (!S_ISSOCK(found.st_mode)) {
    return Fail(ErrorDomain::kUsage, path + " exists and is no socket", "give another path");
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), Generic(address), sizeof address) == 0 || errno != ECONNREFUSED) {
    return Fail(ErrorDomain::kUsage, path + " is served by a running program", "stop that, or give another path");
  }
  if (::unlink(path.c_str()) != 0) {
    return CannotServe(path, errno);
  }
  return {};
}

bool WaitWritable(int fd, Deadline deadline) {
  int ready = 0;
  do {
    pollfd watched{fd, POLLOUT, 0};
    ready = ::poll(&watched, 1, deadline.PollTimeoutMs());
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

Result<std::unique_ptr<PipeServer>> PipeServer::Open(wire::CardEndpoint& card, PipeServerOptions options) {
  SR_TRY(const sockaddr_un address, AddressOf(options.path));
  SR_TRY_VOID(MakeRoom(options.path, address));
  UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // The rights of the socket are those of the descriptor at the time of bind: nobody else may ever connect.
  if (!listener || ::fchmod(listener.get(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(listener.get(), Generic(address), sizeof address) != 0) {
    return CannotServe(options.path, errno);
  }
  if (::listen(listener.get(), kQueue) != 0) {
    const int why = errno;
    ::unlink(options.path.c_str());
    return CannotServe(options.path, why);
  }
  return std::unique_ptr<PipeServer>(new PipeServer(card, std::move(options), std::move(listener)));
}

PipeServer::PipeServer(wire::CardEndpoint& card, PipeServerOptions options, UniqueFd listener)
    : options_(std::move(options)), listener_(std::move(listener)), card_(card, options_.observer) {}

PipeServer::~PipeServer() {
  ::unlink(options_.path.c_str());
}

std::size_t PipeServer::Observed::Transmit(ByteView command, ByteSpan response) {
  const std::size_t size = card_.Transmit(command, response);
  if (observer_ != nullptr) {
    observer_->OnExchange(command, ByteView(response).first(std::min(size, response.size())));
  }
  return size;
}

Result<void> PipeServer::Run(int stop_fd) {
  UniqueFd connection;
  while (true) {
    if (!connection) {
      std::array watched{pollfd{listener_.get(), POLLIN, 0}, pollfd{stop_fd, POLLIN, 0}};
      const int ready = ::poll(watched.data(), watched.size(), Deadline::After(kWakeUp).PollTimeoutMs());
      if (ready < 0 && errno != EINTR) {
        return CannotServe(options_.path, errno);
      }
      if (watched.back().revents != 0) {
        return {};
      }
      // Fails if nobody is there, or no longer.
      connection = UniqueFd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      continue;
    }
    const Next next = ServeSome(connection.get(), stop_fd);
    if (next == Next::kStop) {
      return {};
    }
    if (next == Next::kClosed) {
      connection.Reset();
      pipe_.Abandon();
      card_.Reset();
    }
  }
}

PipeServer::Next PipeServer::ServeSome(int connection, int stop_fd) {
  const bool in_message = pipe_.InMessage();
  if (in_message && message_end_.Passed()) {
    return Next::kClosed;
  }
  std::array watched{pollfd{connection, POLLIN, 0}, pollfd{stop_fd, POLLIN, 0}};
  const Deadline wake_up = in_message ? message_end_ : Deadline::After(kWakeUp);
  if (::poll(watched.data(), watched.size(), wake_up.PollTimeoutMs()) <= 0) {
    return Next::kGoOn;
  }
  if (watched.back().revents != 0) {
    return Next::kStop;
  }
  std::array<std::uint8_t, 4096> memory{};
  const ssize_t count = ::recv(connection, memory.data(), memory.size(), 0);
  if (count <= 0) {
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? Next::kGoOn : Next::kClosed;
  }
  if (!in_message) {
    message_end_ = Deadline::After(options_.message_timeout);
  }
  bool sent = true;
  for (const std::uint8_t byte : ByteView(memory).first(static_cast<std::size_t>(count))) {
    const ByteView message = pipe_.Take(byte);
    sent = sent && (message.empty() || Send(connection, message));
    if (!message.empty()) {
      message_end_ = Deadline::After(options_.message_timeout);
    }
  }
  return sent ? Next::kGoOn : Next::kClosed;
}

bool PipeServer::Send(int connection, ByteView bytes) const {
  const Deadline deadline = Deadline::After(options_.message_timeout);
  while (!bytes.empty()) {
    const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno != EINTR && (errno != EAGAIN || !WaitWritable(connection, deadline))) {
      return false;
    }
  }
  return true;
}

}  // namespace simroot::card
