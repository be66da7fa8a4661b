/* SPDX-License-Identifier: Apache-2.0 */
/* A client of Mbed TLS 2.28, over TLS 1.2 or DTLS 1.2, whose private key and certificate are in the SIM. The random
 * generator is seeded by the SIM, too.
 *
 *   cc -std=c99 -o mbedtls_client mbedtls_client.c $(pkg-config --cflags --libs simroot-mbedtls)
 *   ./mbedtls_client tls at:/dev/ttyUSB2 server.example 8883 ca.pem
 *   ./mbedtls_client dtls at:/dev/ttyUSB2 server.example 5684 ca.pem
 */
#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/ssl.h>
#include <mbedtls/timing.h>
#include <simroot/mbedtls.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  simroot_card_t* card;
  mbedtls_pk_context key;
  mbedtls_x509_crt own;
  mbedtls_x509_crt ca;
  mbedtls_entropy_context entropy;
  mbedtls_ctr_drbg_context random;
  mbedtls_net_context net;
  mbedtls_timing_delay_context timer;
  mbedtls_ssl_config config;
  mbedtls_ssl_context ssl;
} client;

/* Prints both sides of a failure: what Mbed TLS calls it, and what the card or the way to it says. */
static int failed(const char* what, int code) {
  char text[100];
  mbedtls_strerror(code, text, sizeof(text));
  fprintf(stderr, "mbedtls_client: %s: %s (-0x%04X)", what, text, (unsigned)-code);
  if (simroot_error_text()[0] != '\0') {
    fprintf(stderr, ": %s", simroot_error_text());
  }
  fprintf(stderr, "\n");
  return 1;
}

static void init(client* c) {
  memset(c, 0, sizeof(*c));
  mbedtls_pk_init(&c->key);
  mbedtls_x509_crt_init(&c->own);
  mbedtls_x509_crt_init(&c->ca);
  mbedtls_entropy_init(&c->entropy);
  mbedtls_ctr_drbg_init(&c->random);
  mbedtls_net_init(&c->net);
  mbedtls_ssl_config_init(&c->config);
  mbedtls_ssl_init(&c->ssl);
}

static void end(client* c) {
  mbedtls_ssl_free(&c->ssl);
  mbedtls_ssl_config_free(&c->config);
  mbedtls_net_free(&c->net);
  mbedtls_ctr_drbg_free(&c->random);
  mbedtls_entropy_free(&c->entropy);
  mbedtls_x509_crt_free(&c->ca);
  mbedtls_x509_crt_free(&c->own);
  mbedtls_pk_free(&c->key); /* before the card */
  simroot_card_close(c->card);
}

/* Everything that comes from the SIM. */
static int use_sim(client* c, const char* uri) {
  int code;
  if (simroot_card_open(&c->card, uri, NULL) != SIMROOT_OK) {
    return failed("no card", 0);
  }
  if ((code = simroot_mbedtls_pk_setup(&c->key, c->card, "01")) != 0) {
    return failed("key 01 of the SIM", code);
  }
  if ((code = simroot_mbedtls_crt_load(&c->own, c->card, "02")) != 0) {
    return failed("certificate 02 of the SIM", code);
  }
  if ((code = simroot_mbedtls_check_pair(&c->own, &c->key)) != 0) {
    return failed("the certificate is not of this key", code);
  }
  code = mbedtls_entropy_add_source(&c->entropy, simroot_mbedtls_entropy, c->card, 32, MBEDTLS_ENTROPY_SOURCE_STRONG);
  if (code != 0 || (code = mbedtls_ctr_drbg_seed(&c->random, mbedtls_entropy_func, &c->entropy, NULL, 0)) != 0) {
    return failed("random numbers of the SIM", code);
  }
  return 0;
}

static int configure(client* c, int datagrams, const char* host, const char* ca_file) {
  int code = mbedtls_x509_crt_parse_file(&c->ca, ca_file);
  if (code != 0) {
    return failed(ca_file, code);
  }
  if ((code = mbedtls_ssl_config_defaults(&c->config, MBEDTLS_SSL_IS_CLIENT,
                                          datagrams ? MBEDTLS_SSL_TRANSPORT_DATAGRAM : MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT)) != 0) {
    return failed("configuration", code);
  }
  mbedtls_ssl_conf_authmode(&c->config, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(&c->config, &c->ca, NULL);
  mbedtls_ssl_conf_rng(&c->config, mbedtls_ctr_drbg_random, &c->random);
  mbedtls_ssl_conf_min_version(&c->config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3); /* 1.2 */
  mbedtls_ssl_conf_read_timeout(&c->config, 10000);
  if ((code = mbedtls_ssl_conf_own_cert(&c->config, &c->own, &c->key)) != 0 ||
      (code = mbedtls_ssl_setup(&c->ssl, &c->config)) != 0 || (code = mbedtls_ssl_set_hostname(&c->ssl, host)) != 0) {
    return failed("configuration", code);
  }
  mbedtls_ssl_set_timer_cb(&c->ssl, &c->timer, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
  mbedtls_ssl_set_bio(&c->ssl, &c->net, mbedtls_net_send, mbedtls_net_recv, mbedtls_net_recv_timeout);
  return 0;
}

static int talk(client* c, int datagrams, const char* host, const char* port) {
  static const unsigned char question[] = "meter reading 42\n";
  unsigned char answer[256];
  int code = mbedtls_net_connect(&c->net, host, port, datagrams ? MBEDTLS_NET_PROTO_UDP : MBEDTLS_NET_PROTO_TCP);
  if (code != 0) {
    return failed("no connection", code);
  }
  while ((code = mbedtls_ssl_handshake(&c->ssl)) != 0) {
    if (code != MBEDTLS_ERR_SSL_WANT_READ && code != MBEDTLS_ERR_SSL_WANT_WRITE) {
      return failed("handshake", code);
    }
  }
  printf("%s with %s, key in the SIM\n", mbedtls_ssl_get_version(&c->ssl), mbedtls_ssl_get_ciphersuite(&c->ssl));
  fflush(stdout);
  if ((code = mbedtls_ssl_write(&c->ssl, question, sizeof(question) - 1)) < 0 ||
      (code = mbedtls_ssl_read(&c->ssl, answer, sizeof(answer) - 1)) <= 0) {
    return failed("the connection broke", code);
  }
  answer[code] = '\0';
  printf("answer: %s", (const char*)answer);
  mbedtls_ssl_close_notify(&c->ssl);
  return 0;
}

int main(int argc, char** argv) {
  client c;
  int status;
  int datagrams;
  if (argc != 6 || (strcmp(argv[1], "tls") != 0 && strcmp(argv[1], "dtls") != 0)) {
    fprintf(stderr, "usage: mbedtls_client tls|dtls CARD HOST PORT CA.pem\n");
    return 2;
  }
  datagrams = strcmp(argv[1], "dtls") == 0;
  init(&c);
  status = use_sim(&c, argv[2]) || configure(&c, datagrams, argv[3], argv[5]) || talk(&c, datagrams, argv[3], argv[4]);
  end(&c);
  return status;
}
