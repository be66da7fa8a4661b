// SPDX-License-Identifier: Apache-2.0
/// ECDH for software keys, passed on to the default provider: needed when this provider's EC key manager is the first
/// of the process and so holds the ephemeral keys of handshakes. With `ecdhe = card`, for those that the card made.
#include <openssl/core_names.h>

#include "common/base/secret.hpp"
#include "device/provider/ephemeral_key.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

struct Exchange {
  Context* context = nullptr;
  PkeyContextPtr derivation;                ///< of a software key
  std::shared_ptr<EphemeralKey> ephemeral;  ///< or a key on the card
  std::optional<device::Point> peer;        ///< with the latter
};

Exchange& AsExchange(void* exchange) {
  return *static_cast<Exchange*>(exchange);
}

template <typename Function>
int WithDerivation(void* exchange, Function&& function) {
  Exchange& self = AsExchange(exchange);
  return Guard(self.context->core(),
               [&]() -> int { return self.derivation != nullptr && function(self.derivation.get()) == 1 ? 1 : 0; });
}

void* NewContext(void* provider) {
  auto& context = *static_cast<Context*>(provider);
  return Guard(context.core(), [&]() -> void* {
    auto self = std::make_unique<Exchange>();
    self->context = &context;
    return self.release();
  });
}

void FreeContext(void* exchange) {
  delete static_cast<Exchange*>(exchange);
}

void* DupContext(void* exchange) {
  const Exchange& from = AsExchange(exchange);
  return Guard(from.context->core(), [&]() -> void* {
    auto copy = std::make_unique<Exchange>();
    copy->context = from.context;
    copy->ephemeral = from.ephemeral;
    copy->peer = from.peer;
    if (from.derivation != nullptr) {
      copy->derivation.reset(EVP_PKEY_CTX_dup(from.derivation.get()));
      if (copy->derivation == nullptr) {
        return nullptr;
      }
    }
    return copy.release();
  });
}

int Init(void* exchange, void* key_data, const OSSL_PARAM* params) {
  Exchange& self = AsExchange(exchange);
  return Guard(self.context->core(), [&]() -> int {
    const EcKey& key = *static_cast<const EcKey*>(key_data);
    if (key.card != nullptr) {
      self.context->core().Raise(Error{ErrorDomain::kUsage, key.card->Text() + " is used for signatures only",
                                       "use a cipher suite with ephemeral key agreement (ECDHE)"});
      return 0;
    }
    self.ephemeral = key.ephemeral;
    self.peer.reset();
    if (self.ephemeral != nullptr) {
      self.derivation.reset();
      return params == nullptr || params->key == nullptr ? 1 : 0;  // no KDF after it on the card
    }
    self.derivation.reset(key.software != nullptr
                              ? EVP_PKEY_CTX_new_from_pkey(self.context->software(), key.software.get(), nullptr)
                              : nullptr);
    return self.derivation != nullptr && EVP_PKEY_derive_init_ex(self.derivation.get(), params) == 1 ? 1 : 0;
  });
}

/// The point of a peer's key, if it is one of P-256.
std::optional<device::Point> PointOf(const EcKey& key) {
  std::array<char, 64> group{};
  std::size_t length = 0;
  device::Point point{};
  std::size_t size = 0;
  if (key.software == nullptr ||
      EVP_PKEY_get_group_name(key.software.get(), group.data(), group.size(), &length) != 1 ||
      std::string_view(group.data()) != "prime256v1" ||
      EVP_PKEY_get_octet_string_param(key.software.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size(), &size) !=
          1 ||
      size != point.size()) {
    return std::nullopt;
  }
  return point;
}

int SetPeer(void* exchange, void* peer) {
  Exchange& self = AsExchange(exchange);
  if (self.ephemeral != nullptr) {
    return Guard(self.context->core(), [&]() -> int {
      self.peer = PointOf(*static_cast<const EcKey*>(peer));
      return self.peer ? 1 : 0;
    });
  }
  // libcrypto outside has had the peer's key checked already, through Validate of the key manager.
  return WithDerivation(exchange, [&](EVP_PKEY_CTX* derivation) {
    return EVP_PKEY_derive_set_peer_ex(derivation, static_cast<const EcKey*>(peer)->software.get(), 0);
  });
}

int DeriveOnCard(const Exchange& self, unsigned char* secret, std::size_t* length, std::size_t room) {
  *length = iotsafe::kP256ScalarSize;
  if (secret == nullptr) {
    return 1;
  }
  if (!self.peer || room < *length) {
    self.context->core().RaiseText(ErrorDomain::kUsage, "a key agreement needs the peer's key and 32 bytes of room");
    return 0;
  }
  auto shared = self.ephemeral->Agree(*self.peer);
  if (!shared) {
    self.context->core().Raise(shared.error());
    return 0;
  }
  std::ranges::copy(*shared, secret);
  Wipe(*shared);
  return 1;
}

int Derive(void* exchange, unsigned char* secret, std::size_t* length, std::size_t room) {
  const Exchange& self = AsExchange(exchange);
  if (self.ephemeral != nullptr) {
    return Guard(self.context->core(), [&]() -> int { return DeriveOnCard(self, secret, length, room); });
  }
  return WithDerivation(exchange, [&](EVP_PKEY_CTX* derivation) {
    *length = room;
    return EVP_PKEY_derive(derivation, secret, length);
  });
}

int GetParams(void* exchange, OSSL_PARAM* params) {
  return WithDerivation(exchange,
                        [&](EVP_PKEY_CTX* derivation) { return EVP_PKEY_CTX_get_params(derivation, params); });
}

int SetParams(void* exchange, const OSSL_PARAM* params) {
  if (params == nullptr) {
    return 1;
  }
  return WithDerivation(exchange,
                        [&](EVP_PKEY_CTX* derivation) { return EVP_PKEY_CTX_set_params(derivation, params); });
}

const OSSL_PARAM* GettableParams(void* /*exchange*/, void* /*provider*/) {
  static const std::array kParams{
      ParamRow(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, OSSL_PARAM_INTEGER, sizeof(int)),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_TYPE, OSSL_PARAM_UTF8_STRING),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_DIGEST, OSSL_PARAM_UTF8_STRING),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, OSSL_PARAM_UNSIGNED_INTEGER, sizeof(std::size_t)),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_PTR),
      kParamEnd};
  return kParams.data();
}

const OSSL_PARAM* SettableParams(void* /*exchange*/, void* /*provider*/) {
  static const std::array kParams{
      ParamRow(OSSL_EXCHANGE_PARAM_EC_ECDH_COFACTOR_MODE, OSSL_PARAM_INTEGER, sizeof(int)),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_TYPE, OSSL_PARAM_UTF8_STRING),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_DIGEST, OSSL_PARAM_UTF8_STRING),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_DIGEST_PROPS, OSSL_PARAM_UTF8_STRING),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_OUTLEN, OSSL_PARAM_UNSIGNED_INTEGER, sizeof(std::size_t)),
      ParamRow(OSSL_EXCHANGE_PARAM_KDF_UKM, OSSL_PARAM_OCTET_STRING),
      kParamEnd};
  return kParams.data();
}

}  // namespace

const OSSL_DISPATCH* KeyexchFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_keyexch_newctx_fn>(OSSL_FUNC_KEYEXCH_NEWCTX, NewContext),
      Entry<OSSL_FUNC_keyexch_freectx_fn>(OSSL_FUNC_KEYEXCH_FREECTX, FreeContext),
      Entry<OSSL_FUNC_keyexch_dupctx_fn>(OSSL_FUNC_KEYEXCH_DUPCTX, DupContext),
      Entry<OSSL_FUNC_keyexch_init_fn>(OSSL_FUNC_KEYEXCH_INIT, Init),
      Entry<OSSL_FUNC_keyexch_set_peer_fn>(OSSL_FUNC_KEYEXCH_SET_PEER, SetPeer),
      Entry<OSSL_FUNC_keyexch_derive_fn>(OSSL_FUNC_KEYEXCH_DERIVE, Derive),
      Entry<OSSL_FUNC_keyexch_get_ctx_params_fn>(OSSL_FUNC_KEYEXCH_GET_CTX_PARAMS, GetParams),
      Entry<OSSL_FUNC_keyexch_gettable_ctx_params_fn>(OSSL_FUNC_KEYEXCH_GETTABLE_CTX_PARAMS, GettableParams),
      Entry<OSSL_FUNC_keyexch_set_ctx_params_fn>(OSSL_FUNC_KEYEXCH_SET_CTX_PARAMS, SetParams),
      Entry<OSSL_FUNC_keyexch_settable_ctx_params_fn>(OSSL_FUNC_KEYEXCH_SETTABLE_CTX_PARAMS, SettableParams),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
