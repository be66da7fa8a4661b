// SPDX-License-Identifier: Apache-2.0
#include "device/transport/in_process_transport.hpp"

#include "device/transport/apdu_transport.hpp"
#include "device/transport/process_guard.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

/// The card's file is the lock.
class InProcessTransport final : public ApduTransport {
 public:
  InProcessTransport(std::string name, std::unique_ptr<InProcessCard> card)
      : ApduTransport(std::move(name)), card_(std::move(card)) {}

  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
    SR_TRY_VOID(process_.Check(Name()));
    return std::make_unique<NothingToRelease>();
  }

 private:
  /// The card computes in this call, so a deadline can only be held before it.
  Result<CardResponse> Send(ByteView command, Deadline deadline) override {
    SR_TRY_VOID(process_.Check(Name()));
    SR_TRY_VOID(CheckCommand(command, Name()));
    if (deadline.Passed()) {
      return Fail(ErrorDomain::kTransport, "the time limit passed before the next command for the card in " + Name(),
                  "allow more time");
    }
    const Stopwatch watch;
    CountSent(command);
    const std::size_t size = card_->Endpoint().Transmit(command, response_);
    if (size > response_.size()) {
      return Fail(ErrorDomain::kProtocol, "the card in " + Name() + " announced " + std::to_string(size) +
                                              " bytes, more than it was given room for");
    }
    return Received(command, ByteView(response_).first(size), watch);
  }

  std::unique_ptr<InProcessCard> card_;
  ProcessGuard process_;
  std::array<std::uint8_t, wire::kMaxResponse> response_{};
};

/// "... is in use by pid N", or "by another process" if the lock was given back while its owner was looked for.
bool IsInUse(const Error& error) {
  return error.domain == ErrorDomain::kStore && error.message.find(" is in use by ") != std::string::npos;
}

}  // namespace

Result<std::unique_ptr<Transport>> OpenInProcessTransport(const CardUri& uri, Deadline deadline) {
  RetryTimer timer(deadline, RetryTimer::kSeldomMs);
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
