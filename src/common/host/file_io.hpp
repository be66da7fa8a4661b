// SPDX-License-Identifier: Apache-2.0
/// Whole files and private directories. Every error has domain kStore, names the path and the system's reason, and says
/// what to do for the usual ones.
#pragma once

#include <string>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot {

/// Makes "cannot `doing` `path`: reason" of an errno value, with the next step if the reason is a usual one (disk full,
/// no rights, no such directory, read-only file system, ...).
[[nodiscard]] Error FileError(const std::string& doing, const std::string& path, int error_number);

/// Puts `bytes` into the file `path`, which then has exactly the rights `mode` (the umask has no say). Readers see the
/// old content or all of the new, also after loss of power: the content is written to a temporary file in the same
/// directory, made permanent, and renamed. A symbolic link at `path` is replaced, not followed.
[[nodiscard]] Result<void> WriteFileAtomically(const std::string& path, ByteView bytes, unsigned mode);

/// The content of a regular file of at most `max_bytes` bytes. Never waits: pipes and devices are refused.
[[nodiscard]] Result<Bytes> ReadWholeFile(const std::string& path, std::size_t max_bytes);

/// Makes the directory `path` and those above it that are missing, all for their owner only (0700). An existing one is
/// accepted if it belongs to this user and nobody else may write into it; a symbolic link is refused.
[[nodiscard]] Result<void> MakePrivateDirectory(const std::string& path);

/// Makes the names in the directory of `path` permanent (after a create, link or rename).
[[nodiscard]] Result<void> SyncDirectoryOf(const std::string& path);

}  // namespace simroot
