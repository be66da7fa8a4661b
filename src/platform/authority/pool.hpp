// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <vector>

#include "common/crypto/openssl/handles.hpp"

namespace simroot::platform {

/// Prepared OpenSSL contexts for any number of threads: each is used by one at a time, and there are never more than
/// there were threads at once. They end with the pool, not with a thread, and so do the keys they hold.
/// @tparam Owner a unique_ptr.
template <typename Owner>
class Pool {
 public:
  /// Lends one, or an empty owner if there is none left: the caller then makes one.
  [[nodiscard]] Owner Take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) {
      return nullptr;
    }
    Owner owner = std::move(idle_.back());
    idle_.pop_back();
    return owner;
  }
  /// Takes it back. Not called for one that failed.
  void GiveBack(Owner owner) {
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(owner));
  }

 private:
  std::mutex mutex_;
  std::vector<Owner> idle_;
};

}  // namespace simroot::platform
