// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot::server {

/// A file that others read while it is replaced: they see the old content or all of the new. Its content is remembered
/// as a hash only, since it may be secret.
class PublishedFile {
 public:
  /// @param mode its rights, whatever the umask is
  PublishedFile(std::string path, unsigned mode) : path_(std::move(path)), mode_(mode) {}

  /// Makes `content` the file's content. @returns whether that changed anything. kStore: it could not be written, and
  /// is as it was before.
  [[nodiscard]] Result<bool> Publish(ByteView content);

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  using Digest = std::array<std::uint8_t, 32>;
  [[nodiscard]] static Result<Digest> DigestOf(ByteView content);
  /// Of the file as it is on disk; nothing if it is not there, is no regular file, or has other rights.
  [[nodiscard]] std::optional<Digest> DigestOnDisk() const;
  [[nodiscard]] bool IsInPlace() const;

  std::string path_;
  unsigned mode_;
  std::optional<Digest> published_{};
};

}  // namespace simroot::server
