// SPDX-License-Identifier: Apache-2.0
#include "device/client/private_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstdio>

namespace simroot::device::client {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;

[[nodiscard]] bool OnlyWeWrite(const struct stat& status) {
  return status.st_uid == ::geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/// mkdir for the path and its parents; what exists already is left as it is.
void MakeDirectories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    if (::mkdir(path.substr(0, end).c_str(), kDirectoryMode) != 0 && errno != EEXIST) {
      return;
    }
    if (end == std::string::npos) {
      return;
    }
  }
}

[[nodiscard]] bool WriteAll(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written <= 0) {
      return false;
    }
    content = content.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

[[nodiscard]] bool ReadAll(int fd, ByteSpan content) {
  while (!content.empty()) {
    const ssize_t count = ::read(fd, content.data(), content.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return false;
    }
    content = content.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

/// Unique among the processes and threads that may write the same file at once.
[[nodiscard]] std::string TemporaryName(const std::string& name) {
  static std::atomic<unsigned> serial{0};
  return "." + name + "." + std::to_string(::getpid()) + "." + std::to_string(serial.fetch_add(1));
}

}  // namespace

PrivateDirectory::PrivateDirectory(const std::string& path, IfMissing if_missing) {
  if (path.empty()) {
    return;
  }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::open(path.c_str(), kFlags));
  if (!fd && errno == ENOENT && if_missing == IfMissing::kCreate) {
    MakeDirectories(path);
    fd = UniqueFd(::open(path.c_str(), kFlags));
  }
  struct stat status {};
  if (fd && ::fstat(fd.get(), &status) == 0 && OnlyWeWrite(status)) {
    fd_ = std::move(fd);
  }
}

std::optional<Bytes> PrivateDirectory::Read(const std::string& name, std::size_t max_size) const {
  if (!ok()) {
    return std::nullopt;
  }
  // O_NONBLOCK: a FIFO of that name must not stop us.
  const UniqueFd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || !OnlyWeWrite(status) ||
      static_cast<std::size_t>(status.st_size) > max_size) {
    return std::nullopt;
  }
  Bytes content(static_cast<std::size_t>(status.st_size));
  if (!ReadAll(fd.get(), content)) {
    return std::nullopt;
  }
  return content;
}

bool PrivateDirectory::Replace(const std::string& name, ByteView content) const {
  if (!ok()) {
    return false;
  }
  const std::string temporary = TemporaryName(name);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  UniqueFd fd(::openat(fd_.get(), temporary.c_str(), kFlags, kFileMode));
  if (!fd) {
    return false;
  }
  const bool written = WriteAll(fd.get(), content);
  fd.Reset();
  if (written && ::renameat(fd_.get(), temporary.c_str(), fd_.get(), name.c_str()) == 0) {
    return true;
  }
  ::unlinkat(fd_.get(), temporary.c_str(), 0);
  return false;
}

}  // namespace simroot::device::client
