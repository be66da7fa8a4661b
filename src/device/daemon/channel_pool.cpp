// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/channel_pool.hpp"

#include <unistd.h>

#include <tuple>

#include "common/base/check.hpp"
#include "device/client/channel_recovery.hpp"
#include "device/transport/apdu_commands.hpp"

namespace simroot::device::daemon {
namespace {

constexpr std::uint8_t kSelect = 0xA4;
constexpr std::uint8_t kSelectByAid = 0x04;
constexpr std::size_t kMaxAid = 16;

[[nodiscard]] bool IsTransport(const Error& error) {
  return error.domain == ErrorDomain::kTransport;
}

}  // namespace

void ChannelPool::Start(client::ChannelLedger ledger) {
  channels_.clear();
  foreign_.clear();
  ledger_.emplace(std::move(ledger));
}

PooledChannel* ChannelPool::Find(const Claim& claim) {
  const auto found = std::ranges::find_if(channels_, [&claim](const PooledChannel& channel) {
    return channel.owner == claim.client && channel.handle == claim.handle;
  });
  return found == channels_.end() ? nullptr : &*found;
}

Result<PooledChannel*> ChannelPool::Acquire(Transport& transport, ByteView aid, ClientId client, Deadline deadline) {
  for (const bool clean : {true, false}) {
    const auto found = std::ranges::find_if(channels_, [&](const PooledChannel& channel) {
      return channel.owner == kNobody && channel.state.clean() == clean && SameBytes(channel.aid, aid);
    });
    if (found != channels_.end() && clean) {
      return &*found;
    }
    if (found != channels_.end()) {
      const Channel channel = found->channel;
      SR_TRY_VOID(Clean(transport, *found, deadline));
      const auto cleaned = std::ranges::find(channels_, channel, &PooledChannel::channel);
      if (cleaned != channels_.end()) {
        return &*cleaned;
      }
    }
  }
  return Open(transport, aid, client, deadline);
}

Result<PooledChannel*> ChannelPool::Open(Transport& transport, ByteView aid, ClientId client, Deadline deadline) {
  if (channels_.size() >= kMaxChannels) {
    SR_TRY_VOID(CloseOne(transport, client, deadline));
  }
  ledger_->Announce();  // a later daemon must know of it if this one is killed before the channel is noted
  auto opened = OpenAnyhow(transport, aid, client, deadline);
  if (!opened) {
    ledger_->NoteFailure(opened.error());
    return Unexpected(std::move(opened).error());
  }
  // What we thought was open under this number is not: the card would not have given it.
  std::erase_if(channels_, [&opened](const PooledChannel& channel) { return channel.channel == *opened; });
  // Nor is one of a client's own.
  std::erase_if(foreign_, [&opened](std::uint8_t number) { return opened->session < 0 && number == opened->number; });
  ledger_->Add(*opened);
  ++opened_;
  return &channels_.emplace_back(PooledChannel{.channel = *opened,
                                               .aid = Bytes(aid.begin(), aid.end()),
                                               .state = {},
                                               .owner = kNobody,
                                               .handle = 0,
                                               .last_used = Deadline::Clock::now()});
}

/// Where no channel may be free: gets back those that killed programs have left open, then closes one of our own.
Result<Channel> ChannelPool::OpenAnyhow(Transport& transport, ByteView aid, ClientId client, Deadline deadline) {
  auto opened = transport.OpenChannel(aid, deadline);
  while (!opened && client::IsNoChannelFree(opened.error())) {
    SR_TRY(const bool closed, Reclaim(transport, deadline));
    if (!closed) {
      break;
    }
    opened = transport.OpenChannel(aid, deadline);
  }
  if (!opened && client::MayBeFull(opened.error(), transport)) {
    SR_TRY(const std::size_t closed, CloseAbandoned(transport, deadline));
    if (closed > 0) {
      opened = transport.OpenChannel(aid, deadline);
    }
  }
  if (!opened && client::MayBeFull(opened.error(), transport)) {
    SR_TRY(bool closed, CloseOne(transport, client, deadline));
    if (!closed) {
      SR_TRY(closed, client::CloseUnnoted(transport, *ledger_, deadline));
    }
    if (closed) {
      opened = transport.OpenChannel(aid, deadline);  // one is free: if it fails again, it was something else
    }
  }
  return opened;
}

Result<bool> ChannelPool::Reclaim(Transport& transport, Deadline deadline) {
  SR_TRY(const std::size_t closed, CloseAbandoned(transport, deadline));
  return closed > 0 ? Result<bool>(true) : client::CloseUnnoted(transport, *ledger_, deadline);
}

/// False if there is nothing to close.
Result<bool> ChannelPool::CloseOne(Transport& transport, ClientId client, Deadline deadline) {
  const auto rank = [client](const PooledChannel& channel) {
    return std::tuple(channel.owner == client, channel.owner != kNobody, channel.last_used);
  };
  const auto victim = std::ranges::min_element(channels_, {}, rank);
  if (victim == channels_.end()) {
    return false;
  }
  SR_TRY_VOID(Close(transport, victim, deadline));
  return true;
}

Result<void> ChannelPool::Close(Transport& transport, std::list<PooledChannel>::iterator channel, Deadline deadline) {
  const Channel which = channel->channel;
  const auto closed = transport.CloseChannel(which, deadline);
  if (!closed && IsTransport(closed.error())) {
    return Unexpected(closed.error());
  }
  ledger_->Remove(which, ::getpid());
  channels_.erase(channel);
  return {};
}

Result<void> ChannelPool::Clean(Transport& transport, PooledChannel& channel, Deadline deadline) {
  std::array<std::uint8_t, 5 + kMaxAid> memory{};
  ByteWriter select(memory);
  wire::PutCommand(
      {.cla = channel.channel.number, .ins = kSelect, .p1 = kSelectByAid, .p2 = 0x00, .data = channel.aid, .le = {}},
      select);
  SR_CHECK(select.ok());
  const auto answer = transport.Transmit(channel.channel, select.written(), deadline);
  if (!answer && IsTransport(answer.error())) {
    return Unexpected(answer.error());
  }
  if (answer && IsSuccess(answer->sw())) {
    channel.state.Selected();
    return {};
  }
  const auto place = std::ranges::find(channels_, channel.channel, &PooledChannel::channel);
  return Close(transport, place, deadline);
}

Result<void> ChannelPool::CleanAll(Transport& transport, Deadline deadline) {
  for (auto channel = channels_.begin(); channel != channels_.end();) {
    PooledChannel& one = *channel++;  // cleaning may close it
    if (one.owner == kNobody && !one.state.clean()) {
      SR_TRY_VOID(Clean(transport, one, deadline));
    }
  }
  return {};
}

bool ChannelPool::NeedsCleaning() const {
  return std::ranges::any_of(
      channels_, [](const PooledChannel& channel) { return channel.owner == kNobody && !channel.state.clean(); });
}

void ChannelPool::Disown(ClientId client) {
  for (PooledChannel& channel : channels_) {
    if (channel.owner == client) {
      channel.owner = kNobody;
    }
  }
}

void ChannelPool::Disown(const Claim& claim) {
  if (PooledChannel* const channel = Find(claim)) {
    channel->owner = kNobody;
  }
}

Result<void> ChannelPool::CloseFree(Transport& transport, Deadline deadline) {
  for (auto channel = channels_.begin(); channel != channels_.end();) {
    const auto one = channel++;
    if (one->owner == kNobody) {
      SR_TRY_VOID(Close(transport, one, deadline));
    }
  }
  return {};
}

void ChannelPool::CloseAll(Transport& transport, Deadline deadline) {
  while (!channels_.empty()) {
    if (!Close(transport, channels_.begin(), deadline)) {
      return;  // what stays open is in the ledger
    }
  }
}

void ChannelPool::Forget() {
  channels_.clear();
  foreign_.clear();
}

bool ChannelPool::IsOurs(const Channel& channel) const {
  const bool foreign = channel.session < 0 && std::ranges::find(foreign_, channel.number) != foreign_.end();
  return foreign || std::ranges::find(channels_, channel, &PooledChannel::channel) != channels_.end();
}

Result<std::size_t> ChannelPool::CloseAbandoned(Transport& transport, Deadline deadline) {
  return client::CloseAbandoned(
      transport, *ledger_, [this](const Channel& channel) { return !IsOurs(channel); }, deadline);
}

void ChannelPool::EndForeign(const Result<Bytes>& answer) {
  ledger_->NoteFailure(answer ? Error{.domain = ErrorDomain::kCard, .message = {}, .next_step = {}} : answer.error());
}

void ChannelPool::NoteForeign(std::uint8_t number) {
  foreign_.push_back(number);
  ledger_->Add({.number = number, .session = -1});
}

void ChannelPool::DropForeign(std::uint8_t number) {
  std::erase(foreign_, number);
  ledger_->Remove({.number = number, .session = -1}, ::getpid());
}

}  // namespace simroot::device::daemon
