// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/provider/context.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {

/// The functions of a KDF that goes to the card for a PSK handle, and to the default provider's for all else.
///
/// `State` is made from a Context and has: `software`, the default provider's KDF context; `core()`;
/// `SetParams(params)`; `OnCard()`, whether the card is asked; `Derive(out)`; `Clear()`, to begin anew; and a static
/// `Software(Context&)`, the default provider's KDF.
template <typename State>
class KdfFunctions {
 public:
  [[nodiscard]] static const OSSL_DISPATCH* Table() {
    static const std::array kFunctions{
        Entry<OSSL_FUNC_kdf_newctx_fn>(OSSL_FUNC_KDF_NEWCTX, NewContext),
        Entry<OSSL_FUNC_kdf_freectx_fn>(OSSL_FUNC_KDF_FREECTX, FreeContext),
        Entry<OSSL_FUNC_kdf_reset_fn>(OSSL_FUNC_KDF_RESET, Reset),
        Entry<OSSL_FUNC_kdf_derive_fn>(OSSL_FUNC_KDF_DERIVE, Derive),
        Entry<OSSL_FUNC_kdf_set_ctx_params_fn>(OSSL_FUNC_KDF_SET_CTX_PARAMS, SetParams),
        Entry<OSSL_FUNC_kdf_get_ctx_params_fn>(OSSL_FUNC_KDF_GET_CTX_PARAMS, GetParams),
        Entry<OSSL_FUNC_kdf_settable_ctx_params_fn>(OSSL_FUNC_KDF_SETTABLE_CTX_PARAMS, SettableParams),
        Entry<OSSL_FUNC_kdf_gettable_ctx_params_fn>(OSSL_FUNC_KDF_GETTABLE_CTX_PARAMS, GettableParams),
        kDispatchEnd,
    };
    return kFunctions.data();
  }

 private:
  static State& As(void* state) { return *static_cast<State*>(state); }
  static Context& ContextOf(void* provider) { return *static_cast<Context*>(provider); }

  static void* NewContext(void* provider) {
    Context& context = ContextOf(provider);
    return Guard(context.core(), [&]() -> void* {
      auto state = std::make_unique<State>(context);
      return state->software != nullptr ? state.release() : nullptr;
    });
  }
  static void FreeContext(void* state) { delete static_cast<State*>(state); }

  static void Reset(void* state) {
    EVP_KDF_CTX_reset(As(state).software.get());
    As(state).Clear();
  }

  static int Derive(void* state, unsigned char* key, std::size_t size, const OSSL_PARAM* params) {
    State& self = As(state);
    return Guard(self.core(), [&]() -> int {
      if (!self.SetParams(params)) {
        return 0;
      }
      if (!self.OnCard()) {
        return EVP_KDF_derive(self.software.get(), key, size, nullptr);
      }
      const auto derived = self.Derive({key, size});
      if (!derived) {
        self.core().Raise(derived.error());
      }
      return derived ? 1 : 0;
    });
  }

  static int SetParams(void* state, const OSSL_PARAM* params) {
    return Guard(As(state).core(), [&]() -> int { return As(state).SetParams(params) ? 1 : 0; });
  }
  static int GetParams(void* state, OSSL_PARAM* params) {
    return EVP_KDF_CTX_get_params(As(state).software.get(), params);
  }
  static const OSSL_PARAM* SettableParams(void* /*state*/, void* provider) {
    return EVP_KDF_settable_ctx_params(State::Software(ContextOf(provider)));
  }
  static const OSSL_PARAM* GettableParams(void* /*state*/, void* provider) {
    return EVP_KDF_gettable_ctx_params(State::Software(ContextOf(provider)));
  }
};

}  // namespace simroot::provider
