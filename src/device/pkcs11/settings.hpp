// SPDX-License-Identifier: Apache-2.0
/// Which cards the module shows, and how it talks to them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "device/transport/transport.hpp"

namespace simroot::pkcs11 {

struct Settings {
  std::vector<device::CardUri> cards;  ///< one slot each; "pcsc:" without a name: one for each reader
  bool use_cache = true;
  std::string cache_directory;       ///< empty: the client's default
  std::chrono::seconds timeout{10};  ///< for one operation, 1 to 600
};

/// Reads a configuration file's text: lines `card = URI` (any number), `cache = DIRECTORY` or `off`, `timeout =
/// SECONDS`; `#` begins a comment. @param name of the file, for messages. @returns kUsage with file and line.
[[nodiscard]] Result<Settings> ParseSettings(std::string_view text, const std::string& name);

/// The cards of SIMROOT_CARD: URIs separated by semicolons. @returns kUsage for a wrong one.
[[nodiscard]] Result<std::vector<device::CardUri>> ParseCards(std::string_view text);

/// What applies to this process: the file SIMROOT_PKCS11_CONF names, else $XDG_CONFIG_HOME/simroot/pkcs11.conf (or
/// ~/.config), else /etc/simroot/pkcs11.conf; SIMROOT_CARD replaces its cards. No file and no variable: no cards.
[[nodiscard]] Result<Settings> ReadSettings();

}  // namespace simroot::pkcs11
