// SPDX-License-Identifier: Apache-2.0
#include "card/pcsc/vpcd_socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace simroot::card {
namespace {

constexpr const char* kCheckDaemon = "is pcscd running with the vpcd driver (package vsmartcard-vpcd)?";

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

bool IsLoopback(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in ipv4{};
    std::memcpy(&ipv4, &address, sizeof ipv4);
    return (ntohl(ipv4.sin_addr.s_addr) >> 24U) == 127;
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 ipv6{};
    std::memcpy(&ipv6, &address, sizeof ipv6);
    return IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr);
  }
  return false;
}

Result<Addresses> Parse(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string address = host == "localhost" ? "127.0.0.1" : host;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return Fail(ErrorDomain::kUsage, "'" + host + "' is not an IP address",
                "give the address of vpcd in digits, for example 127.0.0.1");
  }
  return Addresses(found, &::freeaddrinfo);
}

bool WaitFor(int fd, short events, Deadline deadline) {
  int ready = 0;
  do {
    pollfd watched{fd, events, 0};
    ready = ::poll(&watched, 1, deadline.PollTimeoutMs());
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

/// 0, or why the connection was not made.
int ConnectError(int fd, const addrinfo& address, Deadline deadline) {
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) {
    return 0;
  }
  if (errno != EINPROGRESS) {
    return errno;
  }
  if (!WaitFor(fd, POLLOUT, deadline)) {
    return ETIMEDOUT;
  }
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

void Enable(int fd, int option) {
  // These two options only make the link faster; it works without them.
  const int on = 1;
  static_cast<void>(::setsockopt(fd, IPPROTO_TCP, option, &on, sizeof on));
}

tl::unexpected<Error> Ended(const std::string& how) {
  return Fail(ErrorDomain::kTransport, "the connection to vpcd has ended: " + how, kCheckDaemon);
}

}  // namespace

Result<VpcdSocket> VpcdSocket::Connect(const std::string& host, std::uint16_t port, bool allow_remote,
                                       Deadline deadline) {
  SR_TRY(const Addresses addresses, Parse(host, port));
  if (!allow_remote && !IsLoopback(*addresses->ai_addr)) {
    return Fail(ErrorDomain::kUsage, "vpcd at " + host + " is not on this machine, and its protocol protects nothing",
                "use a loopback address and a tunnel, or allow remote hosts explicitly");
  }
  UniqueFd fd(::socket(addresses->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int error = fd ? ConnectError(fd.get(), *addresses, deadline) : errno;
  if (error != 0) {
    return Fail(ErrorDomain::kTransport,
                "cannot connect to vpcd at " + host + ":" + std::to_string(port) + ": " + std::strerror(error),
                kCheckDaemon);
  }
  Enable(fd.get(), TCP_NODELAY);
  return VpcdSocket(std::move(fd));
}

Result<std::size_t> VpcdSocket::Receive(ByteSpan memory) {
  Enable(fd_.get(), TCP_QUICKACK);
  const ssize_t count = ::recv(fd_.get(), memory.data(), memory.size(), 0);
  if (count > 0) {
    return static_cast<std::size_t>(count);
  }
  if (count == 0) {
    return Ended("closed by pcscd");
  }
  return errno == EAGAIN || errno == EINTR ? Result<std::size_t>{0} : Ended(std::strerror(errno));
}

Result<void> VpcdSocket::Send(ByteView bytes, Deadline deadline) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    } else if (errno != EAGAIN && errno != EINTR) {
      return Ended(std::strerror(errno));
    } else if (!WaitFor(fd_.get(), POLLOUT, deadline)) {
      return Ended("it has not taken an answer in time");
    }
  }
  return {};
}

}  // namespace simroot::card
