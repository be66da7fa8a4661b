// SPDX-License-Identifier: Apache-2.0
/// Wrapper files in the hands of programs that only know PEM files.
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>

#include "provider_fixture.hpp"

namespace simroot::provider_test {
namespace {

using testing::HasSubstr;

class ProviderWrapper : public OrderedProviderTest {
 protected:
  ProviderWrapper() : pem_(WrapperPem(card_uri_)) {}

  std::string LoadingError(const std::string& pem) {
    EXPECT_EQ(LoadPem(library_.get(), pem), nullptr);
    return TakeErrors();
  }

  std::string pem_;
};
INSTANTIATE_FOR_BOTH_ORDERS(ProviderWrapper);

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

std::string AsPem(const Bytes& der) {
  std::string text(4 * (der.size() / 3 + 1) + 1, '\0');
  auto* const out = reinterpret_cast<unsigned char*>(text.data());
  text.resize(static_cast<std::size_t>(EVP_EncodeBlock(out, der.data(), static_cast<int>(der.size()))));
  return "-----BEGIN SIMROOT PRIVATE KEY-----\n" + text + "\n-----END SIMROOT PRIVATE KEY-----\n";
}

Bytes DerOf(const std::string& pem) {
  const std::size_t begin = pem.find('\n');
  return *device::DecodeWrapperBase64(pem.substr(begin, pem.find("-----END") - begin));
}

std::string PemOf(EVP_PKEY* key) {
  const BioPtr out(BIO_new(BIO_s_mem()));
  EXPECT_EQ(PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr), 1) << TakeErrors();
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

TEST_P(ProviderWrapper, LoadsWithoutACommandAndSigns) {
  const PkeyPtr key = LoadPem(library_.get(), pem_);
  ASSERT_NE(key, nullptr) << TakeErrors();
  EXPECT_EQ(PublicDer(key.get()).size(), 91U);
  EXPECT_EQ(Commands(), 0U);
  const Bytes signature = SignMessage(library_.get(), key.get(), "SHA256", "a message");
  EXPECT_TRUE(VerifiesByDefault(key.get(), "SHA256", "a message", signature)) << TakeErrors();
  // From a cold process to the first signature: six commands at most.
  EXPECT_LE(Commands(), 6U);
  const std::size_t after_first = Commands();
  EXPECT_FALSE(SignMessage(library_.get(), key.get(), "SHA256", "another").empty());
  EXPECT_LE(Commands(), after_first + 3);
}

TEST_P(ProviderWrapper, TraceNamesCommandsAndHidesNothingElse) {
  const PkeyPtr key = LoadPem(library_.get(), pem_);
  ASSERT_FALSE(SignMessage(library_.get(), key.get(), "SHA256", "a message").empty()) << TakeErrors();
  EXPECT_EQ(CountTrace("COMPUTE SIGNATURE INIT"), 1U);
  EXPECT_EQ(CountTrace("COMPUTE SIGNATURE UPDATE"), 1U);
}

TEST_P(ProviderWrapper, StandsBesideACertificateInEitherOrder) {
  const PkeyPtr key = LoadPem(library_.get(), pem_);
  const X509Ptr certificate = MakeCertificate(library_.get(), "device", key.get(), nullptr, key.get());
  const BioPtr out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_X509(out.get(), certificate.get()), 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  const std::string certificate_pem(text, static_cast<std::size_t>(size));
  for (const std::string& file :
       {pem_ + certificate_pem, certificate_pem + pem_, "Some text\n" + certificate_pem + pem_}) {
    EXPECT_NE(LoadPem(library_.get(), file), nullptr) << TakeErrors();
    const BioPtr in(BIO_new_mem_buf(file.data(), static_cast<int>(file.size())));
    const X509Ptr read(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    EXPECT_NE(read, nullptr) << TakeErrors();
  }
}

TEST_P(ProviderWrapper, LeavesOtherKeysAlone) {
  const PkeyPtr rsa(EVP_PKEY_Q_keygen(library_.get(), nullptr, "RSA", std::size_t{2048}));
  const PkeyPtr ec(EVP_PKEY_Q_keygen(library_.get(), nullptr, "EC", "P-384"));
  const PkeyPtr ed(EVP_PKEY_Q_keygen(library_.get(), nullptr, "ED25519"));
  for (EVP_PKEY* key : {rsa.get(), ec.get(), ed.get()}) {
    ASSERT_NE(key, nullptr) << TakeErrors();
    const PkeyPtr read = LoadPem(library_.get(), PemOf(key));
    ASSERT_NE(read, nullptr) << TakeErrors();
    EXPECT_EQ(EVP_PKEY_eq(read.get(), key), 1);
  }
  // First come, first served, in both directions.
  const PkeyPtr first = LoadPem(library_.get(), PemOf(ed.get()) + pem_);
  EXPECT_EQ(EVP_PKEY_is_a(first.get(), "ED25519"), 1);
  const PkeyPtr ours = LoadPem(library_.get(), pem_ + PemOf(ed.get()));
  EXPECT_EQ(EVP_PKEY_is_a(ours.get(), "EC"), 1);
}

TEST_P(ProviderWrapper, RefusesDamagedFilesWithAReason) {
  const Bytes der = DerOf(pem_);
  const Bytes cut(der.begin(), der.end() - 1);
  EXPECT_THAT(LoadingError(AsPem(cut)), HasSubstr("key wrapper file is damaged"));
  Bytes flipped = der;
  flipped.at(3) = LowByte(flipped.at(3) ^ 0x80U);
  EXPECT_THAT(LoadingError(AsPem(flipped)), HasSubstr("key wrapper file is damaged"));
  Bytes version = der;
  version.at(4) = 2;
  EXPECT_THAT(LoadingError(AsPem(version)), HasSubstr("version this simroot does not know"));
  Bytes off_curve = der;
  off_curve.back() = LowByte(off_curve.back() ^ 1U);
  EXPECT_THAT(LoadingError(AsPem(off_curve)), HasSubstr("not a point on P-256"));
  EXPECT_THAT(LoadingError(pem_.substr(0, 100)), HasSubstr("damaged"));
  EXPECT_THAT(LoadingError(Replaced(pem_, "SIMROOT PRIVATE KEY", "SIMROOT OTHER KEY")), HasSubstr("unsupported"));
  EXPECT_EQ(Commands(), 0U);
}

TEST_P(ProviderWrapper, FindsOutThatTheSimWasSwapped) {
  const std::string other = MakeCard("other.bin");
  const LibraryPtr library = Load(GetParam(), "card = " + other + "\ncache = off\n");
  const PkeyPtr key = LoadPem(library.get(), pem_);
  ASSERT_NE(key, nullptr) << TakeErrors();
  EXPECT_TRUE(SignMessage(library.get(), key.get(), "SHA256", "a message").empty());
  EXPECT_THAT(TakeErrors(), HasSubstr("wrong key or failed cryptography"));
}

TEST_P(ProviderWrapper, TakesItsCardFromTheFileLast) {
  const LibraryPtr without_card = Load(GetParam(), "cache = off\n");
  PkeyPtr hinted = LoadPem(without_card.get(), WrapperPem(card_uri_, card_uri_));
  EXPECT_FALSE(SignMessage(without_card.get(), hinted.get(), "SHA256", "a message").empty()) << TakeErrors();
  hinted.reset();  // lets go of the card, for the other context
  EXPECT_EQ(LoadPem(without_card.get(), pem_), nullptr);
  EXPECT_THAT(TakeErrors(), HasSubstr("no card is configured"));

  const std::string wrong_hint = "sim:" + directory_.File("nowhere.bin");
  const PkeyPtr configured = LoadPem(library_.get(), WrapperPem(MakeCard("third.bin"), wrong_hint));
  ASSERT_NE(configured, nullptr);
  EXPECT_TRUE(SignMessage(library_.get(), configured.get(), "SHA256", "a message").empty());
  EXPECT_THAT(TakeErrors(), testing::Not(HasSubstr("nowhere.bin")));
}

}  // namespace
}  // namespace simroot::provider_test
