// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/certificate_x509.hpp"

#include "platform/authority/public_key.hpp"

namespace simroot::platform {
namespace {

using BitStringPtr = std::unique_ptr<ASN1_BIT_STRING, FreeWith<ASN1_BIT_STRING_free>>;
using OctetStringPtr = std::unique_ptr<ASN1_OCTET_STRING, FreeWith<ASN1_OCTET_STRING_free>>;
using AuthorityKeyPtr = std::unique_ptr<AUTHORITY_KEYID, FreeWith<AUTHORITY_KEYID_free>>;
using PurposesPtr = std::unique_ptr<EXTENDED_KEY_USAGE, FreeWith<EXTENDED_KEY_USAGE_free>>;
using PointsPtr = std::unique_ptr<CRL_DIST_POINTS, FreeWith<CRL_DIST_POINTS_free>>;
using AccessPtr = std::unique_ptr<AUTHORITY_INFO_ACCESS, FreeWith<AUTHORITY_INFO_ACCESS_free>>;

// Bits of KeyUsage as OpenSSL counts them (RFC 5280 4.2.1.3).
constexpr int kDigitalSignatureBit = 0;
constexpr int kKeyAgreementBit = 4;
constexpr int kKeyCertSignBit = 5;
constexpr int kCrlSignBit = 6;

/// Builds one certificate; the first failure is remembered and ends the work.
class Builder {
 public:
  Builder() : certificate_(X509_new()), ok_(certificate_ != nullptr) {}

  void Require(bool done) { ok_ = ok_ && done; }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] X509* get() const { return certificate_.get(); }

  template <typename T>
  void Extend(int nid, const T& value, bool critical) {
    Require(value && X509_add1_ext_i2d(get(), nid, value.get(), critical ? 1 : 0, X509V3_ADD_DEFAULT) == 1);
  }

  void SetContent(const CertificateContent& content, EVP_PKEY* key) {
    const crypto::SecretBignum number(
        BN_bin2bn(content.serial.data(), static_cast<int>(content.serial.size()), nullptr));
    const auto name = DecodeDer<NamePtr>(content.subject, d2i_X509_NAME);
    Require(number && name && X509_set_version(get(), X509_VERSION_3) == 1 &&
            BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(get())) != nullptr &&
            ASN1_TIME_set(X509_getm_notBefore(get()), content.not_before) != nullptr &&
            ASN1_TIME_set(X509_getm_notAfter(get()), content.not_after) != nullptr &&
            X509_set_subject_name(get(), name.get()) == 1 && X509_set_pubkey(get(), key) == 1);
  }

  void AddUsage(const ExtensionPlan& plan) {
    const BasicConstraintsPtr constraints(BASIC_CONSTRAINTS_new());
    if (constraints && plan.is_ca) {
      constraints->ca = 0xFF;
      constraints->pathlen = ASN1_INTEGER_new();
      Require(constraints->pathlen != nullptr && ASN1_INTEGER_set(constraints->pathlen, plan.path_length) == 1);
    }
    Extend(NID_basic_constraints, constraints, true);
    const BitStringPtr usage(ASN1_BIT_STRING_new());
    const auto set = [&](int bit, bool value) {
      Require(usage && (!value || ASN1_BIT_STRING_set_bit(usage.get(), bit, 1) == 1));
    };
    set(kDigitalSignatureBit, !plan.is_ca);
    set(kKeyAgreementBit, plan.key_agreement);
    set(kKeyCertSignBit, plan.is_ca);
    set(kCrlSignBit, plan.is_ca);
    Extend(NID_key_usage, usage, true);
    if (plan.client_auth || plan.server_auth) {
      const PurposesPtr purposes(sk_ASN1_OBJECT_new_null());
      const auto add = [&](int nid, bool value) {
        Require(purposes && (!value || sk_ASN1_OBJECT_push(purposes.get(), OBJ_nid2obj(nid)) > 0));
      };
      add(NID_server_auth, plan.server_auth);
      add(NID_client_auth, plan.client_auth);
      Extend(NID_ext_key_usage, purposes, false);
    }
  }

  void AddKeyIdentifiers(const X509* issuer) {
    const ASN1_BIT_STRING* const bits = X509_get0_pubkey_bitstr(get());
    Require(bits != nullptr);
    if (!ok()) {
      return;
    }
    const Bytes own = KeyIdentifier({bits->data, static_cast<std::size_t>(bits->length)});
    const OctetStringPtr subject(ASN1_OCTET_STRING_new());
    Require(subject && ASN1_OCTET_STRING_set(subject.get(), own.data(), static_cast<int>(own.size())) == 1);
    Extend(NID_subject_key_identifier, subject, false);
    // OpenSSL keeps what it finds of extensions in the certificate, also in one that is const for us.
    const ASN1_OCTET_STRING* const found =
        issuer != nullptr ? X509_get0_subject_key_id(const_cast<X509*>(issuer)) : nullptr;
    if (found != nullptr) {
      const AuthorityKeyPtr authority(AUTHORITY_KEYID_new());
      Require(authority != nullptr);
      if (ok()) {
        authority->keyid = ASN1_OCTET_STRING_dup(found);
        Require(authority->keyid != nullptr);
      }
      Extend(NID_authority_key_identifier, authority, false);
    }
  }

  void AddNames(const ExtensionPlan& plan) {
    if (plan.dns_names.empty() && plan.addresses.empty()) {
      return;
    }
    const GeneralNamesPtr names(GENERAL_NAMES_new());
    for (const std::string& name : plan.dns_names) {
      Push(names.get(), Text(GEN_DNS, name));
    }
    for (const std::string& address : plan.addresses) {
      GeneralNamePtr name(GENERAL_NAME_new());
      ASN1_OCTET_STRING* const bytes = a2i_IPADDRESS(address.c_str());
      Require(name && bytes != nullptr);
      if (name && bytes != nullptr) {
        GENERAL_NAME_set0_value(name.get(), GEN_IPADD, bytes);
      }
      Push(names.get(), std::move(name));
    }
    Extend(NID_subject_alt_name, names, false);
  }

  void AddPlaces(const ExtensionPlan& plan) {
    if (!plan.crl_url.empty()) {
      const PointsPtr points(CRL_DIST_POINTS_new());
      DIST_POINT* const point = DIST_POINT_new();
      Require(points && point != nullptr && sk_DIST_POINT_push(points.get(), point) > 0);
      if (ok()) {
        point->distpoint = DIST_POINT_NAME_new();
        Require(point->distpoint != nullptr);
      }
      if (ok()) {
        point->distpoint->type = 0;  // fullName
        point->distpoint->name.fullname = GENERAL_NAMES_new();
        Push(point->distpoint->name.fullname, Text(GEN_URI, plan.crl_url));
      }
      Extend(NID_crl_distribution_points, points, false);
    }
    if (!plan.ocsp_url.empty()) {
      const AccessPtr access(AUTHORITY_INFO_ACCESS_new());
      ACCESS_DESCRIPTION* const description = ACCESS_DESCRIPTION_new();
      Require(access && description != nullptr && sk_ACCESS_DESCRIPTION_push(access.get(), description) > 0);
      if (ok()) {
        description->method = OBJ_nid2obj(NID_ad_OCSP);
        GENERAL_NAME_free(description->location);
        description->location = Text(GEN_URI, plan.ocsp_url).release();
        Require(description->location != nullptr);
      }
      Extend(NID_info_access, access, false);
    }
  }

 private:
  [[nodiscard]] static GeneralNamePtr Text(int type, const std::string& text) {
    GeneralNamePtr name(GENERAL_NAME_new());
    ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
    if (!name || value == nullptr || ASN1_STRING_set(value, text.data(), static_cast<int>(text.size())) != 1) {
      ASN1_IA5STRING_free(value);
      return nullptr;
    }
    GENERAL_NAME_set0_value(name.get(), type, value);
    return name;
  }
  void Push(GENERAL_NAMES* names, GeneralNamePtr name) {
    Require(names != nullptr && name && sk_GENERAL_NAME_push(names, name.get()) > 0);
    if (ok()) {
      static_cast<void>(name.release());  // now the stack's
    }
  }

  X509Ptr certificate_;
  bool ok_;
};

}  // namespace

Outcome<Bytes> MakeX509(const X509Issuer& issuer, const CertificateContent& content, const ExtensionPlan& plan) {
  const ErrorScope errors;
  SR_TRY(const KnownKey known, ImportPublicKey(content.public_key));
  Builder builder;
  builder.SetContent(content, known.key.get());
  const X509_NAME* const issuer_name =
      issuer.certificate != nullptr ? X509_get_subject_name(issuer.certificate) : X509_get_subject_name(builder.get());
  builder.Require(builder.ok() && X509_set_issuer_name(builder.get(), issuer_name) == 1);
  builder.AddUsage(plan);
  builder.AddKeyIdentifiers(issuer.certificate);
  builder.AddNames(plan);
  builder.AddPlaces(plan);
  if (!builder.ok() || X509_sign(builder.get(), issuer.key, issuer.digest) <= 0) {
    return OpenSslCannot("make a certificate");
  }
  Bytes der = EncodeDer(builder.get(), i2d_X509);
  if (der.empty()) {
    return OpenSslCannot("encode a certificate");
  }
  return der;
}

}  // namespace simroot::platform
