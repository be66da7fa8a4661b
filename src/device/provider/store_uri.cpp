// SPDX-License-Identifier: Apache-2.0
#include "device/provider/store_uri.hpp"

namespace simroot::provider {
namespace {

constexpr std::string_view kScheme = "iotsafe:";
constexpr std::string_view kCardQuery = "card=";

tl::unexpected<Error> Wrong(std::string_view text, std::string_view what) {
  return Fail(ErrorDomain::kUsage, "the URI " + std::string(text) + " " + std::string(what),
              "use iotsafe:01, iotsafe:label=NAME, with ;type=cert, ;type=private or ;type=public and ?card=URI added "
              "as needed");
}

bool IsScheme(std::string_view text) {
  return std::ranges::equal(text, kScheme, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
}

/// Replaces %XX by its byte. Nothing if a % is not followed by two digits, or for a zero byte.
std::optional<std::string> DecodePercent(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (text.front() != '%') {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto byte = text.size() >= 3 ? FromHex(text.substr(1, 2)) : std::nullopt;
    if (!byte || byte->size() != 1 || byte->front() == 0) {
      return std::nullopt;
    }
    out += static_cast<char>(byte->front());
    text.remove_prefix(3);
  }
  return out;
}

/// Takes the text up to `separator` off the front of `rest`; `rest` is what follows it.
std::string_view TakeUntil(char separator, std::string_view& rest) {
  const std::size_t end = rest.find(separator);
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

std::optional<UriType> TypeOf(std::string_view attribute) {
  if (attribute == "type=cert") {
    return UriType::kCertificate;
  }
  if (attribute == "type=private") {
    return UriType::kPrivateKey;
  }
  return attribute == "type=public" ? std::optional(UriType::kPublicKey) : std::nullopt;
}

}  // namespace

Result<StoreUri> ParseStoreUri(std::string_view text) {
  if (!IsScheme(text.substr(0, kScheme.size()))) {
    return Wrong(text, "does not begin with iotsafe:");
  }
  StoreUri uri;
  std::string_view query = text.substr(kScheme.size());
  const bool has_query = query.find('?') != std::string_view::npos;
  std::string_view attributes = TakeUntil('?', query);
  if (has_query) {
    const auto card = query.starts_with(kCardQuery) ? DecodePercent(query.substr(kCardQuery.size())) : std::nullopt;
    if (!card || card->empty()) {
      return Wrong(text, "has something other than card=URI after the question mark");
    }
    uri.card = *card;
  }
  const bool has_attributes = attributes.find(';') != std::string_view::npos;
  const auto reference = DecodePercent(TakeUntil(';', attributes));
  if (!reference) {
    return Wrong(text, "has a % that is not followed by two hexadecimal digits");
  }
  if (has_attributes) {
    const auto type = TypeOf(attributes);
    if (!type) {
      return Wrong(text, "has an attribute that is not type=cert, type=private or type=public");
    }
    uri.type = *type;
  }
  const auto name = device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, *reference);
  if (!name) {
    return Wrong(text, "does not name an object: " + name.error().message);
  }
  uri.by_label = name->by_label;
  uri.name = name->name;
  return uri;
}

}  // namespace simroot::provider
