// SPDX-License-Identifier: Apache-2.0
/// EC keys in software with this provider in the process: everything goes on as with the default provider alone, also
/// when this provider comes first and holds all EC keys.
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>

#include "provider_fixture.hpp"

namespace simroot::provider_test {
namespace {

constexpr std::array kCurves{"P-256", "P-384", "P-521", "secp256k1", "brainpoolP256r1"};

using CmsPtr = std::unique_ptr<CMS_ContentInfo, OpensslFree<CMS_ContentInfo_free>>;

class ProviderSoftware : public OrderedProviderTest {
 protected:
  [[nodiscard]] PkeyPtr Generate(const char* curve) {
    return PkeyPtr(EVP_PKEY_Q_keygen(library_.get(), nullptr, "EC", curve));
  }
  [[nodiscard]] Bytes Derive(EVP_PKEY* own, EVP_PKEY* peer) {
    const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_.get(), own, nullptr));
    std::size_t size = 0;
    if (EVP_PKEY_derive_init(context.get()) != 1 || EVP_PKEY_derive_set_peer(context.get(), peer) != 1 ||
        EVP_PKEY_derive(context.get(), nullptr, &size) != 1) {
      return {};
    }
    Bytes secret(size);
    return EVP_PKEY_derive(context.get(), secret.data(), &size) == 1 ? secret : Bytes();
  }
  LibraryPtr plain_{OSSL_LIB_CTX_new()};
};
INSTANTIATE_FOR_BOTH_ORDERS(ProviderSoftware);

Bytes PrivateDer(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PrivateKey(key, &der);
  const Bytes bytes(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return bytes;
}

std::string Printed(EVP_PKEY* key) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(EVP_PKEY_print_private(out.get(), key, 0, nullptr), 1) << TakeErrors();
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

TEST_P(ProviderSoftware, GeneratesSignsAndVerifiesOnEveryCurve) {
  for (const char* curve : kCurves) {
    const PkeyPtr key = Generate(curve);
    ASSERT_NE(key, nullptr) << curve << TakeErrors();
    const Bytes signature = SignMessage(library_.get(), key.get(), "SHA384", "a message");
    EXPECT_TRUE(VerifiesByDefault(key.get(), "SHA384", "a message", signature)) << curve << TakeErrors();
    const DigestContextPtr context(EVP_MD_CTX_new());
    const ByteView message = AsBytes("a message");
    ASSERT_EQ(EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA384", library_.get(), nullptr, key.get(), nullptr),
              1);
    EXPECT_EQ(EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()), 1);
    EXPECT_FALSE(SignMessage(library_.get(), key.get(), "SHA1", "a message").empty()) << TakeErrors();
  }
}

TEST_P(ProviderSoftware, KeysMoveToTheDefaultProviderAndBack) {
  for (const char* curve : kCurves) {
    const PkeyPtr key = Generate(curve);
    const Bytes der = PrivateDer(key.get());
    ASSERT_FALSE(der.empty()) << curve << TakeErrors();
    for (OSSL_LIB_CTX* library : {plain_.get(), library_.get()}) {
      const unsigned char* cursor = der.data();
      const PkeyPtr read(d2i_AutoPrivateKey_ex(nullptr, &cursor, static_cast<long>(der.size()), library, nullptr));
      ASSERT_NE(read, nullptr) << curve << TakeErrors();
      EXPECT_EQ(PrivateDer(read.get()), der);
      EXPECT_EQ(Printed(read.get()), Printed(key.get()));
    }
  }
}

TEST_P(ProviderSoftware, CopiesAndComparesKeys) {
  const PkeyPtr key = Generate("P-384");
  const PkeyPtr other = Generate("P-384");
  const PkeyPtr copy(EVP_PKEY_dup(key.get()));
  ASSERT_NE(copy, nullptr) << TakeErrors();
  EXPECT_EQ(EVP_PKEY_eq(copy.get(), key.get()), 1);
  EXPECT_EQ(EVP_PKEY_eq(other.get(), key.get()), 0);
  EXPECT_EQ(EVP_PKEY_parameters_eq(other.get(), key.get()), 1);
  EXPECT_EQ(EVP_PKEY_parameters_eq(Generate("P-256").get(), key.get()), 0);
  EXPECT_EQ(PrivateDer(copy.get()), PrivateDer(key.get()));
}

TEST_P(ProviderSoftware, ChecksKeys) {
  const PkeyPtr key = Generate("P-256");
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_.get(), key.get(), nullptr));
  EXPECT_EQ(EVP_PKEY_check(context.get()), 1) << TakeErrors();
  EXPECT_EQ(EVP_PKEY_public_check_quick(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_param_check(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_private_check(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_pairwise_check(context.get()), 1);
}

TEST_P(ProviderSoftware, AgreesOnSecretsWithTheDefaultProvider) {
  for (const char* curve : kCurves) {
    const PkeyPtr first = Generate(curve);
    const PkeyPtr second = Generate(curve);
    const Bytes secret = Derive(first.get(), second.get());
    EXPECT_FALSE(secret.empty()) << curve << TakeErrors();
    EXPECT_EQ(Derive(second.get(), first.get()), secret);
    const Bytes der = PrivateDer(first.get());
    const unsigned char* cursor = der.data();
    const PkeyPtr read(d2i_AutoPrivateKey_ex(nullptr, &cursor, static_cast<long>(der.size()), library_.get(), nullptr));
    EXPECT_EQ(Derive(read.get(), second.get()), secret);
  }
  EXPECT_TRUE(Derive(Generate("P-256").get(), Generate("P-384").get()).empty());
}

/// What a TLS peer does with a key share: parameters, then the point.
TEST_P(ProviderSoftware, TakesAnEncodedPublicKey) {
  const PkeyPtr own = Generate("P-256");
  const PkeyPtr peer = Generate("P-256");
  unsigned char* encoded = nullptr;
  const std::size_t size = EVP_PKEY_get1_encoded_public_key(peer.get(), &encoded);
  ASSERT_EQ(size, 65U);
  const PkeyPtr received(EVP_PKEY_new());
  ASSERT_EQ(EVP_PKEY_copy_parameters(received.get(), own.get()), 1) << TakeErrors();
  EXPECT_EQ(EVP_PKEY_set1_encoded_public_key(received.get(), encoded, size), 1) << TakeErrors();
  EXPECT_EQ(EVP_PKEY_eq(received.get(), peer.get()), 1);
  EXPECT_EQ(Derive(own.get(), received.get()), Derive(peer.get(), own.get()));
  encoded[size - 1] ^= 1U;
  EXPECT_NE(EVP_PKEY_set1_encoded_public_key(received.get(), encoded, size), 1);
  OPENSSL_free(encoded);
}

TEST_P(ProviderSoftware, MakesParametersAndKeysFromThem) {
  const PkeyContextPtr maker(EVP_PKEY_CTX_new_from_name(library_.get(), "EC", nullptr));
  EVP_PKEY* parameters = nullptr;
  ASSERT_EQ(EVP_PKEY_paramgen_init(maker.get()), 1) << TakeErrors();
  ASSERT_EQ(EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker.get(), NID_secp384r1), 1) << TakeErrors();
  ASSERT_EQ(EVP_PKEY_paramgen(maker.get(), &parameters), 1) << TakeErrors();
  const PkeyPtr owner(parameters);
  const PkeyContextPtr generator(EVP_PKEY_CTX_new_from_pkey(library_.get(), parameters, nullptr));
  EVP_PKEY* key = nullptr;
  ASSERT_EQ(EVP_PKEY_keygen_init(generator.get()), 1);
  ASSERT_EQ(EVP_PKEY_keygen(generator.get(), &key), 1) << TakeErrors();
  const PkeyPtr key_owner(key);
  EXPECT_EQ(EVP_PKEY_get_bits(key), 384);
  EXPECT_EQ(EVP_PKEY_parameters_eq(parameters, key), 1);
}

TEST_P(ProviderSoftware, KeepsExplicitParameters) {
  const PkeyContextPtr maker(EVP_PKEY_CTX_new_from_name(library_.get(), "EC", nullptr));
  EVP_PKEY* made = nullptr;
  ASSERT_EQ(EVP_PKEY_keygen_init(maker.get()), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_group_name(maker.get(), "P-256"), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_ec_param_enc(maker.get(), OPENSSL_EC_EXPLICIT_CURVE), 1) << TakeErrors();
  ASSERT_EQ(EVP_PKEY_keygen(maker.get(), &made), 1) << TakeErrors();
  const PkeyPtr key(made);
  EXPECT_GT(PublicDer(key.get()).size(), 200U);
  const Bytes signature = SignMessage(library_.get(), key.get(), "SHA256", "a message");
  EXPECT_TRUE(VerifiesByDefault(key.get(), "SHA256", "a message", signature)) << TakeErrors();
}

TEST_P(ProviderSoftware, RefusesWhatTheDefaultProviderRefuses) {
  EXPECT_EQ(Generate("no-such-curve"), nullptr);
  ERR_clear_error();
  for (const char* curve : {"SM2", "P-256"}) {
    const auto outcome = [&](OSSL_LIB_CTX* library) {
      const PkeyPtr key(EVP_PKEY_Q_keygen(library, nullptr, "EC", curve));
      const bool signs = key != nullptr && !SignMessage(library, key.get(), "SHA256", "a message").empty();
      ERR_clear_error();
      return std::pair(key != nullptr, signs);
    };
    EXPECT_EQ(outcome(library_.get()), outcome(plain_.get())) << curve;
  }
}

class ProviderCms : public ProviderSoftware {
 protected:
  void SignAndVerify(EVP_PKEY* key) {
    const X509Ptr certificate = MakeCertificate(library_.get(), "signer", key, nullptr, key);
    const BioPtr content(BIO_new_mem_buf("content", 7));
    const CmsPtr cms(CMS_sign_ex(certificate.get(), key, nullptr, content.get(), CMS_BINARY, library_.get(), nullptr));
    ASSERT_NE(cms, nullptr) << TakeErrors();
    EXPECT_EQ(CMS_verify(cms.get(), nullptr, nullptr, nullptr, nullptr, CMS_NO_SIGNER_CERT_VERIFY), 1) << TakeErrors();
  }
};
INSTANTIATE_FOR_BOTH_ORDERS(ProviderCms);

TEST_P(ProviderCms, SignsWithACardKey) {
  const PkeyPtr key = LoadKey(library_.get(), "iotsafe:01");
  ASSERT_NE(key, nullptr) << TakeErrors();
  SignAndVerify(key.get());
}

TEST_P(ProviderCms, SignsWithASoftwareKey) {
  SignAndVerify(Generate("P-384").get());
}

}  // namespace
}  // namespace simroot::provider_test
