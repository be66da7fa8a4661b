// SPDX-License-Identifier: Apache-2.0
/// The server's middleware without TLS: keeps a directory of the tenant's credentials in step with the platform and
/// decides who is let in. TLS hooks, the C API, the mosquitto plugin and the agent stand on it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "server/directory/directory.hpp"
#include "server/middleware/refusal.hpp"
#include "server/sync/platform_link.hpp"

namespace simroot::server {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };
/// One line without line feed, "key=value" pairs behind a sentence; never a secret. From any thread.
using LogFunction = std::function<void(LogLevel level, const std::string& line)>;

struct MiddlewareOptions {
  std::string directory;                       ///< of the identity (sync/identity.hpp)
  std::chrono::seconds max_staleness{86'400};  ///< longest time without a word from the platform; 0: no limit
  bool open_when_stale = false;                ///< true: go on with what is known; false: refuse everybody
  /// How long Open may take to reach the platform when there is no local copy.
  std::chrono::seconds first_contact{30};
  LogFunction log;  ///< empty: JSON lines on stderr

  // For tests; the defaults are right for everybody else.
  std::function<UnixTime()> clock;             ///< what time it is; empty: the system's
  std::function<std::int64_t()> steady_clock;  ///< seconds that pass; empty: `clock`, or else the system's
  std::chrono::seconds poll{25};               ///< how long a request for changes waits
  std::chrono::milliseconds first_retry{500};  ///< after a failure; doubled up to the longest
  std::chrono::milliseconds longest_retry{30'000};
};

/// What is decided of one peer.
struct Verdict {
  Refusal refusal = Refusal::kNone;
  Found device;  ///< who it is, or says to be; id 0: nobody knows
  [[nodiscard]] bool accepted() const { return refusal == Refusal::kNone; }
};

/// A credential that has changed, after the directory has the new state.
struct Change {
  Found now;             ///< state kDeleted: it may be gone from the directory
  bool refused = false;  ///< whoever is connected with it must go
};

struct MiddlewareStatus {
  bool in_step = false;  ///< the last word of the platform is younger than a minute or so, and nothing is missing
  bool stale = false;
  UnixTime last_contact = 0;
  std::int64_t feed_number = -1;
  std::string tenant, name, platform_url;
  std::string last_error;  ///< empty: none
  DirectorySize size;
};

class Middleware {
 public:
  /// Loads the local copy, or waits for the first snapshot; then a thread keeps it in step until it is destroyed. With
  /// a copy it waits no longer than 3 seconds, for what has changed since. kTransport: neither copy nor platform.
  [[nodiscard]] static Result<std::unique_ptr<Middleware>> Open(MiddlewareOptions options);
  /// For tests: a link of the caller's; no identity is read, `copy_file` may be empty (no local copy).
  [[nodiscard]] static Result<std::unique_ptr<Middleware>> OpenWith(MiddlewareOptions options,
                                                                    std::function<std::unique_ptr<PlatformLink>()> link,
                                                                    std::string tenant, const std::string& copy_file,
                                                                    const SecretBytes& copy_secret);
  virtual ~Middleware() = default;

  // ---- any thread, wait-free but for the log ----

  /// The live state of a certificate whose chain was verified (`chain_is_right`) by the caller against Authorities().
  [[nodiscard]] virtual Verdict JudgeCertificate(const Fingerprint& fingerprint, bool chain_is_right) const = 0;
  [[nodiscard]] virtual Verdict JudgePsk(std::string_view identity) const = 0;
  /// Again, for a live connection.
  [[nodiscard]] virtual Verdict JudgeAgain(CredentialId id) const = 0;
  /// The PSK of an accepted verdict; the decoy for every other: the peer cannot tell which.
  [[nodiscard]] virtual SecretBytes PskFor(const Verdict& verdict, std::string_view identity) const = 0;

  /// A handshake has ended: counted, logged if refused, and the first one of a credential is reported to the platform
  /// as its proof of use (later, by a thread of the middleware).
  virtual void Note(const Verdict& verdict, std::string_view peer) = 0;

  // ---- any thread ----

  /// PEM of the tenant's CAs as of now; another text only when they changed.
  [[nodiscard]] virtual std::shared_ptr<const std::string> Authorities() const = 0;
  [[nodiscard]] virtual const Directory& directory() const = 0;
  /// DER; asks the platform.
  [[nodiscard]] virtual Result<std::vector<Bytes>> ReadCrls() = 0;

  /// `listener` is called on the middleware's thread for each change, and must not block. Taken away when the returned
  /// handle dies; then it is not running and never called again.
  using Listener = std::function<void(const Change& change)>;
  [[nodiscard]] virtual std::shared_ptr<void> Listen(Listener listener) = 0;

  [[nodiscard]] virtual MiddlewareStatus status() const = 0;
  /// For Prometheus, text format 0.0.4: simroot_server_handshakes_total{result="..."} for every Refusal, devices,
  /// staleness, feed number, live connections.
  [[nodiscard]] virtual std::string Metrics() const = 0;
  /// So many live connections more, or less, are watched; for the metrics.
  virtual void CountLive(std::ptrdiff_t /*more*/) {}
};

}  // namespace simroot::server
