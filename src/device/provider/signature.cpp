// SPDX-License-Identifier: Apache-2.0
/// ECDSA: chooses between card and software, and guards the boundary.
#include <openssl/core_names.h>

#include "device/provider/sign_operation.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

struct SignatureContext {
  Context* context = nullptr;
  // The key of the last init, because libcrypto may start again without naming one.
  PkeyPtr software;
  std::shared_ptr<CardKey> card;
  std::unique_ptr<SignOperation> operation;
};

SignatureContext& AsSignature(void* signature) {
  return *static_cast<SignatureContext*>(signature);
}

/// Runs `function` on the operation in progress; 0 without one.
template <typename Function>
int WithOperation(void* signature, Function&& function) {
  SignatureContext& self = AsSignature(signature);
  return Guard(self.context->core(), [&]() -> int {
    if (self.operation == nullptr) {
      self.context->core().RaiseText(ErrorDomain::kUsage, "no signature operation has been started");
      return 0;
    }
    return function(*self.operation) ? 1 : 0;
  });
}

void* NewContext(void* provider, const char* /*properties*/) {
  // Properties choose among providers of the caller's context; the own context has only one.
  auto& context = *static_cast<Context*>(provider);
  return Guard(context.core(), [&]() -> void* {
    auto self = std::make_unique<SignatureContext>();
    self->context = &context;
    return self.release();
  });
}

void FreeContext(void* signature) {
  delete static_cast<SignatureContext*>(signature);
}

void* DupContext(void* signature) {
  const SignatureContext& from = AsSignature(signature);
  return Guard(from.context->core(), [&]() -> void* {
    auto copy = std::make_unique<SignatureContext>();
    copy->context = from.context;
    copy->software = Share(from.software);
    copy->card = from.card;
    if (from.operation != nullptr) {
      copy->operation = from.operation->Clone();
      if (copy->operation == nullptr) {
        return nullptr;
      }
    }
    return copy.release();
  });
}

int Init(void* signature, void* key_data, const SignRequest& request) {
  SignatureContext& self = AsSignature(signature);
  return Guard(self.context->core(), [&]() -> int {
    if (key_data != nullptr) {
      const EcKey& key = *static_cast<const EcKey*>(key_data);
      self.software = Share(key.software);
      self.card = key.card;
    }
    if (self.software == nullptr) {
      self.context->core().RaiseText(ErrorDomain::kUsage, "no key has been given for the signature");
      return 0;
    }
    SignRequest complete = request;
    complete.context = self.context;
    const bool signs = request.purpose == Purpose::kSign || request.purpose == Purpose::kDigestSign;
    self.operation =
        signs && self.card != nullptr ? StartOnCard(complete, self.card) : StartInSoftware(complete, self.software);
    return self.operation != nullptr ? 1 : 0;
  });
}

int SignInit(void* signature, void* key, const OSSL_PARAM* params) {
  return Init(signature, key, {nullptr, Purpose::kSign, nullptr, params});
}
int VerifyInit(void* signature, void* key, const OSSL_PARAM* params) {
  return Init(signature, key, {nullptr, Purpose::kVerify, nullptr, params});
}
int DigestSignInit(void* signature, const char* digest, void* key, const OSSL_PARAM* params) {
  return Init(signature, key, {nullptr, Purpose::kDigestSign, digest, params});
}
int DigestVerifyInit(void* signature, const char* digest, void* key, const OSSL_PARAM* params) {
  return Init(signature, key, {nullptr, Purpose::kDigestVerify, digest, params});
}

int Sign(void* signature, unsigned char* out, std::size_t* length, std::size_t room, const unsigned char* digest,
         std::size_t digest_size) {
  return WithOperation(signature, [&](SignOperation& operation) {
    return operation.Sign({out, length, room}, ByteView(digest, digest_size));
  });
}

int Verify(void* signature, const unsigned char* in, std::size_t size, const unsigned char* digest,
           std::size_t digest_size) {
  return WithOperation(signature, [&](SignOperation& operation) {
    return operation.Verify(ByteView(in, size), ByteView(digest, digest_size));
  });
}

int Update(void* signature, const unsigned char* data, std::size_t size) {
  return WithOperation(signature, [&](SignOperation& operation) { return operation.Update(ByteView(data, size)); });
}

int DigestSignFinal(void* signature, unsigned char* out, std::size_t* length, std::size_t room) {
  return WithOperation(signature, [&](SignOperation& operation) { return operation.SignFinal({out, length, room}); });
}

int DigestVerifyFinal(void* signature, const unsigned char* in, std::size_t size) {
  return WithOperation(signature, [&](SignOperation& operation) { return operation.VerifyFinal(ByteView(in, size)); });
}

int GetParams(void* signature, OSSL_PARAM* params) {
  return WithOperation(signature, [&](SignOperation& operation) { return operation.GetParams(params); });
}

int SetParams(void* signature, const OSSL_PARAM* params) {
  if (params == nullptr) {
    return 1;
  }
  return WithOperation(signature, [&](SignOperation& operation) { return operation.SetParams(params); });
}

const OSSL_PARAM* GettableParams(void* /*signature*/, void* /*provider*/) {
  static const std::array kParams{
      ParamRow(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, OSSL_PARAM_OCTET_STRING),
      ParamRow(OSSL_SIGNATURE_PARAM_DIGEST, OSSL_PARAM_UTF8_STRING),
      ParamRow(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, OSSL_PARAM_UNSIGNED_INTEGER, sizeof(std::size_t)), kParamEnd};
  return kParams.data();
}

const OSSL_PARAM* SettableParams(void* /*signature*/, void* /*provider*/) {
  static const std::array kParams{
      ParamRow(OSSL_SIGNATURE_PARAM_DIGEST, OSSL_PARAM_UTF8_STRING),
      ParamRow(OSSL_SIGNATURE_PARAM_DIGEST_SIZE, OSSL_PARAM_UNSIGNED_INTEGER, sizeof(std::size_t)), kParamEnd};
  return kParams.data();
}

}  // namespace

const OSSL_DISPATCH* SignatureFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_signature_newctx_fn>(OSSL_FUNC_SIGNATURE_NEWCTX, NewContext),
      Entry<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX, FreeContext),
      Entry<OSSL_FUNC_signature_dupctx_fn>(OSSL_FUNC_SIGNATURE_DUPCTX, DupContext),
      Entry<OSSL_FUNC_signature_sign_init_fn>(OSSL_FUNC_SIGNATURE_SIGN_INIT, SignInit),
      Entry<OSSL_FUNC_signature_sign_fn>(OSSL_FUNC_SIGNATURE_SIGN, Sign),
      Entry<OSSL_FUNC_signature_verify_init_fn>(OSSL_FUNC_SIGNATURE_VERIFY_INIT, VerifyInit),
      Entry<OSSL_FUNC_signature_verify_fn>(OSSL_FUNC_SIGNATURE_VERIFY, Verify),
      Entry<OSSL_FUNC_signature_digest_sign_init_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, DigestSignInit),
      Entry<OSSL_FUNC_signature_digest_sign_update_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, Update),
      Entry<OSSL_FUNC_signature_digest_sign_final_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, DigestSignFinal),
      Entry<OSSL_FUNC_signature_digest_verify_init_fn>(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_INIT, DigestVerifyInit),
      Entry<OSSL_FUNC_signature_digest_verify_update_fn>(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_UPDATE, Update),
      Entry<OSSL_FUNC_signature_digest_verify_final_fn>(OSSL_FUNC_SIGNATURE_DIGEST_VERIFY_FINAL, DigestVerifyFinal),
      Entry<OSSL_FUNC_signature_get_ctx_params_fn>(OSSL_FUNC_SIGNATURE_GET_CTX_PARAMS, GetParams),
      Entry<OSSL_FUNC_signature_gettable_ctx_params_fn>(OSSL_FUNC_SIGNATURE_GETTABLE_CTX_PARAMS, GettableParams),
      Entry<OSSL_FUNC_signature_set_ctx_params_fn>(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, SetParams),
      Entry<OSSL_FUNC_signature_settable_ctx_params_fn>(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, SettableParams),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
