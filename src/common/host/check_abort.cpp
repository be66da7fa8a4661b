// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <cstdlib>

#include "common/base/check.hpp"

namespace simroot {

void CheckFailed(const char* condition, const char* file, int line) {
  static_cast<void>(
      std::fprintf(stderr, "simroot: internal error: %s is false at %s:%d; please report it\n", condition, file, line));
  std::abort();
}

}  // namespace simroot
