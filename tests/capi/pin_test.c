/* SPDX-License-Identifier: Apache-2.0 */
/* usage: pin_test CARD. A card whose user PIN is 1234. Leaves it blocked. */
#include "check.h"

static int try_to_sign(simroot_card_t* card) {
  static const uint8_t digest[32];
  uint8_t signature[SIMROOT_MAX_SIGNATURE_SIZE];
  size_t size = sizeof(signature);
  simroot_key_t* key = open_key(card, "01");
  const int result = (int)simroot_key_sign(key, signature, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, 32);
  simroot_key_close(key);
  return result;
}

static void give_wrong(simroot_card_t* card, uint32_t tries_left) {
  simroot_pin_t state = SIMROOT_PIN_INIT;
  GIVES(SIMROOT_ERROR_PIN, simroot_card_verify_pin(card, &state, (const uint8_t*)"9999", 4));
  CHECK(state.exists && !state.verified && state.tries_left == tries_left);
  CHECK(strstr(simroot_error_text(), "9999") == NULL);
}

int main(int argc, char** argv) {
  simroot_card_t* card;
  simroot_pin_t state = SIMROOT_PIN_INIT;
  CHECK(argc == 2);
  card = open_card(argv[1]);
  OK(simroot_card_pin(card, &state));
  CHECK(state.exists && !state.verified && state.tries_left == 3);
  GIVES(SIMROOT_ERROR_PIN, try_to_sign(card));
  CHECK(simroot_error_status_word() == 0x6982);
  give_wrong(card, 2);
  OK(simroot_card_verify_pin(card, &state, (const uint8_t*)"1234", 4));
  CHECK(state.exists && state.verified);
  OK(try_to_sign(card));
  OK(simroot_card_pin(card, &state));
  CHECK(state.verified);
  give_wrong(card, 2);
  give_wrong(card, 1);
  give_wrong(card, 0);
  GIVES(SIMROOT_ERROR_PIN, simroot_card_verify_pin(card, NULL, (const uint8_t*)"1234", 4));
  GIVES(SIMROOT_ERROR_PIN, try_to_sign(card));
  OK(simroot_card_pin(card, &state));
  CHECK(state.exists && !state.verified && state.tries_left == 0);
  simroot_card_close(card);
  return 0;
}
