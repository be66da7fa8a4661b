// SPDX-License-Identifier: Apache-2.0
/// Objects of the card by URI, settings, and what is said when something is not there.
#include <openssl/err.h>

#include <cstdlib>

#include "provider_fixture.hpp"

namespace simroot::provider_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ProviderStore : public OrderedProviderTest {
 protected:
  /// Types of all objects of a URI, until the end. @param expected 0 for no expectation.
  std::vector<int> TypesOf(const std::string& uri, int expected = 0) {
    const StorePtr store(
        OSSL_STORE_open_ex(uri.c_str(), library_.get(), nullptr, nullptr, nullptr, nullptr, nullptr, nullptr));
    if (store == nullptr || (expected != 0 && OSSL_STORE_expect(store.get(), expected) != 1)) {
      return {-1};
    }
    std::vector<int> types;
    while (OSSL_STORE_eof(store.get()) == 0) {
      if (const StoreInfoPtr info(OSSL_STORE_load(store.get())); info != nullptr) {
        types.push_back(OSSL_STORE_INFO_get_type(info.get()));
      }
    }
    return types;
  }

  /// Puts a certificate of key 01 into file `id`; nothing of the card is open afterwards.
  void GiveCertificate(std::uint8_t id) {
    X509Ptr certificate;
    {
      const PkeyPtr key = LoadKey(library_.get(), "iotsafe:01");
      ASSERT_NE(key, nullptr) << TakeErrors();
      certificate = MakeCertificate(library_.get(), "device", key.get(), nullptr, key.get());
    }
    PutCertificate(card_uri_, id, certificate.get());
  }

  std::string ErrorOf(const std::string& uri, int expected = OSSL_STORE_INFO_PKEY) {
    ERR_clear_error();
    EXPECT_THAT(TypesOf(uri, expected), testing::AnyOf(ElementsAre(), ElementsAre(-1)));
    return TakeErrors();
  }
};
INSTANTIATE_FOR_BOTH_ORDERS(ProviderStore);

TEST_P(ProviderStore, GivesWhatIsExpected) {
  GiveCertificate(2);
  EXPECT_THAT(TypesOf("iotsafe:01", OSSL_STORE_INFO_PKEY), ElementsAre(OSSL_STORE_INFO_PKEY));
  EXPECT_THAT(TypesOf("iotsafe:01", OSSL_STORE_INFO_PUBKEY), ElementsAre(OSSL_STORE_INFO_PUBKEY));
  EXPECT_THAT(TypesOf("iotsafe:02", OSSL_STORE_INFO_CERT), ElementsAre(OSSL_STORE_INFO_CERT));
  EXPECT_THAT(TypesOf("iotsafe:01", OSSL_STORE_INFO_CRL), ElementsAre());
}

TEST_P(ProviderStore, GivesWhatTheTypeSays) {
  GiveCertificate(2);
  EXPECT_THAT(TypesOf("iotsafe:id=01;type=private"), ElementsAre(OSSL_STORE_INFO_PKEY));
  EXPECT_THAT(TypesOf("iotsafe:id=01;type=public"), ElementsAre(OSSL_STORE_INFO_PUBKEY));
  EXPECT_THAT(TypesOf("iotsafe:id=02;type=cert"), ElementsAre(OSSL_STORE_INFO_CERT));
  EXPECT_THAT(TypesOf("iotsafe:01;type=private", OSSL_STORE_INFO_PUBKEY), ElementsAre(OSSL_STORE_INFO_PUBKEY));
  EXPECT_THAT(TypesOf("iotsafe:01;type=private", OSSL_STORE_INFO_CERT), ElementsAre());
}

TEST_P(ProviderStore, GivesWhatIsThereWithoutExpectation) {
  GiveCertificate(2);
  EXPECT_THAT(TypesOf("iotsafe:01"), ElementsAre(OSSL_STORE_INFO_PKEY));
  EXPECT_THAT(TypesOf("iotsafe:02"), ElementsAre(OSSL_STORE_INFO_CERT));
}

TEST_P(ProviderStore, SaysWhatIsMissing) {
  EXPECT_THAT(ErrorOf("iotsafe:77"), HasSubstr("private key 77 does not exist on " + card_uri_));
  EXPECT_THAT(ErrorOf("iotsafe:77;type=public", 0), HasSubstr("public key 77 does not exist"));
  EXPECT_THAT(ErrorOf("iotsafe:77", OSSL_STORE_INFO_CERT), HasSubstr("file 77 does not exist"));
  EXPECT_THAT(ErrorOf("iotsafe:02", OSSL_STORE_INFO_CERT), HasSubstr("file 02"));
  EXPECT_THAT(ErrorOf("iotsafe:label=nobody"), HasSubstr("\"nobody\" does not exist"));
}

TEST_P(ProviderStore, SaysWhatIsWrongWithAUri) {
  EXPECT_THAT(ErrorOf("iotsafe:"), HasSubstr("use iotsafe:01"));
  EXPECT_THAT(ErrorOf("iotsafe:01;type=crl"), HasSubstr("use iotsafe:01"));
  EXPECT_THAT(ErrorOf("iotsafe:01?reader=1"), HasSubstr("use iotsafe:01"));
}

TEST_P(ProviderStore, SaysThatTheCardIsMissing) {
  EXPECT_THAT(ErrorOf("iotsafe:01?card=sim:" + directory_.File("nowhere.bin")), HasSubstr("nowhere.bin"));
  EXPECT_THAT(ErrorOf("iotsafe:01?card=nonsense"), HasSubstr("nonsense"));
}

TEST_P(ProviderStore, TakesTheCardOfTheUriFirst) {
  const std::string other = MakeCard("other.bin");
  const PkeyPtr own = LoadKey(library_.get(), "iotsafe:01");
  const PkeyPtr foreign = LoadKey(library_.get(), "iotsafe:01?card=" + other);
  ASSERT_NE(own, nullptr) << TakeErrors();
  ASSERT_NE(foreign, nullptr) << TakeErrors();
  EXPECT_EQ(EVP_PKEY_eq(own.get(), foreign.get()), 0);
}

TEST_P(ProviderStore, TakesTheEnvironmentBeforeTheSection) {
  const PkeyPtr own = LoadKey(library_.get(), "iotsafe:01");
  const std::string other = MakeCard("other.bin");
  ::setenv("SIMROOT_CARD", other.c_str(), 1);
  const LibraryPtr library = Load(GetParam());
  const PkeyPtr from_environment = LoadKey(library.get(), "iotsafe:01");
  ASSERT_NE(from_environment, nullptr) << TakeErrors();
  EXPECT_EQ(PublicDer(from_environment.get()) == PublicDer(own.get()), false);
}

TEST_P(ProviderStore, TellsAboutAWrongSettingWhenACardIsWanted) {
  for (const char* timeout : {"0", "601", "ten", "5s", "-1"}) {
    const LibraryPtr library = Load(GetParam(), "card = " + card_uri_ + "\ntimeout = " + timeout + "\n");
    // Programs that want no card are not bothered.
    EXPECT_NE(PkeyPtr(EVP_PKEY_Q_keygen(library.get(), nullptr, "EC", "P-256")), nullptr);
    EXPECT_EQ(LoadKey(library.get(), "iotsafe:01"), nullptr);
    EXPECT_THAT(TakeErrors(), HasSubstr("whole seconds from 1 to 600")) << timeout;
  }
  const LibraryPtr library = Load(GetParam(), "card = " + card_uri_ + "\ncache = off\ntimeout = 600\n");
  EXPECT_NE(LoadKey(library.get(), "iotsafe:01"), nullptr) << TakeErrors();
}

TEST_P(ProviderStore, TellsAboutATraceFileThatCannotBeOpened) {
  ::setenv("SIMROOT_TRACE", directory_.File("no/such/directory").c_str(), 1);
  const LibraryPtr library = Load(GetParam());
  EXPECT_EQ(LoadKey(library.get(), "iotsafe:01"), nullptr);
  EXPECT_THAT(TakeErrors(), HasSubstr("set SIMROOT_TRACE to a file that can be written"));
}

TEST_P(ProviderStore, OffersNeitherRandomNumbersNorDigests) {
  const std::unique_ptr<EVP_RAND, OpensslFree<EVP_RAND_free>> random(
      EVP_RAND_fetch(library_.get(), "CTR-DRBG", "provider=simroot"));
  const std::unique_ptr<EVP_MD, OpensslFree<EVP_MD_free>> digest(
      EVP_MD_fetch(library_.get(), "SHA256", "provider=simroot"));
  const std::unique_ptr<EVP_CIPHER, OpensslFree<EVP_CIPHER_free>> cipher(
      EVP_CIPHER_fetch(library_.get(), "AES-128-GCM", "provider=simroot"));
  EXPECT_EQ(random, nullptr);
  EXPECT_EQ(digest, nullptr);
  EXPECT_EQ(cipher, nullptr);
  ERR_clear_error();
}

}  // namespace
}  // namespace simroot::provider_test
