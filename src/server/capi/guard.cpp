// SPDX-License-Identifier: Apache-2.0
#include "server/capi/guard.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace simroot::server::capi {
namespace {

/// No destructor and no heap: usable at any time of a thread's life, and when memory is out.
thread_local std::array<char, 1001> error_text{};

[[nodiscard]] simroot_result_t CodeOf(ErrorDomain domain) {
  switch (domain) {
    case ErrorDomain::kUsage:
      return SIMROOT_ERROR_USAGE;
    case ErrorDomain::kTransport:
      return SIMROOT_ERROR_TRANSPORT;
    case ErrorDomain::kCard:
      return SIMROOT_ERROR_CARD;
    case ErrorDomain::kProtocol:
      return SIMROOT_ERROR_PROTOCOL;
    case ErrorDomain::kCrypto:
      return SIMROOT_ERROR_CRYPTO;
    case ErrorDomain::kStore:
      return SIMROOT_ERROR_STORE;
  }
  return SIMROOT_ERROR_MEMORY;
}

}  // namespace

Failure::Failure(const Error& error) : result(CodeOf(error.domain)), text(error.Text()) {}

Outcome<void> NotNull(const void* pointer, const char* name) {
  if (pointer == nullptr) {
    return Refuse(SIMROOT_ERROR_USAGE, std::string("the argument ") + name + " is NULL");
  }
  return {};
}

simroot_result_t NoteEnd(simroot_result_t result, const char* text) noexcept {
  const std::string_view kept = std::string_view(text).substr(0, error_text.size() - 1);
  *std::ranges::copy(kept, error_text.begin()).out = '\0';
  return result;
}

}  // namespace simroot::server::capi

extern "C" const char* simroot_server_error_text() {
  return simroot::server::capi::error_text.data();
}
