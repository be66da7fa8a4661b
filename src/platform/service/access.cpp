// SPDX-License-Identifier: Apache-2.0
/// Who may talk to the platform: tokens of operators, certificates of application servers.
#include "platform/domain/validate.hpp"
#include "platform/service/changes.hpp"
#include "platform/service/secrets.hpp"
#include "platform/service/service_impl.hpp"

namespace simroot::platform {
namespace {

constexpr std::string_view kTokenPrefix = "srt_";
constexpr std::string_view kInvitationPrefix = "sri_";
constexpr std::int64_t kServerCertificateLifetime = 365LL * 86400;
constexpr std::int64_t kLongestInvitation = 7LL * 86400;
constexpr std::size_t kMostCertificates = 8;  ///< of a server that are valid at a time: one that is mad fills no disk

/// Of a token or a certificate; the same for every reason.
[[nodiscard]] tl::unexpected<Failure> NotKnown() {
  return Refuse(FailureKind::kDenied, "these credentials are not valid (any more)",
                "ask an administrator for new ones");
}

[[nodiscard]] bool IsValid(const Token& token, UnixTime now) {
  return token.revoked == 0 && (token.not_after == 0 || token.not_after > now);
}

/// The audit log names tokens and servers by their names: two of one name could not be told apart.
[[nodiscard]] Outcome<void> RequireFreeTokenName(StoreReader& reader, const Token& token, UnixTime now) {
  SR_TRY(const auto tokens, ReadAll<Token>([&](const Page& page) { return reader.ListTokens(page); }));
  if (std::ranges::any_of(tokens, [&](const Token& other) {
        return other.tenant == token.tenant && other.name == token.name && IsValid(other, now);
      })) {
    return Refuse(FailureKind::kConflict, "there is a valid token " + token.name + " already",
                  "choose another name, or revoke that one first");
  }
  return {};
}

[[nodiscard]] Outcome<void> RequireFreeServerName(StoreReader& reader, Id tenant, const std::string& name) {
  SR_TRY(const auto servers,
         ReadAll<ServerIdentity>([&](const Page& page) { return reader.ListServers(tenant, page); }));
  if (std::ranges::any_of(servers,
                          [&](const ServerIdentity& other) { return other.name == name && other.revoked == 0; })) {
    return Refuse(FailureKind::kConflict, "there is a server " + name + " already",
                  "choose another name, or revoke that one first");
  }
  return {};
}

/// Each certificate of a server is a record of its own: those of the same name that are not revoked.
[[nodiscard]] Outcome<std::vector<ServerIdentity>> CertificatesOf(StoreReader& reader, const ServerIdentity& server) {
  SR_TRY(auto servers,
         ReadAll<ServerIdentity>([&](const Page& page) { return reader.ListServers(server.tenant, page); }));
  std::erase_if(servers, [&](const ServerIdentity& other) { return other.name != server.name || other.revoked != 0; });
  return servers;
}

[[nodiscard]] bool HasEnded(const ServerIdentity& server, UnixTime now) {
  return server.created + kServerCertificateLifetime <= now;
}

/// Does the server of this certificate live on? Only a renewal ends single certificates of a server, in the second in
/// which it makes the next one, and at least the one that asked outlives it; an administrator ends all at once.
[[nodiscard]] Outcome<bool> LivesOn(std::vector<ServerIdentity> servers, ServerIdentity server) {
  std::erase_if(
      servers, [&](const ServerIdentity& other) { return other.tenant != server.tenant || other.name != server.name; });
  std::ranges::sort(servers, {}, &ServerIdentity::id);
  const Id asked = server.id;
  bool sure = true;
  while (server.revoked != 0) {
    const auto next = std::ranges::find_if(
        servers, [&](const ServerIdentity& other) { return other.id > server.id && other.created == server.revoked; });
    if (next == servers.end()) {
      return false;
    }
    const bool renewed = std::any_of(servers.begin(), next, [&](const ServerIdentity& other) {
      return other.revoked == 0 || other.revoked > server.revoked;
    });
    if (!renewed && !HasEnded(server, server.revoked)) {
      return false;  // revoked, and a namesake enrolled within that second
    }
    sure = sure && renewed;
    server = *next;
  }
  if (!sure) {
    return Refuse(FailureKind::kConflict,
                  "certificate " + std::to_string(asked) + " of server " + server.name +
                      " has ended, and whether the server of this name is the same one cannot be told",
                  "revoke the server by the id " + std::to_string(server.id));
  }
  return true;
}

/// For a server that has as many certificates as it may: ends the newest ones but the one that asks. Those were never
/// taken up (the answer was lost, or the server's disk was full), or the server would ask with them.
[[nodiscard]] Outcome<void> MakeRoom(StoreWriter& writer, std::vector<ServerIdentity> valid, Id asking, UnixTime now) {
  std::ranges::sort(valid, std::ranges::greater(), &ServerIdentity::id);
  std::size_t left = valid.size();
  for (const ServerIdentity& one : valid) {
    if (left >= kMostCertificates && one.id != asking) {
      SR_TRY_VOID(writer.RevokeServer(one.id, now));
      --left;
    }
  }
  return {};
}

[[nodiscard]] Actor AsActor(const ServerIdentity& server) {
  return {.name = "server " + server.name, .role = Role::kViewer, .tenant = server.tenant, .certificate = {}};
}

[[nodiscard]] Outcome<Token> FindToken(Store& store, std::string_view text) {
  SR_TRY(const Bytes hash, Sha256(AsBytes(text)));
  Token token;
  SR_TRY_VOID(store.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(token, reader.FindTokenByHash(hash));
    return {};
  }));
  return token;
}

}  // namespace

Outcome<Tenant> ServiceImpl::FindTenant(const Actor& actor, const std::string& name) {
  Tenant tenant;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(tenant, reader.FindTenant(name));
    return {};
  }));
  SR_TRY_VOID(RequireTenant(actor, tenant.id, "tenant " + name));
  return tenant;
}

Outcome<NewToken> ServiceImpl::MakeToken(const Actor& actor, std::string_view prefix, Token token,
                                         const std::string& action,
                                         const std::function<Outcome<void>(StoreReader&, const Token&)>& check) {
  NewToken made;
  SR_TRY(made.text, RandomToken(prefix));
  SR_TRY(token.hash, Sha256(made.text.Reveal(InsecureReveal::kForCrypto)));
  token.created = clock_.Now();
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY_VOID(check(writer, token));
    SR_TRY(token.id, writer.InsertToken(token));
    return Note(writer, actor, token.tenant, action, "token " + token.name, Detail("role", NameOf(token.role)));
  });
  SR_TRY_VOID(written);
  made.token = std::move(token);
  return made;
}

Outcome<NewToken> ServiceImpl::CreateToken(const Actor& actor, const std::string& name, Role role,
                                           const std::string& tenant, UnixTime not_after) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  SR_TRY_VOID(CheckDeviceName(name));
  Token token;
  token.name = name;
  token.role = role;
  token.not_after = not_after;
  if (!tenant.empty()) {
    SR_TRY(const Tenant found, FindTenant(actor, tenant));
    token.tenant = found.id;
  } else if (actor.tenant != 0) {
    token.tenant = actor.tenant;  // nobody gives more than he has
  }
  if (not_after != 0 && not_after <= clock_.Now()) {
    return Refuse(FailureKind::kInvalid, "a token that has expired is of no use", "give an end in the future");
  }
  return MakeToken(
      actor, kTokenPrefix, std::move(token), "token.create",
      [this](StoreReader& reader, const Token& made) { return RequireFreeTokenName(reader, made, clock_.Now()); });
}

Outcome<Token> ServiceImpl::RevokeToken(const Actor& actor, Id id) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  Token revoked;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(auto tokens, ReadAll<Token>([&](const Page& page) { return writer.ListTokens(page); }));
    const auto token = std::ranges::find(tokens, id, &Token::id);
    if (token == tokens.end() || (actor.tenant != 0 && actor.tenant != token->tenant)) {
      return Refuse(FailureKind::kNotFound, "there is no token " + std::to_string(id));
    }
    revoked = *token;
    if (revoked.revoked != 0) {
      return {};
    }
    const auto opens_everything = [this](const Token& other) {
      return other.role == Role::kAdmin && other.tenant == 0 && IsValid(other, clock_.Now());
    };
    if (opens_everything(revoked) && std::ranges::count_if(tokens, opens_everything) == 1) {
      return Refuse(FailureKind::kConflict, "token " + revoked.name + " is the last one of an administrator",
                    "make another one first");
    }
    revoked.revoked = clock_.Now();
    SR_TRY_VOID(writer.RevokeToken(id, revoked.revoked));
    return Note(writer, actor, token->tenant, "token.revoke", "token " + token->name);
  });
  SR_TRY_VOID(written);
  return revoked;
}

Outcome<Actor> ServiceImpl::Authenticate(std::string_view text) {
  if (!text.starts_with(kTokenPrefix)) {
    return NotKnown();
  }
  auto token = FindToken(store_, text);
  if (!token && token.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(std::move(token).error());
  }
  if (!token || !IsValid(*token, clock_.Now())) {
    return NotKnown();
  }
  return Actor{.name = "token " + token->name, .role = token->role, .tenant = token->tenant, .certificate = {}};
}

Outcome<Actor> ServiceImpl::AuthenticateServer(ByteView certificate) {
  SR_TRY(const Bytes fingerprint, Sha256(certificate));
  ServerIdentity server;
  const auto found = store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(server, reader.FindServerByFingerprint(fingerprint));
    return {};
  });
  if (!found && found.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(found.error());
  }
  if (!found || server.revoked != 0) {
    return NotKnown();
  }
  Actor actor = AsActor(server);
  actor.certificate.assign(certificate.begin(), certificate.end());
  return actor;
}

Outcome<NewToken> ServiceImpl::InviteServer(const Actor& actor, const std::string& tenant, const std::string& name,
                                            std::int64_t lifetime_s) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  SR_TRY_VOID(CheckDeviceName(name));
  SR_TRY(const Tenant found, FindTenant(actor, tenant));
  if (lifetime_s < 1 || lifetime_s > kLongestInvitation) {
    return Refuse(FailureKind::kInvalid, "an invitation lasts from a second to seven days");
  }
  Token token;
  token.name = name;
  token.tenant = found.id;
  token.not_after = clock_.Now() + lifetime_s;
  return MakeToken(
      actor, kInvitationPrefix, std::move(token), "server.invite",
      [](StoreReader& reader, const Token& made) { return RequireFreeServerName(reader, made.tenant, made.name); });
}

Outcome<EnrolledServer> ServiceImpl::EnrolServer(std::string_view one_time_token, ByteView csr) {
  if (!one_time_token.starts_with(kInvitationPrefix)) {
    return NotKnown();
  }
  const auto token = FindToken(store_, one_time_token);
  if (!token && token.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(token.error());
  }
  if (!token || !IsValid(*token, clock_.Now())) {
    return NotKnown();
  }
  SR_TRY(EnrolledServer enrolled, IssueForServer(token->tenant, token->name, csr));
  ServerIdentity& identity = enrolled.identity;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const Token now, writer.FindTokenByHash(token->hash));
    if (!IsValid(now, clock_.Now())) {
      return NotKnown();  // somebody spent it meanwhile
    }
    SR_TRY_VOID(RequireFreeServerName(writer, identity.tenant, identity.name));
    SR_TRY_VOID(writer.RevokeToken(token->id, clock_.Now()));
    SR_TRY(identity.id, writer.InsertServer(identity));
    return Note(writer, AsActor(identity), identity.tenant, "server.enrol", "server " + identity.name);
  });
  SR_TRY_VOID(written);
  return enrolled;
}

Outcome<EnrolledServer> ServiceImpl::IssueForServer(Id tenant, const std::string& name, ByteView csr) {
  SR_TRY(const CertificateAuthority platform, PlatformAuthority());
  EnrolledServer enrolled;
  ServerIdentity& identity = enrolled.identity;
  identity.tenant = tenant;
  identity.name = name;
  identity.created = clock_.Now();
  SR_TRY(identity.certificate,
         authority_.IssueTlsClient(platform, csr, {.common_name = name, .serial_number = {}, .organization = {}},
                                   identity.created, kServerCertificateLifetime));
  SR_TRY(identity.fingerprint, Sha256(identity.certificate));
  // A server whose key nothing can be sealed for would never learn a PSK; better told now.
  constexpr std::array<std::uint8_t, 1> kProbe{0};
  if (!SealForCertificate(identity.certificate, kProbe)) {
    return Refuse(FailureKind::kInvalid, "nothing can be encrypted for the key of this certificate request",
                  "make it with an EC key (P-256 or P-384) or an RSA key");
  }
  enrolled.certificate_chain = CertificateToPem(identity.certificate) + CertificateToPem(platform.certificate);
  return enrolled;
}

Outcome<EnrolledServer> ServiceImpl::RenewServer(const Actor& actor, ByteView csr) {
  if (actor.certificate.empty()) {
    return Refuse(FailureKind::kDenied, "only an application server renews its certificate");
  }
  SR_TRY(const Bytes fingerprint, Sha256(actor.certificate));
  ServerIdentity known;
  SR_TRY_VOID(store_.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(known, reader.FindServerByFingerprint(fingerprint));
    return {};
  }));
  SR_TRY(EnrolledServer renewed, IssueForServer(known.tenant, known.name, csr));
  ServerIdentity& identity = renewed.identity;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const ServerIdentity now, writer.FindServerByFingerprint(fingerprint));
    if (now.revoked != 0) {
      return NotKnown();  // somebody has revoked it meanwhile
    }
    SR_TRY(const auto all, CertificatesOf(writer, now));
    std::vector<ServerIdentity> valid;
    for (const ServerIdentity& old : all) {
      if (!HasEnded(old, identity.created)) {
        valid.push_back(old);
      } else if (old.id != now.id) {
        SR_TRY_VOID(writer.RevokeServer(old.id, identity.created));
      }
    }
    SR_TRY_VOID(MakeRoom(writer, std::move(valid), now.id, identity.created));
    SR_TRY(identity.id, writer.InsertServer(identity));
    return Note(writer, AsActor(identity), identity.tenant, "server.renew", "server " + identity.name);
  });
  SR_TRY_VOID(written);
  return renewed;
}

Outcome<ServerIdentity> ServiceImpl::RevokeServer(const Actor& actor, Id id) {
  SR_TRY_VOID(RequireRole(actor, Role::kAdmin));
  ServerIdentity revoked;
  const auto written = store_.Write([&](StoreWriter& writer) -> Outcome<void> {
    SR_TRY(const auto servers,
           ReadAll<ServerIdentity>([&](const Page& page) { return writer.ListServers(actor.tenant, page); }));
    const auto server = std::ranges::find(servers, id, &ServerIdentity::id);
    if (server == servers.end()) {
      return Refuse(FailureKind::kNotFound, "there is no server " + std::to_string(id));
    }
    revoked = *server;
    SR_TRY(const bool lives, LivesOn(servers, revoked));
    SR_TRY(const auto certificates, CertificatesOf(writer, revoked));
    if (!lives || certificates.empty()) {
      return {};
    }
    const UnixTime now = clock_.Now();
    for (const ServerIdentity& one : certificates) {
      SR_TRY_VOID(writer.RevokeServer(one.id, now));
    }
    revoked.revoked = revoked.revoked != 0 ? revoked.revoked : now;
    return Note(writer, actor, revoked.tenant, "server.revoke", "server " + revoked.name);
  });
  SR_TRY_VOID(written);
  return revoked;
}

}  // namespace simroot::platform
