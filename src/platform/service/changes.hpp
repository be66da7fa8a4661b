// SPDX-License-Identifier: Apache-2.0
/// What the changes of the service have in common: who may, what is noted, what follows.
#pragma once

#include "platform/service/service.hpp"

namespace simroot::platform {

/// kDenied unless the actor has at least this role.
[[nodiscard]] Outcome<void> RequireRole(const Actor& actor, Role role);
/// kNotFound, as if there were no such `what`, unless the actor may see this tenant.
[[nodiscard]] Outcome<void> RequireTenant(const Actor& actor, Id tenant, const std::string& what);

/// Adds an entry to the audit log. `detail` is a JSON object.
[[nodiscard]] Outcome<void> Note(StoreWriter& writer, const Actor& actor, Id tenant, const std::string& action,
                                 const std::string& object, const std::string& detail = "{}");

/// A JSON object of one text member, for Note.
[[nodiscard]] std::string Detail(std::string_view name, std::string_view value);

/// Queues a job. `credential` 0: none. @returns it with its id.
[[nodiscard]] Outcome<Job> QueueJob(StoreWriter& writer, const Actor& actor, const Card& card, JobKind kind,
                                    Id credential, UnixTime now);
/// True if the card has a queued or running job of this kind (and for this credential, unless 0).
[[nodiscard]] Outcome<bool> HasOpenJob(StoreReader& reader, Id card, JobKind kind, Id credential = 0);

/// Moves a credential, tells application servers, notes it, and queues what the card must do about it.
[[nodiscard]] Outcome<Credential> MoveCredential(StoreWriter& writer, const Actor& actor, const Credential& credential,
                                                 CredentialState to, const std::string& reason, UnixTime now);

/// Is it of any use to application servers? Nobody can show what has no name, or a deleted PSK; a deleted certificate
/// can be shown until its end.
[[nodiscard]] inline bool IsWorthTelling(const Credential& credential) {
  return !credential.name.empty() &&
         (credential.kind != CredentialKind::kPsk || credential.state != CredentialState::kDeleted);
}

/// Every item of a list that is read in pages.
template <typename Item, typename List>
[[nodiscard]] Outcome<std::vector<Item>> ReadAll(List list) {
  std::vector<Item> all;
  Page page{.after = 0, .limit = 1000};
  while (true) {
    SR_TRY(std::vector<Item> part, list(page));
    const bool last = part.size() < page.limit;
    if (!part.empty()) {
      page.after = part.back().id;
    }
    all.insert(all.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
    if (last) {
      return all;
    }
  }
}

}  // namespace simroot::platform
