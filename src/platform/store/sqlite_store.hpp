// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "platform/domain/store.hpp"

namespace simroot::platform {

struct SqliteOptions {
  std::string file;            ///< the database; FILE-wal, FILE-shm and FILE.lock stand beside it
  Clock& clock;                ///< times of audit entries and feed events; outlives the store
  bool create = false;         ///< make the file (mode 0600) if there is none
  unsigned batch_limit = 256;  ///< works in one commit, 1 to 4096
};

/// Opens the database and brings its schema up to date (docs/formats/database.md). Nothing in the file is changed when
/// it is refused. Writes wait for the disk: a work that could not begin within 30 seconds is not begun at all.
///
/// The store belongs to one process at a time; others may read the file with SQLite's own tools.
///
/// @returns kNotFound if there is no file and none is to be made; kConflict if another process, which is named, has it;
/// kInvalid if it is no database of the platform, others than its owner may read it, or a newer program made it;
/// kUnavailable if the disk does not let it be opened.
[[nodiscard]] Outcome<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options);

/// Copies the database `file`, as it is at one moment, into the new file `to` (mode 0600), whether or not a process,
/// this one or another, has it open as a store. `to` is there when all of it is on the disk, not earlier. kNotFound if
/// there is no such database, kInvalid if it is none of the platform, kConflict if `to` exists.
[[nodiscard]] Outcome<void> BackUpSqliteStore(const std::string& file, const std::string& to);

}  // namespace simroot::platform
