// SPDX-License-Identifier: Apache-2.0
/// TLS1-PRF: the master secret of a PSK handshake comes from the card, everything else from the default provider.
#include <openssl/core_names.h>

#include "device/provider/context.hpp"
#include "device/provider/param_reader.hpp"
#include "device/provider/premaster.hpp"
#include "device/provider/secret_bytes.hpp"
#include "device/provider/tables.hpp"

namespace simroot::provider {
namespace {

/// A PSK on the card, in place of the secret.
struct CardSecret {
  device::PskReference reference{};
  bool plain = true;
  SecretBytes other;
};

struct Prf {
  Context* context = nullptr;
  KdfContextPtr software;
  const HostHash* hash = nullptr;  ///< null: none was named, or one that no card has
  Bytes label_and_seed;
  std::optional<CardSecret> card;

  [[nodiscard]] const Core& core() const { return context->core(); }
  [[nodiscard]] bool SetParams(const OSSL_PARAM* params);
  [[nodiscard]] bool TakeSecret(ByteView secret);
  [[nodiscard]] Result<void> DeriveOnCard(ByteSpan out) const;
};

Prf& AsPrf(void* prf) {
  return *static_cast<Prf*>(prf);
}

bool Prf::TakeSecret(ByteView secret) {
  PskPremaster premaster;
  switch (ReadPremaster(secret, premaster)) {
    case PremasterKind::kOther:
      card.reset();
      return true;
    case PremasterKind::kPsk:
      card = CardSecret{premaster.reference, premaster.plain, SecretBytes(premaster.other)};
      return true;
    case PremasterKind::kMisplaced:
      break;
  }
  core().RaiseText(ErrorDomain::kUsage,
                   "a PSK handle of simroot stands where no PSK of TLS 1.2 is; it is no key, and nothing is derived");
  return false;
}

bool Prf::SetParams(const OSSL_PARAM* params) {
  if (params == nullptr) {
    return true;
  }
  if (const auto secret = FindOctets(params, OSSL_KDF_PARAM_SECRET); secret && !TakeSecret(*secret)) {
    return false;
  }
  if (const char* const digest = FindText(params, OSSL_KDF_PARAM_DIGEST); digest != nullptr) {
    hash = context->FindHash(digest);
  }
  // Seeds given one after the other are one seed.
  for (const OSSL_PARAM* row = params; row->key != nullptr; ++row) {
    if (std::string_view(row->key) == OSSL_KDF_PARAM_SEED && row->data_type == OSSL_PARAM_OCTET_STRING &&
        row->data != nullptr) {
      const ByteView seed(static_cast<const std::uint8_t*>(row->data), row->data_size);
      label_and_seed.insert(label_and_seed.end(), seed.begin(), seed.end());
    }
  }
  if (!card) {
    return EVP_KDF_CTX_set_params(software.get(), params) == 1;
  }
  const std::vector<OSSL_PARAM> rest = Without(params, {OSSL_KDF_PARAM_SECRET});
  return EVP_KDF_CTX_set_params(software.get(), rest.data()) == 1;
}

Result<void> Prf::DeriveOnCard(ByteSpan out) const {
  if (hash == nullptr || hash->algorithm == iotsafe::HashAlgorithm::kSha512) {
    return Fail(ErrorDomain::kUsage, "a card computes the PRF of TLS 1.2 only, with SHA-256 or SHA-384",
                "let both sides use TLS 1.2 or 1.3: MinProtocol = TLSv1.2");
  }
  SR_TRY(const PskKey key, context->FindPsk(card->reference));
  return key.card->ComputePrf(key.name, card->other.Reveal(InsecureReveal::kForCrypto), label_and_seed, out,
                              hash->algorithm);
}

void* NewContext(void* provider) {
  auto& context = *static_cast<Context*>(provider);
  return Guard(context.core(), [&]() -> void* {
    auto prf = std::make_unique<Prf>();
    prf->context = &context;
    prf->software.reset(EVP_KDF_CTX_new(context.software_tls1_prf()));
    return prf->software != nullptr ? prf.release() : nullptr;
  });
}

void FreeContext(void* prf) {
  delete static_cast<Prf*>(prf);
}

void Reset(void* prf) {
  Prf& self = AsPrf(prf);
  self.card.reset();
  self.hash = nullptr;
  self.label_and_seed.clear();
  EVP_KDF_CTX_reset(self.software.get());
}

int Derive(void* prf, unsigned char* key, std::size_t size, const OSSL_PARAM* params) {
  Prf& self = AsPrf(prf);
  return Guard(self.core(), [&]() -> int {
    if (!self.SetParams(params)) {
      return 0;
    }
    if (!self.card) {
      return EVP_KDF_derive(self.software.get(), key, size, nullptr);
    }
    const auto derived = self.DeriveOnCard({key, size});
    if (!derived) {
      self.core().Raise(derived.error());
    }
    return derived ? 1 : 0;
  });
}

int SetParams(void* prf, const OSSL_PARAM* params) {
  return Guard(AsPrf(prf).core(), [&]() -> int { return AsPrf(prf).SetParams(params) ? 1 : 0; });
}

int GetParams(void* prf, OSSL_PARAM* params) {
  return EVP_KDF_CTX_get_params(AsPrf(prf).software.get(), params);
}

const OSSL_PARAM* SettableParams(void* /*prf*/, void* provider) {
  return EVP_KDF_settable_ctx_params(static_cast<Context*>(provider)->software_tls1_prf());
}

const OSSL_PARAM* GettableParams(void* /*prf*/, void* provider) {
  return EVP_KDF_gettable_ctx_params(static_cast<Context*>(provider)->software_tls1_prf());
}

}  // namespace

const OSSL_DISPATCH* Tls1PrfFunctions() {
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

}  // namespace simroot::provider
