// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "device/transport/apdu_commands.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {

/// A transport that carries bare APDUs: everything but the lock and the exchange itself.
class ApduTransport : public Transport {
 public:
  [[nodiscard]] const std::string& Name() const final { return name_; }
  [[nodiscard]] Result<Channel> OpenChannel(ByteView aid, Deadline deadline) final {
    return OpenApduChannel(Sender(deadline), aid, name_);
  }
  [[nodiscard]] Result<void> CloseChannel(const Channel& channel, Deadline deadline) final {
    return CloseApduChannel(Sender(deadline), channel, name_);
  }
  [[nodiscard]] Result<CardResponse> Transmit(const Channel& /*channel*/, ByteView command, Deadline deadline) final {
    return Send(command, deadline);
  }
  [[nodiscard]] Result<std::string> ReadIccid(Deadline deadline) final {
    return ReadIccidFile(Sender(deadline), name_);
  }
  [[nodiscard]] ExchangeCounters Counters() const final { return counters_; }
  void SetObserver(TransportObserver* observer) final { observer_ = observer; }

 protected:
  /// @param name names the port in errors.
  explicit ApduTransport(std::string name) : name_(std::move(name)) {}

  /// Sends one command and counts and shows it.
  [[nodiscard]] virtual Result<CardResponse> Send(ByteView command, Deadline deadline) = 0;

  /// A command has gone out.
  void CountSent(ByteView command) {
    ++counters_.exchanges;
    counters_.bytes_sent += command.size();
  }
  /// Its answer has come.
  [[nodiscard]] Result<CardResponse> Received(ByteView command, ByteView response, const Stopwatch& watch) {
    counters_.bytes_received += response.size();
    if (observer_ != nullptr) {
      observer_->OnExchange(command, response, watch.Elapsed());
    }
    return CardResponse::From(response, name_);
  }

 private:
  [[nodiscard]] SendApdu Sender(Deadline deadline) {
    return [this, deadline](ByteView command) { return Send(command, deadline); };
  }

  std::string name_;
  ExchangeCounters counters_;
  TransportObserver* observer_ = nullptr;
};

/// The lock of a transport whose open connection keeps everybody else away already.
class NothingToRelease final : public TransportLock {};

}  // namespace simroot::device
