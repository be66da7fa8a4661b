/* SPDX-License-Identifier: Apache-2.0 */
/* The header alone, as strict C++11; and the structures as their initialisers leave them. */
#include <simroot/simroot.h>

int simroot_header_simroot_compiles();
int simroot_header_simroot_compiles() {
  simroot_info_t info = SIMROOT_INFO_INIT;
  simroot_object_t object = SIMROOT_OBJECT_INIT;
  simroot_counters_t counters = SIMROOT_COUNTERS_INIT;
  simroot_pin_t pin = SIMROOT_PIN_INIT;
  return (int)(info.max_files + object.file_size + pin.exists) + (int)counters.exchanges;
}
