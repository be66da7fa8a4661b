// SPDX-License-Identifier: Apache-2.0
#include "device/relay/relay_messages.hpp"

#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <limits>

namespace simroot::device {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxBody = 1024UL * 1024;
constexpr std::size_t kMaxCommands = 256;
constexpr std::size_t kMinCommand = 4;
constexpr std::size_t kMaxCommand = 261;
constexpr std::size_t kMaxText = 1000;
constexpr std::size_t kMaxSession = 128;
constexpr unsigned kMaxDepth = 4;

[[nodiscard]] tl::unexpected<Error> NotUnderstood(const std::string& what) {
  return Fail(ErrorDomain::kProtocol, "the platform's reply cannot be understood: " + what,
              "check that the URL is that of a simroot platform");
}

[[nodiscard]] json::object ParseObject(std::string_view body) {
  if (body.size() > kMaxBody) {
    return {};
  }
  json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::system::error_code error;
  // Assigned to an object with other memory it would be copied.
  json::value value = json::parse(json::string_view(body.data(), body.size()), error,
                                  json::make_shared_resource<json::monotonic_resource>(), options);
  return !error && value.is_object() ? json::object(std::move(value.get_object())) : json::object();
}

/// Printable characters only: the platform's text goes to terminals and logs.
[[nodiscard]] std::string Text(const json::object& object, std::string_view name, std::size_t most = kMaxText) {
  const json::value* const member = object.if_contains(json::string_view(name.data(), name.size()));
  std::string text;
  if (member != nullptr && member->is_string()) {
    const json::string& value = member->get_string();
    text.assign(value.data(), std::min(value.size(), most));
  }
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return text;
}

[[nodiscard]] bool Flag(const json::object& object, const char* name) {
  const json::value* const member = object.if_contains(name);
  return member != nullptr && member->is_bool() && member->get_bool();
}

[[nodiscard]] std::optional<unsigned> Number(const json::object& object, const char* name) {
  const json::value* const member = object.if_contains(name);
  const std::int64_t* const number = member == nullptr ? nullptr : member->if_int64();
  const bool fits = number != nullptr && *number >= 0 && *number <= std::numeric_limits<std::int32_t>::max();
  return fits ? std::optional(static_cast<unsigned>(*number)) : std::nullopt;
}

[[nodiscard]] json::string HexValue(ByteView bytes) {
  const std::string text = ToHex(bytes);
  return json::string(text.data(), text.size());
}

[[nodiscard]] Result<std::vector<Bytes>> ReadCommands(const json::object& object) {
  const json::value* const member = object.if_contains("commands");
  const json::array* const list = member == nullptr ? nullptr : member->if_array();
  if (list == nullptr || list->empty() || list->size() > kMaxCommands) {
    return NotUnderstood("no commands, or too many");
  }
  std::vector<Bytes> commands;
  for (const json::value& entry : *list) {
    const json::string* const text = entry.if_string();
    auto bytes = text == nullptr ? std::nullopt : FromHex({text->data(), text->size()});
    if (!bytes || bytes->size() < kMinCommand || bytes->size() > kMaxCommand) {
      return NotUnderstood("a command that is no APDU");
    }
    commands.push_back(std::move(*bytes));
  }
  return commands;
}

[[nodiscard]] bool IsSessionName(const std::string& text) {
  return !text.empty() && text.size() < kMaxSession && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  });
}

}  // namespace

std::string EncodeHello(const CardIntroduction& card, const std::optional<CardOpening>& opening) {
  json::object hello;
  hello["iccid"] = json::string(card.iccid.data(), card.iccid.size());
  hello["aid"] = HexValue(card.application_id);
  hello["application"] = HexValue(card.application_info);
  json::array objects;
  for (const Bytes& block : card.objects) {
    objects.emplace_back(HexValue(block));
  }
  hello["objects"] = std::move(objects);
  if (opening) {
    hello["opening"] = json::object{{"security_domain", HexValue(opening->security_domain)},
                                    {"challenge", HexValue(opening->challenge)},
                                    {"answer", HexValue(opening->answer)}};
  }
  return json::serialize(hello);
}

std::string EncodeAnswers(unsigned step, const std::vector<Bytes>& answers) {
  json::object message;
  message["step"] = step;
  json::array list;
  for (const Bytes& answer : answers) {
    list.emplace_back(HexValue(answer));
  }
  message["answers"] = std::move(list);
  return json::serialize(message);
}

Result<RelayReply> DecodeReply(std::string_view body) {
  const json::object object = ParseObject(body);
  if (object.empty() || !object.contains("done")) {
    return NotUnderstood("it is no JSON object of the relay");
  }
  RelayReply reply;
  reply.session = Text(object, "session", kMaxSession);
  reply.done = Flag(object, "done");
  if (reply.done) {
    reply.provisioned = Flag(object, "provisioned");
    reply.retry_after_s = Number(object, "retry_after").value_or(0);
    reply.message = Text(object, "message");
    reply.key_label = Text(object, "key_label");
    return reply;
  }
  const auto step = Number(object, "step");
  if (!step || !IsSessionName(reply.session)) {
    return NotUnderstood("no session or no step");
  }
  reply.step = *step;
  reply.security_domain = FromHex(Text(object, "security_domain")).value_or(Bytes());
  SR_TRY(reply.commands, ReadCommands(object));
  return reply;
}

std::string ProblemSentence(std::string_view body) {
  constexpr std::size_t kLine = 300;
  const json::object object = ParseObject(body);
  const std::string detail = Text(object, "detail", kLine);
  return detail.empty() ? Text(object, "title", kLine) : detail;
}

}  // namespace simroot::device
