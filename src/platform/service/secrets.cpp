// SPDX-License-Identifier: Apache-2.0
#include "platform/service/secrets.hpp"

#include <openssl/rand.h>

#include "common/crypto/openssl/backend.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kRandomSize = 32;
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

[[nodiscard]] tl::unexpected<Failure> NoCrypto() {
  return Refuse(FailureKind::kInternal, "OpenSSL cannot be used", "check the installation of libcrypto");
}

}  // namespace

Outcome<Bytes> Sha256(ByteView bytes) {
  const auto* const backend = crypto::Backend::Get();
  Bytes digest(32);
  if (backend == nullptr || EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr,
                                       backend->Digest(iotsafe::HashAlgorithm::kSha256), nullptr) != 1) {
    return NoCrypto();
  }
  return digest;
}

Outcome<SecretBytes> RandomToken(std::string_view prefix) {
  const auto* const backend = crypto::Backend::Get();
  SecretArray<kRandomSize> random;
  const ByteSpan bytes = random.Prepare(kRandomSize);
  if (backend == nullptr || RAND_bytes_ex(backend->context(), bytes.data(), bytes.size(), 256) != 1) {
    return NoCrypto();
  }
  Bytes text(prefix.begin(), prefix.end());
  text.reserve(prefix.size() + 44);  // never moved, so nothing of it stays behind
  unsigned bits = 0;
  unsigned value = 0;
  for (const std::uint8_t byte : bytes) {
    value = (value << 8U) | byte;
    for (bits += 8; bits >= 6; bits -= 6) {
      text.push_back(static_cast<std::uint8_t>(kBase64Url[(value >> (bits - 6)) & 0x3FU]));
    }
  }
  text.push_back(static_cast<std::uint8_t>(kBase64Url[(value << (6 - bits)) & 0x3FU]));
  SecretBytes token(text);
  Wipe(text);
  return token;
}

}  // namespace simroot::platform
