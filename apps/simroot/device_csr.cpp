// SPDX-License-Identifier: Apache-2.0
/// `simroot device csr`: a PKCS #10 request (RFC 2986) whose signature comes from the card, without any provider.
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

#include <memory>

#include "device_session.hpp"
#include "output.hpp"

namespace simroot::app {
namespace {

template <typename T, void (*kFree)(T*)>
struct Deleter {
  void operator()(T* object) const { kFree(object); }
};
using RequestPtr = std::unique_ptr<X509_REQ, Deleter<X509_REQ, X509_REQ_free>>;
using NamePtr = std::unique_ptr<X509_NAME, Deleter<X509_NAME, X509_NAME_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY, EVP_PKEY_free>>;

/// Splits "/CN=x/O=y" or "CN=x,O=y"; a backslash takes the next character as it is.
std::vector<std::string> SplitSubject(std::string_view subject) {
  const char separator = !subject.empty() && subject.front() == '/' ? '/' : ',';
  if (separator == '/') {
    subject.remove_prefix(1);
  }
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < subject.size(); ++i) {
    if (subject[i] == '\\' && i + 1 < subject.size()) {
      parts.back().push_back(subject[++i]);
    } else if (subject[i] == separator) {
      parts.emplace_back();
    } else {
      parts.back().push_back(subject[i]);
    }
  }
  return parts;
}

Result<NamePtr> ParseSubject(const std::string& subject) {
  NamePtr name(X509_NAME_new());
  for (std::string part : SplitSubject(subject)) {
    part.erase(0, part.find_first_not_of(' '));
    const std::size_t equals = part.find('=');
    const std::string type = part.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : part.substr(equals + 1);
    const bool added = !value.empty() && name &&
                       X509_NAME_add_entry_by_txt(name.get(), type.c_str(), MBSTRING_UTF8,
                                                  reinterpret_cast<const unsigned char*>(value.data()),
                                                  static_cast<int>(value.size()), -1, 0) == 1;
    if (!added) {
      return Fail(ErrorDomain::kUsage, "the subject part \"" + part + "\" is not TYPE=VALUE with a known type",
                  "write it like /CN=device1/O=Example");
    }
  }
  return name;
}

tl::unexpected<Error> BuildFailed() {
  return Fail(ErrorDomain::kCrypto, "OpenSSL cannot build the certificate request", "check the subject's characters");
}

Result<Bytes> SignedRequest(device::Card& card, const device::ObjectName& key, const device::Point& point,
                            X509_NAME* subject) {
  const Bytes spki = EncodeSpki(point);
  const unsigned char* spki_start = spki.data();
  const KeyPtr public_key(d2i_PUBKEY(nullptr, &spki_start, static_cast<long>(spki.size())));
  const RequestPtr request(X509_REQ_new());
  std::unique_ptr<X509_ALGOR, Deleter<X509_ALGOR, X509_ALGOR_free>> algorithm(X509_ALGOR_new());
  if (!public_key || !request || !algorithm || X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) != 1 ||
      X509_REQ_set_subject_name(request.get(), subject) != 1 ||
      X509_REQ_set_pubkey(request.get(), public_key.get()) != 1 ||
      X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, nullptr) != 1 ||
      X509_REQ_set1_signature_algo(request.get(), algorithm.get()) != 1) {
    return BuildFailed();
  }
  unsigned char* encoded = nullptr;
  const int to_sign_size = i2d_re_X509_REQ_tbs(request.get(), &encoded);
  if (to_sign_size <= 0) {
    return BuildFailed();
  }
  const Bytes to_sign(encoded, encoded + to_sign_size);
  OPENSSL_free(encoded);
  SR_TRY(const Bytes digest, Digest(iotsafe::HashAlgorithm::kSha256, to_sign));
  SR_TRY(const device::RawSignature raw, card.Sign(key, iotsafe::HashAlgorithm::kSha256, digest, &point));
  const auto der = iotsafe::RawSignatureToDer(raw);
  ASN1_BIT_STRING* const signature = ASN1_BIT_STRING_new();
  if (signature == nullptr || ASN1_BIT_STRING_set(signature, const_cast<unsigned char*>(der.view().data()),
                                                  static_cast<int>(der.size())) != 1) {
    ASN1_BIT_STRING_free(signature);
    return BuildFailed();
  }
  signature->flags = (signature->flags & ~0x07L) | ASN1_STRING_FLAG_BITS_LEFT;  // no unused bits
  X509_REQ_set0_signature(request.get(), signature);
  encoded = nullptr;
  const int size = i2d_X509_REQ(request.get(), &encoded);
  if (size <= 0 || X509_REQ_verify(request.get(), public_key.get()) != 1) {
    OPENSSL_free(encoded);
    return BuildFailed();
  }
  Bytes result(encoded, encoded + size);
  OPENSSL_free(encoded);
  return result;
}

Result<void> MakeCsr(const DeviceOptions& options, const std::string& ref, const std::string& subject,
                     const std::string& out) {
  SR_TRY(auto session, DeviceSession::Open(options));
  SR_TRY(const auto name, device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, ref));
  SR_TRY(const NamePtr parsed, ParseSubject(subject));
  SR_TRY(const device::Point point, device::Key(session.shared_card(), name).PublicKey());
  SR_TRY(const Bytes der, SignedRequest(session.card(), name, point, parsed.get()));
  const std::string pem = ToPem("CERTIFICATE REQUEST", der);
  return WriteOutput(
      out, AsBytes(options.json ? JsonWriter().BeginObject().Text("csr", pem).EndObject().text() + "\n" : pem));
}

}  // namespace

int RunDeviceCsr(const DeviceOptions& options, const std::string& ref, const std::string& subject,
                 const std::string& out) {
  const auto done = MakeCsr(options, ref, subject, out);
  return done ? kDone : Report(done.error());
}

}  // namespace simroot::app
