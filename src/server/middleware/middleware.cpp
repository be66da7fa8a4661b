// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/middleware.hpp"

#include <algorithm>
#include <condition_variable>
#include <optional>
#include <utility>

#include "common/net/worker_pool.hpp"
#include "server/middleware/follower.hpp"
#include "server/middleware/judge.hpp"
#include "server/middleware/listeners.hpp"
#include "server/middleware/log.hpp"
#include "server/middleware/metrics.hpp"
#include "server/middleware/open_as.hpp"
#include "server/middleware/use_reporter.hpp"

namespace simroot::server {
namespace {

constexpr std::int64_t kInStepSeconds = 90;
constexpr std::int64_t kMaintainEvery = 600;
constexpr std::chrono::seconds kPatience{3};

using MakeLink = std::function<std::unique_ptr<PlatformLink>()>;

class ServerMiddleware final : public Middleware {
 public:
  ServerMiddleware(MiddlewareOptions options, MakeLink make_link, Origin origin, std::unique_ptr<Directory> directory,
                   std::unique_ptr<LocalCopy> copy, std::function<void()> maintain);
  ~ServerMiddleware() override;

  /// Loads the copy, starts the threads, waits for the first exchange, or the first snapshot if there was no copy.
  [[nodiscard]] Result<void> Start();

  [[nodiscard]] Verdict JudgeCertificate(const Fingerprint& fingerprint, bool chain_is_right) const override;
  [[nodiscard]] Verdict JudgePsk(std::string_view identity) const override;
  [[nodiscard]] Verdict JudgeAgain(CredentialId id) const override;
  [[nodiscard]] SecretBytes PskFor(const Verdict& verdict, std::string_view identity) const override;
  void Note(const Verdict& verdict, std::string_view peer) override;

  [[nodiscard]] std::shared_ptr<const std::string> Authorities() const override { return follower_.Authorities(); }
  [[nodiscard]] const Directory& directory() const override { return *directory_; }
  [[nodiscard]] Result<std::vector<Bytes>> ReadCrls() override;
  [[nodiscard]] std::shared_ptr<void> Listen(Listener listener) override { return listeners_.Add(std::move(listener)); }
  [[nodiscard]] MiddlewareStatus status() const override;
  [[nodiscard]] std::string Metrics() const override;
  void CountLive(std::ptrdiff_t more) override { live_.fetch_add(more, std::memory_order_relaxed); }

 private:
  [[nodiscard]] Verdict Judged(const Found& found) const;
  void Run();
  /// One exchange and what its result means for the state that others see.
  [[nodiscard]] bool StepOnce();
  void OnChange(const Change& change);
  void TellContact(const std::string& error);
  void TellStaleness();
  void Maintain();

  MiddlewareOptions options_;
  MakeLink make_link_;
  Origin origin_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<LocalCopy> copy_;
  std::function<void()> maintain_;
  Freshness freshness_;
  Listeners listeners_;
  RefusalLog refusals_;
  Follower follower_;
  std::array<std::atomic<std::uint64_t>, kRefusals.size()> handshakes_{};
  std::atomic<std::uint64_t> sync_errors_{0};
  std::atomic<std::ptrdiff_t> live_{0};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::unique_ptr<PlatformLink> link_;  ///< set by the thread, under the mutex
  std::string last_error_;
  std::uint64_t exchanges_ = 0;  ///< that went well
  bool tried_ = false;           ///< all that had changed was read, or an exchange failed
  bool stop_ = false;
  bool ended_ = false;
  bool told_stale_ = false;                 ///< the thread's, as the next
  std::optional<std::int64_t> maintained_;  ///< on the steady clock
  std::mutex crl_mutex_;
  std::unique_ptr<PlatformLink> crl_link_;
  std::unique_ptr<UseReporter> uses_;
  std::thread thread_;
};

ServerMiddleware::ServerMiddleware(MiddlewareOptions options, MakeLink make_link, Origin origin,
                                   std::unique_ptr<Directory> directory, std::unique_ptr<LocalCopy> copy,
                                   std::function<void()> maintain)
    : options_(std::move(options)),
      make_link_(std::move(make_link)),
      origin_(std::move(origin)),
      directory_(std::move(directory)),
      copy_(std::move(copy)),
      maintain_(std::move(maintain)),
      freshness_(Clocks::Complete(options_.clock, options_.steady_clock), options_.max_staleness),
      refusals_(options_.log, freshness_.clocks().steady),
      follower_(
          {*directory_, copy_.get(), freshness_, [this](const Change& change) { OnChange(change); }, options_.log}) {}

ServerMiddleware::~ServerMiddleware() {
  if (thread_.joinable()) {
    std::unique_lock lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    // Again and again: the call to be interrupted may just be about to begin.
    do {
      if (link_) {
        link_->Interrupt();
      }
    } while (!changed_.wait_for(lock, std::chrono::milliseconds(20), [this] { return ended_; }));
    lock.unlock();
    thread_.join();
  }
  uses_.reset();  // after the thread that calls it
}

Result<void> ServerMiddleware::Start() {
  follower_.LoadCopy();
  uses_ = std::make_unique<UseReporter>(make_link_, Backoff(options_.first_retry, options_.longest_retry), options_.log,
                                        [this] { return refusals_.Tick(); });
  thread_ = net::StartQuietThread([this] { Run(); });
  std::unique_lock lock(mutex_);
  if (follower_.IsReady()) {
    // What changed while this program did not run should count from the first device on. If the platform is away that
    // is known at once, or after a short time.
    const auto patience = std::min<std::chrono::milliseconds>(options_.first_contact, kPatience);
    (void)changed_.wait_for(lock, patience, [this] { return tried_; });
    return {};
  }
  for (std::uint64_t seen = 0; !follower_.IsReady();) {
    // As long as something comes, a big snapshot may take its time.
    const bool moved =
        changed_.wait_for(lock, options_.first_contact, [&] { return exchanges_ != seen || follower_.IsReady(); });
    if (!moved) {
      return Fail(ErrorDomain::kTransport,
                  "there is no local copy, and the platform cannot be reached" +
                      (last_error_.empty() ? std::string() : ": " + last_error_),
                  "check its address and the network, and start again");
    }
    seen = exchanges_;
  }
  return {};
}

void ServerMiddleware::Run() {
  Backoff backoff(options_.first_retry, options_.longest_retry);
  std::unique_lock lock(mutex_);
  while (!stop_) {
    lock.unlock();
    const bool well = StepOnce();
    TellStaleness();
    if (well) {
      Maintain();
    }
    lock.lock();
    if (well) {
      backoff.Reset();
    } else {
      (void)changed_.wait_for(lock, backoff.Next(), [this] { return stop_; });
    }
  }
  ended_ = true;
  changed_.notify_all();
}

bool ServerMiddleware::StepOnce() {
  if (!link_) {
    auto link = make_link_();
    const std::lock_guard lock(mutex_);
    link_ = std::move(link);
  }
  const auto step = link_ ? follower_.Step(*link_, options_.poll)
                          : Result<void>(Fail(ErrorDomain::kTransport, "there is no link to the platform"));
  const std::string error = step ? std::string() : step.error().Text();
  std::string before;
  std::unique_ptr<PlatformLink> failed;  // a new one next time
  {
    const std::lock_guard lock(mutex_);
    if (stop_) {
      return step.has_value();
    }
    before = std::exchange(last_error_, error);
    failed = step ? nullptr : std::move(link_);
    exchanges_ += step ? 1 : 0;
    tried_ = tried_ || !step || follower_.HasCaughtUp();
    changed_.notify_all();
  }
  if (!step) {
    sync_errors_.fetch_add(1, std::memory_order_relaxed);
    follower_.LookAgain();
  }
  if (error.empty() != before.empty()) {
    TellContact(error);
  }
  return step.has_value();
}

/// @param error empty: there is contact again
void ServerMiddleware::TellContact(const std::string& error) {
  LogLine line(error.empty() ? "the platform answers again" : "the platform cannot be asked: " + error);
  line.With("feed", follower_.feed_number());
  line.With("credentials", static_cast<std::int64_t>(directory_->size().credentials));
  options_.log(error.empty() ? LogLevel::kInfo : LogLevel::kWarning, line.text());
}

void ServerMiddleware::Maintain() {
  const std::int64_t now = freshness_.clocks().steady();
  if (maintain_ && (!maintained_ || now - *maintained_ >= kMaintainEvery)) {
    maintained_ = now;
    maintain_();
  }
}

void ServerMiddleware::TellStaleness() {
  const bool stale = freshness_.IsStale();
  if (stale == told_stale_) {
    return;
  }
  told_stale_ = stale;
  if (!stale) {
    options_.log(LogLevel::kInfo, "what is known of the devices is fresh again");
    return;
  }
  const std::string then = options_.open_when_stale ? "devices are judged by what is known"
                                                    : "every device is refused until it is heard again";
  options_.log(LogLevel::kError, LogLine("the platform was not heard for too long: " + then)
                                     .With("age_s", freshness_.Age())
                                     .With("max_staleness_s", options_.max_staleness.count())
                                     .text());
}

void ServerMiddleware::OnChange(const Change& change) {
  if (uses_) {
    uses_->Forget(change.now.id);
  }
  if (follower_.IsReady()) {
    options_.log(LogLevel::kDebug, LogLine("a credential has changed")
                                       .With("credential", change.now.name.data())
                                       .With("iccid", change.now.iccid.data())
                                       .With("state", server::NameOf(change.now.state))
                                       .text());
  }
  listeners_.Tell(change);
}

Verdict ServerMiddleware::Judged(const Found& found) const {
  Verdict verdict{Judge(found, freshness_.clocks().wall()), found};
  if (verdict.accepted() && !options_.open_when_stale && freshness_.IsStale()) {
    verdict.refusal = Refusal::kStale;
  }
  return verdict;
}

Verdict ServerMiddleware::JudgeCertificate(const Fingerprint& fingerprint, bool chain_is_right) const {
  const auto found = directory_->FindCertificate(fingerprint);
  Verdict verdict = found ? Judged(*found)
                          : Verdict{chain_is_right ? Refusal::kUnknownCertificate : Refusal::kForeignCertificate, {}};
  // One that is known but does not verify has mostly expired: then that is said.
  if (!chain_is_right && (verdict.accepted() || verdict.refusal == Refusal::kStale)) {
    verdict.refusal = Refusal::kForeignCertificate;
  }
  return verdict;
}

Verdict ServerMiddleware::JudgePsk(std::string_view identity) const {
  if (const auto found = directory_->FindPsk(identity)) {
    return Judged(*found);
  }
  Verdict verdict{Refusal::kUnknownIdentity, {}};
  verdict.device.kind = CredentialKind::kPsk;
  std::ranges::copy(identity.substr(0, kMaxName), verdict.device.name.begin());
  return verdict;
}

Verdict ServerMiddleware::JudgeAgain(CredentialId id) const {
  const auto found = directory_->FindById(id);
  if (found) {
    return Judged(*found);
  }
  Verdict verdict{Refusal::kRevoked, {}};
  verdict.device.state = CredentialState::kDeleted;
  return verdict;
}

SecretBytes ServerMiddleware::PskFor(const Verdict& verdict, std::string_view identity) const {
  if (verdict.accepted() && verdict.device.id != 0) {
    if (auto psk = directory_->OpenPsk(verdict.device.id); psk && psk->size() != 0) {
      return std::move(*psk);
    }
  }
  return directory_->DecoyPsk(identity);
}

void ServerMiddleware::Note(const Verdict& verdict, std::string_view peer) {
  handshakes_.at(static_cast<std::size_t>(verdict.refusal)).fetch_add(1, std::memory_order_relaxed);
  if (!verdict.accepted()) {
    if (refusals_.Refused(verdict, peer)) {
      uses_->Wake();  // the first line that was left out: its thread tells the number
    }
    return;
  }
  if (verdict.device.id != 0 && verdict.device.first_used == 0) {
    uses_->Add(verdict.device.id, verdict.device.name.data());
  }
}

Result<std::vector<Bytes>> ServerMiddleware::ReadCrls() {
  const std::lock_guard lock(crl_mutex_);
  if (!crl_link_) {
    crl_link_ = make_link_();
  }
  if (!crl_link_) {
    return Fail(ErrorDomain::kTransport, "there is no link to the platform");
  }
  auto crls = crl_link_->ReadCrls();
  if (!crls) {
    crl_link_.reset();
  }
  return crls;
}

MiddlewareStatus ServerMiddleware::status() const {
  MiddlewareStatus status{.in_step = follower_.IsWhole() && freshness_.Age() <= kInStepSeconds,
                          .stale = freshness_.IsStale(),
                          .last_contact = freshness_.last_contact(),
                          .feed_number = follower_.feed_number(),
                          .tenant = origin_.tenant,
                          .name = origin_.name,
                          .platform_url = origin_.platform_url,
                          .last_error = {},
                          .size = directory_->size()};
  const std::lock_guard lock(mutex_);
  status.last_error = last_error_;
  return status;
}

std::string ServerMiddleware::Metrics() const {
  MetricValues values{.status = status(),
                      .age_s = freshness_.Age() >= Freshness::kNever ? -1 : freshness_.Age(),
                      .changes = follower_.changes(),
                      .sync_errors = sync_errors_.load(std::memory_order_relaxed),
                      .uses_reported = uses_->reported(),
                      .uses_queued = uses_->queued(),
                      .live = live_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i < values.handshakes.size(); ++i) {
    values.handshakes[i] = handshakes_[i].load(std::memory_order_relaxed);
  }
  return ToPrometheus(values);
}

}  // namespace

Result<std::unique_ptr<Middleware>> OpenAs(MiddlewareOptions options, MakeLink link, Origin origin,
                                           const std::string& copy_file, const SecretBytes& copy_secret,
                                           std::function<void()> maintain) {
  if (!options.log) {
    options.log = LogToStderr;
  }
  SR_TRY(auto directory, Directory::Create());
  std::unique_ptr<LocalCopy> copy;
  if (!copy_file.empty()) {
    SR_TRY(copy, LocalCopy::Open(copy_file, copy_secret));
  }
  auto middleware = std::make_unique<ServerMiddleware>(std::move(options), std::move(link), std::move(origin),
                                                       std::move(directory), std::move(copy), std::move(maintain));
  SR_TRY_VOID(middleware->Start());
  return std::unique_ptr<Middleware>(std::move(middleware));
}

Result<std::unique_ptr<Middleware>> Middleware::OpenWith(MiddlewareOptions options,
                                                         std::function<std::unique_ptr<PlatformLink>()> link,
                                                         std::string tenant, const std::string& copy_file,
                                                         const SecretBytes& copy_secret) {
  return OpenAs(std::move(options), std::move(link), {std::move(tenant), {}, {}}, copy_file, copy_secret);
}

}  // namespace simroot::server
