// SPDX-License-Identifier: Apache-2.0
// As much of HTTP, CoAP, JSON and the cookies of DTLS as the telemetry server needs.
#pragma once

#include <netinet/in.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

constexpr std::size_t kLongest = 65'536;  // bytes of a message

/// A text in JSON, with its quotes.
inline std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    std::array<char, 8> json{c};
    if (static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\') {
      std::snprintf(json.data(), json.size(), "\\u%04x", static_cast<unsigned>(c));
    }
    quoted += json.data();
  }
  return quoted + "\"";
}

/// Takes one message off what has arrived, and makes the reply to it. `message` is empty for what is no POST. False: it
/// is not all there yet, or none.
using Protocol = bool (*)(std::string& input, std::string& message, std::string& reply);

inline bool Http(std::string& input, std::string& message, std::string& reply) {
  const std::size_t head = input.find("\r\n\r\n"), field = input.find("Content-Length: ");
  const std::size_t length = field < head ? std::strtoul(input.c_str() + field + 16, nullptr, 10) : 0;
  if (head == std::string::npos || length > kLongest || input.size() < head + 4 + length) {
    return false;
  }
  message = input.rfind("POST ", 0) == 0 ? input.substr(head + 4, length) : "";
  reply = message.empty() ? "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" : "HTTP/1.1 204 No Content\r\n\r\n";
  input.erase(0, head + 4 + length);
  return true;
}

inline bool Coap(std::string& input, std::string& message, std::string& reply) {  // RFC 7252 3
  const std::string datagram = std::exchange(input, {});
  const auto at = [&](std::size_t i) { return i < datagram.size() ? static_cast<unsigned char>(datagram[i]) : 0xFFU; };
  const unsigned type = at(0) >> 4U & 3U, token = at(0) & 15U;
  std::size_t place = 4 + token;
  if (at(0) >> 6U != 1 || token > 8 || type > 1 || datagram.size() < place) {
    return false;
  }
  while (at(place) != 0xFF) {  // over the options, to what marks the payload
    const unsigned delta = at(place) >> 4U, length = at(place) & 15U;
    place += 1U + (delta == 13 ? 1U : 0U) + (length == 13 ? 14U + at(place + 1 + (delta == 13 ? 1U : 0U)) : length);
  }
  message = at(1) == 2 && place < datagram.size() ? datagram.substr(place + 1) : "";
  reply = datagram.substr(0, 4 + token);
  reply[0] = static_cast<char>(0x40U | (type == 0 ? 0x20U : 0x10U) | token);  // acknowledges what asks for it
  reply[1] = static_cast<char>(message.empty() ? 0x80 : 0x44);                // 4.00 bad request, 2.04 changed
  return true;
}

/// What a stranger must send back to show that he is at his address.
inline int MakeCookie(SSL* connection, unsigned char* cookie, unsigned* size) {
  static std::array<unsigned char, 32> key{};
  static const int random = RAND_bytes(key.data(), 32);
  std::array<unsigned char, sizeof(sockaddr_in)> peer{};
  BIO_ctrl(SSL_get_rbio(connection), BIO_CTRL_DGRAM_GET_PEER, peer.size(), peer.data());
  return random == 1 && HMAC(EVP_sha256(), key.data(), key.size(), peer.data(), peer.size(), cookie, size) != nullptr;
}
inline int IsCookie(SSL* connection, const unsigned char* cookie, unsigned size) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> right{};
  unsigned length = 0;
  return MakeCookie(connection, right.data(), &length) && size == length && !CRYPTO_memcmp(cookie, right.data(), size);
}
