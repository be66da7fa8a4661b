// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/rv.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "common/host/unique_fd.hpp"

namespace simroot::pkcs11 {
namespace {

using wire::StatusWord;

[[nodiscard]] CK_RV RvOfStatusWord(StatusWord sw) {
  switch (sw) {
    case StatusWord::kSecurityNotSatisfied:
      return CKR_USER_NOT_LOGGED_IN;
    case StatusWord::kAuthenticationBlocked:
      return CKR_PIN_LOCKED;
    case StatusWord::kConditionsNotSatisfied:
      return CKR_KEY_FUNCTION_NOT_PERMITTED;
    case StatusWord::kInsufficientMemory:
      return CKR_DEVICE_MEMORY;
    case StatusWord::kUnknownInstruction:
    case StatusWord::kUnknownClass:
      return CKR_FUNCTION_NOT_SUPPORTED;
    case StatusWord::kIncorrectData:
    case StatusWord::kFileNotFound:
    case StatusWord::kRecordNotFound:
    case StatusWord::kReferencedDataInvalidated:
    case StatusWord::kCapacityReached:
      return CKR_KEY_CHANGED;
    default:
      return CKR_FUNCTION_FAILED;
  }
}

}  // namespace

CK_RV ToRv(const Error& error) {
  switch (error.domain) {
    case ErrorDomain::kUsage:
      return CKR_FUNCTION_FAILED;
    case ErrorDomain::kCard:
      return RvOfStatusWord(error.sw);
    case ErrorDomain::kTransport:
    case ErrorDomain::kProtocol:
      return CKR_DEVICE_ERROR;
    case ErrorDomain::kCrypto:
    case ErrorDomain::kStore:
      break;
  }
  return CKR_FUNCTION_FAILED;
}

void Report(const Error& error) {
  // A set-user-ID program must not write to a file of its caller's choice.
  const char* const target = ::secure_getenv("SIMROOT_LOG");
  if (target == nullptr || *target == '\0') {
    return;
  }
  const std::string line = "simroot-pkcs11: " + error.Text() + "\n";
  if (std::string_view(target) == "stderr") {
    static_cast<void>(::write(STDERR_FILENO, line.data(), line.size()) < 0);
    return;
  }
  const UniqueFd file(::open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (file) {
    static_cast<void>(::write(file.get(), line.data(), line.size()) < 0);
  }
}

Outcome GiveBack(ByteView bytes, CK_BYTE* out, CK_ULONG* size) {
  const CK_ULONG room = *size;
  *size = bytes.size();
  if (out == nullptr) {
    return {};
  }
  if (room < bytes.size()) {
    return Refuse(CKR_BUFFER_TOO_SMALL);
  }
  std::ranges::copy(bytes, out);
  return {};
}

}  // namespace simroot::pkcs11
