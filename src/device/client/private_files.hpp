// SPDX-License-Identifier: Apache-2.0
/// Small files in a directory that only this user can write: the cache and the channel ledger.
#pragma once

#include <optional>
#include <string>

#include "common/host/hex.hpp"
#include "common/host/unique_fd.hpp"

namespace simroot::device::client {

enum class IfMissing : std::uint8_t { kCreate, kFail };

/// A directory that belongs to the effective user and that nobody else can write to. Holds no secrets but decides what
/// the client believes, so anything else is refused. All failures are silent: its users work without it.
class PrivateDirectory {
 public:
  /// Opens `path`, which may be empty: then, as when the directory is refused, the result is not ok(). kCreate makes
  /// it and its missing parents with mode 0700.
  explicit PrivateDirectory(const std::string& path, IfMissing if_missing);

  [[nodiscard]] bool ok() const { return static_cast<bool>(fd_); }

  /// The content of a regular file of this user, at most `max_size` bytes; nothing if it is missing, larger, a link, or
  /// writable by others.
  [[nodiscard]] std::optional<Bytes> Read(const std::string& name, std::size_t max_size) const;

  /// Replaces or makes a file, mode 0600, in one step: a reader sees the old content or the new, never a part. Not
  /// synced to the medium: what is kept here can be had again, and its readers check it.
  bool Replace(const std::string& name, ByteView content) const;

 private:
  UniqueFd fd_;
};

}  // namespace simroot::device::client
