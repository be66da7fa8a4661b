// SPDX-License-Identifier: Apache-2.0
/// The command line as a client of the platform's REST API.
#pragma once

#include <boost/json/value.hpp>

#include "common/net/http_client.hpp"
#include "platform/commands.hpp"

namespace simroot::app {

/// Talks to the platform that the options name; errors of the platform become errors with their sentence.
class PlatformClient {
 public:
  /// Connects to nothing yet. @returns kUsage if it is not known where the platform is, or who asks.
  [[nodiscard]] static Result<PlatformClient> Create(const PlatformClientOptions& options);

  /// Any answer below 400 as it came. @param content_type of `body`.
  [[nodiscard]] Result<net::HttpReply> Send(const std::string& method, const std::string& target,
                                            const std::string& body = {},
                                            const std::string& content_type = "application/json");
  /// Any answer.
  [[nodiscard]] Result<net::HttpReply> SendAnyStatus(const std::string& method, const std::string& target,
                                                     const std::string& body, const std::string& content_type);
  /// The error that an answer of 400 or more is.
  [[nodiscard]] static Result<void> Check(const net::HttpReply& reply);
  /// As Send, as JSON; null if there is no body.
  [[nodiscard]] Result<boost::json::value> Ask(const std::string& method, const std::string& target,
                                               const std::string& body = {});

 private:
  explicit PlatformClient(std::unique_ptr<net::HttpClient> http) : http_(std::move(http)) {}
  std::unique_ptr<net::HttpClient> http_;
};

/// `path?name=value&...` with what must be encoded encoded; empty values are left out.
[[nodiscard]] std::string TargetOf(const std::string& path,
                                   const std::vector<std::pair<std::string, std::string>>& query);

/// What a person reads for a JSON value: text without quotes, nothing for null.
[[nodiscard]] std::string Plain(const boost::json::value& value);

}  // namespace simroot::app
