// SPDX-License-Identifier: Apache-2.0
#include "card/pcsc/vpcd_link.hpp"

#include <poll.h>

#include <cerrno>
#include <cstring>

#include "common/base/check.hpp"

namespace simroot::card {
namespace {

/// Control codes of vpcd (vsmartcard, src/vpcd).
constexpr std::uint8_t kPowerOff = 0x00;
constexpr std::uint8_t kPowerOn = 0x01;
constexpr std::uint8_t kReset = 0x02;
constexpr std::uint8_t kGetAtr = 0x04;

constexpr std::size_t kLengthSize = 2;
constexpr std::size_t kReadSize = 4096;
constexpr std::chrono::hours kWakeUp{1};

/// True if `fd` became ready before the deadline.
bool WaitReadable(int fd, Deadline deadline) {
  pollfd watched{fd, POLLIN, 0};
  return ::poll(&watched, 1, deadline.PollTimeoutMs()) > 0;
}

}  // namespace

Result<std::unique_ptr<VpcdLink>> VpcdLink::Open(wire::CardEndpoint& card, VpcdOptions options) {
  SR_TRY(VpcdSocket socket, VpcdSocket::Connect(options.host, options.port, options.allow_remote,
                                                Deadline::After(options.connect_timeout)));
  return std::unique_ptr<VpcdLink>(new VpcdLink(card, std::move(options), std::move(socket)));
}

VpcdLink::VpcdLink(wire::CardEndpoint& card, VpcdOptions options, VpcdSocket socket)
    : card_(card), options_(std::move(options)), socket_(std::move(socket)) {
  counters_.connections = 1;
  shared_counters_ = counters_;
}

Result<void> VpcdLink::Run(int stop_fd) {
  while (true) {
    auto event = Step(Deadline::After(kWakeUp), stop_fd);
    if (!event) {
      TakeOut();
      event = Reconnect(stop_fd);
    }
    SR_TRY(const Event happened, std::move(event));
    if (happened == Event::kStop) {
      return {};
    }
  }
}

Result<bool> VpcdLink::RunOnce(Deadline deadline) {
  constexpr int kNoStop = -1;  // poll() passes over negative descriptors
  SR_TRY(const Event event, Step(deadline, kNoStop));
  return event == Event::kServed;
}

Result<VpcdLink::Event> VpcdLink::Step(Deadline deadline, int stop_fd) {
  const bool in_message = !received_.empty();
  if (in_message && message_end_.Passed()) {
    return Fail(ErrorDomain::kTransport, "vpcd has sent a part of a message and then nothing more", "restart pcscd");
  }
  std::array watched{pollfd{socket_.fd(), POLLIN, 0}, pollfd{stop_fd, POLLIN, 0}};
  const Deadline wake_up = in_message ? deadline.Earlier(message_end_) : deadline;
  const int ready = ::poll(watched.data(), watched.size(), wake_up.PollTimeoutMs());
  if (ready < 0 && errno != EINTR) {
    return Fail(ErrorDomain::kTransport, std::string("cannot wait for vpcd: ") + std::strerror(errno), "restart pcscd");
  }
  if (ready <= 0) {
    return Event::kDeadline;
  }
  if (watched.back().revents != 0) {
    return Event::kStop;
  }
  const std::size_t before = received_.size();
  received_.resize(before + kReadSize);
  const auto count = socket_.Receive(ByteSpan(received_).subspan(before));
  received_.resize(before + (count ? *count : 0));
  SR_TRY(const std::size_t bytes, count);
  counters_.bytes_in += bytes;
  if (!in_message) {
    message_end_ = Deadline::After(options_.message_timeout);
  }
  SR_TRY_VOID(ServeMessages());
  PublishCounters();
  return Event::kServed;
}

Result<VpcdLink::Event> VpcdLink::Reconnect(int stop_fd) {
  const Deadline give_up = Deadline::After(options_.reconnect_for);
  while (true) {
    // Waits first: a daemon that accepts and hangs up at once must not make this a busy loop.
    if (WaitReadable(stop_fd, Deadline::After(options_.reconnect_interval))) {
      return Event::kStop;
    }
    auto socket = VpcdSocket::Connect(options_.host, options_.port, options_.allow_remote,
                                      Deadline::After(options_.connect_timeout));
    if (socket) {
      socket_ = std::move(*socket);
      ++counters_.connections;
      PublishCounters();
      return Event::kServed;
    }
    if (give_up.Passed()) {
      return Unexpected(std::move(socket).error());
    }
  }
}

void VpcdLink::TakeOut() {
  received_.clear();
  card_.Reset();
}

Result<void> VpcdLink::ServeMessages() {
  ByteReader reader(received_);
  for (ByteReader next = reader;; reader = next) {
    std::uint16_t length = 0;
    ByteView message;
    if (!next.ReadU16(length) || !next.ReadBytes(length, message)) {
      break;
    }
    SR_TRY_VOID(ServeMessage(message));
    message_end_ = Deadline::After(options_.message_timeout);
  }
  const ByteView rest = reader.rest();
  received_.erase(received_.begin(), received_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return {};
}

Result<void> VpcdLink::ServeMessage(ByteView message) {
  ByteReader reader(message);
  std::uint8_t code = 0;
  if (!reader.ReadU8(code)) {
    return {};
  }
  return reader.empty() ? ServeControl(code) : ServeApdu(message);
}

Result<void> VpcdLink::ServeControl(std::uint8_t code) {
  switch (code) {
    case kPowerOff:
      ++counters_.power_offs;
      card_.Reset();
      return {};
    case kPowerOn:
      ++counters_.power_ons;
      card_.Reset();
      return {};
    case kReset:
      ++counters_.resets;
      card_.Reset();
      return {};
    case kGetAtr:
      ++counters_.atr_requests;
      return SendMessage(card_.Atr());
    default:
      return {};
  }
}

Result<void> VpcdLink::ServeApdu(ByteView command) {
  if (command.size() > wire::kMaxCommand) {  // no card of this project takes it
    constexpr std::array kTooLong{wire::Sw1(wire::StatusWord::kWrongLength), wire::Sw2(wire::StatusWord::kWrongLength)};
    return SendMessage(kTooLong);
  }
  const std::size_t size = card_.Transmit(command, response_);
  SR_CHECK(size >= 2 && size <= response_.size());
  const ByteView response = ByteView(response_).first(size);
  ++counters_.apdus;
  if (options_.observer != nullptr) {
    options_.observer->OnExchange(command, response);
  }
  return SendMessage(response);
}

Result<void> VpcdLink::SendMessage(ByteView message) {
  // Length and body in one write: in two, the second would wait for the acknowledgement of the first.
  std::array<std::uint8_t, kLengthSize + wire::kMaxResponse> memory{};
  ByteWriter writer(memory);
  writer.PutU16(static_cast<std::uint16_t>(message.size()));
  writer.PutBytes(message);
  SR_CHECK(writer.ok());
  counters_.bytes_out += writer.size();
  PublishCounters();  // before the answer leaves, so that who has the answer sees it counted
  return socket_.Send(writer.written(), Deadline::After(options_.message_timeout));
}

void VpcdLink::PublishCounters() {
  const std::lock_guard lock(counters_mutex_);
  shared_counters_ = counters_;
}

VpcdCounters VpcdLink::Counters() const {
  const std::lock_guard lock(counters_mutex_);
  return shared_counters_;
}

}  // namespace simroot::card
