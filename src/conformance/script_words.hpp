// SPDX-License-Identifier: Apache-2.0
/// Words of script lines as values. Used by script_runner.cpp and script_checks.cpp only.
#pragma once

#include <string>

#include "common/crypto/port.hpp"
#include "conformance/expression.hpp"

namespace simroot::conformance {

[[nodiscard]] inline tl::unexpected<std::string> Reason(std::string why) {
  return tl::unexpected<std::string>(std::move(why));
}

/// Nothing if `condition` holds, else the reason.
[[nodiscard]] inline OrReason<void> Require(bool condition, std::string why) {
  return condition ? OrReason<void>() : OrReason<void>(Reason(std::move(why)));
}

/// A decimal number of at most six digits.
[[nodiscard]] inline OrReason<std::size_t> Number(const std::string& word) {
  if (word.empty() || word.size() > 6 || word.find_first_not_of("0123456789") != std::string::npos) {
    return Reason("'" + word + "' is no number");
  }
  return std::stoul(word);
}

[[nodiscard]] inline OrReason<iotsafe::HashAlgorithm> HashNamed(std::string_view name) {
  if (name == "sha256") {
    return iotsafe::HashAlgorithm::kSha256;
  }
  if (name == "sha384") {
    return iotsafe::HashAlgorithm::kSha384;
  }
  if (name == "sha512") {
    return iotsafe::HashAlgorithm::kSha512;
  }
  return Reason("no hash '" + std::string(name) + "'");
}

[[nodiscard]] inline OrReason<crypto::Curve> CurveNamed(std::string_view name) {
  if (name == "p256") {
    return crypto::Curve::kP256;
  }
  if (name == "bp256") {
    return crypto::Curve::kBrainpoolP256r1;
  }
  if (name == "p384") {
    return crypto::Curve::kP384;
  }
  return Reason("no curve '" + std::string(name) + "'");
}

}  // namespace simroot::conformance
