// SPDX-License-Identifier: Apache-2.0
#include "server/sync/messages.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <ctime>
#include <unordered_set>

#include "common/host/base64.hpp"

namespace simroot::server {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxPem = 256UL * 1024;
constexpr std::size_t kMaxSealed = 16UL * 1024;

struct StateName {
  std::string_view name;
  CredentialState state;
};
constexpr std::array kStates{
    StateName{"requested", CredentialState::kPending},   StateName{"issued", CredentialState::kPending},
    StateName{"active", CredentialState::kActive},       StateName{"superseded", CredentialState::kSuperseded},
    StateName{"suspended", CredentialState::kSuspended}, StateName{"revoked", CredentialState::kRevoked},
    StateName{"expired", CredentialState::kExpired},     StateName{"deleted", CredentialState::kDeleted}};

[[nodiscard]] std::string_view View(const json::string& text) {
  return {text.data(), text.size()};
}

[[nodiscard]] Result<json::object> ParseObject(std::string_view text, const std::string& what) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  json::value value = json::parse({text.data(), text.size()}, error, {}, options);
  if (error || !value.is_object()) {
    return Fail(ErrorDomain::kProtocol, what + " is not a JSON object", "is the address that of a simroot platform?");
  }
  return std::move(value.as_object());
}

/// "2026-11-22T23:14:43Z". Nothing for other text.
[[nodiscard]] std::optional<UnixTime> ParseTime(std::string_view text) {
  constexpr std::string_view kPattern = "0000-00-00T00:00:00Z";
  const bool fits = std::ranges::equal(
      text, kPattern, [](char c, char pattern) { return pattern == '0' ? c >= '0' && c <= '9' : c == pattern; });
  std::tm parts{};
  const std::string ended(text);
  if (!fits || ::strptime(ended.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr) {
    return std::nullopt;
  }
  const std::tm asked = parts;
  const UnixTime time = ::timegm(&parts);
  const bool exists = parts.tm_mday == asked.tm_mday && parts.tm_mon == asked.tm_mon;  // no 31st of June
  return exists ? std::optional(time) : std::nullopt;
}

[[nodiscard]] bool IsPrintable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

/// Takes members out of an object and remembers the first one that is missing or wrong.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}

  /// Empty for null only if that is allowed.
  [[nodiscard]] std::string Line(std::string_view name, std::size_t longest, bool nullable = false) {
    std::string text = Text(name, longest, nullable);
    return IsPrintable(text) ? text : Wrong(name, std::string());
  }
  [[nodiscard]] std::string Text(std::string_view name, std::size_t longest, bool nullable = false) {
    const json::value* const member = Find(name);
    if (member == nullptr || (member->is_null() && nullable)) {
      return {};
    }
    const json::string* const text = member->if_string();
    return text != nullptr && text->size() <= longest ? std::string(View(*text)) : Wrong(name, std::string());
  }
  [[nodiscard]] std::int64_t Number(std::string_view name, std::int64_t least, bool nullable = false) {
    const json::value* const member = Find(name);
    if (member == nullptr || (member->is_null() && nullable)) {
      return 0;
    }
    const std::int64_t* const number = member->if_int64();
    return number != nullptr && *number >= least ? *number : Wrong(name, std::int64_t{0});
  }
  /// 0 for null, which is "never".
  [[nodiscard]] UnixTime Time(std::string_view name) {
    const std::string text = Line(name, 32, true);
    if (text.empty()) {
      return 0;
    }
    const auto time = ParseTime(text);
    return time ? *time : Wrong(name, UnixTime{0});
  }
  [[nodiscard]] bool Flag(std::string_view name) {
    const json::value* const member = Find(name);
    return member != nullptr && member->is_bool() ? member->as_bool() : Wrong(name, false);
  }
  [[nodiscard]] const json::array* Array(std::string_view name) {
    const json::value* const member = Find(name);
    return member != nullptr && member->is_array() ? &member->as_array() : Wrong<const json::array*>(name, nullptr);
  }
  [[nodiscard]] const json::object* Object(std::string_view name) {
    const json::value* const member = Find(name);
    return member != nullptr && member->is_object() ? &member->as_object() : Wrong<const json::object*>(name, nullptr);
  }

  template <typename T>
  T Wrong(std::string_view name, T instead) {
    if (wrong_.empty()) {
      wrong_ = name;
    }
    return instead;
  }
  /// Name of the first that is missing or wrong; empty: none.
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  [[nodiscard]] Result<void> Check(const std::string& what) const {
    if (wrong_.empty()) {
      return {};
    }
    return Fail(ErrorDomain::kProtocol, what + ": the member \"" + wrong_ + "\" is missing or wrong",
                "check that platform and server are of versions that fit");
  }

 private:
  [[nodiscard]] const json::value* Find(std::string_view name) {
    const json::value* const member = object_.if_contains({name.data(), name.size()});
    return member != nullptr ? member : Wrong<const json::value*>(name, nullptr);
  }

  const json::object& object_;
  std::string wrong_;
};

[[nodiscard]] Credential ReadCredential(Members& members) {
  Credential credential;
  credential.id = members.Number("id", 1);
  const std::string kind = members.Line("kind", 32);
  credential.kind = kind == "psk" ? CredentialKind::kPsk : CredentialKind::kCertificate;
  if (kind != "psk" && kind != "certificate") {
    members.Wrong("kind", 0);
  }
  const auto* const state = std::ranges::find(kStates, members.Line("state", 32), &StateName::name);
  credential.state = state == kStates.end() ? members.Wrong("state", CredentialState::kRevoked) : state->state;
  credential.name = members.Line("name", kMaxName);
  credential.iccid = members.Line("iccid", kMaxIccid);
  constexpr std::size_t kMinIccid = 18;
  if (credential.iccid.size() < kMinIccid || credential.iccid.find_first_not_of("0123456789") != std::string::npos) {
    members.Wrong("iccid", 0);
  }
  credential.device = members.Line("device", kMaxDevice, true);
  credential.not_before = members.Time("not_before");
  credential.not_after = members.Time("not_after");
  credential.first_used = members.Time("first_used");
  credential.changed = members.Time("changed");
  return credential;
}

/// Nothing that anybody could show: it has no name yet, or no certificate.
[[nodiscard]] bool IsUnborn(const Credential& credential, const std::string& fingerprint) {
  return credential.name.empty() || (credential.kind == CredentialKind::kCertificate && fingerprint.empty() &&
                                     credential.state == CredentialState::kPending);
}

/// Reads one item after the other into a part.
class ItemReader {
 public:
  ItemReader(const crypto::CmsOpener& opener, std::vector<Credential>& out) : opener_(opener), out_(out) {}

  /// Only what does not even name its credential is an error.
  [[nodiscard]] Result<void> Read(const json::value& item, const std::string& what);
  [[nodiscard]] std::vector<CredentialId> TakeNotUnderstood() { return std::move(not_understood_); }
  [[nodiscard]] std::size_t unopened() const { return unopened_; }
  [[nodiscard]] std::int64_t newest_authority() const { return newest_authority_; }

 private:
  [[nodiscard]] Result<void> Understand(Members& members, Members& own, const std::string& what, CredentialId& id);
  [[nodiscard]] Result<void> Finish(Members& members, Credential credential, bool requested, const std::string& what);

  const crypto::CmsOpener& opener_;
  std::vector<Credential>& out_;
  std::vector<CredentialId> not_understood_;
  std::size_t unopened_ = 0;
  std::int64_t newest_authority_ = 0;
  std::unordered_set<CredentialId> seen_;
};

Result<void> ItemReader::Read(const json::value& item, const std::string& what) {
  static const json::object kNothing;
  Members members(item.is_object() ? item.get_object() : kNothing);
  const json::object* const described = members.Object("credential");
  Members own(described != nullptr ? *described : kNothing);
  SR_TRY_VOID(members.Check(what));
  CredentialId id = 0;
  auto understood = Understand(members, own, what, id);
  if (!understood && id > 0) {
    not_understood_.push_back(id);
    return {};
  }
  return understood;
}

Result<void> ItemReader::Understand(Members& members, Members& own, const std::string& what, CredentialId& id) {
  Credential credential = ReadCredential(own);
  id = credential.id;
  newest_authority_ = std::max(newest_authority_, own.Number("authority", 1, true));
  const std::string name = credential.id > 0 ? what + " (credential " + std::to_string(credential.id) + ")" : what;
  const bool requested = own.Line("state", 32) == "requested";
  SR_TRY_VOID(own.Check(name));
  // Every item shows a credential as it is now: another one of it is the same.
  return seen_.insert(credential.id).second ? Finish(members, std::move(credential), requested, name) : Result<void>();
}

Result<void> ItemReader::Finish(Members& members, Credential credential, bool requested, const std::string& what) {
  // One that is only requested has none yet; a change tells when it has.
  const bool needs_key = !requested && NeedsKey(credential);
  const std::string fingerprint = members.Line("fingerprint", 2 * std::tuple_size_v<Fingerprint>, true);
  const std::string sealed = members.Text("sealed_psk", kMaxSealed, true);
  if (IsUnborn(credential, fingerprint)) {
    return members.Check(what);
  }
  bool lacks_key = false;
  if (credential.kind == CredentialKind::kCertificate) {
    const auto bytes = FromHex(fingerprint);
    if (!bytes || bytes->size() != credential.fingerprint.size() || !CopyBytes(*bytes, credential.fingerprint)) {
      members.Wrong("fingerprint", 0);
    }
  } else if (sealed.empty()) {
    lacks_key = needs_key;
  } else {
    const auto cms = FromBase64(sealed);
    if (!cms) {
      members.Wrong("sealed_psk", 0);
    } else if (auto psk = opener_.Open(*cms); !psk) {
      lacks_key = needs_key;  // no reason to miss what comes after it, revocations above all
    } else if (psk->size() == 0 || psk->size() > kMaxPsk) {
      members.Wrong("sealed_psk", 0);
    } else {
      credential.psk = std::move(*psk);
    }
  }
  SR_TRY_VOID(members.Check(what));
  unopened_ += lacks_key ? 1 : 0;
  out_.push_back(std::move(credential));
  return {};
}

/// Where the next part begins; 0: nowhere.
[[nodiscard]] std::int64_t ReadNext(Members& members, std::int64_t after) {
  const std::int64_t next = members.Number("next", 1, true);
  return next == 0 || next > after ? next : members.Wrong("next", std::int64_t{0});
}

[[nodiscard]] Result<void> ReadItems(const json::array* items, const std::string& part, ItemReader& reader) {
  std::size_t number = 0;
  for (const json::value& item : *items) {
    SR_TRY_VOID(reader.Read(item, part + ", item " + std::to_string(number++)));
  }
  return {};
}

}  // namespace

Result<SnapshotPart> DecodeSnapshot(std::string_view text, std::int64_t after, const crypto::CmsOpener& opener) {
  const std::string what = "the platform's snapshot after " + std::to_string(after);
  SR_TRY(const json::object object, ParseObject(text, what));
  SnapshotPart part;
  Members members(object);
  const json::array* const items = members.Array("items");
  part.next = ReadNext(members, after);
  part.feed_number = members.Number("feed", 0);
  SR_TRY_VOID(members.Check(what));
  part.credentials.reserve(items->size());
  ItemReader reader(opener, part.credentials);
  SR_TRY_VOID(ReadItems(items, what, reader));
  part.unopened = reader.unopened();
  part.newest_authority = reader.newest_authority();
  part.not_understood = reader.TakeNotUnderstood();
  return part;
}

Result<FeedPart> DecodeFeed(std::string_view text, std::int64_t after, const crypto::CmsOpener& opener) {
  const std::string what = "the platform's feed after " + std::to_string(after);
  SR_TRY(const json::object object, ParseObject(text, what));
  FeedPart part;
  Members members(object);
  const json::array* const items = members.Array("items");
  part.next = members.Number("next", after);
  if (items != nullptr && !items->empty() && part.next == after) {
    members.Wrong("next", 0);
  }
  SR_TRY_VOID(members.Check(what));
  part.more = items->size() >= kMostItems;
  ItemReader reader(opener, part.changes);
  SR_TRY_VOID(ReadItems(items, what, reader));
  part.unopened = reader.unopened();
  part.newest_authority = reader.newest_authority();
  part.not_understood = reader.TakeNotUnderstood();
  return part;
}

Result<AuthorityPart> DecodeAuthorities(std::string_view text, std::int64_t after) {
  const std::string what = "the platform's list of CAs";
  SR_TRY(const json::object object, ParseObject(text, what));
  AuthorityPart part;
  Members members(object);
  const json::array* const items = members.Array("items");
  part.next = ReadNext(members, after);
  SR_TRY_VOID(members.Check(what));
  for (const json::value& item : *items) {
    static const json::object kNothing;
    Members one(item.is_object() ? item.get_object() : kNothing);
    const std::int64_t id = one.Number("id", 1);
    const std::string pem = one.Text("certificate", kMaxPem);
    const bool retired = one.Flag("retired");
    SR_TRY_VOID(one.Check(what + ", CA " + std::to_string(id)));
    if (!retired) {
      part.pem += pem;
      part.ids.push_back(id);
    }
  }
  return part;
}

Result<Enrolled> DecodeEnrolled(std::string_view text) {
  const std::string what = "the platform's answer to the certificate request";
  SR_TRY(const json::object object, ParseObject(text, what));
  Enrolled enrolled;
  Members members(object);
  enrolled.name = members.Line("name", 64);
  enrolled.tenant = members.Line("tenant", 64);
  enrolled.certificate_chain = members.Text("certificate_chain", kMaxPem);
  SR_TRY_VOID(members.Check(what));
  return enrolled;
}

std::string ProblemSentence(std::string_view text) {
  const auto object = ParseObject(text, "");
  const json::value* const detail = object ? object->if_contains("detail") : nullptr;
  const json::string* const sentence = detail != nullptr ? detail->if_string() : nullptr;
  constexpr std::size_t kLongest = 500;
  return sentence != nullptr && sentence->size() <= kLongest && IsPrintable(View(*sentence))
             ? std::string(View(*sentence))
             : std::string();
}

std::string EncodeTexts(std::initializer_list<std::pair<std::string_view, std::string_view>> members) {
  json::object object;
  for (const auto& [name, value] : members) {
    object[{name.data(), name.size()}] = json::string_view(value.data(), value.size());
  }
  return json::serialize(object);
}

std::string EncodeSettings(const ServerSettings& settings) {
  return EncodeTexts({{"platform", settings.platform_url}, {"name", settings.name}, {"tenant", settings.tenant}}) +
         "\n";
}

Result<ServerSettings> DecodeSettings(std::string_view text) {
  SR_TRY(const json::object object, ParseObject(text, "server.json"));
  constexpr std::size_t kMaxUrl = 2048;
  ServerSettings settings;
  Members members(object);
  settings.platform_url = members.Line("platform", kMaxUrl);
  settings.name = members.Line("name", 64);
  settings.tenant = members.Line("tenant", 64);
  SR_TRY_VOID(members.Check("server.json"));
  return settings;
}

}  // namespace simroot::server
