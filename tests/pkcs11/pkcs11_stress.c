// SPDX-License-Identifier: Apache-2.0
// Threads and forked children that sign with one card at once: pkcs11_stress MODULE SECONDS CHILDREN.
//
// 8 threads of this process and up to 4 children, each of which starts the module anew, sign and verify digests of
// their own with the first private key until the time is over. Every signature is verified, every return code is looked
// at. Says how many there were; status 0 if nothing failed and everybody signed.
#include <dlfcn.h>
#include <pkcs11.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { kThreads = 8, kMaxChildren = 4, kMaxMembers = kThreads + kMaxChildren, kDigestSize = 32, kSignatureSize = 64 };

// Shared with the children.
struct Score {
  atomic_ulong signatures[kMaxMembers];
  atomic_ulong failures;
};

static struct Score* score;
static CK_FUNCTION_LIST_PTR module;
static struct timespec end;

static int Failed(const char* what, CK_RV rv) {
  if (rv == CKR_OK) {
    return 0;
  }
  fprintf(stderr, "process %ld: %s returned 0x%lx\n", (long)getpid(), what, rv);
  atomic_fetch_add(&score->failures, 1);
  return 1;
}

static int IsOver(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec > end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec >= end.tv_nsec);
}

static CK_OBJECT_HANDLE FindKey(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class) {
  CK_BYTE id = 1;
  CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class}, {CKA_ID, &id, sizeof id}};
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  CK_ULONG count = 0;
  if (Failed("C_FindObjectsInit", module->C_FindObjectsInit(session, wanted, 2)) ||
      Failed("C_FindObjects", module->C_FindObjects(session, &key, 1, &count)) ||
      Failed("C_FindObjectsFinal", module->C_FindObjectsFinal(session))) {
    return CK_INVALID_HANDLE;
  }
  return count == 1 ? key : CK_INVALID_HANDLE;
}

// One session: some signatures, each with a digest nobody else has. Returns whether all went well.
static int SignSome(unsigned member) {
  CK_MECHANISM how = {CKM_ECDSA, NULL, 0};
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  if (Failed("C_OpenSession", module->C_OpenSession(0, CKF_SERIAL_SESSION, NULL, NULL, &session))) {
    return 0;
  }
  const CK_OBJECT_HANDLE private_key = FindKey(session, CKO_PRIVATE_KEY);
  const CK_OBJECT_HANDLE public_key = FindKey(session, CKO_PUBLIC_KEY);
  for (int i = 0; i < 20 && !IsOver(); ++i) {
    CK_BYTE digest[kDigestSize] = {(CK_BYTE)(member + 1)};
    CK_BYTE signature[kSignatureSize];
    CK_ULONG size = 0;
    const unsigned long number = atomic_load(&score->signatures[member]);
    memcpy(digest + 1, &number, sizeof number);
    if (Failed("C_SignInit", module->C_SignInit(session, &how, private_key)) ||
        Failed("C_Sign", module->C_Sign(session, digest, sizeof digest, NULL, &size)) ||
        Failed("C_Sign", module->C_Sign(session, digest, sizeof digest, signature, &size)) ||
        Failed("C_VerifyInit", module->C_VerifyInit(session, &how, public_key)) ||
        Failed("C_Verify", module->C_Verify(session, digest, sizeof digest, signature, size))) {
      return 0;
    }
    atomic_fetch_add(&score->signatures[member], 1);
  }
  return !Failed("C_CloseSession", module->C_CloseSession(session));
}

static void* RunMember(void* number) {
  const unsigned member = (unsigned)(size_t)number;
  while (!IsOver() && SignSome(member)) {
  }
  return NULL;
}

static void RunChild(unsigned member) {
  CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
  if (module->C_GetInfo(NULL) != CKR_CRYPTOKI_NOT_INITIALIZED) {
    Failed("C_GetInfo in a child did not say CKR_CRYPTOKI_NOT_INITIALIZED and", CKR_GENERAL_ERROR);
  }
  if (!Failed("C_Initialize", module->C_Initialize(&arguments))) {
    RunMember((void*)(size_t)member);
    Failed("C_Finalize", module->C_Finalize(NULL));
  }
  _exit(0);
}

static int LoadModule(const char* path) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 0;
  }
  CK_C_GetFunctionList get_list = NULL;
  void* const symbol = dlsym(library, "C_GetFunctionList");
  memcpy(&get_list, &symbol, sizeof get_list);
  return get_list != NULL && get_list(&module) == CKR_OK;
}

// Children are forked while the threads are busy.
static unsigned RunAll(unsigned child_count) {
  pthread_t threads[kThreads];
  pid_t children[kMaxChildren];
  unsigned broken = 0;
  for (size_t i = 0; i < kThreads; ++i) {
    broken += pthread_create(&threads[i], NULL, RunMember, (void*)i) != 0;
  }
  for (unsigned i = 0; i < child_count; ++i) {
    children[i] = fork();
    if (children[i] == 0) {
      RunChild(kThreads + i);
    }
  }
  for (size_t i = 0; i < kThreads; ++i) {
    pthread_join(threads[i], NULL);
  }
  for (unsigned i = 0; i < child_count; ++i) {
    int status = 1;
    waitpid(children[i], &status, 0);
    broken += status != 0;
  }
  return broken;
}

int main(int argc, char** argv) {
  const unsigned children = argc == 4 ? (unsigned)atoi(argv[3]) : kMaxChildren + 1U;
  if (children > kMaxChildren || !LoadModule(argv[1])) {
    fprintf(stderr, "usage: pkcs11_stress MODULE SECONDS CHILDREN, at most %d children\n", kMaxChildren);
    return 2;
  }
  score = mmap(NULL, sizeof *score, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (score == MAP_FAILED) {
    return 2;
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  end.tv_sec += atoi(argv[2]);
  CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
  if (Failed("C_Initialize", module->C_Initialize(&arguments))) {
    return 1;
  }
  unsigned broken = RunAll(children);
  Failed("C_Finalize", module->C_Finalize(NULL));
  unsigned long total = 0;
  for (unsigned i = 0; i < kThreads + children; ++i) {
    const unsigned long own = atomic_load(&score->signatures[i]);
    total += own;
    if (own == 0) {
      fprintf(stderr, "member %u signed nothing\n", i);
      ++broken;
    }
  }
  printf("%lu signatures by %d threads and %u children, %lu failures\n", total, kThreads, children,
         (unsigned long)atomic_load(&score->failures));
  return broken == 0 && atomic_load(&score->failures) == 0 ? 0 : 1;
}
