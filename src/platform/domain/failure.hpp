// SPDX-License-Identifier: Apache-2.0
/// How the platform says no. A caller acts on the kind; people read the sentence.
#pragma once

#include <string>

#include "common/host/error.hpp"

namespace simroot::platform {

enum class FailureKind : std::uint8_t {
  kInvalid,      ///< the request cannot be understood or is never allowed: do not repeat it
  kNotFound,     ///< no such object, or none that the caller may see
  kConflict,     ///< the object is in another state than the request needs, or exists already
  kDenied,       ///< the caller may not do this
  kLimited,      ///< too many, too fast: later
  kUnavailable,  ///< the database or the disk does not answer: the same request may succeed later
  kInternal,     ///< a bug, or a failure of the crypto library
};

/// `message` is one clear sentence without the full stop, `next_step` may be empty. Neither ever holds a secret.
struct Failure {
  FailureKind kind = FailureKind::kInternal;
  std::string message;
  std::string next_step;

  Failure(FailureKind what, std::string text, std::string next = {})
      : kind(what), message(std::move(text)), next_step(std::move(next)) {}
  /// kUsage becomes kInvalid, kStore kUnavailable, everything else kInternal.
  Failure(Error error)  // NOLINT(google-explicit-constructor): so that SR_TRY passes errors of the layers below on
      : kind(error.domain == ErrorDomain::kUsage   ? FailureKind::kInvalid
             : error.domain == ErrorDomain::kStore ? FailureKind::kUnavailable
                                                   : FailureKind::kInternal),
        message(std::move(error.message)),
        next_step(std::move(error.next_step)) {}

  [[nodiscard]] std::string Text() const { return next_step.empty() ? message : message + "; " + next_step; }
};

template <typename T>
using Outcome = Expected<T, Failure>;

[[nodiscard]] inline tl::unexpected<Failure> Refuse(FailureKind kind, std::string message, std::string next_step = {}) {
  return tl::unexpected<Failure>(Failure(kind, std::move(message), std::move(next_step)));
}

}  // namespace simroot::platform
