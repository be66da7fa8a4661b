// SPDX-License-Identifier: Apache-2.0
/// A library context with the provider loaded from its shared object, and a virtual card in a file.
#pragma once

#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <vector>

#include "device/provider/openssl_ptr.hpp"
#include "device/provider/wrapper.hpp"

namespace simroot::provider_test {

using provider::BioPtr;
using provider::DigestContextPtr;
using provider::LibraryPtr;
using provider::OpensslFree;
using provider::PkeyContextPtr;
using provider::PkeyPtr;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using StorePtr = std::unique_ptr<OSSL_STORE_CTX, OpensslFree<OSSL_STORE_close>>;
using StoreInfoPtr = std::unique_ptr<OSSL_STORE_INFO, OpensslFree<OSSL_STORE_INFO_free>>;

/// Which provider openssl.cnf names first.
enum class Order { kDefaultFirst, kSimrootFirst };
[[nodiscard]] std::string OrderName(Order order);

/// All errors on the stack of this thread as text, one a line; the stack is empty afterwards.
[[nodiscard]] std::string TakeErrors();

/// A directory that is removed with everything in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string File(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class ProviderTest : public testing::Test {
 protected:
  ProviderTest();
  ~ProviderTest() override;

  /// A new card of the demo profile; returns its URI.
  [[nodiscard]] std::string MakeCard(const std::string& name) const;
  /// Loads both providers into a new context. @param settings lines of the provider's section.
  [[nodiscard]] LibraryPtr Load(Order order, const std::string& settings) const;
  /// The same with the card of this test.
  [[nodiscard]] LibraryPtr Load(Order order) const { return Load(order, "card = " + card_uri_ + "\ncache = off\n"); }

  [[nodiscard]] static PkeyPtr LoadKey(OSSL_LIB_CTX* library, const std::string& uri, const char* properties = nullptr);
  [[nodiscard]] static PkeyPtr LoadPem(OSSL_LIB_CTX* library, const std::string& pem, const char* properties = nullptr);
  /// The wrapper file of private key 01 of the card at `uri`; the card is closed again.
  [[nodiscard]] static std::string WrapperPem(const std::string& uri, const std::string& hint = {});

  /// Commands sent to cards since the test began.
  [[nodiscard]] std::size_t Commands() const { return CountTrace("-> "); }
  [[nodiscard]] std::size_t CountTrace(const std::string& text) const;

  TemporaryDirectory directory_;
  std::string card_uri_;
};

/// The same, run with both orders; `library_` is loaded with the card of the test.
class OrderedProviderTest : public ProviderTest, public testing::WithParamInterface<Order> {
 protected:
  OrderedProviderTest() : library_(Load(GetParam())) {}
  LibraryPtr library_;
};
#define INSTANTIATE_FOR_BOTH_ORDERS(Suite)                                                             \
  INSTANTIATE_TEST_SUITE_P(Orders, Suite, testing::Values(Order::kDefaultFirst, Order::kSimrootFirst), \
                           [](const auto& run) { return OrderName(run.param); })

/// EVP_DigestSign over `message`; empty on failure.
[[nodiscard]] Bytes SignMessage(OSSL_LIB_CTX* library, EVP_PKEY* key, const char* digest, std::string_view message);
/// EVP_DigestVerify by the default provider alone, with the public half of `key`.
[[nodiscard]] bool VerifiesByDefault(EVP_PKEY* key, const char* digest, std::string_view message, ByteView signature);
/// The key as SubjectPublicKeyInfo; empty if it cannot be encoded.
[[nodiscard]] Bytes PublicDer(EVP_PKEY* key);

/// A certificate of `subject_key` with the common name, issued by `issuer` (self-signed if null) with `issuer_key`.
[[nodiscard]] X509Ptr MakeCertificate(OSSL_LIB_CTX* library, const std::string& name, EVP_PKEY* subject_key,
                                      X509* issuer, EVP_PKEY* issuer_key);
[[nodiscard]] Bytes CertificateDer(X509* certificate);
/// Writes a certificate to a file object of the card, which must not be open.
void PutCertificate(const std::string& card_uri, std::uint8_t id, X509* certificate);

}  // namespace simroot::provider_test
