// SPDX-License-Identifier: Apache-2.0
#include "platform/api/json.hpp"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value_stack.hpp>
#include <ctime>
#include <set>

namespace simroot::platform {
namespace {

using boost::json::error_code;

constexpr std::size_t kMaxDepth = 8;

/// Builds a value as boost::json's own handler does, but refuses a member that comes twice, where that one keeps the
/// last.
class StrictHandler {
 public:
  // NOLINTBEGIN(readability-identifier-naming): as boost::json wants them
  static constexpr std::size_t max_object_size = std::size_t(-1);
  static constexpr std::size_t max_array_size = std::size_t(-1);
  static constexpr std::size_t max_key_size = std::size_t(-1);
  static constexpr std::size_t max_string_size = std::size_t(-1);
  // NOLINTEND(readability-identifier-naming)

  /// @param size of the text. What is read from it lies in a few pieces of memory, which end with the value.
  explicit StrictHandler(std::size_t size) {
    constexpr std::size_t kLeast = 1024;
    stack_.reset(boost::json::make_shared_resource<boost::json::monotonic_resource>(std::max(2 * size, kLeast)));
  }

  bool on_document_begin(error_code& /*ec*/) { return true; }
  bool on_document_end(error_code& /*ec*/) { return true; }
  bool on_object_begin(error_code& /*ec*/) {
    names_.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t count, error_code& /*ec*/) {
    names_.pop_back();
    stack_.push_object(count);
    return true;
  }
  bool on_array_begin(error_code& /*ec*/) { return true; }
  bool on_array_end(std::size_t count, error_code& /*ec*/) {
    stack_.push_array(count);
    return true;
  }
  bool on_key_part(json::string_view text, std::size_t /*count*/, error_code& /*ec*/) {
    key_.append(text.data(), text.size());
    stack_.push_chars(text);
    return true;
  }
  bool on_key(json::string_view text, std::size_t /*count*/, error_code& ec) {
    key_.append(text.data(), text.size());
    stack_.push_key(text);
    const bool fresh = names_.back().insert(std::exchange(key_, {})).second;
    if (!fresh) {
      ec = boost::json::error::syntax;
    }
    return fresh;
  }
  bool on_string_part(json::string_view text, std::size_t /*count*/, error_code& /*ec*/) {
    stack_.push_chars(text);
    return true;
  }
  bool on_string(json::string_view text, std::size_t /*count*/, error_code& /*ec*/) {
    stack_.push_string(text);
    return true;
  }
  bool on_number_part(json::string_view /*text*/, error_code& /*ec*/) { return true; }
  bool on_int64(std::int64_t number, json::string_view /*text*/, error_code& /*ec*/) {
    stack_.push_int64(number);
    return true;
  }
  bool on_uint64(std::uint64_t number, json::string_view /*text*/, error_code& /*ec*/) {
    stack_.push_uint64(number);
    return true;
  }
  bool on_double(double /*number*/, json::string_view /*text*/, error_code& ec) {
    ec = boost::json::error::syntax;
    return false;
  }
  bool on_bool(bool flag, error_code& /*ec*/) {
    stack_.push_bool(flag);
    return true;
  }
  bool on_null(error_code& /*ec*/) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(json::string_view /*text*/, error_code& /*ec*/) { return true; }
  bool on_comment(json::string_view /*text*/, error_code& /*ec*/) { return true; }

  json::value Release() { return stack_.release(); }

 private:
  boost::json::value_stack stack_;
  std::string key_;
  std::vector<std::set<std::string>> names_;  ///< of the objects that are open
};

}  // namespace

Outcome<json::value> ParseJson(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::basic_parser<StrictHandler> parser(options, text.size());
  error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (ec || !parser.done() || used != text.size()) {
    return Refuse(FailureKind::kInvalid, "the body is not one JSON value with every member once and only whole numbers",
                  "send what the OpenAPI document says (GET /v1/openapi.json)");
  }
  return parser.handler().Release();
}

json::value TimeToJson(UnixTime time) {
  if (time == 0) {
    return nullptr;
  }
  const std::time_t seconds = time;
  std::tm parts{};
  std::array<char, 40> text{};
  if (gmtime_r(&seconds, &parts) == nullptr ||
      std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
    return nullptr;
  }
  return json::string(text.data());
}

std::string ToPem(std::string_view label, ByteView der) {
  constexpr std::size_t kLine = 64;
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  const std::string text = ToBase64(der);
  for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(std::min(kLine, rest.size()))) {
    out.append(rest.substr(0, kLine)).append("\n");
  }
  return out.append("-----END ").append(label).append("-----\n");
}

std::optional<Bytes> FromPem(std::string_view label, std::string_view text) {
  const std::string begin = "-----BEGIN " + std::string(label) + "-----";
  const std::string end = "-----END " + std::string(label) + "-----";
  if (!text.starts_with(begin)) {
    return std::nullopt;
  }
  text.remove_prefix(begin.size());
  const std::size_t stop = text.find(end);
  if (stop == std::string_view::npos ||
      text.substr(stop).substr(end.size()).find_first_not_of("\r\n") != std::string_view::npos) {
    return std::nullopt;
  }
  return FromBase64(text.substr(0, stop));
}

}  // namespace simroot::platform
