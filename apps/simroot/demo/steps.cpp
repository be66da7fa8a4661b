// SPDX-License-Identifier: Apache-2.0
#include "demo/steps.hpp"

#include <chrono>

#include "output.hpp"

namespace simroot::app {

Result<void> Steps::Do(const std::string& what, const std::function<Result<std::string>()>& run) {
  const auto start = std::chrono::steady_clock::now();
  const auto result = run();
  if (!result) {
    static_cast<void>(PrintLine("[FAIL] " + what));
    return Unexpected(result.error());
  }
  ++done_;
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  if (!PrintLine("[ ok ] " + what + ": " + *result + " (" + std::to_string(took.count()) + " ms)")) {
    return Fail(ErrorDomain::kStore, "cannot write to stdout");
  }
  return {};
}

}  // namespace simroot::app
