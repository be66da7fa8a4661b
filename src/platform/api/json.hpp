// SPDX-License-Identifier: Apache-2.0
/// JSON as this API takes and gives it.
#pragma once

#include <boost/json/value.hpp>

#include "common/host/base64.hpp"
#include "platform/domain/failure.hpp"
#include "platform/domain/records.hpp"

namespace simroot::platform {

namespace json = boost::json;

/// One value and nothing behind it, nested at most 8 deep, valid UTF-8, no member twice, numbers of 64 bits without
/// fraction or exponent. kInvalid otherwise.
[[nodiscard]] Outcome<json::value> ParseJson(std::string_view text);

[[nodiscard]] inline json::string_view View(std::string_view text) {
  return {text.data(), text.size()};
}

/// "2026-11-22T23:14:43Z"; null for 0 (never).
[[nodiscard]] json::value TimeToJson(UnixTime time);

/// "-----BEGIN LABEL-----" around base64 in lines of 64.
[[nodiscard]] std::string ToPem(std::string_view label, ByteView der);
/// The content of the only PEM block of `text`, which must have this label. Nothing if it is anything else.
[[nodiscard]] std::optional<Bytes> FromPem(std::string_view label, std::string_view text);

}  // namespace simroot::platform
