// SPDX-License-Identifier: Apache-2.0
/// TLS1-PRF: the master secret of a PSK handshake comes from the card, everything else from the default provider.
#include <openssl/core_names.h>

#include "common/host/secret_bytes.hpp"
#include "device/provider/kdf_functions.hpp"
#include "device/provider/param_reader.hpp"
#include "device/provider/premaster.hpp"

namespace simroot::provider {
namespace {

/// A PSK on the card, in place of the secret.
struct CardSecret {
  device::PskReference reference{};
  bool plain = true;
  SecretBytes other;
};

struct Prf {
  explicit Prf(Context& owner) : context(&owner), software(EVP_KDF_CTX_new(Software(owner))) {}

  Context* context;
  KdfContextPtr software;
  const HostHash* hash = nullptr;  ///< null: none was named, or one that no card has
  Bytes label_and_seed;
  std::optional<CardSecret> card;

  [[nodiscard]] const Core& core() const { return context->core(); }
  [[nodiscard]] static EVP_KDF* Software(const Context& context) { return context.software_tls1_prf(); }
  [[nodiscard]] bool OnCard() const { return card.has_value(); }
  [[nodiscard]] bool SetParams(const OSSL_PARAM* params);
  [[nodiscard]] bool TakeSecret(ByteView secret);
  [[nodiscard]] Result<void> Derive(ByteSpan out) const;
  void Clear() {
    card.reset();
    hash = nullptr;
    label_and_seed.clear();
  }
};

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

Result<void> Prf::Derive(ByteSpan out) const {
  if (hash == nullptr || hash->algorithm == iotsafe::HashAlgorithm::kSha512) {
    return Fail(ErrorDomain::kUsage, "a card computes the PRF of TLS 1.2 only, with SHA-256 or SHA-384",
                "let both sides use TLS 1.2 or 1.3: MinProtocol = TLSv1.2");
  }
  SR_TRY(const PskKey key, context->FindPsk(card->reference));
  return key.card->ComputePrf(key.name, card->other.Reveal(InsecureReveal::kForCrypto), label_and_seed, out,
                              hash->algorithm);
}

}  // namespace

const OSSL_DISPATCH* Tls1PrfFunctions() {
  return KdfFunctions<Prf>::Table();
}

}  // namespace simroot::provider
