// SPDX-License-Identifier: Apache-2.0
/// What the plugin asks of the broker. All of it on the broker's one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/directory/credential.hpp"
#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// A client of the broker: `struct mosquitto*`. After the end of a client the broker may use it for another one.
using ClientHandle = const void*;

struct ShownCertificate {
  Fingerprint fingerprint{};
  bool chain_is_right = false;  ///< it chains to the tenant's CAs
};

class Broker {
 public:
  virtual ~Broker() = default;
  /// Empty: the client has not sent its CONNECT yet.
  [[nodiscard]] virtual std::string_view ClientId(ClientHandle client) const = 0;
  [[nodiscard]] virtual std::string_view UserName(ClientHandle client) const = 0;  ///< empty: none
  /// Empty: no connection stands or stood behind the client; it is a session read from disk, or the sender of a
  /// retained message.
  [[nodiscard]] virtual std::string_view Address(ClientHandle client) const = 0;
  [[nodiscard]] virtual std::optional<ShownCertificate> Certificate(ClientHandle client) const = 0;
  [[nodiscard]] virtual bool SetUserName(ClientHandle client, const std::string& name) = 0;
  /// Ends the connection of the client with this id, or of all with this user name, without their will. Calls back
  /// Gatekeeper::Access and Gatekeeper::Disconnected.
  virtual void KickId(const std::string& client_id) = 0;
  virtual void KickUser(const std::string& user_name) = 0;
  virtual void Log(LogLevel level, const std::string& line) = 0;
};

}  // namespace simroot::server
