// SPDX-License-Identifier: Apache-2.0
/// The Mbed TLS backend with the entropy of a host, for tests.
#pragma once

#include <sys/random.h>

#include <memory>

#include "common/crypto/mbedtls/mbedtls_crypto.hpp"

namespace simroot::crypto {

/// The operating system's generator, or what a test wants of it.
class HostEntropy final : public Entropy {
 public:
  [[nodiscard]] bool Fill(ByteSpan out) override {
    ++calls;
    constexpr std::size_t kMaxRequest = 256;  // getrandom gives up to this much at once
    return !broken && out.size() <= kMaxRequest &&
           ::getrandom(out.data(), out.size(), 0) == static_cast<ssize_t>(out.size());
  }

  bool broken = false;
  unsigned calls = 0;
};

struct OwnedEntropy {
  HostEntropy entropy;
};

/// A backend that owns its entropy, made as the tests of the OpenSSL backend make theirs.
class MbedTlsOnHost final : private OwnedEntropy, public MbedTlsCrypto {
 public:
  MbedTlsOnHost() : MbedTlsCrypto(entropy) {}

  [[nodiscard]] static std::unique_ptr<MbedTlsOnHost> Create() {
    auto made = std::make_unique<MbedTlsOnHost>();
    return made->Start() ? std::move(made) : nullptr;
  }
};

}  // namespace simroot::crypto
