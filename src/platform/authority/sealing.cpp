// SPDX-License-Identifier: Apache-2.0
// CMS for the holder of a certificate. AuthEnvelopedData (RFC 5083) with AES-256-GCM: what was changed on its way does
// not open. crypto::CmsOpener opens it.
#include <openssl/rsa.h>

#include "platform/authority/authority.hpp"
#include "platform/authority/sealer.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMaxPlain = 64 * 1024;

/// Adds the holder with parameters of today: OpenSSL's own are PKCS#1 v1.5 and SHA-1.
bool AddRecipient(CMS_ContentInfo* cms, X509* certificate) {
  CMS_RecipientInfo* const recipient = CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
  EVP_PKEY_CTX* const context = recipient != nullptr ? CMS_RecipientInfo_get0_pkey_ctx(recipient) : nullptr;
  if (context == nullptr) {
    return false;
  }
  if (CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_AGREE) {
    return EVP_PKEY_CTX_set_ecdh_kdf_md(context, EVP_sha256()) == 1;
  }
  return CMS_RecipientInfo_type(recipient) == CMS_RECIPINFO_TRANS &&
         EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1;
}

}  // namespace

Outcome<Sealer> Sealer::For(ByteView certificate) {
  const ErrorScope errors;
  SR_TRY(X509Ptr holder, ParseCertificate(certificate));
  return Sealer(std::move(holder));
}

Outcome<Bytes> Sealer::Seal(ByteView plain) const {
  const ErrorScope errors;
  if (plain.size() > kMaxPlain) {
    return Refuse(FailureKind::kInvalid,
                  "a value of " + std::to_string(plain.size()) + " bytes is too long to be sealed");
  }
  const CmsPtr cms(CMS_AuthEnvelopedData_create(EVP_aes_256_gcm()));
  const BioPtr source = ReadingFrom(plain);
  if (!cms || !source || CMS_set_detached(cms.get(), 0) != 1 || !AddRecipient(cms.get(), holder_.get()) ||
      CMS_final(cms.get(), source.get(), nullptr, CMS_BINARY) != 1) {
    return OpenSslCannot("seal for that certificate");
  }
  Bytes sealed = EncodeDer(cms.get(), i2d_CMS_ContentInfo);
  if (sealed.empty()) {
    return OpenSslCannot("encode a sealed value");
  }
  return sealed;
}

Outcome<Bytes> SealForCertificate(ByteView certificate, ByteView plain) {
  SR_TRY(const Sealer sealer, Sealer::For(certificate));
  return sealer.Seal(plain);
}

}  // namespace simroot::platform
