// SPDX-License-Identifier: Apache-2.0
/// `simroot platform init`: a new platform in an empty directory.
#include <unistd.h>

#include <filesystem>

#include "common/host/file_io.hpp"
#include "output.hpp"
#include "platform/commands.hpp"
#include "platform/home.hpp"

namespace simroot::app {
namespace {

constexpr std::int64_t kPlatformCaLifetime = 20LL * 365 * 86400;

[[nodiscard]] platform::Actor Installer() {
  return {.name = "platform init", .role = platform::Role::kAdmin, .tenant = 0, .certificate = {}};
}

/// The platform's own CA: for its server certificate and for application servers.
[[nodiscard]] platform::Outcome<platform::CertificateAuthority> MakePlatformCa(OpenPlatform& open) {
  const platform::UnixTime now = open.clock->Now();
  SR_TRY(
      platform::CertificateAuthority ca,
      open.authority->MakeRoot("platform", {.common_name = "simroot platform", .serial_number = {}, .organization = {}},
                               now, kPlatformCaLifetime));
  ca.created = now;
  const auto written = open.store->Write([&](platform::StoreWriter& writer) -> platform::Outcome<void> {
    SR_TRY(ca.id, writer.InsertAuthority(ca));
    return {};
  });
  SR_TRY_VOID(written);
  return ca;
}

[[nodiscard]] platform::Outcome<void> Fill(const PlatformHome& home, OpenPlatform& open, const std::string& tenant) {
  SR_TRY(const platform::CertificateAuthority ca, MakePlatformCa(open));
  SR_TRY_VOID(open.service->CreateTenant(Installer(), tenant));
  SR_TRY(const platform::NewToken token,
         open.service->CreateToken(Installer(), "admin", platform::Role::kAdmin, {}, 0));
  SR_TRY(const std::string anchors, open.service->TrustAnchors(tenant));
  SR_TRY_VOID(WriteFileAtomically(home.PlatformCa(), AsBytes(platform::CertificateToPem(ca.certificate)), 0644));
  SR_TRY_VOID(WriteFileAtomically(home.AdminToken(), token.text.Reveal(InsecureReveal::kForStore), 0600));
  // Last: a directory with this file is complete. Not the token: it may be kept elsewhere.
  SR_TRY_VOID(WriteFileAtomically(home.DeviceCa(), AsBytes(anchors), 0644));
  return {};
}

/// Writes all of a new platform; it is closed again when this returns.
[[nodiscard]] Result<void> Make(const PlatformHome& home, const PlatformSettings& settings, const std::string& tenant) {
  SR_TRY_VOID(home.WriteSettings(settings));
  SR_TRY(OpenPlatform open, Open(home, true));
  if (auto filled = Fill(home, open, tenant); !filled) {
    return tl::make_unexpected(ToError(std::move(filled).error()));
  }
  return {};
}

/// Removes what a failed Make has left in the directory, which was empty before.
void Clear(const PlatformHome& home) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry(home.directory(), error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code ignored;
    std::filesystem::remove_all(entry->path(), ignored);
  }
}

[[nodiscard]] Result<void> Init(const PlatformInitArguments& arguments) {
  const PlatformHome home(arguments.directory);
  SR_TRY_VOID(MakePrivateDirectory(home.directory()));
  if (::access(home.Database().c_str(), F_OK) == 0 || ::access(home.Vault().c_str(), F_OK) == 0) {
    return Fail(ErrorDomain::kUsage, home.directory() + " holds a platform already",
                "serve it (simroot platform serve --dir " + home.directory() + "), or choose an empty directory");
  }
  std::error_code error;
  if (!std::filesystem::is_empty(home.directory(), error) || error) {
    return Fail(ErrorDomain::kUsage, home.directory() + " is not empty", "choose an empty directory, or a new one");
  }
  PlatformSettings settings;
  settings.listen = arguments.listen;
  settings.names.insert(settings.names.end(), arguments.names.begin(), arguments.names.end());
  SR_TRY_VOID(ParseListenAddress(settings.listen));
  auto made = Make(home, settings, arguments.tenant);
  if (!made) {
    Clear(home);  // half a platform would be in the way of the next attempt
  }
  return made;
}

}  // namespace

int RunPlatformInit(const PlatformInitArguments& arguments) {
  if (const auto done = Init(arguments); !done) {
    return Report(done.error());
  }
  const PlatformHome home(arguments.directory);
  if (arguments.json) {
    JsonWriter json;
    json.BeginObject().Text("directory", home.directory()).Text("tenant", arguments.tenant);
    json.Text("ca", home.PlatformCa()).Text("device_ca", home.DeviceCa()).Text("admin_token", home.AdminToken());
    return PrintLine(json.EndObject().text()) ? kDone : kFailed;
  }
  const std::string text = FormatTable({{"platform", home.directory()},
                                        {"tenant", arguments.tenant},
                                        {"devices trust", home.PlatformCa()},
                                        {"application servers trust", home.DeviceCa()},
                                        {"administrator's token", home.AdminToken()},
                                        {"next", "simroot platform serve --dir " + home.directory()}});
  return PrintLine(text) ? kDone : kFailed;
}

}  // namespace simroot::app
