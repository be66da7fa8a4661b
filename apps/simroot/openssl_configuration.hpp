// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "common/host/error.hpp"

namespace simroot::app {

/// What OpenSSL's configuration file says of the provider, read from the file itself.
struct OpensslConfigurationFile {
  std::string path;
  std::string card;  ///< `card =` of the provider's section; empty if it is not there
};

/// Follows the file that OPENSSL_CONF names, or OpenSSL's default one, down to the provider's section, and stops at the
/// first thing that keeps OpenSSL from activating both providers. OpenSSL itself is silent about most of them.
/// @returns kUsage with the file, what is missing in it, and what to write.
[[nodiscard]] Result<OpensslConfigurationFile> InspectOpensslConfiguration();

}  // namespace simroot::app
