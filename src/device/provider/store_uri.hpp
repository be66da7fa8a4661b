// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/client/card.hpp"

namespace simroot::provider {

/// Which kind of object a store URI is limited to.
enum class UriType : std::uint8_t { kAny, kCertificate, kPrivateKey, kPublicKey };

/// The parts of `iotsafe:REF[;type=cert|private|public][?card=URI]`, where REF is `01`, `id=01` or `label=NAME`.
/// In REF and in the card URI `%` and two hexadecimal digits stand for a byte. `?card=` takes everything to the end.
struct StoreUri {
  bool by_label = false;
  Bytes name;  ///< identifier or label
  UriType type = UriType::kAny;
  std::string card;  ///< empty if not given

  [[nodiscard]] device::ObjectName Object(iotsafe::ObjectClass object_class) const {
    return {object_class, by_label, name};
  }
};

/// @returns kUsage with what is wrong and what the form is.
[[nodiscard]] Result<StoreUri> ParseStoreUri(std::string_view text);

}  // namespace simroot::provider
