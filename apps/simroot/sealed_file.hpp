// SPDX-License-Identifier: Apache-2.0
/// Encrypted files as `simroot device encrypt` writes them (docs/formats/extensions.md, "Encrypted files").
#pragma once

#include "device/client/card.hpp"

namespace simroot::app {

/// Encrypts `text` with a secret key of the card. A text for AES-GCM is cut into segments, each bound to its place in
/// this one file. @param aad GCM only, at most 173 bytes; needed again to decrypt.
[[nodiscard]] Result<Bytes> Seal(device::Card& card, const device::ObjectName& key, iotsafe::CipherMode mode,
                                 ByteView text, ByteView aad);

/// Decrypts what Seal made. Nothing of a text in GCM mode is returned before all of it was found unchanged.
/// @param wanted if given, a file of another mode is refused (kUsage).
[[nodiscard]] Result<Bytes> Unseal(device::Card& card, const device::ObjectName& key,
                                   std::optional<iotsafe::CipherMode> wanted, ByteView file, ByteView aad);

}  // namespace simroot::app
