// SPDX-License-Identifier: Apache-2.0
/// A vault and an authority in a folder of their own, and OpenSSL as the other opinion.
#pragma once

#include <gmock/gmock.h>

#include <filesystem>

#include "common/host/test_hex.hpp"
#include "platform/authority/authority.hpp"
#include "platform/authority/x509_handles.hpp"

namespace simroot::platform::testing {

inline constexpr UnixTime kNow = 1'790'000'000;  ///< 2026-09-21
inline constexpr std::int64_t kYear = 365 * 86400;

/// The value of an outcome; ends the test program with its error otherwise.
template <typename T>
[[nodiscard]] T Must(Outcome<T> outcome) {
  if (!outcome) {
    ADD_FAILURE() << outcome.error().Text();
  }
  SR_CHECK(outcome.has_value());
  return std::move(*outcome);
}
inline void Must(const Outcome<void>& outcome) {
  SR_CHECK(outcome.has_value());
}

/// "P-256", "P-384", "P-521", "brainpoolP256r1", "ED25519" or "RSA:2048".
[[nodiscard]] EvpPkey NewKey(const std::string& kind);
/// As IssueRequest wants it: a point for P-256, SubjectPublicKeyInfo for all others.
[[nodiscard]] Bytes PublicKeyOf(EVP_PKEY* key);
/// SubjectPublicKeyInfo of any.
[[nodiscard]] Bytes PublicKeyInfoOf(EVP_PKEY* key);
/// A request made by OpenSSL in DER. @param subject "CN=x,O=y" parts as {"CN", "x", "O", "y"}.
[[nodiscard]] Bytes MakeRequest(EVP_PKEY* key, const std::vector<std::string>& subject,
                                const EVP_MD* digest = EVP_sha256());

/// A certificate made from JSON-free facts, for CAs from elsewhere.
struct ForeignCa {
  EvpPkey key;
  Bytes certificate;  ///< DER
  [[nodiscard]] std::string Pem() const { return CertificateToPem(certificate); }
  [[nodiscard]] Bytes KeyPem() const;
};
struct ForeignFacts {
  std::string name = "foreign";
  std::string kind = "P-256";
  std::string constraints = "critical,CA:TRUE";  ///< empty: none
  std::string usage = "critical,keyCertSign,cRLSign";
  std::string key_identifier = "hash";  ///< empty: none
  UnixTime not_before = kNow - kYear;
  UnixTime not_after = kNow + kYear;
};
/// @param issuer nullptr: self-signed.
[[nodiscard]] ForeignCa MakeForeignCa(const ForeignFacts& facts, const ForeignCa* issuer = nullptr);

/// What X509_verify_cert says of a certificate at a time, with these roots, issuing CAs and CRLs (checked if there is
/// one); X509_V_OK is 0.
[[nodiscard]] int VerifyChain(ByteView certificate, const std::vector<Bytes>& roots, const std::vector<Bytes>& issuing,
                              UnixTime at, int purpose = X509_PURPOSE_SSL_CLIENT, const std::vector<Bytes>& crls = {});

/// An extension of a certificate as `openssl x509 -text` prints it; empty if there is none.
[[nodiscard]] std::string ExtensionText(ByteView certificate, int nid);
/// The subject in the form of RFC 2253.
[[nodiscard]] std::string SubjectText(ByteView certificate);

/// A folder that is removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class AuthorityFixture : public ::testing::Test {
 protected:
  AuthorityFixture();

  [[nodiscard]] IssueRequest RequestFor(ByteView public_key) const;
  /// Forgets what is loaded, as a restart does, and reads the profiles again.
  void Restart();
  [[nodiscard]] std::string AuthorityFolder() const { return folder_.path() + "/authority"; }
  void WriteProfile(const std::string& name, std::string_view json) const;

  Folder folder_;
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Authority> authority_;
  CertificateAuthority root_;
  CertificateAuthority issuing_;
  EvpPkey device_key_ = NewKey("P-256");
  Bytes device_point_ = PublicKeyOf(device_key_.get());
};

}  // namespace simroot::platform::testing
