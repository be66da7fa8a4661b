// SPDX-License-Identifier: Apache-2.0
/// Which object of a card plays which part in the cases. Used by discovery.cpp only.
#pragma once

#include <optional>

#include "conformance/discovery.hpp"

namespace simroot::conformance {

/// An object of the list.
struct FoundObject {
  iotsafe::ObjectInfo info;
  Bytes raw;                                       ///< its structure as it stood in the list
  std::optional<iotsafe::ObjectInfo> public_info;  ///< private keys: the public key that verifies their signature
};

/// Keys that go together: the halves of a pair, and what agrees on secrets.
enum class KeyKind : std::uint8_t { kP256, kBrainpoolP256, kP384, kRsa, kOther };
[[nodiscard]] KeyKind KindOf(const iotsafe::ObjectInfo& info);
/// The curve of any kind but kRsa and kOther.
[[nodiscard]] crypto::Curve CurveOf(KeyKind kind);

/// `84 01 01`: the reference by identifier, as commands carry it.
[[nodiscard]] Bytes ReferenceById(const iotsafe::ObjectInfo& info);

/// Fills variables, missing and facts of `out`, whose application and model are known.
void AssignRoles(const std::vector<FoundObject>& objects, const DiscoveryOptions& options, Capabilities& out);

}  // namespace simroot::conformance
