// SPDX-License-Identifier: Apache-2.0
/**
 * @file server.hpp
 * simroot/server.h for C++17: handles that free themselves, results as exceptions. Everything is inline, so that the
 * binary interface is that of C alone. Link with `pkg-config --cflags --libs simroot-server` or CMake's
 * simroot::server.
 */
#ifndef SIMROOT_SERVER_HPP
#define SIMROOT_SERVER_HPP

#include <simroot/server.h>

#include <chrono>
#include <climits>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace simroot {

/// What a function of server.h failed with; what() is "cause; next step".
class ServerError : public std::runtime_error {
 public:
  explicit ServerError(simroot_result_t result) : std::runtime_error(simroot_server_error_text()), result_(result) {}
  [[nodiscard]] simroot_result_t result() const noexcept { return result_; }

  static void Check(simroot_result_t result) {
    if (result != SIMROOT_OK) {
      throw ServerError(result);
    }
  }

 private:
  simroot_result_t result_;
};

/// Who is at the other end of a connection.
struct ServerDevice {
  std::string tenant;
  std::string iccid;
  std::string name;        ///< empty: none
  std::string credential;  ///< certificate: serial number in hexadecimal; PSK: identity
  bool psk = false;
  std::int64_t since = 0;      ///< when the credential became what it is, UNIX time
  std::int64_t not_after = 0;  ///< its end; 0: none
};

/// A connection that is watched, until this is destroyed.
class ServerWatch {
 public:
  ServerWatch() = default;

 private:
  friend class Server;
  struct Free {
    void operator()(simroot_watch_t* watch) const noexcept { simroot_server_unwatch(watch); }
  };
  std::unique_ptr<std::function<void()>> gone_;  // goes after the watch that calls it
  std::unique_ptr<simroot_watch_t, Free> watch_;
};

/// The middleware.
class Server {
 public:
  struct Options {
    std::string directory;  ///< what `simroot server enrol` wrote
    /// Longest time without a word from the platform; 0: no limit. Negative: std::invalid_argument.
    std::chrono::seconds max_staleness{86'400};
    bool open_when_stale = false;  ///< go on with what is known after that time
    /// How long to wait for the platform when there is no local copy; 0: 30 s. Negative: std::invalid_argument.
    std::chrono::seconds first_contact{30};
    /// Level SIMROOT_LOG_... and one line; from any thread, throws nothing. Empty: JSON lines on stderr.
    std::function<void(int level, const char* line)> log{};
  };

  explicit Server(Options options) : log_(std::make_unique<Log>(std::move(options.log))) {
    if (options.max_staleness.count() < 0 || options.first_contact.count() < 0) {
      throw std::invalid_argument("a time in the options is negative; give 0 or more seconds");
    }
    simroot_server_options_t c_options = {};
    c_options.size = sizeof(c_options);
    c_options.directory = options.directory.c_str();
    const auto fit = [](std::chrono::seconds time) {
      return time.count() > UINT_MAX ? UINT_MAX : static_cast<unsigned>(time.count());
    };
    c_options.max_staleness_s = options.max_staleness.count() == 0 ? UINT_MAX : fit(options.max_staleness);
    c_options.open_when_stale = options.open_when_stale ? 1 : 0;
    c_options.first_contact_s = fit(options.first_contact);
    c_options.log = *log_ ? WriteLog : nullptr;
    c_options.log_context = log_.get();
    simroot_server_t* server = nullptr;
    ServerError::Check(simroot_server_open(&server, &c_options));
    server_.reset(server);
  }

  /// @param what a combination of SIMROOT_ATTACH_...; 0: both kinds of credentials, required
  void Attach(ssl_ctx_st* context, int what = 0) {
    ServerError::Check(simroot_server_attach(server_.get(), context, what));
  }

  /// Nothing: nobody who may be there, end the connection.
  [[nodiscard]] std::optional<ServerDevice> Identify(ssl_st* connection) {
    simroot_device_t device = {};
    const simroot_result_t result = simroot_server_identify(server_.get(), connection, &device);
    if (result == SIMROOT_ERROR_NOT_FOUND) {
      return std::nullopt;
    }
    ServerError::Check(result);
    return ServerDevice{device.tenant,
                        device.iccid,
                        device.device,
                        device.credential,
                        device.credential_kind == SIMROOT_CREDENTIAL_PSK,
                        device.since,
                        device.not_after};
  }

  /// Calls `gone` once when the device must go; on a thread of the library: it must not block, free the connection or
  /// throw, only wake its owner. Once the result is destroyed, `gone` is not running and never called again.
  [[nodiscard]] ServerWatch Watch(ssl_st* connection, std::function<void()> gone) {
    ServerWatch made;
    made.gone_ = std::make_unique<std::function<void()>>(std::move(gone));
    simroot_watch_t* watch = nullptr;
    ServerError::Check(simroot_server_watch(&watch, server_.get(), connection, CallGone, made.gone_.get()));
    made.watch_.reset(watch);
    return made;
  }

  /// For Prometheus, text format 0.0.4.
  [[nodiscard]] std::string Metrics() {
    std::string text(16'384, '\0');
    for (;;) {
      std::size_t size = text.size();
      const simroot_result_t result = simroot_server_metrics(server_.get(), text.data(), &size);
      if (result != SIMROOT_ERROR_BUFFER) {
        ServerError::Check(result);
        text.resize(size);
        return text;
      }
      text.resize(size + 1'024);
    }
  }

  [[nodiscard]] simroot_status_t Status() {
    simroot_status_t status = {};
    status.size = sizeof(status);
    ServerError::Check(simroot_server_status(server_.get(), &status));
    return status;
  }

 private:
  using Log = std::function<void(int level, const char* line)>;
  struct Close {
    void operator()(simroot_server_t* server) const noexcept { simroot_server_close(server); }
  };
  static void WriteLog(void* context, int level, const char* line) { (*static_cast<Log*>(context))(level, line); }
  static void CallGone(void* context) { (*static_cast<std::function<void()>*>(context))(); }

  std::unique_ptr<Log> log_;  // goes after the server that calls it
  std::unique_ptr<simroot_server_t, Close> server_;
};

}  // namespace simroot

#endif
