// SPDX-License-Identifier: Apache-2.0
#include "provider_fixture.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "card/host/virtual_card.hpp"

namespace simroot::provider_test {

std::string OrderName(Order order) {
  return order == Order::kDefaultFirst ? "DefaultFirst" : "SimrootFirst";
}

std::string TakeErrors() {
  std::string text;
  ERR_print_errors_cb(
      [](const char* line, std::size_t size, void* out) {
        static_cast<std::string*>(out)->append(line, size);
        return 1;
      },
      &text);
  return text;
}

TemporaryDirectory::TemporaryDirectory() {
  path_ = testing::TempDir() + "simroot-provider-XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) {
    throw std::runtime_error("cannot make a directory like " + path_);
  }
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

ProviderTest::ProviderTest() {
  ::unsetenv("SIMROOT_CARD");
  ::setenv("SIMROOT_TRACE", directory_.File("trace").c_str(), 1);
  ::setenv("SIMROOT_CACHE", directory_.File("cache").c_str(), 1);
  ::setenv("XDG_RUNTIME_DIR", directory_.File("run").c_str(), 1);
  card_uri_ = MakeCard("card.bin");
  ERR_clear_error();
}

ProviderTest::~ProviderTest() {
  ::unsetenv("SIMROOT_CARD");
}

std::string ProviderTest::MakeCard(const std::string& name) const {
  const std::string file = directory_.File(name);
  const auto made = card::CreateCard(file, {});
  EXPECT_TRUE(made) << made.error().Text();
  return "sim:" + file;
}

LibraryPtr ProviderTest::Load(Order order, const std::string& settings) const {
  const std::string config = directory_.File("openssl.cnf");
  const char* const providers =
      order == Order::kDefaultFirst ? "default = base\nsimroot = sim\n" : "simroot = sim\ndefault = base\n";
  std::ofstream(config) << "openssl_conf = init\n[init]\nproviders = list\n[list]\n"
                        << providers << "[base]\nactivate = 1\n[sim]\nmodule = " SIMROOT_PROVIDER_FILE
                        << "\nactivate = 1\n"
                        << settings;
  LibraryPtr library(OSSL_LIB_CTX_new());
  EXPECT_EQ(OSSL_LIB_CTX_load_config(library.get(), config.c_str()), 1) << TakeErrors();
  EXPECT_EQ(OSSL_PROVIDER_available(library.get(), "simroot"), 1) << TakeErrors();
  return library;
}

PkeyPtr ProviderTest::LoadKey(OSSL_LIB_CTX* library, const std::string& uri, const char* properties) {
  const StorePtr store(
      OSSL_STORE_open_ex(uri.c_str(), library, properties, nullptr, nullptr, nullptr, nullptr, nullptr));
  if (store == nullptr || OSSL_STORE_expect(store.get(), OSSL_STORE_INFO_PKEY) != 1) {
    return nullptr;
  }
  const StoreInfoPtr info(OSSL_STORE_load(store.get()));
  return PkeyPtr(info != nullptr ? OSSL_STORE_INFO_get1_PKEY(info.get()) : nullptr);
}

PkeyPtr ProviderTest::LoadPem(OSSL_LIB_CTX* library, const std::string& pem, const char* properties) {
  const BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return PkeyPtr(PEM_read_bio_PrivateKey_ex(bio.get(), nullptr, nullptr, nullptr, library, properties));
}

std::string ProviderTest::WrapperPem(const std::string& uri, const std::string& hint) {
  device::CardOptions options;
  options.uri = *device::ParseCardUri(uri);
  options.use_cache = false;
  const auto name = *device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, "01");
  const auto point = device::Key(device::Card::Create(options), name).PublicKey();
  EXPECT_TRUE(point) << point.error().Text();
  return point ? device::EncodeWrapper({name, *point, hint}) : "";
}

std::size_t ProviderTest::CountTrace(const std::string& text) const {
  std::ifstream file(directory_.File("trace"));
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    count += line.find(text) != std::string::npos ? 1 : 0;
  }
  return count;
}

Bytes SignMessage(OSSL_LIB_CTX* library, EVP_PKEY* key, const char* digest, std::string_view message) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  const ByteView bytes = AsBytes(message);
  std::size_t size = 0;
  if (EVP_DigestSignInit_ex(context.get(), nullptr, digest, library, nullptr, key, nullptr) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes.data(), bytes.size()) != 1) {
    return {};
  }
  Bytes signature(size);
  if (EVP_DigestSign(context.get(), signature.data(), &size, bytes.data(), bytes.size()) != 1) {
    return {};
  }
  signature.resize(size);
  return signature;
}

Bytes PublicDer(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  const Bytes bytes(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return bytes;
}

bool VerifiesByDefault(EVP_PKEY* key, const char* digest, std::string_view message, ByteView signature) {
  const Bytes der = PublicDer(key);
  const unsigned char* cursor = der.data();
  const LibraryPtr plain(OSSL_LIB_CTX_new());
  const PkeyPtr copy(d2i_PUBKEY_ex(nullptr, &cursor, static_cast<long>(der.size()), plain.get(), nullptr));
  const DigestContextPtr context(EVP_MD_CTX_new());
  const ByteView bytes = AsBytes(message);
  return copy != nullptr &&
         EVP_DigestVerifyInit_ex(context.get(), nullptr, digest, plain.get(), nullptr, copy.get(), nullptr) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), bytes.data(), bytes.size()) == 1;
}

X509Ptr MakeCertificate(OSSL_LIB_CTX* library, const std::string& name, EVP_PKEY* subject_key, X509* issuer,
                        EVP_PKEY* issuer_key) {
  X509Ptr certificate(X509_new_ex(library, nullptr));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1 + static_cast<long>(name.size()));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  const ByteView text = AsBytes(name);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text.data(), static_cast<int>(text.size()), -1, 0);
  X509_set_issuer_name(certificate.get(), issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  X509_set_pubkey(certificate.get(), subject_key);
  X509_EXTENSION* const basic = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints,
                                                    issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  X509_add_ext(certificate.get(), basic, -1);
  X509_EXTENSION_free(basic);
  const std::unique_ptr<EVP_MD, OpensslFree<EVP_MD_free>> sha256(EVP_MD_fetch(library, "SHA256", nullptr));
  EXPECT_GT(X509_sign(certificate.get(), issuer_key, sha256.get()), 0) << TakeErrors();
  // As a program reads it from a file: without the reference to the key that made it, which would keep the card open.
  const Bytes der = CertificateDer(certificate.get());
  const unsigned char* cursor = der.data();
  X509* read = X509_new_ex(library, nullptr);
  return X509Ptr(d2i_X509(&read, &cursor, static_cast<long>(der.size())));
}

Bytes CertificateDer(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  const Bytes bytes(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return bytes;
}

void PutCertificate(const std::string& card_uri, std::uint8_t id, X509* certificate) {
  const std::array name{id};
  const auto put = card::PutFile(card_uri.substr(std::string("sim:").size()),
                                 {iotsafe::ObjectClass::kFile, false, name}, CertificateDer(certificate));
  ASSERT_TRUE(put) << put.error().Text();
}

}  // namespace simroot::provider_test
