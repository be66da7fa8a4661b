// SPDX-License-Identifier: Apache-2.0
/// Private keys of CAs in files, sealed by the vault, and the CAs as they are used: loaded once, with everything
/// prepared.
#pragma once

#include <map>
#include <shared_mutex>

#include "platform/authority/certificate_der.hpp"
#include "platform/authority/signing_key.hpp"

namespace simroot::platform {

/// A CA whose key is at hand. Safe for any number of threads.
struct LoadedCa {
  std::string name;
  Bytes der;  ///< its certificate
  X509Ptr certificate;
  std::unique_ptr<SigningKey> key;
  Bytes subject;         ///< Name in DER
  Bytes key_identifier;  ///< its subject key identifier; may be empty
  UnixTime not_before = 0;
  UnixTime not_after = 0;
  std::map<std::string, CertificateTemplate> templates;  ///< by name of the profile
  std::string chain;  ///< PEM: certificates above it that came with an import; may be empty
};

class CaStore {
 public:
  using Profiles = std::map<std::string, CertificateProfile>;

  /// @param directory exists. The vault and the profiles outlive it.
  CaStore(Vault& vault, std::string directory, const Profiles& profiles)
      : vault_(vault), directory_(std::move(directory)), profiles_(profiles) {}

  /// Keeps a private key. @param chain PEM, may be empty. @returns the record's key_file. kConflict if there is one.
  [[nodiscard]] Outcome<std::string> Keep(const std::string& name, ByteView certificate, EVP_PKEY* key,
                                          std::string_view chain);
  /// The CA of a record. kConflict if it has no key; kInvalid if the record is damaged; kUnavailable or kInternal if
  /// the key's file cannot be read or opened.
  [[nodiscard]] Outcome<std::shared_ptr<LoadedCa>> Load(const CertificateAuthority& record);

 private:
  [[nodiscard]] Outcome<std::shared_ptr<LoadedCa>> Read(const CertificateAuthority& record);

  Vault& vault_;
  const std::string directory_;
  const Profiles& profiles_;
  std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<LoadedCa>> loaded_;  ///< by key_file
};

/// Seconds since 1970 of a time in a certificate.
[[nodiscard]] Outcome<UnixTime> TimeOf(const ASN1_TIME* time);

}  // namespace simroot::platform
