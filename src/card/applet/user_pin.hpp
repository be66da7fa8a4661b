// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace simroot::card {

/// The optional user PIN is an object of the store that no command can name and no list shows: a secret key with this
/// identifier and key type iotsafe::KeyType::kUserPin. Its value is the PIN itself, its counter the failed attempts.
inline constexpr std::array<std::uint8_t, 3> kUserPinId{'P', 'I', 'N'};
inline constexpr std::size_t kMinUserPinSize = 4;
/// Longest PIN, and bytes of the field in VERIFY, which is filled up with FF.
inline constexpr std::size_t kMaxUserPinSize = 8;
/// Attempts that may fail one after the other; then the PIN is blocked.
inline constexpr std::uint64_t kMaxPinFailures = 3;

}  // namespace simroot::card
