// SPDX-License-Identifier: Apache-2.0
/// What jobs read from the store and write into it.
#pragma once

#include "platform/authority/authority.hpp"
#include "platform/domain/store.hpp"

namespace simroot::platform {

/// All that a job works with, read at once when it begins.
struct JobContext {
  Job job;
  Card card;
  std::string tenant;  ///< name
  Policy policy;
  std::string device;                       ///< name; empty: none
  std::vector<Credential> credentials;      ///< of the card, all of them
  std::vector<CertificateAuthority> chain;  ///< the CA that issues for this policy, then those above it

  /// A Type II card has no private keys, whatever the policy says.
  [[nodiscard]] CredentialKind Kind() const { return card.profile == "type2" ? CredentialKind::kPsk : policy.kind; }
  /// Of the job's own; nullptr: it has made none yet.
  [[nodiscard]] const Credential* Own() const;
  /// The newest of the job's kind that devices may use; nullptr: there is none.
  [[nodiscard]] const Credential* Active() const;
  [[nodiscard]] const Credential* Find(Id credential) const;
  /// How the device is called: its name, or the ICCID.
  [[nodiscard]] const std::string& Called() const { return device.empty() ? card.iccid : device; }
  [[nodiscard]] Subject CertificateSubject() const {
    return {.common_name = Called(), .serial_number = card.iccid, .organization = tenant};
  }
  /// What the card's request says: which card it is of, and no more, so that it fits one answer.
  [[nodiscard]] Subject RequestSubject() const {
    return {.common_name = {}, .serial_number = card.iccid, .organization = {}};
  }
};
/// @param card of the job, as it is in the store.
[[nodiscard]] Outcome<JobContext> LoadJobContext(StoreReader& reader, const Job& job, const Card& card);

/// Every item of a list that is read in pages.
template <typename Item, typename List>
[[nodiscard]] Outcome<std::vector<Item>> ReadAllOf(List list) {
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

/// A JSON object of one text member, for audit entries.
[[nodiscard]] std::string AuditDetail(std::string_view name, std::string_view value);
[[nodiscard]] Outcome<void> AddAudit(StoreWriter& writer, Id tenant, const std::string& actor,
                                     const std::string& action, const std::string& object, const std::string& detail);

/// Moves a credential to `to`, over revoked if there is no direct way, with feed event and audit entry; nothing if it
/// is there already.
[[nodiscard]] Outcome<void> MoveCredentialTo(StoreWriter& writer, const Card& card, Id credential, CredentialState to,
                                             const std::string& reason, UnixTime now);

/// The successor `credential` is on the card: active; what was active before is superseded; what its slot held before
/// is gone.
[[nodiscard]] Outcome<void> RecordActive(StoreWriter& writer, const Card& card, const Credential& credential,
                                         UnixTime now);

/// "2027-11-22"
[[nodiscard]] std::string DateOf(UnixTime time);

}  // namespace simroot::platform
