// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/rows.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr std::string_view kTokens = "SELECT id, tenant, name, role, hash, created, not_after, revoked FROM token";
Token ReadToken(Query& row) {
  return {.id = row.Int(),
          .tenant = row.Int(),
          .name = row.Text(),
          .role = row.Named<Role>(),
          .hash = row.Blob(),
          .created = row.Int(),
          .not_after = row.Int(),
          .revoked = row.Int()};
}

constexpr std::string_view kServers = "SELECT id, tenant, name, fingerprint, certificate, created, revoked FROM server";
ServerIdentity ReadServer(Query& row) {
  return {.id = row.Int(),
          .tenant = row.Int(),
          .name = row.Text(),
          .fingerprint = row.Blob(),
          .certificate = row.Blob(),
          .created = row.Int(),
          .revoked = row.Int()};
}

StoreReader::Reply ReadReply(Query& row) {
  return {.request_hash = row.Blob(), .status = row.As<int>(), .body = row.Text(), .time = row.Int()};
}

/// After "UPDATE ... SET revoked = ... WHERE id = ? AND revoked = 0".
Outcome<void> CheckRevoked(const Outcome<std::int64_t>& changed, const Outcome<std::optional<std::int64_t>>& exists,
                           const std::string& what) {
  if (!changed) {
    return tl::unexpected(changed.error());
  }
  if (*changed != 0) {
    return {};
  }
  if (!exists) {
    return tl::unexpected(exists.error());
  }
  if (!exists->has_value()) {
    return NoSuch(what);
  }
  return Refuse(FailureKind::kConflict, what + " is revoked already");
}

}  // namespace

Outcome<Token> Transaction::FindTokenByHash(ByteView hash) {
  return One(connection_.Ask(Where(kTokens, "hash = ?"), hash), ReadToken, "such token");
}

Outcome<std::vector<Token>> Transaction::ListTokens(const Page& page) {
  return PageQuery(kTokens, "id", page).Run(connection_, ReadToken, [](Query&) {});
}

Outcome<Id> Transaction::InsertToken(const Token& token) {
  SR_TRY_VOID(connection_.Change(
      "INSERT INTO token (tenant, name, role, hash, created, not_after, revoked) VALUES (?, ?, ?, ?, ?, ?, ?)",
      Reference{token.tenant}, token.name, NameOf(token.role), token.hash, token.created, token.not_after,
      token.revoked));
  return connection_.LastId();
}

Outcome<void> Transaction::RevokeToken(Id token, UnixTime now) {
  const auto changed = connection_.Change("UPDATE token SET revoked = ? WHERE id = ? AND revoked = 0", now, token);
  return CheckRevoked(changed, connection_.Number("SELECT 1 FROM token WHERE id = ?", token), Numbered("token", token));
}

Outcome<ServerIdentity> Transaction::FindServerByFingerprint(ByteView fingerprint) {
  return One(connection_.Ask(Where(kServers, "fingerprint = ?"), fingerprint), ReadServer,
             "server with this certificate");
}

Outcome<std::vector<ServerIdentity>> Transaction::ListServers(Id tenant, const Page& page) {
  return PageOfTenant(connection_, kServers, "id", tenant, page, ReadServer);
}

Outcome<Id> Transaction::InsertServer(const ServerIdentity& server) {
  SR_TRY_VOID(connection_.Change(
      "INSERT INTO server (tenant, name, fingerprint, certificate, created, revoked) VALUES (?, ?, ?, ?, ?, ?)",
      server.tenant, server.name, server.fingerprint, server.certificate, server.created, server.revoked));
  return connection_.LastId();
}

Outcome<void> Transaction::RevokeServer(Id server, UnixTime now) {
  const auto changed = connection_.Change("UPDATE server SET revoked = ? WHERE id = ? AND revoked = 0", now, server);
  return CheckRevoked(changed, connection_.Number("SELECT 1 FROM server WHERE id = ?", server),
                      Numbered("server", server));
}

Outcome<StoreReader::Reply> Transaction::FindReply(const std::string& actor, const std::string& key) {
  return One(
      connection_.Ask("SELECT request_hash, status, body, time FROM reply WHERE actor = ? AND key = ?", actor, key),
      ReadReply, "reply with this key");
}

Outcome<void> Transaction::InsertReply(const std::string& actor, const std::string& key, const Reply& reply) {
  SR_TRY_VOID(
      connection_.Change("INSERT INTO reply (actor, key, request_hash, status, body, time) VALUES (?, ?, ?, ?, ?, ?)",
                         actor, key, reply.request_hash, reply.status, reply.body, reply.time));
  return {};
}

Outcome<void> Transaction::DeleteRepliesBefore(UnixTime time) {
  SR_TRY_VOID(connection_.Change("DELETE FROM reply WHERE time < ?", time));
  return {};
}

}  // namespace simroot::platform::sqlite
