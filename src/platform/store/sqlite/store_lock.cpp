// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/store_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "common/host/file_io.hpp"

namespace simroot::platform::sqlite {
namespace {

std::string ReadHolder(int fd) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  std::string number(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  number.erase(std::min(number.find('\n'), number.size()));
  return number.empty() ? "another process" : "process " + number;
}

}  // namespace

Outcome<StoreLock> StoreLock::Take(const std::string& database) {
  const std::string path = database + ".lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!fd) {
    return tl::unexpected(Failure(FileError("open", path, errno)));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return tl::unexpected(Failure(FileError("lock", path, errno)));
    }
    return Refuse(FailureKind::kConflict, "the database " + database + " is in use by " + ReadHolder(fd.get()),
                  "end it first, or go through its API");
  }
  const std::string holder = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    return tl::unexpected(Failure(FileError("write", path, errno)));
  }
  return StoreLock(std::move(fd));
}

}  // namespace simroot::platform::sqlite
