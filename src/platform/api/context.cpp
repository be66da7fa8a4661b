// SPDX-License-Identifier: Apache-2.0
#include "platform/api/context.hpp"

#include <boost/json.hpp>

#include "common/net/messages.hpp"
#include "platform/api/path_match.hpp"

namespace simroot::platform {

std::string Context::Query(std::string_view name) const {
  const auto found = request.query.find(name);
  return found == request.query.end() ? std::string() : found->second;
}

bool Context::Has(std::string_view name) const {
  const json::value* const member = body.if_contains(View(name));
  return member != nullptr && !member->is_null();
}

std::string Context::Text(std::string_view name) const {
  const json::value* const member = body.if_contains(View(name));
  return member != nullptr && member->is_string() ? std::string(member->get_string()) : std::string();
}

std::int64_t Context::Number(std::string_view name, std::int64_t fallback) const {
  const json::value* const member = body.if_contains(View(name));
  return member != nullptr && member->is_int64() ? member->get_int64() : fallback;
}

Bytes Context::Hex(std::string_view name) const {
  return FromHex(Text(name)).value_or(Bytes());
}

Outcome<Id> Context::PathId() const {
  const auto number = ParseNumber(path.back());
  if (!number || *number == 0) {
    return Refuse(FailureKind::kNotFound, "there is nothing with this number");
  }
  return *number;
}

net::HttpResponse Context::Json(const json::value& value) const {
  net::HttpResponse answer;
  answer.status = route.status;
  answer.body = json::serialize(value) + "\n";
  return answer;
}

net::HttpResponse Context::Raw(std::string text) const {
  net::HttpResponse answer;
  answer.status = route.status;
  answer.content_type = route.response_type;
  answer.body = std::move(text);
  return answer;
}

Outcome<Id> TenantScope(const Context& context, StoreReader& reader, const std::string& name) {
  if (name.empty()) {
    return context.actor.tenant;
  }
  auto tenant = reader.FindTenant(name);
  if (!tenant && tenant.error().kind != FailureKind::kNotFound) {
    return tl::make_unexpected(std::move(tenant).error());
  }
  if (!tenant || (context.actor.tenant != 0 && context.actor.tenant != tenant->id)) {
    return Refuse(FailureKind::kNotFound, "there is no tenant \"" + name + "\"",
                  "give another one (--tenant NAME); `simroot platform tenant list` tells them");
  }
  return tenant->id;
}

Outcome<void> RequireVisible(const Context& context, Id tenant, const std::string& what) {
  if (context.actor.tenant != 0 && context.actor.tenant != tenant) {
    return Refuse(FailureKind::kNotFound, "there is no " + what);
  }
  return {};
}

int StatusOf(FailureKind kind) {
  switch (kind) {
    case FailureKind::kInvalid:
      return 422;
    case FailureKind::kNotFound:
      return 404;
    case FailureKind::kConflict:
      return 409;
    case FailureKind::kDenied:
      return 403;
    case FailureKind::kLimited:
      return 429;
    case FailureKind::kUnavailable:
      return 503;
    case FailureKind::kInternal:
      break;
  }
  return 500;
}

net::HttpResponse ProblemAnswer(int status, const std::string& detail, const std::string& id) {
  net::HttpResponse answer;
  answer.status = status;
  answer.content_type = "application/problem+json";
  answer.body = json::serialize(json::object{{"type", "about:blank"},
                                             {"title", View(net::ReasonPhrase(status))},
                                             {"status", status},
                                             {"detail", View(detail)},
                                             {"instance", View("request:" + id)}}) +
                "\n";
  if (status == 401) {
    answer.headers["WWW-Authenticate"] = "Bearer realm=\"simroot\"";
  }
  if (status == 429 || status == 503) {
    answer.headers["Retry-After"] = "5";
  }
  return answer;
}

std::string PublicText(const Failure& failure) {
  switch (failure.kind) {
    case FailureKind::kInternal:
      return "the platform failed to do this; its log tells more under this request's id";
    case FailureKind::kUnavailable:
      return "the platform's database does not answer now; try again";
    default:
      return failure.Text();
  }
}

net::HttpResponse ProblemAnswer(const Failure& failure, const std::string& id) {
  return ProblemAnswer(StatusOf(failure.kind), PublicText(failure), id);
}

}  // namespace simroot::platform
