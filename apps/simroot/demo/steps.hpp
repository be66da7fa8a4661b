// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "common/host/error.hpp"

namespace simroot::app {

/// The steps of a demo: each is said in one line with what it found and how long it took.
class Steps {
 public:
  /// Runs one step and prints its line. @returns the step's error; kStore if stdout is gone.
  [[nodiscard]] Result<void> Do(const std::string& what, const std::function<Result<std::string>()>& run);
  /// Steps that were verified.
  [[nodiscard]] std::size_t done() const { return done_; }

 private:
  std::size_t done_ = 0;
};

}  // namespace simroot::app
