// SPDX-License-Identifier: Apache-2.0
// Readers move by success only; what was read as BER is written back byte for byte; objects survive being written.
#include "common/base/check.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/wire/tlv.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simroot;  // NOLINT: one function
  static std::array<std::uint8_t, 1U << 16U> memory;
  ByteWriter out(memory);
  std::array<ByteReader, 4> readers;
  readers.fill(ByteReader(ByteView(data, size)));
  auto& [ber, flexible, open, objects] = readers;
  wire::Tlv tlv;
  wire::OpenTlv part;
  SR_CHECK(wire::ReadFlexibleTlv(flexible, {}, tlv) ? flexible.empty() : flexible.remaining() == size);
  SR_CHECK(wire::ReadOpenTlv(open, part) ? part.total > part.first.size() : open.remaining() == size);
  while (wire::ReadBerTlv(ber, tlv)) {
    wire::PutBerTlv(tlv.tag, tlv.value, out);
  }
  SR_CHECK(!out.ok() || SameBytes(out.written(), ByteView(data, size - ber.remaining())));
  while (const auto info = iotsafe::ReadObjectInfo(objects)) {
    out.Truncate(0);
    iotsafe::PutObjectInfo(*info, out);
    ByteReader again(out.written());
    const auto same = iotsafe::ReadObjectInfo(again);
    SR_CHECK((same && *same == *info) || (info->id.empty() && info->label.empty()));
  }
  return 0;
}
