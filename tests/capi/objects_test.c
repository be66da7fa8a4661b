/* SPDX-License-Identifier: Apache-2.0 */
/* usage: objects_test CARD CERTIFICATE.der. What a card tells of itself and its objects, files, traces. */
#include "check.h"

static void check_info(simroot_card_t* card) {
  simroot_info_t info = SIMROOT_INFO_INIT;
  struct {
    simroot_info_t info;
    uint8_t later[16];
  } longer;
  OK(simroot_card_info(card, &info));
  CHECK(info.struct_size == sizeof(info));
  CHECK(strlen(info.iccid) >= 18 && strspn(info.iccid, "0123456789") == strlen(info.iccid));
  CHECK(info.applet_version == 0x10);
  CHECK((info.functions & SIMROOT_CAN_SIGN) != 0 && (info.services & SIMROOT_HAS_AES_GCM) != 0);
  CHECK(info.hash_algorithms == (SIMROOT_SHA256 | SIMROOT_SHA384 | SIMROOT_SHA512));
  CHECK(info.max_sessions > 0 && info.max_private_keys > 0 && info.identifier_size == 32);
  CHECK(memcmp(info.identifier, "simroot", 7) == 0);

  /* A program built with a later header finds zeros in what this library does not know. */
  memset(&longer, 0xEE, sizeof(longer));
  longer.info.struct_size = sizeof(longer);
  OK(simroot_card_info(card, &longer.info));
  CHECK(longer.info.struct_size == sizeof(longer) && longer.info.max_sessions == info.max_sessions);
  CHECK(longer.later[0] == 0 && longer.later[15] == 0);
  info.struct_size = sizeof(info) - 1;
  REFUSED(simroot_card_info(card, &info), "struct_size");
  info.struct_size = 0;
  REFUSED(simroot_card_info(card, &info), "struct_size");
}

static void check_list(simroot_card_t* card) {
  simroot_list_t* list = NULL;
  size_t i;
  size_t count;
  int certificates = 0;
  OK(simroot_card_list(card, &list));
  count = simroot_list_count(list);
  CHECK(count == 19);
  for (i = 0; i < count; ++i) {
    simroot_object_t object = SIMROOT_OBJECT_INIT;
    simroot_object_t single = SIMROOT_OBJECT_INIT;
    OK(simroot_list_get(list, &object, i));
    CHECK(object.id_size == 1 && strncmp(object.reference, "id=", 3) == 0);
    OK(simroot_card_object(card, &single, object.object_class, object.reference));
    CHECK(memcmp(&object, &single, sizeof(object)) == 0);
    if (object.object_class == SIMROOT_FILE && object.file_usage == 2 && object.active) {
      ++certificates;
      CHECK(strcmp(object.label, "cert") == 0 && object.file_size > 300 && object.access == 1);
    }
    if (object.object_class == SIMROOT_SECRET_KEY && object.id[0] == 6) {
      CHECK(object.key_type == SIMROOT_KEY_PSK && object.key_derivation == 3 && object.key_usage == 0);
    }
  }
  CHECK(certificates == 1);
  {
    simroot_object_t object = SIMROOT_OBJECT_INIT;
    REFUSED(simroot_list_get(list, &object, count), "19 objects");
    REFUSED(simroot_list_get(list, NULL, 0), "object is NULL");
    REFUSED(simroot_list_get(NULL, &object, 0), "list is NULL");
    REFUSED(simroot_card_object(card, &object, 4, "01"), "class 4");
    GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_card_object(card, &object, SIMROOT_FILE, "77"));
    CHECK(simroot_error_status_word() >= 0x6A80);
    GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_card_object(card, &object, SIMROOT_SECRET_KEY, "label=none"));
  }
  simroot_list_free(list);
  simroot_list_free(NULL);
  CHECK(simroot_list_count(NULL) == 0);
}

static void check_files(simroot_card_t* card, const char* path) {
  uint8_t expected[4096];
  uint8_t content[4096];
  size_t size = 0;
  size_t needed;
  FILE* file = fopen(path, "rb");
  size_t expected_size;
  CHECK(file != NULL);
  expected_size = fread(expected, 1, sizeof(expected), file);
  fclose(file);

  GIVES(SIMROOT_ERROR_BUFFER, simroot_card_read_file(card, NULL, &size, "02"));
  CHECK(size == expected_size);
  COSTS(card, 0, OK(simroot_card_read_file(card, content, &size, "02")));
  CHECK(memcmp(content, expected, expected_size) == 0);
  /* Kept for one call. */
  {
    const uint64_t before = exchanges_of(card);
    OK(simroot_card_read_file(card, content, &size, "02"));
    CHECK(exchanges_of(card) > before);
  }

  size = expected_size - 1;
  memset(content, 0xEE, sizeof(content));
  GIVES(SIMROOT_ERROR_BUFFER, simroot_card_read_certificate(card, content, &size, "label=cert"));
  CHECK(size == expected_size && content[0] == 0xEE);
  /* Another question does not get this answer. */
  needed = 0;
  GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_card_read_certificate(card, content, &needed, "77"));
  CHECK(needed == 0);
  OK(simroot_card_read_certificate(card, content, &size, "label=cert"));
  CHECK(size == expected_size && memcmp(content, expected, size) == 0);

  size = sizeof(content);
  GIVES(SIMROOT_ERROR_CARD, simroot_card_read_file(card, content, &size, "03"));
  CHECK(strstr(simroot_error_text(), "is empty") != NULL);
  OK(simroot_card_read_file(card, content, &size, "0E"));
  CHECK(size == 4 && memcmp(content, "note", 4) == 0);
  size = sizeof(content);
  GIVES(SIMROOT_ERROR_PROTOCOL, simroot_card_read_certificate(card, content, &size, "0E"));
  CHECK(size == sizeof(content));
  GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_card_read_file(card, content, &size, "99"));
}

static void check_random(simroot_card_t* card) {
  uint8_t first[600] = {0};
  uint8_t second[600] = {0};
  OK(simroot_card_random(card, first, sizeof(first)));
  OK(simroot_card_random(card, second, sizeof(second)));
  CHECK(memcmp(first, second, sizeof(first)) != 0);
  CHECK(memcmp(first + 300, second + 300, 300) != 0);
  OK(simroot_card_random(card, first, 1));
  REFUSED(simroot_card_random(card, first, 0), "1 byte");
}

static int lines_of_trace;
static void on_exchange(void* context, const char* line) {
  CHECK(context == (void*)&lines_of_trace);
  CHECK(strncmp(line, "-> ", 3) == 0 && strstr(line, "\n<- ") != NULL && strstr(line, " us)") != NULL);
  ++lines_of_trace;
}

static void check_trace_and_limits(const char* uri) {
  simroot_options_t* options = simroot_options_new();
  simroot_card_t* card = NULL;
  uint8_t random[8];
  static const uint8_t aid[7] = {0xA0, 0, 0, 5, 0x59, 0, 0x10};
  static const uint8_t other[5] = {0xA0, 0, 0, 0, 1};
  OK(simroot_options_set_trace(options, on_exchange, &lines_of_trace));
  OK(simroot_options_set_timeout(options, 5000));
  OK(simroot_options_set_cache(options, NULL));
  OK(simroot_options_add_aid(options, aid, sizeof(aid)));
  REFUSED(simroot_options_add_aid(options, aid, 4), "5 to 16");
  REFUSED(simroot_options_set_timeout(options, 0), "600000");
  REFUSED(simroot_options_set_timeout(options, 600001), "600000");
  OK(simroot_card_open(&card, uri, options));
  simroot_options_free(options);
  OK(simroot_card_random(card, random, sizeof(random)));
  CHECK(lines_of_trace > 0 && exchanges_of(card) >= (uint64_t)lines_of_trace);
  simroot_card_close(card);

  options = simroot_options_new();
  OK(simroot_options_add_aid(options, other, sizeof(other)));
  OK(simroot_card_open(&card, uri, options));
  simroot_options_free(options);
  GIVES(SIMROOT_ERROR_CARD, simroot_card_random(card, random, sizeof(random)));
  simroot_card_close(card);
}

static void check_connection(simroot_card_t* card) {
  uint8_t random[8];
  const uint64_t before = exchanges_of(card);
  OK(simroot_card_disconnect(card));
  OK(simroot_card_disconnect(card));
  OK(simroot_card_random(card, random, sizeof(random)));
  CHECK(exchanges_of(card) > before + 1);
}

int main(int argc, char** argv) {
  simroot_card_t* card;
  simroot_pin_t pin = SIMROOT_PIN_INIT;
  CHECK(argc == 3);
  check_trace_and_limits(argv[1]);
  card = open_card(argv[1]);
  CHECK(exchanges_of(card) == 0);
  check_info(card);
  check_list(card);
  check_files(card, argv[2]);
  check_random(card);
  check_connection(card);
  OK(simroot_card_pin(card, &pin));
  CHECK(!pin.exists);
  GIVES(SIMROOT_ERROR_PIN, simroot_card_verify_pin(card, &pin, (const uint8_t*)"1234", 4));
  simroot_card_close(card);
  return 0;
}
