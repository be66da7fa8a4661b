// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/rows.hpp"

namespace simroot::platform::sqlite {

Outcome<void> StillInState(Connection& connection, const Outcome<std::int64_t>& changed, std::string_view noun,
                           std::string_view state_sql, Id id) {
  if (!changed) {
    return tl::unexpected(changed.error());
  }
  if (*changed != 0) {
    return {};
  }
  SR_TRY(Query query, connection.Ask(state_sql, id));
  SR_TRY(const bool found, query.Next());
  if (!found) {
    return NoSuch(Numbered(noun, id));
  }
  return Refuse(FailureKind::kConflict, Numbered(noun, id) + " is " + query.Text() + " meanwhile",
                "look at it again before you decide");
}

}  // namespace simroot::platform::sqlite
