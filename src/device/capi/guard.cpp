// SPDX-License-Identifier: Apache-2.0
#include "device/capi/guard.hpp"

#include <algorithm>
#include <array>

namespace simroot::capi {
namespace {

/// No destructor and no heap: usable at any time of a thread's life, and when memory is out.
struct ErrorState {
  std::array<char, 1001> text{};
  wire::StatusWord sw{};
};
thread_local ErrorState error_state;

void Remember(std::string_view text, wire::StatusWord sw) {
  ErrorState& state = error_state;
  const std::string_view kept = text.substr(0, state.text.size() - 1);
  *std::ranges::copy(kept, state.text.begin()).out = '\0';
  state.sw = sw;
}

[[nodiscard]] simroot_result_t CodeOf(const Error& error) {
  switch (error.domain) {
    case ErrorDomain::kUsage:
      return SIMROOT_ERROR_USAGE;
    case ErrorDomain::kTransport:
      return SIMROOT_ERROR_TRANSPORT;
    case ErrorDomain::kCard:
      return error.sw == wire::StatusWord::kSecurityNotSatisfied || error.sw == wire::StatusWord::kAuthenticationBlocked
                 ? SIMROOT_ERROR_PIN
                 : SIMROOT_ERROR_CARD;
    case ErrorDomain::kProtocol:
      return SIMROOT_ERROR_PROTOCOL;
    case ErrorDomain::kCrypto:
      return SIMROOT_ERROR_CRYPTO;
    case ErrorDomain::kStore:
      return SIMROOT_ERROR_STORE;
  }
  return SIMROOT_ERROR_MEMORY;
}

struct ResultName {
  int result;
  const char* name;
};
constexpr std::array kResultNames{
    ResultName{SIMROOT_OK, "SIMROOT_OK"},
    ResultName{SIMROOT_ERROR_USAGE, "SIMROOT_ERROR_USAGE"},
    ResultName{SIMROOT_ERROR_BUFFER, "SIMROOT_ERROR_BUFFER"},
    ResultName{SIMROOT_ERROR_TRANSPORT, "SIMROOT_ERROR_TRANSPORT"},
    ResultName{SIMROOT_ERROR_CARD, "SIMROOT_ERROR_CARD"},
    ResultName{SIMROOT_ERROR_NOT_FOUND, "SIMROOT_ERROR_NOT_FOUND"},
    ResultName{SIMROOT_ERROR_PROTOCOL, "SIMROOT_ERROR_PROTOCOL"},
    ResultName{SIMROOT_ERROR_CRYPTO, "SIMROOT_ERROR_CRYPTO"},
    ResultName{SIMROOT_ERROR_STORE, "SIMROOT_ERROR_STORE"},
    ResultName{SIMROOT_ERROR_MISMATCH, "SIMROOT_ERROR_MISMATCH"},
    ResultName{SIMROOT_ERROR_PIN, "SIMROOT_ERROR_PIN"},
    ResultName{SIMROOT_ERROR_MEMORY, "SIMROOT_ERROR_MEMORY"},
};

static_assert(std::string_view(SIMROOT_VERSION_TEXT) == SIMROOT_VERSION,
              "include/simroot/simroot.h and project() in CMakeLists.txt name different versions");

}  // namespace

Failure::Failure(const Error& error) : result(CodeOf(error)), text(error.Text()) {
  if (error.domain == ErrorDomain::kCard && error.sw != wire::StatusWord::kOk) {
    sw = error.sw;
  }
}

simroot_result_t NoteSuccess() noexcept {
  Remember({}, {});
  return SIMROOT_OK;
}

simroot_result_t NoteFailure(const Failure& failure) noexcept {
  const bool by_card = failure.sw != wire::StatusWord::kOk;
  Remember(failure.text, by_card ? failure.sw : wire::StatusWord{});
  return failure.result;
}

simroot_result_t NoteFailure(simroot_result_t result, const char* text) noexcept {
  Remember(text, {});
  return result;
}

}  // namespace simroot::capi

using simroot::capi::error_state;

extern "C" {

const char* simroot_error_text() {
  return error_state.text.data();
}

unsigned simroot_error_status_word() {
  return static_cast<unsigned>(error_state.sw);
}

const char* simroot_result_name(int result) {
  const auto* const row = std::ranges::find(simroot::capi::kResultNames, result, &simroot::capi::ResultName::result);
  return row == simroot::capi::kResultNames.end() ? "unknown result" : row->name;
}

const char* simroot_version() {
  return SIMROOT_VERSION;
}

}  // extern "C"
