// SPDX-License-Identifier: Apache-2.0
/// A key on the card as programs use it: signatures, contexts, what it refuses.
#include <openssl/core_names.h>
#include <openssl/pem.h>

#include "provider_fixture.hpp"

namespace simroot::provider_test {
namespace {

using testing::HasSubstr;

class ProviderKey : public OrderedProviderTest {
 protected:
  ProviderKey() : key_(LoadKey(library_.get(), "iotsafe:01")) {}
  void SetUp() override { ASSERT_NE(key_, nullptr) << TakeErrors(); }

  /// EVP_PKEY_sign of `size` bytes of a digest; empty on failure.
  Bytes SignDigest(std::size_t size, std::size_t room = 72) {
    const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_.get(), key_.get(), nullptr));
    const Bytes digest(size, 0x5A);
    Bytes signature(room);
    std::size_t length = room;
    if (EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), signature.data(), &length, digest.data(), digest.size()) != 1) {
      return {};
    }
    signature.resize(length);
    return signature;
  }

  PkeyPtr key_;
};
INSTANTIATE_FOR_BOTH_ORDERS(ProviderKey);

TEST_P(ProviderKey, SignsWithEveryHashOfTheCard) {
  for (const char* digest : {"SHA256", "SHA2-256", "SHA384", "SHA512"}) {
    const Bytes signature = SignMessage(library_.get(), key_.get(), digest, "a message");
    ASSERT_FALSE(signature.empty()) << digest << TakeErrors();
    EXPECT_TRUE(VerifiesByDefault(key_.get(), digest, "a message", signature)) << digest;
    EXPECT_FALSE(VerifiesByDefault(key_.get(), digest, "A message", signature)) << digest;
  }
}

TEST_P(ProviderKey, VerifiesItsOwnSignatures) {
  const Bytes signature = SignMessage(library_.get(), key_.get(), "SHA256", "a message");
  const auto verify = [&](const Bytes& candidate) {
    const DigestContextPtr context(EVP_MD_CTX_new());
    const ByteView message = AsBytes("a message");
    return EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", library_.get(), nullptr, key_.get(), nullptr) ==
               1 &&
           EVP_DigestVerify(context.get(), candidate.data(), candidate.size(), message.data(), message.size()) == 1;
  };
  EXPECT_TRUE(verify(signature)) << TakeErrors();
  Bytes flipped = signature;
  flipped.back() = LowByte(flipped.back() ^ 1U);
  EXPECT_FALSE(verify(flipped));
}

TEST_P(ProviderKey, SignsOneDigestWithoutANamedHash) {
  const Bytes signature = SignDigest(32);
  ASSERT_FALSE(signature.empty()) << TakeErrors();
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_.get(), key_.get(), nullptr));
  const Bytes digest(32, 0x5A);
  ASSERT_EQ(EVP_PKEY_verify_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_verify(context.get(), signature.data(), signature.size(), digest.data(), digest.size()), 1);
}

TEST_P(ProviderKey, RefusesDigestsTheCardDoesNotSign) {
  for (const std::size_t size : {20U, 31U, 33U, 0U}) {
    EXPECT_TRUE(SignDigest(size).empty()) << size;
    EXPECT_THAT(TakeErrors(), HasSubstr("use SHA-256, SHA-384 or SHA-512"));
  }
  EXPECT_TRUE(SignMessage(library_.get(), key_.get(), "SHA1", "a message").empty());
  EXPECT_THAT(TakeErrors(), HasSubstr("SHA1 is not one the card signs"));
}

TEST_P(ProviderKey, RefusesARoomThatIsTooSmall) {
  EXPECT_TRUE(SignDigest(32, 71).empty());
  EXPECT_THAT(TakeErrors(), HasSubstr("72 are needed"));
}

TEST_P(ProviderKey, AnswersLengthQueriesWithoutTheCard) {
  const std::size_t before = Commands();
  const DigestContextPtr context(EVP_MD_CTX_new());
  ASSERT_EQ(EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", library_.get(), nullptr, key_.get(), nullptr), 1);
  ASSERT_EQ(EVP_DigestSignUpdate(context.get(), "ab", 2), 1);
  std::size_t size = 0;
  ASSERT_EQ(EVP_DigestSignFinal(context.get(), nullptr, &size), 1);
  EXPECT_EQ(size, 72U);
  EXPECT_EQ(Commands(), before);
  // The query has not ended the operation.
  ASSERT_EQ(EVP_DigestSignUpdate(context.get(), "c", 1), 1);
  Bytes signature(size);
  ASSERT_EQ(EVP_DigestSignFinal(context.get(), signature.data(), &size), 1) << TakeErrors();
  signature.resize(size);
  EXPECT_TRUE(VerifiesByDefault(key_.get(), "SHA256", "abc", signature));
  EXPECT_GT(Commands(), before);
}

TEST_P(ProviderKey, CopiesAContextInTheMiddleOfAMessage) {
  const DigestContextPtr first(EVP_MD_CTX_new());
  const DigestContextPtr second(EVP_MD_CTX_new());
  ASSERT_EQ(EVP_DigestSignInit_ex(first.get(), nullptr, "SHA384", library_.get(), nullptr, key_.get(), nullptr), 1);
  ASSERT_EQ(EVP_DigestSignUpdate(first.get(), "same ", 5), 1);
  ASSERT_EQ(EVP_MD_CTX_copy_ex(second.get(), first.get()), 1);
  ASSERT_EQ(EVP_DigestSignUpdate(first.get(), "one", 3), 1);
  ASSERT_EQ(EVP_DigestSignUpdate(second.get(), "two", 3), 1);
  const auto finish = [](EVP_MD_CTX* context) {
    Bytes signature(72);
    std::size_t size = signature.size();
    EXPECT_EQ(EVP_DigestSignFinal(context, signature.data(), &size), 1) << TakeErrors();
    signature.resize(size);
    return signature;
  };
  EXPECT_TRUE(VerifiesByDefault(key_.get(), "SHA384", "same one", finish(first.get())));
  EXPECT_TRUE(VerifiesByDefault(key_.get(), "SHA384", "same two", finish(second.get())));
}

TEST_P(ProviderKey, CopyOfAKeySignsAfterTheOriginalIsGone) {
  const PkeyPtr copy(EVP_PKEY_dup(key_.get()));
  ASSERT_NE(copy, nullptr) << TakeErrors();
  EXPECT_EQ(EVP_PKEY_eq(copy.get(), key_.get()), 1);
  key_.reset();
  const Bytes signature = SignMessage(library_.get(), copy.get(), "SHA256", "a message");
  EXPECT_TRUE(VerifiesByDefault(copy.get(), "SHA256", "a message", signature)) << TakeErrors();
}

TEST_P(ProviderKey, NeverGivesItsPrivateHalfAway) {
  OSSL_PARAM* params = nullptr;
  EXPECT_EQ(EVP_PKEY_todata(key_.get(), EVP_PKEY_KEYPAIR, &params), 0);
  EXPECT_THAT(TakeErrors(), HasSubstr("stays on the card and cannot be exported"));
  EXPECT_LE(i2d_PrivateKey(key_.get(), nullptr), 0);
  const BioPtr out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr), 0);
  EXPECT_THAT(TakeErrors(), HasSubstr("stays on the card"));
  char* text = nullptr;
  EXPECT_EQ(BIO_get_mem_data(out.get(), &text), 0);
  BIGNUM* scalar = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, &scalar), 0);
}

TEST_P(ProviderKey, GivesItsPublicHalf) {
  OSSL_PARAM* params = nullptr;
  ASSERT_EQ(EVP_PKEY_todata(key_.get(), EVP_PKEY_PUBLIC_KEY, &params), 1) << TakeErrors();
  EXPECT_NE(OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PUB_KEY), nullptr);
  EXPECT_EQ(OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY), nullptr);
  OSSL_PARAM_free(params);
  EXPECT_EQ(PublicDer(key_.get()).size(), 91U);
  EXPECT_EQ(EVP_PKEY_get_bits(key_.get()), 256);
  EXPECT_EQ(EVP_PKEY_get_security_bits(key_.get()), 128);
  EXPECT_EQ(EVP_PKEY_get_size(key_.get()), 72);
  std::array<char, 32> group{};
  EXPECT_EQ(EVP_PKEY_get_group_name(key_.get(), group.data(), group.size(), nullptr), 1);
  EXPECT_STREQ(group.data(), "prime256v1");
}

TEST_P(ProviderKey, PrintsWhereItIs) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(EVP_PKEY_print_private(out.get(), key_.get(), 0, nullptr), 1) << TakeErrors();
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  const std::string printed(text, static_cast<std::size_t>(size));
  EXPECT_THAT(printed, HasSubstr("private key 01 of " + card_uri_ + ", never leaves the card"));
  EXPECT_THAT(printed, HasSubstr("NIST CURVE: P-256"));
  EXPECT_THAT(printed, testing::Not(HasSubstr("priv:")));
}

TEST_P(ProviderKey, PassesItsChecks) {
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_.get(), key_.get(), nullptr));
  EXPECT_EQ(EVP_PKEY_check(context.get()), 1) << TakeErrors();
  EXPECT_EQ(EVP_PKEY_public_check(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_private_check(context.get()), 1);
}

TEST_P(ProviderKey, BelongsToItsCertificateOnly) {
  const PkeyPtr other(EVP_PKEY_Q_keygen(library_.get(), nullptr, "EC", "P-256"));
  const X509Ptr own = MakeCertificate(library_.get(), "own", key_.get(), nullptr, key_.get());
  const X509Ptr foreign = MakeCertificate(library_.get(), "foreign", other.get(), nullptr, other.get());
  EXPECT_EQ(X509_check_private_key(own.get(), key_.get()), 1) << TakeErrors();
  EXPECT_EQ(X509_check_private_key(foreign.get(), key_.get()), 0);
  EXPECT_EQ(X509_verify(own.get(), key_.get()), 1) << TakeErrors();
}

TEST_P(ProviderKey, DoesNotAgreeOnSecrets) {
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_.get(), key_.get(), "?provider=simroot"));
  EXPECT_NE(EVP_PKEY_derive_init(context.get()), 1);
  EXPECT_THAT(TakeErrors(), HasSubstr("used for signatures only"));
}

TEST_P(ProviderKey, ServesPropertyQueries) {
  const PkeyPtr ours = LoadKey(library_.get(), "iotsafe:01", "provider=simroot");
  ASSERT_NE(ours, nullptr) << TakeErrors();
  const PkeyContextPtr context(EVP_PKEY_CTX_new_from_pkey(library_.get(), ours.get(), "provider=simroot"));
  EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1) << TakeErrors();
  EXPECT_EQ(LoadKey(library_.get(), "iotsafe:01", "provider=default"), nullptr);
}

}  // namespace
}  // namespace simroot::provider_test
