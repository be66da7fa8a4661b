// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <utility>

namespace simroot::card {

/// Memory for one object that is made when the program runs, and lives until the next reset. So it costs no start
/// image in the code memory, no constructor before main and no destructor after it.
template <typename T>
class InPlace {
 public:
  /// Makes the object. Call it once.
  template <typename... Arguments>
  T& Make(Arguments&&... arguments) {
    return *new (memory_.data()) T(std::forward<Arguments>(arguments)...);
  }

 private:
  alignas(T) std::array<std::byte, sizeof(T)> memory_;
};

}  // namespace simroot::card
