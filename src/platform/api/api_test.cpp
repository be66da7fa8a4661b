// SPDX-License-Identifier: Apache-2.0
#include "platform/api/api.hpp"

#include "platform/api/testing/api_fixture.hpp"

namespace simroot::platform::testing {
namespace {

// ---- bodies and queries ----

TEST_F(ApiTest, BodiesThatAreNotAsTheSchemaSaysAreRefused) {
  const std::string deep = std::string(5'000, '[') + std::string(5'000, ']');
  const std::vector<std::string> bodies{
      "",
      "{",
      "[]",
      "null",
      "\"x\"",
      R"({"iccid":"8949000000000000012"})",
      R"({"iccid":"8949000000000000012","kind":"rotate","more":1})",
      R"({"iccid":"8949000000000000012","kind":"rotate"} {})",
      R"({"iccid":"8949000000000000012","kind":"rotate","kind":"erase"})",
      R"({"iccid":"8949000000000000012","kind":"ROTATE"})",
      R"({"iccid":8949000000000000012,"kind":"rotate"})",
      R"({"iccid":"8949","kind":"rotate"})",
      R"({"iccid":"89490000000000000120","kind":null})",
      R"({"iccid":"8949000000\u000000012","kind":"rotate"})",
      "{\"iccid\":\"894900000000000001\xFF\",\"kind\":\"rotate\"}",
      R"({"iccid":["8949000000000000012"],"kind":"rotate"})",
      R"({"iccid":"8949000000000000012","kind":"rotate",})",
      R"({/* x */"iccid":"8949000000000000012","kind":"rotate"})",
      deep,
      R"({"iccid":)" + deep + "}",
  };
  for (const std::string& body : bodies) {
    auto request = As("operator", Request("POST", "/v1/jobs", body));
    request.headers["content-type"] = "application/json";
    EXPECT_EQ(Send(request).status, 400) << body.substr(0, 80);
  }
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(ApiTest, NumbersOutsideOfTheirRangeAreRefused) {
  for (const std::string number : {"0", "-1", "1.5", "1e3", "99999999999999999999", "\"60\"", "true", "null"}) {
    const auto answer =
        Send(As("admin", Request("POST", "/v1/tokens", R"({"name":"n","role":"viewer","lifetime_s":)" + number + "}")));
    EXPECT_EQ(answer.status, 400) << number;
  }
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(ApiTest, TheMediaTypeMustBeRight) {
  for (const std::string type : {"", "text/plain", "application/jsonx", "multipart/form-data"}) {
    auto request = As("operator", Request("POST", "/v1/jobs", R"({"iccid":"8949000000000000012","kind":"rotate"})"));
    request.headers["content-type"] = type;
    EXPECT_EQ(Send(request).status, 415) << type;
  }
  auto csv = As("operator", Request("POST", "/v1/tenants/acme/cards/import", "a,b"));
  EXPECT_EQ(Send(csv).status, 415);
}

TEST_F(ApiTest, QueriesAreCheckedAgainstTheTable) {
  const auto status = [&](const std::string& path, const std::string& name, const std::string& value) {
    auto request = As("viewer", Request("GET", path));
    request.query[name] = value;
    return Send(request).status;
  };
  EXPECT_EQ(status("/v1/cards", "state", "active"), 200);
  EXPECT_EQ(status("/v1/cards", "state", "asleep"), 400);
  EXPECT_EQ(status("/v1/cards", "colour", "red"), 400);
  EXPECT_EQ(status("/v1/cards/8949000000000000012", "limit", "1"), 400);
  for (const std::string limit : {"0", "1001", "-1", "x", "", "1.0", "01", "99999999999999999999"}) {
    EXPECT_EQ(status("/v1/cards", "limit", limit), 400) << limit;
  }
  EXPECT_EQ(status("/v1/cards", "limit", "1000"), 200);
  EXPECT_EQ(status("/v1/cards", "after", "-1"), 400);
  EXPECT_EQ(status("/v1/feed", "wait", "61"), 400);
  EXPECT_EQ(status("/v1/cards", "tenant", "nobody"), 404);
}

// ---- tenants ----

TEST_F(ApiTest, WhatBelongsToAnotherTenantDoesNotExist) {
  // By the token of tenant 1: what is of tenant 2 answers as what is not there at all, byte for byte but for the id.
  const auto body = [&](const std::string& path) {
    auto answer = Send(As("admin@acme", Request("GET", path)));
    EXPECT_EQ(answer.status, 404) << path;
    return answer.body.substr(0, answer.body.find("\"instance\""));
  };
  EXPECT_EQ(body("/v1/cards/8949000000000000020"), body("/v1/cards/8949000000000000099"));
  EXPECT_EQ(body("/v1/credentials/2"), body("/v1/credentials/99"));
  EXPECT_EQ(body("/v1/credentials/2/certificate"), body("/v1/credentials/99/certificate"));
  EXPECT_EQ(body("/v1/jobs/2"), body("/v1/jobs/99"));
  EXPECT_EQ(body("/v1/jobs/2/steps"), body("/v1/jobs/99/steps"));
  EXPECT_EQ(body("/v1/tenants/other/policies").size(), body("/v1/tenants/nobod/policies").size());
  EXPECT_EQ(Send(As("admin", Request("GET", "/v1/cards/8949000000000000020"))).status, 200);
}

TEST_F(ApiTest, ListsShowTheActorsTenantOnly) {
  const auto count = [&](const std::string& token, const std::string& path, const net::Headers& query = {}) {
    auto request = As(token, Request("GET", path));
    for (const auto& [name, value] : query) {
      request.query[name] = value;
    }
    return Parse(Send(request)).at("items").as_array().size();
  };
  for (const std::string path : {"/v1/cards", "/v1/devices", "/v1/credentials", "/v1/jobs", "/v1/tenants"}) {
    EXPECT_EQ(count("viewer", path), 2U) << path;
    EXPECT_EQ(count("viewer@acme", path), 1U) << path;
  }
  EXPECT_EQ(count("viewer", "/v1/cards", {{"tenant", "acme"}}), 1U);
  EXPECT_EQ(count("viewer", "/v1/audit"), 2U);
  EXPECT_EQ(count("viewer@acme", "/v1/audit"), 1U);
  EXPECT_EQ(count("admin@acme", "/v1/tokens"), 1U);
  EXPECT_EQ(count("viewer@acme", "/v1/jobs", {{"iccid", "8949000000000000020"}}), 0U);
  EXPECT_EQ(count("viewer", "/v1/jobs", {{"iccid", "8949000000000000020"}}), 1U);
  EXPECT_EQ(Send(As("admin@acme", Request("GET", "/v1/audit/verify"))).status, 403);
}

TEST_F(ApiTest, PagesJoinWithoutGapAndEnd) {
  const Card model = store_.cards.front();
  store_.cards.clear();
  for (int i = 1; i <= 5; ++i) {
    Card card = model;
    card.id = i * 10;
    card.iccid = "894900000000000000" + std::to_string(i);
    store_.cards.push_back(card);
  }
  std::vector<std::string> seen;
  std::string after = "0";
  for (int page = 0; page < 10 && !after.empty(); ++page) {
    auto request = As("viewer", Request("GET", "/v1/cards"));
    request.query["limit"] = "2";
    request.query["after"] = after;
    const json::object object = Parse(Send(request));
    for (const auto& item : object.at("items").as_array()) {
      seen.emplace_back(item.at("iccid").as_string());
    }
    after = object.at("next").is_null() ? "" : json::serialize(object.at("next"));
  }
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  auto exact = As("viewer", Request("GET", "/v1/cards"));
  exact.query["limit"] = "5";
  EXPECT_EQ(Parse(Send(exact)).at("next").to_number<int>(), 50);
}

TEST_F(ApiTest, TheDeviceOfANewOwnerIsNotShownWithAnOldCredential) {
  const auto device = [&] { return Parse(Send(As("admin", Request("GET", "/v1/credentials/1")))).at("device"); };
  EXPECT_TRUE(device().is_string());
  ASSERT_FALSE(store_.devices.empty());
  for (Device& known : store_.devices) {
    known.tenant += 100;
  }
  EXPECT_TRUE(device().is_null());
}

// ---- what handlers pass on ----

TEST_F(ApiTest, RequestsReachTheServiceAsTheyWereMeant) {
  const auto last = [&](net::HttpRequest request) {
    const auto answer = Send(As("admin", std::move(request)));
    EXPECT_LT(answer.status, 300) << answer.body;
    return service_.last;
  };
  const std::string card = "/v1/cards/8949000000000000012";
  EXPECT_EQ(last(Request("PATCH", card, R"({"state":"retired"})")), "state 8949000000000000012 retired");
  EXPECT_EQ(last(Request("PATCH", card, R"({"policy":"p"})")), "policy 8949000000000000012 p");
  EXPECT_EQ(last(Request("PATCH", card, R"({"tenant":"other"})")), "owner 8949000000000000012 other");
  EXPECT_EQ(last(Request("POST", "/v1/credentials/7/state", R"({"state":"revoked","reason":""})")),
            "credential 7 revoked ");
  EXPECT_EQ(last(Request("PUT", "/v1/tenants/acme/policies/p", R"({"key_type":"p384","lifetime_s":60})")),
            "policy p p384 60");
  EXPECT_EQ(last(Request("POST", "/v1/tokens", R"({"name":"n","role":"viewer"})")), "token n viewer  0");
  EXPECT_EQ(last(Request("POST", "/v1/tokens", R"({"name":"n","role":"viewer","tenant":"acme","lifetime_s":10})")),
            "token n viewer acme 1800000010");
  EXPECT_EQ(
      last(Request("POST", "/v1/tenants/acme/authorities", R"({"name":"x","certificates":"a\nb","private_key":"k"})")),
      "import authority acme x");
}

TEST_F(ApiTest, ACardIsChangedInOneThingAtATime) {
  for (const std::string body : {"{}", R"({"state":"active","policy":"p"})"}) {
    EXPECT_EQ(Send(As("operator", Request("PATCH", "/v1/cards/8949000000000000012", body))).status, 422) << body;
  }
  EXPECT_EQ(service_.calls, 0);
}

TEST_F(ApiTest, AnImportNamesItsBadLines) {
  service_.bad_lines = {{2, "the ICCID has a wrong check digit"}, {17, "the key is too short"}};
  auto request = As("operator", Request("POST", "/v1/tenants/acme/cards/import", "x"));
  request.headers["content-type"] = "text/csv";
  const auto answer = Send(request);
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(answer.content_type, "application/problem+json");
  const json::object problem = Parse(answer);
  EXPECT_EQ(problem.at("bad").as_array().size(), 2U);
  EXPECT_EQ(problem.at("bad").at(1).at("line").to_number<int>(), 17);
}

TEST_F(ApiTest, ARenewalIsForTheAskingServer) {
  const net::HttpRequest sample = SampleOf(*std::ranges::find(Routes(), "/v1/servers/renew", &Route::pattern));
  EXPECT_EQ(Send(As(Caller::kServer, sample)).status, 201);
  EXPECT_EQ(service_.last, "renew server web-1 3000");
  EXPECT_EQ(Send(As(Caller::kServer, Request("POST", "/v1/servers/renew", R"({"csr":"x"})"))).status, 422);
  EXPECT_EQ(Send(As(Caller::kServer, Request("POST", "/v1/servers/renew", R"({"csr":"x","token":"t"})"))).status, 400);
}

TEST_F(ApiTest, AnEnrolmentTakesPemOnly) {
  EXPECT_EQ(Send(SampleOf(*std::ranges::find(Routes(), "/v1/servers/enrol", &Route::pattern))).status, 201);
  EXPECT_EQ(service_.last, "enrol t 3000");
  for (const std::string csr : {"x", "-----BEGIN CERTIFICATE REQUEST-----\\nMA\\n-----END CERTIFICATE REQUEST-----\\n",
                                "-----BEGIN CERTIFICATE-----\\nMAA=\\n-----END CERTIFICATE-----\\n"}) {
    const auto answer = Send(Request("POST", "/v1/servers/enrol", R"({"token":"t","csr":")" + csr + "\"}"));
    EXPECT_EQ(answer.status, 422) << csr;
  }
}

// ---- idempotency ----

class IdempotencyTest : public ApiTest {
 protected:
  net::HttpResponse Post(const std::string& key, const std::string& path, const std::string& body,
                         const std::string& token = "admin") {
    auto request = As(token, Request("POST", path, body));
    request.headers["idempotency-key"] = key;
    return Send(request);
  }
  static constexpr const char* kJob = R"({"iccid":"8949000000000000012","kind":"rotate"})";
};

TEST_F(IdempotencyTest, TheSameRequestIsDoneOnce) {
  const auto first = Post("k1", "/v1/jobs", kJob);
  const auto second = Post("k1", "/v1/jobs", kJob);
  EXPECT_EQ(service_.calls, 1);
  EXPECT_EQ(second.status, 201);
  EXPECT_EQ(first.body, second.body);
  EXPECT_FALSE(first.headers.contains("Idempotency-Replayed"));
  EXPECT_TRUE(second.headers.contains("Idempotency-Replayed"));
}

TEST_F(IdempotencyTest, AnotherRequestWithTheSameKeyIsRefused) {
  ASSERT_EQ(Post("k1", "/v1/jobs", kJob).status, 201);
  EXPECT_EQ(Post("k1", "/v1/jobs", R"({"iccid":"8949000000000000012","kind":"erase"})").status, 422);
  EXPECT_EQ(Post("k1", "/v1/jobs/1/cancel", "").status, 422);
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(IdempotencyTest, KeysBelongToTheirActor) {
  ASSERT_EQ(Post("k1", "/v1/jobs", kJob).status, 201);
  ASSERT_EQ(Post("k1", "/v1/jobs", kJob, "operator").status, 201);
  EXPECT_EQ(service_.calls, 2);
}

TEST_F(IdempotencyTest, WhatFailedIsTriedAgain) {
  service_.failure = Failure(FailureKind::kUnavailable, "later");
  EXPECT_EQ(Post("k1", "/v1/jobs", kJob).status, 503);
  service_.failure.reset();
  EXPECT_EQ(Post("k1", "/v1/jobs", kJob).status, 201);
}

TEST_F(IdempotencyTest, ASecretIsNeitherKeptNorShownAgain) {
  const std::string body = R"({"name":"n","role":"viewer"})";
  const auto first = Post("k1", "/v1/tokens", body);
  EXPECT_NE(first.body.find("the-secret-token"), std::string::npos);
  for (const auto& [name, reply] : store_.replies) {
    EXPECT_EQ(reply.body.find("the-secret-token"), std::string::npos);
  }
  EXPECT_EQ(Post("k1", "/v1/tokens", body).status, 409);
  EXPECT_EQ(service_.calls, 1);
}

TEST_F(IdempotencyTest, AKeyHasItsForm) {
  for (const std::string& key : {std::string(), std::string(129, 'k'), std::string("a b"), std::string("a\xC3\xA9")}) {
    EXPECT_EQ(Post(key, "/v1/jobs", kJob).status, 422) << key;
  }
  EXPECT_EQ(Post(std::string(128, 'k'), "/v1/jobs", kJob).status, 201);
}

// ---- limits ----

TEST_F(ApiTest, TokensAndAddressesAreLimitedApart) {
  ApiOptions options;
  options.per_token = {3, 0};
  options.per_address = {2, 0};
  Restart(options);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Send(As("viewer", Request("GET", "/v1/cards"))).status, 200);
  }
  const auto limited = Send(As("viewer", Request("GET", "/v1/cards")));
  EXPECT_EQ(limited.status, 429);
  EXPECT_TRUE(limited.headers.contains("Retry-After"));
  EXPECT_EQ(Send(As("operator", Request("GET", "/v1/cards"))).status, 200);
  EXPECT_EQ(Send(Request("GET", "/healthz")).status, 200);
  EXPECT_EQ(Send(Request("GET", "/healthz")).status, 200);
  EXPECT_EQ(Send(Request("GET", "/healthz")).status, 429);
  auto elsewhere = Request("GET", "/healthz");
  elsewhere.peer = "127.0.0.2";
  EXPECT_EQ(Send(elsewhere).status, 200);
}

TEST_F(ApiTest, GuessingTokensIsLimitedByAddress) {
  ApiOptions options;
  options.failed_logins = {5, 0};
  Restart(options);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(Send(As("wrong", Request("GET", "/v1/cards"))).status, 401);
  }
  const auto limited = Send(As("wrong", Request("GET", "/v1/cards")));
  EXPECT_EQ(limited.status, 429);
  EXPECT_TRUE(limited.headers.contains("Retry-After"));
  auto elsewhere = As("wrong", Request("GET", "/v1/cards"));
  elsewhere.peer = "127.0.0.2";
  EXPECT_EQ(Send(elsewhere).status, 401);
}

TEST_F(ApiTest, NobodyLocksOutHisNeighbours) {
  ApiOptions options;
  options.failed_logins = {2, 0};
  Restart(options);
  for (int i = 0; i < 10; ++i) {
    (void)Send(As("wrong", Request("GET", "/v1/cards")));
    EXPECT_EQ(Send(As("admin", Request("GET", "/v1/cards"))).status, 200) << "the same address, right credentials";
  }
  EXPECT_EQ(Send(As("wrong", Request("GET", "/v1/cards"))).status, 429);
}

// ---- relay ----

class RelayTest : public ApiTest {
 protected:
  net::HttpResponse Begin(const std::string& body) { return Send(Request("POST", "/v1/relay/sessions", body)); }
  net::HttpResponse Continue(const std::string& body, const std::string& session = std::string(kSession)) {
    return Send(Request("POST", "/v1/relay/sessions/" + session, body));
  }
};

TEST_F(RelayTest, CarriesHelloAndAnswers) {
  const auto begun =
      Begin(R"({"iccid":"8949000000000000012","aid":"A000000559","application":"C000","objects":["C100","C200"]})");
  EXPECT_EQ(begun.status, 201);
  EXPECT_EQ(engine_.hello.iccid, kIccid);
  EXPECT_EQ(ToHex(engine_.hello.application_id), "A000000559");
  EXPECT_EQ(engine_.hello.objects.size(), 2U);
  EXPECT_EQ(engine_.hello.source, "127.0.0.1");
  const json::object batch = Parse(begun);
  EXPECT_EQ(batch.at("session").as_string(), kSession);
  EXPECT_EQ(batch.at("step").to_number<int>(), 1);
  EXPECT_EQ(batch.at("commands").at(0).as_string(), "8050300000");
  EXPECT_EQ(batch.at("security_domain").as_string(), "A000000151");
  EXPECT_FALSE(batch.at("done").as_bool());
  const auto next = Continue(R"({"step":1,"answers":["01029000","6A88"]})");
  EXPECT_EQ(next.status, 200);
  ASSERT_EQ(engine_.answers.size(), 2U);
  EXPECT_EQ(ToHex(engine_.answers.front().data), "0102");
  EXPECT_EQ(engine_.answers.front().sw, 0x9000);
  EXPECT_TRUE(engine_.answers.back().data.empty());
  EXPECT_EQ(engine_.answers.back().sw, 0x6A88);
  engine_.done = true;
  const json::object last = Parse(Continue(R"({"step":2,"answers":["9000"]})"));
  EXPECT_TRUE(last.at("done").as_bool());
  EXPECT_TRUE(last.at("provisioned").as_bool());
  EXPECT_EQ(last.at("key_label").as_string(), "tls");
  EXPECT_FALSE(last.contains("commands"));
}

TEST_F(RelayTest, CarriesAnOpening) {
  const auto with = [&](const std::string& opening) {
    return Begin(R"({"iccid":"8949000000000000012","opening":)" + opening + "}").status;
  };
  EXPECT_EQ(with(R"({"security_domain":"A000000151","challenge":"0102030405060708","answer":"AABB9000"})"), 201);
  ASSERT_TRUE(engine_.hello.opening.has_value());
  EXPECT_EQ(ToHex(engine_.hello.opening->security_domain), "A000000151");
  EXPECT_EQ(ToHex(engine_.hello.opening->challenge), "0102030405060708");
  EXPECT_EQ(ToHex(engine_.hello.opening->answer.data), "AABB");
  EXPECT_EQ(engine_.hello.opening->answer.sw, 0x9000);
  for (const std::string wrong :
       {"{}", "[]", "\"\"", "null", R"({"security_domain":"A000000151","challenge":"01020304050607","answer":"9000"})",
        R"({"security_domain":"A0000001","challenge":"0102030405060708","answer":"9000"})",
        R"({"security_domain":"A000000151","challenge":"0102030405060708","answer":"90"})",
        R"({"security_domain":"A000000151","challenge":"0102030405060708"})",
        R"({"security_domain":"A000000151","challenge":"0102030405060708","answer":"9000","more":1})"}) {
    EXPECT_EQ(with(wrong), 400) << wrong;
  }
  EXPECT_EQ(Begin(R"({"iccid":"8949000000000000012"})").status, 201);
  EXPECT_FALSE(engine_.hello.opening.has_value());
}

TEST_F(RelayTest, RefusesWhatNoCardSays) {
  for (const std::string body :
       {R"({"step":1,"answers":["90"]})", R"({"step":1,"answers":["900"]})", R"({"step":1,"answers":["zz00"]})",
        R"({"step":0,"answers":["9000"]})", R"({"step":-1,"answers":["9000"]})", R"({"step":1,"answers":"9000"})",
        R"({"step":1,"answers":[9000]})", R"({"step":1})", R"({"step":1,"answers":[""]})"}) {
    EXPECT_EQ(Continue(body).status, 400) << body;
  }
  EXPECT_EQ(Continue(R"({"step":1,"answers":[]})", "0").status, 404);
  EXPECT_EQ(Continue(R"({"step":1,"answers":[]})", std::string(32, 'x')).status, 404);
  EXPECT_EQ(Continue(R"({"step":1,"answers":[]})", std::string(32, '0')).status, 404);
  EXPECT_EQ(Begin(R"({"iccid":"89490000000000000AB"})").status, 422);
  EXPECT_EQ(Begin(R"({"iccid":"8949"})").status, 400);
  EXPECT_EQ(Begin(R"({"iccid":"8949000000000000012","aid":"A0000005590000000000000000000000000000000"})").status, 400);
}

TEST_F(RelayTest, WhyABeginningIsRefusedIsNotTold) {
  std::set<std::string> answers;
  for (const FailureKind kind : {FailureKind::kNotFound, FailureKind::kConflict, FailureKind::kDenied}) {
    engine_.failure = Failure(kind, "the card " + std::to_string(static_cast<int>(kind)));
    const auto answer = Begin(R"({"iccid":"8949000000000000012"})");
    answers.insert(std::to_string(answer.status) + answer.body.substr(0, answer.body.find("\"instance\"")));
  }
  EXPECT_EQ(answers.size(), 1U) << *answers.begin();
}

// ---- what is told about requests ----

TEST_F(ApiTest, TheLogHoldsNoSecrets) {
  auto request = As("admin", Request("POST", "/v1/tokens", R"({"name":"hidden-name","role":"viewer"})"));
  request.query["hidden-query"] = "hidden-value";
  (void)Send(request);
  EXPECT_EQ(log_.find("hidden"), std::string::npos) << log_;
  request.query.clear();
  const auto answer = Send(request);
  const json::object line = json::parse(log_).as_object();
  EXPECT_EQ(line.at("route").as_string(), "/v1/tokens");
  EXPECT_EQ(line.at("actor").as_string(), "token admin");
  EXPECT_EQ(line.at("status").to_number<int>(), 201);
  EXPECT_EQ(line.at("id").as_string(), answer.headers.at("X-Request-Id"));
  EXPECT_EQ(line.at("time").as_string(), "2027-01-15T08:00:00Z");
  EXPECT_EQ(log_.find("the-secret-token"), std::string::npos);
  EXPECT_EQ(log_.find("Bearer"), std::string::npos);
  (void)Send(As("sesame", Request("GET", "/v1/cards/8949000000000000012")));
  EXPECT_EQ(log_.find("sesame"), std::string::npos);
  EXPECT_EQ(log_.find("8949000000000000012"), std::string::npos);
}

TEST_F(ApiTest, MetricsCountByRouteAndStatus) {
  (void)Send(As("viewer", Request("GET", "/v1/cards/8949000000000000012")));
  (void)Send(As("viewer", Request("GET", "/v1/cards/8949000000000000099")));
  (void)Send(Request("GET", "/secret/path"));
  const std::string text = Send(Request("GET", "/metrics")).body;
  EXPECT_NE(text.find("simroot_http_requests_total{route=\"/v1/cards/{iccid}\",method=\"GET\",status=\"200\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("simroot_http_requests_total{route=\"/v1/cards/{iccid}\",method=\"GET\",status=\"404\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("simroot_http_request_seconds_count{route=\"/v1/cards/{iccid}\",method=\"GET\"} 2\n"),
            std::string::npos);
  EXPECT_NE(text.find("simroot_jobs_queued 2\n"), std::string::npos);
  EXPECT_NE(text.find("simroot_feed_unsealed_total 7\n"), std::string::npos);
  EXPECT_EQ(text.find("/secret"), std::string::npos);
}

}  // namespace
}  // namespace simroot::platform::testing
