/* SPDX-License-Identifier: Apache-2.0 */
/* A TLS client of OpenSSL whose private key and certificate are in the SIM. The program loads the provider itself, so
 * it needs no openssl.cnf; otherwise it is an ordinary OpenSSL program, and nothing of simroot is linked.
 *
 *   cc -std=c99 -o tls_client tls_client.c $(pkg-config --cflags --libs libssl libcrypto)
 *   ./tls_client at:/dev/ttyUSB2 server.example 8883 ca.pem
 *
 * OPENSSL_MODULES names the folder of simroot.so if it is not the one of the system's OpenSSL.
 */
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <stdio.h>
#include <string.h>

static int failed(const char* what) {
  fprintf(stderr, "tls_client: %s\n", what);
  ERR_print_errors_fp(stderr);
  return 1;
}

/* Opens "iotsafe:REF?card=CARD" and gives key or certificate to the context. */
static int use_object(SSL_CTX* context, const char* reference, const char* card) {
  char uri[512];
  int used = 0;
  OSSL_STORE_CTX* store;
  if (snprintf(uri, sizeof(uri), "iotsafe:%s?card=%s", reference, card) >= (int)sizeof(uri)) {
    return 0;
  }
  store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
  while (store != NULL && !OSSL_STORE_eof(store)) {
    OSSL_STORE_INFO* info = OSSL_STORE_load(store);
    if (info == NULL) {
      break;
    }
    if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY) {
      used = SSL_CTX_use_PrivateKey(context, OSSL_STORE_INFO_get0_PKEY(info)) == 1;
    } else if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_CERT) {
      used = SSL_CTX_use_certificate(context, OSSL_STORE_INFO_get0_CERT(info)) == 1;
    }
    OSSL_STORE_INFO_free(info);
  }
  OSSL_STORE_close(store);
  return used;
}

static int talk(SSL_CTX* context, const char* host, const char* port) {
  static const char question[] = "meter reading 42\n";
  char answer[256];
  SSL* ssl = NULL;
  int count;
  int status = 1;
  BIO* connection = BIO_new_ssl_connect(context);
  if (connection == NULL || BIO_get_ssl(connection, &ssl) != 1 || SSL_set1_host(ssl, host) != 1 ||
      SSL_set_tlsext_host_name(ssl, host) != 1 || BIO_set_conn_hostname(connection, host) != 1 ||
      BIO_set_conn_port(connection, port) != 1 || BIO_do_connect(connection) != 1) {
    failed("no connection");
  } else if (BIO_write(connection, question, sizeof(question) - 1) != (int)sizeof(question) - 1 ||
             (count = BIO_read(connection, answer, sizeof(answer) - 1)) <= 0) {
    failed("the connection broke");
  } else {
    answer[count] = '\0';
    printf("%s with %s, key in the SIM; answer: %s", SSL_get_version(ssl), SSL_get_cipher(ssl), answer);
    status = 0;
  }
  BIO_free_all(connection);
  return status;
}

int main(int argc, char** argv) {
  OSSL_PROVIDER* simroot;
  OSSL_PROVIDER* software;
  SSL_CTX* context;
  int status;
  if (argc != 5) {
    fprintf(stderr, "usage: tls_client CARD HOST PORT CA.pem\n");
    return 2;
  }
  /* The default provider is no longer loaded by itself once another one is. */
  software = OSSL_PROVIDER_load(NULL, "default");
  simroot = OSSL_PROVIDER_load(NULL, "simroot");
  context = SSL_CTX_new(TLS_client_method());
  if (software == NULL || simroot == NULL || context == NULL) {
    return failed("the provider cannot be loaded; set OPENSSL_MODULES to the folder of simroot.so");
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
  if (SSL_CTX_load_verify_file(context, argv[4]) != 1) {
    status = failed("the CA file cannot be read");
  } else if (!use_object(context, "id=02;type=cert", argv[1]) || !use_object(context, "01", argv[1]) ||
             SSL_CTX_check_private_key(context) != 1) {
    status = failed("key 01 or certificate 02 of the SIM cannot be used");
  } else {
    status = talk(context, argv[2], argv[3]);
  }
  SSL_CTX_free(context);
  OSSL_PROVIDER_unload(simroot);
  OSSL_PROVIDER_unload(software);
  return status;
}
