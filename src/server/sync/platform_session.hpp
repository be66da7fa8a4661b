// SPDX-License-Identifier: Apache-2.0
/// What link, enrolment and renewal share about calling the platform.
#pragma once

#include "common/net/http_client.hpp"
#include "server/sync/identity.hpp"

namespace simroot::server {

/// A client of the platform that shows the server's certificate. `longest` is for one request as a whole.
[[nodiscard]] Result<std::unique_ptr<net::HttpClient>> MakeClient(const Identity& identity,
                                                                  std::chrono::milliseconds longest);

/// The error that an answer of 400 or more is, as platform_link.hpp says; kProtocol for what it does not name.
[[nodiscard]] Result<void> CheckAnswer(const net::HttpReply& reply);

/// The same error, with more to say if it is the server's own certificate that has ended.
[[nodiscard]] Error Explain(const Identity& identity, Error error);

}  // namespace simroot::server
