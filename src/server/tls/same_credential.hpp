// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "server/directory/directory.hpp"

namespace simroot::server {

/// Whether two descriptions with the same id are of the same credential. A platform that was restored from a backup may
/// give an id again, to the credential of another device.
[[nodiscard]] inline bool IsSameCredential(const Found& one, const Found& other) {
  return one.kind == other.kind && std::string_view(one.iccid.data()) == other.iccid.data() &&
         std::string_view(one.name.data()) == other.name.data();
}

}  // namespace simroot::server
