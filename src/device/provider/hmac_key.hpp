// SPDX-License-Identifier: Apache-2.0
/// HMAC keys, with `psk = deep`: libssl makes the binder of a PSK with one.
#pragma once

#include "common/host/secret_bytes.hpp"
#include "device/provider/context.hpp"

namespace simroot::provider {

/// What libcrypto calls key data of an HMAC key. Never changes once it is filled.
struct HmacKey {
  Context* context = nullptr;
  bool filled = false;
  SecretBytes bytes;           ///< a software key
  std::optional<Token> token;  ///< a finished key on the card, in its place
  Bytes token_bytes;           ///< what stands for it

  [[nodiscard]] const Core& core() const { return context->core(); }
};

}  // namespace simroot::provider
