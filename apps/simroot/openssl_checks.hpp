// SPDX-License-Identifier: Apache-2.0
/// What the selftests ask of this process's OpenSSL, and how they report.
#pragma once

#include <string>
#include <vector>

#include "common/host/error.hpp"

namespace simroot::app {

/// One line of a selftest's report.
struct Check {
  std::string what;
  bool passed = false;
  std::string detail;  ///< what was found, or the cause and the next step
};

/// Prints the report, as text or JSON. @returns the exit status: 0 only if all have passed.
int PrintChecks(const std::vector<Check>& report, bool json);

/// Everything on OpenSSL's error stack in one line; the stack is empty after that.
[[nodiscard]] std::string OpensslErrors();

/// Has OpenSSL read its configuration file as any program does. @returns kCrypto if it cannot, or if the default
/// provider is not active.
[[nodiscard]] Result<void> LoadOpensslConfiguration();

/// Whether OpenSSL fetches TLS1-PRF and TLS13-KDF from the simroot provider, as libssl does for every handshake. If it
/// does not, a PSK handle is taken for a key, and nothing tells. @returns the cause and what to write.
[[nodiscard]] Result<void> CheckPskDerivations(const std::string& card);

}  // namespace simroot::app
