// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/settings.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "common/host/file_io.hpp"

namespace simroot::pkcs11 {
namespace {

constexpr std::size_t kMaxFileSize = 65536;
constexpr std::string_view kBlank = " \t\r";

[[nodiscard]] std::string Environment(const char* name) {
  // A set-user-ID program must not take its card from its caller.
  const char* const value = ::secure_getenv(name);
  return value != nullptr ? value : "";
}

[[nodiscard]] std::string_view Trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Takes the text up to `end` off the front of `rest`; all of it if there is no `end`.
[[nodiscard]] std::string_view TakeUntil(char end, std::string_view& rest) {
  const auto at = rest.find(end);
  const std::string_view taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view() : rest.substr(at + 1);
  return taken;
}

[[nodiscard]] Result<std::chrono::seconds> ParseTimeout(std::string_view text) {
  unsigned seconds = 0;
  const char* const end = std::to_address(text.end());
  const auto parsed = std::from_chars(text.data(), end, seconds);
  if (parsed.ec != std::errc() || parsed.ptr != end || seconds < 1 || seconds > 600) {
    return Fail(ErrorDomain::kUsage, "timeout = " + std::string(text) + " is not allowed",
                "give whole seconds from 1 to 600");
  }
  return std::chrono::seconds(seconds);
}

[[nodiscard]] Result<void> TakeSetting(std::string_view key, std::string_view value, Settings& settings) {
  if (key == "card") {
    SR_TRY(device::CardUri uri, device::ParseCardUri(value));
    settings.cards.push_back(std::move(uri));
  } else if (key == "cache") {
    settings.use_cache = value != "off";
    settings.cache_directory = settings.use_cache ? value : std::string_view();
  } else if (key == "timeout") {
    SR_TRY(settings.timeout, ParseTimeout(value));
  } else {
    return Fail(ErrorDomain::kUsage, "there is no setting \"" + std::string(key) + "\"",
                "use card = URI, cache = DIRECTORY or off, timeout = SECONDS");
  }
  return {};
}

[[nodiscard]] bool IsFile(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// The file that counts; empty if there is none.
[[nodiscard]] std::string FindFile() {
  if (std::string named = Environment("SIMROOT_PKCS11_CONF"); !named.empty()) {
    return named;
  }
  std::string home = Environment("XDG_CONFIG_HOME");
  if (home.empty() && !Environment("HOME").empty()) {
    home = Environment("HOME") + "/.config";
  }
  if (const std::string own = home + "/simroot/pkcs11.conf"; !home.empty() && IsFile(own)) {
    return own;
  }
  const std::string common = "/etc/simroot/pkcs11.conf";
  return IsFile(common) ? common : std::string();
}

}  // namespace

Result<Settings> ParseSettings(std::string_view text, const std::string& name) {
  Settings settings;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = TakeUntil('\n', text);
    line = Trim(TakeUntil('#', line));
    if (line.empty()) {
      continue;
    }
    const bool is_setting = line.find('=') != std::string_view::npos;
    const std::string_view key = Trim(TakeUntil('=', line));
    auto taken = is_setting ? TakeSetting(key, Trim(line), settings)
                            : Result<void>(Fail(ErrorDomain::kUsage, "a line is \"name = value\""));
    if (!taken) {
      Error error = std::move(taken).error();
      error.message = name + ", line " + std::to_string(number) + ": " + error.message;
      return Unexpected(std::move(error));
    }
  }
  return settings;
}

Result<std::vector<device::CardUri>> ParseCards(std::string_view text) {
  std::vector<device::CardUri> cards;
  while (!text.empty()) {
    const std::string_view one = Trim(TakeUntil(';', text));
    if (!one.empty()) {
      SR_TRY(device::CardUri uri, device::ParseCardUri(one));
      cards.push_back(std::move(uri));
    }
  }
  return cards;
}

Result<Settings> ReadSettings() {
  Settings settings;
  if (const std::string path = FindFile(); !path.empty()) {
    SR_TRY(const Bytes content, ReadWholeFile(path, kMaxFileSize));
    SR_TRY(settings, ParseSettings(AsText(content), path));
  }
  if (const std::string cards = Environment("SIMROOT_CARD"); !cards.empty()) {
    SR_TRY(settings.cards, ParseCards(cards));
  }
  return settings;
}

}  // namespace simroot::pkcs11
