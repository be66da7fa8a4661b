// SPDX-License-Identifier: Apache-2.0
#include "device/daemon/listener.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/base/crc32.hpp"
#include "common/host/file_io.hpp"

namespace simroot::device::daemon {
namespace {

constexpr int kFirstHandedFd = 3;  // SD_LISTEN_FDS_START
constexpr int kBacklog = 64;

tl::unexpected<Error> Cannot(const std::string& doing, const std::string& path, int error_number) {
  return Unexpected(FileError(doing, path, error_number));
}

[[nodiscard]] std::optional<std::uint64_t> Number(const char* text) {
  if (text == nullptr) {
    return std::nullopt;
  }
  const std::string_view view(text);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  return error == std::errc() && end == view.data() + view.size() && !view.empty() ? std::optional(value)
                                                                                   : std::nullopt;
}

[[nodiscard]] Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return Fail(ErrorDomain::kUsage,
                "the path of the socket has " + std::to_string(path.size()) + " characters, a socket takes 1 to " +
                    std::to_string(sizeof address.sun_path - 1),
                "give a path of that length with --socket");
  }
  path.copy(&address.sun_path[0], path.size());
  return address;
}

[[nodiscard]] Result<gid_t> GroupId(const std::string& name) {
  std::vector<char> memory(16384);
  group entry{};
  group* found = nullptr;
  if (::getgrnam_r(name.c_str(), &entry, memory.data(), memory.size(), &found) == 0 && found != nullptr) {
    return found->gr_gid;
  }
  if (const auto number = Number(name.c_str()); number && *number < UINT32_MAX) {
    return static_cast<gid_t>(*number);
  }
  return Fail(ErrorDomain::kUsage, "there is no group " + name, "make it with: groupadd --system " + name);
}

/// Removes a socket that a killed daemon has left, and nothing else.
[[nodiscard]] Result<void> RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Result<void>() : Cannot("look at", path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Fail(ErrorDomain::kStore, path + " exists and is no socket", "give another path with --socket");
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int connected = ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (connected == 0 || errno != ECONNREFUSED) {
    return Fail(ErrorDomain::kStore, "somebody listens on " + path + " already",
                "stop that daemon, or give another path with --socket");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Cannot("remove the old socket", path, errno);
  }
  return {};
}

[[nodiscard]] std::string PathOf(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 || address.sun_family != AF_UNIX) {
    return {};
  }
  return std::string(&address.sun_path[0], ::strnlen(&address.sun_path[0], sizeof address.sun_path));
}

[[nodiscard]] bool IsListeningStream(int fd) {
  const auto option = [fd](int name) {
    int value = 0;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  return option(SO_ACCEPTCONN) == 1 && option(SO_TYPE) == SOCK_STREAM && option(SO_DOMAIN) == AF_UNIX;
}

}  // namespace

Result<Listener> Listener::Make(const ListenerOptions& options) {
  SR_TRY(const sockaddr_un address, AddressOf(options.path));
  gid_t group = static_cast<gid_t>(-1);
  if (!options.group.empty()) {
    SR_TRY(group, GroupId(options.group));
  }
  SR_TRY_VOID(RemoveStale(options.path, address));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // A socket's file gets the rights of the descriptor: for its owner only, until it belongs to the right group.
  if (!fd || ::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Cannot("make the socket", options.path, errno);
  }
  Listener listener(std::move(fd), options.path);
  struct stat status {};
  if (::lstat(options.path.c_str(), &status) != 0) {
    return Cannot("make the socket", options.path, errno);
  }
  listener.made_here_ = true;
  listener.device_ = status.st_dev;
  listener.inode_ = status.st_ino;
  // Nobody can connect before listen().
  if ((!options.group.empty() && ::lchown(options.path.c_str(), static_cast<uid_t>(-1), group) != 0) ||
      ::chmod(options.path.c_str(), options.mode) != 0 || ::listen(listener.fd(), kBacklog) != 0) {
    return Cannot("give its rights to the socket", options.path, errno);
  }
  return listener;
}

Result<std::optional<Listener>> Listener::FromServiceManager() {
  const auto pid = Number(::getenv("LISTEN_PID"));
  const auto count = Number(::getenv("LISTEN_FDS"));
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  if (!pid || *pid != static_cast<std::uint64_t>(::getpid()) || !count || *count == 0) {
    return std::optional<Listener>();
  }
  if (*count != 1 || !IsListeningStream(kFirstHandedFd)) {
    return Fail(ErrorDomain::kUsage, "the service manager handed over something else than one listening unix socket",
                "see packaging/systemd/simroot-carded.socket");
  }
  if (::fcntl(kFirstHandedFd, F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(kFirstHandedFd, F_SETFL, O_NONBLOCK) != 0) {
    return Fail(ErrorDomain::kStore,
                std::string("the socket of the service manager cannot be used: ") + std::strerror(errno));
  }
  return std::optional<Listener>(Listener(UniqueFd(kFirstHandedFd), PathOf(kFirstHandedFd)));
}

Listener::~Listener() {
  struct stat status {};
  // fd_ is empty in what was moved from. Somebody may have put another socket at the path since.
  if (fd_ && made_here_ && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Result<PortClaim> PortClaim::Take(const std::string& directory, const CardUri& card) {
  SR_TRY_VOID(MakePrivateDirectory(directory));
  char* const real = ::realpath(card.path.c_str(), nullptr);
  const std::string identity = card.scheme + ":" + (real != nullptr ? std::string(real) : card.path);
  std::free(real);
  std::array<std::uint8_t, 4> crc{};
  ByteWriter out(crc);
  out.PutU32(Crc32Of(AsBytes(identity)));
  const std::string path = directory + "/carded-" + ToHex(crc) + ".lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!fd) {
    return Cannot("open", path, errno);
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return Cannot("lock", path, errno);
    }
    std::array<char, 32> pid{};
    const ssize_t size = ::pread(fd.get(), pid.data(), pid.size(), 0);
    const std::string who = size > 0 ? " (pid " + std::string(pid.data(), static_cast<std::size_t>(size)) + ")" : "";
    return Fail(ErrorDomain::kStore, "another card daemon" + who + " owns " + card.text,
                "use that one, or stop it first");
  }
  const std::string pid = std::to_string(::getpid());
  // Only for the message above: without it, the lock still holds.
  if (::ftruncate(fd.get(), 0) == 0) {
    static_cast<void>(::pwrite(fd.get(), pid.data(), pid.size(), 0) > 0);
  }
  return PortClaim(std::move(fd));
}

std::string DefaultDaemonDirectory() {
  if (const char* const runtime = ::secure_getenv("RUNTIME_DIRECTORY"); runtime != nullptr && *runtime == '/') {
    const std::string_view all(runtime);
    return std::string(all.substr(0, all.find(':')));
  }
  if (const char* const runtime = ::secure_getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime == '/') {
    return std::string(runtime) + "/simroot";
  }
  return ::geteuid() == 0 ? std::string("/run/simroot-carded") : "/tmp/simroot-carded-" + std::to_string(::geteuid());
}

void NotifyServiceManager(std::string_view state) {
  const char* const path = ::secure_getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path == nullptr || (*path != '/' && *path != '@')) {
    return;
  }
  const std::string_view text(path);
  if (text.size() >= sizeof address.sun_path) {
    return;
  }
  text.copy(&address.sun_path[0], text.size());
  if (*path == '@') {
    address.sun_path[0] = '\0';  // an abstract name
  }
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + text.size());
  static_cast<void>(
      ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size));
}

}  // namespace simroot::device::daemon
