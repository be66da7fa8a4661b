// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {

tl::unexpected<Failure> OpenSslCannot(const std::string& doing) {
  const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
  return Refuse(FailureKind::kInternal,
                "OpenSSL cannot " + doing + (reason != nullptr ? std::string(": ") + reason : std::string()));
}

Outcome<X509Ptr> ParseCertificate(ByteView der) {
  auto certificate = DecodeDer<X509Ptr>(der, d2i_X509);
  if (!certificate) {
    return Refuse(FailureKind::kInvalid, "this is no X.509 certificate in DER");
  }
  return certificate;
}

BioPtr ReadingFrom(ByteView bytes) {
  static constexpr std::uint8_t kNothing = 0;  // OpenSSL takes no null pointer for no bytes
  return BioPtr(BIO_new_mem_buf(bytes.empty() ? &kNothing : bytes.data(), static_cast<int>(bytes.size())));
}

ByteView WrittenTo(BIO* memory) {
  char* start = nullptr;
  const long size = BIO_get_mem_data(memory, &start);
  return {reinterpret_cast<const std::uint8_t*>(start), static_cast<std::size_t>(std::max(size, 0L))};
}

}  // namespace simroot::platform
