// SPDX-License-Identifier: Apache-2.0
/// The boundary to libcrypto's core: what it lets a provider call, how errors reach its error stack, and the guard that
/// lets no exception through.
#pragma once

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

#include <exception>
#include <string>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"

namespace simroot::provider {

/// Upcalls into the core. Valid from OSSL_provider_init until teardown; copied nowhere.
class Core {
 public:
  Core(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions);

  /// Puts `error` on the error stack of the calling thread: reason by domain, the sentence and its next step as data.
  void Raise(const Error& error, const char* file = __builtin_FILE(), int line = __builtin_LINE()) const;
  /// The same for a text that is known at compile time; allocates nothing.
  void RaiseText(ErrorDomain domain, const char* text, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE()) const noexcept;

  /// The value of `name` in the provider's section of openssl.cnf; empty if it is not there.
  [[nodiscard]] std::string ConfigValue(const char* name) const;

  /// One line of at most `line.size() - 1` characters with its line end, as BIO_gets. Nothing at the end of the input.
  [[nodiscard]] std::string_view ReadLine(OSSL_CORE_BIO* bio, std::span<char> line) const;
  /// Up to `out.size()` bytes; how many it were, 0 at the end of the input.
  [[nodiscard]] std::size_t Read(OSSL_CORE_BIO* bio, ByteSpan out) const;
  /// False if not everything could be written.
  [[nodiscard]] bool Write(OSSL_CORE_BIO* bio, std::string_view text) const;

 private:
  void Put(ErrorDomain domain, const char* file, int line, const char* format, ...) const
      __attribute__((format(printf, 5, 6)));

  const OSSL_CORE_HANDLE* handle_;
  OSSL_FUNC_core_get_params_fn* get_params_ = nullptr;
  OSSL_FUNC_core_new_error_fn* new_error_ = nullptr;
  OSSL_FUNC_core_set_error_debug_fn* set_error_debug_ = nullptr;
  OSSL_FUNC_core_vset_error_fn* vset_error_ = nullptr;
  OSSL_FUNC_BIO_gets_fn* bio_gets_ = nullptr;
  OSSL_FUNC_BIO_read_ex_fn* bio_read_ex_ = nullptr;
  OSSL_FUNC_BIO_write_ex_fn* bio_write_ex_ = nullptr;
};

/// What the error stack prints for the reasons of Raise(); ends with a row of id 0.
[[nodiscard]] const OSSL_ITEM* ReasonStrings();

/// Runs `function`; an exception becomes an error on the stack and a zero result (0 or nullptr).
template <typename Function>
auto Guard(const Core& core, Function&& function) noexcept -> decltype(function()) {
  using Value = decltype(function());
  try {
    return function();
  } catch (const std::exception& error) {
    core.RaiseText(ErrorDomain::kUsage, error.what());
  } catch (...) {
    core.RaiseText(ErrorDomain::kUsage, "unexpected failure inside the provider");
  }
  return Value();
}

/// A row of a dispatch table whose function has been checked against the type libcrypto calls it by.
template <typename Function>
[[nodiscard]] OSSL_DISPATCH Entry(int id, Function* function) {
  return {id, reinterpret_cast<void (*)()>(function)};
}
inline constexpr OSSL_DISPATCH kDispatchEnd{0, nullptr};

/// A row of a table that says which parameters there are. @param type OSSL_PARAM_INTEGER and so on. @param size of the
/// value in bytes, 0 for any.
[[nodiscard]] constexpr OSSL_PARAM ParamRow(const char* name, unsigned type, std::size_t size = 0) {
  return {name, type, nullptr, size, 0};
}
inline constexpr OSSL_PARAM kParamEnd{nullptr, 0, nullptr, 0, 0};

}  // namespace simroot::provider
