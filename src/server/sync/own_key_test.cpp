// SPDX-License-Identifier: Apache-2.0
#include "server/sync/own_key.hpp"

#include <gtest/gtest.h>

#include "common/crypto/openssl/x509_handles.hpp"
#include "server/sync/testing/test_certificate.hpp"

namespace simroot::server {
namespace {

TEST(OwnKey, EveryKeyIsAnother) {
  const auto one = MakeKey();
  const auto two = MakeKey();
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(SameBytes(one->Reveal(InsecureReveal::kForTest), two->Reveal(InsecureReveal::kForTest)));
  EXPECT_TRUE(AsText(one->Reveal(InsecureReveal::kForTest)).starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

TEST(OwnKey, TheRequestIsSignedByTheKey) {
  const auto key = MakeKey();
  ASSERT_TRUE(key);
  const auto pem = MakeRequest(*key);
  ASSERT_TRUE(pem) << pem.error().Text();
  const crypto::BioPtr source(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())));
  const crypto::RequestPtr request(PEM_read_bio_X509_REQ(source.get(), nullptr, nullptr, nullptr));
  ASSERT_TRUE(request);
  EXPECT_EQ(X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())), 1);
  EXPECT_FALSE(MakeRequest(SecretBytes(AsBytes("no key"))));
  EXPECT_FALSE(MakeRequest(SecretBytes()));
}

TEST(OwnKey, ACertificateBelongsToItsKey) {
  const auto key = MakeKey();
  const auto other = MakeKey();
  ASSERT_TRUE(key && other);
  const std::string pem = testing::SelfSigned(*key, {.not_before = 1'700'000'000, .not_after = 1'800'000'000});
  const auto own = ReadOwnCertificate(pem + testing::SelfSigned(*other, {}), *key);
  ASSERT_TRUE(own) << own.error().Text();
  EXPECT_EQ(own->not_before, 1'700'000'000);
  EXPECT_EQ(own->not_after, 1'800'000'000);
  EXPECT_FALSE(own->der.empty());
  EXPECT_FALSE(ReadOwnCertificate(pem, *other));
  EXPECT_FALSE(ReadOwnCertificate("", *key));
  EXPECT_FALSE(ReadOwnCertificate(pem.substr(0, pem.size() / 2), *key));
}

TEST(OwnKey, IsFoundAsItStandsThere) {
  const auto key = MakeKey();
  ASSERT_TRUE(key);
  const std::string text(AsText(key->Reveal(InsecureReveal::kForTest)));
  const SecretBytes found = FindKey(AsBytes("first\n" + text + "-----BEGIN CERTIFICATE-----\n"));
  EXPECT_EQ(AsText(found.Reveal(InsecureReveal::kForTest)), text);
  EXPECT_EQ(FindKey(AsBytes(text.substr(0, text.size() - 5))).size(), 0U);
  EXPECT_EQ(FindKey(AsBytes("-----BEGIN CERTIFICATE-----\n")).size(), 0U);
  EXPECT_EQ(FindKey({}).size(), 0U);
}

}  // namespace
}  // namespace simroot::server
