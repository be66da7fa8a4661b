// SPDX-License-Identifier: Apache-2.0
#include "common/crypto/openssl/cms_opener.hpp"

#include "common/crypto/openssl/backend.hpp"

namespace simroot::crypto {
namespace {

constexpr std::size_t kMaxSealed = 256UL * 1024;

/// Without it OpenSSL would ask on the terminal.
int NoPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

/// What a d2i function reads into `object`, if it is all of `der`; otherwise nothing. OpenSSL frees what it cannot fill
/// and says so by a null pointer.
template <typename Owner, typename T, typename Decode>
[[nodiscard]] Owner ReadInto(T* object, ByteView der, Decode decode) {
  const unsigned char* end = der.data();
  const bool read = object != nullptr && decode(&object, &end, static_cast<long>(der.size())) != nullptr;
  Owner owner(object);
  return read && end == der.data() + der.size() ? std::move(owner) : nullptr;
}

[[nodiscard]] tl::unexpected<Error> CannotOpen() {
  return Fail(ErrorDomain::kCrypto, "this is not sealed for that key, or it is damaged");
}

}  // namespace

Result<CmsOpener> CmsOpener::Create(ByteView certificate, ByteView private_key_pem) {
  const ErrorScope errors;
  const Backend* const backend = Backend::Get();
  if (backend == nullptr) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL has no default provider", "check its installation");
  }
  auto holder = ReadInto<X509Ptr>(X509_new_ex(backend->context(), nullptr), certificate, d2i_X509);
  if (!holder) {
    return Fail(ErrorDomain::kUsage, "this is no X.509 certificate in DER");
  }
  const BioPtr source(BIO_new_mem_buf(private_key_pem.data(), static_cast<int>(private_key_pem.size())));
  EvpPkey key(source == nullptr ? nullptr
                                : PEM_read_bio_PrivateKey_ex(source.get(), nullptr, NoPassword, nullptr,
                                                             backend->context(), nullptr));
  if (!key || X509_check_private_key(holder.get(), key.get()) != 1) {
    return Fail(ErrorDomain::kUsage, "there is no private key in PEM that belongs to the certificate");
  }
  return CmsOpener(std::move(holder), std::move(key));
}

Result<SecretBytes> CmsOpener::Open(ByteView sealed) const {
  const ErrorScope errors;
  if (sealed.size() > kMaxSealed) {
    return CannotOpen();
  }
  const auto cms =
      ReadInto<CmsPtr>(CMS_ContentInfo_new_ex(Backend::Get()->context(), nullptr), sealed, d2i_CMS_ContentInfo);
  if (!cms || OBJ_obj2nid(CMS_get0_type(cms.get())) != NID_id_smime_ct_authEnvelopedData) {
    return CannotOpen();
  }
  const BioPtr plain(BIO_new(BIO_s_mem()));  // memory BIOs wipe what they free
  if (!plain || CMS_decrypt(cms.get(), key_.get(), certificate_.get(), nullptr, plain.get(), CMS_BINARY) != 1) {
    return CannotOpen();
  }
  char* start = nullptr;
  const long size = BIO_get_mem_data(plain.get(), &start);
  return SecretBytes({reinterpret_cast<const std::uint8_t*>(start), static_cast<std::size_t>(std::max(size, 0L))});
}

}  // namespace simroot::crypto
