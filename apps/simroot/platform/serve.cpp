// SPDX-License-Identifier: Apache-2.0
/// `simroot platform serve`: devices, operators and application servers, until it is stopped.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>

#include "common/host/file_io.hpp"
#include "common/net/http_server.hpp"
#include "output.hpp"
#include "platform/api/api.hpp"
#include "platform/clock_watch.hpp"
#include "platform/commands.hpp"
#include "platform/home.hpp"
#include "platform/ota/engine.hpp"
#include "stop_signal.hpp"

namespace simroot::app {
namespace {

constexpr std::int64_t kIdentityLifetime = 90LL * 86400;
constexpr std::int64_t kIdentityRenewal = 30LL * 86400;
constexpr int kHousekeepingMs = 10'000;
constexpr unsigned kGrace = 5;
constexpr std::size_t kLargestDeviceCa = 1 << 20;
constexpr rlim_t kMostConnections = 10'000;
constexpr rlim_t kOtherFiles = 256;  ///< database, logs, streams of the C library: must be had at any load

[[nodiscard]] platform::Outcome<platform::CertificateAuthority> FindPlatformCa(platform::Store& store) {
  platform::CertificateAuthority found;
  const auto read = store.Read([&](platform::StoreReader& reader) -> platform::Outcome<void> {
    SR_TRY(const auto authorities, reader.ListAuthorities(0));
    for (const auto& authority : authorities) {
      if (authority.tenant == 0 && !authority.retired) {
        found = authority;
      }
    }
    return {};
  });
  SR_TRY_VOID(read);
  if (found.id == 0) {
    return platform::Refuse(platform::FailureKind::kNotFound, "this platform has no CA of its own",
                            "its first start was interrupted: make it anew with simroot platform init");
  }
  return found;
}

/// Certificate and key of the server: made anew at each start and in good time, kept in memory only.
class ServerIdentity {
 public:
  ServerIdentity(OpenPlatform& open, platform::CertificateAuthority ca, std::vector<std::string> names)
      : open_(open), ca_(std::move(ca)), names_(std::move(names)) {}

  [[nodiscard]] Result<platform::TlsIdentity> Make() {
    made_ = open_.clock->Now();
    return FromOutcome(open_.authority->MakeTlsIdentity(
        ca_, {.common_name = "simroot platform", .serial_number = {}, .organization = {}}, names_, made_,
        kIdentityLifetime));
  }
  [[nodiscard]] bool IsDue() const {
    const platform::UnixTime age = open_.clock->Now() - made_;
    return age > kIdentityRenewal || age < 0;
  }
  [[nodiscard]] const platform::CertificateAuthority& ca() const { return ca_; }

 private:
  OpenPlatform& open_;
  platform::CertificateAuthority ca_;
  std::vector<std::string> names_;
  platform::UnixTime made_ = 0;
};

void Log(const std::string& line) {
  static_cast<void>(std::fprintf(stderr, "simroot: %s\n", line.c_str()));
}

/// Keeps the file of what application servers trust as it is now: the CAs of the first tenant, which init made.
[[nodiscard]] Result<void> RefreshDeviceCa(OpenPlatform& open, const PlatformHome& home) {
  std::string tenant;
  const auto read = open.store->Read([&](platform::StoreReader& reader) -> platform::Outcome<void> {
    SR_TRY(const auto tenants, reader.ListTenants({.after = 0, .limit = 1}));
    tenant = tenants.empty() ? std::string() : tenants.front().name;
    return {};
  });
  if (!read) {
    return tl::make_unexpected(ToError(read.error()));
  }
  SR_TRY(const std::string anchors, FromOutcome(open.service->TrustAnchors(tenant)));
  const auto known = ReadWholeFile(home.DeviceCa(), kLargestDeviceCa);
  if (known && std::ranges::equal(*known, AsBytes(anchors))) {
    return {};
  }
  return WriteFileAtomically(home.DeviceCa(), AsBytes(anchors), 0644);
}

/// Until a signal comes: what time brings, and a new server certificate now and then.
void Work(OpenPlatform& open, const PlatformHome& home, net::HttpServer& server, ServerIdentity& identity,
          const StopSignal& stop) {
  ClockWatch clock([&open] { return open.clock->Now(); }, SecondsSinceBoot, Log);
  pollfd watched{stop.fd(), POLLIN, 0};
  while (::poll(&watched, 1, kHousekeepingMs) <= 0) {
    const bool trusted = clock.IsTrusted();
    if (trusted) {
      if (const auto done = open.service->Housekeeping(); !done) {
        Log(done.error().Text());
      }
    }
    if (const auto done = RefreshDeviceCa(open, home); !done) {
      Log(done.error().Text());
    }
    if (trusted && identity.IsDue()) {  // one from the future would be refused by all whose clocks are right
      auto fresh = identity.Make();
      const auto replaced = fresh ? server.ReplaceIdentity(fresh->certificate_chain, fresh->private_key)
                                  : tl::make_unexpected(fresh.error());
      if (!replaced) {
        Log(replaced.error().Text());
      }
    }
  }
}

/// Lets this process open as many files as it may. @returns how many connections that allows.
[[nodiscard]] unsigned RaiseConnections() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) {
    return static_cast<unsigned>(kOtherFiles);
  }
  const rlim_t before = std::exchange(files.rlim_cur, files.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) {
    files.rlim_cur = before;
  }
  const rlim_t left = files.rlim_cur > kOtherFiles ? files.rlim_cur - kOtherFiles : 1;
  return static_cast<unsigned>(std::min(kMostConnections, left));
}

[[nodiscard]] std::string UrlOf(const ListenAddress& listen, std::uint16_t port) {
  const bool is_v6 = listen.address.find(':') != std::string::npos;
  return "https://" + (is_v6 ? "[" + listen.address + "]" : listen.address) + ":" + std::to_string(port);
}

[[nodiscard]] Result<void> Serve(const PlatformServeArguments& arguments) {
  const PlatformHome home(arguments.directory);
  SR_TRY_VOID(home.CheckPresent());
  SR_TRY(const PlatformSettings settings, home.ReadSettings());
  SR_TRY(const ListenAddress listen, ParseListenAddress(arguments.listen.empty() ? settings.listen : arguments.listen));
  const unsigned connections = RaiseConnections();
  const StopSignal stop(StopSignal::OnHangUp::kIgnore);
  SR_TRY(OpenPlatform open, Open(home, false));
  SR_TRY(platform::CertificateAuthority ca, FromOutcome(FindPlatformCa(*open.store)));
  std::vector<std::string> names = settings.names;
  if (std::ranges::find(names, listen.address) == names.end()) {
    names.push_back(listen.address);
  }
  ServerIdentity identity(open, std::move(ca), std::move(names));
  SR_TRY(platform::TlsIdentity first, identity.Make());

  SR_TRY_VOID(FromOutcome(open.service->BeginFeed()));
  platform::EngineLimits limits;
  limits.hellos_per_minute_and_card = static_cast<unsigned>(settings.sessions_per_minute_and_card);
  limits.hellos_per_minute_and_source = static_cast<unsigned>(settings.sessions_per_minute_and_address);
  const auto engine = platform::OtaEngine::Create(*open.store, *open.vault, *open.authority, *open.clock, limits);
  if (!engine) {
    return Fail(ErrorDomain::kCrypto, "the over-the-air engine cannot start: OpenSSL or the database fails",
                "see the lines above, and check the disk");
  }
  std::atomic<net::HttpServer*> running = nullptr;
  platform::ApiParts parts{.service = *open.service, .engine = *engine, .store = *open.store, .clock = *open.clock};
  parts.counters = [&running] {
    const net::HttpServer* const known = running.load();
    return known != nullptr ? known->Count() : net::HttpServer::Counters{};
  };
  platform::Api api(std::move(parts));
  net::HttpServerOptions options;
  options.address = listen.address;
  options.port = listen.port;
  options.connections = connections;
  options.workers = platform::kHttpWorkers;
  options.certificate_chain = std::move(first.certificate_chain);
  options.private_key = std::move(first.private_key);
  options.client_authorities = platform::CertificateToPem(identity.ca().certificate);
  SR_TRY(const auto server, net::HttpServer::Start(std::move(options), [&api](const net::HttpRequest& request) {
           return api.Handle(request);
         }));
  running = server.get();
  open.store->OnFeed([&server](std::int64_t) { server->Wake(); });
  const std::string url = UrlOf(listen, server->port());
  SR_TRY_VOID(WriteFileAtomically(home.Address(), AsBytes(url + "\n"), 0644));
  static_cast<void>(PrintLine("serving " + home.directory() + " at " + url));
  Work(open, home, *server, identity, stop);
  open.store->OnFeed(nullptr);
  server->Stop(kGrace);
  static_cast<void>(::unlink(home.Address().c_str()));
  return {};
}

}  // namespace

int RunPlatformServe(const PlatformServeArguments& arguments) {
  HideMemory();
  if (const auto done = Serve(arguments); !done) {
    return Report(done.error());
  }
  return kDone;
}

}  // namespace simroot::app
