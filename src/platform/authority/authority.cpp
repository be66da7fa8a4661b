// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/authority.hpp"

#include "common/host/file_io.hpp"
#include "platform/authority/attestation.hpp"
#include "platform/authority/ca_store.hpp"
#include "platform/authority/certificate_request.hpp"
#include "platform/authority/certificate_x509.hpp"
#include "platform/authority/crl.hpp"
#include "platform/authority/der.hpp"
#include "platform/authority/import.hpp"
#include "platform/authority/pem.hpp"
#include "platform/authority/public_key.hpp"
#include "platform/authority/subject.hpp"

namespace simroot::platform {
namespace {

/// From when to when, as it goes into the certificate.
struct Validity {
  UnixTime not_before = 0;
  UnixTime not_after = 0;
};

Outcome<Validity> ValidityOf(UnixTime not_before, UnixTime not_after) {
  if (!der::IsTime(not_before) || !der::IsTime(not_after) || not_after <= not_before) {
    return Refuse(FailureKind::kInvalid, "the times of a certificate are impossible: it would end before it begins");
  }
  return Validity{not_before, not_after};
}

/// The same under a CA: nothing outlives the one who signed it.
Outcome<Validity> ValidityUnder(const LoadedCa& ca, UnixTime not_before, UnixTime not_after) {
  SR_TRY(Validity validity, ValidityOf(not_before, not_after));
  if (not_before >= ca.not_after) {
    return Refuse(FailureKind::kInvalid, "the time of CA " + ca.name + " is over", "make or import a new CA");
  }
  validity.not_after = std::min(not_after, ca.not_after);
  return validity;
}

/// From a little before now, for verifiers whose clock is slow, for `lifetime_s` from now.
Validity FromNow(UnixTime now, std::int64_t lifetime_s) {
  constexpr std::int64_t kBeforeNow = 3600;
  const bool is_possible = lifetime_s > 0 && der::IsTime(now) && lifetime_s <= der::kMaxTime - now;
  return {std::max<UnixTime>(now - kBeforeNow, 0), is_possible ? now + lifetime_s : UnixTime{-1}};
}

Outcome<Validity> ValidityFromNow(const LoadedCa& ca, UnixTime now, std::int64_t lifetime_s) {
  const Validity wanted = FromNow(now, lifetime_s);
  return ValidityUnder(ca, std::max(wanted.not_before, ca.not_before), wanted.not_after);
}

Outcome<void> CheckName(const std::string& name) {
  if (!IsFileName(name)) {
    return Refuse(FailureKind::kInvalid, "\"" + name + "\" is no name for a CA", "use 1 to 64 of a-z 0-9 . _ -");
  }
  return {};
}

Outcome<void> CheckNotRetired(const CertificateAuthority& record) {
  if (record.retired) {
    return Refuse(FailureKind::kConflict, "CA " + record.name + " is retired", "use another CA");
  }
  return {};
}

/// What an end sends after its own certificate, PEM: this CA and those above it, without a root.
std::string ChainOf(const LoadedCa& ca) {
  return X509_self_signed(ca.certificate.get(), 0) == 1 ? std::string() : CertificateToPem(ca.der) + ca.chain;
}

/// A server's name: an address, or a DNS name that may begin with "*.".
Outcome<void> AddName(const std::string& name, ExtensionPlan& plan) {
  const ErrorScope errors;
  const std::unique_ptr<ASN1_OCTET_STRING, FreeWith<ASN1_OCTET_STRING_free>> address(a2i_IPADDRESS(name.c_str()));
  const std::string_view host = std::string_view(name).substr(name.starts_with("*.") ? 2 : 0);
  if (address) {
    plan.addresses.push_back(name);
  } else if (IsDnsName(host)) {
    plan.dns_names.push_back(name);
  } else {
    return Refuse(FailureKind::kInvalid, "\"" + name + "\" is neither a DNS name nor an IP address");
  }
  return {};
}

class FileAuthority final : public Authority {
 public:
  FileAuthority(Vault& vault, const std::string& directory, CaStore::Profiles profiles)
      : profiles_(std::move(profiles)), store_(vault, directory, profiles_) {}

  Outcome<CertificateAuthority> MakeRoot(const std::string& name, const Subject& subject, UnixTime now,
                                         std::int64_t lifetime_s) override {
    const Validity wanted = FromNow(now, lifetime_s);
    SR_TRY(const Validity validity, ValidityOf(wanted.not_before, wanted.not_after));
    SR_TRY(CertificateAuthority record, MakeCa(nullptr, name, subject, validity));
    record.created = now;
    return record;
  }

  Outcome<CertificateAuthority> MakeIssuing(const CertificateAuthority& parent, const std::string& name,
                                            const Subject& subject, UnixTime now, std::int64_t lifetime_s) override {
    SR_TRY_VOID(CheckNotRetired(parent));
    SR_TRY(const auto above, store_.Load(parent));
    if (X509_get_pathlen(above->certificate.get()) == 0) {
      return Refuse(FailureKind::kInvalid, "CA " + parent.name + " may not have CAs below it", "use a root");
    }
    SR_TRY(const Validity validity, ValidityFromNow(*above, now, lifetime_s));
    SR_TRY(CertificateAuthority record, MakeCa(above.get(), name, subject, validity));
    record.created = now;
    record.parent = parent.id;
    record.issues = true;
    return record;
  }

  Outcome<CertificateAuthority> Import(const std::string& name, std::string_view certificates, ByteView private_key,
                                       UnixTime now) override {
    SR_TRY_VOID(CheckName(name));
    SR_TRY(const ImportedCa imported, CheckImport(certificates, private_key, now));
    CertificateAuthority record;
    record.name = name;
    record.certificate = imported.certificate;
    SR_TRY(record.key_file, store_.Keep(name, imported.certificate, imported.key.get(), imported.chain));
    record.issues = true;
    record.created = now;
    return record;
  }

  Outcome<IssuedCertificate> Issue(const CertificateAuthority& authority, const IssueRequest& request) override;

  Outcome<CheckedRequest> CheckRequest(ByteView csr) override { return requests_.Check(csr); }

  Outcome<CheckedAttestation> CheckAttestation(ByteView document, ByteView attesting_key, ByteView nonce) override {
    return CheckAttestationDocument(document, attesting_key, nonce);
  }

  Outcome<Bytes> MakeCrl(const CertificateAuthority& authority, const std::vector<RevokedEntry>& entries,
                         std::int64_t number, UnixTime now, std::int64_t lifetime_s) override {
    SR_TRY(const auto ca, store_.Load(authority));
    return MakeCrlOf(*ca, entries, number, now, lifetime_s);
  }

  Outcome<TlsIdentity> MakeTlsIdentity(const CertificateAuthority& authority, const Subject& subject,
                                       const std::vector<std::string>& names, UnixTime now,
                                       std::int64_t lifetime_s) override {
    ExtensionPlan plan;
    plan.client_auth = names.empty();
    plan.server_auth = !names.empty();
    for (const std::string& name : names) {
      SR_TRY_VOID(AddName(name, plan));
    }
    SR_TRY(const EvpPkey key, SigningKey::GenerateP256());
    SR_TRY(const Bytes public_key, ExportPublicKey(key.get()));
    SR_TRY(const Bytes certificate, IssueTls(authority, subject, public_key, plan, now, lifetime_s));
    SR_TRY(const auto ca, store_.Load(authority));
    TlsIdentity identity;
    identity.certificate_chain = CertificateToPem(certificate);
    identity.certificate_chain += ChainOf(*ca);
    SR_TRY(identity.private_key, WritePemKey(key.get()));
    return identity;
  }

  Outcome<Bytes> IssueTlsClient(const CertificateAuthority& authority, ByteView csr, const Subject& subject,
                                UnixTime now, std::int64_t lifetime_s) override {
    SR_TRY(const CheckedRequest checked, CheckRequest(csr));
    ExtensionPlan plan;
    plan.client_auth = true;
    return IssueTls(authority, subject, checked.public_key, plan, now, lifetime_s);
  }

 private:
  /// @param above nullptr for a root.
  Outcome<CertificateAuthority> MakeCa(const LoadedCa* above, const std::string& name, const Subject& subject,
                                       const Validity& validity) {
    SR_TRY_VOID(CheckName(name));
    SR_TRY(const EvpPkey key, SigningKey::GenerateP256());
    SR_TRY(const Bytes public_key, ExportPublicKey(key.get()));
    CertificateContent content;
    SR_TRY(content.serial, NewSerial());
    SR_TRY(content.subject, EncodeSubject(subject));
    content.not_before = validity.not_before;
    content.not_after = validity.not_after;
    content.public_key = public_key;
    ExtensionPlan plan;
    plan.is_ca = true;
    plan.path_length = above == nullptr ? 1 : 0;
    const X509Issuer issuer = above != nullptr
                                  ? X509Issuer{above->certificate.get(), above->key->key(), above->key->digest()}
                                  : X509Issuer{nullptr, key.get(), EVP_sha256()};
    CertificateAuthority record;
    record.name = name;
    SR_TRY(record.certificate, MakeX509(issuer, content, plan));
    SR_TRY(record.key_file, store_.Keep(name, record.certificate, key.get(), above != nullptr ? ChainOf(*above) : ""));
    return record;
  }

  Outcome<Bytes> IssueTls(const CertificateAuthority& authority, const Subject& subject, ByteView public_key,
                          const ExtensionPlan& plan, UnixTime now, std::int64_t lifetime_s) {
    SR_TRY_VOID(CheckNotRetired(authority));
    SR_TRY(const auto ca, store_.Load(authority));
    SR_TRY(const Validity validity, ValidityFromNow(*ca, now, lifetime_s));
    CertificateContent content;
    SR_TRY(content.serial, NewSerial());
    SR_TRY(content.subject, EncodeSubject(subject));
    content.not_before = validity.not_before;
    content.not_after = validity.not_after;
    content.public_key = public_key;
    return MakeX509({ca->certificate.get(), ca->key->key(), ca->key->digest()}, content, plan);
  }

  const CaStore::Profiles profiles_;
  CaStore store_;
  RequestChecker requests_;
};

/// kInvalid if the profile names kinds of key and this is none of them.
Outcome<void> CheckKeyType(const CertificateProfile& profile, ByteView public_key, bool is_p256) {
  if (profile.key_types.empty()) {
    return {};
  }
  std::string type = "p256";
  if (!is_p256) {
    SR_TRY(const KnownKey known, ImportPublicKey(public_key));
    type = known.type;
  }
  if (std::ranges::find(profile.key_types, type) == profile.key_types.end()) {
    return Refuse(FailureKind::kInvalid,
                  "certificate profile " + profile.name + " does not allow keys of type " + type);
  }
  return {};
}

Outcome<IssuedCertificate> FileAuthority::Issue(const CertificateAuthority& authority, const IssueRequest& request) {
  SR_TRY_VOID(CheckNotRetired(authority));
  const auto profile = profiles_.find(request.profile);
  if (profile == profiles_.end()) {
    return Refuse(FailureKind::kInvalid, "there is no certificate profile \"" + request.profile + "\"",
                  "put it into the folder of profiles and start the platform again");
  }
  SR_TRY(const auto ca, store_.Load(authority));
  SR_TRY(const Validity validity, ValidityUnder(*ca, request.not_before, request.not_after));
  const auto point = P256PointIn(request.public_key);
  SR_TRY_VOID(CheckKeyType(profile->second, request.public_key, point.has_value()));
  SR_TRY(const ExtensionPlan plan, PlanOf(profile->second, request.subject));
  CertificateContent content;
  SR_TRY(content.serial, NewSerial());
  SR_TRY(content.subject, EncodeSubject(request.subject));
  content.not_before = validity.not_before;
  content.not_after = validity.not_after;
  content.public_key = point.value_or(request.public_key);
  IssuedCertificate issued;
  if (point) {
    if (!IsOnP256(*point)) {
      return Refuse(FailureKind::kInvalid, "the public key is a point that is not on P-256");
    }
    SR_TRY(issued.der, ca->key->SignDocument(ca->templates.at(request.profile).Fill(content, plan.dns_names)));
  } else {
    SR_TRY(issued.der, MakeX509({ca->certificate.get(), ca->key->key(), ca->key->digest()}, content, plan));
  }
  issued.serial = ToHex(content.serial);
  issued.not_before = validity.not_before;
  issued.not_after = validity.not_after;
  return issued;
}

}  // namespace

Outcome<std::unique_ptr<Authority>> Authority::Open(Vault& vault, const std::string& directory) {
  SR_TRY_VOID(MakePrivateDirectory(directory));
  SR_TRY(CaStore::Profiles profiles, ReadProfiles(directory + "/profiles"));
  return std::unique_ptr<Authority>(std::make_unique<FileAuthority>(vault, directory, std::move(profiles)));
}

}  // namespace simroot::platform
