// SPDX-License-Identifier: Apache-2.0
// What machines ask: does it live, is it ready, how is it doing, what can it do.
#include "platform/api/handlers.hpp"

namespace simroot::platform::handlers {
namespace {

constexpr unsigned kJobsCounted = 1000;

void PrintEngine(std::string& out, const OtaEngine::Counters& engine) {
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    PrintMetric(out, name, "counter", help, static_cast<double>(value));
  };
  counter("simroot_ota_sessions_total", "Relay sessions begun.", engine.sessions);
  counter("simroot_ota_authenticated_total", "Sessions in which the card proved itself.", engine.authenticated);
  counter("simroot_ota_refused_total", "Unknown cards and wrong cryptograms.", engine.refused);
  counter("simroot_ota_tampered_total", "Answers that were altered, replayed or reordered.", engine.tampered);
  counter("simroot_jobs_done_total", "Jobs that the card has confirmed.", engine.jobs_done);
  counter("simroot_jobs_failed_total", "Jobs given up.", engine.jobs_failed);
  counter("simroot_certificates_total", "Certificates issued.", engine.certificates);
  PrintMetric(out, "simroot_ota_open_sessions", "gauge", "Relay sessions open now.", engine.open_sessions);
}

void PrintServer(std::string& out, const net::HttpServer::Counters& server) {
  const auto counter = [&](std::string_view name, std::string_view help, std::uint64_t value) {
    PrintMetric(out, name, "counter", help, static_cast<double>(value));
  };
  counter("simroot_connections_total", "Connections accepted.", server.connections);
  counter("simroot_handshake_failures_total", "TLS handshakes that failed.", server.handshake_failures);
  counter("simroot_requests_total", "Requests handed to the API.", server.requests);
  counter("simroot_refused_total", "Requests and connections that the server itself refused.", server.refused);
  PrintMetric(out, "simroot_connections_open", "gauge", "Connections open now.", server.open);
  PrintMetric(out, "simroot_streams_open", "gauge", "Long polls and event streams open now.", server.streams);
}

Outcome<std::size_t> CountJobs(Context& context, JobState state) {
  return ReadStore(context, [&](StoreReader& reader) -> Outcome<std::size_t> {
    SR_TRY(const auto jobs, reader.ListJobs({.tenant = 0, .card = 0, .state = state}, {0, kJobsCounted}));
    return jobs.size();
  });
}

}  // namespace

Answer GetHealth(Context& context) {
  return context.Json(json::object{{"status", "ok"}});
}

Answer GetReadiness(Context& context) {
  SR_TRY_VOID(ReadStore(context, [](StoreReader& reader) { return reader.LastFeedNumber(); }));
  return context.Json(json::object{{"status", "ok"}});
}

Answer GetMetrics(Context& context) {
  std::string out = context.metrics.Print();
  PrintEngine(out, context.parts.engine.Count());
  PrintMetric(out, "simroot_feed_unsealed_total", "counter",
              "Pre-shared keys that could not be sealed for an application server.",
              static_cast<double>(context.parts.service.UnsealedPsks()));
  if (context.parts.counters) {
    PrintServer(out, context.parts.counters());
  }
  SR_TRY(const std::size_t queued, CountJobs(context, JobState::kQueued));
  SR_TRY(const std::size_t running, CountJobs(context, JobState::kRunning));
  PrintMetric(out, "simroot_jobs_queued", "gauge", "Jobs that wait; counted up to 1000.", static_cast<double>(queued));
  PrintMetric(out, "simroot_jobs_running", "gauge", "Jobs in a session; counted up to 1000.",
              static_cast<double>(running));
  return context.Raw(std::move(out));
}

Answer GetOpenApi(Context& context) {
  static const std::string document = MakeOpenApi();
  return context.Raw(document);
}

}  // namespace simroot::platform::handlers
