// SPDX-License-Identifier: Apache-2.0
#include "server/directory/epoch.hpp"

#include <array>
#include <atomic>
#include <limits>

namespace simroot::server {
namespace {

/// What one thread announces. On a cache line of its own: readers never write to a line that another one reads.
struct alignas(64) Place {
  std::atomic<std::uint64_t> epoch{0};  ///< 0: not reading
  std::atomic<bool> taken{false};
};

/// Places are never freed: a process has as many as it ever had threads reading at the same time.
struct Chunk {
  std::array<Place, 64> places;
  std::atomic<Chunk*> next{nullptr};
};

constinit std::atomic<std::uint64_t> g_epoch{1};
constinit Chunk g_first{};

Place* TakePlace() {
  for (Chunk* chunk = &g_first;;) {
    for (Place& place : chunk->places) {
      if (!place.taken.load(std::memory_order_relaxed) && !place.taken.exchange(true, std::memory_order_acquire)) {
        return &place;
      }
    }
    Chunk* next = chunk->next.load();
    if (next == nullptr) {
      auto* const fresh = new Chunk;
      if (chunk->next.compare_exchange_strong(next, fresh)) {
        next = fresh;
      } else {
        delete fresh;
      }
    }
    chunk = next;
  }
}

/// Trivial, so that it can be used while the thread's other objects are destroyed.
struct Thread {
  Place* place;
  unsigned depth;
};
constinit thread_local Thread t_thread{nullptr, 0};

/// Gives the place back at the end of the thread.
struct Leaver {
  bool armed = false;
  ~Leaver() {
    if (t_thread.place != nullptr) {
      t_thread.place->taken.store(false, std::memory_order_release);
      t_thread.place = nullptr;
    }
  }
};
thread_local Leaver t_leaver;

}  // namespace

ReadGuard::ReadGuard() {
  Thread& thread = t_thread;
  if (thread.depth++ > 0) {
    return;
  }
  if (thread.place == nullptr) {
    thread.place = TakePlace();
    t_leaver.armed = true;  // makes its destructor run
  }
  // If this is an old epoch by now, less is freed. Sequentially consistent: either the writer sees it, or whatever is
  // read next is what the writer has left.
  thread.place->epoch.store(g_epoch.load());
}

ReadGuard::~ReadGuard() {
  Thread& thread = t_thread;
  if (--thread.depth == 0) {
    thread.place->epoch.store(0, std::memory_order_release);
  }
}

std::uint64_t EndEpoch() {
  return g_epoch.fetch_add(1);
}

std::uint64_t OldestReader() {
  std::uint64_t oldest = std::numeric_limits<std::uint64_t>::max();
  for (Chunk* chunk = &g_first; chunk != nullptr; chunk = chunk->next.load()) {
    for (Place& place : chunk->places) {
      const std::uint64_t epoch = place.epoch.load();
      if (epoch != 0 && epoch < oldest) {
        oldest = epoch;
      }
    }
  }
  return oldest;
}

}  // namespace simroot::server
