// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/certificate_der.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "common/base/check.hpp"
#include "platform/authority/der.hpp"
#include "platform/authority/x509_handles.hpp"

namespace simroot::platform {
namespace {

// Contents of object identifiers of extensions (RFC 5280 4.2).
constexpr std::array<std::uint8_t, 3> kSubjectKeyIdentifier{0x55, 0x1D, 0x0E};
constexpr std::array<std::uint8_t, 3> kKeyUsage{0x55, 0x1D, 0x0F};
constexpr std::array<std::uint8_t, 3> kSubjectAltName{0x55, 0x1D, 0x11};
constexpr std::array<std::uint8_t, 3> kBasicConstraints{0x55, 0x1D, 0x13};
constexpr std::array<std::uint8_t, 3> kCrlDistributionPoints{0x55, 0x1D, 0x1F};
constexpr std::array<std::uint8_t, 3> kAuthorityKeyIdentifier{0x55, 0x1D, 0x23};
constexpr std::array<std::uint8_t, 3> kExtendedKeyUsage{0x55, 0x1D, 0x25};
constexpr std::array<std::uint8_t, 8> kAuthorityInfoAccess{0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01};

constexpr std::array<std::uint8_t, 10> kServerAuth{0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01};
constexpr std::array<std::uint8_t, 10> kClientAuth{0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02};
constexpr std::array<std::uint8_t, 10> kOcsp{0x06, 0x08, 0x2B, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01};

constexpr std::array<std::uint8_t, 5> kVersion3{0xA0, 0x03, 0x02, 0x01, 0x02};
constexpr std::array<std::uint8_t, 2> kEmptySequence{0x30, 0x00};
// BIT STRING: unused bits, then digitalSignature (80) and keyAgreement (08).
constexpr std::array<std::uint8_t, 4> kSignature{0x03, 0x02, 0x07, 0x80};
constexpr std::array<std::uint8_t, 4> kSignatureAndAgreement{0x03, 0x02, 0x03, 0x88};

constexpr std::size_t kSerialSize = 16;
constexpr std::size_t kKeyIdentifierSize = 20;

constexpr unsigned kDnsNameTag = 2;
constexpr unsigned kUriTag = 6;

Bytes Uri(const std::string& url) {
  return der::Element(der::Primitive(kUriTag), {AsBytes(url)});
}

Bytes DistributionPoint(const std::string& url) {
  const Bytes full_name = der::Element(der::Constructed(0), {Uri(url)});
  const Bytes point = der::Element(der::kSequence, {der::Element(der::Constructed(0), {full_name})});
  return der::Extension(kCrlDistributionPoints, false, der::Element(der::kSequence, {point}));
}

Bytes InfoAccess(const std::string& url) {
  const Bytes description = der::Element(der::kSequence, {kOcsp, Uri(url)});
  return der::Extension(kAuthorityInfoAccess, false, der::Element(der::kSequence, {description}));
}

Bytes AltNames(const std::vector<std::string>& dns_names) {
  Bytes names;
  for (const std::string& name : dns_names) {
    const Bytes one = der::Element(der::Primitive(kDnsNameTag), {AsBytes(name)});
    names.insert(names.end(), one.begin(), one.end());
  }
  return names.empty() ? Bytes() : der::Extension(kSubjectAltName, false, der::Element(der::kSequence, {names}));
}

}  // namespace

Outcome<Bytes> NewSerial() {
  const ErrorScope errors;
  Bytes serial(kSerialSize);
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
    return OpenSslCannot("draw a serial number");
  }
  serial.front() = LowByte((serial.front() & 0x3FU) | 0x40U);
  return serial;
}

Bytes KeyIdentifier(ByteView public_key_bits) {
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Bytes hash(EVP_MAX_MD_SIZE);
  SR_CHECK(EVP_Digest(public_key_bits.data(), public_key_bits.size(), hash.data(), nullptr, kSha256, nullptr) == 1);
  hash.resize(kKeyIdentifierSize);
  return hash;
}

CertificateTemplate::CertificateTemplate(ByteView issuer, ByteView key_identifier, ByteView algorithm,
                                         const ExtensionPlan& plan)
    : issuer_(issuer.begin(), issuer.end()), algorithm_(algorithm.begin(), algorithm.end()) {
  const Bytes constraints = der::Extension(kBasicConstraints, true, kEmptySequence);
  const Bytes usage = der::Extension(kKeyUsage, true, plan.key_agreement ? kSignatureAndAgreement : kSignature);
  const Bytes purposes =
      der::Extension(kExtendedKeyUsage, false,
                     der::Element(der::kSequence, {plan.server_auth ? ByteView(kServerAuth) : ByteView(),
                                                   plan.client_auth ? ByteView(kClientAuth) : ByteView()}));
  for (const Bytes& extension : {constraints, usage, purposes}) {
    first_extensions_.insert(first_extensions_.end(), extension.begin(), extension.end());
  }
  if (!key_identifier.empty()) {
    const Bytes identifier = der::Element(der::Primitive(0), {key_identifier});
    authority_key_ = der::Extension(kAuthorityKeyIdentifier, false, der::Element(der::kSequence, {identifier}));
  }
  for (const Bytes& extension : {plan.crl_url.empty() ? Bytes() : DistributionPoint(plan.crl_url),
                                 plan.ocsp_url.empty() ? Bytes() : InfoAccess(plan.ocsp_url)}) {
    last_extensions_.insert(last_extensions_.end(), extension.begin(), extension.end());
  }
}

Bytes CertificateTemplate::Fill(const CertificateContent& content, const std::vector<std::string>& dns_names) const {
  SR_CHECK(der::LooksLikeP256Point(content.public_key));
  const Bytes subject_key = der::Extension(kSubjectKeyIdentifier, false,
                                           der::Element(der::kOctetString, {KeyIdentifier(content.public_key)}));
  const Bytes extensions = der::Element(
      der::kSequence, {first_extensions_, subject_key, authority_key_, AltNames(dns_names), last_extensions_});
  return der::Element(
      der::kSequence,
      {kVersion3, der::Unsigned(content.serial), algorithm_, issuer_,
       der::Element(der::kSequence, {der::Time(content.not_before), der::Time(content.not_after)}), content.subject,
       der::kP256KeyPrefix, content.public_key, der::Element(der::Constructed(3), {extensions})});
}

}  // namespace simroot::platform
