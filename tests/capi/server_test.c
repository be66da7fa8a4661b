/* SPDX-License-Identifier: Apache-2.0 */
/* The server's C API as a C program sees it. Without arguments: every misuse that needs no server. With the directory
 * of an enrolled server, a certificate and its key: the whole of it.
 *
 *   capi_server_test [DIRECTORY CERTIFICATE.pem KEY.pem]
 */
#include <limits.h>
#include <openssl/ssl.h>
#include <simroot/server.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                       \
  do {                                                                                         \
    if (!(condition)) {                                                                        \
      fprintf(stderr, "%s:%d: not true: %s; last error: %s\n", __FILE__, __LINE__, #condition, \
              simroot_server_error_text());                                                    \
      exit(1);                                                                                 \
    }                                                                                          \
  } while (0)
/* The call gives this result, and a text exactly if it is an error. */
#define GIVES(expected, call)                                                  \
  do {                                                                         \
    const simroot_result_t result = (call);                                    \
    CHECK(result == (expected));                                               \
    CHECK((simroot_server_error_text()[0] == '\0') == (result == SIMROOT_OK)); \
  } while (0)

static void ignore(void* context) {
  (void)context;
}
static void count(void* context) {
  ++*(int*)context;
}
static void remember(void* context, int level, const char* line) {
  CHECK(level >= SIMROOT_LOG_DEBUG && level <= SIMROOT_LOG_ERROR && strchr(line, '\n') == NULL);
  ++*(int*)context;
}

static simroot_server_options_t options_for(const char* directory) {
  simroot_server_options_t options;
  memset(&options, 0, sizeof(options));
  options.size = sizeof(options);
  options.directory = directory;
  options.first_contact_s = 10;
  return options;
}

static void check_open(void) {
  simroot_server_t* server = NULL;
  simroot_server_options_t options = options_for("/nonexistent/simroot");
  char longer[sizeof(options) + 8];
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(NULL, &options));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(&server, NULL));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(&server, &options));
  CHECK(strstr(simroot_server_error_text(), "/nonexistent/simroot") != NULL);
  options.directory = NULL;
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(&server, &options));
  options = options_for("");
  CHECK(simroot_server_open(&server, &options) != SIMROOT_OK);
  options = options_for("/nonexistent/simroot");
  options.size = 0;
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(&server, &options));
  options.size = sizeof(options) - 1;
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(&server, &options));
  /* A program of a later version: what is zero is not wanted, what is not cannot be done. */
  memset(longer, 0, sizeof(longer));
  options.size = sizeof(longer);
  memcpy(longer, &options, sizeof(options));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(&server, (simroot_server_options_t*)(void*)longer));
  CHECK(strstr(simroot_server_error_text(), "/nonexistent/simroot") != NULL); /* it got as far as that */
  longer[sizeof(longer) - 1] = 1;
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_open(&server, (simroot_server_options_t*)(void*)longer));
  CHECK(strstr(simroot_server_error_text(), "version") != NULL);
  CHECK(server == NULL);
}

static void check_null(void) {
  simroot_device_t device;
  simroot_watch_t* watch = NULL;
  simroot_status_t status;
  char text[8];
  size_t size = sizeof(text);
  status.size = sizeof(status);
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_attach(NULL, NULL, 0));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_identify(NULL, NULL, &device));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_watch(&watch, NULL, NULL, ignore, NULL));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_metrics(NULL, text, &size));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_status(NULL, &status));
  simroot_server_close(NULL);
  simroot_server_unwatch(NULL);
  CHECK(simroot_server_error_text()[0] != '\0'); /* freeing leaves it as it is */
}

static void check_attach(simroot_server_t* server, char** files) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  SSL_CTX* old = SSL_CTX_new(TLS_server_method());
  simroot_device_t device;
  simroot_watch_t* watch = NULL;
  int gone = 0;
  SSL* connection;
  CHECK(SSL_CTX_use_certificate_file(context, files[0], SSL_FILETYPE_PEM) == 1);
  CHECK(SSL_CTX_use_PrivateKey_file(context, files[1], SSL_FILETYPE_PEM) == 1);
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_attach(server, NULL, 0));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_attach(server, context, 8));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_attach(server, context, -1));
  GIVES(SIMROOT_OK, simroot_server_attach(server, context, 0));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_attach(server, context, SIMROOT_ATTACH_PSK));
  CHECK(SSL_CTX_set_max_proto_version(old, TLS1_1_VERSION) == 1);
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_attach(server, old, SIMROOT_ATTACH_CERTIFICATES));

  connection = SSL_new(context);
  SSL_set_accept_state(connection);
  memset(&device, 0xFF, sizeof(device));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_identify(server, NULL, &device));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_identify(server, connection, NULL));
  CHECK(device.tenant[0] == (char)0xFF);
  GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_server_identify(server, connection, &device));
  CHECK(device.tenant[0] == '\0' && device.credential_kind == SIMROOT_CREDENTIAL_NONE);
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_watch(NULL, server, connection, count, &gone));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_watch(&watch, server, NULL, count, &gone));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_watch(&watch, server, connection, NULL, &gone));
  CHECK(watch == NULL && gone == 0);
  /* Nobody is there: told at once. */
  GIVES(SIMROOT_OK, simroot_server_watch(&watch, server, connection, count, &gone));
  CHECK(watch != NULL && gone == 1);
  simroot_server_unwatch(watch);
  SSL_free(connection);
  SSL_CTX_free(old);
  SSL_CTX_free(context);
}

static void check_numbers(simroot_server_t* server) {
  simroot_status_t status;
  char longer[sizeof(status) + 8];
  size_t size = 0;
  size_t room;
  char* text;
  memset(&status, 0, sizeof(status));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_status(server, NULL));
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_status(server, &status));
  status.size = sizeof(status);
  GIVES(SIMROOT_OK, simroot_server_status(server, &status));
  CHECK(status.size == sizeof(status) && status.credentials >= 1 && status.devices >= 1 && !status.stale);
  CHECK(status.last_contact > 0 && status.feed_number >= 0);
  memset(longer, 0xFF, sizeof(longer));
  status.size = sizeof(longer);
  memcpy(longer, &status, sizeof(status));
  GIVES(SIMROOT_OK, simroot_server_status(server, (simroot_status_t*)(void*)longer));
  CHECK(longer[sizeof(longer) - 1] == 0);

  GIVES(SIMROOT_ERROR_USAGE, simroot_server_metrics(server, NULL, NULL));
  GIVES(SIMROOT_ERROR_BUFFER, simroot_server_metrics(server, NULL, &size));
  CHECK(size > 100);
  room = 8;
  GIVES(SIMROOT_ERROR_USAGE, simroot_server_metrics(server, NULL, &room));
  room = size + 1000;
  text = malloc(room + 1);
  CHECK(text != NULL);
  GIVES(SIMROOT_OK, simroot_server_metrics(server, text, &room));
  text[room] = '\0';
  CHECK(strstr(text, "simroot_server_handshakes_total{result=\"revoked\"} 0\n") != NULL);
  free(text);
}

/* A context keeps the middleware alive, and the log of a closed one is called no more. */
static void check_closed(const char* directory) {
  simroot_server_options_t options = options_for(directory);
  simroot_server_t* server = NULL;
  SSL_CTX* context = SSL_CTX_new(DTLS_server_method());
  simroot_device_t device;
  int lines = 0;
  int before;
  SSL* connection;
  options.log = remember;
  options.log_context = &lines;
  options.max_staleness_s = UINT_MAX;
  GIVES(SIMROOT_OK, simroot_server_open(&server, &options));
  GIVES(SIMROOT_OK, simroot_server_attach(server, context, SIMROOT_ATTACH_PSK | SIMROOT_ATTACH_OPTIONAL));
  connection = SSL_new(context);
  GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_server_identify(server, connection, &device));
  simroot_server_close(server);
  before = lines;
  SSL_free(connection);
  SSL_CTX_free(context);
  CHECK(lines == before);
}

int main(int argc, char** argv) {
  CHECK(simroot_server_error_text()[0] == '\0');
  check_open();
  check_null();
  if (argc == 4) {
    simroot_server_options_t options = options_for(argv[1]);
    simroot_server_t* server = NULL;
    GIVES(SIMROOT_OK, simroot_server_open(&server, &options));
    check_attach(server, argv + 2);
    check_numbers(server);
    simroot_server_close(server);
    check_closed(argv[1]);
  }
  return 0;
}
