// SPDX-License-Identifier: Apache-2.0
/// The functions behind the routes, by the name of their operation.
#pragma once

#include "platform/api/context.hpp"
#include "platform/api/describe.hpp"

namespace simroot::platform::handlers {

using Answer = Outcome<net::HttpResponse>;

Answer ListTenants(Context& context);
Answer CreateTenant(Context& context);
Answer ImportCards(Context& context);
Answer ListCards(Context& context);
Answer GetCard(Context& context);
Answer ChangeCard(Context& context);
Answer NameDevice(Context& context);
Answer ListDevices(Context& context);

Answer ListCredentials(Context& context);
Answer GetCredential(Context& context);
Answer GetCertificate(Context& context);
Answer SetCredentialState(Context& context);
Answer ListPolicies(Context& context);
Answer PutPolicy(Context& context);
Answer ListAuthorities(Context& context);
Answer AddAuthority(Context& context);
Answer GetTrustAnchors(Context& context);
Answer GetCrl(Context& context);

Answer ListJobs(Context& context);
Answer RequestJob(Context& context);
Answer GetJob(Context& context);
Answer ListJobSteps(Context& context);
Answer CancelJob(Context& context);
Answer RetryJob(Context& context);

Answer ListTokens(Context& context);
Answer CreateToken(Context& context);
Answer RevokeToken(Context& context);
Answer ListServers(Context& context);
Answer InviteServer(Context& context);
Answer EnrolServer(Context& context);
Answer RenewServer(Context& context);
Answer RevokeServer(Context& context);
Answer ListAudit(Context& context);
Answer VerifyAudit(Context& context);

Answer ReadFeed(Context& context);
Answer ReadSnapshot(Context& context);
Answer ListFeedAuthorities(Context& context);
Answer RecordUse(Context& context);
Answer BeginRelay(Context& context);
Answer ContinueRelay(Context& context);

Answer GetHealth(Context& context);
Answer GetReadiness(Context& context);
Answer GetMetrics(Context& context);
Answer GetOpenApi(Context& context);

// ---- what most of them share ----

template <typename Record>
[[nodiscard]] std::int64_t KeyOf(const Record& record) {
  if constexpr (requires { record.number; }) {
    return record.number;
  } else {
    return record.id;
  }
}

/// The answer for one record.
template <typename Record>
[[nodiscard]] Answer Show(Context& context, const Record& record) {
  SR_TRY(const json::object object,
         ReadStore(context, [&](StoreReader& reader) { return Describer(reader).Describe(record); }));
  return context.Json(object);
}

/// The answer for a part of a list. @param list gives the records from a reader
template <typename List>
[[nodiscard]] Answer ShowPage(Context& context, const List& list) {
  SR_TRY(const json::object object, ReadStore(context, [&](StoreReader& reader) -> Outcome<json::object> {
           SR_TRY(const auto records, list(reader));
           Describer describer(reader);
           json::array items;
           for (const auto& record : records) {
             SR_TRY(json::object item, describer.Describe(record));
             items.push_back(std::move(item));
           }
           json::value next;
           if (records.size() >= context.page.limit) {
             next = KeyOf(records.back());
           }
           return json::object{{"items", std::move(items)}, {"next", std::move(next)}};
         }));
  return context.Json(object);
}

/// What was found, if the actor may see it; else the same kNotFound as for what does not exist.
template <typename Record>
[[nodiscard]] Outcome<Record> IfVisible(const Context& context, Outcome<Record> found, const std::string& what) {
  if (!found && found.error().kind == FailureKind::kNotFound) {
    return Refuse(FailureKind::kNotFound, "there is no " + what);
  }
  if (found) {
    SR_TRY_VOID(RequireVisible(context, found->tenant, what));
  }
  return found;
}

/// The card that a filter names by its ICCID, if the actor may see it. 0: there is none, and the list is empty.
[[nodiscard]] Outcome<std::optional<Id>> CardOfQuery(const Context& context, StoreReader& reader);

/// The asked page of the CAs of a tenant.
[[nodiscard]] Outcome<std::vector<CertificateAuthority>> PageOfAuthorities(const Context& context, StoreReader& reader,
                                                                           Id tenant);

/// A value of a query parameter that names a state or kind; it was checked against the route's table before.
template <typename State>
[[nodiscard]] std::optional<State> StateOfQuery(const Context& context, std::string_view name) {
  return ParseName<State>(context.Query(name));
}

}  // namespace simroot::platform::handlers
