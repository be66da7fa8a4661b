// SPDX-License-Identifier: Apache-2.0
/// The handle that a program is given in place of a pre-shared key: 16 bytes that say which secret key of the card is
/// meant (docs/formats/psk-handle.md). It is public, and no key.
#pragma once

#include <openssl/types.h>

#include <optional>

#include "device/client/card.hpp"

namespace simroot::device {

inline constexpr std::size_t kPskHandleSize = 16;
using PskHandle = std::array<std::uint8_t, kPskHandleSize>;

/// The last four bytes of a handle.
using PskReference = std::array<std::uint8_t, 4>;

/// The handle of the secret key with this identifier. @param identifier 1 to 20 bytes. @param library where SHA-256 is
/// fetched. @returns kCrypto if OpenSSL fails.
[[nodiscard]] Result<PskHandle> MakePskHandle(ByteView identifier, OSSL_LIB_CTX* library);

/// The reference in `bytes` if they are a handle, all of them and nothing else. Its content is not checked.
[[nodiscard]] std::optional<PskReference> ParsePskHandle(ByteView bytes);

/// The identifier, if the reference holds it as it is: identifiers of 1 to 3 bytes.
[[nodiscard]] std::optional<Bytes> DirectIdentifier(const PskReference& reference);

/// True if the reference holds a digest: the identifier has to be looked for in the card's list.
[[nodiscard]] bool IsDigestReference(const PskReference& reference);

}  // namespace simroot::device
