// SPDX-License-Identifier: Apache-2.0
#include "device/client/channel_recovery.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>

namespace simroot::device::client {
namespace {

using wire::StatusWord;

constexpr int kHighestChannel = 3;   ///< what the class bytes in use can name
constexpr int kHighestSession = 19;  ///< a card has no more channels, ETSI TS 102 221

[[nodiscard]] int NumberOf(const Channel& channel) {
  return channel.session >= 0 ? channel.session : channel.number;
}

/// What living processes have noted.
[[nodiscard]] std::set<int> LivingNumbers(const std::vector<LedgerEntry>& entries) {
  std::set<int> numbers;
  for (const LedgerEntry& entry : entries) {
    if (!entry.IsIntent() && IsAlive(entry)) {
      numbers.insert(NumberOf(entry.channel));
    }
  }
  return numbers;
}

/// What may be open and known to nobody, the likeliest first. Cards give the lowest number that is free, and the modem
/// itself, or a program that never ends, has taken its own long before.
[[nodiscard]] std::vector<Channel> Candidates(const std::set<int>& living, bool sessions) {
  std::vector<Channel> candidates;
  const auto add = [&](int number, const Channel& channel) {
    if (!living.contains(number)) {
      candidates.push_back(channel);
    }
  };
  if (sessions) {
    for (int number = kHighestChannel; number > 0; --number) {
      add(number, {.number = 0, .session = number});
    }
    for (int number = kHighestChannel + 1; number <= kHighestSession; ++number) {
      add(number, {.number = 0, .session = number});
    }
  }
  // Which channel belongs to a session with a number of the modem's own is known to nobody.
  const bool all_are_channels = living.empty() || (*living.begin() > 0 && *living.rbegin() <= kHighestChannel);
  for (int number = all_are_channels ? kHighestChannel : 0; number > 0; --number) {
    add(number, {.number = static_cast<std::uint8_t>(number), .session = -1});
  }
  return candidates;
}

[[nodiscard]] bool IsTransport(const Error& error) {
  return error.domain == ErrorDomain::kTransport;
}

}  // namespace

bool IsNoChannelFree(const Error& error) {
  return error.domain == ErrorDomain::kCard && error.sw == StatusWord::kFunctionNotSupported;
}

bool MayBeFull(const Error& error, const Transport& transport) {
  return IsNoChannelFree(error) ||
         (error.domain == ErrorDomain::kCard && error.sw == StatusWord::kFileNotFound && transport.UsesSessions());
}

Result<std::size_t> CloseAbandoned(Transport& transport, const ChannelLedger& ledger,
                                   const std::function<bool(const Channel&)>& is_lost, Deadline deadline) {
  const std::vector<LedgerEntry> entries = ledger.Entries();
  const auto is_abandoned = [&](const LedgerEntry& entry) {
    return !entry.IsIntent() && (!IsAlive(entry) || (entry.pid == ::getpid() && is_lost(entry.channel)));
  };
  std::vector<LedgerEntry> kept = entries;
  std::erase_if(kept, is_abandoned);
  const std::set<int> living = LivingNumbers(kept);
  std::size_t closed = 0;
  for (const LedgerEntry& entry : entries) {
    if (!is_abandoned(entry) || living.contains(NumberOf(entry.channel))) {
      continue;
    }
    const auto result = transport.CloseChannel(entry.channel, deadline);
    if (!result && IsTransport(result.error())) {
      return tl::make_unexpected(result.error());
    }
    ledger.Remove(entry.channel, entry.pid);
    ++closed;
  }
  return closed;
}

Result<bool> CloseUnnoted(Transport& transport, const ChannelLedger& ledger, Deadline deadline) {
  const std::vector<LedgerEntry> entries = ledger.Entries();
  const auto dead = static_cast<std::size_t>(
      std::ranges::count_if(entries, [](const LedgerEntry& entry) { return entry.IsIntent() && !IsAlive(entry); }));
  if (dead == 0) {
    return false;
  }
  for (const Channel& channel : Candidates(LivingNumbers(entries), transport.UsesSessions())) {
    const auto result = transport.CloseChannel(channel, deadline);
    if (result) {
      ledger.RemoveDeadIntents(1);
      return true;
    }
    if (IsTransport(result.error())) {
      return tl::make_unexpected(result.error());
    }
  }
  ledger.RemoveDeadIntents(dead);  // those who made them had opened nothing, or it is closed
  return false;
}

Result<Channel> OpenAnyhow(Transport& transport, const ChannelLedger& ledger,
                           const std::function<Result<Channel>()>& open,
                           const std::function<bool(const Channel&)>& is_lost, Deadline deadline) {
  auto opened = open();
  if (!opened && MayBeFull(opened.error(), transport)) {
    SR_TRY(const std::size_t closed, CloseAbandoned(transport, ledger, is_lost, deadline));
    if (closed > 0) {
      opened = open();
    }
  }
  while (!opened && MayBeFull(opened.error(), transport)) {
    const bool certain = IsNoChannelFree(opened.error());
    SR_TRY(const bool closed, CloseUnnoted(transport, ledger, deadline));
    if (!closed) {
      break;
    }
    opened = open();
    if (!certain) {
      break;  // one is free now, so it was not that
    }
  }
  return opened;
}

}  // namespace simroot::device::client
