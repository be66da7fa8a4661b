// SPDX-License-Identifier: Apache-2.0
/// The one function the shared object exports, and what it tells libcrypto of this provider.
#include <openssl/core_names.h>

#include "device/provider/context.hpp"
#include "device/provider/tables.hpp"

#ifndef SIMROOT_VERSION
#error "the build gives SIMROOT_VERSION"
#endif

namespace simroot::provider {
namespace {

Context& AsContext(void* provider) {
  return *static_cast<Context*>(provider);
}

OSSL_ALGORITHM Algorithm(const char* names, const char* properties, const OSSL_DISPATCH* functions,
                         const char* description) {
  return {names, properties, functions, description};
}
constexpr OSSL_ALGORITHM kAlgorithmEnd{nullptr, nullptr, nullptr, nullptr};

/// What a process asks for with `default_properties = ?simroot.psk=yes`: these and nothing else, so that everything
/// else stays with the default provider. Both spellings are in use.
constexpr const char* kPskProperties = "provider=simroot,simroot.psk=yes,iotsafe.psk=yes";

OSSL_ALGORITHM EcKeymgmt() {
  return Algorithm("EC:id-ecPublicKey:1.2.840.10045.2.1", "provider=simroot", KeymgmtFunctions(),
                   "EC keys in software and in the SIM");
}
OSSL_ALGORITHM EcdsaSignature() {
  return Algorithm("ECDSA", "provider=simroot", SignatureFunctions(), "ECDSA in software and in the SIM");
}

/// Keys of HMAC are taken only where a PSK needs them: they go through here for the whole process.
const OSSL_ALGORITHM* KeymgmtAlgorithms(bool deep_psk) {
  static const std::array kStandard{EcKeymgmt(), kAlgorithmEnd};
  static const std::array kDeep{
      EcKeymgmt(),
      Algorithm("HMAC", kPskProperties, HmacKeymgmtFunctions(), "HMAC keys, and those of a PSK in the SIM"),
      kAlgorithmEnd};
  return deep_psk ? kDeep.data() : kStandard.data();
}
const OSSL_ALGORITHM* SignatureAlgorithms(bool deep_psk) {
  static const std::array kStandard{EcdsaSignature(), kAlgorithmEnd};
  static const std::array kDeep{
      EcdsaSignature(), Algorithm("HMAC", kPskProperties, HmacSignatureFunctions(), "HMAC, and the binder of a PSK"),
      kAlgorithmEnd};
  return deep_psk ? kDeep.data() : kStandard.data();
}

/// No digests, ciphers or MACs: those stay with the default provider whatever the order.
const OSSL_ALGORITHM* QueryOperation(void* provider, int operation, int* no_cache) {
  const Context& context = AsContext(provider);
  static const std::array kKdf{
      Algorithm(OSSL_KDF_NAME_TLS1_PRF, kPskProperties, Tls1PrfFunctions(), "PRF of TLS 1.2, and for a PSK in the SIM"),
      Algorithm(OSSL_KDF_NAME_TLS1_3_KDF, kPskProperties, Tls13KdfFunctions(),
                "key schedule of TLS 1.3, and for a PSK in the SIM"),
      kAlgorithmEnd};
  static const std::array kKeyexch{
      Algorithm("ECDH", "provider=simroot", KeyexchFunctions(), "ECDH in software, and with ephemeral keys in the SIM"),
      kAlgorithmEnd};
  static const std::array kStore{
      Algorithm("iotsafe", "provider=simroot", StoreFunctions(), "keys and certificates in the SIM"), kAlgorithmEnd};
  static const std::array kDecoder{
      Algorithm("DER", "provider=simroot,input=pem", PemDecoderFunctions(), "wrapper file of a key in the SIM"),
      Algorithm("EC", "provider=simroot,input=der,structure=SimrootPrivateKey", DerDecoderFunctions(),
                "wrapper of a key in the SIM"),
      kAlgorithmEnd};
  static const std::array kEncoder{
      Algorithm("EC", "provider=simroot,output=text", EncoderFunctions(), "key in the SIM as text"), kAlgorithmEnd};
  static const std::array kRand{
      Algorithm("SEED-SRC", "provider=simroot", SeedSourceFunctions(), "the system's entropy and the SIM's"),
      kAlgorithmEnd};
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_KEYMGMT:
      return KeymgmtAlgorithms(context.deep_psk());
    case OSSL_OP_SIGNATURE:
      return SignatureAlgorithms(context.deep_psk());
    case OSSL_OP_KDF:
      return kKdf.data();
    case OSSL_OP_KEYEXCH:
      return kKeyexch.data();
    case OSSL_OP_RAND:
      return context.card_random() ? kRand.data() : nullptr;
    case OSSL_OP_STORE:
      return kStore.data();
    case OSSL_OP_DECODER:
      return kDecoder.data();
    case OSSL_OP_ENCODER:
      return kEncoder.data();
    default:
      return nullptr;
  }
}

const OSSL_PARAM* GettableParams(void* /*provider*/) {
  static const std::array kParams{ParamRow(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR),
                                  ParamRow(OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR),
                                  ParamRow(OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR),
                                  ParamRow(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, sizeof(int)), kParamEnd};
  return kParams.data();
}

int GetParams(void* /*provider*/, OSSL_PARAM* params) {
  const auto set_text = [&](const char* name, const char* text) {
    OSSL_PARAM* const row = OSSL_PARAM_locate(params, name);
    return row == nullptr || OSSL_PARAM_set_utf8_ptr(row, text) == 1;
  };
  OSSL_PARAM* const status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
  return set_text(OSSL_PROV_PARAM_NAME, "simroot: keys in the SIM (GSMA IoT SAFE)") &&
                 set_text(OSSL_PROV_PARAM_VERSION, SIMROOT_VERSION) &&
                 set_text(OSSL_PROV_PARAM_BUILDINFO, SIMROOT_VERSION) &&
                 (status == nullptr || OSSL_PARAM_set_int(status, 1) == 1)
             ? 1
             : 0;
}

struct GroupFilter {
  OSSL_CALLBACK* callback;
  void* argument;
};

/// Passes a TLS group on if it is an EC group.
int PassEcGroup(const OSSL_PARAM* params, void* argument) {
  const auto& filter = *static_cast<const GroupFilter*>(argument);
  const OSSL_PARAM* const algorithm = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG);
  const char* name = nullptr;
  if (algorithm == nullptr || OSSL_PARAM_get_utf8_string_ptr(algorithm, &name) != 1 || std::string_view(name) != "EC") {
    return 1;
  }
  return filter.callback(params, filter.argument);
}

/// libssl drops a TLS group whose provider is not the one that gives the key manager of its algorithm. With this
/// provider first that would be all EC groups, so it offers those of the default provider as its own; with the default
/// provider first, these are the ones that are dropped.
int GetCapabilities(void* provider, const char* capability, OSSL_CALLBACK* callback, void* argument) {
  const Context& context = AsContext(provider);
  return Guard(context.core(), [&]() -> int {
    if (std::string_view(capability) != "TLS-GROUP") {
      return 0;
    }
    GroupFilter filter{callback, argument};
    return OSSL_PROVIDER_get_capabilities(context.software_provider(), capability, PassEcGroup, &filter);
  });
}

const OSSL_ITEM* GetReasonStrings(void* /*provider*/) {
  return ReasonStrings();
}

/// Called at the end of the process, when other libraries may be gone: no card is left to be talked to here, because
/// cards belong to their keys.
void Teardown(void* provider) {
  delete static_cast<Context*>(provider);
}

const OSSL_DISPATCH* ProviderFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_provider_teardown_fn>(OSSL_FUNC_PROVIDER_TEARDOWN, Teardown),
      Entry<OSSL_FUNC_provider_gettable_params_fn>(OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, GettableParams),
      Entry<OSSL_FUNC_provider_get_params_fn>(OSSL_FUNC_PROVIDER_GET_PARAMS, GetParams),
      Entry<OSSL_FUNC_provider_query_operation_fn>(OSSL_FUNC_PROVIDER_QUERY_OPERATION, QueryOperation),
      Entry<OSSL_FUNC_provider_get_reason_strings_fn>(OSSL_FUNC_PROVIDER_GET_REASON_STRINGS, GetReasonStrings),
      Entry<OSSL_FUNC_provider_get_capabilities_fn>(OSSL_FUNC_PROVIDER_GET_CAPABILITIES, GetCapabilities),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace
}  // namespace simroot::provider

extern "C" __attribute__((visibility("default"))) int OSSL_provider_init(const OSSL_CORE_HANDLE* handle,
                                                                         const OSSL_DISPATCH* in,
                                                                         const OSSL_DISPATCH** out, void** provider) {
  using simroot::provider::Context;
  using simroot::provider::Core;
  using simroot::provider::Guard;
  using simroot::provider::ProviderFunctions;
  const Core core(handle, in);
  return Guard(core, [&]() -> int {
    auto context = Context::Create(handle, in);
    if (!context) {
      core.Raise(context.error());
      return 0;
    }
    *out = ProviderFunctions();
    *provider = context->release();
    return 1;
  });
}
