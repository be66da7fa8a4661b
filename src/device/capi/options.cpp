// SPDX-License-Identifier: Apache-2.0
#include "device/capi/arguments.hpp"

using simroot::capi::Guard;
using simroot::capi::Input;
using simroot::capi::NotNull;
using simroot::capi::Outcome;
using simroot::capi::Refuse;

namespace {

constexpr std::uint32_t kMaxTimeoutMs = 600'000;
constexpr std::size_t kMinAid = 5;  // ISO/IEC 7816-4 8.2.1.2
constexpr std::size_t kMaxAid = 16;

}  // namespace

extern "C" {

simroot_options_t* simroot_options_new() {
  return new (std::nothrow) simroot_options;
}

void simroot_options_free(simroot_options_t* options) {
  delete options;
}

simroot_result_t simroot_options_set_timeout(simroot_options_t* options, uint32_t timeout_ms) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(options, "options"));
    if (timeout_ms == 0 || timeout_ms > kMaxTimeoutMs) {
      return Refuse(SIMROOT_ERROR_USAGE,
                    "the time limit is 1 to 600000 milliseconds, not " + std::to_string(timeout_ms));
    }
    options->card.timeout = std::chrono::milliseconds(timeout_ms);
    return {};
  });
}

simroot_result_t simroot_options_set_cache(simroot_options_t* options, const char* directory) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(options, "options"));
    const std::string path = directory == nullptr ? "" : directory;
    options->card.use_cache = directory == nullptr || !path.empty();
    options->card.cache_directory = path;
    return {};
  });
}

simroot_result_t simroot_options_add_aid(simroot_options_t* options, const uint8_t* aid, size_t aid_size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(options, "options"));
    SR_TRY(const simroot::ByteView bytes, Input(aid, aid_size, "aid"));
    if (bytes.size() < kMinAid || bytes.size() > kMaxAid) {
      return Refuse(SIMROOT_ERROR_USAGE,
                    "an application identifier has 5 to 16 bytes, not " + std::to_string(aid_size));
    }
    options->card.aids.emplace_back(bytes.begin(), bytes.end());
    return {};
  });
}

simroot_result_t simroot_options_set_trace(simroot_options_t* options, simroot_trace_function_t function,
                                           void* context) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(options, "options"));
    options->trace = function;
    options->trace_context = context;
    return {};
  });
}

}  // extern "C"
