// SPDX-License-Identifier: Apache-2.0
/// Who this application server is to the platform. A directory (mode 0700) holds it: `identity.pem` (private key and
/// certificate chain, mode 0600), `platform-ca.pem` (what the platform's address is verified against), `server.json`
/// (address, name, tenant), `devices.copy` (the enciphered local copy). docs/formats/server-directory.md
#pragma once

#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "common/host/secret_bytes.hpp"
#include "server/directory/credential.hpp"

namespace simroot::server {

/// The files of such a directory.
struct IdentityFiles {
  explicit IdentityFiles(const std::string& directory)
      : identity(directory + "/identity.pem"),
        platform_ca(directory + "/platform-ca.pem"),
        settings(directory + "/server.json"),
        copy(directory + "/devices.copy") {}
  std::string identity;
  std::string platform_ca;
  std::string settings;
  std::string copy;
};

struct EnrolOptions {
  std::string directory;     ///< made, or empty of an identity
  std::string platform_url;  ///< https://HOST[:PORT]
  std::string ca_file;       ///< PEM; copied into the directory
  SecretBytes token;         ///< the one-time token
};

/// Makes a P-256 key and a request, spends the one-time token, writes the directory. All or nothing: what is
/// interrupted or refused leaves no identity behind. kUsage: there is one already, the token is not valid (any more),
/// or the options are wrong. kTransport: the platform was not reached; the token is as it was, unless the connection
/// broke after the request.
[[nodiscard]] Result<void> Enrol(const EnrolOptions& options);

struct Identity {
  std::string directory;
  std::string platform_url;
  std::string name;
  std::string tenant;
  Bytes certificate;        ///< DER of its own
  UnixTime not_before = 0;  ///< of that certificate
  UnixTime not_after = 0;   ///< of that certificate
  SecretBytes private_key;  ///< PEM
};

/// kStore: not readable, readable by others, damaged. kUsage: there is none.
[[nodiscard]] Result<Identity> LoadIdentity(const std::string& directory);

/// True in the last third of the certificate's time, and after it.
[[nodiscard]] bool NeedsRenewal(const Identity& identity, UnixTime now);

/// Replaces the certificate by a new one for the same key, at the platform (POST /v1/servers/renew). The old one stays
/// valid until its end; a link that is open goes on with it. kCrypto: the platform does not know this server (any
/// more), or its certificate has ended. kTransport: later.
[[nodiscard]] Result<void> RenewIdentity(const Identity& identity);

}  // namespace simroot::server
