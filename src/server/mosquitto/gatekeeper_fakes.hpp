// SPDX-License-Identifier: Apache-2.0
/// A middleware and a broker for the gatekeeper's tests. Tests only.
#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "server/mosquitto/gatekeeper.hpp"

namespace simroot::server::testing {

class FakeDirectory final : public Directory {
 public:
  std::optional<Found> FindCertificate(const Fingerprint& fingerprint) const override {
    return Find([&](const Entry& entry) { return entry.fingerprint == fingerprint; });
  }
  std::optional<Found> FindPsk(std::string_view identity) const override {
    return Find([&](const Entry& entry) {
      return entry.found.kind == CredentialKind::kPsk && identity == entry.found.name.data();
    });
  }
  std::optional<Found> FindById(CredentialId id) const override {
    return Find([&](const Entry& entry) { return entry.found.id == id; });
  }
  Result<SecretBytes> OpenPsk(CredentialId /*id*/) const override { return Fail(ErrorDomain::kUsage, "not here"); }
  SecretBytes DecoyPsk(std::string_view /*identity*/) const override { return {}; }
  DirectorySize size() const override { return {}; }
  Result<void> Put(const Credential& from) override {
    Entry entry;
    entry.found.id = from.id;
    entry.found.kind = from.kind;
    entry.found.state = from.state;
    from.iccid.copy(entry.found.iccid.data(), kMaxIccid);
    from.device.copy(entry.found.device.data(), kMaxDevice);
    from.name.copy(entry.found.name.data(), kMaxName);
    entry.fingerprint = from.fingerprint;
    entries_[from.id] = entry;
    return {};
  }
  void Rename(std::string_view /*iccid*/, std::string_view /*device*/) override {}
  std::size_t ForgetEndedBefore(UnixTime /*before*/) override { return 0; }
  void Clear() override {}
  void Reserve(std::size_t /*credentials*/) override {}
  void ForEach(const std::function<void(const Credential&)>& /*visit*/) const override {}

 private:
  struct Entry {
    Found found;
    Fingerprint fingerprint;
  };
  std::optional<Found> Find(const auto& is_it) const {
    for (const auto& [id, entry] : entries_) {
      if (is_it(entry)) {
        return entry.found;
      }
    }
    return std::nullopt;
  }
  std::map<CredentialId, Entry> entries_;
};

class FakeMiddleware final : public Middleware {
 public:
  Verdict JudgeCertificate(const Fingerprint& fingerprint, bool chain_is_right) const override {
    if (!chain_is_right) {
      return {Refusal::kForeignCertificate, {}};
    }
    return Judge(directory_.FindCertificate(fingerprint), Refusal::kUnknownCertificate);
  }
  Verdict JudgePsk(std::string_view identity) const override {
    return Judge(directory_.FindPsk(identity), Refusal::kUnknownIdentity);
  }
  Verdict JudgeAgain(CredentialId id) const override {
    return Judge(directory_.FindById(id), Refusal::kUnknownCertificate);
  }
  SecretBytes PskFor(const Verdict& verdict, std::string_view /*identity*/) const override {
    return SecretBytes(AsBytes(verdict.accepted() ? "the key" : "a decoy"));
  }
  void Note(const Verdict& verdict, std::string_view /*peer*/) override { noted.push_back(verdict.refusal); }
  std::shared_ptr<const std::string> Authorities() const override { return {}; }
  const Directory& directory() const override { return directory_; }
  Result<std::vector<Bytes>> ReadCrls() override { return std::vector<Bytes>{}; }
  std::shared_ptr<void> Listen(Listener listener) override {
    listener_ = std::move(listener);
    return {this, [](void* self) { static_cast<FakeMiddleware*>(self)->listener_ = nullptr; }};
  }
  MiddlewareStatus status() const override {
    MiddlewareStatus status;
    status.tenant = "acme";
    return status;
  }
  std::string Metrics() const override { return {}; }

  /// New or changed, as the platform would tell it.
  void Set(const Credential& credential) {
    static_cast<void>(directory_.Put(credential));
    if (listener_) {
      const auto verdict = JudgeAgain(credential.id);
      listener_({verdict.device, !verdict.accepted()});
    }
  }
  std::vector<Refusal> noted;
  bool stale = false;

 private:
  Verdict Judge(const std::optional<Found>& found, Refusal unknown) const {
    if (!found) {
      return {unknown, {}};
    }
    const auto state = found->state;
    const bool good = state == CredentialState::kActive || state == CredentialState::kSuperseded;
    return {stale                                  ? Refusal::kStale
            : good                                 ? Refusal::kNone
            : state == CredentialState::kSuspended ? Refusal::kSuspended
                                                   : Refusal::kRevoked,
            *found};
  }
  FakeDirectory directory_;
  Listener listener_;
};

/// Does with clients what mosquitto does, as far as the gatekeeper sees it.
class FakeBroker final : public Broker {
 public:
  struct Client {
    std::string id, user_name, address = "127.0.0.1";
    std::optional<ShownCertificate> certificate;
    bool kicked = false;
  };

  std::string_view ClientId(ClientHandle client) const override { return At(client).id; }
  std::string_view UserName(ClientHandle client) const override { return At(client).user_name; }
  std::string_view Address(ClientHandle client) const override { return At(client).address; }
  std::optional<ShownCertificate> Certificate(ClientHandle client) const override { return At(client).certificate; }
  bool SetUserName(ClientHandle client, const std::string& name) override {
    clients_[client].user_name = name;
    return !out_of_memory;
  }
  void KickId(const std::string& client_id) override {
    Kick([&](const Client& client) { return client.id == client_id; });
  }
  void KickUser(const std::string& user_name) override {
    Kick([&](const Client& client) { return client.user_name == user_name; });
  }
  void Log(LogLevel /*level*/, const std::string& line) override { log.push_back(line); }

  Client& operator[](ClientHandle client) { return clients_[client]; }

  Gatekeeper* gatekeeper = nullptr;
  std::vector<std::string> log;
  bool out_of_memory = false;

 private:
  const Client& At(ClientHandle client) const { return clients_.at(client); }
  void Kick(const auto& is_it) {
    for (auto& [handle, client] : clients_) {
      if (!client.kicked && is_it(client)) {
        client.kicked = true;
        // The broker asks again for each subscription of a session that would stay.
        static_cast<void>(gatekeeper->Access(handle, TopicUse::kSubscribe, "commands/x/#"));
        gatekeeper->Disconnected(handle);
      }
    }
  }
  std::map<ClientHandle, Client> clients_;
};

}  // namespace simroot::server::testing
