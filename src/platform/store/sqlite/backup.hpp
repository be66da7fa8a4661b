// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/domain/failure.hpp"

namespace simroot::platform::sqlite {

/// Copies the database `from`, as it is at one moment, into the new file `to` (mode 0600), without the space that
/// deleted rows have left, while others read and write. `to` is there when all of it is on the disk, not earlier; the
/// work goes on in TO.partial. kConflict if `to` exists.
[[nodiscard]] Outcome<void> BackUp(const std::string& from, const std::string& to);

}  // namespace simroot::platform::sqlite
