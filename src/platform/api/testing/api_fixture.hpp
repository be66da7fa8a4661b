// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "platform/api/api.hpp"
#include "platform/api/path_match.hpp"
#include "platform/api/routes.hpp"
#include "platform/api/testing/fake_service.hpp"

namespace simroot::platform::testing {

namespace json = boost::json;

/// A request that succeeds on a route.
struct Sample {
  std::string path;
  std::string body = {};
  std::string type = "application/json";
};

/// Who sends a request.
enum class Caller : std::uint8_t { kNobody, kViewer, kOperator, kAdmin, kServer };

class ApiTest : public ::testing::Test {
 protected:
  ApiTest() : service_(store_) {
    Fill();
    Restart({});
  }

  void Restart(const ApiOptions& options) {
    api_ = std::make_unique<Api>(ApiParts{.service = service_,
                                          .engine = engine_,
                                          .store = store_,
                                          .clock = clock_,
                                          .options = options,
                                          .log = [this](std::string_view line) { log_ = line; },
                                          .counters = {}});
  }

  static net::HttpRequest Request(const std::string& method, const std::string& path, const std::string& body = {}) {
    net::HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.peer = "127.0.0.1";
    if (!body.empty()) {
      request.headers["content-type"] = "application/json";
    }
    return request;
  }
  static net::HttpRequest As(const std::string& token, net::HttpRequest request) {
    request.headers["authorization"] = "Bearer " + token;
    return request;
  }
  static net::HttpRequest As(Caller caller, net::HttpRequest request) {
    switch (caller) {
      case Caller::kNobody:
        return request;
      case Caller::kServer:
        request.client_certificate = {1, 2, 3};
        return request;
      case Caller::kViewer:
        return As("viewer", std::move(request));
      case Caller::kOperator:
        return As("operator", std::move(request));
      case Caller::kAdmin:
        break;
    }
    return As("admin", std::move(request));
  }
  net::HttpResponse Send(const net::HttpRequest& request) { return api_->Handle(request); }
  static json::object Parse(const net::HttpResponse& answer) {
    boost::system::error_code ec;
    const json::value value = json::parse(answer.body, ec);
    EXPECT_FALSE(ec) << answer.body;
    return value.is_object() ? value.as_object() : json::object();
  }

  /// By "METHOD pattern".
  static std::map<std::string, Sample> Samples() {
    const std::string card = "/v1/cards/" + std::string(kIccid);
    return {
        {"GET /v1/tenants", {"/v1/tenants"}},
        {"POST /v1/tenants", {"/v1/tenants", R"({"name":"new"})"}},
        {"POST /v1/tenants/{tenant}/cards/import",
         {"/v1/tenants/acme/cards/import", "a,b\n", "text/csv; charset=utf-8"}},
        {"GET /v1/tenants/{tenant}/policies", {"/v1/tenants/acme/policies"}},
        {"PUT /v1/tenants/{tenant}/policies/{name}", {"/v1/tenants/acme/policies/p1", R"({"key_type":"p384"})"}},
        {"GET /v1/tenants/{tenant}/authorities", {"/v1/tenants/acme/authorities"}},
        {"POST /v1/tenants/{tenant}/authorities", {"/v1/tenants/acme/authorities", "{}"}},
        {"GET /v1/tenants/{tenant}/trust-anchors.pem", {"/v1/tenants/acme/trust-anchors.pem"}},
        {"GET /v1/authorities/{id}/crl", {"/v1/authorities/1/crl"}},
        {"GET /v1/cards", {"/v1/cards"}},
        {"GET /v1/cards/{iccid}", {card}},
        {"PATCH /v1/cards/{iccid}", {card, R"({"state":"suspended"})"}},
        {"PUT /v1/cards/{iccid}/device", {card + "/device", R"({"name":"meter-17"})"}},
        {"GET /v1/devices", {"/v1/devices"}},
        {"GET /v1/credentials", {"/v1/credentials"}},
        {"GET /v1/credentials/{id}", {"/v1/credentials/1"}},
        {"GET /v1/credentials/{id}/certificate", {"/v1/credentials/1/certificate"}},
        {"POST /v1/credentials/{id}/state",
         {"/v1/credentials/1/state", R"({"state":"revoked","reason":"superseded"})"}},
        {"GET /v1/jobs", {"/v1/jobs"}},
        {"POST /v1/jobs", {"/v1/jobs", R"({"iccid":"8949000000000000012","kind":"rotate"})"}},
        {"GET /v1/jobs/{id}", {"/v1/jobs/1"}},
        {"GET /v1/jobs/{id}/steps", {"/v1/jobs/1/steps"}},
        {"POST /v1/jobs/{id}/cancel", {"/v1/jobs/1/cancel"}},
        {"POST /v1/jobs/{id}/retry", {"/v1/jobs/1/retry"}},
        {"GET /v1/tokens", {"/v1/tokens"}},
        {"POST /v1/tokens", {"/v1/tokens", R"({"name":"ops","role":"operator","lifetime_s":60})"}},
        {"DELETE /v1/tokens/{id}", {"/v1/tokens/1"}},
        {"GET /v1/servers", {"/v1/servers"}},
        {"POST /v1/servers", {"/v1/servers", R"({"tenant":"acme","name":"web-1"})"}},
        {"POST /v1/servers/enrol",
         {"/v1/servers/enrol",
          R"({"token":"t","csr":"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"})"}},
        {"POST /v1/servers/renew",
         {"/v1/servers/renew",
          R"({"csr":"-----BEGIN CERTIFICATE REQUEST-----\nMAA=\n-----END CERTIFICATE REQUEST-----\n"})"}},
        {"DELETE /v1/servers/{id}", {"/v1/servers/1"}},
        {"GET /v1/feed", {"/v1/feed"}},
        {"GET /v1/feed/snapshot", {"/v1/feed/snapshot"}},
        {"GET /v1/feed/authorities", {"/v1/feed/authorities"}},
        {"POST /v1/feed/use", {"/v1/feed/use", R"({"credential":"0A0B"})"}},
        {"GET /v1/audit", {"/v1/audit"}},
        {"GET /v1/audit/verify", {"/v1/audit/verify"}},
        {"POST /v1/relay/sessions",
         {"/v1/relay/sessions",
          R"({"iccid":"8949000000000000012","aid":"A000000559","application":"","objects":["C100"]})"}},
        {"POST /v1/relay/sessions/{session}",
         {"/v1/relay/sessions/" + std::string(kSession), R"({"step":1,"answers":["01029000"]})"}},
        {"GET /healthz", {"/healthz"}},
        {"GET /readyz", {"/readyz"}},
        {"GET /metrics", {"/metrics"}},
        {"GET /v1/openapi.json", {"/v1/openapi.json"}},
    };
  }
  static net::HttpRequest SampleOf(const Route& route) {
    const auto samples = Samples();
    const auto found = samples.find(std::string(route.method) + " " + std::string(route.pattern));
    EXPECT_NE(found, samples.end()) << route.method << " " << route.pattern << " has no sample";
    if (found == samples.end()) {
      return {};
    }
    net::HttpRequest request = Request(std::string(route.method), found->second.path, found->second.body);
    if (!found->second.body.empty()) {
      request.headers["content-type"] = found->second.type;
    }
    return request;
  }
  /// Somebody who may call it.
  static Caller CallerOf(const Route& route) {
    switch (route.access) {
      case Access::kPublic:
        return Caller::kNobody;
      case Access::kServer:
        return Caller::kServer;
      case Access::kOperator:
        return Caller::kOperator;
      case Access::kAdmin:
        return Caller::kAdmin;
      default:
        return Caller::kViewer;
    }
  }

  void Fill() {
    Card card;
    card.id = 1;
    card.tenant = 1;
    card.iccid = kIccid;
    card.security_domain = {0xA0, 0x00, 0x00, 0x01, 0x51};
    card.policy = 1;
    card.created = 1'700'000'000;
    store_.cards = {card};
    card.id = 2;
    card.tenant = 2;
    card.iccid = "8949000000000000020";
    store_.cards.push_back(card);
    store_.devices = {{1, 1, 1, "meter-17", 1'700'000'000}, {2, 2, 2, "meter-18", 1'700'000'000}};
    Policy policy;
    policy.id = 1;
    policy.tenant = 1;
    policy.name = "default";
    store_.policies = {policy};
    Credential credential;
    credential.id = 1;
    credential.tenant = 1;
    credential.card = 1;
    credential.name = "0A0B";
    credential.certificate = {0x30, 0x03, 0x02, 0x01, 0x05};
    credential.sealed_psk = Bytes(8, 0x5A);
    store_.credentials = {credential};
    credential.id = 2;
    credential.tenant = 2;
    credential.card = 2;
    credential.kind = CredentialKind::kPsk;
    credential.certificate.clear();
    store_.credentials.push_back(credential);
    Job job;
    job.id = 1;
    job.tenant = 1;
    job.card = 1;
    job.created = 1'700'000'000;
    store_.jobs = {job};
    job.id = 2;
    job.tenant = 2;
    job.card = 2;
    store_.jobs.push_back(job);
    store_.steps = {{1, 1, 1'700'000'000, "GENERATE private key 01", 0x9000, ""},
                    {1, 2, 1'700'000'000, "note", 0, "x"}};
    store_.audit = {{1, 1'700'000'000, 1, "token ops", "card.import", "card 1", R"({"cards":1})", Bytes(32, 1)},
                    {2, 1'700'000'000, 0, "platform", "start", "", "", Bytes(32, 2)}};
    store_.tokens = {{1, 1, "ops", Role::kOperator, Bytes(32, 3), 1'700'000'000, 0, 0},
                     {2, 0, "root", Role::kAdmin, Bytes(32, 4), 1'700'000'000, 1'900'000'000, 0}};
    store_.servers = {{1, 1, "web-1", Bytes(32, 5), {1, 2, 3}, 1'700'000'000, 0}};
    CertificateAuthority authority;
    authority.id = 1;
    authority.tenant = 1;
    authority.name = "root";
    authority.created = 1'700'000'000;
    authority.certificate = {0x30, 0x00};
    authority.key_file = "secret-file";
    store_.authorities = {authority};
  }

  FakeStore store_;
  FakeService service_;
  FakeEngine engine_;
  FakeClock clock_;
  std::string log_;
  std::unique_ptr<Api> api_;
};

}  // namespace simroot::platform::testing
