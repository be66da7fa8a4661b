// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/public_key.hpp"

#include <openssl/core_names.h>

#include <optional>

#include "platform/authority/der.hpp"

namespace simroot::platform {
namespace {

struct CurveName {
  const char* openssl;
  const char* ours;
};
constexpr std::array kCurves{CurveName{"prime256v1", "p256"}, CurveName{"brainpoolP256r1", "brainpoolP256r1"},
                             CurveName{"secp384r1", "p384"}, CurveName{"secp521r1", "p521"}};
constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;

/// A text parameter of a key; empty if it has none.
std::string TextOf(EVP_PKEY* key, const char* parameter) {
  std::array<char, 64> text{};
  std::size_t size = 0;
  return EVP_PKEY_get_utf8_string_param(key, parameter, text.data(), text.size(), &size) == 1
             ? std::string(text.data(), size)
             : std::string();
}

tl::unexpected<Failure> NotAllowed(const std::string& what) {
  return Refuse(FailureKind::kInvalid, what + " is no key that gets a certificate",
                "use P-256, brainpoolP256r1, P-384, P-521, Ed25519, Ed448 or RSA from 2048 bits");
}

Outcome<std::string> JudgeElliptic(EVP_PKEY* key) {
  const std::string group = TextOf(key, OSSL_PKEY_PARAM_GROUP_NAME);
  const auto* const found = std::ranges::find_if(kCurves, [&](const CurveName& row) { return group == row.openssl; });
  // Explicit parameters of a well-known curve are recognised, too, but few verifiers understand them.
  if (found == kCurves.end() || TextOf(key, OSSL_PKEY_PARAM_EC_ENCODING) != OSSL_PKEY_EC_ENCODING_GROUP) {
    return NotAllowed("a key of the curve " + (group.empty() ? "without a name" : group));
  }
  return std::string(found->ours);
}

Outcome<std::string> JudgeRsa(EVP_PKEY* key) {
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return NotAllowed("an RSA key of " + std::to_string(bits) + " bits");
  }
  return "rsa" + std::to_string(bits);
}

}  // namespace

Outcome<std::string> JudgePublicKey(EVP_PKEY* key) {
  const ErrorScope errors;
  std::string type;
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_EC: {
      SR_TRY(type, JudgeElliptic(key));
      break;
    }
    case EVP_PKEY_RSA: {
      SR_TRY(type, JudgeRsa(key));
      break;
    }
    case EVP_PKEY_ED25519:
      return std::string("ed25519");
    case EVP_PKEY_ED448:
      return std::string("ed448");
    default: {
      const char* const name = EVP_PKEY_get0_type_name(key);
      return NotAllowed(name != nullptr ? std::string("a key of type ") + name : "a key of this kind");
    }
  }
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  if (!context || EVP_PKEY_public_check(context.get()) != 1) {
    return NotAllowed("a public key whose numbers are not right");
  }
  return type;
}

Outcome<KnownKey> ImportPublicKey(ByteView public_key) {
  const ErrorScope errors;
  KnownKey known;
  known.key = der::LooksLikeP256Point(public_key) ? KeyFromPoint("P-256", public_key)
                                                  : DecodeDer<EvpPkey>(public_key, d2i_PUBKEY);
  if (!known.key) {
    return Refuse(FailureKind::kInvalid, "this is no public key",
                  "give a P-256 point of 65 bytes that is on the curve, or a SubjectPublicKeyInfo in DER");
  }
  SR_TRY(known.type, JudgePublicKey(known.key.get()));
  return known;
}

Outcome<Bytes> ExportPublicKey(EVP_PKEY* key) {
  const ErrorScope errors;
  if (TextOf(key, OSSL_PKEY_PARAM_GROUP_NAME) == "prime256v1") {
    // From the coordinates: the key itself may be in compressed form.
    BIGNUM* x = nullptr;
    BIGNUM* y = nullptr;
    const bool got = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_X, &x) == 1 &&
                     EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_EC_PUB_Y, &y) == 1;
    const crypto::SecretBignum x_owner(x);
    const crypto::SecretBignum y_owner(y);
    Bytes point(der::kP256PointSize);
    ByteWriter writer(point);
    writer.PutU8(0x04);
    const ByteSpan x_place = writer.Reserve(32);
    const ByteSpan y_place = writer.Reserve(32);
    if (!got || BN_bn2binpad(x, x_place.data(), 32) != 32 || BN_bn2binpad(y, y_place.data(), 32) != 32) {
      return OpenSslCannot("read the coordinates of a key");
    }
    return point;
  }
  Bytes info = EncodeDer(key, i2d_PUBKEY);
  if (info.empty()) {
    return OpenSslCannot("encode a public key");
  }
  return info;
}

std::optional<ByteView> P256PointIn(ByteView public_key) {
  if (der::LooksLikeP256Point(public_key)) {
    return public_key;
  }
  ByteReader reader(public_key);
  ByteView prefix;
  if (reader.ReadBytes(der::kP256KeyPrefix.size(), prefix) && SameBytes(prefix, der::kP256KeyPrefix) &&
      der::LooksLikeP256Point(reader.rest())) {
    return reader.rest();
  }
  return std::nullopt;
}

bool IsOnP256(ByteView point) {
  static const EC_GROUP* const kGroup = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  const ErrorScope errors;
  const std::unique_ptr<EC_POINT, FreeWith<EC_POINT_free>> read(EC_POINT_new(kGroup));
  return der::LooksLikeP256Point(point) && read &&
         EC_POINT_oct2point(kGroup, read.get(), point.data(), point.size(), nullptr) == 1;
}

EvpPkey KeyFromPoint(const char* curve, ByteView point) {
  const ErrorScope errors;
  const crypto::ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return nullptr;
  }
  const crypto::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return EvpPkey(key);
}

EvpPkey KeyFromRsaNumbers(ByteView modulus, ByteView exponent) {
  const ErrorScope errors;
  const crypto::SecretBignum n(BN_bin2bn(modulus.data(), static_cast<int>(modulus.size()), nullptr));
  const crypto::SecretBignum e(BN_bin2bn(exponent.data(), static_cast<int>(exponent.size()), nullptr));
  const crypto::ParamBuilder builder(OSSL_PARAM_BLD_new());
  if (!n || !e || !builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return nullptr;
  }
  const crypto::Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const EvpPkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return EvpPkey(key);
}

}  // namespace simroot::platform
