// SPDX-License-Identifier: Apache-2.0
/// The way of an administrator's commands to a card: complete commands out, complete answers in. What is inside is
/// secured between administrator and card; whoever carries it can neither read nor change it.
#pragma once

#include "device/transport/transport.hpp"

namespace simroot::device {

/// A whole answer: 61XX and 6CXX never remain in `sw`.
struct AdminAnswer {
  Bytes data;
  wire::StatusWord sw = wire::StatusWord::kOtherError;
};

/// Carries commands to one security domain. The administration session below needs nothing else, so that a relay (the
/// device forwards what the platform has secured) takes the place of a card in reach.
class AdminLink {
 public:
  virtual ~AdminLink() = default;

  /// How errors call the card.
  [[nodiscard]] virtual const std::string& Name() const = 0;
  /// Sends one command, 5 to 261 bytes; the channel bits of its class byte are 0 and may be changed on the way. Any
  /// status word is a result. @returns kTransport or kProtocol if there is no answer.
  [[nodiscard]] virtual Result<AdminAnswer> Exchange(ByteView command, Deadline deadline) = 0;
};

/// A link over a transport: a logical channel of its own to the security domain. The port is locked per command, so
/// that other programs go on using the applet meanwhile.
class TransportAdminLink final : public AdminLink {
 public:
  /// Opens a channel and selects the security domain `aid`. @param transport borrowed.
  /// @returns kCard with 6A82 if the card has no such security domain, and what the transport says.
  [[nodiscard]] static Result<std::unique_ptr<TransportAdminLink>> Open(Transport& transport, ByteView aid,
                                                                        Deadline deadline);
  /// Closes the channel, if Close has not; what the card says to that is lost.
  ~TransportAdminLink() override;
  TransportAdminLink(const TransportAdminLink&) = delete;
  TransportAdminLink& operator=(const TransportAdminLink&) = delete;

  [[nodiscard]] const std::string& Name() const override { return transport_.Name(); }
  [[nodiscard]] Result<AdminAnswer> Exchange(ByteView command, Deadline deadline) override;
  /// Closes the channel, which ends every session on it.
  [[nodiscard]] Result<void> Close(Deadline deadline);

 private:
  TransportAdminLink(Transport& transport, const Channel& channel) : transport_(transport), channel_(channel) {}
  [[nodiscard]] Result<CardResponse> Send(Bytes command, Deadline deadline);

  Transport& transport_;
  Channel channel_;
  bool open_ = true;
};

}  // namespace simroot::device
