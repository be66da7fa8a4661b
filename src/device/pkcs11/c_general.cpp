// SPDX-License-Identifier: Apache-2.0
/// C_Initialize, C_Finalize, C_GetInfo and what was never implemented by anybody.
#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {

namespace {

/// Of the four mutex functions all or none must be there. Only the system's own mutexes are used.
[[nodiscard]] Outcome CheckArguments(const CK_C_INITIALIZE_ARGS& arguments) {
  const int given = (arguments.CreateMutex != nullptr ? 1 : 0) + (arguments.DestroyMutex != nullptr ? 1 : 0) +
                    (arguments.LockMutex != nullptr ? 1 : 0) + (arguments.UnlockMutex != nullptr ? 1 : 0);
  // NSS's header has a field of its own where PKCS#11 has pReserved; its pReserved lies behind what callers pass.
  const bool reserved_is_free = arguments.LibraryParameters == nullptr;
  if (!reserved_is_free || (given != 0 && given != 4)) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  if (given == 4 && (arguments.flags & CKF_OS_LOCKING_OK) == 0) {
    return Refuse(CKR_CANT_LOCK);
  }
  return {};
}

}  // namespace

extern "C" {

CK_RV C_Initialize(CK_VOID_PTR init_arguments) {
  return Guard([&]() -> Outcome {
    bool may_create_threads = true;
    if (init_arguments != nullptr) {
      const auto& arguments = *static_cast<const CK_C_INITIALIZE_ARGS*>(init_arguments);
      SR_TRY_VOID(CheckArguments(arguments));
      may_create_threads = (arguments.flags & CKF_LIBRARY_CANT_CREATE_OS_THREADS) == 0;
    }
    return Module::Start(may_create_threads);
  });
}

CK_RV C_Finalize(CK_VOID_PTR reserved) {
  return Guard([&]() -> Outcome { return reserved == nullptr ? Module::Stop() : Refuse(CKR_ARGUMENTS_BAD); });
}

CK_RV C_GetInfo(CK_INFO_PTR info) {
  return WithModule([&](Module& /*module*/) -> Outcome {
    if (info == nullptr) {
      return Refuse(CKR_ARGUMENTS_BAD);
    }
    *info = CK_INFO{};
    info->cryptokiVersion = {3, 0};
    PutText("simroot", info->manufacturerID);
    PutText("simroot IoT SAFE", info->libraryDescription);
    info->libraryVersion = {SIMROOT_VERSION_MAJOR, SIMROOT_VERSION_MINOR};
    return {};
  });
}

CK_RV C_GetFunctionStatus(CK_SESSION_HANDLE handle) {
  return WithSession(handle, [](Module&, Session&) -> Outcome { return Refuse(CKR_FUNCTION_NOT_PARALLEL); });
}

CK_RV C_CancelFunction(CK_SESSION_HANDLE handle) {
  return WithSession(handle, [](Module&, Session&) -> Outcome { return Refuse(CKR_FUNCTION_NOT_PARALLEL); });
}

}  // extern "C"
}  // namespace simroot::pkcs11
