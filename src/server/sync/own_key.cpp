// SPDX-License-Identifier: Apache-2.0
#include "server/sync/own_key.hpp"

#include <ctime>

#include "common/crypto/openssl/backend.hpp"
#include "common/crypto/openssl/x509_handles.hpp"

namespace simroot::server {
namespace {

using crypto::BioPtr;
using crypto::ErrorScope;
using crypto::EvpPkey;
using crypto::RequestPtr;
using crypto::X509Ptr;

constexpr std::string_view kKeyBegin = "-----BEGIN PRIVATE KEY-----";
constexpr std::string_view kKeyEnd = "-----END PRIVATE KEY-----\n";

/// Without it OpenSSL would ask on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

[[nodiscard]] tl::unexpected<Error> OpenSslCannot(const std::string& doing) {
  return Fail(ErrorDomain::kCrypto, "OpenSSL cannot " + doing, "check that OpenSSL 3 with its default provider works");
}

[[nodiscard]] OSSL_LIB_CTX* Library() {
  const crypto::Backend* const backend = crypto::Backend::Get();
  return backend == nullptr ? nullptr : backend->context();
}

[[nodiscard]] ByteView WrittenTo(BIO* memory) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(memory, &start);
  return {reinterpret_cast<const std::uint8_t*>(start), static_cast<std::size_t>(std::max(size, 0L))};
}

[[nodiscard]] BioPtr ReadingFrom(ByteView bytes) {
  return BioPtr(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

[[nodiscard]] EvpPkey ReadKey(const SecretBytes& pem) {
  const BioPtr source = ReadingFrom(pem.Reveal(InsecureReveal::kForCrypto));
  return EvpPkey(source == nullptr
                     ? nullptr
                     : PEM_read_bio_PrivateKey_ex(source.get(), nullptr, NoPassword, nullptr, Library(), nullptr));
}

[[nodiscard]] UnixTime ToUnixTime(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : 0;
}

}  // namespace

Result<SecretBytes> MakeKey() {
  const ErrorScope errors;
  const EvpPkey key(Library() == nullptr ? nullptr : EVP_PKEY_Q_keygen(Library(), nullptr, "EC", "P-256"));
  const BioPtr memory(BIO_new(BIO_s_mem()));  // memory BIOs wipe what they free
  if (!key || !memory ||
      PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslCannot("make a key");
  }
  return SecretBytes(WrittenTo(memory.get()));
}

Result<std::string> MakeRequest(const SecretBytes& pem) {
  const ErrorScope errors;
  const EvpPkey key = ReadKey(pem);
  const RequestPtr request(X509_REQ_new_ex(Library(), nullptr));
  const BioPtr memory(BIO_new(BIO_s_mem()));
  constexpr std::string_view kName = "application server";
  if (!key || !request || !memory || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request.get()), NID_commonName, MBSTRING_ASC,
                                 AsBytes(kName).data(), static_cast<int>(kName.size()), -1, 0) != 1 ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) <= 0 ||
      PEM_write_bio_X509_REQ(memory.get(), request.get()) != 1) {
    return OpenSslCannot("make a certificate request with this server's key");
  }
  return std::string(AsText(WrittenTo(memory.get())));
}

Result<OwnCertificate> ReadOwnCertificate(std::string_view pem, const SecretBytes& key_pem) {
  const ErrorScope errors;
  const EvpPkey key = ReadKey(key_pem);
  const BioPtr source = ReadingFrom(AsBytes(pem));
  const X509Ptr certificate(source == nullptr ? nullptr
                                              : PEM_read_bio_X509(source.get(), nullptr, NoPassword, nullptr));
  if (!key || !certificate || X509_check_private_key(certificate.get(), key.get()) != 1) {
    return Fail(ErrorDomain::kCrypto, "there is no certificate that belongs to this server's key");
  }
  OwnCertificate own;
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate.get(), &der);
  if (size > 0) {
    const ByteView view(der, static_cast<std::size_t>(size));
    own.der.assign(view.begin(), view.end());
    OPENSSL_free(der);
  }
  own.not_before = ToUnixTime(X509_get0_notBefore(certificate.get()));
  own.not_after = ToUnixTime(X509_get0_notAfter(certificate.get()));
  if (own.der.empty() || own.not_after == 0) {
    return Fail(ErrorDomain::kCrypto, "the certificate of this server has no times that can be read");
  }
  return own;
}

SecretBytes FindKey(ByteView pem) {
  const std::string_view text = AsText(pem);
  const std::size_t begin = text.find(kKeyBegin);
  const std::size_t end = begin == std::string_view::npos ? begin : text.find(kKeyEnd, begin);
  return end == std::string_view::npos ? SecretBytes()
                                       : SecretBytes(AsBytes(text.substr(begin, end + kKeyEnd.size() - begin)));
}

}  // namespace simroot::server
