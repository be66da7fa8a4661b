// SPDX-License-Identifier: Apache-2.0
#include "device/x509/certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace simroot::device::x509 {
namespace {

struct Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using CertificatePtr = std::unique_ptr<X509, Free>;
using BioPtr = std::unique_ptr<BIO, Free>;

/// Keeps what fails in here from the caller's OpenSSL error queue.
class ErrorMark {
 public:
  ErrorMark() { ERR_set_mark(); }
  ~ErrorMark() { ERR_pop_to_mark(); }
  ErrorMark(const ErrorMark&) = delete;
  ErrorMark& operator=(const ErrorMark&) = delete;
};

[[nodiscard]] CertificatePtr Parse(ByteView content) {
  const unsigned char* end = content.data();
  CertificatePtr certificate(d2i_X509(nullptr, &end, static_cast<long>(content.size())));
  if (certificate && end == content.data() + content.size()) {
    return certificate;
  }
  const BioPtr bio(BIO_new_mem_buf(content.data(), static_cast<int>(content.size())));
  std::string no_password;  // else OpenSSL would ask on the terminal
  return CertificatePtr(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, no_password.data()) : nullptr);
}

}  // namespace

Result<Bytes> CertificateIn(ByteView content, const std::string& where) {
  const ErrorMark mark;
  const CertificatePtr certificate = content.empty() ? nullptr : Parse(content);
  const int size = certificate ? i2d_X509(certificate.get(), nullptr) : 0;
  if (size <= 0) {
    return Fail(ErrorDomain::kProtocol, where + (content.empty() ? " is empty" : " does not hold an X.509 certificate"),
                "put one there, in DER or PEM, or read the file as it is");
  }
  Bytes der(static_cast<std::size_t>(size));
  unsigned char* start = der.data();
  static_cast<void>(i2d_X509(certificate.get(), &start));
  return der;
}

}  // namespace simroot::device::x509
