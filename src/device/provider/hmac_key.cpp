// SPDX-License-Identifier: Apache-2.0
#include "device/provider/hmac_key.hpp"

#include <openssl/core_names.h>

#include "device/provider/param_reader.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

HmacKey& AsKey(void* key) {
  return *static_cast<HmacKey*>(key);
}
const HmacKey& AsKey(const void* key) {
  return *static_cast<const HmacKey*>(key);
}

void Fill(HmacKey& key, ByteView bytes) {
  key.token = key.context->tokens().Find(bytes);
  key.token_bytes = key.token ? Bytes(bytes.begin(), bytes.end()) : Bytes();
  key.bytes = SecretBytes(key.token ? ByteView() : bytes);
  key.filled = true;
}

void* New(void* provider) {
  auto& context = *static_cast<Context*>(provider);
  return Guard(context.core(), [&]() -> void* {
    auto key = std::make_unique<HmacKey>();
    key->context = &context;
    return key.release();
  });
}

void Free(void* key) {
  delete static_cast<HmacKey*>(key);
}

void* Dup(const void* key_data, int /*selection*/) {
  const HmacKey& from = AsKey(key_data);
  return Guard(from.core(), [&]() -> void* {
    auto key = std::make_unique<HmacKey>();
    key->context = from.context;
    key->filled = from.filled;
    key->bytes = SecretBytes(from.bytes.Reveal(InsecureReveal::kForCrypto));
    key->token = from.token;
    key->token_bytes = from.token_bytes;
    return key.release();
  });
}

int Has(const void* key_data, int selection) {
  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || AsKey(key_data).filled ? 1 : 0;
}

int Match(const void* key_data, const void* other_data, int selection) {
  const HmacKey& key = AsKey(key_data);
  const HmacKey& other = AsKey(other_data);
  if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0) {
    return 1;
  }
  return key.filled == other.filled && SameBytes(key.token_bytes, other.token_bytes) &&
                 SameSecret(key.bytes.Reveal(InsecureReveal::kForCrypto),
                            other.bytes.Reveal(InsecureReveal::kForCrypto))
             ? 1
             : 0;
}

int Import(void* key_data, int selection, const OSSL_PARAM* params) {
  HmacKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    const auto bytes = FindOctets(params, OSSL_PKEY_PARAM_PRIV_KEY);
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || key.filled || !bytes) {
      return 0;
    }
    Fill(key, *bytes);
    return 1;
  });
}

int Export(void* key_data, int selection, OSSL_CALLBACK* callback, void* argument) {
  const HmacKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || !key.filled) {
      return 0;
    }
    if (key.token) {
      // This failure keeps libcrypto from moving the token into the default provider.
      key.core().RaiseText(ErrorDomain::kUsage, "a secret of a PSK handshake stays on the card and is not exported");
      return 0;
    }
    const ByteView bytes = key.bytes.Reveal(InsecureReveal::kForCrypto);
    std::array params{OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PRIV_KEY,
                                                        const_cast<std::uint8_t*>(bytes.data()), bytes.size()),
                      OSSL_PARAM_construct_end()};
    return callback(params.data(), argument);
  });
}

const OSSL_PARAM* TransferTypes(int selection) {
  static const std::array kParams{ParamRow(OSSL_PKEY_PARAM_PRIV_KEY, OSSL_PARAM_OCTET_STRING), kParamEnd};
  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? kParams.data() : nullptr;
}

// A key is "generated" by giving its bytes: EVP_PKEY_new_mac_key does it so.
void* GenInit(void* provider, int selection, const OSSL_PARAM* /*params*/) {
  return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 ? New(provider) : nullptr;
}

int GenSetParams(void* key_data, const OSSL_PARAM* params) {
  HmacKey& key = AsKey(key_data);
  return Guard(key.core(), [&]() -> int {
    if (const auto bytes = FindOctets(params, OSSL_PKEY_PARAM_PRIV_KEY)) {
      Fill(key, *bytes);
    }
    return 1;
  });
}

const OSSL_PARAM* GenSettableParams(void* /*key*/, void* /*provider*/) {
  return TransferTypes(OSSL_KEYMGMT_SELECT_PRIVATE_KEY);
}

void* Gen(void* key_data, OSSL_CALLBACK* /*progress*/, void* /*argument*/) {
  return AsKey(key_data).filled ? Dup(key_data, 0) : nullptr;
}

}  // namespace

const OSSL_DISPATCH* HmacKeymgmtFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_keymgmt_new_fn>(OSSL_FUNC_KEYMGMT_NEW, New),
      Entry<OSSL_FUNC_keymgmt_free_fn>(OSSL_FUNC_KEYMGMT_FREE, Free),
      Entry<OSSL_FUNC_keymgmt_dup_fn>(OSSL_FUNC_KEYMGMT_DUP, Dup),
      Entry<OSSL_FUNC_keymgmt_has_fn>(OSSL_FUNC_KEYMGMT_HAS, Has),
      Entry<OSSL_FUNC_keymgmt_match_fn>(OSSL_FUNC_KEYMGMT_MATCH, Match),
      Entry<OSSL_FUNC_keymgmt_import_fn>(OSSL_FUNC_KEYMGMT_IMPORT, Import),
      Entry<OSSL_FUNC_keymgmt_import_types_fn>(OSSL_FUNC_KEYMGMT_IMPORT_TYPES, TransferTypes),
      Entry<OSSL_FUNC_keymgmt_export_fn>(OSSL_FUNC_KEYMGMT_EXPORT, Export),
      Entry<OSSL_FUNC_keymgmt_export_types_fn>(OSSL_FUNC_KEYMGMT_EXPORT_TYPES, TransferTypes),
      Entry<OSSL_FUNC_keymgmt_gen_init_fn>(OSSL_FUNC_KEYMGMT_GEN_INIT, GenInit),
      Entry<OSSL_FUNC_keymgmt_gen_set_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SET_PARAMS, GenSetParams),
      Entry<OSSL_FUNC_keymgmt_gen_settable_params_fn>(OSSL_FUNC_KEYMGMT_GEN_SETTABLE_PARAMS, GenSettableParams),
      Entry<OSSL_FUNC_keymgmt_gen_fn>(OSSL_FUNC_KEYMGMT_GEN, Gen),
      Entry<OSSL_FUNC_keymgmt_gen_cleanup_fn>(OSSL_FUNC_KEYMGMT_GEN_CLEANUP, Free),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
