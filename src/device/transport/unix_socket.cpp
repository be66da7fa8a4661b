// SPDX-License-Identifier: Apache-2.0
#include "device/transport/unix_socket.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "device/transport/retry_timer.hpp"

namespace simroot::device {

int ConnectUnixSocket(int fd, const std::string& path, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return ENAMETOOLONG;
  }
  path.copy(&address.sun_path[0], path.size());
  RetryTimer timer(deadline);
  int error = 0;
  do {
    error = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
  } while (error == EINTR || (error == EAGAIN && timer.Wait()));
  return error;
}

bool WaitForEvents(int fd, short events, Deadline deadline) {
  int ready = 0;
  do {
    pollfd watched{fd, events, 0};
    ready = ::poll(&watched, 1, deadline.PollTimeoutMs());
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace simroot::device
