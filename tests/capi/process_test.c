/* SPDX-License-Identifier: Apache-2.0 */
/* usage: process_test CARD. Threads that share a card and a key, forked children that inherit them. CARD can be
 * used by several processes. */
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { kThreads = 6, kRounds = 10, kChildren = 3 };

static simroot_card_t* card;
static simroot_key_t* key;

static void sign_once(void) {
  static const uint8_t digest[32] = {1, 2, 3};
  uint8_t signature[72];
  size_t size = sizeof(signature);
  OK(simroot_key_sign(key, signature, &size, SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, sizeof(digest)));
  OK(simroot_card_verify(card, "01", SIMROOT_ECDSA_DER, SIMROOT_SHA256, digest, sizeof(digest), signature, size));
}

static void read_in_two_steps(void) {
  uint8_t* content = NULL;
  size_t size = 0;
  GIVES(SIMROOT_ERROR_BUFFER, simroot_card_read_certificate(card, NULL, &size, "02"));
  content = malloc(size);
  OK(simroot_card_read_certificate(card, content, &size, "02"));
  CHECK(content[0] == 0x30);
  free(content);
}

static void* work(void* number) {
  const int odd = *(const int*)number % 2;
  int i;
  for (i = 0; i < kRounds; ++i) {
    simroot_object_t object = SIMROOT_OBJECT_INIT;
    if (odd) {
      sign_once();
    } else {
      read_in_two_steps();
    }
    /* The error is this thread's own, whatever the others do meanwhile. */
    GIVES(SIMROOT_ERROR_NOT_FOUND, simroot_card_object(card, &object, SIMROOT_FILE, odd ? "71" : "72"));
    CHECK(strstr(simroot_error_text(), odd ? "file 71" : "file 72") != NULL);
  }
  return NULL;
}

static void check_threads(void) {
  pthread_t threads[kThreads];
  int numbers[kThreads];
  int i;
  for (i = 0; i < kThreads; ++i) {
    numbers[i] = i;
    CHECK(pthread_create(&threads[i], NULL, work, &numbers[i]) == 0);
  }
  for (i = 0; i < kThreads; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
  }
}

/* In the child: the inherited handles work, and closing them leaves the parent's alone. */
static void be_a_child(void) {
  sign_once();
  read_in_two_steps();
  simroot_key_close(key);
  simroot_card_close(card);
  _exit(0);
}

static void check_forks(void) {
  pid_t children[kChildren];
  int i;
  for (i = 0; i < kChildren; ++i) {
    children[i] = fork();
    CHECK(children[i] >= 0);
    if (children[i] == 0) {
      be_a_child();
    }
  }
  sign_once();
  for (i = 0; i < kChildren; ++i) {
    int status = 1;
    CHECK(waitpid(children[i], &status, 0) == children[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
  sign_once();
}

/* A fork while other threads are in the middle of an operation. Not with AddressSanitizer: its allocator may be locked
 * by such a thread, and stays so in the child. */
static void check_fork_beside_threads(void) {
#ifdef __SANITIZE_ADDRESS__
  puts("left out, AddressSanitizer's allocator does not survive it: a fork beside working threads");
#else
  pthread_t thread;
  int number = 1;
  int status = 1;
  pid_t child;
  CHECK(pthread_create(&thread, NULL, work, &number) == 0);
  child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    be_a_child();
  }
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(pthread_join(thread, NULL) == 0);
#endif
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  card = open_card(argv[1]);
  key = open_key(card, "01");
  sign_once();
  check_threads();
  check_forks();
  check_fork_beside_threads();
  simroot_key_close(key);
  simroot_card_close(card);
  return 0;
}
