// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/ssl.h>

#include <string>

namespace simroot::server::tls {

/// "192.0.2.1:5683" or "[2001:db8::1]:5683"; empty if the connection has no socket that says so.
[[nodiscard]] std::string PeerAddress(const SSL* connection);

}  // namespace simroot::server::tls
