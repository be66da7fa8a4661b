// SPDX-License-Identifier: Apache-2.0
#include "card/host/file_lock.hpp"

#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <sstream>

#include "common/host/file_io.hpp"

namespace simroot::card {
namespace {

constexpr std::size_t kMaxLockTable = 1'000'000;

/// Reads all of `text` as a number; -1 if it is none.
long long Number(std::string_view text, int base) {
  long long value = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return failure == std::errc{} && end == text.data() + text.size() ? value : -1;
}

/// One line, "1: FLOCK ADVISORY WRITE 1234 08:01:5678 0 EOF". Waiters have "->" in place of the kind and do not match.
struct LockLine {
  std::string kind;
  long long pid = -1;
  long long major_number = -1;
  long long minor_number = -1;
  long long inode = -1;
};

LockLine ParseLine(const std::string& text) {
  std::istringstream words(text);
  std::string number;
  std::string advisory;
  std::string write;
  std::string pid;
  LockLine line;
  std::string major_text;
  std::string minor_text;
  std::string inode;
  words >> number >> line.kind >> advisory >> write >> pid >> std::ws;
  std::getline(words, major_text, ':');
  std::getline(words, minor_text, ':');
  words >> inode;
  line.pid = Number(pid, 10);
  line.major_number = Number(major_text, 16);
  line.minor_number = Number(minor_text, 16);
  line.inode = Number(inode, 10);
  return line;
}

}  // namespace

std::string LockOwner(int fd, const std::string& proc_locks) {
  struct stat status {};
  long long owner = -1;
  if (::fstat(fd, &status) == 0) {
    std::istringstream lines(proc_locks);
    for (std::string text; std::getline(lines, text);) {
      const LockLine line = ParseLine(text);
      if (line.kind != "FLOCK" || line.inode != static_cast<long long>(status.st_ino)) {
        continue;
      }
      const bool same_device = line.major_number == static_cast<long long>(major(status.st_dev)) &&
                               line.minor_number == static_cast<long long>(minor(status.st_dev));
      // Some file systems (btrfs, overlays) show another device number here than to stat: the inode must do then.
      if (same_device || owner < 0) {
        owner = line.pid;
      }
    }
  }
  const bool alive = owner > 0 && (::kill(static_cast<pid_t>(owner), 0) == 0 || errno == EPERM);
  return alive ? "pid " + std::to_string(owner) : "another process";
}

Result<void> LockFile(int fd, const std::string& path) {
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) {
      continue;
    }
    if (errno != EWOULDBLOCK) {
      return tl::unexpected<Error>(FileError("lock", path, errno));
    }
    const auto table = ReadWholeFile("/proc/locks", kMaxLockTable);
    const std::string owner = LockOwner(fd, table ? std::string(AsText(*table)) : std::string());
    const bool mine = owner == "pid " + std::to_string(::getpid());
    return Fail(ErrorDomain::kStore, "card file " + path + " is in use by " + owner + (mine ? " (this program)" : ""),
                mine ? "close the card where it is open" : "end that program, or use another card file");
  }
  return {};
}

}  // namespace simroot::card
