/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file mbedtls.h
 * Keys, certificates and random numbers of the SIM for programs that use Mbed TLS 2.28: the private key of a TLS or
 * DTLS client stays in the card. Link with `pkg-config --cflags --libs simroot-mbedtls` or CMake's simroot::mbedtls.
 *
 * Functions return 0 or a negative error code of Mbed TLS; simroot_error_text() then has the cause in words if it came
 * from the card or the way to it, also after mbedtls_ssl_handshake() failed in the same thread. Threads and processes:
 * as simroot.h says; a mbedtls_pk_context with a key of the SIM may be used by several threads.
 *
 * | result of simroot                   | error of Mbed TLS                                          |
 * |-------------------------------------|------------------------------------------------------------|
 * | USAGE, BUFFER                       | MBEDTLS_ERR_PK_BAD_INPUT_DATA                              |
 * | NOT_FOUND                           | MBEDTLS_ERR_PK_KEY_INVALID_FORMAT                          |
 * | CRYPTO, MISMATCH                    | MBEDTLS_ERR_PK_INVALID_PUBKEY                              |
 * | PIN                                 | MBEDTLS_ERR_PK_PASSWORD_REQUIRED                           |
 * | MEMORY                              | MBEDTLS_ERR_PK_ALLOC_FAILED                                |
 * | TRANSPORT, CARD, PROTOCOL, STORE    | MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED                       |
 *
 * Pre-shared keys of the card cannot be used: Mbed TLS wants their bytes.
 */
#ifndef SIMROOT_MBEDTLS_H
#define SIMROOT_MBEDTLS_H

#include <mbedtls/version.h>
#include <simroot/simroot.h>

#if MBEDTLS_VERSION_NUMBER < 0x021C0000 || MBEDTLS_VERSION_NUMBER >= 0x021D0000
#error \
    "simroot/mbedtls.h is for Mbed TLS 2.28; later versions hide what a key of one's own needs (use their PSA drivers)"
#endif

#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sets up `pk`, initialised with mbedtls_pk_init() and empty, with a private key of the card: EC (P-256,
 * brainpoolP256r1, P-384) or RSA-2048. Reads the public half, so that mbedtls_pk_verify(),
 * mbedtls_pk_write_pubkey_der() and certificate requests by mbedtls_x509write_csr work. Give it to
 * mbedtls_ssl_conf_own_cert(). Free with mbedtls_pk_free(), before the card is closed.
 * @param private_key "01", "id=01" or "label=NAME".
 * @returns MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE if the library in the process is not the one this was built for. */
SIMROOT_API int simroot_mbedtls_pk_setup(mbedtls_pk_context* pk, simroot_card_t* card, const char* private_key);

/** Whether a certificate belongs to a key that simroot_mbedtls_pk_setup() has set up. mbedtls_pk_check_pair() cannot
 * tell.
 * @returns 0; MBEDTLS_ERR_PK_TYPE_MISMATCH if it belongs to another; MBEDTLS_ERR_PK_BAD_INPUT_DATA if `pk` has no key
 * of a SIM. */
SIMROOT_API int simroot_mbedtls_check_pair(const mbedtls_x509_crt* certificate, const mbedtls_pk_context* pk);

/** Adds the certificate in a file of the card to `chain`, initialised with mbedtls_x509_crt_init(). */
SIMROOT_API int simroot_mbedtls_crt_load(mbedtls_x509_crt* chain, simroot_card_t* card, const char* file);

/** Random bytes from the card, in the form of Mbed TLS's f_rng. One exchange for 255 bytes: better seed a generator
 * with simroot_mbedtls_entropy(). @param card a simroot_card_t* */
SIMROOT_API int simroot_mbedtls_random(void* card, unsigned char* out, size_t size);

/** A source for mbedtls_entropy_add_source(&entropy, simroot_mbedtls_entropy, card, 32, MBEDTLS_ENTROPY_SOURCE_STRONG).
 * @param card a simroot_card_t* @returns MBEDTLS_ERR_ENTROPY_SOURCE_FAILED if the card cannot be asked. */
SIMROOT_API int simroot_mbedtls_entropy(void* card, unsigned char* out, size_t size, size_t* written);

#ifdef __cplusplus
}
#endif

#endif /* SIMROOT_MBEDTLS_H */
