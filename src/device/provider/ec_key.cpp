// SPDX-License-Identifier: Apache-2.0
#include "device/provider/ec_key.hpp"

#include "device/provider/ephemeral_key.hpp"

#include <openssl/core_names.h>
#include <openssl/core_object.h>

namespace simroot::provider {
namespace {

PkeyPtr P256PublicKey(const Context& context, const device::Point& point) {
  const std::array params{
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, const_cast<char*>("prime256v1"), 0),
      OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, const_cast<std::uint8_t*>(point.data()), point.size()),
      OSSL_PARAM_construct_end()};
  return KeyFromParams(context, OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS, params.data());
}

}  // namespace

Result<FixedBytes<iotsafe::kMaxDerSignatureSize>> CardKey::Sign(iotsafe::HashAlgorithm hash, ByteView digest) {
  using iotsafe::HashAlgorithm;
  constexpr std::size_t kSha256Size = iotsafe::DigestSize(HashAlgorithm::kSha256);
  const auto sign_as_sha256 = [&] {
    return card_->Sign(name_, HashAlgorithm::kSha256, digest.first(kSha256Size), &point_);
  };
  if (hash != HashAlgorithm::kSha256 && only_sha256_.load(std::memory_order_relaxed)) {
    SR_TRY(const device::RawSignature raw, sign_as_sha256());
    return iotsafe::RawSignatureToDer(raw);
  }
  auto raw = card_->Sign(name_, hash, digest, &point_);
  if (!raw && raw.error().domain == ErrorDomain::kCard && hash != HashAlgorithm::kSha256) {
    if (auto again = sign_as_sha256()) {
      only_sha256_.store(true, std::memory_order_relaxed);
      raw = std::move(again);
    }
  }
  if (!raw) {
    return Unexpected(raw.error());
  }
  return iotsafe::RawSignatureToDer(*raw);
}

PkeyPtr KeyFromParams(const Context& context, int selection, const OSSL_PARAM* params) {
  const PkeyContextPtr maker(EVP_PKEY_CTX_new_from_name(context.software(), "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (maker == nullptr || EVP_PKEY_fromdata_init(maker.get()) != 1 ||
      EVP_PKEY_fromdata(maker.get(), &key, selection, const_cast<OSSL_PARAM*>(params)) != 1) {
    return nullptr;
  }
  return PkeyPtr(key);
}

Result<std::unique_ptr<EcKey>> MakePublicKey(Context& context, const device::Point& point) {
  auto key = std::make_unique<EcKey>();
  key->context = &context;
  key->software = P256PublicKey(context, point);
  if (key->software == nullptr) {
    return Fail(ErrorDomain::kProtocol, "the public key is not a point on P-256, the one curve of this provider",
                "choose a P-256 key; keys of other kinds are used through PKCS#11 and the C API");
  }
  key->parts = OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS;
  return key;
}

Result<std::unique_ptr<EcKey>> MakeCardKey(Context& context, std::shared_ptr<device::Card> card,
                                           const device::ObjectName& name, const device::Point& point) {
  SR_TRY(auto key, MakePublicKey(context, point));
  key->card = std::make_shared<CardKey>(std::move(card), name, point);
  key->parts |= OSSL_KEYMGMT_SELECT_PRIVATE_KEY;
  return key;
}

int PassKey(std::unique_ptr<EcKey> key, OSSL_CALLBACK* callback, void* argument) {
  int type = OSSL_OBJECT_PKEY;
  EcKey* reference = key.release();
  const std::array params{OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
                          OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, const_cast<char*>("EC"), 0),
                          OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &reference, kKeyReferenceSize),
                          OSSL_PARAM_construct_end()};
  const int result = callback(params.data(), argument);
  // The key manager's load function sets the reference to null when it takes the key.
  key.reset(reference);
  return result;
}

std::string EcKey::CardText() const {
  return card != nullptr ? card->Text() : ephemeral != nullptr ? ephemeral->Text() : std::string();
}

}  // namespace simroot::provider
