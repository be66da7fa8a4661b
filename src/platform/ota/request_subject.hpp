// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "platform/authority/authority.hpp"

namespace simroot::platform {

/// The subject as an X.501 Name in DER: organisation, serial number, common name; empty parts are left out.
[[nodiscard]] Bytes EncodeName(const Subject& subject);

}  // namespace simroot::platform
