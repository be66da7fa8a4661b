// SPDX-License-Identifier: Apache-2.0
// OpenAPI 3.0.3, made from the routes table.
#include <boost/json.hpp>

#include "platform/api/json.hpp"
#include "platform/api/routes.hpp"
#include "platform/api/schemas.hpp"

namespace simroot::platform {
namespace {

json::object Reference(const Schema& schema) {
  return {{"$ref", View("#/components/schemas/" + std::string(schema.name))}};
}

json::object TextSchema(const Member& member) {
  json::object out{{"type", "string"}};
  if (!member.names.empty()) {
    json::array names;
    for (const std::string_view name : member.names) {
      names.push_back(json::value(View(name)));
    }
    out["enum"] = std::move(names);
  }
  if (member.kind == Kind::kTime) {
    out["format"] = "date-time";
  } else if (member.kind == Kind::kBase64) {
    out["format"] = "byte";
  } else if (member.kind == Kind::kHex || member.kind == Kind::kHexes) {
    out["pattern"] = "^([0-9A-Fa-f]{2})*$";
  }
  const bool has_length = member.kind == Kind::kString || member.kind == Kind::kText || member.kind == Kind::kStrings;
  if (has_length && member.names.empty() && member.maximum < 1'000'000'000) {
    out["minLength"] = member.minimum;
    out["maxLength"] = member.maximum;
  }
  return out;
}

json::object MemberSchema(const Member& member) {
  json::object out;
  switch (member.kind) {
    case Kind::kInteger:
      out = {{"type", "integer"}, {"format", "int64"}, {"minimum", member.minimum}};
      break;
    case Kind::kBoolean:
      out = {{"type", "boolean"}};
      break;
    case Kind::kAny:
      break;
    case Kind::kObject:
      out = Reference(*member.object);
      break;
    case Kind::kStrings:
    case Kind::kHexes:
      out = {{"type", "array"}, {"items", TextSchema(member)}};
      break;
    case Kind::kObjects:
      out = {{"type", "array"}, {"items", Reference(*member.object)}};
      break;
    default:
      out = TextSchema(member);
  }
  if (member.nullable) {
    out["nullable"] = true;
  }
  if (!member.description.empty() && member.kind != Kind::kObject) {  // nothing may stand beside $ref
    out["description"] = View(member.description);
  }
  return out;
}

/// Puts a schema, and those it refers to, among the document's components.
void AddSchema(const Schema& schema, json::object& components) {
  if (components.contains(View(schema.name))) {
    return;
  }
  json::object properties;
  json::array required;
  for (const Member& member : schema.members) {
    properties[View(member.name)] = MemberSchema(member);
    if (member.required) {
      required.push_back(json::value(View(member.name)));
    }
  }
  json::object out{{"type", "object"}, {"additionalProperties", false}, {"properties", std::move(properties)}};
  if (!required.empty()) {
    out["required"] = std::move(required);
  }
  components[View(schema.name)] = std::move(out);
  for (const Member& member : schema.members) {
    if (member.object != nullptr) {
      AddSchema(*member.object, components);
    }
  }
}

json::object PageOf(const Schema& schema) {
  return {{"type", "object"},
          {"additionalProperties", false},
          {"required", {"items", "next"}},
          {"properties",
           {{"items", {{"type", "array"}, {"items", Reference(schema)}}}, {"next", MemberSchema(schemas::kNextPage)}}}};
}

json::array Parameters(const Route& route) {
  json::array out;
  std::string_view rest = route.pattern;
  for (std::size_t open = rest.find('{'); open != std::string_view::npos; open = rest.find('{')) {
    const std::size_t close = rest.find('}');
    const std::string_view name = rest.substr(open, close - open).substr(1);
    out.push_back(
        json::object{{"name", View(name)}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
    rest.remove_prefix(close + 1);
  }
  const auto add = [&](const Member& member) {
    out.push_back(json::object{
        {"name", View(member.name)}, {"in", "query"}, {"required", member.required}, {"schema", MemberSchema(member)}});
  };
  for (const Member& member : route.query) {
    add(member);
  }
  if (route.page) {
    for (const Member& member : PageParameters()) {
      add(member);
    }
  }
  if (route.method == "POST" && route.access != Access::kPublic) {
    out.push_back(json::object{{"name", "Idempotency-Key"},
                               {"in", "header"},
                               {"required", false},
                               {"schema", {{"type", "string"}, {"minLength", 1}, {"maxLength", 128}}}});
  }
  return out;
}

json::object Answers(const Route& route, json::object& components) {
  json::object success{{"description", "done"}};
  if (route.status != 204) {
    json::value schema = json::object{{"type", "string"}};
    if (route.response != nullptr) {
      AddSchema(*route.response, components);
      schema = route.page ? PageOf(*route.response) : Reference(*route.response);
    } else if (route.response_type == "application/json") {
      schema = json::object{{"type", "object"}};
    }
    success["content"] = json::object{{View(route.response_type), json::object{{"schema", std::move(schema)}}}};
  }
  return {{View(std::to_string(route.status)), std::move(success)},
          {"default",
           {{"description", "a problem"},
            {"content", {{"application/problem+json", {{"schema", Reference(schemas::kProblem)}}}}}}}};
}

json::array Security(Access access) {
  const json::object token{{"token", json::array()}};
  const json::object certificate{{"certificate", json::array()}};
  switch (access) {
    case Access::kPublic:
      return {};
    case Access::kServer:
      return json::array{json::value(certificate)};
    case Access::kViewerOrServer:
      return json::array{json::value(token), json::value(certificate)};
    default:
      return json::array{json::value(token)};
  }
}

json::object Operation(const Route& route, json::object& components) {
  json::object out{{"summary", View(route.summary)},
                   {"description", View("Who: " + std::string(NameOfAccess(route.access)))},
                   {"security", Security(route.access)},
                   {"parameters", Parameters(route)},
                   {"responses", Answers(route, components)}};
  if (route.request != nullptr) {
    AddSchema(*route.request, components);
    out["requestBody"] =
        json::object{{"required", true}, {"content", {{"application/json", {{"schema", Reference(*route.request)}}}}}};
  } else if (!route.request_type.empty()) {
    out["requestBody"] = json::object{
        {"required", true},
        {"content", json::object{{View(route.request_type), json::object{{"schema", {{"type", "string"}}}}}}}};
  }
  return out;
}

std::string LowerCase(std::string_view method) {
  std::string out(method);
  std::ranges::transform(out, out.begin(), [](char c) { return static_cast<char>(c + ('a' - 'A')); });
  return out;
}

}  // namespace

std::string MakeOpenApi() {
  json::object components;
  AddSchema(schemas::kProblem, components);
  json::object paths;
  for (const Route& route : Routes()) {
    json::value& path = paths[View(route.pattern)];
    if (path.is_null()) {
      path = json::object();
    }
    path.as_object()[View(LowerCase(route.method))] = Operation(route, components);
  }
  return json::serialize(json::object{
             {"openapi", "3.0.3"},
             {"info",
              {{"title", "simroot Security Services Platform"},
               {"version", "1"},
               {"description", "docs/api.md tells how to authenticate, to page, to resume the feed."}}},
             {"paths", std::move(paths)},
             {"components",
              {{"schemas", std::move(components)},
               {"securitySchemes",
                {{"token", {{"type", "http"}, {"scheme", "bearer"}}},
                 {"certificate",
                  {{"type", "mutualTLS"}, {"description", "client certificate of an application server"}}}}}}}}) +
         "\n";
}

}  // namespace simroot::platform
