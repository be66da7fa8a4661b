// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <thread>

#include "demo/story/broker.hpp"
#include "demo/story/story_device.hpp"

namespace simroot::app {

/// Publishes number after number in the background until told to stop: each with a mosquitto_pub of its own, so with a
/// handshake of its own, at QoS 1. What was not acknowledged is sent again, after the credential was read anew from the
/// SIM. That, and a look at the SIM after each switch-on, is all a device has to do about a rotation.
class Publisher {
 public:
  /// What came of it.
  struct Sent {
    std::uint64_t numbers = 0;   ///< 1 to this were acknowledged
    std::uint64_t repeated = 0;  ///< sendings that were not acknowledged
  };

  Publisher(const Stage& stage, StoryDevice& device, const Broker& broker)
      : stage_(stage), device_(device), broker_(broker) {}
  ~Publisher() { static_cast<void>(Finish()); }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  void Start();
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }
  /// Waits until so many more are acknowledged than now. @returns the publisher's error if it has stopped.
  [[nodiscard]] Result<void> WaitForMore(std::uint64_t count);
  /// To be called after a switch-on: the next number goes with what the SIM has then.
  void TakeNewCredential() { read_anew_ = true; }
  /// Ends after the number that is on its way.
  [[nodiscard]] Result<Sent> Finish();

 private:
  [[nodiscard]] Result<void> Run();

  const Stage& stage_;
  StoryDevice& device_;
  const Broker& broker_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> ended_{false};
  std::atomic<bool> read_anew_{false};
  std::atomic<std::uint64_t> acknowledged_{0};
  std::uint64_t repeated_ = 0;
  Result<void> result_;
  std::thread thread_;
};

}  // namespace simroot::app
