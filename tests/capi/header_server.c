/* SPDX-License-Identifier: Apache-2.0 */
/* The header alone, as strict C99. */
#include <simroot/server.h>

int simroot_header_server_compiles(void);
int simroot_header_server_compiles(void) {
  simroot_server_options_t options = {0};
  simroot_status_t status = {0};
  simroot_device_t device;
  options.size = sizeof(options);
  status.size = sizeof(status);
  device.credential_kind = SIMROOT_CREDENTIAL_NONE;
  return (int)(options.size + status.size) + device.credential_kind;
}
