/* SPDX-License-Identifier: Apache-2.0 */
/* usage: mbedtls_test CARD DEAD_CARD CA.pem. The adapter as Mbed TLS sees it. */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/md.h>
#include <mbedtls/platform.h>
#include <mbedtls/x509_csr.h>
#include <simroot/mbedtls.h>

#include "check.h"

static simroot_card_t* card;

/* Signs with the key of the SIM, and checks with a key made from the public half alone. */
static void sign_and_verify(const char* reference, mbedtls_md_type_t md, size_t bits, mbedtls_pk_type_t can) {
  mbedtls_pk_context pk;
  mbedtls_pk_context half;
  unsigned char text[] = "meter reading 42";
  unsigned char hash[64];
  unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
  unsigned char info[400];
  size_t size = 0;
  const size_t hash_size = mbedtls_md_get_size(mbedtls_md_info_from_type(md));
  int info_size;
  mbedtls_pk_init(&pk);
  mbedtls_pk_init(&half);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, reference) == 0);
  CHECK(mbedtls_pk_get_bitlen(&pk) == bits);
  CHECK(mbedtls_pk_can_do(&pk, can) && !mbedtls_pk_can_do(&pk, MBEDTLS_PK_ECKEY_DH));
  CHECK(!mbedtls_pk_can_do(&pk, MBEDTLS_PK_ECKEY));
  CHECK(strstr(mbedtls_pk_get_name(&pk), "in SIM") != NULL);
  CHECK(mbedtls_md(mbedtls_md_info_from_type(md), text, sizeof(text), hash) == 0);
  CHECK(mbedtls_pk_sign(&pk, md, hash, 0, signature, &size, NULL, NULL) == 0);
  CHECK(mbedtls_pk_verify(&pk, md, hash, hash_size, signature, size) == 0);
  info_size = mbedtls_pk_write_pubkey_der(&pk, info, sizeof(info));
  CHECK(info_size > 0);
  CHECK(mbedtls_pk_parse_public_key(&half, info + sizeof(info) - info_size, (size_t)info_size) == 0);
  CHECK(mbedtls_pk_verify(&half, md, hash, hash_size, signature, size) == 0);
  signature[size - 1] ^= 1;
  CHECK(mbedtls_pk_verify(&half, md, hash, hash_size, signature, size) != 0);
  CHECK(mbedtls_pk_verify(&pk, md, hash, hash_size, signature, size) != 0);
  CHECK(mbedtls_pk_verify(&pk, md, hash, hash_size, signature, size - 1) != 0);
  /* No private number, whichever way Mbed TLS looks for one. */
  if (can == MBEDTLS_PK_ECDSA) {
    CHECK(mbedtls_mpi_cmp_int(&mbedtls_pk_ec(pk)->d, 0) == 0);
  } else {
    CHECK(mbedtls_rsa_check_privkey(mbedtls_pk_rsa(pk)) != 0);
  }
  size = 0;
  CHECK(mbedtls_pk_sign(&pk, MBEDTLS_MD_SHA1, hash, 20, signature, &size, NULL, NULL) ==
        MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE);
  CHECK(mbedtls_pk_decrypt(&pk, hash, 32, signature, &size, sizeof(signature), NULL, NULL) ==
        MBEDTLS_ERR_PK_TYPE_MISMATCH);
  mbedtls_pk_free(&half);
  mbedtls_pk_free(&pk);
}

static void check_pairs(const char* ca_file) {
  mbedtls_pk_context pk;
  mbedtls_pk_context software;
  mbedtls_x509_crt own;
  mbedtls_x509_crt ca;
  uint32_t flags = 0;
  mbedtls_pk_init(&pk);
  mbedtls_pk_init(&software);
  mbedtls_x509_crt_init(&own);
  mbedtls_x509_crt_init(&ca);
  CHECK(mbedtls_x509_crt_parse_file(&ca, ca_file) == 0);
  CHECK(simroot_mbedtls_crt_load(&own, card, "02") == 0);
  CHECK(mbedtls_x509_crt_verify(&own, &ca, NULL, NULL, &flags, NULL, NULL) == 0);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, "01") == 0);
  CHECK(simroot_mbedtls_check_pair(&own, &pk) == 0);
  CHECK(simroot_mbedtls_check_pair(&ca, &pk) == MBEDTLS_ERR_PK_TYPE_MISMATCH);
  CHECK(simroot_mbedtls_check_pair(NULL, &pk) == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_check_pair(&own, NULL) == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_check_pair(&own, &software) == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(mbedtls_pk_setup(&software, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0);
  CHECK(simroot_mbedtls_check_pair(&own, &software) == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  /* A context that holds a key takes no other. */
  CHECK(simroot_mbedtls_pk_setup(&software, card, "01") == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, "01") == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_check_pair(&own, &pk) == 0);
  mbedtls_pk_free(&software);
  mbedtls_pk_free(&pk);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, "0B") == 0);
  CHECK(simroot_mbedtls_check_pair(&own, &pk) == MBEDTLS_ERR_PK_TYPE_MISMATCH);
  mbedtls_pk_free(&pk);
  mbedtls_x509_crt_free(&ca);
  mbedtls_x509_crt_free(&own);
}

static void check_random(void) {
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context drbg;
  unsigned char first[32] = {0};
  unsigned char second[32] = {0};
  size_t written = 0;
  CHECK(simroot_mbedtls_random(card, first, sizeof(first)) == 0);
  CHECK(simroot_mbedtls_random(card, second, sizeof(second)) == 0);
  CHECK(memcmp(first, second, sizeof(first)) != 0);
  CHECK(simroot_mbedtls_random(card, first, 0) == 0);
  CHECK(simroot_mbedtls_random(NULL, first, 1) == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_entropy(card, first, sizeof(first), &written) == 0 && written == sizeof(first));
  CHECK(simroot_mbedtls_entropy(NULL, first, sizeof(first), &written) == MBEDTLS_ERR_ENTROPY_SOURCE_FAILED);
  CHECK(written == 0);
  mbedtls_entropy_init(&entropy);
  mbedtls_ctr_drbg_init(&drbg);
  CHECK(mbedtls_entropy_add_source(&entropy, simroot_mbedtls_entropy, card, 32, MBEDTLS_ENTROPY_SOURCE_STRONG) == 0);
  {
    const uint64_t before = exchanges_of(card);
    CHECK(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0) == 0);
    CHECK(exchanges_of(card) > before);
  }
  mbedtls_ctr_drbg_free(&drbg);
  mbedtls_entropy_free(&entropy);
}

/* Mbed TLS writes a certificate request with the key of the SIM. */
static void check_request(void) {
  mbedtls_pk_context pk;
  mbedtls_x509write_csr writer;
  mbedtls_x509_csr request;
  unsigned char der[1024];
  int size;
  mbedtls_pk_init(&pk);
  mbedtls_x509write_csr_init(&writer);
  mbedtls_x509_csr_init(&request);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, "01") == 0);
  mbedtls_x509write_csr_set_md_alg(&writer, MBEDTLS_MD_SHA256);
  mbedtls_x509write_csr_set_key(&writer, &pk);
  CHECK(mbedtls_x509write_csr_set_subject_name(&writer, "CN=device1") == 0);
  size = mbedtls_x509write_csr_der(&writer, der, sizeof(der), simroot_mbedtls_random, card);
  CHECK(size > 0);
  CHECK(mbedtls_x509_csr_parse_der(&request, der + sizeof(der) - size, (size_t)size) == 0);
  {
    unsigned char hash[32];
    const mbedtls_x509_buf signature = request.sig;
    CHECK(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), request.cri.p, request.cri.len, hash) == 0);
    CHECK(mbedtls_pk_verify(&request.pk, MBEDTLS_MD_SHA256, hash, sizeof(hash), signature.p, signature.len) == 0);
  }
  mbedtls_x509_csr_free(&request);
  mbedtls_x509write_csr_free(&writer);
  mbedtls_pk_free(&pk);
}

static void check_misuse(const char* dead_uri) {
  mbedtls_pk_context pk;
  mbedtls_x509_crt chain;
  simroot_card_t* dead = open_card(dead_uri);
  unsigned char hash[32] = {0};
  unsigned char signature[MBEDTLS_PK_SIGNATURE_MAX_SIZE];
  size_t size = 0;
  mbedtls_pk_init(&pk);
  mbedtls_x509_crt_init(&chain);
  CHECK(simroot_mbedtls_pk_setup(NULL, card, "01") == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_pk_setup(&pk, NULL, "01") == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, NULL) == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, "x") == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_pk_setup(&pk, card, "77") == MBEDTLS_ERR_PK_KEY_INVALID_FORMAT);
  CHECK(strstr(simroot_error_text(), "private key 77") != NULL);
  CHECK(simroot_mbedtls_pk_setup(&pk, dead, "01") == MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED);
  CHECK(simroot_error_text()[0] != '\0');
  CHECK(mbedtls_pk_get_type(&pk) == MBEDTLS_PK_NONE);
  CHECK(simroot_mbedtls_crt_load(NULL, card, "02") == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_crt_load(&chain, NULL, "02") == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_crt_load(&chain, card, NULL) == MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(simroot_mbedtls_crt_load(&chain, card, "77") == MBEDTLS_ERR_PK_KEY_INVALID_FORMAT);
  CHECK(simroot_mbedtls_crt_load(&chain, card, "03") == MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED);
  CHECK(simroot_mbedtls_crt_load(&chain, card, "0E") == MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED);
  CHECK(simroot_mbedtls_crt_load(&chain, dead, "02") == MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED);
  CHECK(chain.version == 0);
  /* The card is closed before its key: signing says so. */
  CHECK(simroot_mbedtls_pk_setup(&pk, card, "01") == 0);
  simroot_card_close(card);
  card = NULL;
  CHECK(mbedtls_pk_sign(&pk, MBEDTLS_MD_SHA256, hash, sizeof(hash), signature, &size, NULL, NULL) ==
        MBEDTLS_ERR_PK_BAD_INPUT_DATA);
  CHECK(strstr(simroot_error_text(), "closed") != NULL);
  mbedtls_pk_free(&pk);
  mbedtls_x509_crt_free(&chain);
  simroot_card_close(dead);
}

int main(int argc, char** argv) {
  CHECK(argc == 4);
  card = open_card(argv[1]);
  sign_and_verify("01", MBEDTLS_MD_SHA256, 256, MBEDTLS_PK_ECDSA);
  sign_and_verify("01", MBEDTLS_MD_SHA384, 256, MBEDTLS_PK_ECDSA);
  sign_and_verify("0B", MBEDTLS_MD_SHA384, 384, MBEDTLS_PK_ECDSA);
  sign_and_verify("0C", MBEDTLS_MD_SHA256, 256, MBEDTLS_PK_ECDSA);
  sign_and_verify("0A", MBEDTLS_MD_SHA256, 2048, MBEDTLS_PK_RSA);
  check_pairs(argv[3]);
  check_random();
  check_request();
  check_misuse(argv[2]);
  return 0;
}
