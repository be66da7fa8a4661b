// SPDX-License-Identifier: Apache-2.0
/// The directory of a platform: where what lies, and its few settings.
#pragma once

#include <string>
#include <vector>

#include "platform/authority/authority.hpp"
#include "platform/domain/store.hpp"
#include "platform/service/service.hpp"

namespace simroot::app {

class SystemClock final : public platform::Clock {
 public:
  [[nodiscard]] platform::UnixTime Now() override;
};

/// DIR/platform.json.
struct PlatformSettings {
  std::string listen = "127.0.0.1:8443";
  std::vector<std::string> names{"localhost", "127.0.0.1", "::1"};  ///< of the server's certificate
  std::int64_t sessions_per_minute_and_card = 10;
  std::int64_t sessions_per_minute_and_address = 600;
};

/// Names of the files in the directory of a platform.
class PlatformHome {
 public:
  explicit PlatformHome(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] std::string Settings() const { return directory_ + "/platform.json"; }
  [[nodiscard]] std::string Database() const { return directory_ + "/platform.db"; }
  [[nodiscard]] std::string Vault() const { return directory_ + "/vault"; }
  [[nodiscard]] std::string Authorities() const { return directory_ + "/authority"; }
  [[nodiscard]] std::string PlatformCa() const { return directory_ + "/ca.pem"; }       ///< what devices trust
  [[nodiscard]] std::string DeviceCa() const { return directory_ + "/device-ca.pem"; }  ///< what servers trust
  [[nodiscard]] std::string AdminToken() const { return directory_ + "/admin.token"; }  ///< 0600
  [[nodiscard]] std::string Address() const { return directory_ + "/address"; }         ///< URL of the running server

  /// @returns kUsage if there is no platform, or it may not be looked at.
  [[nodiscard]] Result<void> CheckPresent() const;
  [[nodiscard]] Result<PlatformSettings> ReadSettings() const;
  [[nodiscard]] Result<void> WriteSettings(const PlatformSettings& settings) const;

 private:
  std::string directory_;
};

/// Everything of a platform but its HTTP server, opened.
struct OpenPlatform {
  std::unique_ptr<SystemClock> clock;
  std::unique_ptr<platform::Vault> vault;
  std::unique_ptr<platform::Authority> authority;
  std::unique_ptr<platform::Store> store;
  std::unique_ptr<platform::Service> service;
};
/// @param create true: the vault is made, and the database.
[[nodiscard]] Result<OpenPlatform> Open(const PlatformHome& home, bool create);

/// As the programs report it.
[[nodiscard]] Error ToError(platform::Failure failure);
template <typename T>
[[nodiscard]] Result<T> FromOutcome(platform::Outcome<T> outcome) {
  if (!outcome) {
    return tl::make_unexpected(ToError(std::move(outcome).error()));
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return std::move(*outcome);
  }
}

/// "ADDRESS:PORT", "[::1]:PORT". @returns kUsage.
struct ListenAddress {
  std::string address;
  std::uint16_t port = 0;
};
[[nodiscard]] Result<ListenAddress> ParseListenAddress(const std::string& text);

/// Secrets of this process do not get into core files or other processes' hands.
void HideMemory();

}  // namespace simroot::app
