/* SPDX-License-Identifier: Apache-2.0 */
/* Signs a file with a private key in the SIM, and verifies the signature with OpenSSL and the public half, as a server
 * would.
 *
 *   cc -std=c99 -o sign_file sign_file.c $(pkg-config --cflags --libs simroot libcrypto)
 *   ./sign_file at:/dev/ttyUSB2 01 /etc/hostname signature.der
 */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <simroot/simroot.h>
#include <stdio.h>
#include <stdlib.h>

/* Says what the library knows about the failure. */
static int failed(const char* what) {
  fprintf(stderr, "sign_file: %s: %s\n", what, simroot_error_text());
  return 1;
}

/* SHA-256 of a file. */
static int hash_file(const char* path, unsigned char digest[32]) {
  unsigned char block[4096];
  size_t count;
  int good;
  FILE* file = fopen(path, "rb");
  EVP_MD_CTX* hash = EVP_MD_CTX_new();
  if (file == NULL || hash == NULL) {
    perror(path);
    exit(1);
  }
  good = EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
  while (good && (count = fread(block, 1, sizeof(block), file)) > 0) {
    good = EVP_DigestUpdate(hash, block, count);
  }
  good = good && !ferror(file) && EVP_DigestFinal_ex(hash, digest, NULL);
  EVP_MD_CTX_free(hash);
  fclose(file);
  return good;
}

/* What the other side does: it has the public key and nothing else. */
static int verifies(const uint8_t* info, size_t info_size, const unsigned char digest[32], const uint8_t* signature,
                    size_t signature_size) {
  const unsigned char* start = info;
  EVP_PKEY* key = d2i_PUBKEY(NULL, &start, (long)info_size);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(key, NULL);
  const int valid = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
                    EVP_PKEY_verify(context, signature, signature_size, digest, 32) == 1;
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(key);
  return valid;
}

static int sign(simroot_key_t* key, const char* path, const char* out_path) {
  unsigned char digest[32];
  uint8_t info[SIMROOT_MAX_PUBLIC_KEY_SIZE];
  size_t info_size = sizeof(info);
  uint8_t signature[SIMROOT_MAX_SIGNATURE_SIZE];
  size_t size = sizeof(signature);
  FILE* out;
  if (!hash_file(path, digest)) {
    fprintf(stderr, "sign_file: cannot hash %s\n", path);
    return 1;
  }
  if (simroot_key_sign(key, signature, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, sizeof(digest)) !=
      SIMROOT_OK) {
    return failed("cannot sign");
  }
  if (simroot_key_public(key, info, &info_size, SIMROOT_PUBLIC_SPKI) != SIMROOT_OK) {
    return failed("cannot read the public key");
  }
  if (!verifies(info, info_size, digest, signature, size)) {
    fprintf(stderr, "sign_file: the signature does not verify\n");
    return 1;
  }
  out = fopen(out_path, "wb");
  if (out == NULL || fwrite(signature, 1, size, out) != size || fclose(out) != 0) {
    perror(out_path);
    return 1;
  }
  printf("signed %s: %zu bytes in %s, verified by OpenSSL\n", path, size, out_path);
  return 0;
}

int main(int argc, char** argv) {
  simroot_card_t* card = NULL;
  simroot_key_t* key = NULL;
  int status;
  if (argc != 5) {
    fprintf(stderr, "usage: sign_file CARD KEY FILE SIGNATURE\n");
    return 2;
  }
  if (simroot_card_open(&card, argv[1], NULL) != SIMROOT_OK || simroot_key_open(&key, card, argv[2]) != SIMROOT_OK) {
    status = failed("cannot open");
  } else {
    status = sign(key, argv[3], argv[4]);
  }
  simroot_key_close(key);
  simroot_card_close(card);
  return status;
}
