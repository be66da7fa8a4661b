// SPDX-License-Identifier: Apache-2.0
#include "server/tls/peer_address.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <array>

#include "common/crypto/openssl/handles.hpp"

namespace simroot::server::tls {
namespace {

using Address = std::unique_ptr<BIO_ADDR, crypto::FreeWith<BIO_ADDR_free>>;

std::string Text(int family, const void* address, std::uint16_t port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (inet_ntop(family, address, text.data(), text.size()) == nullptr) {
    return {};
  }
  const std::string host(text.data());
  return (family == AF_INET6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// Of an unconnected datagram socket: whom the last datagram came from.
std::string DatagramPeer(BIO* bio) {
  const Address address(BIO_ADDR_new());
  if (address == nullptr || BIO_dgram_get_peer(bio, address.get()) <= 0) {
    return {};
  }
  std::array<unsigned char, 16> raw{};
  std::size_t size = raw.size();
  const int family = BIO_ADDR_family(address.get());
  if ((family != AF_INET && family != AF_INET6) || BIO_ADDR_rawaddress(address.get(), nullptr, &size) != 1 ||
      size > raw.size() || BIO_ADDR_rawaddress(address.get(), raw.data(), &size) != 1) {
    return {};
  }
  return Text(family, raw.data(), ntohs(BIO_ADDR_rawport(address.get())));
}

std::string SocketPeer(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (fd < 0 || getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return {};
  }
  if (address.ss_family == AF_INET) {
    const auto* const ip4 = reinterpret_cast<const sockaddr_in*>(&address);
    return Text(AF_INET, &ip4->sin_addr, ntohs(ip4->sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto* const ip6 = reinterpret_cast<const sockaddr_in6*>(&address);
    return Text(AF_INET6, &ip6->sin6_addr, ntohs(ip6->sin6_port));
  }
  return address.ss_family == AF_UNIX ? "unix" : "";
}

}  // namespace

std::string PeerAddress(const SSL* connection) {
  const crypto::ErrorScope errors;
  const std::string peer = SocketPeer(SSL_get_fd(connection));
  if (!peer.empty()) {
    return peer;
  }
  BIO* const bio = BIO_find_type(SSL_get_rbio(connection), BIO_TYPE_DGRAM);
  return bio == nullptr ? std::string() : DatagramPeer(bio);
}

}  // namespace simroot::server::tls
