// SPDX-License-Identifier: Apache-2.0
/// The open card of one process: transport, channel, and what was learned through them; one locked transaction and its
/// recovery.
#pragma once

#include <functional>
#include <mutex>
#include <set>
#include <type_traits>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "device/client/cache.hpp"
#include "device/client/channel_ledger.hpp"
#include "device/client/exchange.hpp"

namespace simroot::device::client {

/// What a card takes from its surroundings; tests give their own.
struct ClientEnvironment {
  std::function<Result<std::unique_ptr<Transport>>(const CardUri&, Deadline)> open_transport = OpenTransport;
  std::string runtime_directory;  ///< of the channel ledger; empty: DefaultRuntimeDirectory
  /// A 6985 to the first command on a channel that was idle for at least this long may mean that another program has
  /// selected its application there. Sooner it is taken for the refusal it most likely is.
  std::chrono::milliseconds idle_limit{1000};
  /// How long to wait, within the operation's time, for another process to give back a logical channel.
  std::chrono::milliseconds channel_wait{3000};
};

/// A key pair half proven on the host to sign for a public key.
struct VerifiedKey {
  ObjectName name;
  Point point{};
};

/// One open channel and what is known through it. A new one knows nothing: the SIM may be another.
struct Opening {
  Channel channel;
  Bytes aid;
  Dialect dialect;
  std::optional<std::string> iccid;
  std::optional<iotsafe::ApplicationInfo> application;
  Deadline::Clock::time_point application_read;
  std::vector<VerifiedKey> verified;
  Deadline::Clock::time_point last_used;

  /// Whether the application information is young enough to trust its change counter: another process, or the issuer,
  /// may change an object while this channel is open.
  [[nodiscard]] bool KnowsApplication() const {
    return application && Deadline::Clock::now() - application_read < std::chrono::seconds(1);
  }
};

/// Whether an operation may be sent a second time after its command may have reached the card.
enum class Repeat : std::uint8_t { kAlways, kUnlessReached };

/// What an operation talks to: the whole applet, or only the port (to read the ICCID of a card without applet).
enum class Needs : std::uint8_t { kApplet, kPort };

class Session;

/// One operation on the card under the transport's lock.
class Transaction {
 public:
  Transaction(Session& session, Deadline deadline) : session_(session), deadline_(deadline) {}

  /// Opens what is not open, and locks.
  [[nodiscard]] Result<void> Begin(Needs needs);

  [[nodiscard]] Result<Reply> Send(const Command& command) { return exchange_->Send(command); }
  [[nodiscard]] const Exchange* exchange() const { return exchange_ ? &*exchange_ : nullptr; }

  [[nodiscard]] Session& session() const { return session_; }
  [[nodiscard]] Deadline deadline() const { return deadline_; }
  /// The port as messages name it.
  [[nodiscard]] const std::string& port() const;

  /// The transport could be opened, so an error after that may be cured by opening it again.
  [[nodiscard]] bool port_was_opened() const { return port_was_opened_; }
  /// The channel is from an earlier operation, and was idle for so long.
  [[nodiscard]] bool channel_was_reused() const { return channel_was_reused_; }
  [[nodiscard]] Deadline::Clock::duration idle() const { return idle_; }

  void Unlock() { lock_.reset(); }

 private:
  [[nodiscard]] Result<void> LockWithChannel();

  Session& session_;
  Deadline deadline_;
  std::unique_ptr<TransportLock> lock_;
  std::optional<Exchange> exchange_;
  bool port_was_opened_ = false;
  bool channel_was_reused_ = false;
  Deadline::Clock::duration idle_{};
};

/// Everything one process generation holds of one card. After a fork the child abandons its parent's Session unused,
/// mutex included, and makes a new one.
class Session {
 public:
  using Guard = std::unique_lock<std::timed_mutex>;

  /// Borrows both; touches nothing.
  Session(const CardOptions& options, const ClientEnvironment& environment);

  /// Waits for other threads. @returns kTransport if they do not finish in time.
  [[nodiscard]] Result<Guard> Acquire(Deadline deadline);

  /// Runs `operation`, a function of Transaction& that returns a Result, as one locked transaction; recovers once
  /// (transport error, lost channel, foreign application, 6989) and runs it again if that is safe.
  template <typename Operation>
  [[nodiscard]] auto Run(const Guard& /*held*/, Deadline deadline, Repeat repeat, Needs needs, Operation operation)
      -> std::invoke_result_t<Operation, Transaction&> {
    for (bool first = true;; first = false) {
      Transaction transaction(*this, deadline);
      auto begun = transaction.Begin(needs);
      std::invoke_result_t<Operation, Transaction&> result =
          begun ? operation(transaction) : tl::make_unexpected(std::move(begun).error());
      const bool cured = Finish(transaction, result ? nullptr : &result.error(), repeat);
      if (result || !first || !cured) {
        return result;
      }
    }
  }

  /// Closes channel and port. Errors are of no consequence.
  void Close();

  /// In a forked child, for its parent's session: closes the inherited descriptors (a lock on them would outlive the
  /// parent) without a word to the card; transports keep silent in a child. A session that a thread of the parent was
  /// using when the fork came is in no known state and is left alone.
  void AbandonInChild();

  [[nodiscard]] ExchangeCounters Counters() const;

  [[nodiscard]] std::optional<Opening>& opening() { return opening_; }
  [[nodiscard]] Transport& transport() { return *transport_; }
  [[nodiscard]] const CardOptions& options() const { return options_; }
  [[nodiscard]] const Cache& cache() const { return cache_; }
  /// The host's own cryptography, made at the first use; nullptr if OpenSSL cannot be used.
  [[nodiscard]] crypto::Crypto* crypto();

  /// Once the ICCID could not be read, this process does without the cache.
  void DisableCache() { cache_ = Cache({}); }
  /// Forgets what a change of the card's objects makes wrong.
  void Refresh();

  [[nodiscard]] Result<void> EnsureTransport(Deadline deadline);
  [[nodiscard]] Result<void> EnsureChannel(Deadline deadline);
  /// Whether an error of EnsureChannel ends by itself once a process that is known to hold a channel ends.
  [[nodiscard]] bool WaitingMayHelp(const Error& error) const;
  [[nodiscard]] std::chrono::milliseconds channel_wait() const { return environment_.channel_wait; }

 private:
  struct Remembered {
    Bytes aid;
    Dialect dialect;
  };

  [[nodiscard]] std::vector<Bytes> AidsInOrder() const;
  /// Tries one application identifier after the other. @param opened gets the one that the card has. @returns kCard:
  /// 6A82 if the card knows none, or the modem does not tell.
  [[nodiscard]] Result<Channel> TryAids(Bytes& opened, Deadline deadline);
  void ForgetClosedOrphans();
  [[nodiscard]] std::set<pid_t> ChannelHolders() const;
  /// What to tell about a card that opens no channel. `error` says that none is free, or may mean it.
  [[nodiscard]] Error ChannelsInUse(const Error& error) const;

  /// Ends a transaction. `error` is null after a success. True if what was wrong may be cured and running the
  /// operation again is safe.
  [[nodiscard]] bool Finish(Transaction& transaction, const Error* error, Repeat repeat);
  [[nodiscard]] bool CureRefusal(Transaction& transaction, wire::StatusWord sw);
  [[nodiscard]] bool AnotherApplicationAnswered(const Transaction& transaction, wire::StatusWord sw) const;

  void ForgetChannel();
  /// False if the transport failed meanwhile and has to be dropped.
  [[nodiscard]] bool CloseChannel(Deadline deadline);
  void DropTransport();

  const CardOptions& options_;
  const ClientEnvironment& environment_;
  std::timed_mutex mutex_;
  std::unique_ptr<Transport> transport_;
  std::optional<Opening> opening_;
  std::optional<Remembered> remembered_;
  ChannelLedger ledger_;
  Cache cache_;
  std::unique_ptr<crypto::OpenSslCrypto> crypto_;
  std::vector<Channel> orphans_;  ///< ours, and perhaps still open on the card: their transport failed
  ExchangeCounters closed_counters_;
};

}  // namespace simroot::device::client
