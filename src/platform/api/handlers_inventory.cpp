// SPDX-License-Identifier: Apache-2.0
// Tenants, cards, devices.
#include <boost/json.hpp>

#include "platform/api/handlers.hpp"

namespace simroot::platform::handlers {

Outcome<std::optional<Id>> CardOfQuery(const Context& context, StoreReader& reader) {
  const std::string iccid = context.Query("iccid");
  if (iccid.empty()) {
    return std::optional<Id>();
  }
  const auto card = reader.FindCardByIccid(iccid);
  if (!card && card.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(card.error());
  }
  const bool visible = card && (context.actor.tenant == 0 || context.actor.tenant == card->tenant);
  return std::optional<Id>(visible ? card->id : 0);
}

Answer ListTenants(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<Tenant>> {
    if (context.actor.tenant == 0) {
      return reader.ListTenants(context.page);
    }
    SR_TRY(Tenant own, reader.FindTenant(context.actor.tenant));
    return own.id > context.page.after ? std::vector<Tenant>{std::move(own)} : std::vector<Tenant>();
  });
}

Answer CreateTenant(Context& context) {
  SR_TRY(const Tenant tenant, context.parts.service.CreateTenant(context.actor, context.Text("name")));
  return Show(context, tenant);
}

Answer ImportCards(Context& context) {
  SR_TRY(const ImportReport report,
         context.parts.service.ImportCards(context.actor, context.path.front(), context.request.body));
  if (report.bad.empty()) {
    return context.Json(json::object{{"cards", report.cards}, {"key_sets", report.key_sets}});
  }
  net::HttpResponse answer =
      ProblemAnswer(422, std::to_string(report.bad.size()) + " lines are wrong; nothing was imported", context.id);
  json::array bad;
  for (const BadLine& line : report.bad) {
    bad.push_back(json::object{{"line", line.line}, {"message", View(line.message)}});
  }
  json::value problem = json::parse(View(answer.body));
  problem.as_object()["bad"] = std::move(bad);
  answer.body = json::serialize(problem) + "\n";
  return answer;
}

Answer ListCards(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<Card>> {
    CardFilter filter;
    SR_TRY(filter.tenant, TenantScope(context, reader, context.Query("tenant")));
    filter.state = StateOfQuery<CardState>(context, "state");
    filter.iccid_prefix = context.Query("iccid");
    return reader.ListCards(filter, context.page);
  });
}

Answer GetCard(Context& context) {
  SR_TRY(const Card card, ReadStore(context, [&](StoreReader& reader) {
           return IfVisible(context, reader.FindCardByIccid(context.path.front()), "such card");
         }));
  return Show(context, card);
}

Answer ChangeCard(Context& context) {
  if (context.body.size() != 1) {
    return Refuse(FailureKind::kInvalid, "a card is changed in one thing at a time",
                  "give one of \"state\", \"policy\" and \"tenant\"");
  }
  const std::string& iccid = context.path.front();
  Service& service = context.parts.service;
  if (context.Has("state")) {
    const auto state = ParseName<CardState>(context.Text("state"));
    SR_TRY(const Card card, service.SetCardState(context.actor, iccid, state.value_or(CardState::kImported)));
    return Show(context, card);
  }
  if (context.Has("policy")) {
    SR_TRY(const Card card, service.SetCardPolicy(context.actor, iccid, context.Text("policy")));
    return Show(context, card);
  }
  SR_TRY(const Card card, service.ChangeOwner(context.actor, iccid, context.Text("tenant")));
  return Show(context, card);
}

Answer NameDevice(Context& context) {
  SR_TRY(const Device device,
         context.parts.service.NameDevice(context.actor, context.path.front(), context.Text("name")));
  return Show(context, device);
}

Answer ListDevices(Context& context) {
  return ShowPage(context, [&](StoreReader& reader) -> Outcome<std::vector<Device>> {
    SR_TRY(const Id tenant, TenantScope(context, reader, context.Query("tenant")));
    return reader.ListDevices(tenant, context.page);
  });
}

}  // namespace simroot::platform::handlers
