// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/pem.hpp"

#include "platform/authority/authority.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMaxCertificates = 16;

/// Without it OpenSSL would ask on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

}  // namespace

Outcome<std::vector<X509Ptr>> ReadPemCertificates(std::string_view text) {
  const ErrorScope errors;
  const BioPtr source = ReadingFrom(AsBytes(text));
  std::vector<X509Ptr> certificates;
  for (;;) {
    X509Ptr certificate(PEM_read_bio_X509(source.get(), nullptr, NoPassword, nullptr));
    if (!certificate) {
      break;
    }
    certificates.push_back(std::move(certificate));
    if (certificates.size() > kMaxCertificates) {
      return Refuse(FailureKind::kInvalid, "there are more than " + std::to_string(kMaxCertificates) + " certificates");
    }
  }
  const bool is_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (certificates.empty() || !is_end) {
    return Refuse(FailureKind::kInvalid,
                  certificates.empty() ? "there is no certificate in PEM" : "a certificate in PEM is damaged");
  }
  return certificates;
}

Outcome<EvpPkey> ReadPemKey(ByteView text) {
  const ErrorScope errors;
  const BioPtr source = ReadingFrom(text);
  EvpPkey key(PEM_read_bio_PrivateKey(source.get(), nullptr, NoPassword, nullptr));
  if (!key) {
    return Refuse(FailureKind::kInvalid, "there is no private key in PEM, or it is enciphered",
                  "decipher it first, for example with `openssl pkey -in KEY -out CLEAR`");
  }
  return key;
}

Outcome<SecretBytes> WritePemKey(EVP_PKEY* key) {
  const ErrorScope errors;
  // Memory BIOs wipe what they free.
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (!memory || PEM_write_bio_PKCS8PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return OpenSslCannot("write a private key");
  }
  return SecretBytes(WrittenTo(memory.get()));
}

std::string CertificateToPem(ByteView der) {
  const ErrorScope errors;
  const BioPtr memory(BIO_new(BIO_s_mem()));
  if (!memory || PEM_write_bio(memory.get(), PEM_STRING_X509, "", der.data(), static_cast<long>(der.size())) <= 0) {
    return {};
  }
  return std::string(AsText(WrittenTo(memory.get())));
}

}  // namespace simroot::platform
