// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/schema.hpp"

namespace simroot::platform::sqlite {
namespace {

/// "TEXT NOT NULL CHECK (column IN ('a', 'b'))" from the table of names.
template <typename State>
std::string Names(const std::string& column) {
  std::string names;
  for (const auto& row : NamesOf(State{})) {
    names += (names.empty() ? "'" : ", '") + std::string(row.name) + "'";
  }
  return column + " TEXT NOT NULL CHECK (" + column + " IN (" + names + "))";
}

/// A trigger that lets only the transitions of the table through.
template <typename State>
std::string Guard(const std::string& table) {
  std::string allowed;
  for (const auto& row : TransitionsOf(State{})) {
    allowed += (allowed.empty() ? "" : " OR ") + ("(old.state = '" + std::string(NameOf(row.from))) +
               "' AND new.state = '" + std::string(NameOf(row.to)) + "')";
  }
  return "CREATE TRIGGER " + table + "_state BEFORE UPDATE OF state ON " + table + " WHEN NOT (" + allowed +
         ") BEGIN SELECT RAISE(ABORT, 'this change of the state of a " + table + " is not allowed'); END;";
}

/// Triggers of a log: it only grows.
std::string OnlyGrows(const std::string& table) {
  std::string sql;
  for (const std::string change : {"UPDATE", "DELETE"}) {
    sql += "CREATE TRIGGER " + table + "_no_" + change + " BEFORE " + change + " ON " + table +
           " BEGIN SELECT RAISE(ABORT, '" + table + ": what is written stays'); END;";
  }
  return sql;
}

std::string OwnersAndRules() {
  return R"sql(
CREATE TABLE tenant (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL
) STRICT;
CREATE TABLE authority (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER REFERENCES tenant,  -- NULL: the platform's own
  name TEXT NOT NULL,
  parent INTEGER REFERENCES authority,
  certificate BLOB NOT NULL,
  key_file TEXT NOT NULL,
  issues INTEGER NOT NULL CHECK (issues IN (0, 1)),
  retired INTEGER NOT NULL CHECK (retired IN (0, 1)),
  crl_number INTEGER NOT NULL CHECK (crl_number >= 0),
  created INTEGER NOT NULL,
  UNIQUE (tenant, name)
) STRICT;
CREATE UNIQUE INDEX authority_of_platform ON authority (name) WHERE tenant IS NULL;
CREATE TABLE policy (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenant,
  name TEXT NOT NULL,
  )sql" + Names<CredentialKind>("kind") +
         R"sql(,
  key_type TEXT NOT NULL,
  certificate_profile TEXT NOT NULL,
  authority INTEGER REFERENCES authority,
  lifetime_s INTEGER NOT NULL CHECK (lifetime_s > 0),
  renew_before_s INTEGER NOT NULL CHECK (renew_before_s >= 0),
  rotate_key INTEGER NOT NULL CHECK (rotate_key IN (0, 1)),
  psk_size INTEGER NOT NULL CHECK (psk_size BETWEEN 16 AND 64),
  label TEXT NOT NULL,
  attesting_key TEXT NOT NULL,
  UNIQUE (tenant, name)
) STRICT;
CREATE TABLE token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER REFERENCES tenant,
  name TEXT NOT NULL,
  )sql" + Names<Role>("role") +
         R"sql(,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  created INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  revoked INTEGER NOT NULL
) STRICT;
CREATE TABLE server (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenant,
  name TEXT NOT NULL,
  fingerprint BLOB NOT NULL UNIQUE CHECK (length(fingerprint) = 32),
  certificate BLOB NOT NULL,
  created INTEGER NOT NULL,
  revoked INTEGER NOT NULL
) STRICT;
)sql";
}

std::string CardsAndDevices() {
  return R"sql(
CREATE TABLE card (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenant,
  iccid TEXT NOT NULL,
  eid TEXT NOT NULL,
  imsi TEXT NOT NULL,
  profile TEXT NOT NULL,
  security_domain BLOB NOT NULL,
  )sql" + Names<CardState>("state") +
         R"sql(,
  policy INTEGER REFERENCES policy,
  created INTEGER NOT NULL,
  last_contact INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX card_by_iccid ON card (iccid);
CREATE INDEX card_by_tenant ON card (tenant);
CREATE INDEX card_by_state ON card (state);
CREATE INDEX card_by_tenant_and_state ON card (tenant, state);
CREATE TABLE card_key (
  card INTEGER NOT NULL REFERENCES card,
  version INTEGER NOT NULL CHECK (version BETWEEN 1 AND 255),
  key_size INTEGER NOT NULL CHECK (key_size IN (16, 24, 32)),
  sealed BLOB NOT NULL,
  scp03_sequence INTEGER NOT NULL CHECK (scp03_sequence BETWEEN -1 AND 0xFFFFFF),
  scp80_counter INTEGER NOT NULL CHECK (scp80_counter BETWEEN 0 AND 0xFFFFFFFFFE),
  PRIMARY KEY (card, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE device (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenant,
  card INTEGER UNIQUE REFERENCES card,
  name TEXT NOT NULL,
  created INTEGER NOT NULL,
  UNIQUE (tenant, name)
) STRICT;
CREATE INDEX device_by_tenant ON device (tenant);
)sql";
}

std::string JobsAndCredentials() {
  return R"sql(
CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenant,
  card INTEGER NOT NULL REFERENCES card,
  )sql" + Names<JobKind>("kind") +
         ",\n  " + Names<JobState>("state") + R"sql(,
  credential INTEGER REFERENCES credential,
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  created INTEGER NOT NULL,
  not_before INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  error TEXT NOT NULL,
  requested_by TEXT NOT NULL
) STRICT;
CREATE INDEX job_by_tenant ON job (tenant);
CREATE INDEX job_by_card ON job (card);
CREATE INDEX job_by_state ON job (state);
CREATE INDEX job_by_tenant_and_state ON job (tenant, state);
CREATE INDEX job_waiting ON job (card) WHERE state IN ('queued', 'running');
CREATE TABLE job_step (
  job INTEGER NOT NULL REFERENCES job,
  number INTEGER NOT NULL CHECK (number > 0),
  time INTEGER NOT NULL,
  what TEXT NOT NULL,
  sw INTEGER NOT NULL CHECK (sw BETWEEN 0 AND 0xFFFF),
  detail TEXT NOT NULL,
  PRIMARY KEY (job, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE credential (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant INTEGER NOT NULL REFERENCES tenant,
  card INTEGER NOT NULL REFERENCES card,
  job INTEGER UNIQUE REFERENCES job,
  )sql" + Names<CredentialKind>("kind") +
         ",\n  " + Names<CredentialState>("state") + R"sql(,
  slot INTEGER NOT NULL CHECK (slot IN (0, 1)),
  name TEXT NOT NULL,
  authority INTEGER REFERENCES authority,
  not_before INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  first_used INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  revoked INTEGER NOT NULL DEFAULT 0,
  reason TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX credential_by_name ON credential (tenant, name) WHERE name <> '';
CREATE INDEX credential_by_tenant ON credential (tenant);
CREATE INDEX credential_by_card ON credential (card);
CREATE INDEX credential_by_state ON credential (state);
CREATE INDEX credential_by_tenant_and_state ON credential (tenant, state);
CREATE INDEX credential_by_end ON credential (state, not_after) WHERE not_after > 0;
CREATE TABLE certificate (
  credential INTEGER PRIMARY KEY REFERENCES credential,
  der BLOB NOT NULL,
  public_key BLOB NOT NULL
) STRICT;
CREATE TABLE sealed_psk (
  credential INTEGER PRIMARY KEY REFERENCES credential,
  sealed BLOB NOT NULL
) STRICT;
)sql";
}

std::string Logs() {
  return R"sql(
CREATE TABLE audit (
  number INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  tenant INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_by_tenant ON audit (tenant);
CREATE TABLE feed (
  number INTEGER PRIMARY KEY,
  time INTEGER NOT NULL,
  tenant INTEGER NOT NULL,
  credential INTEGER REFERENCES credential,
  kind TEXT NOT NULL
) STRICT;
CREATE INDEX feed_by_tenant ON feed (tenant);
CREATE TABLE reply (
  actor TEXT NOT NULL,
  key TEXT NOT NULL,
  request_hash BLOB NOT NULL,
  status INTEGER NOT NULL,
  body TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (actor, key)
) STRICT;
CREATE INDEX reply_by_time ON reply (time);
)sql";
}

/// The first schema. Its checks come from the tables of life_cycle.hpp; schema_test.cpp holds on to its text, so that a
/// new state is not forgotten here but gets a migration.
std::string FirstSchema() {
  return OwnersAndRules() + CardsAndDevices() + JobsAndCredentials() + Logs() + Guard<CardState>("card") +
         Guard<CredentialState>("credential") + Guard<JobState>("job") + OnlyGrows("audit") + OnlyGrows("feed");
}

constexpr std::array kMigrations{Migration{1, FirstSchema}};

/// Version of the schema; 0 for a file without any tables.
Outcome<std::int64_t> ReadVersion(Connection& connection) {
  SR_TRY(const auto application, connection.Number("PRAGMA application_id"));
  SR_TRY(const auto tables, connection.Number("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0) {
    return 0;
  }
  if (application != kApplicationId) {
    return Refuse(FailureKind::kInvalid, "this is the database of another program",
                  "choose another file for the platform's database");
  }
  SR_TRY(const auto version, connection.Number("SELECT max(number) FROM migration"));
  return version.value_or(0);
}

Outcome<void> RunMigration(Connection& connection, const Migration& migration, UnixTime now) {
  SR_TRY_VOID(connection.Execute("BEGIN EXCLUSIVE"));
  const auto run = [&]() -> Outcome<void> {
    if (migration.number == 1) {
      SR_TRY_VOID(
          connection.Execute(("PRAGMA application_id = " + std::to_string(kApplicationId) +
                              "; CREATE TABLE migration (number INTEGER PRIMARY KEY, applied INTEGER NOT NULL) STRICT;")
                                 .c_str()));
    }
    SR_TRY_VOID(connection.Execute(migration.sql().c_str()));
    SR_TRY_VOID(connection.Change("INSERT INTO migration VALUES (?, ?)", migration.number, now));
    return connection.Execute("COMMIT");
  };
  auto outcome = run();
  if (!outcome && connection.InTransaction()) {
    static_cast<void>(connection.Execute("ROLLBACK"));
  }
  return outcome;
}

}  // namespace

std::span<const Migration> Migrations() {
  return kMigrations;
}

Outcome<std::int64_t> CheckVersion(Connection& connection, std::span<const Migration> migrations) {
  SR_TRY(const std::int64_t version, ReadVersion(connection));
  const std::int64_t newest = migrations.empty() ? 0 : migrations.back().number;
  if (version > newest) {
    return Refuse(FailureKind::kInvalid,
                  "the database has version " + std::to_string(version) + " and this program knows only version " +
                      std::to_string(newest),
                  "use the newer program, or restore a backup made before the update");
  }
  return version;
}

Outcome<void> Migrate(Connection& connection, std::span<const Migration> migrations, UnixTime now) {
  SR_TRY(const std::int64_t version, CheckVersion(connection, migrations));
  for (const Migration& migration : migrations) {
    if (migration.number > version) {
      SR_TRY_VOID(RunMigration(connection, migration, now));
    }
  }
  return {};
}

}  // namespace simroot::platform::sqlite
