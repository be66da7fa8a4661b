// SPDX-License-Identifier: Apache-2.0
/// Metrics in a file for node_exporter's textfile collector.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace simroot::server {

/// Writes `text()` into a file every ten seconds and at the end, on a thread of its own: a slow disk must not hold the
/// broker.
class MetricsFile {
 public:
  /// @param complain called once for the first failure, and again for the first one after a success
  MetricsFile(std::string path, std::function<std::string()> text, std::function<void(const std::string&)> complain);
  ~MetricsFile();
  MetricsFile(const MetricsFile&) = delete;
  MetricsFile& operator=(const MetricsFile&) = delete;

 private:
  void Run();
  void Write();

  const std::string path_;
  const std::function<std::string()> text_;
  const std::function<void(const std::string&)> complain_;
  bool failing_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace simroot::server
