// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/provider/psk_handle.hpp"

namespace simroot::provider {

/// A premaster secret of TLS 1.2 that ends in a handle.
struct PskPremaster {
  device::PskReference reference{};
  bool plain = true;  ///< a PSK alone: the other secret is as many zeros as the handle has bytes
  ByteView other;     ///< the (EC)DHE result, or what else goes before the PSK; borrowed; empty if plain
};

/// What a secret of TLS1-PRF is.
enum class PremasterKind : std::uint8_t {
  kOther,      ///< holds no handle: for the software
  kPsk,        ///< RFC 4279 2 with a handle in place of the PSK
  kMisplaced,  ///< ends in a handle, but is no such premaster secret: nothing may be derived from a public constant
};

/// Looks for a handle at the exact end of `secret`, with its exact length in front: len || other || 0010 || handle.
[[nodiscard]] PremasterKind ReadPremaster(ByteView secret, PskPremaster& out);

}  // namespace simroot::provider
