// SPDX-License-Identifier: Apache-2.0
/// What the platform knows, as plain values. Ids are given by the store, are never reused, and 0 means none. Times are
/// UnixTime, 0 means never. Texts are UTF-8.
#pragma once

#include <string>
#include <vector>

#include "common/host/hex.hpp"
#include "platform/domain/clock.hpp"
#include "platform/domain/life_cycle.hpp"

namespace simroot::platform {

using Id = std::int64_t;

/// An owner of cards and devices; nothing is shared between tenants.
struct Tenant {
  Id id = 0;
  std::string name{};  ///< unique; 1 to 64 of a-z 0-9 . _ -
  UnixTime created = 0;
};

struct Card {
  Id id = 0;
  Id tenant = 0;
  std::string iccid{};      ///< 18 to 20 digits, unique in the platform
  std::string eid{};        ///< 32 digits or empty
  std::string imsi{};       ///< up to 15 digits
  std::string profile{};    ///< as the factory's file names it: blank, demo, type2, ...
  Bytes security_domain{};  ///< AID, 5 to 16 bytes
  CardState state = CardState::kImported;
  Id policy = 0;  ///< 0: the tenant's default
  UnixTime created = 0;
  UnixTime last_contact = 0;  ///< last authentic session
};

/// One key set of a card's security domain, sealed.
struct CardKeySet {
  Id card = 0;
  std::uint8_t version = 0;    ///< 30 to 3F SCP03, 01 to 0F SCP80
  std::uint8_t key_size = 16;  ///< bytes of each key: 16, 24, 32
  Bytes sealed{};  ///< ENC, MAC, DEK one after the other, under the vault; context "card-keys/ICCID/VERSION"
  std::int64_t scp03_sequence = -1;  ///< highest sequence counter a card has shown; -1: none yet
  std::int64_t scp80_counter = 0;    ///< highest counter that was reserved
};

/// What a card is in. One card is in at most one device.
struct Device {
  Id id = 0;
  Id tenant = 0;
  Id card = 0;
  std::string name{};  ///< unique in the tenant; 1 to 64 printable ASCII characters
  UnixTime created = 0;
};

struct Credential {
  Id id = 0;
  Id tenant = 0;
  Id card = 0;
  Id job = 0;  ///< that made it; unique: a job never makes two
  CredentialKind kind = CredentialKind::kCertificate;
  CredentialState state = CredentialState::kRequested;
  std::uint8_t slot = 0;  ///< which of the two containers of the card: 0 or 1
  std::string name{};     ///< certificate: serial number in hexadecimal; PSK: identity. Unique in the tenant
  Bytes certificate{};    ///< DER; empty for a PSK
  Bytes public_key{};     ///< uncompressed point, or SubjectPublicKeyInfo of another kind; empty for a PSK
  Bytes sealed_psk{};     ///< under the vault, context "psk/IDENTITY"; empty for a certificate
  Id authority = 0;       ///< CA that issued it
  UnixTime not_before = 0;
  UnixTime not_after = 0;   ///< 0: no end (PSK)
  UnixTime first_used = 0;  ///< proof of use by an application server
  UnixTime changed = 0;     ///< of the state
  UnixTime revoked = 0;     ///< stays when it is deleted from the card; made by the store
  std::string reason{};     ///< of the last change but its deletion: RFC 5280 name for a revocation
};

/// How credentials of a group of cards are made.
struct Policy {
  Id id = 0;
  Id tenant = 0;
  std::string name{};                                  ///< unique in the tenant; "default" always exists
  CredentialKind kind = CredentialKind::kCertificate;  ///< Type I or Type II cards
  std::string key_type = "p256";                       ///< p256, brainpoolP256r1, p384, rsa2048
  std::string certificate_profile = "device";          ///< authority/profiles
  Id authority = 0;                                    ///< 0: the tenant's issuing CA
  std::int64_t lifetime_s = 365 * 86400;
  std::int64_t renew_before_s = 30 * 86400;  ///< a rotation is queued so long before the end
  bool rotate_key = true;                    ///< a new key at each renewal
  std::uint8_t psk_size = 32;                ///< bytes, 16 to 64
  std::string label = "tls";                 ///< of the active key and certificate on the card, 1 to 20 characters
  std::string attesting_key{};               ///< hexadecimal identifier of the card's attesting key; empty: CSR alone
};

struct Job {
  Id id = 0;
  Id tenant = 0;
  Id card = 0;
  JobKind kind = JobKind::kSwitchOn;
  JobState state = JobState::kQueued;
  Id credential = 0;      ///< that it works on; 0: it makes one
  unsigned attempts = 0;  ///< secured sessions that took it up
  UnixTime created = 0;
  UnixTime not_before = 0;  ///< of the next attempt (back-off)
  UnixTime changed = 0;
  std::string error{};         ///< of the last attempt
  std::string requested_by{};  ///< actor, as in the audit log
};

/// One command of a job and what the card said.
struct JobStep {
  Id job = 0;
  std::int64_t number = 0;  ///< given by the store, from 1
  UnixTime time = 0;
  std::string what{};    ///< "GENERATE private key 01"
  std::uint16_t sw = 0;  ///< status word of the card; 0: not a command
  std::string detail{};
};

struct AuditEntry {
  std::int64_t number = 0;  ///< from 1 without gaps
  UnixTime time = 0;
  Id tenant = 0;         ///< 0: of the platform
  std::string actor{};   ///< "token NAME", "server NAME", "card ICCID", "platform", "address 127.0.0.1"
  std::string action{};  ///< "credential.revoke"
  std::string object{};  ///< "credential 17"
  std::string detail{};  ///< JSON object; never a secret
  Bytes hash{};          ///< SHA-256, see docs/formats/audit-log.md; made by the store
};

/// One change that application servers must know. Numbers rise without gaps per platform; a reader of one tenant sees
/// those of his tenant only.
struct FeedEvent {
  std::int64_t number = 0;
  UnixTime time = 0;
  Id tenant = 0;
  Id credential = 0;
  std::string kind{};  ///< "credential.active", "credential.revoked", "credential.used", "device.named", ...
};

struct Token {
  Id id = 0;
  Id tenant = 0;  ///< 0: all tenants
  std::string name{};
  Role role = Role::kViewer;
  Bytes hash{};  ///< SHA-256 of the token
  UnixTime created = 0;
  UnixTime not_after = 0;
  UnixTime revoked = 0;
};

/// An application server's middleware, known by its certificate.
struct ServerIdentity {
  Id id = 0;
  Id tenant = 0;
  std::string name{};
  Bytes fingerprint{};  ///< SHA-256 of the certificate
  Bytes certificate{};  ///< DER: what is for it alone is sealed to its key
  UnixTime created = 0;
  UnixTime revoked = 0;
};

struct CertificateAuthority {
  Id id = 0;
  Id tenant = 0;           ///< 0: the platform's own, for its server and the application servers
  std::string name{};      ///< "root", "issuing-1"
  Id parent = 0;           ///< 0: self-signed, or issued outside
  Bytes certificate{};     ///< DER
  std::string key_file{};  ///< in the vault's directory; empty: imported without key
  bool issues = false;     ///< issues device certificates
  bool retired = false;
  std::int64_t crl_number = 0;
  UnixTime created = 0;
};

}  // namespace simroot::platform
