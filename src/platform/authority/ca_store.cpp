// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/ca_store.hpp"

#include <sys/stat.h>

#include <filesystem>
#include <mutex>

#include "common/host/file_io.hpp"
#include "platform/authority/der.hpp"

namespace simroot::platform {
namespace {

constexpr std::size_t kMaxFileSize = 256 * 1024;
constexpr std::string_view kKeyEnd = ".key";
constexpr std::string_view kChainEnd = ".chain.pem";

std::string FingerprintOf(ByteView certificate) {
  Bytes hash(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  if (EVP_Digest(certificate.data(), certificate.size(), hash.data(), &size, EVP_sha256(), nullptr) != 1) {
    return {};
  }
  return ToHex(ByteView(hash).first(size));
}

/// The vault's context binds the key to the CA's name and certificate: a file that is moved to another CA is useless.
std::string ContextOf(const std::string& name, ByteView certificate) {
  return "ca/" + name + "/" + FingerprintOf(certificate);
}

std::string ChainFileOf(const std::string& key_file) {
  return key_file.substr(0, key_file.size() - kKeyEnd.size()) + std::string(kChainEnd);
}

bool IsKeyFile(const std::string& name) {
  return name.ends_with(kKeyEnd) && name.find('/') == std::string::npos && !name.starts_with(".");
}

/// PKCS#8 in DER.
Outcome<SecretBytes> EncodeKey(EVP_PKEY* key) {
  const std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeWith<PKCS8_PRIV_KEY_INFO_free>> info(EVP_PKEY2PKCS8(key));
  Bytes encoded = info ? EncodeDer(info.get(), i2d_PKCS8_PRIV_KEY_INFO) : Bytes();
  if (encoded.empty()) {
    return OpenSslCannot("encode the key of a CA");
  }
  SecretBytes secret(encoded);
  Wipe(encoded);
  return secret;
}

Outcome<EvpPkey> DecodeKey(const SecretBytes& encoded) {
  auto key = DecodeDer<EvpPkey>(
      encoded.Reveal(InsecureReveal::kForCrypto),
      [](EVP_PKEY** out, const unsigned char** from, long size) { return d2i_AutoPrivateKey(out, from, size); });
  if (!key) {
    return OpenSslCannot("read the key of a CA");
  }
  return key;
}

/// What the certificate says that is needed again and again.
Outcome<void> ReadFacts(LoadedCa& ca) {
  X509* const certificate = ca.certificate.get();
  ca.subject = EncodeDer(X509_get_subject_name(certificate), i2d_X509_NAME);
  const ASN1_OCTET_STRING* const identifier = X509_get0_subject_key_id(certificate);
  if (identifier != nullptr) {
    ca.key_identifier.assign(identifier->data, identifier->data + identifier->length);
  }
  SR_TRY(ca.not_before, TimeOf(X509_get0_notBefore(certificate)));
  SR_TRY(ca.not_after, TimeOf(X509_get0_notAfter(certificate)));
  const EVP_PKEY* const public_half = X509_get0_pubkey(certificate);
  if (public_half == nullptr || EVP_PKEY_eq(public_half, ca.key->key()) != 1) {
    return Refuse(FailureKind::kInvalid, "certificate and private key of CA " + ca.name + " do not belong together");
  }
  return {};
}

}  // namespace

Outcome<UnixTime> TimeOf(const ASN1_TIME* time) {
  const std::unique_ptr<ASN1_TIME, FreeWith<ASN1_TIME_free>> epoch(ASN1_TIME_set(nullptr, 0));
  int days = 0;
  int seconds = 0;
  if (!epoch || ASN1_TIME_diff(&days, &seconds, epoch.get(), time) != 1) {
    return Refuse(FailureKind::kInvalid, "a time in a certificate cannot be understood");
  }
  return UnixTime{days} * 86400 + seconds;
}

Outcome<std::string> CaStore::Keep(const std::string& name, ByteView certificate, EVP_PKEY* key,
                                   std::string_view chain) {
  constexpr std::size_t kDigitsInName = 16;
  const ErrorScope errors;
  const std::string key_file = name + "-" + FingerprintOf(certificate).substr(0, kDigitsInName) + std::string(kKeyEnd);
  const std::string path = directory_ + "/" + key_file;
  if (std::filesystem::exists(std::filesystem::symlink_status(path))) {
    return Refuse(FailureKind::kConflict, "there is a key of CA " + name + " already in " + path);
  }
  SR_TRY(const SecretBytes encoded, EncodeKey(key));
  SR_TRY(const Bytes sealed, vault_.Seal(encoded.Reveal(InsecureReveal::kForStore), ContextOf(name, certificate)));
  if (!chain.empty()) {
    SR_TRY_VOID(WriteFileAtomically(directory_ + "/" + ChainFileOf(key_file), AsBytes(chain), S_IRUSR | S_IWUSR));
  }
  SR_TRY_VOID(WriteFileAtomically(path, sealed, S_IRUSR | S_IWUSR));
  return key_file;
}

Outcome<std::shared_ptr<LoadedCa>> CaStore::Load(const CertificateAuthority& record) {
  if (record.key_file.empty()) {
    return Refuse(FailureKind::kConflict, "the private key of CA " + record.name + " is not here",
                  "import it with its key, or use another CA");
  }
  {
    const std::shared_lock lock(mutex_);
    const auto found = loaded_.find(record.key_file);
    if (found != loaded_.end() && found->second->name == record.name &&
        SameBytes(found->second->der, record.certificate)) {
      return found->second;
    }
  }
  SR_TRY(std::shared_ptr<LoadedCa> ca, Read(record));
  const std::unique_lock lock(mutex_);
  loaded_[record.key_file] = ca;
  return ca;
}

Outcome<std::shared_ptr<LoadedCa>> CaStore::Read(const CertificateAuthority& record) {
  const ErrorScope errors;
  if (!IsKeyFile(record.key_file)) {
    return Refuse(FailureKind::kInvalid, "the key file of CA " + record.name + " has no name of one");
  }
  const auto ca = std::make_shared<LoadedCa>();
  ca->name = record.name;
  ca->der = record.certificate;
  SR_TRY(ca->certificate, ParseCertificate(record.certificate));
  SR_TRY(const Bytes sealed, ReadWholeFile(directory_ + "/" + record.key_file, kMaxFileSize));
  SR_TRY(const SecretBytes encoded, vault_.Unseal(sealed, ContextOf(record.name, record.certificate)));
  SR_TRY(EvpPkey key, DecodeKey(encoded));
  SR_TRY(ca->key, SigningKey::Make(std::move(key)));
  SR_TRY_VOID(ReadFacts(*ca));
  for (const auto& [name, profile] : profiles_) {
    ExtensionPlan plan;
    plan.client_auth = profile.client_auth;
    plan.server_auth = profile.server_auth;
    plan.key_agreement = profile.key_agreement;
    plan.crl_url = profile.crl_url;
    plan.ocsp_url = profile.ocsp_url;
    ca->templates.emplace(name, CertificateTemplate(ca->subject, ca->key_identifier, ca->key->algorithm(), plan));
  }
  const std::string chain_path = directory_ + "/" + ChainFileOf(record.key_file);
  if (std::filesystem::exists(chain_path)) {
    SR_TRY(const Bytes chain, ReadWholeFile(chain_path, kMaxFileSize));
    ca->chain = AsText(chain);
  }
  return ca;
}

}  // namespace simroot::platform
