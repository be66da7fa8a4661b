/* SPDX-License-Identifier: Apache-2.0 */
/* usage: sign_test CARD. Private keys of every kind; OpenSSL judges what the card makes. */
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "check.h"

static const char text[] = "meter reading 42";

static const EVP_MD* md_of(uint32_t hash) {
  return hash == SIMROOT_SHA256 ? EVP_sha256() : hash == SIMROOT_SHA384 ? EVP_sha384() : EVP_sha512();
}

static size_t digest_of(uint32_t hash, uint8_t digest[64]) {
  unsigned size = 0;
  CHECK(EVP_Digest(text, sizeof(text), digest, &size, md_of(hash), NULL) == 1);
  return size;
}

static EVP_PKEY* public_of(simroot_key_t* key) {
  uint8_t info[SIMROOT_MAX_PUBLIC_KEY_SIZE];
  size_t size = sizeof(info);
  const unsigned char* start = info;
  EVP_PKEY* parsed;
  OK(simroot_key_public(key, info, &size, SIMROOT_PUBLIC_SPKI));
  parsed = d2i_PUBKEY(NULL, &start, (long)size);
  CHECK(parsed != NULL && start == info + size);
  return parsed;
}

/* r and s as OpenSSL wants them. */
static size_t der_of(const uint8_t* raw, size_t raw_size, uint8_t der[128]) {
  ECDSA_SIG* signature = ECDSA_SIG_new();
  unsigned char* end = der;
  int size;
  CHECK(ECDSA_SIG_set0(signature, BN_bin2bn(raw, (int)(raw_size / 2), NULL),
                       BN_bin2bn(raw + raw_size / 2, (int)(raw_size / 2), NULL)) == 1);
  size = i2d_ECDSA_SIG(signature, &end);
  CHECK(size > 0);
  ECDSA_SIG_free(signature);
  return (size_t)size;
}

static int openssl_accepts(EVP_PKEY* key, uint32_t form, uint32_t hash, const uint8_t* digest, size_t digest_size,
                           const uint8_t* signature, size_t size) {
  uint8_t der[128];
  int valid;
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, NULL);
  CHECK(EVP_PKEY_verify_init(context) == 1);
  if (form == SIMROOT_RSA_PKCS1 || form == SIMROOT_RSA_PSS) {
    CHECK(EVP_PKEY_CTX_set_rsa_padding(context, form == SIMROOT_RSA_PSS ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) ==
          1);
    CHECK(EVP_PKEY_CTX_set_signature_md(context, md_of(hash)) == 1);
    if (form == SIMROOT_RSA_PSS) {
      CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
    }
  }
  if (form == SIMROOT_ECDSA_RAW) {
    size = der_of(signature, size, der);
    signature = der;
  }
  valid = EVP_PKEY_verify(context, signature, size, digest, digest_size) == 1;
  EVP_PKEY_CTX_free(context);
  return valid;
}

static void sign_and_verify(simroot_card_t* card, const char* reference, uint32_t form, uint32_t hash, size_t least,
                            size_t most) {
  simroot_key_t* key = open_key(card, reference);
  EVP_PKEY* public_key = public_of(key);
  uint8_t digest[64];
  uint8_t signature[SIMROOT_MAX_SIGNATURE_SIZE];
  size_t size = 0;
  const size_t digest_size = digest_of(hash, digest);

  /* The room is told without a word to the card: the public half is known by now. */
  COSTS(card, 0, GIVES(SIMROOT_ERROR_BUFFER, simroot_key_sign(key, NULL, &size, form, hash, digest, digest_size)));
  CHECK(size == most);
  size = most - 1;
  COSTS(card, 0, GIVES(SIMROOT_ERROR_BUFFER, simroot_key_sign(key, signature, &size, form, hash, digest, digest_size)));
  CHECK(size == most);
  OK(simroot_key_sign(key, signature, &size, form, hash, digest, digest_size));
  CHECK(size >= least && size <= most);
  CHECK(openssl_accepts(public_key, form, hash, digest, digest_size, signature, size));
  OK(simroot_card_verify(card, reference, form, hash, digest, digest_size, signature, size));

  signature[size - 1] ^= 1;
  GIVES(SIMROOT_ERROR_MISMATCH, simroot_card_verify(card, reference, form, hash, digest, digest_size, signature, size));
  signature[size - 1] ^= 1;
  digest[0] ^= 1;
  GIVES(SIMROOT_ERROR_MISMATCH, simroot_card_verify(card, reference, form, hash, digest, digest_size, signature, size));
  digest[0] ^= 1;
  GIVES(SIMROOT_ERROR_USAGE,
        simroot_card_verify(card, reference, form, hash, digest, digest_size, signature, size - 1));
  GIVES(SIMROOT_ERROR_USAGE, simroot_key_sign(key, signature, &size, form, hash, digest, digest_size - 1));
  GIVES(SIMROOT_ERROR_USAGE, simroot_key_sign(key, signature, &size, form, hash, digest, digest_size + 1));

  size = sizeof(signature);
  OK(simroot_key_sign_data(key, signature, &size, form, hash, (const uint8_t*)text, sizeof(text)));
  CHECK(openssl_accepts(public_key, form, hash, digest, digest_size, signature, size));
  EVP_PKEY_free(public_key);
  simroot_key_close(key);
}

static void check_signatures(simroot_card_t* card) {
  sign_and_verify(card, "01", SIMROOT_ECDSA_DER, SIMROOT_SHA256, 8, 72);
  sign_and_verify(card, "label=sig", SIMROOT_ECDSA_RAW, SIMROOT_SHA256, 64, 64);
  sign_and_verify(card, "id=01", SIMROOT_ECDSA_DER, SIMROOT_SHA384, 8, 72);
  sign_and_verify(card, "01", SIMROOT_ECDSA_RAW, SIMROOT_SHA512, 64, 64);
  sign_and_verify(card, "0B", SIMROOT_ECDSA_DER, SIMROOT_SHA384, 74, 104);
  sign_and_verify(card, "0B", SIMROOT_ECDSA_RAW, SIMROOT_SHA384, 96, 96);
  sign_and_verify(card, "0C", SIMROOT_ECDSA_DER, SIMROOT_SHA256, 8, 72);
  sign_and_verify(card, "0A", SIMROOT_RSA_PKCS1, SIMROOT_SHA256, 256, 256);
  sign_and_verify(card, "0A", SIMROOT_RSA_PSS, SIMROOT_SHA256, 256, 256);
  sign_and_verify(card, "0A", SIMROOT_RSA_PSS, SIMROOT_SHA512, 256, 256);
}

static void check_wrong_keys(simroot_card_t* card) {
  uint8_t digest[64] = {0};
  uint8_t signature[SIMROOT_MAX_SIGNATURE_SIZE];
  size_t size = sizeof(signature);
  simroot_key_t* rsa = open_key(card, "0A");
  simroot_key_t* curve = open_key(card, "01");
  simroot_key_t* none = open_key(card, "77");
  simroot_key_t* empty = open_key(card, "04");
  REFUSED(simroot_key_sign(rsa, signature, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "RSA key");
  REFUSED(simroot_key_sign(curve, signature, &size, SIMROOT_RSA_PSS, SIMROOT_SHA256, digest, 32), "no RSA key");
  REFUSED(simroot_key_sign(curve, signature, &size, 99, SIMROOT_SHA256, digest, 32), "form 99");
  REFUSED(simroot_key_sign(curve, signature, &size, SIMROOT_ECDSA_DER, 3, digest, 32), "hash 3");
  {
    const uint64_t before = exchanges_of(card);
    uint64_t first;
    GIVES(SIMROOT_ERROR_CARD, simroot_key_sign(none, signature, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32));
    CHECK(simroot_error_status_word() == 0x6A80);
    CHECK(strstr(simroot_error_text(), "private key 77") != NULL);
    first = exchanges_of(card) - before;
    GIVES(SIMROOT_ERROR_CARD, simroot_key_sign(none, signature, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32));
    /* That it has no public half is asked once. */
    CHECK(exchanges_of(card) - before < 2 * first);
  }
  GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_key_public(none, signature, &size, SIMROOT_PUBLIC_RAW));
  CHECK(simroot_error_status_word() == 0);
  GIVES(SIMROOT_ERROR_CARD, simroot_key_sign(empty, signature, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32));
  CHECK(simroot_error_status_word() != 0);
  CHECK(size == sizeof(signature));
  simroot_key_close(rsa);
  simroot_key_close(curve);
  simroot_key_close(none);
  simroot_key_close(empty);
}

static void check_types(simroot_card_t* card) {
  static const struct {
    const char* reference;
    uint32_t type;
    uint32_t bits;
    size_t raw;
    size_t info;
  } keys[] = {{"01", SIMROOT_KEY_P256, 256, 65, 91},
              {"0A", SIMROOT_KEY_RSA_2048, 2048, 256, 294},
              {"0B", SIMROOT_KEY_P384, 384, 97, 120},
              {"0C", SIMROOT_KEY_BRAINPOOL_P256, 256, 65, 92}};
  size_t i;
  for (i = 0; i < sizeof(keys) / sizeof(keys[0]); ++i) {
    simroot_key_t* key = open_key(card, keys[i].reference);
    uint8_t value[SIMROOT_MAX_PUBLIC_KEY_SIZE];
    uint8_t same[SIMROOT_MAX_PUBLIC_KEY_SIZE];
    uint32_t type = 0;
    uint32_t bits = 0;
    size_t size = 0;
    OK(simroot_key_type(key, &type, &bits));
    CHECK(type == keys[i].type && bits == keys[i].bits);
    OK(simroot_key_type(key, &type, NULL));
    COSTS(card, 0, GIVES(SIMROOT_ERROR_BUFFER, simroot_key_public(key, NULL, &size, SIMROOT_PUBLIC_RAW)));
    CHECK(size == keys[i].raw);
    OK(simroot_key_public(key, value, &size, SIMROOT_PUBLIC_RAW));
    size = keys[i].info - 1;
    GIVES(SIMROOT_ERROR_BUFFER, simroot_key_public(key, value, &size, SIMROOT_PUBLIC_SPKI));
    CHECK(size == keys[i].info);
    OK(simroot_key_public(key, value, &size, SIMROOT_PUBLIC_SPKI));
    size = sizeof(same);
    OK(simroot_card_read_public_key(card, same, &size, keys[i].reference, SIMROOT_PUBLIC_SPKI));
    CHECK(size == keys[i].info && memcmp(value, same, size) == 0);
    REFUSED(simroot_key_public(key, value, &size, 3), "form 3");
    simroot_key_close(key);
  }
}

static void check_requests(simroot_card_t* card) {
  static const char* const keys[] = {"01", "0A", "0B", "0C"};
  size_t i;
  for (i = 0; i < sizeof(keys) / sizeof(keys[0]); ++i) {
    simroot_key_t* key = open_key(card, keys[i]);
    uint8_t der[2048];
    size_t size = 0;
    const unsigned char* start = der;
    X509_REQ* request;
    char name[100];
    GIVES(SIMROOT_ERROR_BUFFER, simroot_key_csr(key, NULL, &size, "/CN=device1/O=Example"));
    COSTS(card, 0, OK(simroot_key_csr(key, der, &size, "/CN=device1/O=Example")));
    request = d2i_X509_REQ(NULL, &start, (long)size);
    CHECK(request != NULL && start == der + size);
    CHECK(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)) == 1);
    CHECK(X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, name, sizeof(name)) == 7);
    CHECK(strcmp(name, "device1") == 0);
    X509_REQ_free(request);
    size = sizeof(der);
    REFUSED(simroot_key_csr(key, der, &size, "device1"), "TYPE=VALUE");
    REFUSED(simroot_key_csr(key, der, &size, ""), "TYPE=VALUE");
    simroot_key_close(key);
  }
}

static void check_generation(simroot_card_t* card) {
  simroot_key_t* key = NULL;
  simroot_key_t* again = NULL;
  uint8_t first[65];
  uint8_t second[65];
  char reference[8];
  size_t size = sizeof(first);
  OK(simroot_key_generate(&key, card, "04"));
  COSTS(card, 0, OK(simroot_key_public(key, first, &size, SIMROOT_PUBLIC_RAW)));
  size = 0;
  GIVES(SIMROOT_ERROR_BUFFER, simroot_key_reference(key, NULL, &size));
  CHECK(size == 6);
  OK(simroot_key_reference(key, reference, &size));
  CHECK(strcmp(reference, "id=04") == 0);
  OK(simroot_key_generate(&again, card, "label=gen"));
  size = sizeof(second);
  OK(simroot_key_public(again, second, &size, SIMROOT_PUBLIC_RAW));
  CHECK(memcmp(first, second, sizeof(first)) != 0);
  simroot_key_close(key);
  simroot_key_close(again);
  key = NULL;
  GIVES(SIMROOT_ERROR_CARD, simroot_key_generate(&key, card, "0D"));
  CHECK(key == NULL && simroot_error_status_word() == 0x6A80);
}

/* Both sides of a key agreement: the card's and OpenSSL's. */
static void agree(simroot_card_t* card, const char* reference, const char* curve, int as_info) {
  simroot_key_t* key = open_key(card, reference);
  EVP_PKEY* card_half = public_of(key);
  EVP_PKEY* peer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(peer, NULL);
  uint8_t point[97];
  uint8_t secret[48];
  uint8_t expected[48];
  unsigned char* info = NULL;
  size_t point_size = 0;
  size_t size = 0;
  size_t expected_size = sizeof(expected);
  int info_size = i2d_PUBKEY(peer, &info);
  CHECK(EVP_PKEY_get_octet_string_param(peer, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &point_size) == 1);
  CHECK(info_size > 0);
  if (as_info) {
    OK(simroot_card_put_public_key(card, "05", info, (size_t)info_size));
  } else {
    OK(simroot_card_put_public_key(card, "05", point, point_size));
  }
  COSTS(card, 0, GIVES(SIMROOT_ERROR_BUFFER, simroot_key_ecdh(key, NULL, &size, "05")));
  CHECK(size == 32);
  OK(simroot_key_ecdh(key, secret, &size, "05"));
  CHECK(EVP_PKEY_derive_init(context) == 1 && EVP_PKEY_derive_set_peer(context, card_half) == 1);
  CHECK(EVP_PKEY_derive(context, expected, &expected_size) == 1);
  CHECK(size == expected_size && memcmp(secret, expected, size) == 0);
  point[point_size - 1] ^= 1;
  GIVES(SIMROOT_ERROR_CARD, simroot_card_put_public_key(card, "05", point, point_size));
  GIVES(SIMROOT_ERROR_USAGE, simroot_card_put_public_key(card, "05", point, point_size - 1));
  GIVES(SIMROOT_ERROR_USAGE, simroot_card_put_public_key(card, "05", info, (size_t)info_size - 1));
  OPENSSL_free(info);
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(peer);
  EVP_PKEY_free(card_half);
  simroot_key_close(key);
}

static void check_agreement(simroot_card_t* card) {
  uint8_t secret[48];
  size_t size = sizeof(secret);
  simroot_key_t* rsa = open_key(card, "0A");
  agree(card, "01", "prime256v1", 0);
  agree(card, "01", "prime256v1", 1);
  REFUSED(simroot_key_ecdh(rsa, secret, &size, "05"), "RSA key");
  simroot_key_close(rsa);
}

int main(int argc, char** argv) {
  simroot_card_t* card;
  CHECK(argc == 2);
  card = open_card(argv[1]);
  check_types(card);
  check_signatures(card);
  check_wrong_keys(card);
  check_requests(card);
  check_generation(card);
  check_agreement(card);
  simroot_card_close(card);
  return 0;
}
