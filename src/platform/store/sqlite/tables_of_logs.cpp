// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "platform/store/audit_chain.hpp"
#include "platform/store/sqlite/rows.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr std::string_view kEntries = "SELECT number, time, tenant, actor, action, object, detail, hash FROM audit";
AuditEntry ReadEntry(Query& row) {
  return {.number = row.Int(),
          .time = row.Int(),
          .tenant = row.Int(),
          .actor = row.Text(),
          .action = row.Text(),
          .object = row.Text(),
          .detail = row.Text(),
          .hash = row.Blob()};
}

constexpr std::string_view kEvents = "SELECT number, time, tenant, credential, kind FROM feed";
FeedEvent ReadEvent(Query& row) {
  return {.number = row.Int(), .time = row.Int(), .tenant = row.Int(), .credential = row.Int(), .kind = row.Text()};
}

/// Where the chain ends.
struct ChainEnd {
  std::int64_t number = 0;
  UnixTime time = 0;
  AuditHash hash{};
};

tl::unexpected<Failure> CryptoFails() {
  return Refuse(FailureKind::kInternal, "the crypto library cannot compute SHA-256");
}

tl::unexpected<Failure> Broken(std::int64_t number, const std::string& how) {
  return Refuse(FailureKind::kConflict, "audit entry " + std::to_string(number) + " " + how,
                "compare with the last backup: what stands in the log from there on cannot be trusted");
}

}  // namespace

Outcome<std::vector<AuditEntry>> Transaction::ListAudit(Id tenant, const Page& page) {
  return PageOfTenant(connection_, kEntries, "number", tenant, page, ReadEntry);
}

Outcome<std::int64_t> Transaction::VerifyAudit() {
  ChainEnd end;
  SR_TRY(Query query, connection_.Ask(std::string(kEntries) + " ORDER BY number"));
  for (;;) {
    SR_TRY(const bool row, query.Next());
    if (!row) {
      return end.number;
    }
    const AuditEntry entry = ReadEntry(query);
    if (entry.number != end.number + 1) {
      return Broken(end.number + 1, "is missing");
    }
    const auto hash = ChainAuditEntry(crypto_, end.hash, entry);
    if (!hash) {
      return CryptoFails();
    }
    if (!SameBytes(*hash, entry.hash)) {
      return Broken(entry.number, "is not what was written, or the one in front of it is not");
    }
    if (entry.time < end.time) {
      return Broken(entry.number, "is older than the one in front of it");
    }
    end = {entry.number, entry.time, *hash};
  }
}

Outcome<std::int64_t> Transaction::AddAudit(const AuditEntry& entry) {
  ChainEnd end;
  {
    SR_TRY(Query query, connection_.Ask("SELECT number, time, hash FROM audit ORDER BY number DESC LIMIT 1"));
    SR_TRY(const bool row, query.Next());
    if (row) {
      end.number = query.Int();
      end.time = query.Int();
      static_cast<void>(CopyBytes(query.Blob(), end.hash));
    }
  }
  AuditEntry next = entry;
  next.number = end.number + 1;
  next.time = std::max(clock_.Now(), end.time);
  const auto hash = ChainAuditEntry(crypto_, end.hash, next);
  if (!hash) {
    return CryptoFails();
  }
  SR_TRY_VOID(connection_.Change(
      "INSERT INTO audit (number, time, tenant, actor, action, object, detail, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      next.number, next.time, next.tenant, next.actor, next.action, next.object, next.detail, ByteView(*hash)));
  return next.number;
}

Outcome<std::vector<FeedEvent>> Transaction::ListFeed(Id tenant, const Page& page) {
  return PageOfTenant(connection_, kEvents, "number", tenant, page, ReadEvent);
}

Outcome<std::int64_t> Transaction::LastFeedNumber() {
  SR_TRY(const auto last, connection_.Number("SELECT max(number) FROM feed"));
  return last.value_or(0);
}

Outcome<std::int64_t> Transaction::AddFeedEvent(const FeedEvent& event) {
  return InsertFeedEvent(event, 0);
}

Outcome<void> Transaction::RaiseFeed(std::int64_t least) {
  SR_TRY_VOID(InsertFeedEvent({.kind = "feed.begun"}, least));
  return {};
}

Outcome<std::int64_t> Transaction::InsertFeedEvent(const FeedEvent& event, std::int64_t least) {
  SR_TRY(const std::int64_t last, LastFeedNumber());
  const std::int64_t number = std::max(last + 1, least);
  SR_TRY_VOID(connection_.Change("INSERT INTO feed (number, time, tenant, credential, kind) VALUES (?, ?, ?, ?, ?)",
                                 number, event.time != 0 ? event.time : clock_.Now(), event.tenant,
                                 Reference{event.credential}, event.kind));
  last_feed_number_ = number;
  return number;
}

}  // namespace simroot::platform::sqlite
