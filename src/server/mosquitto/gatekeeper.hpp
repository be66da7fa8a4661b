// SPDX-License-Identifier: Apache-2.0
/// The plugin without the broker: who may connect, who may use which topic, who must go. README.md tells which event of
/// the broker calls what, and why.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <unordered_map>

#include "server/mosquitto/broker.hpp"
#include "server/mosquitto/options.hpp"

namespace simroot::server {

enum class Answer : std::uint8_t {
  kYes,
  kNo,
  kEnd,        ///< end the connection, and do not acknowledge: what was sent can be sent again with a good credential
  kAskOthers,  ///< no device: other plugins and the files of the broker decide
};
enum class TopicUse : std::uint8_t { kPublish, kSubscribe, kReceive, kUnsubscribe };

/// Counted since the start; read by any thread.
struct GatekeeperCounts {
  std::atomic<std::uint64_t> online = 0;  ///< devices connected now
  std::atomic<std::uint64_t> kicked = 0;
  std::atomic<std::uint64_t> denied_publish = 0;
  std::atomic<std::uint64_t> denied_subscribe = 0;
  std::atomic<std::uint64_t> denied_client_id = 0;
};

class Gatekeeper {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// Borrows `middleware` and `broker`.
  Gatekeeper(Middleware& middleware, Broker& broker, const PluginOptions& options, Clock clock);
  ~Gatekeeper();
  Gatekeeper(const Gatekeeper&) = delete;
  Gatekeeper& operator=(const Gatekeeper&) = delete;

  /// The key for a TLS handshake that names `identity`. It proves nothing yet: the handshake may fail.
  [[nodiscard]] SecretBytes PskKey(ClientHandle client, std::string_view identity);
  /// A CONNECT on a listener that does not take the user name from TLS.
  [[nodiscard]] Answer Connect(ClientHandle client);
  /// A CONNECT that other plugins authenticate on their own: the client is no device.
  void AuthenticatedByOthers(ClientHandle client);
  [[nodiscard]] Answer Access(ClientHandle client, TopicUse use, std::string_view topic);
  void Disconnected(ClientHandle client);
  /// Until the next Tick(), Connect() is a question about clients that are connected already.
  void ReloadBegins() { reloading_ = true; }
  /// At least ten times a second: ends the connections of those who must go.
  void Tick();

  [[nodiscard]] const GatekeeperCounts& counts() const { return counts_; }
  /// For Prometheus, text format 0.0.4.
  [[nodiscard]] std::string Metrics() const;

 private:
  /// What is known of a client that is connected, or was: a session may outlive its connection.
  struct Session {
    enum class Kind : std::uint8_t { kDevice, kRefused, kStranger };  ///< kStranger: others decide
    Kind kind = Kind::kDevice;
    bool online = true;
    Found device{};
    std::string client_id, user_name;
    std::vector<std::string> publish, subscribe;
  };
  /// A PSK identity that a handshake has named.
  struct Claim {
    Verdict verdict;
    std::string identity;
  };

  void EndSession(ClientHandle client);
  void Forget(ClientHandle client);
  [[nodiscard]] Session* FindSession(ClientHandle client);
  Session& Remember(ClientHandle client, Session::Kind kind, const Found& device);
  [[nodiscard]] Session* MeetLate(ClientHandle client);
  [[nodiscard]] Session& MeetLateByCertificate(ClientHandle client, const ShownCertificate& certificate);
  [[nodiscard]] bool IsIdTaken(std::string_view client_id, const Found& device) const;
  void FillInTopics(Session& session, const Found& device) const;
  [[nodiscard]] Answer AccessOfDevice(const Session& session, TopicUse use, std::string_view topic);
  [[nodiscard]] Answer AccessByName(std::string_view user_name, TopicUse use, std::string_view topic) const;
  [[nodiscard]] Answer Rule(const std::vector<std::string>& publish, const std::vector<std::string>& subscribe,
                            TopicUse use, std::string_view topic) const;
  [[nodiscard]] Answer OthersAccess() const { return options_.allow_others ? Answer::kYes : Answer::kAskOthers; }
  [[nodiscard]] static Answer RefusedAccess(const Session& session, TopicUse use);
  [[nodiscard]] bool KnowsTicks();
  void TellEnd(const Found& device);
  void OnChange(const Change& change);
  void WorkOffChanges();
  /// Whether the credential is what it was, and may still be used.
  [[nodiscard]] bool IsLetIn(const Found& device) const;
  void Sweep();
  void KickAll();

  Middleware& middleware_;
  Broker& broker_;
  const PluginOptions options_;
  const Clock clock_;
  const std::string tenant_;
  GatekeeperCounts counts_;

  // The broker's thread only.
  std::unordered_map<ClientHandle, Session> sessions_;
  std::unordered_map<ClientHandle, Claim> claims_;
  std::unordered_map<std::string, ClientHandle> online_by_id_;                ///< client ids of connected devices
  std::unordered_multimap<CredentialId, ClientHandle> online_by_credential_;  ///< connected devices
  std::unordered_map<std::string, Found> to_kick_;                            ///< client ids
  bool reloading_ = false;
  bool kicking_ = false;
  bool ticked_ = false;
  bool said_no_ticks_ = false;
  bool said_late_ = false;
  std::chrono::steady_clock::time_point last_sweep_;

  std::mutex changes_mutex_;
  std::vector<Change> changes_;
  std::atomic<bool> has_changes_ = false;
  std::shared_ptr<void> listening_;  ///< the last member: it ends first
};

/// The user name that a device gets: ICCID, and behind a space the name of the device if it has one.
[[nodiscard]] std::string UserNameOf(const Found& device);

}  // namespace simroot::server
