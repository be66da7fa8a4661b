// SPDX-License-Identifier: Apache-2.0
/// Errors and results outside the core, where text and heap are at hand.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/result.hpp"
#include "common/wire/status_word.hpp"

namespace simroot {

/// Where an error comes from. A card's 6F00 and a broken cable never share a number.
enum class ErrorDomain : std::uint8_t {
  kUsage,      ///< the caller asked for something that cannot be: unknown object, bad URI, wrong option
  kTransport,  ///< port, modem, reader, time limit
  kCard,       ///< the card answered with a status word that is a refusal; `sw` is set
  kProtocol,   ///< the card or the modem answered something that cannot be understood
  kCrypto,     ///< the crypto library failed, or a signature that should verify does not
  kStore,      ///< files: the virtual card's memory, the cache
};

/// One error. `message` is one clear sentence with the cause, without the final full stop; `next_step` says what to do
/// about it (may be empty). Neither ever holds a secret.
struct Error {
  ErrorDomain domain = ErrorDomain::kUsage;
  std::string message;
  std::string next_step;
  wire::StatusWord sw = wire::StatusWord::kOk;  ///< kCard only

  /// "message; next_step" as a program prints it.
  [[nodiscard]] std::string Text() const { return next_step.empty() ? message : message + "; " + next_step; }
};

template <typename T>
using Result = Expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> Fail(ErrorDomain domain, std::string message, std::string next_step = {}) {
  return tl::unexpected<Error>(Error{domain, std::move(message), std::move(next_step)});
}

}  // namespace simroot
