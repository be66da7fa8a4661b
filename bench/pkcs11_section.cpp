// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>
#include <pkcs11.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "bench/rounds.hpp"
#include "bench/sections.hpp"

namespace simroot::bench {
namespace {

constexpr const char* kSoftHsm = "/usr/lib/softhsm/libsofthsm2.so";

void Check(const char* what, CK_RV rv) {
  if (rv != CKR_OK) {
    std::array<char, 128> text{};
    static_cast<void>(std::snprintf(text.data(), text.size(), "%s returned 0x%lx", what, rv));
    GiveUp(text.data());
  }
}

/// A module that is loaded and initialised; stays so until the program ends.
CK_FUNCTION_LIST_PTR LoadModule(const std::string& path) {
  void* const library = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    GiveUp(::dlerror());
  }
  const auto get = reinterpret_cast<CK_C_GetFunctionList>(::dlsym(library, "C_GetFunctionList"));
  CK_FUNCTION_LIST_PTR module = nullptr;
  Check("C_GetFunctionList", get != nullptr ? get(&module) : CKR_GENERAL_ERROR);
  Check("C_Initialize", module->C_Initialize(nullptr));
  return module;
}

CK_SLOT_ID FirstSlot(CK_FUNCTION_LIST_PTR module) {
  std::array<CK_SLOT_ID, 4> slots{};
  CK_ULONG count = slots.size();
  Check("C_GetSlotList", module->C_GetSlotList(CK_TRUE, slots.data(), &count));
  if (count == 0) {
    GiveUp("the module shows no token");
  }
  return slots.front();
}

/// Signs 32 bytes with CKM_ECDSA.
class Signer {
 public:
  Signer(CK_FUNCTION_LIST_PTR module, CK_SESSION_HANDLE session) : module_(module), session_(session) {
    CK_OBJECT_CLASS wanted = CKO_PRIVATE_KEY;
    CK_KEY_TYPE type = CKK_EC;
    std::array<CK_ATTRIBUTE, 2> attributes{CK_ATTRIBUTE{CKA_CLASS, &wanted, sizeof wanted},
                                           CK_ATTRIBUTE{CKA_KEY_TYPE, &type, sizeof type}};
    CK_ULONG count = 0;
    Check("C_FindObjectsInit", module_->C_FindObjectsInit(session_, attributes.data(), attributes.size()));
    Check("C_FindObjects", module_->C_FindObjects(session_, &key_, 1, &count));
    Check("C_FindObjectsFinal", module_->C_FindObjectsFinal(session_));
    if (count != 1) {
      GiveUp("the token has no EC key");
    }
  }

  void operator()() {
    CK_MECHANISM how{CKM_ECDSA, nullptr, 0};
    std::array<CK_BYTE, 32> digest{0x42};
    std::array<CK_BYTE, 64> signature{};
    CK_ULONG size = signature.size();
    Check("C_SignInit", module_->C_SignInit(session_, &how, key_));
    Check("C_Sign", module_->C_Sign(session_, digest.data(), digest.size(), signature.data(), &size));
  }

 private:
  CK_FUNCTION_LIST_PTR module_;
  CK_SESSION_HANDLE session_;
  CK_OBJECT_HANDLE key_ = CK_INVALID_HANDLE;
};

Signer OpenOurs(const std::string& module_path, const std::string& card) {
  ::setenv("SIMROOT_CARD", ("sim:" + card).c_str(), 1);
  const CK_FUNCTION_LIST_PTR module = LoadModule(module_path);
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  Check("C_OpenSession", module->C_OpenSession(FirstSlot(module), CKF_SERIAL_SESSION, nullptr, nullptr, &session));
  return {module, session};
}

/// A new token of SoftHSM with an EC key.
Signer OpenSoftHsm(const std::string& folder) {
  const std::string configuration = folder + "/softhsm2.conf";
  std::filesystem::create_directory(folder + "/tokens");
  std::ofstream(configuration) << "directories.tokendir = " << folder << "/tokens\nobjectstore.backend = file\n";
  ::setenv("SOFTHSM2_CONF", configuration.c_str(), 1);
  const CK_FUNCTION_LIST_PTR module = LoadModule(kSoftHsm);
  std::array<CK_UTF8CHAR, 4> pin{'1', '2', '3', '4'};
  std::array<CK_UTF8CHAR, 32> label{};
  label.fill(' ');
  Check("C_InitToken", module->C_InitToken(FirstSlot(module), pin.data(), pin.size(), label.data()));
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  Check("C_OpenSession",
        module->C_OpenSession(FirstSlot(module), CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr, &session));
  Check("C_Login", module->C_Login(session, CKU_SO, pin.data(), pin.size()));
  Check("C_InitPIN", module->C_InitPIN(session, pin.data(), pin.size()));
  Check("C_Logout", module->C_Logout(session));
  Check("C_Login", module->C_Login(session, CKU_USER, pin.data(), pin.size()));
  CK_MECHANISM how{CKM_EC_KEY_PAIR_GEN, nullptr, 0};
  std::array<CK_BYTE, 10> curve{0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
  CK_BBOOL yes = CK_TRUE;
  std::array<CK_ATTRIBUTE, 1> for_public{CK_ATTRIBUTE{CKA_EC_PARAMS, curve.data(), curve.size()}};
  std::array<CK_ATTRIBUTE, 2> for_private{CK_ATTRIBUTE{CKA_TOKEN, &yes, sizeof yes},
                                          CK_ATTRIBUTE{CKA_SIGN, &yes, sizeof yes}};
  CK_OBJECT_HANDLE public_key = CK_INVALID_HANDLE;
  CK_OBJECT_HANDLE private_key = CK_INVALID_HANDLE;
  Check("C_GenerateKeyPair",
        module->C_GenerateKeyPair(session, &how, for_public.data(), for_public.size(), for_private.data(),
                                  for_private.size(), &public_key, &private_key));
  return {module, session};
}

}  // namespace

void RunPkcs11Section(const std::string& module) {
  constexpr int kRounds = 21;
  constexpr int kCalls = 300;
  std::printf("\nC_SignInit and C_Sign, CKM_ECDSA, 32 bytes, card in process (budget: faster than SoftHSM2)\n");
  if (!std::filesystem::exists(kSoftHsm)) {
    std::printf("  not measured: there is no %s; install softhsm2\n", kSoftHsm);
    return;
  }
  const BenchCard card;
  Signer ours = OpenOurs(module, card.file());
  Signer soft_hsm = OpenSoftHsm(card.folder());
  const Comparison both = Compare([&] { ours(); }, [&] { soft_hsm(); }, kRounds, kCalls);
  std::printf("  libsimroot-pkcs11 %6.1f us   SoftHSM2 %6.1f us   %.2f times as fast\n", both.first_us, both.second_us,
              both.ratio);
}

}  // namespace simroot::bench
