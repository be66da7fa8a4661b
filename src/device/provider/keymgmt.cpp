// SPDX-License-Identifier: Apache-2.0
/// The EC key manager. Complete, so that it can stand first in the list of providers and serve every EC key of the
/// process: software keys live as libcrypto keys in the provider's own context, and calls are passed on to them.
#include <openssl/core_names.h>

#include <cstring>

#include "device/provider/keygen.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

constexpr int kTrackedParts = OSSL_KEYMGMT_SELECT_KEYPAIR | OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS;

const EcKey& AsKey(const void* key) {
  return *static_cast<const EcKey*>(key);
}
EcKey& AsKey(void* key) {
  return *static_cast<EcKey*>(key);
}
Context& AsContext(void* provider) {
  return *static_cast<Context*>(provider);
}

void* New(void* provider) {
  return Guard(AsContext(provider).core(), [&]() -> void* {
    auto key = std::make_unique<EcKey>();
    key->context = &AsContext(provider);
    return key.release();
  });
}

void Free(void* key) {
  delete static_cast<EcKey*>(key);
}

/// Takes over the key that PassKey() offers.
void* Load(const void* reference, std::size_t size) {
  EcKey* key = nullptr;
  if (size != kKeyReferenceSize) {
    return nullptr;
  }
  std::memcpy(&key, reference, kKeyReferenceSize);
  // libcrypto passes the storage of PassKey() through; a null tells it that the key has found its owner.
  std::memset(const_cast<void*>(reference), 0, kKeyReferenceSize);
  return key;
}

int Has(const void* key, int selection) {
  const int wanted = selection & kTrackedParts;
  return key != nullptr && (AsKey(key).parts & wanted) == wanted ? 1 : 0;
}

/// Compares private halves where there is no public one: never true for two different objects on a card.
bool SamePrivateKey(const EcKey& first, const EcKey& second) {
  if (first.OnCard() || second.OnCard()) {
    return first.card != nullptr && second.card != nullptr && first.card->SameKey(*second.card);
  }
  BIGNUM* a = nullptr;
  BIGNUM* b = nullptr;
  const bool same = EVP_PKEY_get_bn_param(first.software.get(), OSSL_PKEY_PARAM_PRIV_KEY, &a) == 1 &&
                    EVP_PKEY_get_bn_param(second.software.get(), OSSL_PKEY_PARAM_PRIV_KEY, &b) == 1 &&
                    BN_cmp(a, b) == 0;
  BN_clear_free(a);
  BN_clear_free(b);
  return same;
}

int Match(const void* first_key, const void* second_key, int selection) {
  const EcKey& first = AsKey(first_key);
  const EcKey& second = AsKey(second_key);
  return Guard(first.core(), [&]() -> int {
    if (first.software == nullptr || second.software == nullptr) {
      return 0;
    }
    if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 &&
        EVP_PKEY_parameters_eq(first.software.get(), second.software.get()) != 1) {
      return 0;
    }
    if ((selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0) {
      return 1;
    }
    const bool both_public = (first.parts & second.parts & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 && both_public) {
      return EVP_PKEY_eq(first.software.get(), second.software.get()) == 1 ? 1 : 0;
    }
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && SamePrivateKey(first, second) ? 1 : 0;
  });
}

int Validate(const void* key_data, int selection, int check_type) {
  const EcKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    if ((selection & kTrackedParts) == 0) {
      return 1;
    }
    if (key.software == nullptr) {
      return 0;
    }
    const PkeyContextPtr checker(EVP_PKEY_CTX_new_from_pkey(key.context->software(), key.software.get(), nullptr));
    if (checker == nullptr) {
      return 0;
    }
    const bool quick = check_type == OSSL_KEYMGMT_VALIDATE_QUICK_CHECK;
    const auto wants = [&](int part) { return (selection & part) != 0; };
    const auto check = [&](auto* full, auto* fast) { return (quick ? fast : full)(checker.get()) == 1; };
    if (wants(OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) && !check(EVP_PKEY_param_check, EVP_PKEY_param_check_quick)) {
      return 0;
    }
    if (wants(OSSL_KEYMGMT_SELECT_PUBLIC_KEY) && !check(EVP_PKEY_public_check, EVP_PKEY_public_check_quick)) {
      return 0;
    }
    // The private half of a card key cannot be looked at; the first signature proves it.
    if (key.OnCard() || !wants(OSSL_KEYMGMT_SELECT_PRIVATE_KEY)) {
      return 1;
    }
    const bool good = EVP_PKEY_private_check(checker.get()) == 1 &&
                      (!wants(OSSL_KEYMGMT_SELECT_PUBLIC_KEY) || EVP_PKEY_pairwise_check(checker.get()) == 1);
    return good ? 1 : 0;
  });
}

int GetParams(void* key_data, OSSL_PARAM* params) {
  const EcKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    return key.software != nullptr && EVP_PKEY_get_params(key.software.get(), params) == 1 ? 1 : 0;
  });
}

const OSSL_PARAM* GettableParams(void* provider) {
  return EVP_KEYMGMT_gettable_params(AsContext(provider).software_ec());
}

int SetParams(void* key_data, const OSSL_PARAM* params) {
  EcKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    if (params == nullptr || params->key == nullptr) {
      return 1;
    }
    const bool sets_public = OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) != nullptr;
    if (key.OnCard() && sets_public) {
      key.core().RaiseText(ErrorDomain::kUsage, "the public key of a key on a card cannot be replaced");
      return 0;
    }
    if (key.software == nullptr || EVP_PKEY_set_params(key.software.get(), const_cast<OSSL_PARAM*>(params)) != 1) {
      return 0;
    }
    key.parts |= sets_public ? OSSL_KEYMGMT_SELECT_PUBLIC_KEY : 0;
    return 1;
  });
}

const OSSL_PARAM* SettableParams(void* provider) {
  return EVP_KEYMGMT_settable_params(AsContext(provider).software_ec());
}

int Import(void* key_data, int selection, const OSSL_PARAM* params) {
  EcKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    if (key.OnCard()) {
      return 0;
    }
    PkeyPtr made = KeyFromParams(*key.context, selection, params);
    if (made == nullptr) {
      return 0;
    }
    const auto part = [&](const char* name, int bit) {
      return (selection & bit) != 0 && OSSL_PARAM_locate_const(params, name) != nullptr ? bit : 0;
    };
    key.software = std::move(made);
    key.parts = OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS | part(OSSL_PKEY_PARAM_PUB_KEY, OSSL_KEYMGMT_SELECT_PUBLIC_KEY) |
                part(OSSL_PKEY_PARAM_PRIV_KEY, OSSL_KEYMGMT_SELECT_PRIVATE_KEY);
    return 1;
  });
}

int Export(void* key_data, int selection, OSSL_CALLBACK* callback, void* argument) {
  const EcKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    if (key.software == nullptr) {
      return 0;
    }
    // This failure is what makes libcrypto come back to this provider for the signature instead of moving the key into
    // the default one.
    if (key.OnCard() && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) {
      key.core().Raise(Error{ErrorDomain::kUsage, key.CardText() + " stays on the card and cannot be exported",
                             "ask for the public key, or make a file that stands in for it: simroot device wrap-key"});
      return 0;
    }
    return EVP_PKEY_export(key.software.get(), selection, callback, argument);
  });
}

/// What Import takes and Export gives: the names of libcrypto's own EC key manager (EVP_PKEY-EC(7)).
const OSSL_PARAM* TransferTypes(int selection) {
  static const std::array kDomain{ParamRow(OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PARAM_UTF8_STRING),
                                  ParamRow(OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PARAM_UTF8_STRING),
                                  ParamRow(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PARAM_UTF8_STRING),
                                  ParamRow(OSSL_PKEY_PARAM_EC_FIELD_TYPE, OSSL_PARAM_UTF8_STRING),
                                  ParamRow(OSSL_PKEY_PARAM_EC_P, OSSL_PARAM_UNSIGNED_INTEGER),
                                  ParamRow(OSSL_PKEY_PARAM_EC_A, OSSL_PARAM_UNSIGNED_INTEGER),
                                  ParamRow(OSSL_PKEY_PARAM_EC_B, OSSL_PARAM_UNSIGNED_INTEGER),
                                  ParamRow(OSSL_PKEY_PARAM_EC_GENERATOR, OSSL_PARAM_OCTET_STRING),
                                  ParamRow(OSSL_PKEY_PARAM_EC_ORDER, OSSL_PARAM_UNSIGNED_INTEGER),
                                  ParamRow(OSSL_PKEY_PARAM_EC_COFACTOR, OSSL_PARAM_UNSIGNED_INTEGER),
                                  ParamRow(OSSL_PKEY_PARAM_EC_SEED, OSSL_PARAM_OCTET_STRING),
                                  ParamRow(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, OSSL_PARAM_INTEGER),
                                  ParamRow(OSSL_PKEY_PARAM_USE_COFACTOR_ECDH, OSSL_PARAM_INTEGER),
                                  ParamRow(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, OSSL_PARAM_INTEGER),
                                  kParamEnd};
  static const auto kWithPublic = [] {
    std::array<OSSL_PARAM, kDomain.size() + 1> rows{};
    rows.front() = ParamRow(OSSL_PKEY_PARAM_PUB_KEY, OSSL_PARAM_OCTET_STRING);
    std::ranges::copy(kDomain, rows.begin() + 1);
    return rows;
  }();
  static const auto kWhole = [] {
    std::array<OSSL_PARAM, kWithPublic.size() + 1> rows{};
    rows.front() = ParamRow(OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PARAM_UNSIGNED_INTEGER);
    std::ranges::copy(kWithPublic, rows.begin() + 1);
    return rows;
  }();
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) {
    return kWhole.data();
  }
  return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? kWithPublic.data() : kDomain.data();
}

/// A libcrypto key with the chosen parts of `from`: all of it, the public key with its parameters, or these alone.
PkeyPtr CopyParts(const EcKey& from, int selection) {
  if ((selection & from.parts & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) {
    return PkeyPtr(EVP_PKEY_dup(from.software.get()));
  }
  OSSL_PARAM* params = nullptr;
  const int parts = OSSL_KEYMGMT_SELECT_ALL_PARAMETERS | (selection & from.parts & OSSL_KEYMGMT_SELECT_PUBLIC_KEY);
  if (EVP_PKEY_todata(from.software.get(), parts, &params) != 1) {
    return nullptr;
  }
  const ParamsPtr owner(params);
  return KeyFromParams(*from.context, parts, params);
}

void* Dup(const void* key_data, int selection) {
  const EcKey& from = AsKey(key_data);
  return Guard(from.core(), [&]() -> void* {
    auto key = std::make_unique<EcKey>();
    key->context = from.context;
    if (from.software != nullptr) {
      key->software = CopyParts(from, selection);
      if (key->software == nullptr) {
        return nullptr;
      }
    }
    key->parts = from.parts & (selection | OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS);
    if ((key->parts & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) {
      key->card = from.card;
      key->ephemeral = from.ephemeral;
    }
    return key.release();
  });
}

void* GenInit(void* provider, int selection, const OSSL_PARAM* params) {
  Context& context = AsContext(provider);
  return Guard(context.core(), [&]() -> void* {
    return (selection & kTrackedParts) != 0 ? KeyGenerator::Create(context, selection, params).release() : nullptr;
  });
}

KeyGenerator& AsGenerator(void* generator) {
  return *static_cast<KeyGenerator*>(generator);
}

int GenSetTemplate(void* generator, void* template_key) {
  return Guard(AsKey(template_key).core(),
               [&]() -> int { return AsGenerator(generator).SetTemplate(AsKey(template_key)) ? 1 : 0; });
}

int GenSetParams(void* generator, const OSSL_PARAM* params) {
  return Guard(AsGenerator(generator).context().core(),
               [&]() -> int { return AsGenerator(generator).SetParams(params) ? 1 : 0; });
}

const OSSL_PARAM* GenSettableParams(void* /*generator*/, void* provider) {
  return EVP_KEYMGMT_gen_settable_params(AsContext(provider).software_ec());
}

/// Progress calls are left out: an EC key is made in one step.
void* Gen(void* generator, OSSL_CALLBACK* /*progress*/, void* /*argument*/) {
  return Guard(AsGenerator(generator).context().core(),
               [&]() -> void* { return AsGenerator(generator).Generate().release(); });
}

void GenCleanup(void* generator) {
  delete static_cast<KeyGenerator*>(generator);
}

const char* QueryOperationName(int operation) {
  switch (operation) {
    case OSSL_OP_SIGNATURE:
      return "ECDSA";
    case OSSL_OP_KEYEXCH:
      return "ECDH";
    default:
      return nullptr;
  }
}

}  // namespace

const OSSL_DISPATCH* KeymgmtFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_keymgmt_new_fn>(OSSL_FUNC_KEYMGMT_NEW, New),
      Entry<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE, Free),
      Entry<OSSL_FUNC_keymgmt_load_fn>(OSSL_FUNC_KEYMGMT_LOAD, Load),
      Entry<OSSL_FUNC_keymgmt_has_fn>(OSSL_FUNC_KEYMGMT_HAS, Has),
      Entry<OSSL_FUNC_keymgmt_match_fn>(OSSL_FUNC_KEYMGMT_MATCH, Match),
      Entry<OSSL_FUNC_keymgmt_validate_fn>(OSSL_FUNC_KEYMGMT_VALIDATE, Validate),
      Entry<OSSL_FUNC_keymgmt_get_params_fn>(OSSL_FUNC_KEYMGMT_GET_PARAMS, GetParams),
      Entry<OSSL_FUNC_keymgmt_gettable_params_fn>(OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, GettableParams),
      Entry<OSSL_FUNC_keymgmt_set_params_fn>(OSSL_FUNC_KEYMGMT_SET_PARAMS, SetParams),
      Entry<OSSL_FUNC_keymgmt_settable_params_fn>(OSSL_FUNC_KEYMGMT_SETTABLE_PARAMS, SettableParams),
      Entry<OSSL_FUNC_keymgmt_import_fn>(OSSL_FUNC_KEYMGMT_IMPORT, Import),
      Entry<OSSL_FUNC_keymgmt_import_types_fn>(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, TransferTypes),
      Entry<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT, Export),
      Entry<OSSL_FUNC_keymgmt_export_types_fn>(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, TransferTypes),
      Entry<OSSL_FUNC_keymgmt_dup_fn>(OSSL_FUNC_KEYMGMT_DUP, Dup),
      Entry<OSSL_FUNC_keymgmt_gen_init_fn>(OSSL_FUNC_KEYMGMT_GEN_INIT, GenInit),
      Entry<OSSL_FUNC_keymgmt_gen_set_template_fn>(OSSL_FUNC_KEYMGMT_GEN_SET_TEMPLATE, GenSetTemplate),
      Entry<OSSL_FUNC_keymgmt_gen_set_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, GenSetParams),
      Entry<OSSL_FUNC_keymgmt_gen_settable_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, GenSettableParams),
      Entry<OSSL_FUNC_keymgmt_gen_fn>(OSSL_FUNC_KEYMGMT_GEN, Gen),
      Entry<OSSL_FUNC_keymgmt_gen_cleanup_fn>(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, GenCleanup),
      Entry<OSSL_FUNC_keymgmt_query_operation_name_fn>(OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, QueryOperationName),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
