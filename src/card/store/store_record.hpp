// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "card/store/object_store.hpp"

namespace simroot::card {

/// Bytes that a description has at most.
inline constexpr std::size_t kMaxDescription = 1 + 3 * (1 + iotsafe::kMaxIdSize) + (1 + iotsafe::kMaxLabelSize) + 11;

/// Writes what is permanent of an object beside its value and its counter: class, names, attributes
/// (docs/formats/nvm.md).
void PutDescription(const StoredObject& object, ByteWriter& out);

/// Reads it again. Only what a description holds is set in `object`; on false it is untouched.
[[nodiscard]] bool ReadDescription(ByteReader& reader, StoredObject& object);

}  // namespace simroot::card
