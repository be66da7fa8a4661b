// SPDX-License-Identifier: Apache-2.0
#include "device/transport/unix_transport.hpp"

#include "device/transport/apdu_commands.hpp"
#include "device/transport/daemon_line.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

using Type = DaemonRequestType;

/// A transaction at the daemon. Keeps the connection open if it outlives the transport.
class TurnLock final : public TransportLock {
 public:
  explicit TurnLock(std::shared_ptr<DaemonLine> line) : line_(std::move(line)) {}
  TurnLock(const TurnLock&) = delete;
  TurnLock& operator=(const TurnLock&) = delete;
  ~TurnLock() override { line_->Unlock(); }

 private:
  std::shared_ptr<DaemonLine> line_;
};

class UnixTransport final : public Transport {
 public:
  UnixTransport(std::string name, std::shared_ptr<DaemonLine> line) : name_(std::move(name)), line_(std::move(line)) {}

  const std::string& Name() const override { return name_; }

  Result<std::unique_ptr<TransportLock>> Lock(Deadline deadline) override {
    SR_TRY_VOID(line_->Ask({.type = Type::kLock, .bytes = {}}, deadline));
    return std::make_unique<TurnLock>(line_);
  }

  Result<Channel> OpenChannel(ByteView aid, Deadline deadline) override {
    SR_TRY_VOID(CheckAid(aid, name_));
    SR_TRY(const ByteView body, line_->Ask({.type = Type::kOpen, .bytes = aid}, deadline));
    if (body.size() != 1 || body.front() == kNoDaemonChannel || body.front() > kMaxDaemonChannel) {
      return NotUnderstood("a channel");
    }
    return Channel{.number = 0, .session = body.front()};
  }

  Result<void> CloseChannel(const Channel& channel, Deadline deadline) override {
    SR_TRY(const std::uint8_t number, DaemonChannelOf(channel));
    SR_TRY_VOID(line_->Ask({.type = Type::kClose, .channel = number, .bytes = {}}, deadline));
    return {};
  }

  Result<CardResponse> Transmit(const Channel& channel, ByteView command, Deadline deadline) override {
    SR_TRY_VOID(CheckCommand(command, name_));
    std::uint8_t number = kNoDaemonChannel;
    if (channel.session >= 0) {
      SR_TRY(number, DaemonChannelOf(channel));
    }
    const Stopwatch watch;
    ++counters_.exchanges;
    counters_.bytes_sent += command.size();
    SR_TRY(const ByteView body, line_->Ask({.type = Type::kTransmit, .channel = number, .bytes = command}, deadline));
    counters_.bytes_received += body.size();
    if (observer_ != nullptr) {
      observer_->OnExchange(command, body, watch.Elapsed());
    }
    return CardResponse::From(body, name_);
  }

  Result<std::string> ReadIccid(Deadline deadline) override {
    SR_TRY(const ByteView body, line_->Ask({.type = Type::kIccid, .bytes = {}}, deadline));
    return std::string(AsText(body));
  }

  ExchangeCounters Counters() const override { return counters_; }
  void SetObserver(TransportObserver* observer) override { observer_ = observer; }

 private:
  [[nodiscard]] Result<std::uint8_t> DaemonChannelOf(const Channel& channel) const {
    if (channel.session <= kNoDaemonChannel || channel.session > kMaxDaemonChannel) {
      return Fail(ErrorDomain::kUsage,
                  "channel " + std::to_string(channel.session) + " is none that " + name_ + " gave");
    }
    return static_cast<std::uint8_t>(channel.session);
  }
  [[nodiscard]] tl::unexpected<Error> NotUnderstood(const std::string& what) const {
    return Fail(ErrorDomain::kProtocol, "what " + name_ + " sends is not " + what,
                "install the same version of simroot for the daemon and its clients, and restart the daemon");
  }

  std::string name_;
  std::shared_ptr<DaemonLine> line_;
  ExchangeCounters counters_;
  TransportObserver* observer_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Transport>> OpenUnixTransport(const CardUri& uri, Deadline deadline) {
  SR_TRY(auto line, DaemonLine::Open(uri.path, uri.text, deadline));
  return std::make_unique<UnixTransport>(uri.text, std::move(line));
}

}  // namespace simroot::device
