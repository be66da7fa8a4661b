// SPDX-License-Identifier: Apache-2.0
#include "platform/home.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <charconv>
#include <chrono>

#include "common/host/file_io.hpp"
#include "platform/store/sqlite_store.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kMaxSettings = 64UL << 10U;

[[nodiscard]] bool IsCount(const boost::json::value& value) {
  constexpr std::int64_t kMost = 1'000'000;
  return value.is_int64() && value.as_int64() > 0 && value.as_int64() <= kMost;
}

[[nodiscard]] tl::unexpected<Error> BadSettings(const std::string& path, const std::string& what) {
  return Fail(ErrorDomain::kUsage, path + " " + what, "see docs/howto/platform.md");
}

}  // namespace

platform::UnixTime SystemClock::Now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since).count();
}

Result<void> PlatformHome::CheckPresent() const {
  if (::access(DeviceCa().c_str(), F_OK) == 0) {
    return {};
  }
  if (errno == EACCES) {
    return Fail(ErrorDomain::kUsage, "no rights to look into " + directory_, "run this as its owner");
  }
  return Fail(ErrorDomain::kUsage, directory_ + " holds no platform",
              "give the directory of one as --dir, or make one: simroot platform init --dir " + directory_);
}

Result<PlatformSettings> PlatformHome::ReadSettings() const {
  SR_TRY(const Bytes text, ReadWholeFile(Settings(), kMaxSettings));
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(boost::json::string_view(AsText(text)), error);
  const auto* const object = value.if_object();
  if (error || object == nullptr) {
    return BadSettings(Settings(), "is not a JSON object");
  }
  PlatformSettings settings;
  for (const auto& [name, member] : *object) {
    if (name == "listen" && member.is_string()) {
      settings.listen = member.as_string().c_str();
    } else if (name == "names" && member.is_array()) {
      settings.names.clear();
      for (const auto& entry : member.as_array()) {
        if (!entry.is_string()) {
          return BadSettings(Settings(), "has a name that is no text");
        }
        settings.names.emplace_back(entry.as_string().c_str());
      }
    } else if (name == "sessions_per_minute_and_card" && IsCount(member)) {
      settings.sessions_per_minute_and_card = member.as_int64();
    } else if (name == "sessions_per_minute_and_address" && IsCount(member)) {
      settings.sessions_per_minute_and_address = member.as_int64();
    } else {
      return BadSettings(Settings(), "has an unknown or wrong member " + std::string(name));
    }
  }
  return settings;
}

Result<void> PlatformHome::WriteSettings(const PlatformSettings& settings) const {
  boost::json::object object;
  object["listen"] = settings.listen;
  object["names"] = boost::json::array(settings.names.begin(), settings.names.end());
  object["sessions_per_minute_and_card"] = settings.sessions_per_minute_and_card;
  object["sessions_per_minute_and_address"] = settings.sessions_per_minute_and_address;
  const std::string text = boost::json::serialize(object) + "\n";
  return WriteFileAtomically(Settings(), AsBytes(text), 0644);
}

Result<OpenPlatform> Open(const PlatformHome& home, bool create) {
  OpenPlatform open;
  open.clock = std::make_unique<SystemClock>();
  SR_TRY(open.vault, FromOutcome(create ? platform::Vault::Create(home.Vault()) : platform::Vault::Open(home.Vault())));
  SR_TRY(open.authority, FromOutcome(platform::Authority::Open(*open.vault, home.Authorities())));
  SR_TRY(open.store,
         FromOutcome(platform::OpenSqliteStore({.file = home.Database(), .clock = *open.clock, .create = create})));
  open.service = platform::Service::Create(*open.store, *open.vault, *open.authority, *open.clock);
  return open;
}

Error ToError(platform::Failure failure) {
  using platform::FailureKind;
  ErrorDomain domain = ErrorDomain::kStore;
  switch (failure.kind) {
    case FailureKind::kInvalid:
    case FailureKind::kNotFound:
    case FailureKind::kConflict:
    case FailureKind::kDenied:
      domain = ErrorDomain::kUsage;
      break;
    case FailureKind::kLimited:
    case FailureKind::kUnavailable:
      break;
    case FailureKind::kInternal:
      domain = ErrorDomain::kCrypto;
      break;
  }
  return {domain, std::move(failure.message), std::move(failure.next_step)};
}

Result<ListenAddress> ParseListenAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  ListenAddress parsed;
  if (colon != std::string::npos) {
    parsed.address = text.substr(0, colon);
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data() + colon + 1, end, parsed.port);
    if (parsed.address.starts_with('[') && parsed.address.ends_with(']')) {
      parsed.address = parsed.address.substr(1, parsed.address.size() - 2);
    }
    if (error == std::errc() && stopped == end && !parsed.address.empty()) {
      return parsed;
    }
  }
  return Fail(ErrorDomain::kUsage, "\"" + text + "\" is no address and port",
              "write it as 127.0.0.1:8443 or [::1]:8443");
}

void HideMemory() {
  const rlimit none{0, 0};
  static_cast<void>(::setrlimit(RLIMIT_CORE, &none));
  static_cast<void>(::prctl(PR_SET_DUMPABLE, 0));
}

}  // namespace simroot::app
