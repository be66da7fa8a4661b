// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pcsc_transport.hpp"

#include "common/base/secret.hpp"
#include "device/transport/apdu_transport.hpp"
#include "device/transport/bounded_worker.hpp"
#include "device/transport/pcsc_connection.hpp"
#include "device/transport/process_guard.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

/// How long giving back a transaction or a context may take before it is left to the thread.
constexpr auto kReleaseTime = std::chrono::milliseconds(2000);

/// How much of the caller's time is kept for saying that there was no card.
constexpr auto kLastWords = std::chrono::milliseconds(100);

/// One SCardTransmit, owned by the caller and the thread together: the thread may outlive the caller's patience.
struct Exchange {
  explicit Exchange(ByteView bytes) : command(bytes.begin(), bytes.end()) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    Wipe(command);
    Wipe(response);
  }

  Bytes command;
  std::array<std::uint8_t, wire::kMaxResponse> response{};
};

/// Connection and thread, shared by the transport and its locks.
class Service {
 public:
  Service(std::string name, std::shared_ptr<PcscApi> api)
      : name_(std::move(name)),
        worker_(std::make_unique<BoundedWorker>()),
        connection_(std::make_shared<PcscConnection>(std::move(api), name_)) {}

  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  ~Service() {
    if (!process_.InOwner()) {
      // There is no thread here, and the socket to the PC/SC service is the parent's: to give anything back would
      // speak in the parent's name. Both stay behind in the child's memory.
      (void)worker_.release();
      (void)new std::shared_ptr<PcscConnection>(std::move(connection_));
      return;
    }
    if (connection_ != nullptr) {
      (void)worker_->Run([connection = std::move(connection_)]() mutable { connection.reset(); },
                         Deadline::After(kReleaseTime));
    }
  }

  /// @returns kTransport if an earlier call was left behind or failed, or in a forked child.
  Result<void> Usable() const {
    SR_TRY_VOID(process_.Check(name_));
    if (dead_) {
      return Fail(ErrorDomain::kTransport, name_ + " was given up after an earlier error", "open the card again");
    }
    return {};
  }

  /// Runs `call` on the thread and returns what it returns. @param what "the card's answer": what was waited for.
  template <typename T>
  Result<T> Call(std::function<Result<T>(PcscConnection&)> call, const std::string& what, Deadline deadline) {
    SR_TRY_VOID(Usable());
    const Stopwatch watch;
    const auto result = std::make_shared<Result<T>>(T{});
    const bool in_time = worker_->Run(
        [connection = connection_, call = std::move(call), result] { *result = call(*connection); }, deadline);
    if (!in_time) {
      dead_ = true;
      connection_.reset();  // now the call that was left behind is its owner, and frees it on its thread
      return Fail(ErrorDomain::kTransport, what + " did not come from " + name_ + " within " + watch.Text(),
                  "is another program using the card, does the reader work with: opensc-tool -a?");
    }
    dead_ = !*result && result->error().domain == ErrorDomain::kTransport;
    return std::move(*result);
  }

  /// Ends a transaction; a thread that hangs in it takes the whole transport with it.
  void EndTransaction() {
    if (process_.InOwner() && connection_ != nullptr) {
      dead_ |= !worker_->Run([connection = connection_] { connection->End(); }, Deadline::After(kReleaseTime));
    }
  }

 private:
  std::string name_;
  ProcessGuard process_;
  std::unique_ptr<BoundedWorker> worker_;
  std::shared_ptr<PcscConnection> connection_;
  bool dead_ = false;
};

struct Done {};

class Transaction final : public TransportLock {
 public:
  explicit Transaction(std::shared_ptr<Service> service) : service_(std::move(service)) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction() override { service_->EndTransaction(); }

 private:
  std::shared_ptr<Service> service_;
};

class PcscTransport final : public ApduTransport {
 public:
  PcscTransport(std::string name, std::shared_ptr<Service> service)
      : ApduTransport(std::move(name)), service_(std::move(service)) {}

  Result<std::unique_ptr<TransportLock>> Lock(Deadline deadline) override {
    const auto begin = [](PcscConnection& connection) -> Result<Done> {
      SR_TRY_VOID(connection.Begin());
      return Done{};
    };
    SR_TRY_VOID(service_->Call<Done>(begin, "the lock on the card", deadline));
    return std::make_unique<Transaction>(service_);
  }

 private:
  Result<CardResponse> Send(ByteView command, Deadline deadline) override {
    SR_TRY_VOID(CheckCommand(command, Name()));
    const auto exchange = std::make_shared<Exchange>(command);
    const Stopwatch watch;
    CountSent(command);
    const auto transmit = [exchange](PcscConnection& connection) {
      return connection.Transmit(exchange->command, exchange->response);
    };
    SR_TRY(const std::size_t size, service_->Call<std::size_t>(transmit, "the card's answer", deadline));
    return Received(command, ByteView(exchange->response).first(size), watch);
  }

  std::shared_ptr<Service> service_;
};

}  // namespace

Result<std::unique_ptr<Transport>> OpenPcscTransport(const CardUri& uri, Deadline deadline,
                                                     std::shared_ptr<PcscApi> api) {
  auto service = std::make_shared<Service>(uri.text, std::move(api));
  // Waiting for a card ends a little before the deadline, to leave time to say so.
  const auto left = std::chrono::milliseconds(deadline.PollTimeoutMs());
  const Deadline wait_until = Deadline::After(left - std::min(left / 10, kLastWords));
  const auto open = [part = uri.path, wait_until](PcscConnection& connection) -> Result<Done> {
    SR_TRY_VOID(connection.Open(part, wait_until));
    return Done{};
  };
  SR_TRY_VOID(service->Call<Done>(open, "a connection to a card", deadline));
  return std::make_unique<PcscTransport>(uri.text, std::move(service));
}

Result<std::unique_ptr<Transport>> OpenPcscTransport(const CardUri& uri, Deadline deadline) {
  return OpenPcscTransport(uri, deadline, SystemPcsc());
}

}  // namespace simroot::device
