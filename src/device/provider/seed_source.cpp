// SPDX-License-Identifier: Apache-2.0
/// A seed source for OpenSSL's random number generator, with `random = card`: every byte is one of the system's XOR one
/// of the card's, so it is as good as the better of the two. Where the card does not answer, the system's are used
/// alone: what OpenSSL would have used without this.
#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <sys/random.h>

#include <atomic>
#include <cerrno>
#include <chrono>

#include "common/base/secret.hpp"
#include "device/provider/context.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

constexpr unsigned kStrength = 1024;  ///< bits, as libcrypto's own seed source says it: full entropy
constexpr std::size_t kMaxRequest = 128;

struct SeedSource {
  Context* context = nullptr;
  int state = EVP_RAND_STATE_UNINITIALISED;
};

SeedSource& AsSource(void* source) {
  return *static_cast<SeedSource*>(source);
}

[[nodiscard]] bool FillFromSystem(ByteSpan out) {
  while (!out.empty()) {
    const ssize_t count = ::getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno != EINTR) {
      return false;
    }
    out = out.subspan(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  return true;
}

using Clock = std::chrono::steady_clock;
/// libcrypto holds a lock while it waits for a seed: a card that is silent must not hold up every thread, every time.
constexpr std::chrono::seconds kPause{60};
std::atomic<Clock::rep> silent_until{Clock::time_point::min().time_since_epoch().count()};

[[nodiscard]] bool MixBytesOf(device::Card& card, ByteSpan out) {
  auto random = card.Random(out.size());
  if (!random || random->size() != out.size()) {
    return false;
  }
  std::ranges::transform(out, *random, out.begin(), [](auto a, auto b) { return LowByte(a ^ b); });
  Wipe(*random);
  return true;
}

void MixFromCard(Context& context, ByteSpan out) {
  if (Clock::now().time_since_epoch().count() < silent_until) {
    return;
  }
  const auto card = context.KeptCard();
  if (!card || !MixBytesOf(**card, out)) {
    silent_until = (Clock::now() + kPause).time_since_epoch().count();
  }
}

[[nodiscard]] bool Fill(SeedSource& source, ByteSpan out) {
  if (source.state != EVP_RAND_STATE_READY || out.empty() || !FillFromSystem(out)) {
    return false;
  }
  MixFromCard(*source.context, out);
  return true;
}

void* NewContext(void* provider, void* parent, const OSSL_DISPATCH* /*parent_functions*/) {
  auto& context = *static_cast<Context*>(provider);
  return Guard(context.core(), [&]() -> void* {
    if (parent != nullptr) {
      context.core().RaiseText(ErrorDomain::kUsage, "a seed source has no parent");
      return nullptr;
    }
    auto source = std::make_unique<SeedSource>();
    source->context = &context;
    return source.release();
  });
}

void FreeContext(void* source) {
  delete static_cast<SeedSource*>(source);
}

int Instantiate(void* source, unsigned /*strength*/, int /*prediction_resistance*/, const unsigned char* /*text*/,
                std::size_t /*text_size*/, const OSSL_PARAM* /*params*/) {
  AsSource(source).state = EVP_RAND_STATE_READY;
  return 1;
}

int Uninstantiate(void* source) {
  AsSource(source).state = EVP_RAND_STATE_UNINITIALISED;
  return 1;
}

int Generate(void* source, unsigned char* out, std::size_t size, unsigned /*strength*/, int /*prediction_resistance*/,
             const unsigned char* /*additional*/, std::size_t /*additional_size*/) {
  return Guard(AsSource(source).context->core(), [&]() -> int { return Fill(AsSource(source), {out, size}) ? 1 : 0; });
}

int Reseed(void* source, int /*prediction_resistance*/, const unsigned char* /*entropy*/, std::size_t /*entropy_size*/,
           const unsigned char* /*additional*/, std::size_t /*additional_size*/) {
  return AsSource(source).state == EVP_RAND_STATE_READY ? 1 : 0;
}

/// @param entropy bits that are wanted; every byte of this source has eight.
std::size_t GetSeed(void* source, unsigned char** out, int entropy, std::size_t min_size, std::size_t max_size,
                    int /*prediction_resistance*/, const unsigned char* /*additional*/,
                    std::size_t /*additional_size*/) {
  SeedSource& self = AsSource(source);
  return Guard(self.context->core(), [&]() -> std::size_t {
    const std::size_t needed = entropy > 0 ? (static_cast<std::size_t>(entropy) + 7) / 8 : 0;
    const std::size_t size = std::max(needed, min_size);
    if (size == 0 || size > max_size) {
      return 0;
    }
    auto memory = std::make_unique<unsigned char[]>(size);
    if (!Fill(self, {memory.get(), size})) {
      return 0;
    }
    *out = memory.release();
    return size;
  });
}

void ClearSeed(void* /*source*/, unsigned char* seed, std::size_t size) {
  Wipe({seed, size});
  delete[] seed;
}

int GetParams(void* source, OSSL_PARAM* params) {
  OSSL_PARAM* const state = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);
  OSSL_PARAM* const strength = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
  OSSL_PARAM* const max_request = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
  return (state == nullptr || OSSL_PARAM_set_int(state, AsSource(source).state) == 1) &&
                 (strength == nullptr || OSSL_PARAM_set_uint(strength, kStrength) == 1) &&
                 (max_request == nullptr || OSSL_PARAM_set_size_t(max_request, kMaxRequest) == 1)
             ? 1
             : 0;
}

const OSSL_PARAM* GettableParams(void* /*source*/, void* /*provider*/) {
  static const std::array kParams{
      ParamRow(OSSL_RAND_PARAM_STATE, OSSL_PARAM_INTEGER, sizeof(int)),
      ParamRow(OSSL_RAND_PARAM_STRENGTH, OSSL_PARAM_UNSIGNED_INTEGER, sizeof(unsigned)),
      ParamRow(OSSL_RAND_PARAM_MAX_REQUEST, OSSL_PARAM_UNSIGNED_INTEGER, sizeof(std::size_t)), kParamEnd};
  return kParams.data();
}

/// Nothing here is shared but the card, which has a lock of its own.
int EnableLocking(void* /*source*/) {
  return 1;
}
int Lock(void* /*source*/) {
  return 1;
}
void Unlock(void* /*source*/) {}

/// No state is kept.
int VerifyZeroization(void* /*source*/) {
  return 1;
}

}  // namespace

const OSSL_DISPATCH* SeedSourceFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_rand_newctx_fn>(OSSL_FUNC_RAND_NEWCTX, NewContext),
      Entry<OSSL_FUNC_rand_freectx_fn>(OSSL_FUNC_RAND_FREECTX, FreeContext),
      Entry<OSSL_FUNC_rand_instantiate_fn>(OSSL_FUNC_RAND_INSTANTIATE, Instantiate),
      Entry<OSSL_FUNC_rand_uninstantiate_fn>(OSSL_FUNC_RAND_UNINSTANTIATE, Uninstantiate),
      Entry<OSSL_FUNC_rand_generate_fn>(OSSL_FUNC_RAND_GENERATE, Generate),
      Entry<OSSL_FUNC_rand_reseed_fn>(OSSL_FUNC_RAND_RESEED, Reseed),
      Entry<OSSL_FUNC_rand_enable_locking_fn>(OSSL_FUNC_RAND_ENABLE_LOCKING, EnableLocking),
      Entry<OSSL_FUNC_rand_lock_fn>(OSSL_FUNC_RAND_LOCK, Lock),
      Entry<OSSL_FUNC_rand_unlock_fn>(OSSL_FUNC_RAND_UNLOCK, Unlock),
      Entry<OSSL_FUNC_rand_get_ctx_params_fn>(OSSL_FUNC_RAND_GET_CTX_PARAMS, GetParams),
      Entry<OSSL_FUNC_rand_gettable_ctx_params_fn>(OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, GettableParams),
      Entry<OSSL_FUNC_rand_verify_zeroization_fn>(OSSL_FUNC_RAND_VERIFY_ZEROIZATION, VerifyZeroization),
      Entry<OSSL_FUNC_rand_get_seed_fn>(OSSL_FUNC_RAND_GET_SEED, GetSeed),
      Entry<OSSL_FUNC_rand_clear_seed_fn>(OSSL_FUNC_RAND_CLEAR_SEED, ClearSeed),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
