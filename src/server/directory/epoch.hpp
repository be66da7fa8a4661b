// SPDX-License-Identifier: Apache-2.0
/// Tells a writer when no reader can still see what it has taken out of a structure.
#pragma once

#include <cstdint>

namespace simroot::server {

/// While one lives on a thread, nothing that this thread can have seen is freed. Costs a load and two stores; the first
/// one of a thread also takes a place in a list, which is given back when the thread ends. May be nested.
class ReadGuard {
 public:
  ReadGuard();
  ~ReadGuard();
  ReadGuard(const ReadGuard&) = delete;
  ReadGuard& operator=(const ReadGuard&) = delete;
};

/// One epoch counts for the process. All accesses by which readers reach what is freed must be sequentially consistent,
/// and so must be the store that takes it out.
///
/// The epoch in which something was taken out: to be asked for after it was.
[[nodiscard]] std::uint64_t EndEpoch();
/// The oldest epoch that a reader may still be in. What was taken out in an earlier one can be freed.
[[nodiscard]] std::uint64_t OldestReader();

}  // namespace simroot::server
