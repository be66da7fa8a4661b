// SPDX-License-Identifier: Apache-2.0
/// The PKI: root and issuing CAs of tenants, device certificates, CRLs, and the platform's own TLS identity. OpenSSL
/// does the X.509; certificates of P-256 devices take a fast path that makes the same bytes. No database in here.
#pragma once

#include <memory>

#include "platform/domain/records.hpp"
#include "platform/vault/vault.hpp"

namespace simroot::platform {

/// The subject of a certificate; empty parts are left out. UTF-8, at most 64 characters each.
struct Subject {
  std::string common_name;    ///< of a device: its name
  std::string serial_number;  ///< of a device: the ICCID
  std::string organization;   ///< the tenant
};

/// A kind of device certificate, as data (docs/formats/certificate-profile.md). Profiles are read from
/// DIRECTORY/profiles/NAME.json when the authority is opened; "device" is built in.
struct CertificateProfile {
  std::string name = "device";
  bool client_auth = true;
  bool server_auth = false;
  bool key_agreement = false;          ///< key usage beside digitalSignature
  std::string crl_url;                 ///< empty: no CRL distribution point
  std::string ocsp_url;                ///< empty: no authority information access
  std::vector<std::string> dns_names;  ///< "{name}" stands for the device's name, "{iccid}" for the ICCID
  std::vector<std::string> key_types;  ///< as in CheckedRequest; empty: all that the authority knows
};

struct IssueRequest {
  ByteView public_key;  ///< 65 bytes of a P-256 point, or a SubjectPublicKeyInfo in DER
  Subject subject;
  std::string profile = "device";
  UnixTime not_before = 0;
  UnixTime not_after = 0;  ///< cut at the end of the CA's own
};

struct IssuedCertificate {
  Bytes der;
  std::string serial;  ///< hexadecimal, upper case, 16 random bytes of which the first is 40 to 7F
  UnixTime not_before = 0;
  UnixTime not_after = 0;
};

/// A certificate request whose signature is right.
struct CheckedRequest {
  Bytes public_key;      ///< as IssueRequest wants it
  std::string key_type;  ///< p256, brainpoolP256r1, p384, p521, rsa2048 and longer, ed25519, ed448
  Bytes subject;         ///< X.501 Name in DER, as it was signed
};

/// What an attestation of a card says (docs/formats/personalisation.md), after its signature was found right.
struct CheckedAttestation {
  Bytes iccid;  ///< as in EF.ICCID; may be empty
  Bytes key_id;
  Bytes public_key;  ///< as IssueRequest wants it
};

struct RevokedEntry {
  std::string serial;  ///< hexadecimal
  UnixTime time = 0;
  std::string reason;  ///< RFC 5280 name: keyCompromise, cessationOfOperation, ...; empty: none
};

/// Certificate and private key of a TLS server or client, PEM.
struct TlsIdentity {
  std::string certificate_chain;
  SecretBytes private_key;
};

/// Safe for any number of threads. Private keys of CAs are in `directory`, sealed by the vault, mode 0600. Certificates
/// of CAs and TLS ends are valid from an hour before `now`, for verifiers whose clock is slow, to `lifetime_s` after
/// it.
class Authority {
 public:
  /// `directory` is made if it is not there. The vault outlives it.
  [[nodiscard]] static Outcome<std::unique_ptr<Authority>> Open(Vault& vault, const std::string& directory);
  virtual ~Authority() = default;

  /// Makes a self-signed root, P-256, pathlen 1. The record has no id and tenant yet.
  [[nodiscard]] virtual Outcome<CertificateAuthority> MakeRoot(const std::string& name, const Subject& subject,
                                                               UnixTime now, std::int64_t lifetime_s) = 0;
  /// Makes an issuing CA under `parent`, P-256, pathlen 0.
  [[nodiscard]] virtual Outcome<CertificateAuthority> MakeIssuing(const CertificateAuthority& parent,
                                                                  const std::string& name, const Subject& subject,
                                                                  UnixTime now, std::int64_t lifetime_s) = 0;
  /// Takes an issuing CA from elsewhere: PEM certificate (first) with its chain, and its PEM private key. kInvalid if
  /// they do not belong together, it is no CA, it may not sign certificates and CRLs, or its time is over.
  [[nodiscard]] virtual Outcome<CertificateAuthority> Import(const std::string& name, std::string_view certificates,
                                                             ByteView private_key, UnixTime now) = 0;

  /// kInvalid: unknown profile, key that the profile does not allow, times; kConflict: a retired CA or one without key.
  [[nodiscard]] virtual Outcome<IssuedCertificate> Issue(const CertificateAuthority& authority,
                                                         const IssueRequest& request) = 0;
  /// kInvalid with the reason: structure, algorithm, signature.
  [[nodiscard]] virtual Outcome<CheckedRequest> CheckRequest(ByteView csr) = 0;
  /// @param attesting_key a public key as IssueRequest takes it. @param nonce what the platform gave to the card.
  [[nodiscard]] virtual Outcome<CheckedAttestation> CheckAttestation(ByteView document, ByteView attesting_key,
                                                                     ByteView nonce) = 0;
  /// DER. @param entries in any order. @param lifetime_s until nextUpdate.
  [[nodiscard]] virtual Outcome<Bytes> MakeCrl(const CertificateAuthority& authority,
                                               const std::vector<RevokedEntry>& entries, std::int64_t number,
                                               UnixTime now, std::int64_t lifetime_s) = 0;
  /// Certificate and fresh P-256 key of a TLS end, under `authority`. @param names DNS names and IP addresses of a
  /// server; empty: a client.
  [[nodiscard]] virtual Outcome<TlsIdentity> MakeTlsIdentity(const CertificateAuthority& authority,
                                                             const Subject& subject,
                                                             const std::vector<std::string>& names, UnixTime now,
                                                             std::int64_t lifetime_s) = 0;
  /// Signs the TLS client certificate request of an application server's middleware. @returns DER.
  [[nodiscard]] virtual Outcome<Bytes> IssueTlsClient(const CertificateAuthority& authority, ByteView csr,
                                                      const Subject& subject, UnixTime now,
                                                      std::int64_t lifetime_s) = 0;
};

/// CMS AuthEnvelopedData (RFC 5083, AES-256-GCM) for the holder of this certificate's key (EC: ECDH with AES-256 key
/// wrap; RSA: OAEP), DER. At most 64 KiB. kInvalid for a certificate that is none. The other end is crypto::CmsOpener.
[[nodiscard]] Outcome<Bytes> SealForCertificate(ByteView certificate, ByteView plain);

/// "-----BEGIN CERTIFICATE-----" and so on.
[[nodiscard]] std::string CertificateToPem(ByteView der);

}  // namespace simroot::platform
