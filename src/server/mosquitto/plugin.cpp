// SPDX-License-Identifier: Apache-2.0
/// The plugin as mosquitto 2.0 sees it: events of the broker to the gatekeeper's functions and back. Nothing but this
/// file knows mosquitto's headers. All of it runs on the broker's thread.
// The broker's headers come in this order.
// clang-format off
#include <mosquitto.h>
#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>
// clang-format on
#include <signal.h>

#include <algorithm>

#include "server/mosquitto/chain_check.hpp"
#include "server/mosquitto/gatekeeper.hpp"
#include "server/mosquitto/guard.hpp"
#include "server/mosquitto/log_queue.hpp"
#include "server/mosquitto/metrics_file.hpp"

namespace simroot::server {
namespace {

constexpr int kPluginVersion = 5;

void WriteLog(LogLevel level, const std::string& line) {
  constexpr std::array kLevels{MOSQ_LOG_DEBUG, MOSQ_LOG_INFO, MOSQ_LOG_WARNING, MOSQ_LOG_ERR};
  mosquitto_log_printf(kLevels.at(static_cast<std::size_t>(level)), "simroot: %s", line.c_str());
}

std::string_view TextOrNothing(const char* text) {
  return text == nullptr ? std::string_view{} : text;
}

const mosquitto* Client(ClientHandle client) {
  return static_cast<const mosquitto*>(client);
}

class RealBroker final : public Broker {
 public:
  void Use(const Middleware* middleware) { middleware_ = middleware; }

  std::string_view ClientId(ClientHandle client) const override {
    return TextOrNothing(mosquitto_client_id(Client(client)));
  }
  std::string_view UserName(ClientHandle client) const override {
    return TextOrNothing(mosquitto_client_username(Client(client)));
  }
  std::string_view Address(ClientHandle client) const override {
    return TextOrNothing(mosquitto_client_address(Client(client)));
  }
  std::optional<ShownCertificate> Certificate(ClientHandle client) const override {
    const std::unique_ptr<X509, decltype(&X509_free)> shown(
        static_cast<X509*>(mosquitto_client_certificate(Client(client))), &X509_free);
    if (shown == nullptr) {
      return std::nullopt;
    }
    return chain_check_.Check(shown.get(), middleware_->Authorities());
  }
  bool SetUserName(ClientHandle client, const std::string& name) override {
    return mosquitto_set_username(const_cast<mosquitto*>(Client(client)), name.c_str()) == MOSQ_ERR_SUCCESS;
  }
  // The will of a device that is thrown out is not sent: it is no longer the one to speak.
  void KickId(const std::string& client_id) override { mosquitto_kick_client_by_clientid(client_id.c_str(), false); }
  void KickUser(const std::string& user_name) override { mosquitto_kick_client_by_username(user_name.c_str(), false); }
  void Log(LogLevel level, const std::string& line) override { WriteLog(level, line); }

 private:
  const Middleware* middleware_ = nullptr;
  mutable ChainCheck chain_check_;
};

/// Everything that lives as long as the plugin is loaded; taken down in reverse order.
struct Plugin {
  LogQueue log;
  RealBroker broker;
  std::unique_ptr<Middleware> middleware;
  std::unique_ptr<Gatekeeper> gatekeeper;
  std::unique_ptr<MetricsFile> metrics;
};

int AsResult(Answer answer, int denied) {
  switch (answer) {
    case Answer::kYes:
      return MOSQ_ERR_SUCCESS;
    case Answer::kNo:
      return denied;
    case Answer::kEnd:
      return MOSQ_ERR_AUTH;
    case Answer::kAskOthers:
      return MOSQ_ERR_PLUGIN_DEFER;
  }
  return denied;
}

Gatekeeper& KeeperOf(void* plugin) {
  return *static_cast<Plugin*>(plugin)->gatekeeper;
}

int OnBasicAuth(int /*event*/, void* data, void* plugin) {
  return Guarded(MOSQ_ERR_AUTH, [&] {
    return AsResult(KeeperOf(plugin).Connect(static_cast<mosquitto_evt_basic_auth*>(data)->client), MOSQ_ERR_AUTH);
  });
}

int OnExtendedAuth(int /*event*/, void* data, void* plugin) {
  return Guarded(MOSQ_ERR_AUTH, [&] {
    KeeperOf(plugin).AuthenticatedByOthers(static_cast<mosquitto_evt_extended_auth*>(data)->client);
    return MOSQ_ERR_PLUGIN_DEFER;
  });
}

int OnAclCheck(int /*event*/, void* data, void* plugin) {
  return Guarded(MOSQ_ERR_ACL_DENIED, [&] {
    const auto& check = *static_cast<mosquitto_evt_acl_check*>(data);
    const auto use = check.access == MOSQ_ACL_WRITE         ? TopicUse::kPublish
                     : check.access == MOSQ_ACL_SUBSCRIBE   ? TopicUse::kSubscribe
                     : check.access == MOSQ_ACL_UNSUBSCRIBE ? TopicUse::kUnsubscribe
                                                            : TopicUse::kReceive;
    return AsResult(KeeperOf(plugin).Access(check.client, use, TextOrNothing(check.topic)), MOSQ_ERR_ACL_DENIED);
  });
}

int OnPskKey(int /*event*/, void* data, void* plugin) {
  return Guarded(MOSQ_ERR_AUTH, [&] {
    const auto& asked = *static_cast<mosquitto_evt_psk_key*>(data);
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const auto key = KeeperOf(plugin).PskKey(asked.client, TextOrNothing(asked.identity));
    if (asked.max_key_len < 0 || key.size() * 2 > static_cast<std::size_t>(asked.max_key_len)) {
      return static_cast<int>(MOSQ_ERR_AUTH);
    }
    char* out = asked.key;  // the broker's, which has room for one character more
    for (const auto byte : key.Reveal(InsecureReveal::kForCrypto)) {
      *out++ = kDigits[byte >> 4U];
      *out++ = kDigits[byte & 0x0FU];
    }
    *out = '\0';
    return static_cast<int>(MOSQ_ERR_SUCCESS);
  });
}

int OnDisconnect(int /*event*/, void* data, void* plugin) {
  return Guarded(MOSQ_ERR_SUCCESS, [&] {
    KeeperOf(plugin).Disconnected(static_cast<mosquitto_evt_disconnect*>(data)->client);
    return MOSQ_ERR_SUCCESS;
  });
}

int OnReload(int /*event*/, void* /*data*/, void* plugin) {
  KeeperOf(plugin).ReloadBegins();
  return MOSQ_ERR_PLUGIN_DEFER;  // anything else ends the reload here
}

int OnTick(int /*event*/, void* /*data*/, void* plugin) {
  return Guarded(MOSQ_ERR_SUCCESS, [&] {
    static_cast<Plugin*>(plugin)->log.Drain(WriteLog);
    KeeperOf(plugin).Tick();
    return MOSQ_ERR_SUCCESS;
  });
}

/// Threads that are started meanwhile get no signals: those are the broker's.
class WithoutSignals {
 public:
  WithoutSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~WithoutSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WithoutSignals(const WithoutSignals&) = delete;
  WithoutSignals& operator=(const WithoutSignals&) = delete;

 private:
  sigset_t before_{};
};

std::string AllMetrics(const Plugin& plugin) {
  return plugin.middleware->Metrics() + plugin.gatekeeper->Metrics();
}

Result<void> Start(Plugin& plugin, const mosquitto_opt* given, int count) {
  std::vector<std::pair<std::string_view, std::string_view>> pairs;
  pairs.reserve(static_cast<std::size_t>(std::max(count, 0)));
  for (int i = 0; i < count; ++i) {
    pairs.emplace_back(TextOrNothing(given[i].key), TextOrNothing(given[i].value));
  }
  SR_TRY(const auto options, ParsePluginOptions(pairs));
  MiddlewareOptions middleware;
  middleware.directory = options.directory;
  middleware.max_staleness = options.max_staleness;
  middleware.open_when_stale = options.open_when_stale;
  middleware.first_contact = options.first_contact;
  middleware.log = [log = &plugin.log](LogLevel level, const std::string& line) { log->Push(level, line); };
  const WithoutSignals without_signals;
  SR_TRY(plugin.middleware, Middleware::Open(std::move(middleware)));
  plugin.broker.Use(plugin.middleware.get());
  plugin.gatekeeper =
      std::make_unique<Gatekeeper>(*plugin.middleware, plugin.broker, options, std::chrono::steady_clock::now);
  if (!options.metrics_file.empty()) {
    plugin.metrics = std::make_unique<MetricsFile>(
        options.metrics_file, [&plugin] { return AllMetrics(plugin); },
        [&plugin](const std::string& why) { plugin.log.Push(LogLevel::kWarning, why); });
  }
  return {};
}

struct Hook {
  int event;
  MOSQ_FUNC_generic_callback function;
};
constexpr std::array kHooks{Hook{MOSQ_EVT_RELOAD, OnReload},        Hook{MOSQ_EVT_ACL_CHECK, OnAclCheck},
                            Hook{MOSQ_EVT_BASIC_AUTH, OnBasicAuth}, Hook{MOSQ_EVT_EXT_AUTH_START, OnExtendedAuth},
                            Hook{MOSQ_EVT_PSK_KEY, OnPskKey},       Hook{MOSQ_EVT_TICK, OnTick},
                            Hook{MOSQ_EVT_DISCONNECT, OnDisconnect}};

int Initialise(mosquitto_plugin_id_t* id, void** user_data, const mosquitto_opt* options, int count) {
  auto plugin = std::make_unique<Plugin>();
  const auto started = Start(*plugin, options, count);
  plugin->log.Drain(WriteLog);
  if (!started) {
    WriteLog(LogLevel::kError, started.error().Text());
    return MOSQ_ERR_INVAL;
  }
  for (const auto& hook : kHooks) {
    if (const int result = mosquitto_callback_register(id, hook.event, hook.function, nullptr, plugin.get());
        result != MOSQ_ERR_SUCCESS) {
      WriteLog(LogLevel::kError, "the broker refuses event " + std::to_string(hook.event) +
                                     "; load the plugin once, and in mosquitto 2.0 or newer");
      return result;
    }
  }
  *user_data = plugin.release();
  return MOSQ_ERR_SUCCESS;
}

}  // namespace
}  // namespace simroot::server

extern "C" {

int mosquitto_plugin_version(int supported_version_count, const int* supported_versions) {
  for (int i = 0; i < supported_version_count; ++i) {
    if (supported_versions[i] == simroot::server::kPluginVersion) {
      return simroot::server::kPluginVersion;
    }
  }
  return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t* identifier, void** userdata, struct mosquitto_opt* options,
                          int option_count) {
  return simroot::server::Guarded(
      MOSQ_ERR_NOMEM, [&] { return simroot::server::Initialise(identifier, userdata, options, option_count); });
}

int mosquitto_plugin_cleanup(void* userdata, struct mosquitto_opt* /*options*/, int /*option_count*/) {
  auto* plugin = static_cast<simroot::server::Plugin*>(userdata);
  if (plugin != nullptr) {
    plugin->log.Drain(simroot::server::WriteLog);
  }
  delete plugin;
  return MOSQ_ERR_SUCCESS;
}
}
