// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/host/secret_bytes.hpp"
#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {

/// All certificates of PEM text, in their order; what is between them is skipped. kInvalid if there is none, more than
/// 16, or one is damaged.
[[nodiscard]] Outcome<std::vector<X509Ptr>> ReadPemCertificates(std::string_view text);
/// The private key of PEM text. kInvalid if there is none, or it is enciphered. Never asks for a password.
[[nodiscard]] Outcome<EvpPkey> ReadPemKey(ByteView text);
/// PKCS#8, not enciphered.
[[nodiscard]] Outcome<SecretBytes> WritePemKey(EVP_PKEY* key);

}  // namespace simroot::platform
