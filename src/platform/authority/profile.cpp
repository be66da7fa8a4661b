// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/profile.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <system_error>

#include "common/host/file_io.hpp"
#include "platform/authority/public_key.hpp"

namespace simroot::platform {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::size_t kMaxProfileSize = 16 * 1024;
constexpr std::size_t kMaxUrlSize = 255;
constexpr std::size_t kMaxNames = 16;
constexpr std::string_view kFileEnd = ".json";

using Names = std::vector<std::string>;

tl::unexpected<Failure> Wrong(const std::string& profile, const std::string& what) {
  return Refuse(FailureKind::kInvalid, "certificate profile " + profile + ": " + what,
                "docs/formats/certificate-profile.md says what a profile holds");
}

bool ReadField(const json::value& value, bool& out) {
  const bool* const found = value.if_bool();
  if (found != nullptr) {
    out = *found;
  }
  return found != nullptr;
}

bool ReadField(const json::value& value, std::string& out) {
  const json::string* const found = value.if_string();
  if (found != nullptr) {
    out.assign(found->data(), found->size());
  }
  return found != nullptr;
}

bool ReadField(const json::value& value, Names& out) {
  const json::array* const found = value.if_array();
  if (found == nullptr || found->size() > kMaxNames) {
    return false;
  }
  out.clear();
  return std::ranges::all_of(*found, [&](const json::value& name) { return ReadField(name, out.emplace_back()); });
}

/// The table of the format: which key of the JSON object is which member.
bool ReadMember(std::string_view key, const json::value& value, CertificateProfile& profile, bool& known) {
  known = true;
  if (key == "client_auth") {
    return ReadField(value, profile.client_auth);
  }
  if (key == "server_auth") {
    return ReadField(value, profile.server_auth);
  }
  if (key == "key_agreement") {
    return ReadField(value, profile.key_agreement);
  }
  if (key == "crl_url") {
    return ReadField(value, profile.crl_url);
  }
  if (key == "ocsp_url") {
    return ReadField(value, profile.ocsp_url);
  }
  if (key == "dns_names") {
    return ReadField(value, profile.dns_names);
  }
  if (key == "key_types") {
    return ReadField(value, profile.key_types);
  }
  known = false;
  return false;
}

bool IsUrl(std::string_view url) {
  const bool has_scheme = url.starts_with("http://") || url.starts_with("https://");
  return has_scheme && url.size() <= kMaxUrlSize && url.size() > url.find("//") + 2 &&
         std::ranges::all_of(url, [](char c) { return c > ' ' && c < 0x7F && c != '"' && c != '<' && c != '>'; });
}

void Replace(std::string& text, std::string_view place, const std::string& with) {
  for (std::size_t at = text.find(place); at != std::string::npos; at = text.find(place, at + with.size())) {
    text.replace(at, place.size(), with);
  }
}

Outcome<void> Check(const CertificateProfile& profile) {
  if (!profile.client_auth && !profile.server_auth) {
    return Wrong(profile.name, "client_auth and server_auth are both false");
  }
  for (const std::string& url : {profile.crl_url, profile.ocsp_url}) {
    if (!url.empty() && !IsUrl(url)) {
      return Wrong(profile.name, "\"" + url + "\" is no http address of at most 255 characters");
    }
  }
  const Subject sample{"name", "0", ""};
  if (const auto plan = PlanOf(profile, sample); !plan) {
    return Wrong(profile.name, plan.error().message);
  }
  return {};
}

}  // namespace

bool IsFileName(std::string_view name) {
  constexpr std::size_t kMaxSize = 64;
  return !name.empty() && name.size() <= kMaxSize && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

bool IsDnsName(std::string_view name) {
  constexpr std::size_t kMaxSize = 253;
  constexpr std::size_t kMaxLabel = 63;
  if (name.empty() || name.size() > kMaxSize || name.back() == '.') {
    return false;
  }
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(name.size(), label.size() + 1));
    const bool is_good = std::ranges::all_of(label, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    });
    if (label.empty() || label.size() > kMaxLabel || label.front() == '-' || label.back() == '-' || !is_good) {
      return false;
    }
  }
  return true;
}

Outcome<CertificateProfile> ParseProfile(const std::string& name, std::string_view text) {
  json::parse_options options;
  options.max_depth = 4;
  boost::system::error_code error;
  const json::value whole = json::parse({text.data(), text.size()}, error, {}, options);
  const json::object* const object = error ? nullptr : whole.if_object();
  if (object == nullptr) {
    return Wrong(name, error ? "it is not JSON: " + error.message() : "it is no JSON object");
  }
  CertificateProfile profile;
  profile.name = name;
  for (const auto& member : *object) {
    bool known = false;
    const std::string key(member.key());
    if (!ReadMember(key, member.value(), profile, known)) {
      return Wrong(name, known ? "the value of \"" + key + "\" is of the wrong type" : "\"" + key + "\" is unknown");
    }
  }
  SR_TRY_VOID(Check(profile));
  return profile;
}

Outcome<std::map<std::string, CertificateProfile>> ReadProfiles(const std::string& directory) {
  std::map<std::string, CertificateProfile> profiles;
  profiles["device"] = CertificateProfile();
  std::error_code error;
  fs::directory_iterator entries(directory, error);
  for (; !error && entries != fs::directory_iterator(); entries.increment(error)) {
    std::string name = entries->path().filename().string();
    if (!name.ends_with(kFileEnd)) {
      continue;
    }
    name.erase(name.size() - kFileEnd.size());
    if (!IsFileName(name)) {
      return Wrong(name, "the name is not made of 1 to 64 of a-z 0-9 . _ -");
    }
    SR_TRY(const Bytes content, ReadWholeFile(entries->path().string(), kMaxProfileSize));
    SR_TRY(profiles[name], ParseProfile(name, AsText(content)));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return tl::unexpected<Failure>(FileError("read the directory", directory, error.value()));
  }
  return profiles;
}

Outcome<ExtensionPlan> PlanOf(const CertificateProfile& profile, const Subject& subject) {
  ExtensionPlan plan;
  plan.client_auth = profile.client_auth;
  plan.server_auth = profile.server_auth;
  plan.key_agreement = profile.key_agreement;
  plan.crl_url = profile.crl_url;
  plan.ocsp_url = profile.ocsp_url;
  for (std::string name : profile.dns_names) {
    Replace(name, "{name}", subject.common_name);
    Replace(name, "{iccid}", subject.serial_number);
    if (!IsDnsName(name)) {
      return Refuse(FailureKind::kInvalid, "\"" + name + "\" is no DNS name",
                    "name the device so that the names of its certificate profile become DNS names");
    }
    plan.dns_names.push_back(std::move(name));
  }
  return plan;
}

}  // namespace simroot::platform
