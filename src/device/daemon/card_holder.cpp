// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/card_holder.hpp"

#include "common/base/crc32.hpp"
#include "common/base/secret.hpp"
#include "device/client/private_files.hpp"
#include "device/transport/apdu_commands.hpp"

namespace simroot::device::daemon {
namespace {

using wire::StatusWord;

constexpr std::chrono::milliseconds kFarewell{2000};  ///< for closing channels that a client has left open
constexpr std::chrono::seconds kRememberUnknownAid{60};
constexpr std::size_t kMaxUnknownAids = 16;
constexpr std::array<std::uint8_t, 4> kAskForPin{0x00, iotsafe::Code(iotsafe::Ins::kVerifyPin), 0x00, 0x01};
constexpr std::array<std::uint8_t, 4> kAskForPinProprietary{0x80, kAskForPin[1], kAskForPin[2], kAskForPin[3]};

/// The file whose existence says that a PIN was given through a daemon of this port.
[[nodiscard]] std::string PinFile(const CardUri& card) {
  std::array<std::uint8_t, 4> crc{};
  ByteWriter out(crc);
  out.PutU32(Crc32Of(AsBytes(client::PortIdentity(card))));
  return "pin-was-given-" + ToHex(crc);
}

}  // namespace

CardHolder::CardHolder(HolderOptions options) : options_(std::move(options)) {}

Result<void> CardHolder::EnsureOpen(Deadline deadline, std::chrono::milliseconds pause) {
  if (transport_) {
    return {};
  }
  if (trouble_ && Deadline::Clock::now() < last_attempt_ + pause) {
    return Unexpected(*trouble_);
  }
  auto opened = options_.open_transport(options_.card, deadline);
  last_attempt_ = Deadline::Clock::now();
  if (!opened) {
    trouble_ = opened.error();
    pause_ = std::clamp(pause_ * 2, options_.first_pause, options_.longest_pause);
    return Unexpected(std::move(opened).error());
  }
  transport_ = *std::move(opened);
  transport_->SetObserver(options_.observer);
  pool_.Start(client::ChannelLedger(
      options_.ledger_directory.empty() ? options_.runtime_directory : options_.ledger_directory, options_.card));
  // Looked for now, not at the start: a link to the port can be followed only while the port is there.
  if (client::PrivateDirectory(options_.runtime_directory, client::IfMissing::kFail).Read(PinFile(options_.card), 1)) {
    pin_.Arm();
  }
  NextGeneration();
  ++openings_;
  return {};
}

void CardHolder::Drop(const Error& error) {
  if (transport_) {
    closed_exchanges_ += transport_->Counters().exchanges;
  }
  lock_.reset();
  transport_.reset();
  trouble_ = error;
  pause_ = std::clamp(pause_ * 2, options_.first_pause, options_.longest_pause);
  last_attempt_ = Deadline::Clock::now();
  NextGeneration();
}

void CardHolder::NextGeneration() {
  ++generation_;
  iccid_.reset();
  unknown_aids_.clear();
  raw_channels_.clear();
  raw_was_free_.clear();
  raw_aids_.clear();
  pin_.AskAgain();
}

Result<void> CardHolder::Begin(Deadline deadline) {
  const bool was_open = transport_ != nullptr;
  // A port that has just failed is tried again at once: the first failure tells that it was gone, not that it is.
  const bool may_be_back = !was_open && trouble_ && pause_ <= options_.first_pause;
  SR_TRY_VOID(EnsureOpen(deadline, may_be_back ? std::chrono::milliseconds(0) : options_.shortest_pause));
  auto locked = Watched(transport_->Lock(deadline));
  if (!locked && was_open) {
    SR_TRY_VOID(EnsureOpen(deadline, std::chrono::milliseconds(0)));
    locked = Watched(transport_->Lock(deadline));
  }
  SR_TRY(lock_, std::move(locked));
  raw_has_room_ = false;
  raw_was_free_.clear();
  raw_aids_.clear();
  return {};
}

void CardHolder::End() {
  const Deadline deadline = Deadline::After(kFarewell);
  while (transport_ && !raw_channels_.empty()) {
    const std::uint8_t number = raw_channels_.back();
    static_cast<void>(Watched(transport_->CloseChannel({.number = number, .session = -1}, deadline)));
    if (transport_) {
      raw_channels_.pop_back();
      pool_.DropForeign(number);
    }
  }
  raw_channels_.clear();
  lock_.reset();
}

void CardHolder::Forget(ClientId client) {
  std::erase_if(leases_, [client](const auto& entry) { return entry.first.first == client; });
  pool_.Disown(client);
  pin_.Forget(client);
}

Result<std::uint8_t> CardHolder::OpenChannel(ClientId client, ByteView aid, Deadline deadline) {
  if (!transport_) {
    return Unexpected(*trouble_);
  }
  std::uint8_t handle = 1;
  while (leases_.contains({client, handle})) {
    if (++handle > kMaxDaemonChannel) {
      return Fail(ErrorDomain::kUsage,
                  "this program has " + std::to_string(kMaxDaemonChannel) + " channels open already",
                  "close one of them");
    }
  }
  SR_TRY_VOID(AcquireKnown(aid, client, deadline));
  leases_[{client, handle}] = {.aid = Bytes(aid.begin(), aid.end()), .generation = generation_, .has_state = false};
  warm_aid_.assign(aid.begin(), aid.end());
  warm_generation_ = generation_;
  return handle;
}

Result<void> CardHolder::CloseChannel(ClientId client, std::uint8_t handle) {
  if (leases_.erase({client, handle}) == 0) {
    return Fail(ErrorDomain::kUsage, "this program has no channel " + std::to_string(handle));
  }
  pool_.Disown(Claim{client, handle});
  return {};
}

/// A clean channel, and it is known whether its application has a PIN. An application that the card does not know is
/// not asked for again for a while: clients try several.
Result<PooledChannel*> CardHolder::AcquireKnown(ByteView aid, ClientId client, Deadline deadline) {
  const auto now = Deadline::Clock::now();
  std::erase_if(unknown_aids_, [now](const UnknownAid& unknown) { return unknown.until <= now; });
  if (std::ranges::any_of(unknown_aids_, [aid](const UnknownAid& unknown) { return SameBytes(unknown.aid, aid); })) {
    return Refusal(StatusWord::kFileNotFound,
                   "the card in " + options_.card.text + " does not select application " + ToHex(aid) + " (" +
                       StatusText(StatusWord::kFileNotFound) + ")",
                   "check the AID, and that the applet is installed");
  }
  const std::uint64_t opened_before = pool_.opened();
  auto acquired = Watched(pool_.Acquire(*transport_, aid, client, deadline));
  if (pool_.opened() != opened_before) {
    YieldToPool();
  }
  if (!acquired) {
    const Error& error = acquired.error();
    if (error.domain == ErrorDomain::kCard && error.sw == StatusWord::kFileNotFound &&
        unknown_aids_.size() < kMaxUnknownAids && raw_channels_.empty()) {  // they may have left no room
      unknown_aids_.push_back({Bytes(aid.begin(), aid.end()), now + kRememberUnknownAid});
    }
    return acquired;
  }
  trouble_.reset();
  pause_ = std::chrono::milliseconds(0);
  if (!pin_.Knows((*acquired)->aid)) {
    SR_TRY_VOID(AskForPin(**acquired, deadline));
  }
  return acquired;
}

/// VERIFY without a PIN uses up no attempt (ETSI TS 102 221 11.1.9): it asks how many are left.
Result<void> CardHolder::AskForPin(const PooledChannel& channel, Deadline deadline) {
  SR_TRY(Bytes answer, Send(channel.channel, kAskForPin, deadline));
  if (StatusOf(answer) == StatusWord::kUnknownClass && transport_) {
    SR_TRY(answer, Send(channel.channel, kAskForPinProprietary, deadline));
  }
  pin_.Learn(channel.aid, StatusOf(answer));
  return {};
}

Result<Bytes> CardHolder::Send(const Channel& channel, ByteView command, Deadline deadline) {
  Bytes sent = OnChannel(command, channel.number);
  auto response = Watched(transport_->Transmit(channel, sent, deadline));
  Wipe(sent);
  SR_TRY(const CardResponse answer, std::move(response));
  return Bytes(answer.bytes().begin(), answer.bytes().end());
}

Result<Bytes> CardHolder::Transmit(ClientId client, std::uint8_t handle, ByteView command, Deadline deadline) {
  if (!transport_) {
    return Unexpected(*trouble_);
  }
  if (handle == kNoDaemonChannel) {
    return TransmitRaw(client, command, deadline);
  }
  SR_TRY_VOID(CheckOnChannel(command));
  const auto lease = leases_.find({client, handle});
  if (lease == leases_.end()) {
    return Fail(ErrorDomain::kUsage, "this program has no channel " + std::to_string(handle), "open one");
  }
  return TransmitOnLease(lease->first, lease->second, command, deadline);
}

/// The channel of the card for a lease; nullptr if the client has lost what it had there.
Result<PooledChannel*> CardHolder::Resolve(const LeaseKey& key, const Lease& lease, Deadline deadline) {
  if (lease.generation != generation_) {
    return nullptr;
  }
  if (lease.has_state) {
    return pool_.Find({key.first, key.second});
  }
  return AcquireKnown(lease.aid, key.first, deadline);
}

Result<Bytes> CardHolder::TransmitOnLease(const LeaseKey& key, Lease& lease, ByteView command, Deadline deadline) {
  const auto refused = [&] { return UsesKeys(command) && !pin_.MayUseKeys(key.first, lease.aid); };
  // Asked before anything else is done if it is known whether the application has a PIN; finding the channel learns it.
  if (lease.generation == generation_ && pin_.Knows(lease.aid) && refused()) {
    return StatusOnly(StatusWord::kSecurityNotSatisfied);
  }
  SR_TRY(PooledChannel* const channel, Resolve(key, lease, deadline));
  if (channel == nullptr) {
    return StatusOnly(StatusWord::kChannelNotSupported);
  }
  if (refused()) {
    return StatusOnly(StatusWord::kSecurityNotSatisfied);
  }
  channel->owner = key.first;
  channel->handle = key.second;
  channel->last_used = Deadline::Clock::now();
  auto answer = Send(channel->channel, command, deadline);
  NotePin(key.first, lease.aid, command, answer);
  if (!transport_) {
    return answer;
  }
  // Without an answer nobody knows what the card did: an empty one makes the channel dirty.
  channel->state.Observe(command, answer ? ByteView(*answer) : ByteView());
  lease.has_state = !channel->state.clean();
  if (!lease.has_state) {
    channel->owner = kNobody;
  }
  SR_TRY_VOID(answer);
  const StatusWord sw = StatusOf(*answer);
  if (sw == StatusWord::kChannelNotSupported) {
    pool_.Forget();
    NextGeneration();
  }
  return answer;
}

/// After a command that may have given the PIN. Without an answer nobody knows: the card may have accepted it.
void CardHolder::NotePin(ClientId client, const Bytes& aid, ByteView command, const Result<Bytes>& answer) {
  if (MayGivePin(command) && (!answer || IsSuccess(StatusOf(*answer)))) {
    PinWasGiven(answer && GivesPin(command) ? client : kNobody, aid);
  }
}

/// To the card the PIN stays given if this daemon ends: the next one must know. The directory is gone after a restart
/// of the machine.
void CardHolder::PinWasGiven(ClientId client, const Bytes& aid) {
  const bool was_armed = pin_.armed();
  pin_.Given(client, aid);
  if (!pin_.armed() || was_armed || options_.runtime_directory.empty()) {
    return;
  }
  const bool written = client::PrivateDirectory(options_.runtime_directory, client::IfMissing::kCreate)
                           .Replace(PinFile(options_.card), {});
  if (!written && options_.log) {
    options_.log("cannot note in " + options_.runtime_directory +
                 " that the PIN was given: the next daemon would let everybody use the keys");
  }
}

Result<std::string> CardHolder::Iccid(Deadline deadline) {
  if (!transport_) {
    return Unexpected(*trouble_);
  }
  if (!iccid_) {
    SR_TRY(iccid_, Watched(transport_->ReadIccid(deadline)));
  }
  return *iccid_;
}

void CardHolder::Tidy(Deadline deadline) {
  if (!EnsureOpen(deadline, pause_)) {
    return;
  }
  auto locked = Watched(transport_->Lock(deadline));
  if (!locked) {
    return;
  }
  lock_ = *std::move(locked);
  if (Watched(pool_.CleanAll(*transport_, deadline)) && warm_generation_ != generation_) {
    static_cast<void>(Watched(Warm(deadline)));
  }
  lock_.reset();
}

/// Makes ready what the next client needs most likely.
Result<void> CardHolder::Warm(Deadline deadline) {
  if (!ledger_was_searched_) {
    SR_TRY_VOID(Watched(pool_.CloseAbandoned(*transport_, deadline)));  // by a daemon that was killed
    ledger_was_searched_ = true;
  }
  std::vector<Bytes> aids;
  if (!warm_aid_.empty()) {
    aids.push_back(warm_aid_);
  }
  for (const iotsafe::AidEntry& entry : iotsafe::kAids) {
    aids.emplace_back(entry.view().begin(), entry.view().end());
  }
  for (const Bytes& aid : aids) {
    const auto acquired = AcquireKnown(aid, kNobody, deadline);
    if (!transport_) {
      return Unexpected(acquired.error());
    }
    if (acquired || acquired.error().sw != StatusWord::kFileNotFound) {
      break;
    }
  }
  // Whatever else came of it: it is not tried again before the card was reset, or a client asks.
  warm_generation_ = generation_;
  trouble_.reset();
  pause_ = std::chrono::milliseconds(0);
  const auto iccid = Iccid(deadline);
  return transport_ ? Result<void>() : Result<void>(Unexpected(iccid.error()));
}

void CardHolder::Shutdown(Deadline deadline) {
  if (transport_) {
    if (!lock_) {
      auto locked = transport_->Lock(deadline);
      if (locked) {
        lock_ = *std::move(locked);
      }
    }
    if (lock_) {
      pool_.CloseAll(*transport_, deadline);
    }
  }
  lock_.reset();
  transport_.reset();
}

HolderStatus CardHolder::Status() const {
  HolderStatus status;
  status.open = transport_ != nullptr;
  status.trouble = trouble_ ? trouble_->Text() : std::string();
  status.iccid = iccid_.value_or(std::string());
  status.openings = openings_;
  status.exchanges =
      static_cast<std::uint32_t>(closed_exchanges_ + (transport_ ? transport_->Counters().exchanges : 0));
  for (const PooledChannel& channel : pool_.channels()) {
    status.channels.push_back(
        {.number = channel.channel.number, .clean = channel.state.clean(), .owner = channel.owner, .aid = channel.aid});
  }
  if (!transport_) {
    status.tidy_at = trouble_ ? last_attempt_ + pause_ : Deadline::Clock::now();
  } else if (pool_.NeedsCleaning() || warm_generation_ != generation_) {
    status.tidy_at = Deadline::Clock::now();
  }
  return status;
}

}  // namespace simroot::device::daemon
