// SPDX-License-Identifier: Apache-2.0
/// The tables by which programs find all other functions.
#include <cstring>

#include "device/pkcs11/entry.hpp"

namespace simroot::pkcs11 {
namespace {

// Both tables are written by the header itself: the order of their members is the order of its declarations.
#define CK_PKCS11_FUNCTION_INFO(name) ::name,
#define CK_PKCS11_3_0 1
CK_FUNCTION_LIST_3_0 functions_3_0 = {
    {3, 0},
#include <pkcs11f.h>
};

#define CK_PKCS11_2_0_ONLY 1
CK_FUNCTION_LIST functions_2_40 = {
    {2, 40},
#include <pkcs11f.h>
};
#undef CK_PKCS11_2_0_ONLY
#undef CK_PKCS11_3_0
#undef CK_PKCS11_FUNCTION_INFO

CK_UTF8CHAR interface_name[] = "PKCS 11";  // NOLINT: C's type of the member

// Newest first: the first one is the default. No flags: a child has to call C_Initialize before it goes on, and
// CKF_INTERFACE_FORK_SAFE would say that it need not.
std::array<CK_INTERFACE, 2> interfaces{
    CK_INTERFACE{interface_name, &functions_3_0, 0},
    CK_INTERFACE{interface_name, &functions_2_40, 0},
};

[[nodiscard]] bool IsWanted(const CK_INTERFACE& offered, const CK_UTF8CHAR* name, const CK_VERSION* version,
                            CK_FLAGS flags) {
  const auto* const text = reinterpret_cast<const char*>(name);
  const auto* const offered_name = reinterpret_cast<const char*>(offered.pInterfaceName);
  // Every function list begins with its version.
  const auto& own = *static_cast<const CK_VERSION*>(offered.pFunctionList);
  return (name == nullptr || std::strcmp(text, offered_name) == 0) &&
         (version == nullptr || (version->major == own.major && version->minor == own.minor)) &&
         (flags & ~offered.flags) == 0;
}

}  // namespace

extern "C" {

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list) {
  if (list == nullptr) {
    return CKR_ARGUMENTS_BAD;
  }
  *list = &functions_2_40;
  return CKR_OK;
}

CK_RV C_GetInterfaceList(CK_INTERFACE_PTR list, CK_ULONG_PTR count) {
  if (count == nullptr) {
    return CKR_ARGUMENTS_BAD;
  }
  const CK_ULONG room = *count;
  *count = interfaces.size();
  if (list == nullptr) {
    return CKR_OK;
  }
  if (room < interfaces.size()) {
    return CKR_BUFFER_TOO_SMALL;
  }
  std::ranges::copy(interfaces, list);
  return CKR_OK;
}

CK_RV C_GetInterface(CK_UTF8CHAR_PTR name, CK_VERSION_PTR version, CK_INTERFACE_PTR_PTR found, CK_FLAGS flags) {
  if (found == nullptr) {
    return CKR_ARGUMENTS_BAD;
  }
  const auto row = std::ranges::find_if(
      interfaces, [&](const CK_INTERFACE& offered) { return IsWanted(offered, name, version, flags); });
  if (row == interfaces.end()) {
    return CKR_FUNCTION_FAILED;
  }
  *found = &*row;
  return CKR_OK;
}

}  // extern "C"
}  // namespace simroot::pkcs11
