// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <climits>
#include <cstring>

#include "server/capi/guard.hpp"
#include "server/capi/handles.hpp"
#include "server/tls/attachment.hpp"

using simroot::server::AttachOptions;
using simroot::server::CredentialKind;
using simroot::server::Found;
using simroot::server::LogLevel;
using simroot::server::Middleware;
using simroot::server::MiddlewareOptions;
using simroot::server::MiddlewareStatus;
using simroot::server::Refusal;
using simroot::server::Verdict;
using simroot::server::capi::Guard;
using simroot::server::capi::GuardQuietly;
using simroot::server::capi::Log;
using simroot::server::capi::NotNull;
using simroot::server::capi::Outcome;
using simroot::server::capi::Refuse;
using simroot::server::capi::ServerState;

namespace {

/// What a caller of this version cannot mean by a structure of this size.
Outcome<void> CheckOptions(const simroot_server_options_t* options) {
  SR_TRY_VOID(NotNull(options, "options"));
  if (options->size < sizeof(simroot_server_options_t)) {
    return Refuse(SIMROOT_ERROR_USAGE, "the size of the options is too small; set it to sizeof");
  }
  const auto* const bytes = reinterpret_cast<const char*>(options);
  if (std::any_of(bytes + sizeof(simroot_server_options_t), bytes + options->size, [](char c) { return c != 0; })) {
    return Refuse(SIMROOT_ERROR_USAGE, "the options hold what this version of the library does not know; update it");
  }
  return NotNull(options->directory, "options->directory");
}

MiddlewareOptions ReadOptions(const simroot_server_options_t& from, const std::shared_ptr<Log>& log) {
  MiddlewareOptions options;
  options.directory = from.directory;
  if (from.max_staleness_s != 0) {
    options.max_staleness = std::chrono::seconds(from.max_staleness_s == UINT_MAX ? 0 : from.max_staleness_s);
  }
  options.open_when_stale = from.open_when_stale != 0;
  if (from.first_contact_s != 0) {
    options.first_contact = std::chrono::seconds(from.first_contact_s);
  }
  if (log != nullptr) {
    options.log = [log](LogLevel level, const std::string& line) { log->Write(level, line); };
  }
  return options;
}

template <std::size_t kFrom, std::size_t kInto>
void CopyText(const std::array<char, kFrom>& from, char (&into)[kInto]) {  // NOLINT(*-avoid-c-arrays): of a C structure
  static_assert(kFrom <= kInto);
  std::memcpy(into, from.data(), kFrom);
}

simroot_device_t Describe(const Found& found, const std::string& tenant) {
  simroot_device_t device{};
  tenant.copy(device.tenant, sizeof(device.tenant) - 1);
  CopyText(found.iccid, device.iccid);
  CopyText(found.device, device.device);
  CopyText(found.name, device.credential);
  device.credential_kind = found.kind == CredentialKind::kPsk ? SIMROOT_CREDENTIAL_PSK : SIMROOT_CREDENTIAL_CERTIFICATE;
  device.since = found.changed;
  device.not_after = found.not_after;
  return device;
}

std::string WhyNot(Refusal refusal) {
  const auto& row = simroot::server::kRefusals.at(static_cast<std::size_t>(refusal));
  return "nobody who may be there is at the other end: " + std::string(row.text) + "; end the connection";
}

}  // namespace

extern "C" {

simroot_result_t simroot_server_open(simroot_server_t** server, const simroot_server_options_t* options) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(server, "server"));
    SR_TRY_VOID(CheckOptions(options));
    auto state = std::make_shared<ServerState>();
    if (options->log != nullptr) {
      state->log = std::make_shared<Log>(options->log, options->log_context);
    }
    SR_TRY(state->middleware, Middleware::Open(ReadOptions(*options, state->log)));
    *server = new simroot_server{std::move(state)};
    return {};
  });
}

void simroot_server_close(simroot_server_t* server) {
  GuardQuietly([&] {
    const std::unique_ptr<simroot_server> owner(server);
    if (owner != nullptr && owner->state->log != nullptr) {
      owner->state->log->End();
    }
  });
}

simroot_result_t simroot_server_attach(simroot_server_t* server, struct ssl_ctx_st* context, int what) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(server, "server"));
    SR_TRY_VOID(NotNull(context, "context"));
    constexpr int kBoth = SIMROOT_ATTACH_CERTIFICATES | SIMROOT_ATTACH_PSK;
    if ((what & ~(kBoth | SIMROOT_ATTACH_OPTIONAL)) != 0) {
      return Refuse(SIMROOT_ERROR_USAGE, "what to attach is no combination of SIMROOT_ATTACH_...");
    }
    const int kinds = (what & kBoth) == 0 ? kBoth : what;
    const AttachOptions options{.certificates = (kinds & SIMROOT_ATTACH_CERTIFICATES) != 0,
                                .psk = (kinds & SIMROOT_ATTACH_PSK) != 0,
                                .optional = (what & SIMROOT_ATTACH_OPTIONAL) != 0,
                                .owner = server->state};
    SR_TRY_VOID(simroot::server::Attach(*server->state->middleware, context, options));
    return {};
  });
}

simroot_result_t simroot_server_identify(simroot_server_t* server, struct ssl_st* connection,
                                         simroot_device_t* device) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(server, "server"));
    SR_TRY_VOID(NotNull(connection, "connection"));
    SR_TRY_VOID(NotNull(device, "device"));
    *device = {};
    Middleware& middleware = *server->state->middleware;
    const Verdict verdict = simroot::server::Identify(middleware, connection);
    if (!verdict.accepted()) {
      return Refuse(SIMROOT_ERROR_NOT_FOUND, WhyNot(verdict.refusal));
    }
    *device = Describe(verdict.device, middleware.status().tenant);
    return {};
  });
}

simroot_result_t simroot_server_watch(simroot_watch_t** watch, simroot_server_t* server, struct ssl_st* connection,
                                      simroot_gone_t gone, void* context) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(watch, "watch"));
    SR_TRY_VOID(NotNull(server, "server"));
    SR_TRY_VOID(NotNull(connection, "connection"));
    if (gone == nullptr) {
      return Refuse(SIMROOT_ERROR_USAGE, "the argument gone is NULL");
    }
    auto made = std::make_unique<simroot_watch>(simroot_watch{server->state, nullptr});
    made->watch = simroot::server::Watch(*server->state->middleware, connection,
                                         [gone, context](Refusal /*refusal*/) { gone(context); });
    *watch = made.release();
    return {};
  });
}

void simroot_server_unwatch(simroot_watch_t* watch) {
  GuardQuietly([&] {
    const std::unique_ptr<simroot_watch> owner(watch);
    if (owner != nullptr) {
      owner->watch.reset();
    }
  });
}

simroot_result_t simroot_server_metrics(simroot_server_t* server, char* out, size_t* size) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(server, "server"));
    SR_TRY_VOID(NotNull(size, "size"));
    if (*size != 0) {
      SR_TRY_VOID(NotNull(out, "out"));
    }
    const std::string text = server->state->middleware->Metrics();
    const std::size_t room = *size;
    *size = text.size();
    if (room < text.size() || out == nullptr) {
      return Refuse(SIMROOT_ERROR_BUFFER, "the buffer has room for " + std::to_string(room) + " bytes and " +
                                              std::to_string(text.size()) + " are needed");
    }
    std::ranges::copy(text, out);
    return {};
  });
}

simroot_result_t simroot_server_status(simroot_server_t* server, simroot_status_t* status) {
  return Guard([&]() -> Outcome<void> {
    SR_TRY_VOID(NotNull(server, "server"));
    SR_TRY_VOID(NotNull(status, "status"));
    const std::size_t size = status->size;
    if (size < sizeof(simroot_status_t)) {
      return Refuse(SIMROOT_ERROR_USAGE, "the size of the status is too small; set it to sizeof");
    }
    const MiddlewareStatus now = server->state->middleware->status();
    std::memset(status, 0, size);  // of a later version: what is not known here is 0
    *status = {.size = size,
               .in_step = now.in_step ? 1 : 0,
               .stale = now.stale ? 1 : 0,
               .last_contact = now.last_contact,
               .feed_number = now.feed_number,
               .credentials = now.size.credentials,
               .devices = now.size.devices};
    return {};
  });
}

}  // extern "C"
