// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/import.hpp"

#include "platform/authority/authority.hpp"
#include "platform/authority/ca_store.hpp"
#include "platform/authority/pem.hpp"

namespace simroot::platform {
namespace {

tl::unexpected<Failure> CannotImport(const std::string& why, const std::string& next = {}) {
  return Refuse(FailureKind::kInvalid, "this CA cannot be imported: " + why, next);
}

Outcome<void> CheckIsCa(X509* certificate, UnixTime now) {
  // 1: a CA of version 3. Self-signed certificates of version 1 and the like are not taken for one.
  if (X509_check_ca(certificate) != 1) {
    return CannotImport("the first certificate is no CA", "put the CA's own certificate first");
  }
  const std::uint32_t usage = X509_get_key_usage(certificate);
  if ((usage & KU_KEY_CERT_SIGN) == 0 || (usage & KU_CRL_SIGN) == 0) {
    return CannotImport("its certificate does not let it sign certificates and CRLs",
                        "have it issued with keyCertSign and cRLSign");
  }
  SR_TRY(const UnixTime not_before, TimeOf(X509_get0_notBefore(certificate)));
  SR_TRY(const UnixTime not_after, TimeOf(X509_get0_notAfter(certificate)));
  if (now < not_before || now >= not_after) {
    return CannotImport(now < not_before ? "its time has not begun" : "its time is over");
  }
  return {};
}

/// Every certificate is signed by the next one.
Outcome<void> CheckChain(const std::vector<X509Ptr>& certificates) {
  for (auto lower = certificates.begin(), upper = std::next(lower); upper != certificates.end(); ++lower, ++upper) {
    EVP_PKEY* const key = X509_get0_pubkey(upper->get());
    if (X509_check_ca(upper->get()) != 1 || X509_check_issued(upper->get(), lower->get()) != X509_V_OK ||
        key == nullptr || X509_verify(lower->get(), key) != 1) {
      return CannotImport("its chain does not hold together",
                          "order the certificates so that each is signed by the one after it");
    }
  }
  return {};
}

}  // namespace

Outcome<ImportedCa> CheckImport(std::string_view certificates, ByteView private_key, UnixTime now) {
  const ErrorScope errors;
  SR_TRY(const std::vector<X509Ptr> chain, ReadPemCertificates(certificates));
  ImportedCa imported;
  SR_TRY(imported.key, ReadPemKey(private_key));
  X509* const own = chain.front().get();
  const EVP_PKEY* const public_half = X509_get0_pubkey(own);
  if (public_half == nullptr || EVP_PKEY_eq(public_half, imported.key.get()) != 1) {
    return CannotImport("certificate and private key do not belong together");
  }
  SR_TRY_VOID(CheckIsCa(own, now));
  if (EVP_PKEY_up_ref(imported.key.get()) != 1) {
    return OpenSslCannot("keep the key of a CA");
  }
  SR_TRY_VOID(SigningKey::Make(EvpPkey(imported.key.get())));
  SR_TRY_VOID(CheckChain(chain));
  imported.certificate = EncodeDer(own, i2d_X509);
  for (auto above = std::next(chain.begin()); above != chain.end(); ++above) {
    if (X509_self_signed(above->get(), 0) != 1) {
      imported.chain += CertificateToPem(EncodeDer(above->get(), i2d_X509));
    }
  }
  return imported;
}

}  // namespace simroot::platform
