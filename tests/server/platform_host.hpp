// SPDX-License-Identifier: Apache-2.0
/// A whole platform in this process, reached over the loopback, and application servers that are enrolled there.
#pragma once

#include <ctime>
#include <fstream>

#include "common/net/http_server.hpp"
#include "platform/api/api.hpp"
#include "platform/ota/engine.hpp"
#include "server/sync/platform_link.hpp"
#include "tests/platform/server_test_support.hpp"

namespace simroot::server {

namespace pf = simroot::platform;

class PlatformHost : public pf::ServerTest {
 protected:
  void SetUp() override {
    clock_.now = std::time(nullptr);  // OpenSSL looks at the real one
    ServerTest::SetUp();
    engine_ = pf::OtaEngine::Create(*store_, *vault_, *authority_, clock_, {});
    ASSERT_NE(engine_, nullptr);
    api_ = std::make_unique<pf::Api>(pf::ApiParts{.service = *service_,
                                                  .engine = *engine_,
                                                  .store = *store_,
                                                  .clock = clock_,
                                                  .options = {},
                                                  .log = [](std::string_view) {},
                                                  .counters = {}});
    std::ofstream(folder_ + "/ca.pem") << pf::CertificateToPem(platform_ca_.certificate);
    StartServing();
  }
  void TearDown() override {
    StopServing();
    api_.reset();
    engine_.reset();
    ServerTest::TearDown();
  }

  void StartServing() {
    auto identity = Take(
        authority_->MakeTlsIdentity(platform_ca_, {.common_name = "platform", .serial_number = {}, .organization = {}},
                                    {"127.0.0.1"}, clock_.now, 86400));
    net::HttpServerOptions options;
    options.port = port_;
    options.certificate_chain = std::move(identity.certificate_chain);
    options.private_key = std::move(identity.private_key);
    options.client_authorities = pf::CertificateToPem(platform_ca_.certificate);
    auto started = net::HttpServer::Start(std::move(options),
                                          [this](const net::HttpRequest& request) { return api_->Handle(request); });
    ASSERT_TRUE(started) << started.error().Text();
    http_ = std::move(*started);
    port_ = http_->port();
    store_->OnFeed([this](std::int64_t) { http_->Wake(); });
  }
  void StopServing() {
    store_->OnFeed(nullptr);
    http_.reset();
  }

  [[nodiscard]] std::string Url() const { return "https://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] EnrolOptions Options(const std::string& directory, SecretBytes token) const {
    EnrolOptions options;
    options.directory = folder_ + "/" + directory;
    options.platform_url = Url();
    options.ca_file = folder_ + "/ca.pem";
    options.token = std::move(token);
    return options;
  }
  [[nodiscard]] SecretBytes Invite(const std::string& tenant, const std::string& name) {
    return Take(service_->InviteServer(admin_, tenant, name, 60)).text;
  }
  /// Invited, enrolled, loaded; in a directory of its name.
  [[nodiscard]] Identity MakeServer(const std::string& tenant, const std::string& name) {
    const auto enrolled = server::Enrol(Options(tenant + "-" + name, Invite(tenant, name)));
    EXPECT_TRUE(enrolled) << enrolled.error().Text();
    auto identity = LoadIdentity(folder_ + "/" + tenant + "-" + name);
    EXPECT_TRUE(identity) << identity.error().Text();
    return identity ? std::move(*identity) : Identity{};
  }
  [[nodiscard]] static std::unique_ptr<PlatformLink> Connect(const Identity& identity) {
    auto link = MakePlatformLink(identity);
    EXPECT_TRUE(link) << link.error().Text();
    return link ? std::move(*link) : nullptr;
  }
  [[nodiscard]] pf::Id IdOfServer(const std::string& name) {
    const auto servers = Read<std::vector<pf::ServerIdentity>>(
        [&](pf::StoreReader& reader) { return reader.ListServers(tenant_.id, {}); });
    const auto found = std::ranges::find(servers, name, &pf::ServerIdentity::name);
    return found == servers.end() ? 0 : found->id;
  }

  std::unique_ptr<pf::OtaEngine> engine_;
  std::unique_ptr<pf::Api> api_;
  std::unique_ptr<net::HttpServer> http_;
  std::uint16_t port_ = 0;
};

}  // namespace simroot::server
