/* SPDX-License-Identifier: Apache-2.0 */
/* The adapter between Mbed TLS 2.28 and the C API. It uses nothing else of this project. */
#include <mbedtls/ecdsa.h>
#include <mbedtls/entropy.h>
#include <mbedtls/md.h>
#include <mbedtls/pk_internal.h>
#include <mbedtls/platform.h>
#include <mbedtls/rsa.h>
#include <simroot/mbedtls.h>
#include <stdlib.h>
#include <string.h>

/* What pk_ctx points to. Mbed TLS casts it to its own key whatever the functions beside it are (mbedtls_pk_ec,
 * mbedtls_pk_rsa), so such a key comes first: with the public half, without a private one. */
typedef struct {
  mbedtls_ecp_keypair half;
  simroot_key_t* key;
} ec_in_sim;

typedef struct {
  mbedtls_rsa_context half;
  simroot_key_t* key;
} rsa_in_sim;

static int to_mbedtls(simroot_result_t result) {
  switch (result) {
    case SIMROOT_OK:
      return 0;
    case SIMROOT_ERROR_USAGE:
    case SIMROOT_ERROR_BUFFER:
      return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
    case SIMROOT_ERROR_NOT_FOUND:
      return MBEDTLS_ERR_PK_KEY_INVALID_FORMAT;
    case SIMROOT_ERROR_CRYPTO:
    case SIMROOT_ERROR_MISMATCH:
      return MBEDTLS_ERR_PK_INVALID_PUBKEY;
    case SIMROOT_ERROR_PIN:
      return MBEDTLS_ERR_PK_PASSWORD_REQUIRED;
    case SIMROOT_ERROR_MEMORY:
      return MBEDTLS_ERR_PK_ALLOC_FAILED;
    default:
      return MBEDTLS_ERR_PLATFORM_HW_ACCEL_FAILED;
  }
}

/* SIMROOT_SHA..., 0 for what cards do not sign. */
static uint32_t hash_of(mbedtls_md_type_t md) {
  switch (md) {
    case MBEDTLS_MD_SHA256:
      return SIMROOT_SHA256;
    case MBEDTLS_MD_SHA384:
      return SIMROOT_SHA384;
    case MBEDTLS_MD_SHA512:
      return SIMROOT_SHA512;
    default:
      return 0;
  }
}

static int sign(simroot_key_t* key, uint32_t form, size_t room, mbedtls_md_type_t md, const unsigned char* hash,
                size_t hash_size, unsigned char* signature, size_t* signature_size) {
  const uint32_t algorithm = hash_of(md);
  size_t size = room;
  int result;
  if (algorithm == 0) {
    return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
  }
  result = to_mbedtls(simroot_key_sign(key, signature, &size, form, algorithm, hash, hash_size));
  if (result == 0) {
    *signature_size = size;
  }
  return result;
}

/* ---- Elliptic curves --------------------------------------------------------------------------------------------- */

static size_t ec_bits(const void* context) {
  return ((const ec_in_sim*)context)->half.grp.pbits;
}

/* Not ECKEY: that would promise the private number for a key exchange. */
static int ec_can_do(mbedtls_pk_type_t type) {
  return type == MBEDTLS_PK_ECDSA;
}

static int ec_verify(void* context, mbedtls_md_type_t md, const unsigned char* hash, size_t hash_size,
                     const unsigned char* signature, size_t signature_size) {
  ec_in_sim* ec = context;
  (void)md;
  return mbedtls_ecdsa_read_signature(&ec->half, hash, hash_size, signature, signature_size);
}

static int ec_sign(void* context, mbedtls_md_type_t md, const unsigned char* hash, size_t hash_size,
                   unsigned char* signature, size_t* signature_size, int (*rng)(void*, unsigned char*, size_t),
                   void* rng_context) {
  ec_in_sim* ec = context;
  (void)rng;
  (void)rng_context;
  return sign(ec->key, SIMROOT_ECDSA_DER, MBEDTLS_ECDSA_MAX_SIG_LEN(ec->half.grp.pbits), md, hash, hash_size, signature,
              signature_size);
}

static void* ec_new(void) {
  ec_in_sim* ec = calloc(1, sizeof(*ec));
  if (ec != NULL) {
    mbedtls_ecp_keypair_init(&ec->half);
  }
  return ec;
}

static void ec_free(void* context) {
  ec_in_sim* ec = context;
  mbedtls_ecp_keypair_free(&ec->half);
  simroot_key_close(ec->key);
  free(ec);
}

/* Members that are not named are NULL: no decryption, no restartable forms, no debugging output. */
static const mbedtls_pk_info_t ec_info = {
    .type = MBEDTLS_PK_ECKEY,
    .name = "EC in SIM",
    .get_bitlen = ec_bits,
    .can_do = ec_can_do,
    .verify_func = ec_verify,
    .sign_func = ec_sign,
    .ctx_alloc_func = ec_new,
    .ctx_free_func = ec_free,
};

static int ec_setup(mbedtls_pk_context* pk, simroot_key_t* key, uint32_t type) {
  uint8_t point[MBEDTLS_ECP_MAX_PT_LEN];
  size_t size = sizeof(point);
  const mbedtls_ecp_group_id curve = type == SIMROOT_KEY_P384   ? MBEDTLS_ECP_DP_SECP384R1
                                     : type == SIMROOT_KEY_P256 ? MBEDTLS_ECP_DP_SECP256R1
                                                                : MBEDTLS_ECP_DP_BP256R1;
  ec_in_sim* ec;
  int result = to_mbedtls(simroot_key_public(key, point, &size, SIMROOT_PUBLIC_RAW));
  if (result == 0) {
    result = mbedtls_pk_setup(pk, &ec_info);
  }
  if (result != 0) {
    return result;
  }
  ec = pk->pk_ctx;
  result = mbedtls_ecp_group_load(&ec->half.grp, curve);
  if (result == 0) {
    result = mbedtls_ecp_point_read_binary(&ec->half.grp, &ec->half.Q, point, size);
  }
  if (result == 0) {
    result = mbedtls_ecp_check_pubkey(&ec->half.grp, &ec->half.Q);
  }
  if (result == 0) {
    ec->key = key;
  }
  return result;
}

/* ---- RSA --------------------------------------------------------------------------------------------------------- */

static size_t rsa_bits(const void* context) {
  return 8 * mbedtls_rsa_get_len(&((const rsa_in_sim*)context)->half);
}

static int rsa_can_do(mbedtls_pk_type_t type) {
  return type == MBEDTLS_PK_RSA;
}

static int rsa_verify(void* context, mbedtls_md_type_t md, const unsigned char* hash, size_t hash_size,
                      const unsigned char* signature, size_t signature_size) {
  rsa_in_sim* rsa = context;
  if (signature_size != mbedtls_rsa_get_len(&rsa->half)) {
    return MBEDTLS_ERR_RSA_VERIFY_FAILED;
  }
  return mbedtls_rsa_pkcs1_verify(&rsa->half, NULL, NULL, MBEDTLS_RSA_PUBLIC, md, (unsigned)hash_size, hash, signature);
}

static int rsa_sign(void* context, mbedtls_md_type_t md, const unsigned char* hash, size_t hash_size,
                    unsigned char* signature, size_t* signature_size, int (*rng)(void*, unsigned char*, size_t),
                    void* rng_context) {
  rsa_in_sim* rsa = context;
  (void)rng;
  (void)rng_context;
  return sign(rsa->key, SIMROOT_RSA_PKCS1, mbedtls_rsa_get_len(&rsa->half), md, hash, hash_size, signature,
              signature_size);
}

static void* rsa_new(void) {
  rsa_in_sim* rsa = calloc(1, sizeof(*rsa));
  if (rsa != NULL) {
    mbedtls_rsa_init(&rsa->half, MBEDTLS_RSA_PKCS_V15, 0);
  }
  return rsa;
}

static void rsa_free(void* context) {
  rsa_in_sim* rsa = context;
  mbedtls_rsa_free(&rsa->half);
  simroot_key_close(rsa->key);
  free(rsa);
}

static const mbedtls_pk_info_t rsa_info = {
    .type = MBEDTLS_PK_RSA,
    .name = "RSA in SIM",
    .get_bitlen = rsa_bits,
    .can_do = rsa_can_do,
    .verify_func = rsa_verify,
    .sign_func = rsa_sign,
    .ctx_alloc_func = rsa_new,
    .ctx_free_func = rsa_free,
};

static int rsa_setup(mbedtls_pk_context* pk, simroot_key_t* key) {
  uint8_t info[SIMROOT_MAX_PUBLIC_KEY_SIZE];
  size_t size = sizeof(info);
  mbedtls_pk_context public_half;
  rsa_in_sim* rsa;
  int result = to_mbedtls(simroot_key_public(key, info, &size, SIMROOT_PUBLIC_SPKI));
  if (result != 0) {
    return result;
  }
  mbedtls_pk_init(&public_half);
  result = mbedtls_pk_parse_public_key(&public_half, info, size);
  if (result == 0) {
    result = mbedtls_pk_setup(pk, &rsa_info);
  }
  if (result == 0) {
    rsa = pk->pk_ctx;
    result = mbedtls_rsa_copy(&rsa->half, mbedtls_pk_rsa(public_half));
    if (result == 0) {
      rsa->key = key;
    }
  }
  mbedtls_pk_free(&public_half);
  return result;
}

/* ---- What programs call ------------------------------------------------------------------------------------------ */

/* mbedtls_pk_info_t has more members in a library built for interruptible curve operations. */
static int library_fits(void) {
#if defined(MBEDTLS_ECP_RESTARTABLE)
  const int restartable = 1;
#else
  const int restartable = 0;
#endif
  return mbedtls_version_get_number() >> 16 == MBEDTLS_VERSION_NUMBER >> 16 &&
         (mbedtls_version_check_feature("MBEDTLS_ECP_RESTARTABLE") == 0) == restartable;
}

static simroot_key_t* key_in(const mbedtls_pk_context* pk) {
  if (pk != NULL && pk->pk_info == &ec_info) {
    return ((const ec_in_sim*)pk->pk_ctx)->key;
  }
  if (pk != NULL && pk->pk_info == &rsa_info) {
    return ((const rsa_in_sim*)pk->pk_ctx)->key;
  }
  return NULL;
}

int simroot_mbedtls_pk_setup(mbedtls_pk_context* pk, simroot_card_t* card, const char* private_key) {
  simroot_key_t* key = NULL;
  uint32_t type = 0;
  int result;
  if (pk == NULL || pk->pk_info != NULL) {
    return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
  }
  if (!library_fits()) {
    return MBEDTLS_ERR_PK_FEATURE_UNAVAILABLE;
  }
  result = to_mbedtls(simroot_key_open(&key, card, private_key));
  if (result == 0) {
    result = to_mbedtls(simroot_key_type(key, &type, NULL));
  }
  if (result == 0) {
    result = type == SIMROOT_KEY_RSA_2048 ? rsa_setup(pk, key) : ec_setup(pk, key, type);
  }
  if (result != 0) {
    /* Without a key in it, so that the key is closed once. */
    mbedtls_pk_free(pk);
    simroot_key_close(key);
  }
  return result;
}

int simroot_mbedtls_check_pair(const mbedtls_x509_crt* certificate, const mbedtls_pk_context* pk) {
  uint8_t info[SIMROOT_MAX_PUBLIC_KEY_SIZE];
  size_t size = sizeof(info);
  simroot_key_t* key = key_in(pk);
  int result;
  if (certificate == NULL || key == NULL) {
    return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
  }
  result = to_mbedtls(simroot_key_public(key, info, &size, SIMROOT_PUBLIC_SPKI));
  if (result != 0) {
    return result;
  }
  return certificate->pk_raw.len == size && memcmp(certificate->pk_raw.p, info, size) == 0
             ? 0
             : MBEDTLS_ERR_PK_TYPE_MISMATCH;
}

int simroot_mbedtls_crt_load(mbedtls_x509_crt* chain, simroot_card_t* card, const char* file) {
  uint8_t* der = NULL;
  size_t size = 0;
  int result;
  if (chain == NULL) {
    return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
  }
  result = to_mbedtls(simroot_card_read_certificate(card, NULL, &size, file));
  if (size != 0) {
    der = malloc(size);
    result =
        der == NULL ? MBEDTLS_ERR_PK_ALLOC_FAILED : to_mbedtls(simroot_card_read_certificate(card, der, &size, file));
  }
  if (result == 0) {
    result = mbedtls_x509_crt_parse_der(chain, der, size);
  }
  free(der);
  return result;
}

int simroot_mbedtls_random(void* card, unsigned char* out, size_t size) {
  return size == 0 ? 0 : to_mbedtls(simroot_card_random(card, out, size));
}

int simroot_mbedtls_entropy(void* card, unsigned char* out, size_t size, size_t* written) {
  *written = 0;
  if (simroot_mbedtls_random(card, out, size) != 0) {
    return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
  }
  *written = size;
  return 0;
}
