// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/rows.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr std::string_view kCredentials =
    "SELECT id, tenant, card, job, kind, state, slot, name, der, public_key, sealed, authority, not_before, not_after, "
    "first_used, changed, revoked, reason FROM credential ";
constexpr std::string_view kContent =
    "LEFT JOIN certificate ON certificate.credential = id LEFT JOIN sealed_psk ON sealed_psk.credential = id";
std::string Credentials(std::string_view condition) {
  return Where(std::string(kCredentials).append(kContent), condition);
}
Credential ReadCredential(Query& row) {
  return {.id = row.Int(),
          .tenant = row.Int(),
          .card = row.Int(),
          .job = row.Int(),
          .kind = row.Named<CredentialKind>(),
          .state = row.Named<CredentialState>(),
          .slot = row.As<std::uint8_t>(),
          .name = row.Text(),
          .certificate = row.Blob(),
          .public_key = row.Blob(),
          .sealed_psk = row.Blob(),
          .authority = row.Int(),
          .not_before = row.Int(),
          .not_after = row.Int(),
          .first_used = row.Int(),
          .changed = row.Int(),
          .revoked = row.Int(),
          .reason = row.Text()};
}

}  // namespace

Outcome<Credential> Transaction::FindCredential(Id id) {
  return One(connection_.Ask(Credentials("id = ?"), id), ReadCredential, Numbered("credential", id));
}

Outcome<Credential> Transaction::FindCredentialByName(Id tenant, const std::string& name) {
  // Nameless ones are many; the condition also lets SQLite use the index, which holds only those with a name.
  return One(connection_.Ask(Credentials("tenant = ? AND name = ? AND name <> ''"), tenant, name), ReadCredential,
             "credential " + name);
}

Outcome<Credential> Transaction::FindCredentialOfJob(Id job) {
  return One(connection_.Ask(Credentials("job = ?"), job), ReadCredential, "credential of " + Numbered("job", job));
}

Outcome<std::vector<Credential>> Transaction::ListCredentials(const CredentialFilter& filter, const Page& page) {
  // A card has few, and few of a state end soon; SQLite would rather follow the order of the ids.
  const bool of_card = filter.card != 0;
  const bool by_end = !of_card && filter.ends_before != 0 && filter.state.has_value();
  const std::string select =
      std::string(kCredentials).append(by_end ? "INDEXED BY credential_by_end " : "").append(kContent);
  return PageQuery(select, "id", page)
      .WhereEqual(filter.tenant != 0, "tenant", !of_card && !by_end)
      .WhereEqual(of_card, "card", true)
      .WhereEqual(filter.state.has_value(), "state", !of_card)
      .Where(filter.kind.has_value(), "kind = ?")
      .Where(filter.ends_before != 0, "not_after > 0 AND not_after < ?")
      .Run(connection_, ReadCredential, [&](Query& query) {
        for (const Id id : {filter.tenant, filter.card}) {
          if (id != 0) {
            query.Bind(id);
          }
        }
        if (filter.state) {
          query.Bind(NameOf(*filter.state));
        }
        if (filter.kind) {
          query.Bind(NameOf(*filter.kind));
        }
        if (filter.ends_before != 0) {
          query.Bind(filter.ends_before);
        }
      });
}

Outcome<Id> Transaction::InsertCredential(const Credential& credential) {
  SR_TRY(const std::int64_t inserted,
         connection_.Change(
             "INSERT INTO credential (tenant, card, job, kind, state, slot, name, authority, not_before, not_after, "
             "first_used, changed, reason) SELECT tenant, id, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM card WHERE id = ? "
             "AND tenant = ?",
             Reference{credential.job}, NameOf(credential.kind), NameOf(credential.state), int{credential.slot},
             credential.name, Reference{credential.authority}, credential.not_before, credential.not_after,
             credential.first_used, credential.changed, credential.reason, credential.card, credential.tenant));
  if (inserted == 0) {
    return NoSuch(Numbered("card", credential.card) + " of this tenant");
  }
  const Id id = connection_.LastId();
  SR_TRY_VOID(PutCredentialContent(id, credential));
  return id;
}

Outcome<void> Transaction::PutCredentialContent(Id id, const Credential& credential) {
  if (!credential.certificate.empty() || !credential.public_key.empty()) {
    SR_TRY_VOID(connection_.Change("INSERT OR REPLACE INTO certificate (credential, der, public_key) VALUES (?, ?, ?)",
                                   id, credential.certificate, credential.public_key));
  }
  if (!credential.sealed_psk.empty()) {
    SR_TRY_VOID(connection_.Change("INSERT OR REPLACE INTO sealed_psk (credential, sealed) VALUES (?, ?)", id,
                                   credential.sealed_psk));
  }
  return {};
}

Outcome<void> Transaction::UpdateCredential(const Credential& credential) {
  SR_TRY_VOID(Found(
      connection_.Change("UPDATE credential SET slot = ?, name = ?, authority = ?, not_before = ?, not_after = ?, "
                         "first_used = ?, changed = ?, reason = ? WHERE id = ?",
                         int{credential.slot}, credential.name, Reference{credential.authority}, credential.not_before,
                         credential.not_after, credential.first_used, credential.changed, credential.reason,
                         credential.id),
      Numbered("credential", credential.id)));
  // What has become empty is gone.
  if (credential.certificate.empty() && credential.public_key.empty()) {
    SR_TRY_VOID(connection_.Change("DELETE FROM certificate WHERE credential = ?", credential.id));
  }
  if (credential.sealed_psk.empty()) {
    SR_TRY_VOID(connection_.Change("DELETE FROM sealed_psk WHERE credential = ?", credential.id));
  }
  return PutCredentialContent(credential.id, credential);
}

Outcome<void> Transaction::TransitionCredential(Id credential, CredentialState from, CredentialState to,
                                                const std::string& reason, UnixTime now) {
  SR_TRY_VOID(CheckTransition("credential", from, to));
  return StillInState(connection_,
                      connection_.Change("UPDATE credential SET state = ?, reason = iif(?, reason, ?), changed = ?, "
                                         "revoked = iif(?, ?, revoked) WHERE id = ? AND state = ?",
                                         NameOf(to), to == CredentialState::kDeleted, reason, now,
                                         to == CredentialState::kRevoked, now, credential, NameOf(from)),
                      "credential", "SELECT state FROM credential WHERE id = ?", credential);
}

}  // namespace simroot::platform::sqlite
