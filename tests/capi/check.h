/* SPDX-License-Identifier: Apache-2.0 */
/* What the C tests of the C API check with. A failed check ends the program with 1. */
#pragma once

#include <simroot/simroot.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                              \
  do {                                                                                                                \
    if (!(condition)) {                                                                                               \
      fprintf(stderr, "%s:%d: not true: %s; last error: %s\n", __FILE__, __LINE__, #condition, simroot_error_text()); \
      exit(1);                                                                                                        \
    }                                                                                                                 \
  } while (0)

/* The call gives this result, and a text exactly if it is an error. */
#define GIVES(result, call)                                                                            \
  do {                                                                                                 \
    const int got = (int)(call);                                                                       \
    if (got != (result)) {                                                                             \
      fprintf(stderr, "%s:%d: %s gives %s instead of %s; last error: %s\n", __FILE__, __LINE__, #call, \
              simroot_result_name(got), simroot_result_name(result), simroot_error_text());            \
      exit(1);                                                                                         \
    }                                                                                                  \
    CHECK((simroot_error_text()[0] == '\0') == ((result) == SIMROOT_OK));                              \
  } while (0)

#define OK(call) GIVES(SIMROOT_OK, call)
/* Exactly these arguments are wrong, and the text says so: part of it is given. */
#define REFUSED(call, part)                              \
  do {                                                   \
    GIVES(SIMROOT_ERROR_USAGE, call);                    \
    CHECK(strstr(simroot_error_text(), (part)) != NULL); \
  } while (0)

static inline uint64_t exchanges_of(simroot_card_t* card) {
  simroot_counters_t counters = SIMROOT_COUNTERS_INIT;
  OK(simroot_card_counters(card, &counters));
  return counters.exchanges;
}

/* The call talks to the card as often as this. */
#define COSTS(card, number, call)                                       \
  do {                                                                  \
    const uint64_t exchanges_before = exchanges_of(card);               \
    call;                                                               \
    CHECK(exchanges_of(card) - exchanges_before == (uint64_t)(number)); \
  } while (0)

static inline simroot_card_t* open_card(const char* uri) {
  simroot_card_t* card = NULL;
  simroot_options_t* options = simroot_options_new();
  CHECK(options != NULL);
  OK(simroot_options_set_cache(options, ""));
  OK(simroot_card_open(&card, uri, options));
  simroot_options_free(options);
  CHECK(card != NULL);
  return card;
}

static inline simroot_key_t* open_key(simroot_card_t* card, const char* reference) {
  simroot_key_t* key = NULL;
  OK(simroot_key_open(&key, card, reference));
  CHECK(key != NULL);
  return key;
}
