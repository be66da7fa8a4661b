// SPDX-License-Identifier: Apache-2.0
#include "device/client/exchange.hpp"

#include "common/base/secret.hpp"

namespace simroot::device::client {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kGetResponseIns = 0xC0;
constexpr std::uint8_t kProprietaryBit = 0x80;
constexpr std::uint8_t kSw1BytesWaiting = 0x61;
constexpr std::uint8_t kSw1WrongLe = 0x6C;
constexpr std::uint8_t kSw1ProactiveWaiting = 0x91;

[[nodiscard]] ClassForm Other(ClassForm form) {
  return form == ClassForm::kProprietary ? ClassForm::kInterindustry : ClassForm::kProprietary;
}

[[nodiscard]] std::uint8_t ClassByte(ClassForm form, const Channel& channel) {
  return LowByte((form == ClassForm::kProprietary ? kProprietaryBit : 0U) | channel.number);
}

/// The length that 61xx and 6Cxx carry: 00 stands for 256.
[[nodiscard]] std::size_t AnnouncedLength(StatusWord sw) {
  return wire::Sw2(sw) == 0 ? 256 : wire::Sw2(sw);
}

/// Nothing was carried out: another application, or none, sits behind the class byte or the channel.
[[nodiscard]] bool NobodyHome(StatusWord sw) {
  return sw == StatusWord::kUnknownClass || sw == StatusWord::kUnknownInstruction ||
         sw == StatusWord::kChannelNotSupported;
}

}  // namespace

bool IsSuccess(StatusWord sw) {
  return sw == StatusWord::kOk || sw == StatusWord::kOkAfterRemoteSession || wire::Sw1(sw) == kSw1ProactiveWaiting;
}

Result<Reply> Exchange::Send(const Command& command) {
  ++commands_;
  SR_TRY(Reply reply, SendWithClass(dialect_.command_class, command));
  if (reply.sw == StatusWord::kUnknownClass && !reply.was_accepted) {
    const ClassForm other = Other(dialect_.command_class);
    SR_TRY(Reply second, SendWithClass(other, command));
    // A foreign application refuses both forms, each in its way: nothing is learned from it.
    if (!NobodyHome(second.sw)) {
      dialect_.command_class = other;
      reply = std::move(second);
    }
  }
  remote_session_completed_ = remote_session_completed_ || reply.sw == StatusWord::kOkAfterRemoteSession;
  return reply;
}

Result<Reply> Exchange::SendWithClass(ClassForm form, const Command& command) {
  const wire::CommandApdu apdu{.cla = ClassByte(form, channel_),
                               .ins = iotsafe::Code(command.ins),
                               .p1 = command.p1,
                               .p2 = command.p2,
                               .data = command.data,
                               .le = command.le};
  auto response = TransmitCorrected(apdu);
  if (!response) {
    outcome_unknown_ = true;
    return tl::make_unexpected(std::move(response).error());
  }
  Reply reply{{}, response->sw(), false};
  reply.data.reserve(wire::kMaxShortResponse);  // so that a short secret is never left behind by a reallocation
  SR_TRY_VOID(Append(response->data(), reply));
  if (wire::Sw1(reply.sw) != kSw1BytesWaiting) {
    return reply;
  }
  reply.was_accepted = true;
  const auto collected = CollectPending(reply);
  outcome_unknown_ = outcome_unknown_ || !collected || !IsSuccess(reply.sw);
  if (!collected) {
    return tl::make_unexpected(collected.error());
  }
  return reply;
}

Result<CardResponse> Exchange::TransmitCorrected(wire::CommandApdu command) {
  SecretArray<wire::kMaxShortCommand> memory;  // a PIN or a premaster secret may be in it
  for (std::size_t corrections = 0; corrections <= kMaxLengthCorrections; ++corrections) {
    ByteWriter bytes(memory.Prepare(wire::kMaxShortCommand));
    wire::PutCommand(command, bytes);
    if (!bytes.ok()) {
      return Fail(ErrorDomain::kUsage, "a command for " + transport_.Name() + " does not fit a short APDU");
    }
    SR_TRY(const CardResponse response, transport_.Transmit(channel_, bytes.written(), deadline_));
    if (wire::Sw1(response.sw()) != kSw1WrongLe) {
      return response;
    }
    command.le = AnnouncedLength(response.sw());
  }
  return Fail(ErrorDomain::kProtocol,
              "the card on " + transport_.Name() + " refuses every expected length, even the one it asks for (6Cxx)",
              "run `simroot conformance` against this card");
}

Result<void> Exchange::CollectPending(Reply& reply) {
  for (std::size_t rounds = 0; rounds < kMaxGetResponses; ++rounds) {
    SR_TRY(const CardResponse response, GetResponse(AnnouncedLength(reply.sw)));
    SR_TRY_VOID(Append(response.data(), reply));
    reply.sw = response.sw();
    if (wire::Sw1(reply.sw) != kSw1BytesWaiting) {
      return {};
    }
  }
  return Fail(ErrorDomain::kProtocol,
              "the card on " + transport_.Name() + " announces more data without end (61xx after every GET RESPONSE)",
              "run `simroot conformance` against this card");
}

Result<CardResponse> Exchange::GetResponse(std::size_t count) {
  const auto ask = [this, count](ClassForm form) {
    return TransmitCorrected({.cla = ClassByte(form, channel_), .ins = kGetResponseIns, .data = {}, .le = count});
  };
  SR_TRY(CardResponse response, ask(dialect_.get_response_class));
  if (response.sw() != StatusWord::kUnknownClass) {
    return response;
  }
  const ClassForm other = Other(dialect_.get_response_class);
  SR_TRY(response, ask(other));
  if (response.sw() != StatusWord::kUnknownClass) {
    dialect_.get_response_class = other;
  }
  return response;
}

Result<void> Exchange::Append(ByteView data, Reply& reply) const {
  if (reply.data.size() + data.size() > kMaxReplySize) {
    return Fail(ErrorDomain::kProtocol,
                "the card on " + transport_.Name() + " answers more than " + std::to_string(kMaxReplySize) +
                    " bytes to one command",
                "run `simroot conformance` against this card");
  }
  reply.data.insert(reply.data.end(), data.begin(), data.end());
  return {};
}

}  // namespace simroot::device::client
