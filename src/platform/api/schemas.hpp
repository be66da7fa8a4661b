// SPDX-License-Identifier: Apache-2.0
/// Every body of a request and every answer of the API.
#pragma once

#include "platform/api/schema.hpp"

namespace simroot::platform::schemas {

// ---- parts that come again ----

inline constexpr Member kId{.name = "id", .kind = Kind::kInteger, .description = "never reused", .minimum = 1};
inline constexpr Member kTenantName{.name = "tenant", .description = "name of the tenant"};
inline constexpr Member kIccid{.name = "iccid", .description = "18 to 20 digits", .minimum = 18, .maximum = 20};
inline constexpr Member kCreated{.name = "created", .kind = Kind::kTime};
inline constexpr Member kNextPage{.name = "next",
                                  .kind = Kind::kInteger,
                                  .description = "give it as `after` for the next part; null: this was the last",
                                  .nullable = true};

inline constexpr std::int64_t kLongestLifetime = 100LL * 365 * 86400;
inline constexpr std::int64_t kLargestId = INT64_MAX;

// ---- answers ----

inline constexpr std::array kTenantMembers{kId, Member{.name = "name"}, kCreated};
inline constexpr Schema kTenant{"Tenant", kTenantMembers};

inline constexpr std::array kCardMembers{
    kIccid,
    kTenantName,
    Member{.name = "state", .names = kNamesIn<kCardStates>},
    Member{.name = "profile", .description = "as the factory's file names it"},
    Member{.name = "policy", .description = "how its credentials are made; null: \"default\"", .nullable = true},
    Member{.name = "device", .description = "name of the device it is in", .nullable = true},
    Member{.name = "eid"},
    Member{.name = "imsi"},
    Member{.name = "security_domain", .kind = Kind::kHex, .description = "AID"},
    kCreated,
    Member{.name = "last_contact", .kind = Kind::kTime, .description = "last authentic session", .nullable = true}};
inline constexpr Schema kCard{"Card", kCardMembers};

inline constexpr std::array kBadLineMembers{
    Member{.name = "line", .kind = Kind::kInteger, .description = "line 1 is the header"}, Member{.name = "message"}};
inline constexpr Schema kBadLine{"BadLine", kBadLineMembers};
inline constexpr std::array kImportMembers{
    Member{.name = "cards", .kind = Kind::kInteger, .description = "that are new"},
    Member{.name = "key_sets", .kind = Kind::kInteger}};
inline constexpr Schema kImport{"ImportReport", kImportMembers};

inline constexpr std::array kDeviceMembers{kId, Member{.name = "name"}, kTenantName, kIccid, kCreated};
inline constexpr Schema kDevice{"Device", kDeviceMembers};

inline constexpr std::array kCredentialMembers{
    kId,
    kTenantName,
    kIccid,
    Member{.name = "device", .description = "name of the device", .nullable = true},
    Member{.name = "kind", .names = kNamesIn<kCredentialKinds>},
    Member{.name = "state", .names = kNamesIn<kCredentialStates>},
    Member{.name = "name", .description = "certificate: serial number in hexadecimal; PSK: identity"},
    Member{.name = "slot", .kind = Kind::kInteger, .description = "container of the card", .maximum = 1},
    Member{.name = "job", .kind = Kind::kInteger, .description = "that made it", .nullable = true},
    Member{.name = "authority", .kind = Kind::kInteger, .description = "CA that issued it", .nullable = true},
    Member{.name = "not_before", .kind = Kind::kTime, .nullable = true},
    Member{.name = "not_after", .kind = Kind::kTime, .description = "null: no end", .nullable = true},
    Member{.name = "first_used",
           .kind = Kind::kTime,
           .description = "proof of use by an application server",
           .nullable = true},
    Member{.name = "changed", .kind = Kind::kTime, .description = "of the state", .nullable = true},
    Member{.name = "reason", .description = "of the last change"}};
inline constexpr Schema kCredential{"Credential", kCredentialMembers};

inline constexpr std::array kPolicyMembers{
    kId,
    kTenantName,
    Member{.name = "name"},
    Member{.name = "kind", .names = kNamesIn<kCredentialKinds>},
    Member{.name = "key_type"},
    Member{.name = "certificate_profile"},
    Member{
        .name = "authority", .kind = Kind::kInteger, .description = "null: the tenant's issuing CA", .nullable = true},
    Member{.name = "lifetime_s", .kind = Kind::kInteger},
    Member{.name = "renew_before_s", .kind = Kind::kInteger, .description = "before the end of a certificate"},
    Member{.name = "rotate_key", .kind = Kind::kBoolean, .description = "a new key at each renewal"},
    Member{.name = "psk_size", .kind = Kind::kInteger, .description = "bytes"},
    Member{.name = "label", .description = "of the active key on the card"},
    Member{.name = "attesting_key", .description = "hexadecimal identifier; empty: CSR alone"}};
inline constexpr Schema kPolicy{"Policy", kPolicyMembers};

inline constexpr std::array kJobMembers{
    kId,
    kTenantName,
    kIccid,
    Member{.name = "kind", .names = kNamesIn<kJobKinds>},
    Member{.name = "state", .names = kNamesIn<kJobStates>},
    Member{.name = "credential", .kind = Kind::kInteger, .description = "that it works on", .nullable = true},
    Member{.name = "attempts", .kind = Kind::kInteger, .description = "secured sessions that took it up"},
    kCreated,
    Member{.name = "not_before", .kind = Kind::kTime, .description = "of the next attempt", .nullable = true},
    Member{.name = "changed", .kind = Kind::kTime, .nullable = true},
    Member{.name = "error", .description = "of the last attempt"},
    Member{.name = "requested_by"}};
inline constexpr Schema kJob{"Job", kJobMembers};

inline constexpr std::array kJobStepMembers{
    Member{.name = "number", .kind = Kind::kInteger}, Member{.name = "time", .kind = Kind::kTime},
    Member{.name = "what"},
    Member{
        .name = "sw", .kind = Kind::kHex, .description = "status word of the card; null: no command", .nullable = true},
    Member{.name = "detail"}};
inline constexpr Schema kJobStep{"JobStep", kJobStepMembers};

inline constexpr std::array kAuthorityMembers{
    kId,
    kTenantName,
    Member{.name = "name"},
    Member{
        .name = "parent", .kind = Kind::kInteger, .description = "null: a root, or issued outside", .nullable = true},
    Member{.name = "issues", .kind = Kind::kBoolean, .description = "issues device certificates from now on"},
    Member{.name = "retired", .kind = Kind::kBoolean},
    kCreated,
    Member{.name = "not_after", .kind = Kind::kTime, .nullable = true},
    Member{.name = "crl_number", .kind = Kind::kInteger},
    Member{.name = "certificate", .kind = Kind::kText, .description = "PEM"}};
inline constexpr Schema kAuthority{"Authority", kAuthorityMembers};

inline constexpr std::array kTokenMembers{
    kId,
    Member{.name = "name", .description = "as in the audit log"},
    Member{.name = "role", .names = kNamesIn<kRoles>},
    Member{.name = "tenant", .description = "the only one it is for; null: all", .nullable = true},
    kCreated,
    Member{.name = "not_after", .kind = Kind::kTime, .description = "null: no end", .nullable = true},
    Member{.name = "revoked", .kind = Kind::kTime, .nullable = true}};
inline constexpr Schema kToken{"Token", kTokenMembers};
inline constexpr std::array kNewTokenMembers{kId,
                                             Member{.name = "name"},
                                             Member{.name = "role", .names = kNamesIn<kRoles>},
                                             Member{.name = "tenant", .nullable = true},
                                             Member{.name = "not_after", .kind = Kind::kTime, .nullable = true},
                                             Member{.name = "token", .description = "shown only now"}};
inline constexpr Schema kNewToken{"NewToken", kNewTokenMembers};

inline constexpr std::array kServerMembers{
    kId,         Member{.name = "name"},
    kTenantName, Member{.name = "fingerprint", .kind = Kind::kHex, .description = "SHA-256 of its certificate"},
    kCreated,    Member{.name = "revoked", .kind = Kind::kTime, .nullable = true}};
inline constexpr Schema kServer{"Server", kServerMembers};
inline constexpr std::array kEnrolledMembers{
    kId, Member{.name = "name"}, kTenantName,
    Member{.name = "certificate_chain", .kind = Kind::kText, .description = "PEM, its own first"}};
inline constexpr Schema kEnrolled{"EnrolledServer", kEnrolledMembers};

inline constexpr std::array kAuditMembers{
    Member{.name = "number", .kind = Kind::kInteger, .description = "from 1 without gaps"},
    Member{.name = "time", .kind = Kind::kTime},
    Member{.name = "tenant", .description = "null: of the platform", .nullable = true},
    Member{.name = "actor"},
    Member{.name = "action"},
    Member{.name = "object"},
    Member{.name = "detail", .kind = Kind::kAny},
    Member{.name = "hash",
           .kind = Kind::kHex,
           .description = "chains it to the entry before (docs/formats/audit-log.md)"}};
inline constexpr Schema kAudit{"AuditEntry", kAuditMembers};
inline constexpr std::array kAuditCheckMembers{
    Member{.name = "entries", .kind = Kind::kInteger, .description = "that fit together"}};
inline constexpr Schema kAuditCheck{"AuditCheck", kAuditCheckMembers};

inline constexpr Member kToldCredential{
    .name = "credential", .kind = Kind::kObject, .description = "as it is now", .object = &kCredential};
inline constexpr Member kFingerprint{.name = "fingerprint",
                                     .kind = Kind::kHex,
                                     .description = "SHA-256 of the certificate; null for a PSK",
                                     .nullable = true};
inline constexpr Member kSealedPsk{
    .name = "sealed_psk",
    .kind = Kind::kBase64,
    .description = "CMS AuthEnvelopedData for the asking server; null for everybody else",
    .nullable = true};
inline constexpr std::array kFeedItemMembers{
    Member{.name = "number", .kind = Kind::kInteger, .description = "resume after it"},
    Member{.name = "time", .kind = Kind::kTime},
    Member{.name = "kind", .description = "credential.active, credential.revoked, device.named, ..."},
    kToldCredential,
    Member{.name = "certificate", .kind = Kind::kBase64, .description = "DER; null for a PSK", .nullable = true},
    kFingerprint,
    kSealedPsk};
inline constexpr Schema kFeedItem{"FeedItem", kFeedItemMembers};
inline constexpr std::array kSnapshotItemMembers{kToldCredential, kFingerprint, kSealedPsk};
inline constexpr Schema kSnapshotItem{"SnapshotItem", kSnapshotItemMembers};
inline constexpr std::array kSnapshotMembers{
    Member{.name = "items", .kind = Kind::kObjects, .object = &kSnapshotItem}, kNextPage,
    Member{.name = "feed",
           .kind = Kind::kInteger,
           .description = "number of the newest change; follow the feed after that of the first part"}};
inline constexpr Schema kSnapshot{"Snapshot", kSnapshotMembers};
inline constexpr std::array kFeedMembers{
    Member{.name = "items", .kind = Kind::kObjects, .object = &kFeedItem},
    Member{.name = "next", .kind = Kind::kInteger, .description = "resume after it"}};
inline constexpr Schema kFeed{"Feed", kFeedMembers};

inline constexpr std::array kStatusMembers{Member{.name = "status", .description = "ok"}};
inline constexpr Schema kStatus{"Status", kStatusMembers};

inline constexpr std::array kRelayBatchMembers{
    Member{.name = "session", .description = "names the session in its next requests"},
    Member{.name = "done", .kind = Kind::kBoolean},
    Member{.name = "step", .kind = Kind::kInteger, .description = "give it with the answers", .required = false},
    Member{.name = "security_domain", .kind = Kind::kHex, .description = "AID to select; in step 1", .required = false},
    Member{.name = "commands",
           .kind = Kind::kHexes,
           .description = "to be sent one after the other, until one fails",
           .required = false},
    Member{.name = "provisioned",
           .kind = Kind::kBoolean,
           .description = "all jobs of the card are done",
           .required = false},
    Member{.name = "retry_after", .kind = Kind::kInteger, .description = "seconds", .required = false},
    Member{.name = "message", .required = false},
    Member{.name = "key_label", .required = false}};
inline constexpr Schema kRelayBatch{"RelayBatch", kRelayBatchMembers};

inline constexpr std::array kProblemMembers{Member{.name = "type"},
                                            Member{.name = "title"},
                                            Member{.name = "status", .kind = Kind::kInteger},
                                            Member{.name = "detail", .description = "what is wrong, and what to do"},
                                            Member{.name = "instance", .description = "request id, as in the log"},
                                            Member{.name = "bad",
                                                   .kind = Kind::kObjects,
                                                   .description = "lines of an import",
                                                   .required = false,
                                                   .object = &kBadLine}};
inline constexpr Schema kProblem{"Problem", kProblemMembers};

// ---- requests ----

inline constexpr std::array kNewTenantMembers{
    Member{.name = "name", .description = "1 to 64 of a-z 0-9 . _ -", .minimum = 1, .maximum = 64}};
inline constexpr Schema kNewTenant{"NewTenant", kNewTenantMembers};

inline constexpr std::array kCardChangeMembers{
    Member{.name = "state", .required = false, .names = kNamesIn<kCardStates>},
    Member{.name = "policy", .required = false, .minimum = 1, .maximum = 64},
    Member{.name = "tenant", .description = "a new owner", .required = false, .minimum = 1, .maximum = 64}};
inline constexpr Schema kCardChange{"CardChange", kCardChangeMembers};

inline constexpr std::array kDeviceNameMembers{Member{.name = "name", .minimum = 1, .maximum = 64}};
inline constexpr Schema kDeviceName{"DeviceName", kDeviceNameMembers};

inline constexpr std::array kCredentialStateMembers{
    Member{.name = "state", .names = kNamesIn<kCredentialStates>},
    Member{.name = "reason",
           .description = "of RFC 5280, for a revocation: keyCompromise, superseded, ...",
           .required = false,
           .maximum = 200}};
inline constexpr Schema kCredentialState{"CredentialStateChange", kCredentialStateMembers};

inline constexpr std::array kPutPolicyMembers{
    Member{.name = "kind", .required = false, .names = kNamesIn<kCredentialKinds>},
    Member{.name = "key_type", .required = false, .maximum = 64},
    Member{.name = "certificate_profile", .required = false, .maximum = 64},
    Member{.name = "authority", .kind = Kind::kInteger, .required = false, .nullable = true, .maximum = kLargestId},
    Member{.name = "lifetime_s", .kind = Kind::kInteger, .required = false, .maximum = kLongestLifetime},
    Member{.name = "renew_before_s", .kind = Kind::kInteger, .required = false, .maximum = kLongestLifetime},
    Member{.name = "rotate_key", .kind = Kind::kBoolean, .required = false},
    Member{.name = "psk_size", .kind = Kind::kInteger, .required = false, .minimum = 16, .maximum = 64},
    Member{.name = "label", .required = false, .minimum = 1, .maximum = 20},
    Member{.name = "attesting_key", .kind = Kind::kHex, .required = false, .maximum = 20}};
inline constexpr Schema kPutPolicy{"PolicyChange", kPutPolicyMembers};

inline constexpr std::array kNewJobMembers{kIccid, Member{.name = "kind", .names = kNamesIn<kJobKinds>}};
inline constexpr Schema kNewJob{"NewJob", kNewJobMembers};

inline constexpr std::array kNewAuthorityMembers{
    Member{.name = "name", .description = "of an imported CA", .required = false, .minimum = 1, .maximum = 64},
    Member{.name = "certificates",
           .kind = Kind::kText,
           .description = "PEM: the CA's certificate, then its chain",
           .required = false,
           .maximum = 100'000},
    Member{.name = "private_key", .kind = Kind::kText, .description = "PEM", .required = false, .maximum = 20'000}};
inline constexpr Schema kNewAuthority{"NewAuthority", kNewAuthorityMembers};

inline constexpr std::array kCreateTokenMembers{
    Member{.name = "name", .minimum = 1, .maximum = 64}, Member{.name = "role", .names = kNamesIn<kRoles>},
    Member{.name = "tenant", .description = "the only one it is for; without it all", .required = false, .maximum = 64},
    Member{.name = "lifetime_s",
           .kind = Kind::kInteger,
           .description = "without it for ever",
           .required = false,
           .minimum = 1,
           .maximum = kLongestLifetime}};
inline constexpr Schema kCreateToken{"TokenRequest", kCreateTokenMembers};

inline constexpr std::array kInviteMembers{Member{.name = "tenant", .minimum = 1, .maximum = 64},
                                           Member{.name = "name", .minimum = 1, .maximum = 64},
                                           Member{.name = "lifetime_s",
                                                  .kind = Kind::kInteger,
                                                  .description = "of the one-time token; one hour without it",
                                                  .required = false,
                                                  .minimum = 1,
                                                  .maximum = 7 * 86400}};
inline constexpr Schema kInvite{"Invitation", kInviteMembers};

inline constexpr std::array kEnrolMembers{
    Member{.name = "token", .description = "one-time token", .minimum = 1, .maximum = 200},
    Member{.name = "csr", .kind = Kind::kText, .description = "PKCS#10, PEM", .minimum = 1, .maximum = 20'000}};
inline constexpr Schema kEnrol{"Enrolment", kEnrolMembers};

inline constexpr std::array kRenewMembers{kEnrolMembers.back()};
inline constexpr Schema kRenew{"Renewal", kRenewMembers};

inline constexpr std::array kUseMembers{
    Member{.name = "credential", .description = "its name, as in the feed", .minimum = 1, .maximum = 200}};
inline constexpr Schema kUse{"ProofOfUse", kUseMembers};

inline constexpr std::array kOpeningMembers{Member{.name = "security_domain",
                                                   .kind = Kind::kHex,
                                                   .description = "AID that was selected",
                                                   .minimum = 5,
                                                   .maximum = 16},
                                            Member{.name = "challenge",
                                                   .kind = Kind::kHex,
                                                   .description = "of the INITIALIZE UPDATE for key version 00",
                                                   .minimum = 8,
                                                   .maximum = 8},
                                            Member{.name = "answer",
                                                   .kind = Kind::kHex,
                                                   .description = "data and status word of the card's answer to it",
                                                   .minimum = 2,
                                                   .maximum = 258}};
inline constexpr Schema kOpening{"RelayOpening", kOpeningMembers};

inline constexpr std::array kHelloMembers{kIccid,
                                          Member{.name = "aid",
                                                 .kind = Kind::kHex,
                                                 .description = "of the IoT SAFE applet; empty: none was found",
                                                 .required = false,
                                                 .maximum = 16},
                                          Member{.name = "application",
                                                 .kind = Kind::kHex,
                                                 .description = "answer to GET DATA (application)",
                                                 .required = false,
                                                 .maximum = 4096},
                                          Member{.name = "objects",
                                                 .kind = Kind::kHexes,
                                                 .description = "answers to GET DATA (object list)",
                                                 .required = false,
                                                 .maximum = 4096},
                                          Member{.name = "opening",
                                                 .kind = Kind::kObject,
                                                 .description = "a secured session that the device has begun by itself",
                                                 .required = false,
                                                 .object = &kOpening}};
inline constexpr Schema kHello{"RelayHello", kHelloMembers};

inline constexpr std::array kAnswersMembers{
    Member{.name = "step", .kind = Kind::kInteger, .minimum = 1, .maximum = 1'000'000},
    Member{.name = "answers",
           .kind = Kind::kHexes,
           .description = "data and status word of each command that was sent",
           .minimum = 2,
           .maximum = 65'538}};
inline constexpr Schema kAnswers{"RelayAnswers", kAnswersMembers};

}  // namespace simroot::platform::schemas
