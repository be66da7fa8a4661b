// SPDX-License-Identifier: Apache-2.0
// Every route: who may call it, what it answers, what the OpenAPI document says of it.
#include "platform/api/testing/api_fixture.hpp"

namespace simroot::platform::testing {
namespace {

using RoutesTest = ApiTest;

bool MayCallByTable(Access access, Caller caller) {
  switch (access) {
    case Access::kPublic:
      return true;
    case Access::kViewer:
      return caller == Caller::kViewer || caller == Caller::kOperator || caller == Caller::kAdmin;
    case Access::kViewerOrServer:
      return caller != Caller::kNobody;
    case Access::kOperator:
      return caller == Caller::kOperator || caller == Caller::kAdmin;
    case Access::kAdmin:
      return caller == Caller::kAdmin;
    case Access::kServer:
      return caller == Caller::kServer;
  }
  return false;
}

TEST_F(RoutesTest, EveryRouteIsForThoseOfTheTableAndNobodyElse) {
  for (const Route& route : Routes()) {
    for (const Caller caller : {Caller::kNobody, Caller::kViewer, Caller::kOperator, Caller::kAdmin, Caller::kServer}) {
      SCOPED_TRACE(std::string(route.method) + " " + std::string(route.pattern) + " caller " +
                   std::to_string(static_cast<int>(caller)));
      service_.last.clear();
      const auto answer = Send(As(caller, SampleOf(route)));
      if (MayCallByTable(route.access, caller)) {
        EXPECT_EQ(answer.status, route.status) << answer.body;
      } else {
        EXPECT_EQ(answer.status, caller == Caller::kNobody ? 401 : 403) << answer.body;
        EXPECT_EQ(service_.last, "");
        EXPECT_EQ(answer.content_type, "application/problem+json");
      }
    }
  }
}

TEST_F(RoutesTest, WrongCredentialsOpenNothing) {
  ApiOptions options;
  options.failed_logins = {10'000, 0};
  Restart(options);
  for (const Route& route : Routes()) {
    if (route.access == Access::kPublic) {
      continue;
    }
    for (const std::string header : {"Bearer wrong", "Bearer ", "Basic YTpi", "Bearer", "admin", ""}) {
      auto request = SampleOf(route);
      request.headers["authorization"] = header;
      request.client_certificate = {1, 2, 3};  // a token that is wrong is not made good by a certificate
      const auto answer = Send(request);
      EXPECT_EQ(answer.status, 401) << route.pattern << " " << header;
      EXPECT_TRUE(answer.headers.contains("WWW-Authenticate"));
    }
    auto request = SampleOf(route);
    request.client_certificate = {9};
    EXPECT_EQ(Send(request).status, 401) << route.pattern;
  }
}

TEST_F(RoutesTest, EveryAnswerIsOfItsSchema) {
  service_.AddEvent(5);
  for (const Route& route : Routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.pattern));
    const auto answer = Send(As(CallerOf(route), SampleOf(route)));
    ASSERT_EQ(answer.status, route.status) << answer.body;
    if (route.status == 204) {
      EXPECT_EQ(answer.body, "");
      continue;
    }
    EXPECT_EQ(answer.content_type, route.response_type);
    EXPECT_NE(answer.body, "");
    if (route.response == nullptr) {
      continue;
    }
    const json::object object = Parse(answer);
    if (!route.page) {
      EXPECT_EQ(Judge(*route.response, object), std::nullopt) << answer.body;
      continue;
    }
    EXPECT_EQ(object.size(), 2U);
    EXPECT_TRUE(object.at("next").is_null());
    ASSERT_FALSE(object.at("items").as_array().empty()) << "the fixture must have something to list";
    for (const auto& item : object.at("items").as_array()) {
      EXPECT_EQ(Judge(*route.response, item), std::nullopt) << answer.body;
    }
  }
}

TEST_F(RoutesTest, NothingSealedAndNoHashLeavesThePlatform) {
  service_.AddEvent(5);
  for (const Route& route : Routes()) {
    const auto answer = Send(As(CallerOf(route), SampleOf(route)));
    for (const std::string secret : {"5A5A5A5A", "Wlpa", "secret-file", "0303030303", "0404040404"}) {
      EXPECT_EQ(answer.body.find(secret), std::string::npos) << route.pattern << " shows " << secret;
    }
  }
}

TEST_F(RoutesTest, EveryFailureHasItsStatus) {
  const std::vector<std::pair<FailureKind, int>> kinds{
      {FailureKind::kInvalid, 422},  {FailureKind::kNotFound, 404}, {FailureKind::kConflict, 409},
      {FailureKind::kDenied, 403},   {FailureKind::kLimited, 429},  {FailureKind::kUnavailable, 503},
      {FailureKind::kInternal, 500},
  };
  for (const auto& [kind, status] : kinds) {
    service_.failure = Failure(kind, "the reason is 4711", "do this");
    const auto answer = Send(As("operator", Request("POST", "/v1/jobs/1/cancel")));
    EXPECT_EQ(answer.status, status);
    const json::object problem = Parse(answer);
    EXPECT_EQ(problem.at("status").to_number<int>(), status);
    const bool told = answer.body.find("4711") != std::string::npos;
    EXPECT_EQ(told, kind != FailureKind::kInternal && kind != FailureKind::kUnavailable);
    EXPECT_EQ(answer.headers.contains("Retry-After"), status == 429 || status == 503);
    if (status >= 500) {
      EXPECT_NE(log_.find("4711"), std::string::npos) << log_;
    }
  }
  store_.failure = Failure(FailureKind::kUnavailable, "the disk of /srv/platform.db is full");
  const auto answer = Send(As("viewer", Request("GET", "/v1/cards")));
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(Parse(answer).at("detail").as_string(), "the platform's database does not answer now; try again");
  EXPECT_EQ(Send(Request("GET", "/readyz")).status, 503);
  EXPECT_EQ(Send(Request("GET", "/healthz")).status, 200);
}

TEST_F(RoutesTest, AnAccountThatCannotBeCheckedIsNoWrongPassword) {
  service_.login_failure = Failure(FailureKind::kUnavailable, "the disk is full");
  EXPECT_EQ(Send(As("admin", Request("GET", "/v1/cards"))).status, 503);
}

TEST_F(RoutesTest, UnknownPathsAndMethodsAreSaidSo) {
  for (const std::string path : {"/", "/v1", "/v1/cards/", "/v1/cards//device", "/v2/cards", "/v1/cardsx", ""}) {
    EXPECT_EQ(Send(As("admin", Request("GET", path))).status, 404) << path;
  }
  for (const std::string method : {"DELETE", "PUT", "TRACE", "CONNECT", "get", ""}) {
    const auto answer = Send(As("admin", Request(method, "/v1/cards")));
    EXPECT_EQ(answer.status, 405) << method;
    EXPECT_EQ(answer.headers.at("Allow"), "GET, HEAD");
  }
  EXPECT_EQ(Send(As("viewer", Request("HEAD", "/v1/cards"))).status, 200);
}

/// Follows a "$ref" of the document.
const json::object& Resolve(const json::object& document, const json::object& schema) {
  const auto* const reference = schema.if_contains("$ref");
  if (reference == nullptr) {
    return schema;
  }
  const std::string name = std::string(reference->as_string()).substr(std::string_view("#/components/schemas/").size());
  return document.at("components").at("schemas").as_object().at(name).as_object();
}

void CheckAgainst(const json::object& document, const json::object& reference, const json::value& value) {
  const json::object& schema = Resolve(document, reference);
  if (!schema.contains("properties")) {
    return;
  }
  const json::object& properties = schema.at("properties").as_object();
  for (const auto& [name, member] : value.as_object()) {
    ASSERT_TRUE(properties.contains(name)) << name;
    const json::object& described = properties.at(name).as_object();
    if (member.is_array() && described.contains("items")) {
      for (const auto& item : member.as_array()) {
        if (item.is_object()) {
          CheckAgainst(document, described.at("items").as_object(), item);
        }
      }
    } else if (member.is_object()) {
      CheckAgainst(document, described, member);
    }
  }
  if (const auto* const required = schema.if_contains("required")) {
    for (const auto& name : required->as_array()) {
      EXPECT_TRUE(value.as_object().contains(name.as_string())) << name;
    }
  }
}

TEST_F(RoutesTest, TheOpenApiDocumentTellsTheTruth) {
  service_.AddEvent(5);
  const json::object document = Parse(Send(Request("GET", "/v1/openapi.json")));
  std::size_t operations = 0;
  for (const auto& [path, methods] : document.at("paths").as_object()) {
    operations += methods.as_object().size();
  }
  EXPECT_EQ(operations, Routes().size());
  for (const Route& route : Routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.pattern));
    std::string method(route.method);
    std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c | 0x20); });
    const json::object& operation = document.at("paths").at(std::string(route.pattern)).at(method).as_object();
    const auto answer = Send(As(CallerOf(route), SampleOf(route)));
    const auto& responses = operation.at("responses").as_object();
    ASSERT_TRUE(responses.contains(std::to_string(answer.status)));
    EXPECT_EQ(operation.at("security").as_array().empty(), route.access == Access::kPublic);
    EXPECT_EQ(operation.contains("requestBody"), route.request != nullptr || !route.request_type.empty());
    if (answer.status == 204) {
      continue;
    }
    const json::object& content = responses.at(std::to_string(answer.status)).at("content").as_object();
    ASSERT_TRUE(content.contains(answer.content_type));
    if (answer.content_type == "application/json" && route.response != nullptr) {
      CheckAgainst(document, content.at(answer.content_type).at("schema").as_object(), Parse(answer));
    }
  }
}

TEST_F(RoutesTest, TheDocumentHasNoDanglingReference) {
  const auto answer = Send(Request("GET", "/v1/openapi.json"));
  const json::object document = Parse(answer);
  const json::object& schemas = document.at("components").at("schemas").as_object();
  constexpr std::string_view kReference = "#/components/schemas/";
  std::size_t found = 0;
  for (std::size_t at = answer.body.find(kReference); at != std::string::npos;
       at = answer.body.find(kReference, at + 1)) {
    const std::size_t begin = at + kReference.size();
    const std::string name = answer.body.substr(begin, answer.body.find('"', begin) - begin);
    EXPECT_TRUE(schemas.contains(name)) << name;
    ++found;
  }
  EXPECT_GT(found, 30U);
}

}  // namespace
}  // namespace simroot::platform::testing
