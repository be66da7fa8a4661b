// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace simroot::server {

/// Runs `function`; `otherwise` if it throws. Nothing may be thrown into the broker, which is C; out of memory is the
/// only cause.
template <typename Function>
int Guarded(int otherwise, Function&& function) {
  try {
    return function();
  } catch (...) {
    return otherwise;
  }
}

}  // namespace simroot::server
