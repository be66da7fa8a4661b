// SPDX-License-Identifier: Apache-2.0
/// Random bytes and objects for property tests.
#pragma once

#include <rapidcheck.h>

#include "common/host/hex.hpp"
#include "common/iotsafe/objects.hpp"

namespace simroot::property {

/// `min` to `max` bytes.
[[nodiscard]] inline rc::Gen<Bytes> BytesOf(std::size_t min, std::size_t max) {
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(min, max + 1), [](std::size_t size) {
    return rc::gen::container<Bytes>(size, rc::gen::arbitrary<std::uint8_t>());
  });
}

/// `min` to `max` bytes in which numbers that are tags and lengths of the applet are frequent.
[[nodiscard]] inline rc::Gen<Bytes> TlvLikeBytes(std::size_t max) {
  std::vector<std::uint8_t> frequent{0x00, 0x01, 0x02, 0x20, 0x40, 0x41, 0x45, 0x81, 0x82, 0x83, 0xFF};
  for (const auto& rule : iotsafe::kTagRules) {
    frequent.push_back(Code(rule.tag));
  }
  const auto byte = rc::gen::oneOf(rc::gen::elementOf(frequent), rc::gen::arbitrary<std::uint8_t>());
  return rc::gen::mapcat(rc::gen::inRange<std::size_t>(0, max + 1),
                         [byte](std::size_t size) { return rc::gen::container<Bytes>(size, byte); });
}

template <std::size_t kMax>
[[nodiscard]] FixedBytes<kMax> Fixed(const Bytes& bytes) {
  FixedBytes<kMax> fixed;
  RC_ASSERT(fixed.Assign(bytes));
  return fixed;
}

[[nodiscard]] inline iotsafe::ObjectClass AnyClass() {
  return *rc::gen::element(iotsafe::ObjectClass::kPrivateKey, iotsafe::ObjectClass::kPublicKey,
                           iotsafe::ObjectClass::kFile, iotsafe::ObjectClass::kSecretKey);
}

/// An object whose fields are those of its class, any values in them.
[[nodiscard]] inline iotsafe::ObjectInfo AnyObject() {
  using iotsafe::ObjectClass;
  iotsafe::ObjectInfo info;
  const auto byte = [] { return *rc::gen::arbitrary<std::uint8_t>(); };
  info.object_class = AnyClass();
  info.id = Fixed<iotsafe::kMaxIdSize>(*BytesOf(1, iotsafe::kMaxIdSize));
  info.label = Fixed<iotsafe::kMaxLabelSize>(*BytesOf(0, iotsafe::kMaxLabelSize));
  info.access = byte();
  info.state = static_cast<iotsafe::ObjectState>(byte());
  if (info.object_class == ObjectClass::kFile) {
    info.file_usage = static_cast<iotsafe::FileUsage>(byte());
    info.file_size = *rc::gen::arbitrary<std::uint16_t>();
    return info;
  }
  info.key_type = static_cast<iotsafe::KeyType>(byte());
  info.functions = byte();
  if (info.object_class == ObjectClass::kSecretKey) {
    info.key_derivation = byte();
    return info;
  }
  info.key_usage = static_cast<iotsafe::KeyUsage>(byte());
  info.signature_algorithms = byte();
  info.hash_algorithms = *rc::gen::arbitrary<std::uint16_t>();
  info.key_agreement = byte();
  return info;
}

}  // namespace simroot::property
