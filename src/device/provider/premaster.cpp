// SPDX-License-Identifier: Apache-2.0
#include "device/provider/premaster.hpp"

namespace simroot::provider {

PremasterKind ReadPremaster(ByteView secret, PskPremaster& out) {
  if (secret.size() < device::kPskHandleSize) {
    return PremasterKind::kOther;
  }
  const auto reference = device::ParsePskHandle(secret.last(device::kPskHandleSize));
  if (!reference) {
    return PremasterKind::kOther;
  }
  ByteReader reader(secret);
  std::uint16_t other_size = 0;
  std::uint16_t psk_size = 0;
  ByteView other;
  if (!reader.ReadU16(other_size) || !reader.ReadBytes(other_size, other) || !reader.ReadU16(psk_size) ||
      psk_size != device::kPskHandleSize || reader.remaining() != psk_size || other.empty()) {
    return PremasterKind::kMisplaced;
  }
  out.reference = *reference;
  out.plain =
      other.size() == device::kPskHandleSize && std::ranges::all_of(other, [](std::uint8_t byte) { return byte == 0; });
  out.other = out.plain ? ByteView() : other;
  return PremasterKind::kPsk;
}

}  // namespace simroot::provider
