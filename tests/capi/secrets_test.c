/* SPDX-License-Identifier: Apache-2.0 */
/* usage: secrets_test CARD. Pre-shared keys and the services beyond IoT.05; OpenSSL computes what is expected. */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "check.h"

/* Secret 06 of the demo profile. */
static uint8_t psk[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

static void derive(const char* kdf, const OSSL_PARAM* parameters, uint8_t* out, size_t size) {
  EVP_KDF* algorithm = EVP_KDF_fetch(NULL, kdf, NULL);
  EVP_KDF_CTX* context = EVP_KDF_CTX_new(algorithm);
  CHECK(EVP_KDF_derive(context, out, size, parameters) == 1);
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(algorithm);
}

/* RFC 4279 2: both parts with their lengths. */
static size_t premaster(const uint8_t* other, size_t other_size, uint8_t* out) {
  const size_t first = other_size == 0 ? sizeof(psk) : other_size;
  out[0] = 0;
  out[1] = (uint8_t)first;
  memset(out + 2, 0, first);
  if (other_size != 0) {
    memcpy(out + 2, other, other_size);
  }
  out[2 + first] = 0;
  out[3 + first] = sizeof(psk);
  memcpy(out + 4 + first, psk, sizeof(psk));
  return 4 + first + sizeof(psk);
}

static void check_prf(simroot_card_t* card) {
  uint8_t other[32];
  uint8_t seed[70];
  uint8_t secret[100];
  uint8_t out[48];
  uint8_t expected[48];
  size_t other_size;
  memset(other, 0x5A, sizeof(other));
  memset(seed, 0x41, sizeof(seed));
  for (other_size = 0; other_size <= sizeof(other); other_size += sizeof(other)) {
    const size_t size = premaster(other, other_size, secret);
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, "SHA256", 0),
                                     OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, secret, size),
                                     OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof(seed)),
                                     OSSL_PARAM_construct_end()};
    derive("TLS1-PRF", parameters, expected, sizeof(expected));
    OK(simroot_card_tls12_prf(card, out, sizeof(out), "06", other_size == 0 ? NULL : other, other_size, seed,
                              sizeof(seed)));
    CHECK(memcmp(out, expected, sizeof(out)) == 0);
    seed[0] ^= 1;
    OK(simroot_card_tls12_prf(card, out, sizeof(out), "label=psk", other, other_size, seed, sizeof(seed)));
    CHECK(memcmp(out, expected, sizeof(out)) != 0);
    seed[0] ^= 1;
  }
  memset(out, 0xEE, sizeof(out));
  GIVES(SIMROOT_ERROR_CARD, simroot_card_tls12_prf(card, out, sizeof(out), "77", NULL, 0, seed, sizeof(seed)));
  GIVES(SIMROOT_ERROR_CARD, simroot_card_tls12_prf(card, out, sizeof(out), "07", NULL, 0, seed, sizeof(seed)));
  GIVES(SIMROOT_ERROR_USAGE, simroot_card_tls12_prf(card, out, 0, "06", NULL, 0, seed, sizeof(seed)));
  CHECK(out[0] == 0xEE && out[sizeof(out) - 1] == 0xEE);
}

static void check_early_secret(simroot_card_t* card) {
  static uint8_t salt[48];
  uint8_t out[48];
  uint8_t expected[48];
  int mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
  const uint32_t hashes[] = {SIMROOT_SHA256, SIMROOT_SHA384};
  size_t i;
  for (i = 0; i < 2; ++i) {
    const size_t size = i == 0 ? 32 : 48;
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, i == 0 ? "SHA256" : "SHA384", 0),
        OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, psk, sizeof(psk)),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt, size), OSSL_PARAM_construct_end()};
    derive("HKDF", parameters, expected, size);
    OK(simroot_card_tls13_early_secret(card, out, size, "06", hashes[i]));
    CHECK(memcmp(out, expected, size) == 0);
    REFUSED(simroot_card_tls13_early_secret(card, out, size - 1, "06", hashes[i]), "out_size");
    REFUSED(simroot_card_tls13_early_secret(card, out, size + 1, "06", hashes[i]), "out_size");
  }
  GIVES(SIMROOT_ERROR_CARD, simroot_card_tls13_early_secret(card, out, 32, "77", SIMROOT_SHA256));
  REFUSED(simroot_card_tls13_early_secret(card, out, 32, "06", 0), "hash 0");
}

static void check_hash_and_mac(simroot_card_t* card) {
  /* RFC 4493 4, examples 1 and 4; the key is in secret 09. */
  static const uint8_t mac_of_nothing[16] = {0xbb, 0x1d, 0x69, 0x29, 0xe9, 0x59, 0x37, 0x28,
                                             0x7f, 0xa3, 0x7d, 0x12, 0x9b, 0x75, 0x67, 0x46};
  static const uint8_t text[] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96,
                                 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a};
  static const uint8_t mac_of_text[16] = {0x07, 0x0a, 0x16, 0xb4, 0x6b, 0x4d, 0x41, 0x44,
                                          0xf7, 0x9b, 0xdd, 0x9d, 0xd0, 0x4a, 0x28, 0x7c};
  uint8_t big[3000];
  uint8_t digest[64];
  uint8_t expected[64];
  uint8_t mac[16];
  memset(big, 'x', sizeof(big));
  OK(simroot_card_hash(card, digest, 32, SIMROOT_SHA256, big, sizeof(big)));
  CHECK(EVP_Digest(big, sizeof(big), expected, NULL, EVP_sha256(), NULL) == 1 && memcmp(digest, expected, 32) == 0);
  OK(simroot_card_hash(card, digest, 64, SIMROOT_SHA512, NULL, 0));
  CHECK(EVP_Digest("", 0, expected, NULL, EVP_sha512(), NULL) == 1 && memcmp(digest, expected, 64) == 0);
  REFUSED(simroot_card_hash(card, digest, 63, SIMROOT_SHA512, NULL, 0), "out_size");
  OK(simroot_card_mac(card, mac, "09", NULL, 0));
  CHECK(memcmp(mac, mac_of_nothing, sizeof(mac)) == 0);
  OK(simroot_card_mac(card, mac, "09", text, sizeof(text)));
  CHECK(memcmp(mac, mac_of_text, sizeof(mac)) == 0);
  GIVES(SIMROOT_ERROR_CARD, simroot_card_mac(card, mac, "06", text, sizeof(text)));
  GIVES(SIMROOT_ERROR_CARD, simroot_card_mac(card, mac, "77", text, sizeof(text)));
}

static void seal_and_open(simroot_card_t* card, uint32_t mode, size_t text_size, size_t sealed_size) {
  static const uint8_t aad[5] = {'o', 'r', 'd', 'e', 'r'};
  const size_t aad_size = mode == SIMROOT_AES_GCM ? sizeof(aad) : 0;
  uint8_t text[300];
  uint8_t sealed[400];
  uint8_t opened[400];
  size_t size = 0;
  size_t room = 0;
  memset(text, 0x37, sizeof(text));
  COSTS(
      card, 0,
      GIVES(SIMROOT_ERROR_BUFFER, simroot_card_encrypt(card, NULL, &size, "07", mode, aad, aad_size, text, text_size)));
  CHECK(size == sealed_size);
  OK(simroot_card_encrypt(card, sealed, &size, "07", mode, aad, aad_size, text, text_size));
  CHECK(size == sealed_size);
  if (text_size > 0) {
    COSTS(
        card, 0,
        GIVES(SIMROOT_ERROR_BUFFER, simroot_card_decrypt(card, NULL, &room, "07", mode, aad, aad_size, sealed, size)));
    CHECK(room >= text_size && room <= text_size + 16);
  }
  room = sizeof(opened);
  OK(simroot_card_decrypt(card, opened, &room, "07", mode, aad, aad_size, sealed, size));
  CHECK(room == text_size && memcmp(opened, text, text_size) == 0);
  if (mode == SIMROOT_AES_GCM) {
    size_t i;
    for (i = 0; i < size; i += 7) {
      sealed[i] ^= 1;
      room = sizeof(opened);
      memset(opened, 0xEE, sizeof(opened));
      GIVES(SIMROOT_ERROR_CRYPTO, simroot_card_decrypt(card, opened, &room, "07", mode, aad, aad_size, sealed, size));
      CHECK(opened[0] == 0xEE && room == sizeof(opened));
      sealed[i] ^= 1;
    }
    GIVES(SIMROOT_ERROR_CRYPTO, simroot_card_decrypt(card, opened, &room, "07", mode, aad, aad_size - 1, sealed, size));
    REFUSED(simroot_card_decrypt(card, opened, &room, "07", mode, aad, aad_size, sealed, 27), "too few");
  } else {
    REFUSED(simroot_card_encrypt(card, sealed, &size, "07", mode, aad, 1, text, text_size), "AES-GCM");
    REFUSED(simroot_card_decrypt(card, opened, &room, "07", mode, NULL, 0, sealed, 15), "too few");
  }
}

static void check_ciphers(simroot_card_t* card) {
  uint8_t text[300] = {0};
  uint8_t out[400];
  size_t size = sizeof(out);
  seal_and_open(card, SIMROOT_AES_GCM, 0, 28);
  seal_and_open(card, SIMROOT_AES_GCM, SIMROOT_MAX_GCM_TEXT_SIZE, SIMROOT_MAX_GCM_TEXT_SIZE + 28);
  seal_and_open(card, SIMROOT_AES_CTR, 31, 47);
  seal_and_open(card, SIMROOT_AES_CBC, 31, 48);
  seal_and_open(card, SIMROOT_AES_CBC, 32, 64);
  REFUSED(simroot_card_encrypt(card, out, &size, "07", SIMROOT_AES_GCM, NULL, 0, text, SIMROOT_MAX_GCM_TEXT_SIZE + 1),
          "at most");
  REFUSED(simroot_card_encrypt(card, out, &size, "07", SIMROOT_RSA_OAEP, NULL, 0, text, 10), "in software");
  REFUSED(simroot_card_encrypt(card, out, &size, "07", 5, NULL, 0, text, 10), "cipher 5");
  REFUSED(simroot_card_encrypt(card, out, &size, "07", 0x101, NULL, 0, text, 10), "cipher 257");
  GIVES(SIMROOT_ERROR_CARD, simroot_card_encrypt(card, out, &size, "06", SIMROOT_AES_GCM, NULL, 0, text, 10));
}

static void check_oaep(simroot_card_t* card) {
  static const uint8_t text[] = "session key";
  uint8_t info[SIMROOT_MAX_PUBLIC_KEY_SIZE];
  size_t size = sizeof(info);
  const unsigned char* start = info;
  uint8_t sealed[256];
  size_t sealed_size = sizeof(sealed);
  uint8_t opened[256];
  EVP_PKEY* key;
  EVP_PKEY_CTX* context;
  OK(simroot_card_read_public_key(card, info, &size, "0A", SIMROOT_PUBLIC_SPKI));
  key = d2i_PUBKEY(NULL, &start, (long)size);
  context = EVP_PKEY_CTX_new(key, NULL);
  CHECK(EVP_PKEY_encrypt_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1);
  CHECK(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1);
  CHECK(EVP_PKEY_encrypt(context, sealed, &sealed_size, text, sizeof(text)) == 1);
  size = sizeof(opened);
  OK(simroot_card_decrypt(card, opened, &size, "0A", SIMROOT_RSA_OAEP, NULL, 0, sealed, sealed_size));
  CHECK(size == sizeof(text) && memcmp(opened, text, size) == 0);
  sealed[100] ^= 1;
  size = sizeof(opened);
  GIVES(SIMROOT_ERROR_CRYPTO,
        simroot_card_decrypt(card, opened, &size, "0A", SIMROOT_RSA_OAEP, NULL, 0, sealed, sealed_size));
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
}

int main(int argc, char** argv) {
  simroot_card_t* card;
  CHECK(argc == 2);
  card = open_card(argv[1]);
  check_prf(card);
  check_early_secret(card);
  check_hash_and_mac(card);
  check_ciphers(card);
  check_oaep(card);
  simroot_card_close(card);
  return 0;
}
