// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace simroot {

/// What SR_CHECK does when its condition is false: the program ends (on a card: the card resets). Given by the product,
/// because the core may not call the operating system.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace simroot

/// Stops at a programming error. Stays in release builds. Never for anything that comes from outside.
#define SR_CHECK(condition)                                   \
  do {                                                        \
    if (!(condition)) {                                       \
      ::simroot::CheckFailed(#condition, __FILE__, __LINE__); \
    }                                                         \
  } while (false)
