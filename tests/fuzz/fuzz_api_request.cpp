// SPDX-License-Identifier: Apache-2.0
/// What a stranger sends to the REST API, behind the HTTP parser: a line with the target, then the body. A path that is
/// accepted has no way upwards; what is encoded again is read again; JSON that is accepted is the same after it is
/// written; and the judgement of a schema agrees with that.
#include <boost/json.hpp>

#include "common/base/check.hpp"
#include "common/net/url.hpp"
#include "platform/api/json.hpp"
#include "platform/api/path_match.hpp"
#include "platform/api/schemas.hpp"

namespace simroot::platform {
namespace {

void CheckTarget(std::string_view text) {
  const auto target = net::ParseTarget(text);
  if (!target) {
    return;
  }
  SR_CHECK(target->path.starts_with('/') && (target->path + "/").find("/../") == std::string::npos);
  std::string again;
  for (std::string_view rest = target->path; !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view part = rest.substr(0, rest.find('/'));
    again += "/" + net::PercentEncode(part);
    rest.remove_prefix(part.size());
  }
  char separator = '?';
  for (const auto& [name, value] : target->query) {
    again += separator + net::PercentEncode(name) + "=" + net::PercentEncode(value);
    separator = '&';
  }
  const auto second = net::ParseTarget(again);
  SR_CHECK(second && second->path == target->path && second->query == target->query);
  for (const std::string_view pattern : {"/v1/cards/{iccid}/device", "/v1/relay/sessions/{session}", "/v1/jobs"}) {
    if (const auto parts = MatchPath(pattern, target->path)) {
      for (const std::string& part : *parts) {
        SR_CHECK(!part.empty() && part.find('/') == std::string::npos);
        (void)ParseNumber(part);
      }
    }
  }
}

void CheckBody(std::string_view text) {
  const auto value = ParseJson(text);
  if (value) {
    const auto again = ParseJson(json::serialize(*value));
    SR_CHECK(again && *again == *value);
    for (const Schema* const schema : {&schemas::kHello, &schemas::kAnswers, &schemas::kNewJob, &schemas::kEnrol,
                                       &schemas::kPutPolicy, &schemas::kCreateToken}) {
      if (!Judge(*schema, *value)) {
        SR_CHECK(value->is_object() && value->get_object().size() <= schema->members.size());
      }
    }
  }
  if (const auto bytes = FromBase64(text)) {
    SR_CHECK(FromBase64(ToBase64(*bytes)) == *bytes);
    SR_CHECK(FromPem("X", ToPem("X", *bytes)) == *bytes);
  }
}

}  // namespace
}  // namespace simroot::platform

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simroot;
  const std::string_view input = AsText(ByteView(data, size));
  const std::size_t line = std::min(input.find('\n'), input.size());
  platform::CheckTarget(input.substr(0, line));
  platform::CheckBody(input.substr(std::min(line + 1, input.size())));
  return 0;
}
