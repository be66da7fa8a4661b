// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "common/base/bytes.hpp"
#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot::app {

/// What a search went through and where it found something.
struct SearchResult {
  std::uint64_t bytes_searched = 0;
  std::vector<std::string> found_in;
};

/// The forms in which a number of 32 bytes can lie around: big endian, little endian (as OpenSSL's big numbers keep
/// it), either half of both, hexadecimal text of both cases.
[[nodiscard]] std::vector<Bytes> TracesOf(ByteView number);

/// Searches all readable memory of a running process. The caller must be its parent or root.
[[nodiscard]] Result<SearchResult> SearchMemory(pid_t pid, const std::vector<Bytes>& patterns);

/// Searches every regular file below `folder`.
[[nodiscard]] Result<SearchResult> SearchFiles(const std::string& folder, const std::vector<Bytes>& patterns);

}  // namespace simroot::app
