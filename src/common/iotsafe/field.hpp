// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {

/// Reads one element with a plain one-byte length. One known card announces two bytes in tag 92 and sends one, so that
/// the tag 91 which follows looks like the second: such a 92 is read as one byte (spec 10.16). On failure the reader
/// has not moved.
[[nodiscard]] bool ReadField(ByteReader& reader, wire::Tlv& out);

}  // namespace simroot::iotsafe
