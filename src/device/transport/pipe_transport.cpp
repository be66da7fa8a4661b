// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pipe_transport.hpp"

#include "device/transport/apdu_commands.hpp"
#include "device/transport/pipe_line.hpp"
#include "device/transport/process_guard.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

/// The connection is the lock.
class NothingToRelease final : public TransportLock {};

class PipeTransport final : public Transport {
 public:
  PipeTransport(std::string name, std::unique_ptr<PipeLine> line) : name_(std::move(name)), line_(std::move(line)) {}

  const std::string& Name() const override { return name_; }

  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
    SR_TRY_VOID(process_.Check(name_));
    return std::make_unique<NothingToRelease>();
  }

  Result<Channel> OpenChannel(ByteView aid, Deadline deadline) override {
    return OpenApduChannel(Sender(deadline), aid, name_);
  }

  Result<void> CloseChannel(const Channel& channel, Deadline deadline) override {
    return CloseApduChannel(Sender(deadline), channel, name_);
  }

  Result<CardResponse> Transmit(const Channel& /*channel*/, ByteView command, Deadline deadline) override {
    return Send(command, deadline);
  }

  Result<std::string> ReadIccid(Deadline deadline) override { return ReadIccidFile(Sender(deadline), name_); }

  ExchangeCounters Counters() const override { return counters_; }
  void SetObserver(TransportObserver* observer) override { observer_ = observer; }

 private:
  SendApdu Sender(Deadline deadline) {
    return [this, deadline](ByteView command) { return Send(command, deadline); };
  }

  Result<CardResponse> Send(ByteView command, Deadline deadline) {
    SR_TRY_VOID(process_.Check(name_));
    SR_TRY_VOID(CheckCommand(command, name_));
    const Stopwatch watch;
    SR_TRY(const ByteView response, line_->Exchange(command, deadline));
    ++counters_.exchanges;
    counters_.bytes_sent += command.size();
    counters_.bytes_received += response.size();
    if (observer_ != nullptr) {
      observer_->OnExchange(command, response, watch.Elapsed());
    }
    return CardResponse::From(response, name_);
  }

  std::string name_;
  std::unique_ptr<PipeLine> line_;
  ProcessGuard process_;
  ExchangeCounters counters_;
  TransportObserver* observer_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Transport>> OpenPipeTransport(const CardUri& uri, Deadline deadline) {
  SR_TRY(auto line, PipeLine::Open(uri.path, uri.text, deadline));
  return std::make_unique<PipeTransport>(uri.text, std::move(line));
}

}  // namespace simroot::device
