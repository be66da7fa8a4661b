// SPDX-License-Identifier: Apache-2.0
/// HMAC as a signature, with `psk = deep`: the binder is made on the card, every other HMAC in software.
#include <openssl/core_names.h>

#include "device/provider/hmac_key.hpp"
#include "device/provider/param_reader.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

struct Hmac {
  Context* context = nullptr;
  MacContextPtr software;      ///< null for a binder
  std::optional<Token> token;  ///< of the finished key
  Bytes token_bytes;           ///< that token
  const HostHash* hash = nullptr;
  Bytes transcript_hash;  ///< what was to be signed with it so far

  [[nodiscard]] const Core& core() const { return context->core(); }
};

Hmac& AsHmac(void* hmac) {
  return *static_cast<Hmac*>(hmac);
}

void* NewContext(void* provider, const char* /*properties*/) {
  auto& context = *static_cast<Context*>(provider);
  return Guard(context.core(), [&]() -> void* {
    auto hmac = std::make_unique<Hmac>();
    hmac->context = &context;
    return hmac.release();
  });
}

void FreeContext(void* hmac) {
  delete static_cast<Hmac*>(hmac);
}

void* DupContext(void* hmac) {
  const Hmac& from = AsHmac(hmac);
  return Guard(from.core(), [&]() -> void* {
    auto copy = std::make_unique<Hmac>();
    copy->context = from.context;
    copy->software.reset(from.software != nullptr ? EVP_MAC_CTX_dup(from.software.get()) : nullptr);
    copy->token = from.token;
    copy->token_bytes = from.token_bytes;
    copy->hash = from.hash;
    copy->transcript_hash = from.transcript_hash;
    return from.software == nullptr || copy->software != nullptr ? copy.release() : nullptr;
  });
}

[[nodiscard]] int StartInSoftware(Hmac& self, const char* digest, const HmacKey& key, const OSSL_PARAM* params) {
  self.software.reset(EVP_MAC_CTX_new(self.context->software_hmac()));
  if (self.software == nullptr || (params != nullptr && EVP_MAC_CTX_set_params(self.software.get(), params) != 1)) {
    return 0;
  }
  std::vector<OSSL_PARAM> settings;
  if (digest != nullptr && *digest != '\0') {
    settings.push_back(OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(digest), 0));
  }
  settings.push_back(OSSL_PARAM_construct_end());
  const ByteView bytes = key.bytes.Reveal(InsecureReveal::kForCrypto);
  // libcrypto takes a null key for "the one from before"; an empty key has an address too.
  static constexpr std::uint8_t kNothing = 0;
  return EVP_MAC_init(self.software.get(), bytes.empty() ? &kNothing : bytes.data(), bytes.size(), settings.data());
}

int SignInit(void* hmac, const char* digest, void* key_data, const OSSL_PARAM* params) {
  Hmac& self = AsHmac(hmac);
  return Guard(self.core(), [&]() -> int {
    if (key_data == nullptr) {
      return self.software != nullptr ? EVP_MAC_init(self.software.get(), nullptr, 0, params) : 0;
    }
    const HmacKey& key = *static_cast<const HmacKey*>(key_data);
    self.token = key.token;
    self.token_bytes = key.token_bytes;
    self.transcript_hash.clear();
    if (!key.token) {
      return StartInSoftware(self, digest, key, params);
    }
    self.hash = digest != nullptr ? self.context->FindHash(digest) : nullptr;
    if (self.hash == nullptr || self.hash->algorithm != key.token->hash ||
        key.token->stage != TokenStage::kFinishedKey) {
      self.core().RaiseText(ErrorDomain::kUsage, "a token of a PSK handshake stands where no finished key is");
      return 0;
    }
    return 1;
  });
}

int SignUpdate(void* hmac, const unsigned char* data, std::size_t size) {
  Hmac& self = AsHmac(hmac);
  return Guard(self.core(), [&]() -> int {
    if (!self.token) {
      return self.software != nullptr ? EVP_MAC_update(self.software.get(), data, size) : 0;
    }
    const ByteView more(data, size);
    if (self.transcript_hash.size() + size > iotsafe::DigestSize(self.token->hash)) {
      self.core().RaiseText(ErrorDomain::kUsage, "with psk = deep the card signs the digest of a ClientHello only");
      return 0;
    }
    self.transcript_hash.insert(self.transcript_hash.end(), more.begin(), more.end());
    return 1;
  });
}

[[nodiscard]] int FinishOnCard(Hmac& self, ByteSpan out) {
  const auto done = self.token->card->ComputePskBinder(self.token->name, self.token->hash, self.transcript_hash, out);
  self.context->tokens().Forget(self.token_bytes);
  if (!done) {
    self.core().Raise(done.error());
  }
  return done ? 1 : 0;
}

int SignFinal(void* hmac, unsigned char* out, std::size_t* size, std::size_t room) {
  Hmac& self = AsHmac(hmac);
  return Guard(self.core(), [&]() -> int {
    if (!self.token) {
      return self.software != nullptr ? EVP_MAC_final(self.software.get(), out, size, room) : 0;
    }
    const std::size_t needed = iotsafe::DigestSize(self.token->hash);
    *size = needed;
    if (out == nullptr) {
      return 1;
    }
    if (room < needed) {
      self.core().RaiseText(ErrorDomain::kUsage, "the buffer for a binder is too short");
      return 0;
    }
    return FinishOnCard(self, ByteSpan(out, needed));
  });
}

int SetParams(void* hmac, const OSSL_PARAM* params) {
  Hmac& self = AsHmac(hmac);
  return self.software != nullptr ? EVP_MAC_CTX_set_params(self.software.get(), params) : 1;
}

const OSSL_PARAM* SettableParams(void* /*hmac*/, void* provider) {
  return EVP_MAC_settable_ctx_params(static_cast<Context*>(provider)->software_hmac());
}

}  // namespace

const OSSL_DISPATCH* HmacSignatureFunctions() {
  static const std::array kFunctions{
      Entry<OSSL_FUNC_signature_newctx_fn>(OSSL_FUNC_SIGNATURE_NEWCTX, NewContext),
      Entry<OSSL_FUNC_signature_freectx_fn>(OSSL_FUNC_SIGNATURE_FREECTX, FreeContext),
      Entry<OSSL_FUNC_signature_dupctx_fn>(OSSL_FUNC_SIGNATURE_DUPCTX, DupContext),
      Entry<OSSL_FUNC_signature_digest_sign_init_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, SignInit),
      Entry<OSSL_FUNC_signature_digest_sign_update_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, SignUpdate),
      Entry<OSSL_FUNC_signature_digest_sign_final_fn>(OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, SignFinal),
      Entry<OSSL_FUNC_signature_set_ctx_params_fn>(OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, SetParams),
      Entry<OSSL_FUNC_signature_settable_ctx_params_fn>(OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, SettableParams),
      kDispatchEnd,
  };
  return kFunctions.data();
}

}  // namespace simroot::provider
