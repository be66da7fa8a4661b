// SPDX-License-Identifier: Apache-2.0
/// The parts of simroot_server_bench.
#pragma once

#include <chrono>
#include <ctime>
#include <string>

#include "server/directory/directory.hpp"

namespace simroot::bench {

/// Credential number `number` (1, 2, ...) of a made-up fleet, every one another device's.
[[nodiscard]] server::Credential MakeCredential(std::int64_t number, server::CredentialKind kind);
[[nodiscard]] server::Fingerprint FingerprintOf(std::int64_t number);

[[nodiscard]] inline double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Of this thread on a processor: what else the machine does is not counted.
[[nodiscard]] inline double OwnSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Full handshakes of a server with the middleware beside those of one that only verifies the same CA.
void RunServerHandshakes();
/// Loading, memory, look-ups of `count` devices; the local copy in `folder`.
void RunDirectory(std::int64_t count, const std::string& folder);

}  // namespace simroot::bench
