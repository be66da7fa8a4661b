// SPDX-License-Identifier: Apache-2.0
/// The regular work of the gatekeeper: whoever is refused by now must go.
#include <algorithm>

#include "server/mosquitto/gatekeeper.hpp"
#include "server/tls/same_credential.hpp"

namespace simroot::server {
namespace {

constexpr std::chrono::seconds kSweepEvery{10};

void Line(std::string& text, std::string_view name, std::string_view labels, std::string_view type,
          std::uint64_t value) {
  if (!type.empty()) {
    text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
  }
  text.append(name).append(labels).append(" ").append(std::to_string(value)).append("\n");
}

}  // namespace

/// On the middleware's thread.
void Gatekeeper::OnChange(const Change& change) {
  const std::lock_guard lock(changes_mutex_);
  changes_.push_back(change);
  has_changes_.store(true, std::memory_order_release);
}

void Gatekeeper::Tick() {
  ticked_ = true;
  reloading_ = false;
  WorkOffChanges();
  if (const auto now = clock_(); now - last_sweep_ >= kSweepEvery) {
    last_sweep_ = now;
    Sweep();
  }
  KickAll();
}

void Gatekeeper::WorkOffChanges() {
  if (!has_changes_.load(std::memory_order_acquire)) {
    return;
  }
  std::vector<Change> changes;
  {
    const std::lock_guard lock(changes_mutex_);
    changes.swap(changes_);
    has_changes_.store(false, std::memory_order_relaxed);
  }
  for (const auto& change : changes) {
    const auto [first, last] = online_by_credential_.equal_range(change.now.id);
    for (auto at = first; at != last; ++at) {
      auto& session = sessions_.at(at->second);
      if (!IsSameCredential(change.now, session.device)) {
        to_kick_.emplace(session.client_id, session.device);  // the id is another device's by now
      } else if (change.refused) {
        to_kick_.emplace(session.client_id, change.now);
      } else {
        FillInTopics(session, change.now);  // the device may have another name
      }
    }
    if (change.refused && change.now.kind == CredentialKind::kPsk) {
      kicking_ = true;
      broker_.KickUser(change.now.name.data());  // who has not used a topic yet
      kicking_ = false;
    }
  }
}

bool Gatekeeper::IsLetIn(const Found& device) const {
  const auto verdict = middleware_.JudgeAgain(device.id);
  return verdict.accepted() && IsSameCredential(verdict.device, device);
}

/// What no change tells of: time has passed.
void Gatekeeper::Sweep() {
  for (const auto& [id, client] : online_by_id_) {
    const auto& session = sessions_.at(client);
    if (session.kind == Session::Kind::kDevice && !IsLetIn(session.device)) {
      to_kick_.emplace(session.client_id, session.device);
    }
  }
}

void Gatekeeper::KickAll() {
  while (!to_kick_.empty()) {
    const auto one = to_kick_.extract(to_kick_.begin());
    const auto& device = one.mapped();
    const auto online = online_by_id_.find(one.key());
    if (online == online_by_id_.end() || sessions_.at(online->second).device.id != device.id) {
      continue;  // it has gone, or come back with another credential
    }
    TellEnd(device);
    kicking_ = true;
    broker_.KickId(one.key());
    kicking_ = false;
  }
}

void Gatekeeper::TellEnd(const Found& device) {
  const auto refusal = middleware_.JudgeAgain(device.id).refusal;
  const auto text = kRefusals.at(static_cast<std::size_t>(refusal)).text;
  broker_.Log(LogLevel::kInfo, "device " + UserNameOf(device) + " is disconnected: " +
                                   std::string(refusal == Refusal::kNone ? "its credential was refused" : text));
  ++counts_.kicked;
}

std::string Gatekeeper::Metrics() const {
  std::string text;
  Line(text, "simroot_mosquitto_devices", "", "gauge", counts_.online);
  Line(text, "simroot_mosquitto_kicked_total", "", "counter", counts_.kicked);
  Line(text, "simroot_mosquitto_denied_total", "{use=\"publish\"}", "counter", counts_.denied_publish);
  Line(text, "simroot_mosquitto_denied_total", "{use=\"subscribe\"}", "", counts_.denied_subscribe);
  Line(text, "simroot_mosquitto_denied_total", "{use=\"client_id\"}", "", counts_.denied_client_id);
  return text;
}

}  // namespace simroot::server
