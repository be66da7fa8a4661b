// SPDX-License-Identifier: Apache-2.0
#include "card/host/file_nvm.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <limits>
#include <system_error>

#include "card/host/file_lock.hpp"
#include "common/host/file_io.hpp"

namespace simroot::card {
namespace {

constexpr unsigned kOpenAttempts = 5;

tl::unexpected<Error> FailWith(const std::string& doing, const std::string& path, int error_number) {
  return tl::unexpected<Error>(FileError(doing, path, error_number));
}

/// Removes a temporary file unless it has been given its final name.
class TemporaryName {
 public:
  explicit TemporaryName(std::string name) : name_(std::move(name)) {}
  ~TemporaryName() {
    if (!name_.empty()) {
      ::unlink(name_.c_str());
    }
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;

  /// Gives the file the name `path`, never replacing one that exists. 0, or the errno value.
  [[nodiscard]] int Publish(const std::string& path) {
    if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0) {
      name_.clear();
      return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
      return errno;
    }
    // A file system without RENAME_NOREPLACE: a second name, then the destructor removes the first.
    return ::link(name_.c_str(), path.c_str()) == 0 ? 0 : errno;
  }

 private:
  std::string name_;
};

/// Refuses what cannot be a card's memory, before anything is locked or read.
Result<void> CheckFile(const struct stat& status, const std::string& path) {
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorDomain::kStore, "cannot open card file " + path + ": it is not a regular file",
                "give the path of a file made by `simroot card create`");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(ErrorDomain::kStore, "cannot open card file " + path + ": other users may write into it",
                "chmod 600 " + path + " if you trust its content");
  }
  if (status.st_size == 0) {
    return Fail(ErrorDomain::kStore, "cannot open card file " + path + ": it is empty",
                "remove it and make a new card with `simroot card create`");
  }
  return {};
}

bool IsStillAt(const struct stat& status, const std::string& path) {
  struct stat named {};
  return ::lstat(path.c_str(), &named) == 0 && named.st_ino == status.st_ino && named.st_dev == status.st_dev;
}

}  // namespace

FileNvm::FileNvm(std::string path, UniqueFd fd, std::size_t size)
    : path_(std::move(path)), fd_(std::move(fd)), size_(size), owner_(::getpid()) {}

Result<std::unique_ptr<FileNvm>> FileNvm::Open(const std::string& path) {
  for (unsigned attempt = 0; attempt < kOpenAttempts; ++attempt) {
    // O_NONBLOCK: a pipe in place of the file must not make us wait. It means nothing for regular files.
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) {
      return FailWith("open card file", path, errno);
    }
    SR_TRY_VOID(CheckFile(status, path));
    SR_TRY_VOID(LockFile(fd.get(), path));
    // Between open and lock the name may have gone to another file; a lock on the old one protects nothing.
    if (IsStillAt(status, path)) {
      return std::unique_ptr<FileNvm>(new FileNvm(path, std::move(fd), static_cast<std::size_t>(status.st_size)));
    }
  }
  return Fail(ErrorDomain::kStore, "cannot open card file " + path + ": it is being replaced again and again",
              "end the program that does so");
}

Result<std::unique_ptr<FileNvm>> FileNvm::Create(const std::string& path, std::size_t size, const Fill& fill) {
  const std::string doing = "make card file";
  if (size == 0 || size > static_cast<std::size_t>(std::numeric_limits<off_t>::max())) {
    return Fail(ErrorDomain::kUsage, "a card file cannot have " + std::to_string(size) + " bytes");
  }
  if (::access(path.c_str(), F_OK) == 0) {
    // Only to say it early; Publish is what guarantees it.
    return FailWith(doing, path, EEXIST);
  }
  std::string name = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) {
    return FailWith(doing, path, errno);
  }
  TemporaryName temporary(name);
  SR_TRY_VOID(LockFile(fd.get(), path));
  if (const int reason = ::posix_fallocate(fd.get(), 0, static_cast<off_t>(size)); reason != 0) {
    return FailWith(doing, path, reason);
  }
  std::unique_ptr<FileNvm> memory(new FileNvm(path, std::move(fd), size));
  if (fill) {
    SR_TRY_VOID(fill(*memory));
  }
  if (::fsync(memory->fd_.get()) != 0) {
    return FailWith(doing, path, errno);
  }
  if (const int reason = temporary.Publish(path); reason != 0) {
    return FailWith(doing, path, reason);
  }
  if (auto synced = SyncDirectoryOf(path); !synced) {
    ::unlink(path.c_str());
    return tl::unexpected<Error>(std::move(synced).error());
  }
  return memory;
}

bool FileNvm::Refuse(const std::string& message) {
  last_error_ = "card file " + path_ + ": " + message;
  return false;
}

bool FileNvm::Usable(std::size_t offset, std::size_t count) {
  if (::getpid() != owner_) {
    return Refuse("opened by process " + std::to_string(owner_) + ", used after fork in process " +
                  std::to_string(::getpid()));
  }
  if (offset > size_ || count > size_ - offset) {
    return Refuse(std::to_string(count) + " bytes at " + std::to_string(offset) + " are outside its " +
                  std::to_string(size_) + " bytes");
  }
  return true;
}

FileNvm::~FileNvm() {
  if (fd_ && ::getpid() == owner_) {
    ::flock(fd_.get(), LOCK_UN);
  }
}

bool FileNvm::Read(std::size_t offset, ByteSpan out) {
  if (!Usable(offset, out.size())) {
    return false;
  }
  while (!out.empty()) {
    const ssize_t got = ::pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return Refuse(got == 0 ? "it has been made shorter by another program"
                             : "cannot read: " + std::generic_category().message(errno));
    }
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::size_t>(got);
  }
  return true;
}

bool FileNvm::Write(std::size_t offset, ByteView data) {
  if (!Usable(offset, data.size())) {
    return false;
  }
  if (lost_) {
    return Refuse("cannot write: an earlier write never reached the disk; open the card again");
  }
  while (!data.empty()) {
    const ssize_t written = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0) {
      return Refuse("cannot write: " + std::generic_category().message(errno));
    }
    data = data.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::size_t>(written);
  }
  return true;
}

bool FileNvm::Sync() {
  if (!Usable(0, 0)) {
    return false;
  }
  if (lost_) {
    return Refuse("cannot write: an earlier write never reached the disk; open the card again");
  }
  if (::fdatasync(fd_.get()) != 0) {
    lost_ = true;
    return Refuse("cannot make its content permanent: " + std::generic_category().message(errno));
  }
  return true;
}

}  // namespace simroot::card
