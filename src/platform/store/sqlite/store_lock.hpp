// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/host/unique_fd.hpp"
#include "platform/domain/failure.hpp"

namespace simroot::platform::sqlite {

/// Keeps a database for this store alone: a lock on the file DATABASE.lock, which holds the number of its process. The
/// system gives the lock back when the process ends, however it ends; the file stays.
class StoreLock {
 public:
  /// Does not wait. kConflict, naming the process, if somebody has it.
  [[nodiscard]] static Outcome<StoreLock> Take(const std::string& database);

 private:
  explicit StoreLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace simroot::platform::sqlite
