// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/gatekeeper.hpp"

#include <algorithm>

#include "server/mosquitto/topics.hpp"

namespace simroot::server {
namespace {

constexpr std::size_t kMinIccid = 18;

std::string_view Text(const auto& characters) {
  return {characters.data()};
}

/// What UserNameOf() made, taken apart; the tenant is left empty. Nothing if it did not make it.
std::optional<TopicOwner> ReadUserName(std::string_view name) {
  const auto iccid = name.substr(0, name.find(' '));
  const bool digits = std::ranges::all_of(iccid, [](char c) { return c >= '0' && c <= '9'; });
  if (iccid.size() < kMinIccid || iccid.size() > kMaxIccid || !digits) {
    return std::nullopt;
  }
  return TopicOwner{iccid, name.substr(std::min(iccid.size() + 1, name.size())), {}};
}

}  // namespace

std::string UserNameOf(const Found& device) {
  std::string name(Text(device.iccid));
  if (const auto called = Text(device.device); !called.empty()) {
    name.append(" ").append(called);
  }
  return name;
}

Gatekeeper::Gatekeeper(Middleware& middleware, Broker& broker, const PluginOptions& options, Clock clock)
    : middleware_(middleware),
      broker_(broker),
      options_(options),
      clock_(std::move(clock)),
      tenant_(middleware.status().tenant),
      last_sweep_(clock_()),
      listening_(middleware.Listen([this](const Change& change) { OnChange(change); })) {}

Gatekeeper::~Gatekeeper() = default;

SecretBytes Gatekeeper::PskKey(ClientHandle client, std::string_view identity) {
  if (const auto earlier = claims_.find(client); earlier != claims_.end() && earlier->second.identity != identity) {
    // That handshake has failed before the broker had a client to tell the end of.
    earlier->second.verdict.refusal = Refusal::kWrongKey;
    middleware_.Note(earlier->second.verdict, {});
  }
  Forget(client);
  const auto verdict = middleware_.JudgePsk(identity);
  auto key = middleware_.PskFor(verdict, identity);
  if (verdict.accepted()) {
    claims_[client] = {verdict, std::string(identity)};
  } else {
    middleware_.Note(verdict, broker_.Address(client));
  }
  return key;
}

Answer Gatekeeper::Connect(ClientHandle client) {
  const auto certificate = broker_.Certificate(client);
  if (reloading_) {
    const auto* session = FindSession(client);
    if (session == nullptr || !session->online || session->kind != Session::Kind::kDevice || !certificate) {
      return Answer::kAskOthers;
    }
    return IsLetIn(session->device) ? Answer::kYes : Answer::kNo;
  }
  Forget(client);
  if (!certificate) {
    return Answer::kAskOthers;
  }
  if (!KnowsTicks()) {
    return Answer::kNo;
  }
  const auto verdict = middleware_.JudgeCertificate(certificate->fingerprint, certificate->chain_is_right);
  if (verdict.refusal == Refusal::kForeignCertificate && options_.foreign_certificates_defer) {
    return Answer::kAskOthers;
  }
  const std::string id(broker_.ClientId(client));
  if (verdict.accepted() && IsIdTaken(id, verdict.device)) {
    ++counts_.denied_client_id;
    broker_.Log(LogLevel::kWarning, "device " + UserNameOf(verdict.device) +
                                        " is refused: its client id belongs to another device that is connected");
    return Answer::kNo;
  }
  middleware_.Note(verdict, broker_.Address(client));
  if (!verdict.accepted()) {
    return Answer::kNo;
  }
  const auto& session = Remember(client, Session::Kind::kDevice, verdict.device);
  return session.kind == Session::Kind::kDevice ? Answer::kYes : Answer::kNo;
}

void Gatekeeper::AuthenticatedByOthers(ClientHandle client) {
  Forget(client);
}

Answer Gatekeeper::Access(ClientHandle client, TopicUse use, std::string_view topic) {
  const auto* session = FindSession(client);
  if (session == nullptr && broker_.Address(client).empty()) {
    return AccessByName(broker_.UserName(client), use, topic);
  }
  if (session == nullptr) {
    session = MeetLate(client);
  }
  if (session == nullptr || session->kind == Session::Kind::kStranger) {
    return OthersAccess();
  }
  return session->kind == Session::Kind::kDevice ? AccessOfDevice(*session, use, topic) : RefusedAccess(*session, use);
}

Answer Gatekeeper::AccessOfDevice(const Session& session, TopicUse use, std::string_view topic) {
  if (!KnowsTicks()) {
    return RefusedAccess(session, use);
  }
  if (!IsLetIn(session.device)) {
    const auto answer = kicking_ ? Answer::kNo : RefusedAccess(session, use);
    if (answer == Answer::kEnd) {
      TellEnd(session.device);
    } else if (session.online) {
      to_kick_.emplace(session.client_id, session.device);
    }
    return answer;
  }
  const auto answer = Rule(session.publish, session.subscribe, use, topic);
  if (answer == Answer::kNo && use == TopicUse::kPublish) {
    ++counts_.denied_publish;
  } else if (answer == Answer::kNo && use == TopicUse::kSubscribe) {
    ++counts_.denied_subscribe;
  }
  return answer;
}

/// With MQTT 3.1.1 the broker acknowledges a message that it may not take, and the device would believe that it
/// arrived. So the connection ends instead.
Answer Gatekeeper::RefusedAccess(const Session& session, TopicUse use) {
  return session.online && (use == TopicUse::kPublish || use == TopicUse::kSubscribe) ? Answer::kEnd : Answer::kNo;
}

/// A session that the broker read from disk, or who sent a retained message once: nothing is left but the name. The
/// state of the device is judged when it connects; what it sent while it was allowed to stays.
Answer Gatekeeper::AccessByName(std::string_view user_name, TopicUse use, std::string_view topic) const {
  auto owner = ReadUserName(user_name);
  if (!owner) {
    return OthersAccess();
  }
  owner->tenant = tenant_;
  return Rule(FillIn(options_.publish, *owner), FillIn(options_.subscribe, *owner), use, topic);
}

Answer Gatekeeper::Rule(const std::vector<std::string>& publish, const std::vector<std::string>& subscribe,
                        TopicUse use, std::string_view topic) const {
  if (use == TopicUse::kUnsubscribe) {
    return Answer::kYes;
  }
  return AnyCovers(use == TopicUse::kPublish ? publish : subscribe, topic) ? Answer::kYes : Answer::kNo;
}

void Gatekeeper::Disconnected(ClientHandle client) {
  EndSession(client);
  if (const auto claim = claims_.find(client); claim != claims_.end() && broker_.ClientId(client).empty()) {
    claim->second.verdict.refusal = Refusal::kWrongKey;
    middleware_.Note(claim->second.verdict, broker_.Address(client));
    claims_.erase(claim);
  }
}

/// What is known stays: the broker may go on asking for a session without connection.
void Gatekeeper::EndSession(ClientHandle client) {
  const auto found = sessions_.find(client);
  if (found == sessions_.end() || !std::exchange(found->second.online, false)) {
    return;
  }
  const auto& session = found->second;
  if (const auto at = online_by_id_.find(session.client_id); at != online_by_id_.end() && at->second == client) {
    online_by_id_.erase(at);
  }
  const auto [first, last] = online_by_credential_.equal_range(session.device.id);
  const auto at = std::find_if(first, last, [&](const auto& entry) { return entry.second == client; });
  if (at != last) {
    online_by_credential_.erase(at);
    --counts_.online;
    middleware_.CountLive(-1);
  }
}

void Gatekeeper::Forget(ClientHandle client) {
  EndSession(client);
  sessions_.erase(client);
  claims_.erase(client);
}

/// The handle alone is not enough: the broker may use it for another client by now.
Gatekeeper::Session* Gatekeeper::FindSession(ClientHandle client) {
  const auto at = sessions_.find(client);
  if (at == sessions_.end() || at->second.user_name != broker_.UserName(client)) {
    return nullptr;
  }
  // A client that is being thrown away has lost its id.
  const auto id = broker_.ClientId(client);
  return id.empty() || at->second.client_id == id ? &at->second : nullptr;
}

Gatekeeper::Session& Gatekeeper::Remember(ClientHandle client, Session::Kind kind, const Found& device) {
  EndSession(client);
  auto& session = sessions_[client] = Session{};
  session.kind = kind;
  session.device = device;
  session.client_id = broker_.ClientId(client);
  session.user_name = UserNameOf(device);
  if (kind != Session::Kind::kDevice || !broker_.SetUserName(client, session.user_name)) {
    session.kind = kind == Session::Kind::kStranger ? kind : Session::Kind::kRefused;
    session.user_name = broker_.UserName(client);
  }
  if (session.kind == Session::Kind::kStranger) {
    return session;
  }
  online_by_id_[session.client_id] = client;
  if (session.kind == Session::Kind::kDevice) {
    FillInTopics(session, device);
    online_by_credential_.emplace(device.id, client);
    ++counts_.online;
    middleware_.CountLive(1);
  } else {
    to_kick_.emplace(session.client_id, device);
  }
  return session;
}

/// A client that was never asked for by Connect(): its listener takes the user name from TLS, which is how a PSK
/// listener has to be.
Gatekeeper::Session* Gatekeeper::MeetLate(ClientHandle client) {
  if (const auto certificate = broker_.Certificate(client)) {
    return &MeetLateByCertificate(client, *certificate);
  }
  const auto claim = claims_.find(client);
  if (claim == claims_.end() || claim->second.identity != broker_.UserName(client)) {
    return nullptr;
  }
  const auto verdict = middleware_.JudgePsk(claim->second.identity);
  claims_.erase(claim);
  middleware_.Note(verdict, broker_.Address(client));
  return &Remember(client, verdict.accepted() ? Session::Kind::kDevice : Session::Kind::kRefused, verdict.device);
}

Gatekeeper::Session& Gatekeeper::MeetLateByCertificate(ClientHandle client, const ShownCertificate& certificate) {
  const auto verdict = middleware_.JudgeCertificate(certificate.fingerprint, certificate.chain_is_right);
  if (verdict.refusal == Refusal::kForeignCertificate && options_.foreign_certificates_defer) {
    return Remember(client, Session::Kind::kStranger, {});
  }
  if (!std::exchange(said_late_, true)) {
    broker_.Log(LogLevel::kWarning,
                "a listener with require_certificate has use_identity_as_username or use_subject_as_username, so its "
                "clients are judged when they use a topic, not when they connect; take that setting out");
  }
  middleware_.Note(verdict, broker_.Address(client));
  return Remember(client, verdict.accepted() ? Session::Kind::kDevice : Session::Kind::kRefused, verdict.device);
}

bool Gatekeeper::IsIdTaken(std::string_view client_id, const Found& device) const {
  if (const auto at = online_by_id_.find(std::string(client_id)); at != online_by_id_.end()) {
    return Text(sessions_.at(at->second).device.iccid) != Text(device.iccid);
  }
  // With use_username_as_clientid, clients with a pre-shared key have their identity for an id.
  const auto psk = middleware_.directory().FindPsk(client_id);
  return psk && Text(psk->iccid) != Text(device.iccid);
}

void Gatekeeper::FillInTopics(Session& session, const Found& device) const {
  const TopicOwner owner{Text(device.iccid), Text(device.device), tenant_};
  session.publish = FillIn(options_.publish, owner);
  session.subscribe = FillIn(options_.subscribe, owner);
}

/// Without ticks nobody could be thrown out, so nobody is let in.
bool Gatekeeper::KnowsTicks() {
  if (!ticked_ && !std::exchange(said_no_ticks_, true)) {
    broker_.Log(LogLevel::kError,
                "no device is let in, because this broker does not call its plugins regularly; set "
                "per_listener_settings false");
  }
  return ticked_;
}

}  // namespace simroot::server
