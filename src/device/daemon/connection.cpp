// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/connection.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>

#include "common/base/secret.hpp"

namespace simroot::device::daemon {

Connection::Connection(ClientId id, UniqueFd socket) : id_(id), socket_(std::move(socket)) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0) {
    peer_ = {.pid = credentials.pid, .uid = credentials.uid};
  }
  if (peer_.pid > 0) {
    // By number: the header of this C library cannot be used from C++.
    process_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, peer_.pid, 0)));
  }
}

Connection::~Connection() {
  Wipe(out_);
}

bool Connection::MayRead() const {
  return out_.empty() && (state == State::kNew || state == State::kIdle);
}

short Connection::Events() const {
  int events = POLLRDHUP;
  if (MayRead()) {
    events |= POLLIN;
  }
  if (!out_.empty()) {
    events |= POLLOUT;
  }
  return static_cast<short>(events);
}

Connection::Io Connection::Serve(short events) {
  const auto has = [events](int wanted) { return (events & wanted) != 0; };
  if (has(POLLERR | POLLNVAL)) {
    return Io::kEnded;
  }
  if (has(POLLOUT) && Flush() == Io::kEnded) {
    return Io::kEnded;
  }
  if (has(POLLIN) && MayRead()) {
    return Receive();
  }
  // Whoever has closed its end waits for nothing. What it has sent before that, and we have not read, is without
  // object.
  return has(POLLRDHUP | POLLHUP) ? Io::kEnded : Io::kOk;
}

Connection::Io Connection::Receive() {
  const ByteSpan room = in_.Room();
  if (room.empty()) {
    return Io::kOk;
  }
  const bool begins = !in_.Begun();
  const ssize_t count = ::recv(socket_.get(), room.data(), room.size(), 0);
  if (count > 0) {
    in_.Received(static_cast<std::size_t>(count));
    last_active = Deadline::Clock::now();
    in_since_ = begins ? last_active : in_since_;
    return Io::kOk;
  }
  return count < 0 && (errno == EAGAIN || errno == EINTR) ? Io::kOk : Io::kEnded;
}

std::optional<ByteView> Connection::Frame() const {
  return MayRead() ? in_.Frame() : std::nullopt;
}

void Connection::Send(Bytes frame) {
  Wipe(out_);
  out_ = std::move(frame);
  out_done_ = 0;
  out_since_ = last_active = Deadline::Clock::now();
  static_cast<void>(Flush());  // an error comes back with poll
}

Connection::Io Connection::Flush() {
  const ByteView rest = ByteView(out_).subspan(out_done_);
  const ssize_t count = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
  if (count < 0) {
    return errno == EAGAIN || errno == EINTR ? Io::kOk : Io::kEnded;
  }
  out_done_ += static_cast<std::size_t>(count);
  if (out_done_ == out_.size()) {
    Wipe(out_);
    out_.clear();
    out_done_ = 0;
    in_since_ = Deadline::Clock::now();  // a frame that has begun meanwhile could not be read
  }
  return Io::kOk;
}

std::optional<Connection::Time> Connection::HalfDoneSince() const {
  if (!out_.empty()) {
    return out_since_;
  }
  if (MayRead() && in_.Begun() && !in_.Frame()) {
    return in_since_;
  }
  return std::nullopt;
}

}  // namespace simroot::device::daemon
