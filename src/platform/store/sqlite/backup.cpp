// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/host/file_io.hpp"
#include "common/host/unique_fd.hpp"
#include "platform/store/sqlite/connection.hpp"

namespace simroot::platform::sqlite {
namespace {

tl::unexpected<Failure> Exists(const std::string& file) {
  return Refuse(FailureKind::kConflict, "the file " + file + " exists", "choose another name for the backup");
}

Outcome<void> MakeEmpty(const std::string& file) {
  // What a back-up that was interrupted has left is in nobody's way.
  static_cast<void>(::unlink(file.c_str()));
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!fd) {
    return tl::unexpected(Failure(FileError("make", file, errno)));
  }
  return {};
}

Outcome<void> MakePermanent(const std::string& partial, const std::string& file) {
  {
    const UniqueFd fd(::open(partial.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) {
      return tl::unexpected(Failure(FileError("make permanent", partial, errno)));
    }
  }
  // A link, because renaming would replace a file that has come meanwhile.
  if (::link(partial.c_str(), file.c_str()) != 0) {
    if (errno == EEXIST) {
      return Exists(file);
    }
    return tl::unexpected(Failure(FileError("make", file, errno)));
  }
  SR_TRY_VOID(SyncDirectoryOf(file));
  return {};
}

}  // namespace

Outcome<void> BackUp(const std::string& from, const std::string& to) {
  if (::access(to.c_str(), F_OK) == 0) {
    return Exists(to);
  }
  const std::string partial = to + ".partial";
  SR_TRY_VOID(MakeEmpty(partial));
  const auto copy = [&]() -> Outcome<void> {
    SR_TRY(const auto connection, Connection::Open(from, Connection::Mode::kRead));
    SR_TRY_VOID(connection->Change("VACUUM INTO ?", partial));
    return MakePermanent(partial, to);
  };
  auto outcome = copy();
  static_cast<void>(::unlink(partial.c_str()));
  return outcome;
}

}  // namespace simroot::platform::sqlite
