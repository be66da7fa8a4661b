// SPDX-License-Identifier: Apache-2.0
/// The dispatch tables of the operations this provider offers, one a source file.
#pragma once

#include <openssl/core.h>

namespace simroot::provider {

/// KEYMGMT "EC": software keys by delegation, card keys by reference (keymgmt.cpp, keygen.cpp).
[[nodiscard]] const OSSL_DISPATCH* KeymgmtFunctions();
/// SIGNATURE "ECDSA" (signature.cpp).
[[nodiscard]] const OSSL_DISPATCH* SignatureFunctions();
/// KEYEXCH "ECDH" for software keys (keyexch.cpp).
[[nodiscard]] const OSSL_DISPATCH* KeyexchFunctions();
/// STORE "iotsafe" (store.cpp).
[[nodiscard]] const OSSL_DISPATCH* StoreFunctions();
/// DECODER "DER" from the PEM wrapper (decoder.cpp).
[[nodiscard]] const OSSL_DISPATCH* PemDecoderFunctions();
/// DECODER "EC" from the DER inside a wrapper (decoder.cpp).
[[nodiscard]] const OSSL_DISPATCH* DerDecoderFunctions();
/// ENCODER "EC" to text (encoder.cpp).
[[nodiscard]] const OSSL_DISPATCH* EncoderFunctions();

}  // namespace simroot::provider
