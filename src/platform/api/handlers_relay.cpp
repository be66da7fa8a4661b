// SPDX-License-Identifier: Apache-2.0
// Where devices hand their card's secured packets over. Nobody is known here but by what the card proves, so nothing
// in this file may depend on whether a card exists.
#include <algorithm>

#include "platform/api/handlers.hpp"

namespace simroot::platform::handlers {
namespace {

constexpr std::size_t kSessionDigits = 32;

std::vector<Bytes> HexList(const Context& context, std::string_view name) {
  std::vector<Bytes> list;
  const json::value* const member = context.body.if_contains(View(name));
  if (member != nullptr) {
    for (const json::value& entry : member->get_array()) {
      list.push_back(FromHex(std::string_view(entry.get_string().data(), entry.get_string().size())).value_or(Bytes()));
    }
  }
  return list;
}

/// Data and status word. Nothing if there is not even a status word.
std::optional<RelayAnswer> ToAnswer(ByteView raw) {
  ByteReader reader(raw);
  ByteView data;
  RelayAnswer answer;
  if (raw.size() < 2 || !reader.ReadBytes(raw.size() - 2, data) || !reader.ReadU16(answer.sw)) {
    return std::nullopt;
  }
  answer.data.assign(data.begin(), data.end());
  return answer;
}

/// The member is there, and fits its schema.
RelayOpening ToOpening(const json::object& member) {
  const auto bytes = [&](std::string_view name) {
    const json::string& text = member.at(View(name)).get_string();
    return FromHex(std::string_view(text.data(), text.size())).value_or(Bytes());
  };
  return {bytes("security_domain"), bytes("challenge"), ToAnswer(bytes("answer")).value_or(RelayAnswer())};
}

json::object BatchToJson(const RelayBatch& batch) {
  json::object out{{"session", View(batch.session)}, {"done", batch.done}};
  if (batch.done) {
    out["provisioned"] = batch.provisioned;
    out["retry_after"] = batch.retry_after_s;
    out["message"] = View(batch.message);
    out["key_label"] = View(batch.key_label);
    return out;
  }
  json::array commands;
  for (const Bytes& command : batch.commands) {
    commands.push_back(json::value(View(ToHex(command))));
  }
  out["step"] = batch.step;
  out["commands"] = std::move(commands);
  if (!batch.security_domain.empty()) {
    out["security_domain"] = View(ToHex(batch.security_domain));
  }
  return out;
}

/// Whatever a beginning is refused for besides limits and failures of the platform is told in one way, which is that of
/// a card without the right keys.
Failure HideReason(Failure failure) {
  switch (failure.kind) {
    case FailureKind::kNotFound:
    case FailureKind::kConflict:
    case FailureKind::kDenied:
      return Failure(FailureKind::kDenied, "the card did not prove itself");
    default:
      return failure;
  }
}

bool IsSession(std::string_view text) {
  return text.size() == kSessionDigits && std::ranges::all_of(text, [](char c) { return HexDigitValue(c) >= 0; });
}

}  // namespace

Answer BeginRelay(Context& context) {
  RelayHello hello;
  hello.iccid = context.Text("iccid");
  hello.application_id = context.Hex("aid");
  hello.application_info = context.Hex("application");
  hello.objects = HexList(context, "objects");
  if (context.Has("opening")) {
    hello.opening = ToOpening(context.body.at("opening").get_object());
  }
  hello.source = context.request.peer;
  if (!std::ranges::all_of(hello.iccid, [](char c) { return c >= '0' && c <= '9'; })) {
    return Refuse(FailureKind::kInvalid, "an ICCID has digits only");
  }
  auto batch = context.parts.engine.Begin(hello);
  if (!batch) {
    return tl::make_unexpected(HideReason(std::move(batch).error()));
  }
  return context.Json(BatchToJson(*batch));
}

Answer ContinueRelay(Context& context) {
  const std::string& session = context.path.front();
  if (!IsSession(session)) {
    return Refuse(FailureKind::kNotFound, "there is no such session", "begin a new one");
  }
  std::vector<RelayAnswer> answers;
  for (const Bytes& raw : HexList(context, "answers")) {
    auto answer = ToAnswer(raw);
    if (!answer) {
      return Refuse(FailureKind::kInvalid, "an answer of a card ends with a status word");
    }
    answers.push_back(std::move(*answer));
  }
  SR_TRY(const RelayBatch batch,
         context.parts.engine.Continue(session, static_cast<unsigned>(context.Number("step", 0)), answers,
                                       context.request.peer));
  return context.Json(BatchToJson(batch));
}

}  // namespace simroot::platform::handlers
