// SPDX-License-Identifier: Apache-2.0
/// How fast an application server learns all credentials of its tenant: read by the service alone, and by the server's
/// link over HTTPS on the loopback, pre-shared keys sealed there and opened here.
#include <chrono>
#include <fstream>

#include "bench/surroundings.hpp"
#include "common/net/http_server.hpp"
#include "platform/api/api.hpp"
#include "platform/store/sqlite_store.hpp"
#include "server/sync/platform_link.hpp"

namespace simroot::bench {
namespace {

namespace pf = simroot::platform;

constexpr std::int64_t kYear = 365 * 86400;
constexpr std::size_t kCertificateSize = 700;  ///< bytes, as the platform issues them
constexpr std::size_t kPerWrite = 5'000;

template <typename T, typename E>
T Get(Expected<T, E> result) {
  if (!result) {
    GiveUp(result.error().Text());
  }
  if constexpr (!std::is_void_v<T>) {
    return std::move(*result);
  }
}

/// A platform with one tenant, one CA of its own, and credentials that nobody has issued.
class Host {
 public:
  explicit Host(const std::string& folder) : folder_(folder) {
    vault_ = Get(pf::Vault::Create(folder + "/vault"));
    authority_ = Get(pf::Authority::Open(*vault_, folder + "/ca"));
    store_ = Get(pf::OpenSqliteStore({.file = folder + "/platform.db", .clock = clock_, .create = true}));
    service_ = pf::Service::Create(*store_, *vault_, *authority_, clock_);
    engine_ = pf::OtaEngine::Create(*store_, *vault_, *authority_, clock_, {});
    ca_ = Get(authority_->MakeRoot("platform", {.common_name = "platform", .serial_number = {}, .organization = {}},
                                   clock_.Now(), kYear));
    Write([&](pf::StoreWriter& writer) -> pf::Outcome<void> {
      SR_TRY(ca_.id, writer.InsertAuthority(ca_));
      return {};
    });
    tenant_ = Get(service_->CreateTenant(admin_, "bench"));
    std::ofstream(folder + "/ca.pem") << pf::CertificateToPem(ca_.certificate);
    api_ = std::make_unique<pf::Api>(pf::ApiParts{
        .service = *service_, .engine = *engine_, .store = *store_, .clock = clock_, .log = [](std::string_view) {}});
    auto identity = Get(authority_->MakeTlsIdentity(
        ca_, {.common_name = "platform", .serial_number = {}, .organization = {}}, {"127.0.0.1"}, clock_.Now(), kYear));
    net::HttpServerOptions options;
    options.certificate_chain = std::move(identity.certificate_chain);
    options.private_key = std::move(identity.private_key);
    options.client_authorities = pf::CertificateToPem(ca_.certificate);
    http_ = Get(net::HttpServer::Start(std::move(options),
                                       [this](const net::HttpRequest& request) { return api_->Handle(request); }));
  }

  /// One card in one device for each.
  void Add(std::size_t count, pf::CredentialKind kind) {
    const Bytes psk(32, 0x5A);
    for (std::size_t done = 0; done < count; done += kPerWrite) {
      const std::size_t end = std::min(count, done + kPerWrite);
      Write([&](pf::StoreWriter& writer) -> pf::Outcome<void> {
        for (std::size_t i = done; i < end; ++i) {
          SR_TRY_VOID(AddOne(writer, kind, psk));
        }
        return {};
      });
    }
  }

  /// Enrols a server. @returns its identity.
  [[nodiscard]] server::Identity Enrol(const std::string& name) {
    server::EnrolOptions options;
    options.directory = folder_ + "/" + name;
    options.platform_url = "https://127.0.0.1:" + std::to_string(http_->port());
    options.ca_file = folder_ + "/ca.pem";
    options.token = Get(service_->InviteServer(admin_, "bench", name, 60)).text;
    Get(server::Enrol(options));
    return Get(server::LoadIdentity(options.directory));
  }
  [[nodiscard]] pf::Service& service() { return *service_; }

 private:
  void Write(const std::function<pf::Outcome<void>(pf::StoreWriter&)>& work) { Get(store_->Write(work)); }

  [[nodiscard]] pf::Outcome<void> AddOne(pf::StoreWriter& writer, pf::CredentialKind kind, ByteView psk) {
    const std::string number = std::to_string(890'000'000'000'000'000 + ++number_);
    SR_TRY(const pf::Id card, writer.InsertCard({.tenant = tenant_.id, .iccid = number}));
    SR_TRY_VOID(writer.InsertDevice({.tenant = tenant_.id, .card = card, .name = "device-" + number}));
    pf::Credential credential;
    credential.tenant = tenant_.id;
    credential.card = card;
    credential.kind = kind;
    credential.state = pf::CredentialState::kActive;
    credential.name = number;
    credential.not_before = clock_.Now();
    credential.not_after = clock_.Now() + kYear;
    if (kind == pf::CredentialKind::kPsk) {
      SR_TRY(credential.sealed_psk, vault_->Seal(psk, "psk/" + number));
    } else {
      credential.certificate = Bytes(kCertificateSize, LowByte(number_));
    }
    SR_TRY_VOID(writer.InsertCredential(credential));
    return {};
  }

  std::string folder_;
  SystemClock clock_;
  const pf::Actor admin_{.name = "bench", .role = pf::Role::kAdmin, .tenant = 0, .certificate = {}};
  std::int64_t number_ = 0;
  pf::CertificateAuthority ca_;
  pf::Tenant tenant_;
  std::unique_ptr<pf::Vault> vault_;
  std::unique_ptr<pf::Authority> authority_;
  std::unique_ptr<pf::Store> store_;
  std::unique_ptr<pf::Service> service_;
  std::unique_ptr<pf::OtaEngine> engine_;
  std::unique_ptr<pf::Api> api_;
  std::unique_ptr<net::HttpServer> http_;
};

/// Reads until nothing is left and prints how fast. @param read gives number of items and the next `after`.
template <typename Read>
void Measure(const char* what, const Read& read) {
  const auto start = std::chrono::steady_clock::now();
  std::size_t items = 0;
  std::int64_t after = 0;
  do {
    const auto [count, next] = read(after);
    items += count;
    after = next;
  } while (after != 0);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("  %-44s %9.0f items/s  (%zu in %.2f s)\n", what, static_cast<double>(items) / seconds, items, seconds);
}

void Run(std::size_t count, pf::CredentialKind kind) {
  const Folder folder;
  Host host(folder.path());
  host.Add(count, kind);
  const server::Identity identity = host.Enrol("web-1");
  const pf::Actor actor = Get(host.service().AuthenticateServer(identity.certificate));
  std::printf("%zu %s\n", count, kind == pf::CredentialKind::kPsk ? "pre-shared keys" : "certificates");
  Measure("service (SQLite, sealing)", [&](std::int64_t after) {
    const auto part = Get(host.service().Snapshot(actor, {.after = after, .limit = 1000}));
    return std::pair(part.items.size(), part.next);
  });
  const auto link = Get(server::MakePlatformLink(identity));
  Measure("the whole way: HTTPS, JSON, opening", [&](std::int64_t after) {
    const auto part = Get(link->ReadSnapshot(after));
    return std::pair(part.credentials.size(), part.next);
  });
}

}  // namespace
}  // namespace simroot::bench

int main(int argc, char** argv) {
  // How many certificates, and how many pre-shared keys.
  const std::size_t certificates = argc > 1 ? std::stoul(argv[1]) : 100'000;
  const std::size_t keys = argc > 2 ? std::stoul(argv[2]) : 5'000;
  simroot::bench::Run(certificates, simroot::platform::CredentialKind::kCertificate);
  simroot::bench::Run(keys, simroot::platform::CredentialKind::kPsk);
  return 0;
}
