// SPDX-License-Identifier: Apache-2.0
#include "device/client/pin_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "common/host/unique_fd.hpp"

namespace simroot::device::client {

Result<void> ReadPinFile(const std::string& path, UserPin& pin) {
  const auto cannot = [&](const std::string& why) {
    return Fail(ErrorDomain::kUsage, "the PIN file " + path + " cannot be used: " + why,
                "give a file with the PIN as its only line, which nobody but its owner may read");
  };
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return cannot(std::generic_category().message(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    return cannot("it is not a regular file");
  }
  if ((status.st_mode & 077U) != 0) {
    return cannot("others than its owner may use it");
  }
  // One byte more than PIN and end of line (CR LF) can have, to see a file that is longer.
  SecretArray<kMaxUserPinSize + 3> text;
  const ByteSpan space = text.Prepare(kMaxUserPinSize + 3);
  std::size_t size = 0;
  while (size < space.size()) {
    const ssize_t got = ::read(fd.get(), &space[size], space.size() - size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return cannot(std::generic_category().message(errno));
    }
    if (got == 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
  }
  const auto ends_with = [&](char end) { return size > 0 && space[size - 1] == static_cast<std::uint8_t>(end); };
  size -= ends_with('\n') ? 1 : 0;
  size -= ends_with('\r') ? 1 : 0;
  const ByteView line = space.first(size);
  if (line.empty() || std::ranges::find(line, '\n') != line.end() || !pin.Assign(line)) {
    return cannot("it does not hold one line of 1 to " + std::to_string(kMaxUserPinSize) + " bytes");
  }
  return {};
}

}  // namespace simroot::device::client
