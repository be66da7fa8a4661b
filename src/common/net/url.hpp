// SPDX-License-Identifier: Apache-2.0
/// Targets of requests and URLs of servers, read strictly.
#pragma once

#include <optional>
#include <string>

#include "common/net/http.hpp"

namespace simroot::net {

/// What a request's target names, decoded.
struct Target {
  std::string path;
  std::map<std::string, std::string, std::less<>> query;
};

/// Reads the origin form of RFC 9112 3.2.1 ("/a/b?c=d&e"). Nothing if it begins with anything but "/", holds a byte
/// outside of printable ASCII, a wrong percent escape, an escaped "/", "\" or control character, a "." or ".." part, a
/// fragment, or a query name that comes twice. A "+" in the query is a space.
[[nodiscard]] std::optional<Target> ParseTarget(std::string_view text);

/// Writes `text` so that ParseTarget reads it as part of a path or as a name or value of a query.
[[nodiscard]] std::string PercentEncode(std::string_view text);

/// Where a server is.
struct ServerAddress {
  std::string host;    ///< name or IP address, without the brackets of IPv6
  std::string port;    ///< decimal, "443" if the URL has none
  std::string prefix;  ///< path in front of every target: empty, or begins with "/" and does not end with it
  bool is_ip = false;
};

/// Reads https://HOST[:PORT][/PREFIX]. Nothing for any other scheme, user names, queries, fragments, white space.
[[nodiscard]] std::optional<ServerAddress> ParseHttpsUrl(std::string_view url);

}  // namespace simroot::net
