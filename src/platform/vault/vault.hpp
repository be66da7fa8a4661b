// SPDX-License-Identifier: Apache-2.0
/// Envelope encryption of what the platform must keep secret: card keys, PSKs, CA keys. Each value has a random data
/// key; a key encryption key (KEK) from a file wraps it. Format: docs/formats/vault.md.
#pragma once

#include <memory>

#include "common/host/secret_bytes.hpp"
#include "platform/domain/failure.hpp"

namespace simroot::platform {

/// Safe for any number of threads.
class Vault {
 public:
  /// Makes `directory` (0700) with a first KEK (0600). kConflict if there is a vault already.
  [[nodiscard]] static Outcome<std::unique_ptr<Vault>> Create(const std::string& directory);
  /// Reads the KEKs. kInvalid if a file is missing, damaged, or others may read it.
  [[nodiscard]] static Outcome<std::unique_ptr<Vault>> Open(const std::string& directory);
  virtual ~Vault() = default;

  /// Seals up to 64 KiB under the newest KEK. `context` ("card-keys/ICCID/48") is not kept but must be the same when
  /// it is opened: a sealed value moved to another row opens nothing.
  [[nodiscard]] virtual Outcome<Bytes> Seal(ByteView plain, std::string_view context) = 0;
  /// kInternal if it was not sealed here, for another context, or is damaged; the sentence does not tell which.
  [[nodiscard]] virtual Outcome<SecretBytes> Unseal(ByteView sealed, std::string_view context) = 0;
  /// Wraps the data key anew under the newest KEK; the value itself is not touched.
  [[nodiscard]] virtual Outcome<Bytes> Rewrap(ByteView sealed, std::string_view context) = 0;
  /// Adds a KEK that is used from now on; older ones still open. @returns its number.
  [[nodiscard]] virtual Outcome<std::uint32_t> AddKey() = 0;
  /// Number of the KEK that sealed this; kInvalid if it is no sealed value.
  [[nodiscard]] virtual Outcome<std::uint32_t> KeyNumber(ByteView sealed) const = 0;
  [[nodiscard]] virtual std::uint32_t NewestKey() const = 0;
};

}  // namespace simroot::platform
