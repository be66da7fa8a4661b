// SPDX-License-Identifier: Apache-2.0
#include "device/client/noted_transport.hpp"

#include <unistd.h>

#include "device/client/card.hpp"
#include "device/client/channel_recovery.hpp"

namespace simroot::device::client {
namespace {

class NotedTransport final : public Transport {
 public:
  NotedTransport(std::unique_ptr<Transport> transport, ChannelLedger ledger)
      : transport_(std::move(transport)), ledger_(std::move(ledger)) {}

  const std::string& Name() const override { return transport_->Name(); }
  Result<std::unique_ptr<TransportLock>> Lock(Deadline deadline) override { return transport_->Lock(deadline); }
  Result<Channel> OpenChannel(ByteView aid, Deadline deadline) override {
    ledger_.Announce();
    auto opened = OpenAnyhow(
        *transport_, ledger_, [&] { return transport_->OpenChannel(aid, deadline); },
        [](const Channel& /*ours*/) { return false; }, deadline);
    if (opened) {
      ledger_.Add(*opened);
    } else {
      ledger_.NoteFailure(opened.error());
    }
    return opened;
  }
  Result<void> CloseChannel(const Channel& channel, Deadline deadline) override {
    auto closed = transport_->CloseChannel(channel, deadline);
    if (closed || closed.error().domain != ErrorDomain::kTransport) {
      ledger_.Remove(channel, ::getpid());
    }
    return closed;
  }
  bool UsesSessions() const override { return transport_->UsesSessions(); }
  Result<CardResponse> Transmit(const Channel& channel, ByteView command, Deadline deadline) override {
    return transport_->Transmit(channel, command, deadline);
  }
  Result<std::string> ReadIccid(Deadline deadline) override { return transport_->ReadIccid(deadline); }
  ExchangeCounters Counters() const override { return transport_->Counters(); }
  void SetObserver(TransportObserver* observer) override { transport_->SetObserver(observer); }

 private:
  std::unique_ptr<Transport> transport_;
  ChannelLedger ledger_;
};

}  // namespace

std::unique_ptr<Transport> NoteChannels(std::unique_ptr<Transport> transport, const std::string& directory,
                                        const CardUri& uri) {
  return std::make_unique<NotedTransport>(std::move(transport), ChannelLedger(directory, uri));
}

Result<std::unique_ptr<Transport>> OpenNotedTransport(const CardUri& uri, Deadline deadline) {
  SR_TRY(auto transport, OpenTransport(uri, deadline));
  if (!OutlivesItsUsers(uri)) {
    return transport;
  }
  return NoteChannels(std::move(transport), DefaultRuntimeDirectory(DefaultCacheDirectory()), uri);
}

}  // namespace simroot::device::client
