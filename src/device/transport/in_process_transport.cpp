// SPDX-License-Identifier: Apache-2.0
#include "device/transport/in_process_transport.hpp"

#include "device/transport/apdu_commands.hpp"
#include "device/transport/process_guard.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

/// The card's file is the lock.
class NothingToRelease final : public TransportLock {};

class InProcessTransport final : public Transport {
 public:
  InProcessTransport(std::string name, std::unique_ptr<InProcessCard> card)
      : name_(std::move(name)), card_(std::move(card)) {}

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

  /// The card computes in this call, so a deadline can only be held before it.
  Result<CardResponse> Send(ByteView command, Deadline deadline) {
    SR_TRY_VOID(process_.Check(name_));
    SR_TRY_VOID(CheckCommand(command, name_));
    if (deadline.Passed()) {
      return Fail(ErrorDomain::kTransport, "the time limit passed before the next command for the card in " + name_,
                  "allow more time");
    }
    const Stopwatch watch;
    const std::size_t size = card_->Endpoint().Transmit(command, response_);
    if (size > response_.size()) {
      return Fail(ErrorDomain::kProtocol, "the card in " + name_ + " announced " + std::to_string(size) +
                                              " bytes, more than it was given room for");
    }
    const ByteView response = ByteView(response_).first(size);
    ++counters_.exchanges;
    counters_.bytes_sent += command.size();
    counters_.bytes_received += size;
    if (observer_ != nullptr) {
      observer_->OnExchange(command, response, watch.Elapsed());
    }
    return CardResponse::From(response, name_);
  }

  std::string name_;
  std::unique_ptr<InProcessCard> card_;
  ProcessGuard process_;
  ExchangeCounters counters_;
  TransportObserver* observer_ = nullptr;
  std::array<std::uint8_t, wire::kMaxResponse> response_{};
};

/// "... is in use by pid N", or "by another process" if the lock was given back while its owner was looked for.
bool IsInUse(const Error& error) {
  return error.domain == ErrorDomain::kStore && error.message.find(" is in use by ") != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<Transport>> OpenInProcessTransport(const CardUri& uri, Deadline deadline) {
  RetryTimer timer(deadline);
  auto card = OpenInProcessCard(uri.path);
  while (!card && IsInUse(card.error()) && timer.Wait()) {
    card = OpenInProcessCard(uri.path);
  }
  if (!card) {
    return Unexpected(std::move(card).error());
  }
  return std::make_unique<InProcessTransport>(uri.text, *std::move(card));
}

}  // namespace simroot::device
