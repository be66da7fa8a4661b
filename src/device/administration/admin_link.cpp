// SPDX-License-Identifier: Apache-2.0
#include "device/administration/admin_link.hpp"

namespace simroot::device {
namespace {

constexpr std::uint8_t kGetResponseIns = 0xC0;
constexpr std::uint8_t kSw1BytesWaiting = 0x61;
constexpr std::uint8_t kSw1WrongLe = 0x6C;
constexpr std::size_t kMaxGetResponses = 32;
constexpr std::size_t kMaxAnswer = wire::kMaxExtendedData;

}  // namespace

Result<std::unique_ptr<TransportAdminLink>> TransportAdminLink::Open(Transport& transport, ByteView aid,
                                                                     Deadline deadline) {
  SR_TRY(const auto lock, transport.Lock(deadline));
  SR_TRY(const Channel channel, transport.OpenChannel(aid, deadline));
  return std::unique_ptr<TransportAdminLink>(new TransportAdminLink(transport, channel));
}

TransportAdminLink::~TransportAdminLink() {
  constexpr std::chrono::seconds kFarewell{2};
  static_cast<void>(Close(Deadline::After(kFarewell)));
}

Result<void> TransportAdminLink::Close(Deadline deadline) {
  if (!open_) {
    return {};
  }
  open_ = false;
  SR_TRY(const auto lock, transport_.Lock(deadline));
  return transport_.CloseChannel(channel_, deadline);
}

Result<CardResponse> TransportAdminLink::Send(Bytes command, Deadline deadline) {
  command.front() = LowByte(command.front() | channel_.number);
  return transport_.Transmit(channel_, command, deadline);
}

Result<AdminAnswer> TransportAdminLink::Exchange(ByteView command, Deadline deadline) {
  if (command.size() < 4 || !open_) {
    return Fail(ErrorDomain::kUsage, "a command for " + Name() + " is too short, or its channel is closed");
  }
  SR_TRY(const auto lock, transport_.Lock(deadline));
  SR_TRY(CardResponse response, Send({command.begin(), command.end()}, deadline));
  AdminAnswer answer;
  for (std::size_t rounds = 0; rounds <= kMaxGetResponses; ++rounds) {
    answer.data.insert(answer.data.end(), response.data().begin(), response.data().end());
    answer.sw = response.sw();
    const std::uint8_t sw1 = wire::Sw1(answer.sw);
    if (sw1 != kSw1BytesWaiting && sw1 != kSw1WrongLe) {
      return answer;
    }
    if (answer.data.size() > kMaxAnswer || (sw1 == kSw1WrongLe && rounds == 0)) {
      break;  // a secured command cannot be repeated with another Le
    }
    SR_TRY(response, Send({0x00, kGetResponseIns, 0x00, 0x00, wire::Sw2(answer.sw)}, deadline));
  }
  return Fail(ErrorDomain::kProtocol,
              "the card on " + Name() + " does not end its answer (61XX or 6CXX after every command)",
              "run `simroot conformance` against this card");
}

}  // namespace simroot::device
