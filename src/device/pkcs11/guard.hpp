// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <new>

#include "device/pkcs11/rv.hpp"

namespace simroot::pkcs11 {

[[nodiscard]] inline CK_RV RvOf(const Outcome& outcome) {
  return outcome ? CKR_OK : outcome.error();
}

/// Runs `body`, a function that returns an Outcome, and lets no exception out.
template <typename Body>
[[nodiscard]] CK_RV Guard(Body body) {
  try {
    return RvOf(body());
  } catch (const std::bad_alloc&) {
    return CKR_HOST_MEMORY;
  } catch (...) {
    return CKR_GENERAL_ERROR;
  }
}

}  // namespace simroot::pkcs11
