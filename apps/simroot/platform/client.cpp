// SPDX-License-Identifier: Apache-2.0
#include "platform/client.hpp"

#include <boost/json.hpp>
#include <cstdlib>

#include "common/host/file_io.hpp"
#include "platform/home.hpp"
#include "platform/service/secrets.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kMaxSmallFile = 4096;

[[nodiscard]] std::string Environment(const char* name) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : "";
}

[[nodiscard]] Result<std::string> ReadLineOf(const std::string& path) {
  SR_TRY(const Bytes bytes, ReadWholeFile(path, kMaxSmallFile));
  std::string text(AsText(bytes));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  return text;
}

[[nodiscard]] Result<net::HttpClientOptions> FromDirectory(const std::string& directory) {
  const PlatformHome home(directory);
  net::HttpClientOptions options;
  SR_TRY_VOID(home.CheckPresent());
  auto address = ReadLineOf(home.Address());
  if (!address) {
    return Fail(ErrorDomain::kUsage, "no platform serves " + directory + " (" + address.error().message + ")",
                "start it: simroot platform serve --dir " + directory);
  }
  options.url = *std::move(address);
  options.ca_file = home.PlatformCa();
  SR_TRY(options.token, ReadLineOf(home.AdminToken()));
  return options;
}

[[nodiscard]] Result<net::HttpClientOptions> FromEnvironment() {
  net::HttpClientOptions options;
  options.url = Environment("SIMROOT_PLATFORM");
  options.token = Environment("SIMROOT_TOKEN");
  options.ca_file = Environment("SIMROOT_PLATFORM_CA");
  if (!options.url.empty() && options.token.empty()) {
    return Fail(ErrorDomain::kUsage, "SIMROOT_PLATFORM is set, and SIMROOT_TOKEN is not",
                "set it to a token; an administrator makes one: simroot platform token create NAME");
  }
  if (options.url.empty()) {
    return Fail(ErrorDomain::kUsage, "it is not known which platform is meant",
                "give --dir DIR, or set SIMROOT_PLATFORM (URL), SIMROOT_TOKEN and SIMROOT_PLATFORM_CA");
  }
  return options;
}

/// RFC 9457. What cannot be understood is not repeated.
[[nodiscard]] Error ProblemOf(const net::HttpReply& reply) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(reply.body, error);
  std::string detail;
  if (const auto* const object = value.if_object(); !error && object != nullptr) {
    for (const char* const name : {"title", "detail"}) {
      const auto* const text = object->if_contains(name);
      if (text != nullptr && text->is_string()) {
        detail = Plain(*text);
      }
    }
  }
  if (detail.empty()) {
    detail = "the platform answers with status " + std::to_string(reply.status);
  }
  return {reply.status < 500 ? ErrorDomain::kUsage : ErrorDomain::kTransport, detail, {}};
}

}  // namespace

Result<PlatformClient> PlatformClient::Create(const PlatformClientOptions& options) {
  SR_TRY(net::HttpClientOptions http, options.directory.empty() ? FromEnvironment() : FromDirectory(options.directory));
  SR_TRY(auto client, net::HttpClient::Create(std::move(http)));
  return PlatformClient(std::move(client));
}

Result<net::HttpReply> PlatformClient::SendAnyStatus(const std::string& method, const std::string& target,
                                                     const std::string& body, const std::string& content_type) {
  net::Headers headers;
  if (!body.empty()) {
    headers["content-type"] = content_type;
  }
  if (method == "POST") {  // so that it can be sent again if the connection breaks, and is done once
    auto key = platform::RandomToken("");
    if (!key) {
      return tl::make_unexpected(ToError(std::move(key).error()));
    }
    headers["idempotency-key"] = AsText(key->Reveal(InsecureReveal::kForStore));
  }
  return http_->Send(method, target, body, headers);
}

Result<void> PlatformClient::Check(const net::HttpReply& reply) {
  if (reply.status >= 400) {
    return tl::make_unexpected(ProblemOf(reply));
  }
  return {};
}

Result<net::HttpReply> PlatformClient::Send(const std::string& method, const std::string& target,
                                            const std::string& body, const std::string& content_type) {
  SR_TRY(net::HttpReply reply, SendAnyStatus(method, target, body, content_type));
  SR_TRY_VOID(Check(reply));
  return reply;
}

Result<boost::json::value> PlatformClient::Ask(const std::string& method, const std::string& target,
                                               const std::string& body) {
  SR_TRY(const net::HttpReply reply, Send(method, target, body));
  if (reply.body.empty()) {
    return boost::json::value(nullptr);
  }
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(reply.body, error);
  if (error) {
    return Fail(ErrorDomain::kProtocol, "the platform's answer is not JSON",
                "is the address that of a simroot platform?");
  }
  return value;
}

std::string TargetOf(const std::string& path, const std::vector<std::pair<std::string, std::string>>& query) {
  constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  std::string target = path;
  char separator = '?';
  for (const auto& [name, value] : query) {
    if (value.empty()) {
      continue;
    }
    target += separator + name + "=";
    separator = '&';
    for (const char c : value) {
      if (kPlain.find(c) != std::string_view::npos) {
        target += c;
      } else {
        const auto byte = static_cast<std::uint8_t>(c);
        target += "%" + ToHex({&byte, 1});
      }
    }
  }
  return target;
}

std::string Plain(const boost::json::value& value) {
  if (value.is_null()) {
    return {};
  }
  if (value.is_string()) {
    return std::string(value.as_string().c_str(), value.as_string().size());
  }
  return boost::json::serialize(value);
}

}  // namespace simroot::app
