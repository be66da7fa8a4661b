// SPDX-License-Identifier: Apache-2.0
#include "server/agent/agent.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <filesystem>
#include <mutex>
#include <optional>
#include <thread>

#include "common/crypto/openssl/backend.hpp"
#include "common/host/file_io.hpp"
#include "common/host/unique_fd.hpp"
#include "server/agent/crl_keeper.hpp"
#include "server/agent/listing.hpp"
#include "server/agent/published_file.hpp"
#include "server/agent/reloader.hpp"

namespace simroot::server {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned kPublic = 0644;
constexpr unsigned kSecret = 0600;
constexpr mode_t kDirectoryMode = 0755;
constexpr std::chrono::seconds kTick{1};
constexpr std::chrono::seconds kLongestRetry{60};

constexpr std::size_t kNobodysKeySize = 32;

constexpr const char* kAuthorities = "ca.pem";
constexpr const char* kCrls = "crl.pem";
constexpr const char* kPsk = "psk.txt";
constexpr const char* kNginx = "nginx-devices.conf";
constexpr const char* kHaproxy = "haproxy-devices.map";
constexpr std::array kFiles{kAuthorities, kCrls, kPsk, kNginx, kHaproxy};

[[nodiscard]] UnixTime Now() {
  return static_cast<UnixTime>(std::time(nullptr));
}

/// The directory, for this agent alone. Whoever may write into it decides who is let in.
[[nodiscard]] Result<UniqueFd> TakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
    return tl::make_unexpected(FileError("make the directory", path, errno));
  }
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return tl::make_unexpected(FileError("open the directory", path, errno));
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 || status.st_uid != ::geteuid()) {
    return Fail(ErrorDomain::kStore, "cannot use " + path + ": others than this user may write into it",
                "chmod 755 " + path + ", or choose another directory");
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    return Fail(ErrorDomain::kUsage, "another agent writes into " + path, "stop it first, or choose another directory");
  }
  return fd;
}

/// Temporary files of an agent that was killed: one may hold keys.
void RemoveRemains(const std::string& directory) {
  constexpr std::size_t kSuffix = 7;  // ".XXXXXX", file_io.hpp
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (std::ranges::any_of(kFiles, [&](std::string_view file) {
          return name.size() == file.size() + kSuffix && name.starts_with(file) && name[file.size()] == '.';
        })) {
      std::filesystem::remove(entry.path(), error);
    }
  }
}

using NobodysKey = SecretArray<32>;

/// A key that nobody has: random, but the one that is in the file if there is one, so that a restart changes nothing.
[[nodiscard]] Result<void> FindNobodysKey(const std::string& path, NobodysKey& key) {
  if (auto content = ReadWholeFile(path, kNobody.size() + 2 * kNobodysKeySize + 1)) {
    const std::string_view text = AsText(*content);
    if (text.starts_with(kNobody)) {
      if (auto bytes = FromHex(text.substr(kNobody.size()))) {
        const bool taken = bytes->size() >= kMinPsk && key.Assign(*bytes);
        Wipe(*bytes);
        if (taken) {
          Wipe(*content);
          return {};
        }
      }
    }
    Wipe(*content);
  }
  const crypto::Backend* const backend = crypto::Backend::Get();
  const ByteSpan bytes = key.Prepare(kNobodysKeySize);
  if (backend == nullptr || RAND_priv_bytes_ex(backend->context(), bytes.data(), bytes.size(), 0) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL gives no random numbers", "check the installation of OpenSSL");
  }
  return {};
}

class AgentImpl final : public Agent {
 public:
  AgentImpl(Middleware& middleware, AgentOptions options, UniqueFd directory)
      : middleware_(middleware),
        options_(std::move(options)),
        directory_(std::move(directory)),
        authorities_file_(options_.out + "/" + kAuthorities, kPublic),
        crl_file_(options_.out + "/" + kCrls, kPublic),
        psk_file_(options_.out + "/" + kPsk, kSecret),
        nginx_file_(options_.out + "/" + kNginx, kPublic),
        haproxy_file_(options_.out + "/" + kHaproxy, kPublic) {}
  ~AgentImpl() override;

  [[nodiscard]] Result<void> WriteOnce(const std::atomic<bool>& stop) override;
  void Start() override;
  [[nodiscard]] Result<void> Prepare() { return FindNobodysKey(psk_file_.path(), nobodys_key_); }

 private:
  void Run();
  /// Waits until there is something to write; false: stop.
  [[nodiscard]] bool WaitForChange();
  /// What changes without a word from the platform: CAs, staleness, the end of a credential or of a CRL.
  void Look();
  void MarkDirty();
  /// Writes what has changed. @returns whether anything has. All files are tried; the first error counts.
  [[nodiscard]] Result<bool> WriteAll(const Crls* crls);
  void Collect(Listing& listing);
  void Log(LogLevel level, const std::string& line) const { options_.log(level, line); }

  Middleware& middleware_;
  AgentOptions options_;
  UniqueFd directory_;  ///< holds the lock
  PublishedFile authorities_file_, crl_file_, psk_file_, nginx_file_, haproxy_file_;
  NobodysKey nobodys_key_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool dirty_ = true;
  bool stop_ = false;
  Clock::time_point last_change_ = Clock::now();
  Clock::time_point first_change_ = last_change_;

  // Of the writing thread.
  std::shared_ptr<const std::string> known_authorities_;
  std::optional<bool> was_stale_;
  UnixTime next_boundary_ = 0;  ///< when a credential begins or ends to be valid; 0: none does
  std::size_t left_out_ = 0;
  bool crl_end_told_ = false;
  unsigned failures_ = 0;

  // Destroyed in this order: no more changes, no more CRLs, no more commands.
  std::unique_ptr<Reloader> reloader_;
  std::unique_ptr<CrlKeeper> crls_;
  std::shared_ptr<void> listener_;
  std::thread thread_;
};

AgentImpl::~AgentImpl() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
  listener_.reset();
  crls_.reset();
  reloader_.reset();
}

void AgentImpl::MarkDirty() {
  {
    const std::lock_guard lock(mutex_);
    last_change_ = Clock::now();
    if (!dirty_) {
      first_change_ = last_change_;
    }
    dirty_ = true;
  }
  changed_.notify_all();
}

void AgentImpl::Start() {
  known_authorities_ = middleware_.Authorities();  // before the CRLs are asked for
  reloader_ = std::make_unique<Reloader>(options_.reload, options_.command_limit, options_.log);
  if (options_.crl) {
    crls_ = std::make_unique<CrlKeeper>(middleware_, options_.log, [this] { MarkDirty(); });
  }
  listener_ = middleware_.Listen([this](const Change& change) {
    if (crls_ != nullptr) {
      crls_->Expect(change);
    }
    MarkDirty();
  });
  thread_ = std::thread([this] { Run(); });
}

void AgentImpl::Look() {
  auto authorities = middleware_.Authorities();
  const bool stale = middleware_.status().stale;
  const UnixTime now = Now();
  if (authorities != known_authorities_ && crls_ != nullptr) {
    crls_->AskAgain();
  }
  if (authorities != known_authorities_ || stale != was_stale_ || (next_boundary_ != 0 && next_boundary_ <= now)) {
    MarkDirty();
  }
  known_authorities_ = std::move(authorities);
  was_stale_ = stale;
  const auto crls = crls_ == nullptr ? nullptr : crls_->current();
  const bool ended = crls != nullptr && crls->next_update() <= now;
  if (ended && !crl_end_told_) {
    Log(LogLevel::kError, "the CRLs have ended and the platform gives no new ones: nginx and HAProxy refuse everybody");
  }
  crl_end_told_ = ended;
}

bool AgentImpl::WaitForChange() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stop_) {
      return false;
    }
    const auto now = Clock::now();
    if (!dirty_) {
      changed_.wait_until(lock, now + kTick);
      if (!dirty_ && !stop_) {
        lock.unlock();
        Look();
        lock.lock();
      }
      continue;
    }
    const auto when = std::min(last_change_ + options_.quiet, first_change_ + options_.longest);
    if (now >= when) {
      dirty_ = false;
      return true;
    }
    changed_.wait_until(lock, when);
  }
}

void AgentImpl::Collect(Listing& listing) {
  const UnixTime now = Now();
  next_boundary_ = 0;
  const auto boundary = [&](UnixTime at) {
    if (at > now && (next_boundary_ == 0 || at < next_boundary_)) {
      next_boundary_ = at;
    }
  };
  middleware_.directory().ForEach([&](const Credential& credential) {
    const Refusal verdict = middleware_.JudgeAgain(credential.id).refusal;
    // nginx and HAProxy look at the times of certificates themselves.
    if (credential.kind == CredentialKind::kPsk) {
      boundary(credential.not_before);
      boundary(credential.not_after);
    }
    listing.Add(credential, verdict);
  });
}

Result<bool> AgentImpl::WriteAll(const Crls* crls) {
  bool any = false;
  Result<void> all{};
  const auto publish = [&](PublishedFile& file, ByteView content) {
    auto done = file.Publish(content);
    if (done && *done) {
      any = true;
      Log(LogLevel::kInfo, "written file=" + file.path() + " bytes=" + std::to_string(content.size()));
    } else if (!done && all) {
      all = tl::make_unexpected(std::move(done).error());
    }
  };
  const auto authorities = middleware_.Authorities();
  publish(authorities_file_, AsBytes(authorities == nullptr ? std::string_view() : std::string_view(*authorities)));
  if (crls != nullptr) {
    publish(crl_file_, AsBytes(crls->pem()));
  }
  Listing listing;
  Collect(listing);
  publish(nginx_file_, AsBytes(listing.NginxDevices()));
  publish(haproxy_file_, AsBytes(listing.HaproxyDevices()));
  if (options_.psk) {
    listing.FillEmptyPsk(nobodys_key_.Reveal(InsecureReveal::kForStore));
    publish(psk_file_, listing.PskLines().Reveal(InsecureReveal::kForStore));
  }
  if (listing.left_out().size() != left_out_) {
    left_out_ = listing.left_out().size();
    if (left_out_ != 0) {
      Log(LogLevel::kWarning, std::to_string(left_out_) +
                                  " credentials cannot be written and are refused, the last is " +
                                  listing.left_out().back());
    }
  }
  if (!all) {
    // A reload would be a try with half of the change; it comes when all is written.
    return tl::make_unexpected(std::move(all).error());
  }
  return any;
}

void AgentImpl::Run() {
  bool reload = false;
  while (WaitForChange()) {
    const auto crls = crls_ == nullptr ? nullptr : crls_->current();
    const auto written = WriteAll(crls.get());
    if (written) {
      reload = *written || reload;
      if (std::exchange(failures_, 0) != 0) {
        Log(LogLevel::kInfo, "the files are written again");
      }
      if (std::exchange(reload, false)) {
        reloader_->Trigger();
      }
      continue;
    }
    // Some files may have the new content: the reload is still owed.
    reload = true;
    const auto pause = std::min(kLongestRetry, std::chrono::seconds(1U << std::min(failures_, 6U)));
    if (failures_++ == 0) {
      Log(LogLevel::kError, written.error().Text() + "; trying again");
    }
    std::unique_lock lock(mutex_);
    dirty_ = true;
    changed_.wait_for(lock, pause, [this] { return stop_; });
    first_change_ = last_change_ = Clock::now() - options_.longest;
  }
}

Result<void> AgentImpl::WriteOnce(const std::atomic<bool>& stop) {
  Result<void> result{};
  std::optional<Crls> crls;
  if (options_.crl) {
    auto asked = CrlKeeper::Ask(middleware_);
    if (asked) {
      crls = std::move(*asked);
    } else if (::access(crl_file_.path().c_str(), F_OK) == 0) {
      Log(LogLevel::kWarning, "the CRLs stay as they are: " + asked.error().Text());
    } else {
      result = tl::make_unexpected(std::move(asked).error());
    }
  }
  const auto written = WriteAll(crls ? &*crls : nullptr);
  if (!written) {
    return tl::make_unexpected(written.error());
  }
  if (*written) {
    auto reloaded = Reloader::RunAll(options_.reload, options_.command_limit, stop);
    if (!reloaded && result) {
      result = std::move(reloaded);
    }
  }
  return result;
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::Create(Middleware& middleware, AgentOptions options) {
  SR_TRY(UniqueFd directory, TakeDirectory(options.out));
  RemoveRemains(options.out);
  auto agent = std::make_unique<AgentImpl>(middleware, std::move(options), std::move(directory));
  SR_TRY_VOID(agent->Prepare());
  return agent;
}

}  // namespace simroot::server
