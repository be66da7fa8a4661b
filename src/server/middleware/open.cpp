// SPDX-License-Identifier: Apache-2.0
#include <ctime>

#include "server/middleware/log.hpp"
#include "server/middleware/open_as.hpp"

namespace simroot::server {
namespace {

/// Has the server's certificate renewed in time. One thread.
class Renewal {
 public:
  Renewal(std::string directory, LogFunction log) : directory_(std::move(directory)), log_(std::move(log)) {}

  void operator()() {
    const auto renewed = TryIt();
    const std::string error = renewed ? std::string() : renewed.error().Text();
    if (!error.empty() && error != last_error_) {
      log_(LogLevel::kError, "the certificate of this server cannot be renewed: " + error);
    }
    last_error_ = error;
  }

 private:
  [[nodiscard]] Result<void> TryIt() {
    SR_TRY(const Identity identity, LoadIdentity(directory_));
    if (!NeedsRenewal(identity, ::time(nullptr))) {
      return {};
    }
    SR_TRY_VOID(RenewIdentity(identity));
    log_(LogLevel::kInfo, "the certificate of this server was renewed");
    return {};
  }

  std::string directory_;
  LogFunction log_;
  std::string last_error_;
};

}  // namespace

Result<std::unique_ptr<Middleware>> Middleware::Open(MiddlewareOptions options) {
  SR_TRY(Identity loaded, LoadIdentity(options.directory));
  const auto identity = std::make_shared<const Identity>(std::move(loaded));
  SR_TRY_VOID(MakePlatformLink(*identity));  // an identity that cannot be used is told at once
  if (!options.log) {
    options.log = LogToStderr;
  }
  const LogFunction log = options.log;
  const auto make_link = [identity, log]() -> std::unique_ptr<PlatformLink> {
    // Read anew: it may have been renewed meanwhile.
    const auto now = LoadIdentity(identity->directory);
    auto link = MakePlatformLink(now ? *now : *identity);
    if (!link) {
      log(LogLevel::kError, "there is no link to the platform: " + link.error().Text());
      return nullptr;
    }
    return std::move(*link);
  };
  return OpenAs(std::move(options), make_link, {identity->tenant, identity->name, identity->platform_url},
                identity->directory + "/devices.copy", identity->private_key, Renewal(identity->directory, log));
}

}  // namespace simroot::server
