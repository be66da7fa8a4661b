// SPDX-License-Identifier: Apache-2.0
/// The border to OpenSSL, whose callbacks are C.
#pragma once

namespace simroot::server::tls {

/// Runs what OpenSSL has called: no exception goes back into C.
template <typename Value, typename Function>
Value Guarded(Value otherwise, Function&& function) noexcept {
  try {
    return function();
  } catch (...) {
    return otherwise;
  }
}

}  // namespace simroot::server::tls
