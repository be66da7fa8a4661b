// SPDX-License-Identifier: Apache-2.0
#include "common/host/file_io.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "common/host/unique_fd.hpp"

namespace simroot {
namespace {

std::string NextStep(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "free some space on that file system and try again";
    case EACCES:
    case EPERM:
      return "check the owner and the rights of the file and of its directory, or choose another path";
    case ENOENT:
      return "check the spelling of the path; the directory must exist";
    case EEXIST:
      return "remove it if it is not needed, or choose another path";
    case ENOTDIR:
      return "a part of the path is a file; choose another path";
    case EISDIR:
      return "that is a directory; give the path of a file";
    case ELOOP:
      return "that is a symbolic link; give the path it points to";
    case EROFS:
      return "choose a path on a file system that can be written";
    case EFBIG:
      return "raise the limit of file sizes (ulimit -f), or choose another file system";
    case EMFILE:
    case ENFILE:
      return "close other files, or raise the limit of open files (ulimit -n)";
    case EIO:
      return "the disk may be failing; look into the system's log";
    default:
      return {};
  }
}

tl::unexpected<Error> FailWith(const std::string& doing, const std::string& path, int error_number) {
  return tl::unexpected<Error>(FileError(doing, path, error_number));
}

bool WriteAll(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      return false;
    }
    bytes = bytes.subspan(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Error FileError(const std::string& doing, const std::string& path, int error_number) {
  return Error{ErrorDomain::kStore,
               "cannot " + doing + " " + path + ": " + std::generic_category().message(error_number),
               NextStep(error_number)};
}

Result<void> SyncDirectoryOf(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) {
    directory = ".";
  }
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // EINVAL: a file system that has nothing to make permanent in a directory.
  if (!fd || (::fsync(fd.get()) != 0 && errno != EINVAL)) {
    return FailWith("make permanent the directory", directory, errno);
  }
  return {};
}

Result<void> WriteFileAtomically(const std::string& path, ByteView bytes, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  const UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) {
    return FailWith("write", path, errno);
  }
  if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0 || !WriteAll(fd.get(), bytes) || ::fsync(fd.get()) != 0 ||
      ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    return FailWith("write", path, reason);
  }
  return SyncDirectoryOf(path);
}

Result<Bytes> ReadWholeFile(const std::string& path, std::size_t max_bytes) {
  // O_NONBLOCK: opening a pipe without a writer must not wait before it is refused.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return FailWith("read", path, errno);
  }
  if (S_ISDIR(status.st_mode)) {
    return FailWith("read", path, EISDIR);
  }
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorDomain::kStore, "cannot read " + path + ": it is not a regular file",
                "copy what it gives into a file first");
  }
  Bytes content;
  std::array<std::uint8_t, 16384> block{};
  for (;;) {
    const ssize_t got = ::read(fd.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return FailWith("read", path, errno);
    }
    if (got == 0) {
      return content;
    }
    if (static_cast<std::size_t>(got) > max_bytes - content.size()) {
      return Fail(ErrorDomain::kStore,
                  "cannot read " + path + ": it has more than " + std::to_string(max_bytes) + " bytes",
                  "check that it is the right file");
    }
    content.insert(content.end(), block.begin(), block.begin() + got);
  }
}

Result<void> MakePrivateDirectory(const std::string& path) {
  std::filesystem::path whole(path);
  if (!whole.has_filename()) {
    whole = whole.parent_path();  // "dir/": with the slash a link would be followed
  }
  std::filesystem::path part;
  for (const std::filesystem::path& name : whole) {
    part /= name;
    if (::mkdir(part.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
      return FailWith("make the directory", part.string(), errno);
    }
  }
  struct stat status {};
  if (::lstat(whole.c_str(), &status) != 0) {
    return FailWith("make the directory", path, errno);
  }
  if (S_ISLNK(status.st_mode)) {
    return FailWith("use as private directory", path, ELOOP);
  }
  if (!S_ISDIR(status.st_mode)) {
    return Fail(ErrorDomain::kStore, "cannot make the directory " + path + ": a file has that name",
                "remove the file, or choose another path");
  }
  if (status.st_uid != ::geteuid()) {
    return Fail(ErrorDomain::kStore,
                "cannot use " + path + ": it belongs to user " + std::to_string(status.st_uid) + ", not to user " +
                    std::to_string(::geteuid()),
                "choose another directory, or change its owner");
  }
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
    return Fail(ErrorDomain::kStore, "cannot use " + path + ": other users may write into it", "chmod 700 " + path);
  }
  return {};
}

}  // namespace simroot
