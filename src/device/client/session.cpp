// SPDX-License-Identifier: Apache-2.0
#include "device/client/session.hpp"

#include <unistd.h>

#include <algorithm>

#include "device/client/channel_recovery.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device::client {
namespace {

using wire::StatusWord;

/// A program that ends does not wait for others for long.
constexpr std::chrono::milliseconds kCloseTimeout{2000};
constexpr int kLongestWaitMs = 1000;

[[nodiscard]] bool IsCardError(const Error& error, StatusWord sw) {
  return error.domain == ErrorDomain::kCard && error.sw == sw;
}

[[nodiscard]] std::string CacheDirectory(const CardOptions& options) {
  return options.cache_directory.empty() ? DefaultCacheDirectory() : options.cache_directory;
}

[[nodiscard]] std::string LedgerDirectory(const CardOptions& options, const ClientEnvironment& environment) {
  if (!OutlivesItsUsers(options.uri)) {
    return {};
  }
  return environment.runtime_directory.empty() ? DefaultRuntimeDirectory(CacheDirectory(options))
                                               : environment.runtime_directory;
}

void AddCounters(const ExchangeCounters& from, ExchangeCounters& to) {
  to.exchanges += from.exchanges;
  to.bytes_sent += from.bytes_sent;
  to.bytes_received += from.bytes_received;
  to.characters_sent += from.characters_sent;
  to.characters_received += from.characters_received;
}

}  // namespace

Result<void> Transaction::Begin(Needs needs) {
  SR_TRY_VOID(session_.EnsureTransport(deadline_));
  port_was_opened_ = true;
  if (needs == Needs::kPort) {
    SR_TRY(lock_, session_.transport().Lock(deadline_));
    return {};
  }
  channel_was_reused_ = session_.opening().has_value();
  SR_TRY_VOID(LockWithChannel());
  Opening& opening = *session_.opening();
  idle_ = Deadline::Clock::now() - opening.last_used;
  exchange_.emplace(session_.transport(), opening.channel, opening.dialect, deadline_);
  return {};
}

Result<void> Transaction::LockWithChannel() {
  RetryTimer timer(Deadline::After(session_.channel_wait()).Earlier(deadline_), RetryTimer::kSeldomMs);
  while (true) {
    SR_TRY(lock_, session_.transport().Lock(deadline_));
    auto opened = session_.EnsureChannel(deadline_);
    if (opened || !session_.WaitingMayHelp(opened.error())) {
      return opened;
    }
    Unlock();  // or the process that ends could not close its channel
    if (!timer.Wait()) {
      return opened;
    }
  }
}

const std::string& Transaction::port() const {
  return session_.transport().Name();
}

Session::Session(const CardOptions& options, const ClientEnvironment& environment)
    : options_(options),
      environment_(environment),
      ledger_(LedgerDirectory(options, environment), options.uri),
      cache_(options.use_cache ? CacheDirectory(options) : std::string()) {}

Result<Session::Guard> Session::Acquire(Deadline deadline) {
  Guard guard(mutex_, std::try_to_lock);
  while (!guard.owns_lock() && !deadline.Passed()) {
    // By the wall clock: thread sanitizers do not see waits by the steady one. If it jumps, one round is shorter, or
    // as long as the holder's own deadline.
    const auto round = std::chrono::milliseconds(std::min(deadline.PollTimeoutMs(), kLongestWaitMs));
    static_cast<void>(guard.try_lock_until(std::chrono::system_clock::now() + round));
  }
  if (!guard.owns_lock()) {
    return Fail(ErrorDomain::kTransport,
                options_.uri.text + " is busy: another thread of this program did not finish in time",
                "try again, or allow more time");
  }
  return guard;
}

void Session::AbandonInChild() {
  const Guard guard(mutex_, std::try_to_lock);
  if (guard.owns_lock()) {
    transport_.reset();
  }
}

crypto::Crypto* Session::crypto() {
  if (!crypto_) {
    crypto_ = crypto::OpenSslCrypto::Create();
  }
  return crypto_.get();
}

ExchangeCounters Session::Counters() const {
  ExchangeCounters total = closed_counters_;
  if (transport_) {
    AddCounters(transport_->Counters(), total);
  }
  return total;
}

void Session::Refresh() {
  if (opening_) {
    opening_->application.reset();
    opening_->verified.clear();
  }
}

Result<void> Session::EnsureTransport(Deadline deadline) {
  if (!transport_) {
    SR_TRY(transport_, environment_.open_transport(options_.uri, deadline));
    transport_->SetObserver(options_.observer);
  }
  return {};
}

Result<void> Session::EnsureChannel(Deadline deadline) {
  if (opening_) {
    return {};
  }
  ledger_.Announce();  // whoever comes after us must know of it if we are killed before the channel is noted
  Bytes aid;
  const auto opened = OpenAnyhow(
      *transport_, ledger_, [&] { return TryAids(aid, deadline); },
      [this](const Channel& channel) { return std::ranges::find(orphans_, channel) != orphans_.end(); }, deadline);
  ForgetClosedOrphans();
  if (!opened) {
    ledger_.NoteFailure(opened.error());
    return tl::make_unexpected(MayBeFull(opened.error(), *transport_) ? ChannelsInUse(opened.error()) : opened.error());
  }
  const bool known = remembered_ && remembered_->aid == aid;
  opening_.emplace(Opening{.channel = *opened,
                           .aid = aid,
                           .dialect = known ? remembered_->dialect : DialectOf(aid),
                           .iccid = {},
                           .application = {},
                           .application_read = {},
                           .verified = {},
                           .last_used = Deadline::Clock::now()});
  std::erase(orphans_, *opened);
  ledger_.Add(*opened);
  return {};
}

Result<Channel> Session::TryAids(Bytes& opened, Deadline deadline) {
  for (Bytes& aid : AidsInOrder()) {
    auto channel = transport_->OpenChannel(aid, deadline);
    if (channel) {
      opened = std::move(aid);
      return channel;
    }
    if (!IsCardError(channel.error(), StatusWord::kFileNotFound)) {
      return tl::make_unexpected(std::move(channel).error());
    }
  }
  return tl::make_unexpected(Error{ErrorDomain::kCard,
                                   "there is no IoT SAFE applet on " + transport_->Name() +
                                       ": the card knows none of the application identifiers that were tried (6A82)",
                                   "check that this SIM has the applet, or give its application identifier",
                                   StatusWord::kFileNotFound});
}

std::vector<Bytes> Session::AidsInOrder() const {
  std::vector<Bytes> aids = options_.aids;
  if (aids.empty()) {
    for (const iotsafe::AidEntry& entry : iotsafe::kAids) {
      aids.emplace_back(entry.view().begin(), entry.view().end());
    }
  }
  if (remembered_) {
    std::stable_partition(aids.begin(), aids.end(), [this](const Bytes& aid) { return aid == remembered_->aid; });
  }
  return aids;
}

void Session::ForgetClosedOrphans() {
  if (orphans_.empty()) {
    return;
  }
  const auto entries = ledger_.Entries();
  std::erase_if(orphans_, [&entries](const Channel& orphan) {
    return std::ranges::none_of(
        entries, [&orphan](const LedgerEntry& entry) { return entry.pid == ::getpid() && entry.channel == orphan; });
  });
}

std::set<pid_t> Session::ChannelHolders() const {
  std::set<pid_t> holders;
  for (const LedgerEntry& entry : ledger_.Entries()) {
    if (IsAlive(entry)) {
      holders.insert(entry.pid);
    }
  }
  return holders;
}

bool Session::WaitingMayHelp(const Error& error) const {
  return IsNoChannelFree(error) && !ChannelHolders().empty();
}

Error Session::ChannelsInUse(const Error& error) const {
  const std::set<pid_t> holders = ChannelHolders();
  std::string pids;
  for (const pid_t pid : holders) {
    pids += (pids.empty() ? " by pid " : ", ") + std::to_string(pid);
  }
  const std::string share = "stop one of them, or let all of them share the card through a daemon: simroot carded";
  if (IsNoChannelFree(error)) {
    return Error{ErrorDomain::kCard,
                 "all logical channels of the card on " + transport_->Name() + " are in use" + pids + " (6A81)",
                 holders.empty() ? "stop the program that uses the card, or restart the modem or reader" : share,
                 StatusWord::kFunctionNotSupported};
  }
  if (holders.empty()) {
    return Error{ErrorDomain::kCard, error.message,
                 "check that this SIM has the applet and that no other program uses its logical channels, or give the "
                 "applet's application identifier",
                 StatusWord::kFileNotFound};
  }
  return Error{ErrorDomain::kCard,
               transport_->Name() + " opens no channel to an IoT SAFE applet and does not tell why; logical channels " +
                   "of its card are in use" + pids,
               share + "; else check the application identifier", StatusWord::kFunctionNotSupported};
}

bool Session::Finish(Transaction& transaction, const Error* error, Repeat repeat) {
  const Exchange* const exchange = transaction.exchange();
  if (opening_) {
    opening_->last_used = Deadline::Clock::now();
  }
  if (exchange != nullptr && exchange->remote_session_completed()) {
    Refresh();
  }
  if (error == nullptr) {
    return false;
  }
  const bool safe = repeat == Repeat::kAlways || exchange == nullptr || !exchange->outcome_unknown();
  bool cured = false;
  if (error->domain == ErrorDomain::kTransport) {
    transaction.Unlock();
    DropTransport();
    cured = transaction.port_was_opened();
  } else if (error->domain == ErrorDomain::kCard && exchange != nullptr && exchange->commands() > 0) {
    cured = CureRefusal(transaction, error->sw);
  }
  return cured && safe && !transaction.deadline().Passed();
}

bool Session::CureRefusal(Transaction& transaction, StatusWord sw) {
  if (sw == StatusWord::kChannelNotSupported) {
    ForgetChannel();  // the card was reset, or the modem restarted: there is nothing to close
    return true;
  }
  if (sw == StatusWord::kCapacityReached) {
    Refresh();
    return true;
  }
  if (!AnotherApplicationAnswered(transaction, sw)) {
    return false;
  }
  if (!CloseChannel(transaction.deadline())) {
    transaction.Unlock();
    DropTransport();
  }
  return true;
}

bool Session::AnotherApplicationAnswered(const Transaction& transaction, StatusWord sw) const {
  if (!transaction.channel_was_reused() || transaction.exchange()->commands() != 1) {
    return false;
  }
  return sw == StatusWord::kUnknownInstruction || sw == StatusWord::kUnknownClass ||
         (sw == StatusWord::kConditionsNotSatisfied && transaction.idle() >= environment_.idle_limit);
}

void Session::ForgetChannel() {
  if (opening_) {
    ledger_.Remove(opening_->channel, ::getpid());
    remembered_ = Remembered{opening_->aid, opening_->dialect};
    opening_.reset();
  }
}

bool Session::CloseChannel(Deadline deadline) {
  if (!opening_) {
    return true;
  }
  // After a reset of the card another program may have been given our number: its channel is not ours to close.
  bool transport_works = true;
  if (ledger_.MayClose(opening_->channel)) {
    const auto closed = transport_->CloseChannel(opening_->channel, deadline);
    transport_works = closed || closed.error().domain != ErrorDomain::kTransport;
  }
  if (transport_works) {
    ForgetChannel();
  }
  return transport_works;
}

void Session::DropTransport() {
  if (opening_) {
    orphans_.push_back(opening_->channel);
    remembered_ = Remembered{opening_->aid, opening_->dialect};
    opening_.reset();
  }
  if (transport_) {
    AddCounters(transport_->Counters(), closed_counters_);
    transport_.reset();
  }
}

void Session::Close() {
  if (!transport_) {
    return;
  }
  if (opening_) {
    const Deadline deadline = Deadline::After(std::min(options_.timeout, kCloseTimeout));
    const auto lock = transport_->Lock(deadline);
    if (lock) {
      static_cast<void>(CloseChannel(deadline));  // what stays open is an orphan then
    }
  }
  DropTransport();
}

}  // namespace simroot::device::client
