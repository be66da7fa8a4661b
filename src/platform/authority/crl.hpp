// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/authority/ca_store.hpp"

namespace simroot::platform {

/// A complete CRL (RFC 5280 5), version 2, with authority key identifier and number, entries sorted by serial number,
/// each serial once with its earliest time. kInvalid for serials and reasons that are none, and impossible times.
[[nodiscard]] Outcome<Bytes> MakeCrlOf(LoadedCa& authority, const std::vector<RevokedEntry>& entries,
                                       std::int64_t number, UnixTime now, std::int64_t lifetime_s);

}  // namespace simroot::platform
