// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/backend.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <mutex>
#include <utility>

namespace simroot::crypto {
namespace {

struct CurveNames {
  const char* group;
  int nid;
};

/// In the order of Curve.
constexpr std::array<CurveNames, 3> kCurveNames{
    CurveNames{"prime256v1", NID_X9_62_prime256v1},
    CurveNames{"brainpoolP256r1", NID_brainpoolP256r1},
    CurveNames{"secp384r1", NID_secp384r1},
};

/// By mode, then by key size, in the order of AesMode and of KeySizeIndex.
constexpr std::array<std::array<const char*, 3>, 3> kAesNames{{
    {"AES-128-CBC", "AES-192-CBC", "AES-256-CBC"},
    {"AES-128-CTR", "AES-192-CTR", "AES-256-CTR"},
    {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"},
}};

constexpr std::uint8_t kUncompressed = 0x04;

constexpr std::size_t Index(Curve curve) {
  return static_cast<std::size_t>(curve);
}

constexpr std::size_t Index(HashAlgorithm hash) {
  return hash == HashAlgorithm::kSha256 ? 0 : hash == HashAlgorithm::kSha384 ? 1 : 2;
}

/// Position of a key size in the tables; their size for anything else.
constexpr std::size_t KeySizeIndex(std::size_t key_size) {
  return key_size == 16 ? 0 : key_size == 24 ? 1 : key_size == 32 ? 2 : 3;
}

}  // namespace

const Backend* Backend::Get() {
  static std::mutex mutex;
  static Backend* backend = nullptr;
  // OpenSSL 3.0 reads the user's configuration into its default context, once, when an EVP_PKEY_CTX is made or a random
  // number is drawn in any context (it asks for engines). Let that happen before the lock is taken: the configuration
  // may load a provider that comes here again in the same thread. OpenSSL skips the step if it is already inside it.
  OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr);
  const std::lock_guard lock(mutex);
  if (backend == nullptr) {
    const ErrorScope errors;
    auto* const candidate = new Backend();
    if (candidate->Load()) {
      backend = candidate;
    } else {
      delete candidate;
    }
  }
  return backend;
}

Backend::~Backend() {
  for (const std::atomic<EVP_PKEY_CTX*>& generator : generators_) {
    EVP_PKEY_CTX_free(generator);
  }
  for (EC_GROUP* const group : groups_) {
    EC_GROUP_free(group);
  }
  for (EVP_PKEY* const key : parameters_) {
    EVP_PKEY_free(key);
  }
  for (EVP_MD* const digest : digests_) {
    EVP_MD_free(digest);
  }
  for (const auto& mode : aes_) {
    for (EVP_CIPHER* const cipher : mode) {
      EVP_CIPHER_free(cipher);
    }
  }
  for (EVP_CIPHER* const cipher : tdes_) {
    EVP_CIPHER_free(cipher);
  }
  EVP_KDF_free(hkdf_);
  EVP_KDF_free(tls_prf_);
  if (provider_ != nullptr) {
    OSSL_PROVIDER_unload(provider_);
  }
  OSSL_LIB_CTX_free(context_);
}

bool Backend::Load() {
  context_ = OSSL_LIB_CTX_new();
  if (context_ == nullptr) {
    return false;
  }
  // Loading one provider by name also keeps OpenSSL from activating fallback providers of its own choice.
  provider_ = OSSL_PROVIDER_load(context_, "default");
  if (provider_ == nullptr) {
    return false;
  }
  return LoadDigests() && LoadSymmetric() && LoadCurve(Curve::kP256) && LoadCurve(Curve::kBrainpoolP256r1) &&
         LoadCurve(Curve::kP384);
}

bool Backend::LoadDigests() {
  for (const auto& [hash, name] :
       {std::pair{HashAlgorithm::kSha256, "SHA2-256"}, std::pair{HashAlgorithm::kSha384, "SHA2-384"},
        std::pair{HashAlgorithm::kSha512, "SHA2-512"}}) {
    EVP_MD*& digest = digests_.at(Index(hash));
    digest = EVP_MD_fetch(context_, name, nullptr);
    if (digest == nullptr) {
      return false;
    }
  }
  return true;
}

bool Backend::LoadSymmetric() {
  auto ciphers = aes_.begin();
  for (const auto& names : kAesNames) {
    auto cipher = ciphers->begin();
    for (const char* const name : names) {
      *cipher = EVP_CIPHER_fetch(context_, name, nullptr);
      if (*cipher == nullptr) {
        return false;
      }
      ++cipher;
    }
    ++ciphers;
  }
  tdes_ = {EVP_CIPHER_fetch(context_, "DES-EDE-CBC", nullptr), EVP_CIPHER_fetch(context_, "DES-EDE3-CBC", nullptr)};
  hkdf_ = EVP_KDF_fetch(context_, OSSL_KDF_NAME_HKDF, nullptr);
  tls_prf_ = EVP_KDF_fetch(context_, OSSL_KDF_NAME_TLS1_PRF, nullptr);
  return hkdf_ != nullptr && tls_prf_ != nullptr;
}

bool Backend::LoadCurve(Curve curve) {
  const CurveNames& names = kCurveNames.at(Index(curve));
  groups_.at(Index(curve)) = EC_GROUP_new_by_curve_name_ex(context_, nullptr, names.nid);
  const EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(context_, "EC", nullptr));
  return groups_.at(Index(curve)) != nullptr && ctx != nullptr && EVP_PKEY_paramgen_init(ctx.get()) == 1 &&
         EVP_PKEY_CTX_set_group_name(ctx.get(), names.group) == 1 &&
         EVP_PKEY_paramgen(ctx.get(), &parameters_.at(Index(curve))) == 1;
}

EVP_MD* Backend::Digest(HashAlgorithm hash) const {
  return digests_.at(Index(hash));
}

EVP_CIPHER* Backend::Aes(AesMode mode, std::size_t key_size) const {
  const std::size_t index = KeySizeIndex(key_size);
  return index < kAesKeySizes ? aes_.at(static_cast<std::size_t>(mode)).at(index) : nullptr;
}

EVP_CIPHER* Backend::Tdes(std::size_t key_size) const {
  return key_size == 16 ? tdes_.front() : key_size == 24 ? tdes_.back() : nullptr;
}

EvpPkey Backend::MakePublicKey(Curve curve, ByteView point) const {
  if (point.size() != PointSize(curve) || point.front() != kUncompressed) {
    return nullptr;
  }
  // Copying parameters is several times faster than EVP_PKEY_fromdata. OpenSSL checks the range of the coordinates and
  // the curve equation when it reads the point; with a cofactor of one that is full validation.
  EvpPkey key(EVP_PKEY_new());
  if (key == nullptr || EVP_PKEY_copy_parameters(key.get(), parameters_.at(Index(curve))) != 1 ||
      EVP_PKEY_set1_encoded_public_key(key.get(), point.data(), point.size()) != 1) {
    return nullptr;
  }
  return key;
}

SecretBignum Backend::ReadScalar(Curve curve, ByteView scalar) const {
  if (scalar.size() != ScalarSize(curve)) {
    return nullptr;
  }
  SecretBignum number(BN_secure_new());
  if (number == nullptr) {
    return nullptr;
  }
  BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  if (BN_bin2bn(scalar.data(), static_cast<int>(scalar.size()), number.get()) == nullptr ||
      BN_is_zero(number.get()) != 0 || BN_cmp(number.get(), EC_GROUP_get0_order(groups_.at(Index(curve)))) >= 0) {
    return nullptr;
  }
  return number;
}

EvpPkey Backend::MakePrivateKey(Curve curve, ByteView scalar) const {
  const SecretBignum number = ReadScalar(curve, scalar);
  const ParamBuilder builder(OSSL_PARAM_BLD_new());
  // A BIGNUM from the secure heap makes the builder keep its copy in the secure, wiped part of the parameters.
  if (number == nullptr || builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, kCurveNames.at(Index(curve)).group,
                                      0) != 1 ||
      OSSL_PARAM_BLD_push_BN_pad(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, number.get(), ScalarSize(curve)) != 1) {
    return nullptr;
  }
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_name(context_, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || ctx == nullptr || EVP_PKEY_fromdata_init(ctx.get()) != 1 ||
      EVP_PKEY_fromdata(ctx.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
    return nullptr;
  }
  return EvpPkey(key);
}

EvpPkeyCtx Backend::MakeKeyGenerator(Curve curve) const {
  // From parameters, which are copied: a group that is named is computed anew, which takes longer than the key.
  EvpPkeyCtx ctx(EVP_PKEY_CTX_new_from_pkey(context_, parameters_.at(Index(curve)), nullptr));
  if (ctx == nullptr || EVP_PKEY_keygen_init(ctx.get()) != 1) {
    return nullptr;
  }
  return ctx;
}

EvpPkey Backend::MakeKeyPair(Curve curve) const {
  std::atomic<EVP_PKEY_CTX*>& place = generators_.at(Index(curve));
  EvpPkeyCtx generator(place.exchange(nullptr));
  if (generator == nullptr) {
    generator = MakeKeyGenerator(curve);
  }
  EVP_PKEY* pair = nullptr;
  if (generator == nullptr || EVP_PKEY_generate(generator.get(), &pair) != 1) {
    return nullptr;
  }
  EVP_PKEY_CTX* empty = nullptr;
  if (place.compare_exchange_strong(empty, generator.get())) {
    static_cast<void>(generator.release());
  }
  return EvpPkey(pair);
}

bool Backend::PublicPoint(Curve curve, ByteView scalar, ByteSpan point) const {
  const EC_GROUP* const group = groups_.at(Index(curve));
  const SecretBignum number = ReadScalar(curve, scalar);
  const BignumContext scratch(BN_CTX_secure_new_ex(context_));
  const SecretPoint product(EC_POINT_new(group));
  // EVP cannot derive the public half of an imported scalar in OpenSSL 3.0; the multiplication is constant time.
  return point.size() == PointSize(curve) && number != nullptr && scratch != nullptr && product != nullptr &&
         EC_POINT_mul(group, product.get(), number.get(), nullptr, nullptr, scratch.get()) == 1 &&
         EC_POINT_point2oct(group, product.get(), POINT_CONVERSION_UNCOMPRESSED, point.data(), point.size(),
                            scratch.get()) == PointSize(curve);
}

}  // namespace simroot::crypto
