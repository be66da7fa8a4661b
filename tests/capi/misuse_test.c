/* SPDX-License-Identifier: Apache-2.0 */
/* usage: misuse_test CARD DEAD_CARD. Every function with every argument that cannot be, and with a card that is not
 * there. */
#include "check.h"

static uint8_t bytes[512];
static size_t size;

static void check_null_in_card_functions(simroot_card_t* card) {
  static const uint8_t digest[32];
  simroot_card_t* out = NULL;
  simroot_info_t info = SIMROOT_INFO_INIT;
  simroot_object_t object = SIMROOT_OBJECT_INIT;
  simroot_counters_t counters = SIMROOT_COUNTERS_INIT;
  simroot_pin_t pin = SIMROOT_PIN_INIT;
  simroot_list_t* list = NULL;
  size = sizeof(bytes);
  REFUSED(simroot_card_open(NULL, "sim:x", NULL), "card is NULL");
  REFUSED(simroot_card_open(&out, "", NULL), "no card is given");
  REFUSED(simroot_card_open(&out, NULL, NULL), "SIMROOT_CARD");
  REFUSED(simroot_card_open(&out, "nothing", NULL), "nothing");
  REFUSED(simroot_card_open(&out, "at:/dev/x?mode=none", NULL), "mode");
  CHECK(out == NULL);
  REFUSED(simroot_card_disconnect(NULL), "card is NULL");
  REFUSED(simroot_card_info(NULL, &info), "card is NULL");
  REFUSED(simroot_card_info(card, NULL), "info is NULL");
  REFUSED(simroot_card_counters(NULL, &counters), "card is NULL");
  REFUSED(simroot_card_counters(card, NULL), "counters is NULL");
  REFUSED(simroot_card_random(NULL, bytes, 1), "card is NULL");
  REFUSED(simroot_card_random(card, NULL, 1), "out is NULL");
  REFUSED(simroot_card_pin(NULL, &pin), "card is NULL");
  REFUSED(simroot_card_pin(card, NULL), "pin is NULL");
  REFUSED(simroot_card_verify_pin(NULL, &pin, bytes, 4), "card is NULL");
  REFUSED(simroot_card_verify_pin(card, &pin, NULL, 4), "pin is NULL");
  REFUSED(simroot_card_verify_pin(card, NULL, bytes, 0), "PIN");
  REFUSED(simroot_card_verify_pin(card, NULL, bytes, 9), "PIN");
  REFUSED(simroot_card_list(NULL, &list), "card is NULL");
  REFUSED(simroot_card_list(card, NULL), "list is NULL");
  REFUSED(simroot_card_object(NULL, &object, SIMROOT_FILE, "02"), "card is NULL");
  REFUSED(simroot_card_object(card, NULL, SIMROOT_FILE, "02"), "object is NULL");
  REFUSED(simroot_card_object(card, &object, SIMROOT_FILE, NULL), "name is NULL");
  REFUSED(simroot_card_read_file(NULL, bytes, &size, "02"), "card is NULL");
  REFUSED(simroot_card_read_file(card, NULL, &size, "02"), "out is NULL");
  REFUSED(simroot_card_read_file(card, bytes, NULL, "02"), "size is NULL");
  REFUSED(simroot_card_read_file(card, bytes, &size, NULL), "name is NULL");
  REFUSED(simroot_card_read_certificate(NULL, bytes, &size, "02"), "card is NULL");
  REFUSED(simroot_card_read_certificate(card, NULL, &size, "02"), "out is NULL");
  REFUSED(simroot_card_read_certificate(card, bytes, NULL, "02"), "size is NULL");
  REFUSED(simroot_card_read_certificate(card, bytes, &size, NULL), "name is NULL");
  REFUSED(simroot_card_read_public_key(NULL, bytes, &size, "01", SIMROOT_PUBLIC_RAW), "card is NULL");
  REFUSED(simroot_card_read_public_key(card, NULL, &size, "01", SIMROOT_PUBLIC_RAW), "out is NULL");
  REFUSED(simroot_card_read_public_key(card, bytes, NULL, "01", SIMROOT_PUBLIC_RAW), "size is NULL");
  REFUSED(simroot_card_read_public_key(card, bytes, &size, NULL, SIMROOT_PUBLIC_RAW), "name is NULL");
  REFUSED(simroot_card_read_public_key(card, bytes, &size, "01", 0), "form 0");
  REFUSED(simroot_card_put_public_key(NULL, "05", bytes, 65), "card is NULL");
  REFUSED(simroot_card_put_public_key(card, NULL, bytes, 65), "name is NULL");
  REFUSED(simroot_card_put_public_key(card, "05", NULL, 65), "value is NULL");
  GIVES(SIMROOT_ERROR_USAGE, simroot_card_put_public_key(card, "05", NULL, 0));
  REFUSED(simroot_card_verify(NULL, "01", SIMROOT_ECDSA_RAW, SIMROOT_SHA256, digest, 32, bytes, 64), "card is NULL");
  REFUSED(simroot_card_verify(card, NULL, SIMROOT_ECDSA_RAW, SIMROOT_SHA256, digest, 32, bytes, 64), "name is NULL");
  REFUSED(simroot_card_verify(card, "01", SIMROOT_ECDSA_RAW, SIMROOT_SHA256, NULL, 32, bytes, 64), "digest is NULL");
  REFUSED(simroot_card_verify(card, "01", SIMROOT_ECDSA_RAW, SIMROOT_SHA256, digest, 32, NULL, 64),
          "signature is NULL");
  REFUSED(simroot_card_verify(card, "01", 0, SIMROOT_SHA256, digest, 32, bytes, 64), "form 0");
  REFUSED(simroot_card_verify(card, "01", SIMROOT_ECDSA_RAW, 0, digest, 32, bytes, 64), "hash 0");
  GIVES(SIMROOT_ERROR_USAGE, simroot_card_verify(card, "01", SIMROOT_ECDSA_RAW, SIMROOT_SHA256, digest, 31, bytes, 64));
  GIVES(SIMROOT_ERROR_USAGE, simroot_card_verify(card, "01", SIMROOT_ECDSA_RAW, SIMROOT_SHA256, digest, 32, bytes, 63));
  GIVES(SIMROOT_ERROR_USAGE, simroot_card_verify(card, "01", SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32, bytes, 70));
}

static void check_null_in_services(simroot_card_t* card) {
  size = sizeof(bytes);
  REFUSED(simroot_card_tls12_prf(NULL, bytes, 48, "06", NULL, 0, bytes, 10), "card is NULL");
  REFUSED(simroot_card_tls12_prf(card, NULL, 48, "06", NULL, 0, bytes, 10), "out is NULL");
  REFUSED(simroot_card_tls12_prf(card, bytes, 48, NULL, NULL, 0, bytes, 10), "name is NULL");
  REFUSED(simroot_card_tls12_prf(card, bytes, 48, "06", NULL, 1, bytes, 10), "other_secret is NULL");
  REFUSED(simroot_card_tls12_prf(card, bytes, 48, "06", NULL, 0, NULL, 10), "label_and_seed is NULL");
  REFUSED(simroot_card_tls13_early_secret(NULL, bytes, 32, "06", SIMROOT_SHA256), "card is NULL");
  REFUSED(simroot_card_tls13_early_secret(card, NULL, 32, "06", SIMROOT_SHA256), "out is NULL");
  REFUSED(simroot_card_tls13_early_secret(card, bytes, 32, NULL, SIMROOT_SHA256), "name is NULL");
  REFUSED(simroot_card_hash(NULL, bytes, 32, SIMROOT_SHA256, bytes, 1), "card is NULL");
  REFUSED(simroot_card_hash(card, NULL, 32, SIMROOT_SHA256, bytes, 1), "out is NULL");
  REFUSED(simroot_card_hash(card, bytes, 32, SIMROOT_SHA256, NULL, 1), "text is NULL");
  REFUSED(simroot_card_mac(NULL, bytes, "08", bytes, 1), "card is NULL");
  REFUSED(simroot_card_mac(card, NULL, "08", bytes, 1), "mac is NULL");
  REFUSED(simroot_card_mac(card, bytes, NULL, bytes, 1), "name is NULL");
  REFUSED(simroot_card_mac(card, bytes, "08", NULL, 1), "text is NULL");
  REFUSED(simroot_card_encrypt(NULL, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 0, bytes, 1), "card is NULL");
  REFUSED(simroot_card_encrypt(card, NULL, &size, "07", SIMROOT_AES_GCM, NULL, 0, bytes, 1), "out is NULL");
  REFUSED(simroot_card_encrypt(card, bytes, NULL, "07", SIMROOT_AES_GCM, NULL, 0, bytes, 1), "size is NULL");
  REFUSED(simroot_card_encrypt(card, bytes, &size, NULL, SIMROOT_AES_GCM, NULL, 0, bytes, 1), "name is NULL");
  REFUSED(simroot_card_encrypt(card, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 1, bytes, 1), "aad is NULL");
  REFUSED(simroot_card_encrypt(card, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 0, NULL, 1), "text is NULL");
  REFUSED(simroot_card_decrypt(NULL, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 0, bytes, 40), "card is NULL");
  REFUSED(simroot_card_decrypt(card, NULL, &size, "07", SIMROOT_AES_GCM, NULL, 0, bytes, 40), "out is NULL");
  REFUSED(simroot_card_decrypt(card, bytes, NULL, "07", SIMROOT_AES_GCM, NULL, 0, bytes, 40), "size is NULL");
  REFUSED(simroot_card_decrypt(card, bytes, &size, NULL, SIMROOT_AES_GCM, NULL, 0, bytes, 40), "name is NULL");
  REFUSED(simroot_card_decrypt(card, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 1, bytes, 40), "aad is NULL");
  REFUSED(simroot_card_decrypt(card, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 0, NULL, 40), "sealed is NULL");
  REFUSED(simroot_card_decrypt(card, bytes, &size, "07", 0, NULL, 0, bytes, 40), "cipher 0");
}

static void check_null_in_key_functions(simroot_card_t* card, simroot_key_t* key) {
  static const uint8_t digest[32];
  simroot_key_t* out = NULL;
  uint32_t type = 0;
  char text[8];
  size = sizeof(bytes);
  REFUSED(simroot_key_open(NULL, card, "01"), "key is NULL");
  REFUSED(simroot_key_open(&out, NULL, "01"), "card is NULL");
  REFUSED(simroot_key_open(&out, card, NULL), "name is NULL");
  REFUSED(simroot_key_open(&out, card, ""), "");
  REFUSED(simroot_key_open(&out, card, "1"), "");
  REFUSED(simroot_key_open(&out, card, "xy"), "");
  REFUSED(simroot_key_open(&out, card, "010203040506070809101112131415161718192021"), "");
  REFUSED(simroot_key_open(&out, card, "label="), "");
  REFUSED(simroot_key_generate(NULL, card, "04"), "key is NULL");
  REFUSED(simroot_key_generate(&out, NULL, "04"), "card is NULL");
  REFUSED(simroot_key_generate(&out, card, NULL), "name is NULL");
  CHECK(out == NULL);
  REFUSED(simroot_key_reference(NULL, text, &size), "key is NULL");
  REFUSED(simroot_key_reference(key, NULL, &size), "out is NULL");
  REFUSED(simroot_key_reference(key, text, NULL), "size is NULL");
  REFUSED(simroot_key_type(NULL, &type, NULL), "key is NULL");
  REFUSED(simroot_key_type(key, NULL, NULL), "type is NULL");
  REFUSED(simroot_key_public(NULL, bytes, &size, SIMROOT_PUBLIC_RAW), "key is NULL");
  REFUSED(simroot_key_public(key, NULL, &size, SIMROOT_PUBLIC_RAW), "out is NULL");
  REFUSED(simroot_key_public(key, bytes, NULL, SIMROOT_PUBLIC_RAW), "size is NULL");
  REFUSED(simroot_key_sign(NULL, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "key is NULL");
  REFUSED(simroot_key_sign(key, NULL, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "out is NULL");
  REFUSED(simroot_key_sign(key, bytes, NULL, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "size is NULL");
  REFUSED(simroot_key_sign(key, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, NULL, 32), "digest is NULL");
  REFUSED(simroot_key_sign_data(NULL, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "key is NULL");
  REFUSED(simroot_key_sign_data(key, NULL, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "out is NULL");
  REFUSED(simroot_key_sign_data(key, bytes, NULL, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "size is NULL");
  REFUSED(simroot_key_sign_data(key, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, NULL, 32), "data is NULL");
  REFUSED(simroot_key_sign_data(key, bytes, &size, 0, SIMROOT_SHA256, digest, 32), "form 0");
  REFUSED(simroot_key_sign_data(key, bytes, &size, SIMROOT_ECDSA_DER, 0, digest, 32), "hash 0");
  REFUSED(simroot_key_ecdh(NULL, bytes, &size, "05"), "key is NULL");
  REFUSED(simroot_key_ecdh(key, NULL, &size, "05"), "out is NULL");
  REFUSED(simroot_key_ecdh(key, bytes, NULL, "05"), "size is NULL");
  REFUSED(simroot_key_ecdh(key, bytes, &size, NULL), "name is NULL");
  REFUSED(simroot_key_csr(NULL, bytes, &size, "/CN=x"), "key is NULL");
  REFUSED(simroot_key_csr(key, NULL, &size, "/CN=x"), "out is NULL");
  REFUSED(simroot_key_csr(key, bytes, NULL, "/CN=x"), "size is NULL");
  REFUSED(simroot_key_csr(key, bytes, &size, NULL), "subject is NULL");
}

static void check_null_in_options(void) {
  REFUSED(simroot_options_set_timeout(NULL, 1), "options is NULL");
  REFUSED(simroot_options_set_cache(NULL, ""), "options is NULL");
  REFUSED(simroot_options_add_aid(NULL, bytes, 7), "options is NULL");
  REFUSED(simroot_options_set_trace(NULL, NULL, NULL), "options is NULL");
  simroot_options_free(NULL);
  simroot_card_close(NULL);
  simroot_key_close(NULL);
}

/* A key outlives its card as a handle, not as a key. */
static void check_closed(const char* uri) {
  static const uint8_t digest[32];
  simroot_card_t* card = open_card(uri);
  simroot_key_t* key = open_key(card, "01");
  char text[8];
  uint32_t type = 0;
  size = sizeof(bytes);
  OK(simroot_key_sign(key, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32));
  simroot_card_close(card);
  REFUSED(simroot_key_sign(key, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32), "closed");
  REFUSED(simroot_key_public(key, bytes, &size, SIMROOT_PUBLIC_RAW), "closed");
  REFUSED(simroot_key_type(key, &type, NULL), "closed");
  REFUSED(simroot_key_ecdh(key, bytes, &size, "05"), "closed");
  REFUSED(simroot_key_csr(key, bytes, &size, "/CN=x"), "closed");
  size = sizeof(text);
  OK(simroot_key_reference(key, text, &size));
  simroot_key_close(key);
  CHECK(simroot_error_text()[0] == '\0');
}

/* A port that is not there, in every function that needs it. */
static void check_dead_card(const char* uri) {
  static const uint8_t digest[32];
  simroot_card_t* card = open_card(uri);
  simroot_key_t* key = open_key(card, "01");
  simroot_key_t* made = NULL;
  simroot_info_t info = SIMROOT_INFO_INIT;
  simroot_object_t object = SIMROOT_OBJECT_INIT;
  simroot_pin_t pin = SIMROOT_PIN_INIT;
  simroot_list_t* list = NULL;
  uint32_t type = 0;
  static const uint8_t point[65] = {4};
  const int dead = SIMROOT_ERROR_TRANSPORT;
  size = sizeof(bytes);
  GIVES(dead, simroot_card_info(card, &info));
  CHECK(strstr(simroot_error_text(), uri + 3) != NULL);
  CHECK(simroot_error_status_word() == 0);
  GIVES(dead, simroot_card_random(card, bytes, 8));
  GIVES(dead, simroot_card_pin(card, &pin));
  GIVES(dead, simroot_card_verify_pin(card, &pin, bytes, 4));
  GIVES(dead, simroot_card_list(card, &list));
  GIVES(dead, simroot_card_object(card, &object, SIMROOT_FILE, "02"));
  GIVES(dead, simroot_card_read_file(card, bytes, &size, "02"));
  GIVES(dead, simroot_card_read_certificate(card, bytes, &size, "02"));
  GIVES(dead, simroot_card_read_public_key(card, bytes, &size, "01", SIMROOT_PUBLIC_RAW));
  GIVES(dead, simroot_card_put_public_key(card, "05", point, sizeof(point)));
  GIVES(dead, simroot_card_verify(card, "01", SIMROOT_ECDSA_RAW, SIMROOT_SHA256, digest, 32, bytes, 64));
  GIVES(dead, simroot_card_tls12_prf(card, bytes, 48, "06", NULL, 0, digest, 10));
  GIVES(dead, simroot_card_tls13_early_secret(card, bytes, 32, "06", SIMROOT_SHA256));
  GIVES(dead, simroot_card_hash(card, bytes, 32, SIMROOT_SHA256, digest, 1));
  GIVES(dead, simroot_card_mac(card, bytes, "08", digest, 1));
  GIVES(dead, simroot_card_encrypt(card, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 0, digest, 1));
  GIVES(dead, simroot_card_decrypt(card, bytes, &size, "07", SIMROOT_AES_GCM, NULL, 0, digest, 32));
  GIVES(dead, simroot_key_type(key, &type, NULL));
  GIVES(dead, simroot_key_public(key, bytes, &size, SIMROOT_PUBLIC_RAW));
  GIVES(dead, simroot_key_sign(key, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32));
  GIVES(dead, simroot_key_sign_data(key, bytes, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32));
  GIVES(dead, simroot_key_ecdh(key, bytes, &size, "05"));
  GIVES(dead, simroot_key_csr(key, bytes, &size, "/CN=x"));
  GIVES(dead, simroot_key_generate(&made, card, "04"));
  CHECK(made == NULL && list == NULL && size == sizeof(bytes));
  OK(simroot_card_disconnect(card));
  simroot_key_close(key);
  simroot_card_close(card);
}

static void check_texts(void) {
  CHECK(strcmp(simroot_version(), SIMROOT_VERSION_TEXT) == 0);
  CHECK(strcmp(simroot_result_name(SIMROOT_OK), "SIMROOT_OK") == 0);
  CHECK(strcmp(simroot_result_name(SIMROOT_ERROR_MEMORY), "SIMROOT_ERROR_MEMORY") == 0);
  CHECK(strcmp(simroot_result_name(-1), "unknown result") == 0);
  CHECK(strcmp(simroot_result_name(1000), "unknown result") == 0);
}

int main(int argc, char** argv) {
  simroot_card_t* card;
  simroot_key_t* key;
  CHECK(argc == 3);
  CHECK(simroot_error_text()[0] == '\0' && simroot_error_status_word() == 0);
  check_texts();
  card = open_card(argv[1]);
  key = open_key(card, "01");
  check_null_in_options();
  check_null_in_card_functions(card);
  check_null_in_services(card);
  check_null_in_key_functions(card, key);
  CHECK(exchanges_of(card) == 0);
  simroot_key_close(key);
  simroot_card_close(card);
  check_closed(argv[1]);
  check_dead_card(argv[2]);
  return 0;
}
