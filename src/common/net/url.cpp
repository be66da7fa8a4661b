// SPDX-License-Identifier: Apache-2.0
#include "common/net/url.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

namespace simroot::net {
namespace {

bool IsPlain(char c) {
  return c > 0x20 && c < 0x7F;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/// Decodes percent escapes. False for a wrong one and for an escaped control character.
bool Decode(std::string_view text, bool plus_is_space, std::string& out) {
  while (!text.empty()) {
    char c = text.front();
    std::size_t used = 1;
    if (c == '%') {
      const int high = text.size() >= 3 ? HexDigitValue(text[1]) : -1;
      const int low = text.size() >= 3 ? HexDigitValue(text[2]) : -1;
      if (high < 0 || low < 0) {
        return false;
      }
      c = static_cast<char>(high * 16 + low);
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
        return false;
      }
      used = 3;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    out.push_back(c);
    text.remove_prefix(used);
  }
  return true;
}

/// Takes everything in front of `separator`, which is dropped, or all.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool DecodePath(std::string_view raw, std::string& path) {
  raw.remove_prefix(1);
  while (true) {
    const bool last = raw.find('/') == std::string_view::npos;
    std::string part;
    // An escaped "/" would become a border between parts that is none, "\" is one for some readers.
    if (!Decode(TakeUntil(raw, '/'), false, part) || part == "." || part == ".." ||
        part.find_first_of("/\\") != std::string::npos) {
      return false;
    }
    path += "/" + part;
    if (last) {
      return true;
    }
  }
}

bool IsIpAddress(const std::string& host) {
  std::array<std::uint8_t, 16> address{};
  return inet_pton(AF_INET, host.c_str(), address.data()) == 1 ||
         inet_pton(AF_INET6, host.c_str(), address.data()) == 1;
}

bool IsPort(std::string_view port) {
  if (port.empty() || port.size() > 5 || !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const int number = std::stoi(std::string(port));
  return number >= 1 && number <= 65535;
}

/// Splits "host:port" or "[v6]:port".
bool ReadAuthority(std::string_view authority, ServerAddress& address) {
  std::string_view port = "443";
  bool bracketed = false;
  if (authority.starts_with('[')) {
    authority.remove_prefix(1);
    if (authority.find(']') == std::string_view::npos) {
      return false;
    }
    bracketed = true;
    address.host = TakeUntil(authority, ']');
    if (!authority.empty()) {
      if (!authority.starts_with(':')) {
        return false;
      }
      port = authority.substr(1);
    }
  } else {
    const bool has_port = authority.find(':') != std::string_view::npos;
    address.host = TakeUntil(authority, ':');
    port = has_port ? authority : port;
  }
  address.port = port;
  address.is_ip = IsIpAddress(address.host);
  const bool well_formed = bracketed ? address.is_ip && address.host.find(':') != std::string::npos
                                     : !address.host.empty() && address.host.size() <= 253 &&
                                           std::ranges::all_of(address.host, IsUnreserved);
  return well_formed && IsPort(port);
}

}  // namespace

std::optional<Target> ParseTarget(std::string_view text) {
  Target target;
  if (!text.starts_with('/') || !std::ranges::all_of(text, IsPlain) || text.find('#') != std::string_view::npos) {
    return std::nullopt;
  }
  if (!DecodePath(TakeUntil(text, '?'), target.path)) {
    return std::nullopt;
  }
  while (!text.empty()) {
    std::string_view pair = TakeUntil(text, '&');
    std::string name;
    std::string value;
    if (!Decode(TakeUntil(pair, '='), true, name) || !Decode(pair, true, value)) {
      return std::nullopt;
    }
    if (name.empty() || !target.query.emplace(std::move(name), std::move(value)).second) {
      return std::nullopt;
    }
  }
  return target;
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<std::uint8_t>(c);
      out += "%" + ToHex(ByteView(&byte, 1));
    }
  }
  return out;
}

std::optional<ServerAddress> ParseHttpsUrl(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  ServerAddress address;
  if (!url.starts_with(kScheme) || !std::ranges::all_of(url, IsPlain) ||
      url.find_first_of("?#@\\") != std::string_view::npos) {
    return std::nullopt;
  }
  url.remove_prefix(kScheme.size());
  const std::string_view authority = url.substr(0, std::min(url.find('/'), url.size()));
  url.remove_prefix(authority.size());
  while (url.ends_with('/')) {
    url.remove_suffix(1);
  }
  address.prefix = url;
  if (!ReadAuthority(authority, address) || (!url.empty() && !ParseTarget(url))) {
    return std::nullopt;
  }
  return address;
}

}  // namespace simroot::net
