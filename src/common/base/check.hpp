// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace simroot {

/// What SR_CHECK does when its condition is false: the program ends (on a card: the card resets). Given by the product,
/// because the core may not call the operating system.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
/// The same for a chip, which has no memory for texts (SIMROOT_TERSE_CHECKS).
[[noreturn]] void CheckFailedAt(int line);

}  // namespace simroot

#ifdef SIMROOT_TERSE_CHECKS
#define SR_CHECK_FAILED(condition) ::simroot::CheckFailedAt(__LINE__)
#else
#define SR_CHECK_FAILED(condition) ::simroot::CheckFailed(#condition, __FILE__, __LINE__)
#endif

/// Stops at a programming error. Stays in release builds. Never for anything that comes from outside.
#define SR_CHECK(condition)       \
  do {                            \
    if (!(condition)) {           \
      SR_CHECK_FAILED(condition); \
    }                             \
  } while (false)
