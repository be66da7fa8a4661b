// SPDX-License-Identifier: Apache-2.0
/// Outcomes of functions that end in a CK_RV, and how the client's errors become one.
#pragma once

#include <limits>
#include <string_view>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "device/pkcs11/cryptoki.hpp"

namespace simroot::pkcs11 {

/// A value, or what the C_* function returns in its place.
template <typename T>
using RvOr = Expected<T, CK_RV>;
using Outcome = RvOr<void>;

[[nodiscard]] inline tl::unexpected<CK_RV> Refuse(CK_RV rv) {
  return tl::unexpected<CK_RV>(rv);
}

/// The number for an error of the client: 6982 is CKR_USER_NOT_LOGGED_IN, 6983 CKR_PIN_LOCKED, 6985
/// CKR_KEY_FUNCTION_NOT_PERMITTED; an object that is gone or is being changed is CKR_KEY_CHANGED, a broken port or an
/// answer nobody understands CKR_DEVICE_ERROR.
[[nodiscard]] CK_RV ToRv(const Error& error);

/// Writes the error, cause and next step, as a line to where SIMROOT_LOG says: a file, or "stderr". Nothing if unset:
/// PKCS#11 gives programs a number only, and a module does not write to a program's terminal unasked.
void Report(const Error& error);

/// The value, or the error as a number; reported.
template <typename T>
[[nodiscard]] RvOr<T> FromCard(Result<T> result) {
  if (!result) {
    Report(result.error());
    return Refuse(ToRv(result.error()));
  }
  if constexpr (std::is_void_v<T>) {
    return {};
  } else {
    return *std::move(result);
  }
}

/// What an application gave: pointer and length; nothing if the pointer is missing and the length is not zero.
[[nodiscard]] inline RvOr<ByteView> Given(const CK_BYTE* data, CK_ULONG size) {
  if (data == nullptr && size != 0) {
    return Refuse(CKR_ARGUMENTS_BAD);
  }
  return ByteView(data, size);
}

/// Copies a result out by PKCS#11's convention (5.2): without a buffer only the length is told; a buffer that is too
/// small gives CKR_BUFFER_TOO_SMALL and the length.
[[nodiscard]] Outcome GiveBack(ByteView bytes, CK_BYTE* out, CK_ULONG* size);

/// Fills a text field of an info structure with blanks behind the text, without a NUL. Longer texts are cut.
template <typename Field>
void PutText(std::string_view text, Field& field) {
  std::ranges::fill(field, ' ');
  std::ranges::copy(text.substr(0, std::size(field)), std::begin(field));
}

}  // namespace simroot::pkcs11
