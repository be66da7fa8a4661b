// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/metrics.hpp"

namespace simroot::server {
namespace {

std::string Escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') {
      text += '\\';
    }
    text += c;
  }
  return text;
}

class Text {
 public:
  void Head(const std::string& name, const std::string& type, const std::string& help) {
    out_ += "# HELP simroot_server_" + name + " " + help + "\n# TYPE simroot_server_" + name + " " + type + "\n";
  }
  /// @param labels with braces, or empty
  template <typename Number>
  void Value(const std::string& name, const std::string& labels, Number value) {
    out_ += "simroot_server_" + name + labels + " " + std::to_string(value) + "\n";
  }
  template <typename Number>
  void One(const std::string& name, const std::string& type, const std::string& help, Number value) {
    Head(name, type, help);
    Value(name, "", value);
  }
  [[nodiscard]] std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

}  // namespace

std::string ToPrometheus(const MetricValues& values) {
  Text text;
  const MiddlewareStatus& status = values.status;
  text.Head("info", "gauge", "Who this application server is to the platform.");
  text.Value("info",
             "{tenant=\"" + Escaped(status.tenant) + "\",name=\"" + Escaped(status.name) + "\",platform=\"" +
                 Escaped(status.platform_url) + "\"}",
             1);
  text.Head("handshakes_total", "counter", "Peers by result: none is accepted, everything else why it was refused.");
  for (const RefusalName& refusal : kRefusals) {
    text.Value("handshakes_total", "{result=\"" + std::string(refusal.name) + "\"}",
               values.handshakes.at(static_cast<std::size_t>(refusal.refusal)));
  }
  text.One("credentials", "gauge", "Credentials that are known.", status.size.credentials);
  text.One("devices", "gauge", "Devices that are known.", status.size.devices);
  text.One("memory_bytes", "gauge", "Memory of the directory of credentials.", status.size.bytes);
  text.One("live_connections", "gauge", "Connections that end when their device is refused.", values.live);
  text.One("in_step", "gauge", "1 if the directory is as the platform has it.", status.in_step ? 1 : 0);
  text.One("stale", "gauge", "1 if the platform was not heard for longer than the setting allows.",
           status.stale ? 1 : 0);
  text.One("contact_age_seconds", "gauge", "Time since the platform was heard; -1: never.", values.age_s);
  text.One("last_contact_timestamp_seconds", "gauge", "When the platform was heard; 0: never.", status.last_contact);
  text.One("feed_number", "gauge", "Number of the last change that is in the directory; -1: none.", status.feed_number);
  text.One("changes_total", "counter", "Credentials that the platform has told.", values.changes);
  text.One("sync_errors_total", "counter", "Requests to the platform that failed.", values.sync_errors);
  text.One("uses_reported_total", "counter", "Proofs of use that the platform has taken.", values.uses_reported);
  text.One("uses_queued", "gauge", "Proofs of use that wait to be reported.", values.uses_queued);
  return text.Take();
}

}  // namespace simroot::server
