// SPDX-License-Identifier: Apache-2.0
/// The border to C: every function of server.h runs inside Guard, which turns errors and exceptions into a result code
/// and a text of the thread.
#pragma once

#include <exception>
#include <new>

#include <simroot/server.h>
#include "common/host/error.hpp"

namespace simroot::server::capi {

/// What a function of the C API fails with.
struct Failure {
  simroot_result_t result = SIMROOT_ERROR_USAGE;
  std::string text;  ///< "cause; next step"

  Failure(simroot_result_t code, std::string what) : result(code), text(std::move(what)) {}
  /// The domain decides the code. Not explicit, so that SR_TRY takes results of the middleware.
  Failure(const Error& error);  // NOLINT(google-explicit-constructor)
};
template <typename T>
using Outcome = Expected<T, Failure>;

[[nodiscard]] inline tl::unexpected<Failure> Refuse(simroot_result_t result, std::string text) {
  return tl::unexpected<Failure>(Failure(result, std::move(text)));
}

/// SIMROOT_ERROR_USAGE if `pointer` is NULL.
[[nodiscard]] Outcome<void> NotNull(const void* pointer, const char* name);

/// Notes the end of a call in the thread's error state, and returns its result. Allocates nothing.
simroot_result_t NoteEnd(simroot_result_t result, const char* text) noexcept;

/// Runs `function`, which returns an Outcome<void>.
template <typename Function>
simroot_result_t Guard(Function&& function) noexcept {
  try {
    const Outcome<void> outcome = function();
    return outcome ? NoteEnd(SIMROOT_OK, "") : NoteEnd(outcome.error().result, outcome.error().text.c_str());
  } catch (const std::bad_alloc&) {
    return NoteEnd(SIMROOT_ERROR_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return NoteEnd(SIMROOT_ERROR_MEMORY, error.what());
  } catch (...) {
    return NoteEnd(SIMROOT_ERROR_MEMORY, "unexpected failure inside the library");
  }
}

/// For functions that only free: whatever fails is of no consequence, and the error state stays as it is.
template <typename Function>
void GuardQuietly(Function&& function) noexcept {
  try {
    function();
  } catch (...) {
    return;
  }
}

}  // namespace simroot::server::capi
