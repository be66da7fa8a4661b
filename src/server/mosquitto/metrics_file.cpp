// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/metrics_file.hpp"

#include "common/host/file_io.hpp"

namespace simroot::server {
namespace {

constexpr std::chrono::seconds kEvery{10};
constexpr unsigned kMode = 0644;  // the exporter is another user

}  // namespace

MetricsFile::MetricsFile(std::string path, std::function<std::string()> text,
                         std::function<void(const std::string&)> complain)
    : path_(std::move(path)), text_(std::move(text)), complain_(std::move(complain)), thread_([this] { Run(); }) {}

MetricsFile::~MetricsFile() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void MetricsFile::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    lock.unlock();
    Write();
    lock.lock();
    if (wake_.wait_for(lock, kEvery, [this] { return stop_; })) {
      lock.unlock();
      Write();
      return;
    }
  }
}

void MetricsFile::Write() {
  const auto written = WriteFileAtomically(path_, AsBytes(text_()), kMode);
  if (!written && !failing_) {
    complain_(written.error().Text());
  }
  failing_ = !written;
}

}  // namespace simroot::server
