// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "common/host/file_io.hpp"
#include "platform/store/sqlite/backup.hpp"
#include "platform/store/sqlite/reader_pool.hpp"
#include "platform/store/sqlite/schema.hpp"
#include "platform/store/sqlite/store_lock.hpp"
#include "platform/store/sqlite/writer.hpp"

namespace simroot::platform {
namespace {

using namespace std::chrono_literals;
using sqlite::Connection;

constexpr auto kBeginWithin = 30s;
constexpr unsigned kMaxBatch = 4096;

class SqliteStore final : public Store {
 public:
  SqliteStore(const SqliteOptions& options, sqlite::StoreLock lock, sqlite::Writer writer)
      : lock_(std::move(lock)),
        file_(options.file),
        readers_(options.file, options.clock),
        writer_(std::move(writer)),
        thread_([this, limit = options.batch_limit] { WriteAll(limit); }) {}

  ~SqliteStore() override {
    queue_.Close();
    thread_.join();
  }

  Outcome<void> Read(const std::function<Outcome<void>(StoreReader&)>& work) override {
    if (std::this_thread::get_id() == thread_.get_id()) {
      return Refuse(FailureKind::kInternal, "a work on the database has called the database");
    }
    return readers_.Run(work);
  }

  Outcome<void> Write(const std::function<Outcome<void>(StoreWriter&)>& work) override {
    if (std::this_thread::get_id() == thread_.get_id()) {
      return Refuse(FailureKind::kInternal, "a work on the database has called the database");
    }
    return queue_.Submit(work, Deadline::After(kBeginWithin));
  }

  void OnFeed(std::function<void(std::int64_t last)> listener) override {
    const std::scoped_lock lock(listener_mutex_);
    listener_ = std::move(listener);
  }

  Outcome<void> Backup(const std::string& file) override { return sqlite::BackUp(file_, file); }

 private:
  void WriteAll(unsigned limit) {
    for (;;) {
      const auto tickets = queue_.Take(limit);
      if (tickets.empty()) {
        return;
      }
      const std::int64_t last_event = writer_.Run(tickets);
      queue_.Answer(tickets);
      if (last_event != 0) {
        TellListener(last_event);
      }
    }
  }

  // Under the mutex: who takes his listener away waits until it has returned.
  void TellListener(std::int64_t last_event) {
    const std::scoped_lock lock(listener_mutex_);
    if (listener_) {
      listener_(last_event);
    }
  }

  sqlite::StoreLock lock_;  // first: it goes after all connections are closed
  std::string file_;
  sqlite::ReaderPool readers_;
  sqlite::Writer writer_;
  sqlite::WriteQueue queue_;
  std::mutex listener_mutex_;
  std::function<void(std::int64_t last)> listener_;
  std::thread thread_;  // last: it uses everything above
};

/// Makes an empty file for the owner alone; SQLite gives its companions the same rights.
Outcome<void> CreateFile(const std::string& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!fd) {
    return tl::unexpected(Failure(FileError("make", file, errno)));
  }
  SR_TRY_VOID(SyncDirectoryOf(file));
  return {};
}

Outcome<void> CheckFile(const std::string& file, bool create) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0) {
    if (errno == ENOENT && create) {
      return CreateFile(file);
    }
    if (errno == ENOENT) {
      return Refuse(FailureKind::kNotFound, "there is no database " + file,
                    "make one with `simroot platform init`, or put a backup there");
    }
    return tl::unexpected(Failure(FileError("open", file, errno)));
  }
  if (!S_ISREG(status.st_mode)) {
    return Refuse(FailureKind::kInvalid, file + " is not a regular file");
  }
  if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return Refuse(FailureKind::kInvalid, "others than its owner may open the database " + file,
                  "take their rights away with `chmod 600 " + file + "`");
  }
  return {};
}

/// Looks at the file before anything is written to it.
Outcome<void> CheckContent(const std::string& file) {
  SR_TRY(const auto connection, Connection::Open(file, Connection::Mode::kRead));
  auto version = sqlite::CheckVersion(*connection, sqlite::Migrations());
  if (!version) {
    version.error().message = file + ": " + version.error().message;
    return tl::unexpected(version.error());
  }
  return {};
}

}  // namespace

Outcome<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options) {
  if (options.batch_limit < 1 || options.batch_limit > kMaxBatch) {
    return Refuse(FailureKind::kInvalid, "a batch has 1 to " + std::to_string(kMaxBatch) + " works");
  }
  SR_TRY_VOID(CheckFile(options.file, options.create));
  SR_TRY(auto lock, sqlite::StoreLock::Take(options.file));
  SR_TRY_VOID(CheckContent(options.file));
  SR_TRY(auto writer, sqlite::Writer::Open(options.file, options.clock));
  SR_TRY_VOID(sqlite::Migrate(writer.connection(), sqlite::Migrations(), options.clock.Now()));
  return std::make_unique<SqliteStore>(options, std::move(lock), std::move(writer));
}

Outcome<void> BackUpSqliteStore(const std::string& file, const std::string& to) {
  SR_TRY_VOID(CheckFile(file, false));
  SR_TRY_VOID(CheckContent(file));
  return sqlite::BackUp(file, to);
}

}  // namespace simroot::platform
