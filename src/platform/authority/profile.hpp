// SPDX-License-Identifier: Apache-2.0
/// Certificate profiles as data, and the extensions of a certificate as a plan that both ways of making it carry out.
#pragma once

#include <map>

#include "platform/authority/authority.hpp"

namespace simroot::platform {

/// Reads one profile from JSON (docs/formats/certificate-profile.md). kInvalid names what is wrong with it: unknown
/// names, wrong types, a purpose missing, addresses that are none.
[[nodiscard]] Outcome<CertificateProfile> ParseProfile(const std::string& name, std::string_view json);

/// All profiles of `directory` by name, and the built-in "device" if there is none of that name. A directory that is
/// not there holds none. kInvalid names the file that is wrong.
[[nodiscard]] Outcome<std::map<std::string, CertificateProfile>> ReadProfiles(const std::string& directory);

/// 1 to 64 of a-z 0-9 . _ - and no point in front: the names of profiles and CAs, which become names of files.
[[nodiscard]] bool IsFileName(std::string_view name);

/// True for a host name of letters, digits, hyphens and points (RFC 1123), 1 to 253 characters.
[[nodiscard]] bool IsDnsName(std::string_view name);

/// What a certificate is for. Two ways carry it out: certificate_der.hpp and certificate_x509.hpp.
struct ExtensionPlan {
  bool is_ca = false;
  int path_length = 0;  ///< of a CA
  bool client_auth = false;
  bool server_auth = false;
  bool key_agreement = false;
  std::string crl_url;
  std::string ocsp_url;
  std::vector<std::string> dns_names;
  std::vector<std::string> addresses;  ///< IPv4 and IPv6, in text
};

/// The plan of a device's certificate. kInvalid if a DNS name is none once name and ICCID have been put in.
[[nodiscard]] Outcome<ExtensionPlan> PlanOf(const CertificateProfile& profile, const Subject& subject);

}  // namespace simroot::platform
