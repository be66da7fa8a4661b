// SPDX-License-Identifier: Apache-2.0
#include "device/provider/keygen.hpp"

#include <openssl/core_names.h>

#include "device/provider/ephemeral_key.hpp"
#include "device/provider/param_reader.hpp"

namespace simroot::provider {
namespace {

/// Settings that say which curve: a template replaces them.
bool NamesCurve(const OSSL_PARAM& param) {
  constexpr std::array<std::string_view, 8> kNames{
      OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PKEY_PARAM_EC_FIELD_TYPE, OSSL_PKEY_PARAM_EC_P,     OSSL_PKEY_PARAM_EC_A,
      OSSL_PKEY_PARAM_EC_B,       OSSL_PKEY_PARAM_EC_GENERATOR,  OSSL_PKEY_PARAM_EC_ORDER, OSSL_PKEY_PARAM_EC_COFACTOR};
  return std::ranges::find(kNames, param.key) != kNames.end() || std::string_view(param.key) == OSSL_PKEY_PARAM_EC_SEED;
}

std::vector<OSSL_PARAM> WithoutCurve(const OSSL_PARAM* params) {
  std::vector<OSSL_PARAM> kept;
  for (const OSSL_PARAM* row = params; row->key != nullptr; ++row) {
    if (!NamesCurve(*row)) {
      kept.push_back(*row);
    }
  }
  kept.push_back(OSSL_PARAM_construct_end());
  return kept;
}

/// P-256 by any of its names.
bool IsP256(const std::string& group) {
  return group == "P-256" || group == "prime256v1" || group == "secp256r1";
}

bool IsEmpty(const OSSL_PARAM* params) {
  return params == nullptr || params->key == nullptr;
}

}  // namespace

std::unique_ptr<KeyGenerator> KeyGenerator::Create(Context& context, int selection, const OSSL_PARAM* params) {
  std::unique_ptr<KeyGenerator> generator(new KeyGenerator(context, selection));
  if (!generator->Start(PkeyContextPtr(EVP_PKEY_CTX_new_from_name(context.software(), "EC", nullptr))) ||
      !generator->SetParams(params)) {
    return nullptr;
  }
  return generator;
}

bool KeyGenerator::Start(PkeyContextPtr generator) {
  if (generator == nullptr) {
    return false;
  }
  const bool whole_key = (selection_ & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
  const int started = whole_key ? EVP_PKEY_keygen_init(generator.get()) : EVP_PKEY_paramgen_init(generator.get());
  if (started != 1) {
    return false;
  }
  generator_ = std::move(generator);
  return true;
}

bool KeyGenerator::SetParams(const OSSL_PARAM* params) {
  if (IsEmpty(params)) {
    return true;
  }
  if (EVP_PKEY_CTX_set_params(generator_.get(), params) != 1) {
    return false;
  }
  ParamsPtr copy(OSSL_PARAM_dup(params));
  if (copy == nullptr) {
    return false;
  }
  settings_.push_back(std::move(copy));
  if (const char* const group = FindText(params, OSSL_PKEY_PARAM_GROUP_NAME); group != nullptr) {
    group_ = group;
  }
  return true;
}

bool KeyGenerator::SetTemplate(const EcKey& from) {
  if (from.software == nullptr ||
      !Start(PkeyContextPtr(EVP_PKEY_CTX_new_from_pkey(context_->software(), from.software.get(), nullptr)))) {
    return false;
  }
  std::array<char, 64> group{};
  std::size_t length = 0;
  group_ = EVP_PKEY_get_group_name(from.software.get(), group.data(), group.size(), &length) == 1 ? group.data() : "";
  return std::ranges::all_of(settings_, [&](const ParamsPtr& setting) {
    const std::vector<OSSL_PARAM> kept = WithoutCurve(setting.get());
    return IsEmpty(kept.data()) || EVP_PKEY_CTX_set_params(generator_.get(), kept.data()) == 1;
  });
}

Result<std::unique_ptr<EcKey>> KeyGenerator::GenerateOnCard() const {
  const bool whole_key = (selection_ & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
  if (!context_->card_ecdhe() || !whole_key || !IsP256(group_)) {
    return std::unique_ptr<EcKey>();
  }
  SR_TRY(auto ephemeral, EphemeralKey::Make(*context_));
  if (ephemeral == nullptr) {
    return std::unique_ptr<EcKey>();
  }
  SR_TRY(auto key, MakePublicKey(*context_, ephemeral->point()));
  key->parts |= OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
  key->ephemeral = std::move(ephemeral);
  return key;
}

std::unique_ptr<EcKey> KeyGenerator::Generate() {
  auto on_card = GenerateOnCard();
  if (!on_card) {
    context_->core().Raise(on_card.error());
    return nullptr;
  }
  if (*on_card != nullptr) {
    return std::move(*on_card);
  }
  EVP_PKEY* made = nullptr;
  if (EVP_PKEY_generate(generator_.get(), &made) != 1) {
    return nullptr;
  }
  auto key = std::make_unique<EcKey>();
  key->context = context_;
  key->software.reset(made);
  key->parts = OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS;
  if ((selection_ & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0) {
    key->parts |= OSSL_KEYMGMT_SELECT_KEYPAIR;
  }
  return key;
}

}  // namespace simroot::provider
