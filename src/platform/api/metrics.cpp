// SPDX-License-Identifier: Apache-2.0
#include "platform/api/metrics.hpp"

#include <cstdio>

namespace simroot::platform {
namespace {

std::string NumberText(double value) {
  std::array<char, 40> text{};
  (void)std::snprintf(text.data(), text.size(), "%.17g", value);
  return text.data();
}

/// Of a border of the histogram, as it is written in the source.
std::string BorderText(double value) {
  std::array<char, 40> text{};
  (void)std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

void PrintHead(std::string& out, std::string_view name, std::string_view type, std::string_view help) {
  out.append("# HELP ").append(name).append(" ").append(help).append("\n");
  out.append("# TYPE ").append(name).append(" ").append(type).append("\n");
}

}  // namespace

void PrintMetric(std::string& out, std::string_view name, std::string_view type, std::string_view help, double value) {
  PrintHead(out, name, type, help);
  out.append(name).append(" ").append(NumberText(value)).append("\n");
}

void Metrics::Count(std::string_view method, std::string_view route, int status, double seconds) {
  const Name name{route, method};
  const std::lock_guard lock(mutex_);
  ++requests_[{name, status}];
  Latency& latency = latencies_[name];
  auto within = latency.within.begin();
  for (const double border : kBorders) {
    if (seconds <= border) {
      ++*within;
      break;
    }
    ++within;
  }
  ++latency.count;
  latency.sum += seconds;
}

std::string Metrics::Print() const {
  std::string out;
  const std::lock_guard lock(mutex_);
  PrintHead(out, "simroot_http_requests_total", "counter", "Requests by route and status.");
  const auto labels = [](const Name& name) {
    return "route=\"" + std::string(name.first) + "\",method=\"" + std::string(name.second) + "\"";
  };
  for (const auto& [key, count] : requests_) {
    out += "simroot_http_requests_total{" + labels(key.first) + ",status=\"" + std::to_string(key.second) + "\"} " +
           std::to_string(count) + "\n";
  }
  PrintHead(out, "simroot_http_request_seconds", "histogram", "Time a handler took, without the network.");
  for (const auto& [name, latency] : latencies_) {
    std::uint64_t below = 0;
    auto within = latency.within.begin();
    for (const double border : kBorders) {
      below += *within++;
      out += "simroot_http_request_seconds_bucket{" + labels(name) + ",le=\"" + BorderText(border) + "\"} " +
             std::to_string(below) + "\n";
    }
    out += "simroot_http_request_seconds_bucket{" + labels(name) + ",le=\"+Inf\"} " + std::to_string(latency.count) +
           "\nsimroot_http_request_seconds_sum{" + labels(name) + "} " + NumberText(latency.sum) +
           "\nsimroot_http_request_seconds_count{" + labels(name) + "} " + std::to_string(latency.count) + "\n";
  }
  return out;
}

}  // namespace simroot::platform
