// SPDX-License-Identifier: Apache-2.0
/// What the tables share: lists by page, single rows, conditions, and the two ways in which an update finds nothing.
#pragma once

#include "platform/domain/store.hpp"
#include "platform/store/sqlite/connection.hpp"

namespace simroot::platform::sqlite {

inline constexpr unsigned kMaxPageSize = 1000;

[[nodiscard]] inline tl::unexpected<Failure> NoSuch(const std::string& what) {
  return Refuse(FailureKind::kNotFound, "there is no " + what);
}
[[nodiscard]] inline std::string Numbered(std::string_view noun, std::int64_t number) {
  return std::string(noun) + " " + std::to_string(number);
}

[[nodiscard]] inline std::string Where(std::string_view select, std::string_view condition) {
  return std::string(select).append(" WHERE ").append(condition);
}

/// The only row of a query as a record. @param what names it in the sentence of kNotFound.
template <typename Record>
[[nodiscard]] Outcome<Record> One(Outcome<Query> asked, Record (*read)(Query&), const std::string& what) {
  SR_TRY(Query query, std::move(asked));
  SR_TRY(const bool found, query.Next());
  if (!found) {
    return NoSuch(what);
  }
  return read(query);
}

/// All rows of a query.
template <typename Record>
[[nodiscard]] Outcome<std::vector<Record>> All(Outcome<Query> asked, Record (*read)(Query&)) {
  SR_TRY(Query query, std::move(asked));
  std::vector<Record> records;
  for (;;) {
    SR_TRY(const bool row, query.Next());
    if (!row) {
      return records;
    }
    records.push_back(read(query));
  }
}

/// One page of a list: the conditions that were added, after the page's start, in ascending order of the key.
class PageQuery {
 public:
  /// @param select "SELECT ... FROM ..." without conditions. @param key column by which the list is ordered.
  PageQuery(std::string_view select, std::string_view key, const Page& page)
      : sql_(std::string(select) + " WHERE " + std::string(key) + " > ?"), key_(key), page_(page) {}

  /// Adds a condition with one question mark per value, a constant text of this program.
  PageQuery& Where(bool wanted, std::string_view condition) {
    if (wanted) {
      sql_ += " AND " + std::string(condition);
    }
    return *this;
  }
  /// Adds "column = ?". SQLite knows nothing of how many rows an index leads to; a column that is not `selective` is
  /// compared only in rows that were found by another (the plus sign keeps its index out of the choice).
  PageQuery& WhereEqual(bool wanted, std::string_view column, bool selective) {
    return Where(wanted, std::string(selective ? "" : "+") + std::string(column) + " = ?");
  }

  /// @param bind binds the values of the conditions that were wanted, in their order.
  template <typename Record, typename Binder>
  [[nodiscard]] Outcome<std::vector<Record>> Run(Connection& connection, Record (*read)(Query&), const Binder& bind) {
    if (page_.limit < 1 || page_.limit > kMaxPageSize || page_.after < 0) {
      return Refuse(FailureKind::kInvalid, "a page has 1 to " + std::to_string(kMaxPageSize) +
                                               " entries and begins after a number that is not negative");
    }
    SR_TRY(Query query, connection.Ask(sql_ + " ORDER BY " + key_ + " LIMIT ?", page_.after));
    bind(query);
    query.Bind(page_.limit);
    return All(Outcome<Query>(std::move(query)), read);
  }

 private:
  std::string sql_;
  std::string key_;
  Page page_;
};

/// A page of what belongs to a tenant, or of everything if `tenant` is 0.
template <typename Record>
[[nodiscard]] Outcome<std::vector<Record>> PageOfTenant(Connection& connection, std::string_view select,
                                                        std::string_view key, Id tenant, const Page& page,
                                                        Record (*read)(Query&)) {
  return PageQuery(select, key, page).Where(tenant != 0, "tenant = ?").Run(connection, read, [&](Query& query) {
    if (tenant != 0) {
      query.Bind(tenant);
    }
  });
}

/// Success if an update has found its row.
[[nodiscard]] inline Outcome<void> Found(const Outcome<std::int64_t>& changed, const std::string& what) {
  if (!changed) {
    return tl::unexpected(changed.error());
  }
  if (*changed == 0) {
    return NoSuch(what);
  }
  return {};
}

/// kConflict for a transition that the table of the life cycle does not have.
template <typename State>
[[nodiscard]] Outcome<void> CheckTransition(std::string_view noun, State from, State to) {
  if (MayBecome(from, to)) {
    return {};
  }
  return Refuse(FailureKind::kConflict, "a " + std::string(noun) + " that is " + std::string(NameOf(from)) +
                                            " cannot become " + std::string(NameOf(to)));
}

/// Success if the row was still in the state from which it was to go on. @param state_sql asks for its state.
[[nodiscard]] Outcome<void> StillInState(Connection& connection, const Outcome<std::int64_t>& changed,
                                         std::string_view noun, std::string_view state_sql, Id id);

}  // namespace simroot::platform::sqlite
