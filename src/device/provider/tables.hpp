// SPDX-License-Identifier: Apache-2.0
/// The dispatch tables of the operations this provider offers, one a source file.
#pragma once

#include <openssl/core.h>

namespace simroot::provider {

/// KEYMGMT "EC": software keys by delegation, card keys by reference (keymgmt.cpp, keygen.cpp).
[[nodiscard]] const OSSL_DISPATCH* KeymgmtFunctions();
/// SIGNATURE "ECDSA" (signature.cpp).
[[nodiscard]] const OSSL_DISPATCH* SignatureFunctions();
/// KEYEXCH "ECDH" (keyexch.cpp).
[[nodiscard]] const OSSL_DISPATCH* KeyexchFunctions();
/// KDF "TLS1-PRF" (kdf_tls1_prf.cpp).
[[nodiscard]] const OSSL_DISPATCH* Tls1PrfFunctions();
/// KDF "TLS13-KDF" (kdf_tls13.cpp).
[[nodiscard]] const OSSL_DISPATCH* Tls13KdfFunctions();
/// KEYMGMT and SIGNATURE "HMAC", with psk = deep (hmac_key.cpp, hmac_signature.cpp).
[[nodiscard]] const OSSL_DISPATCH* HmacKeymgmtFunctions();
[[nodiscard]] const OSSL_DISPATCH* HmacSignatureFunctions();
/// RAND "SEED-SRC", with random = card (seed_source.cpp).
[[nodiscard]] const OSSL_DISPATCH* SeedSourceFunctions();
/// STORE "iotsafe" (store.cpp).
[[nodiscard]] const OSSL_DISPATCH* StoreFunctions();
/// DECODER "DER" from the PEM wrapper (decoder.cpp).
[[nodiscard]] const OSSL_DISPATCH* PemDecoderFunctions();
/// DECODER "EC" from the DER inside a wrapper (decoder.cpp).
[[nodiscard]] const OSSL_DISPATCH* DerDecoderFunctions();
/// ENCODER "EC" to text (encoder.cpp).
[[nodiscard]] const OSSL_DISPATCH* EncoderFunctions();

}  // namespace simroot::provider
