// SPDX-License-Identifier: Apache-2.0
#include "device/transport/serial_port.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <termios.h>

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

struct BaudRate {
  unsigned baud;
  speed_t speed;
};
constexpr std::array kBaudRates{
    BaudRate{1200, B1200},       BaudRate{2400, B2400},       BaudRate{4800, B4800},       BaudRate{9600, B9600},
    BaudRate{19200, B19200},     BaudRate{38400, B38400},     BaudRate{57600, B57600},     BaudRate{115200, B115200},
    BaudRate{230400, B230400},   BaudRate{460800, B460800},   BaudRate{500000, B500000},   BaudRate{576000, B576000},
    BaudRate{921600, B921600},   BaudRate{1000000, B1000000}, BaudRate{1152000, B1152000}, BaudRate{1500000, B1500000},
    BaudRate{2000000, B2000000}, BaudRate{2500000, B2500000}, BaudRate{3000000, B3000000}, BaudRate{3500000, B3500000},
    BaudRate{4000000, B4000000},
};

std::optional<speed_t> SpeedOf(unsigned baud) {
  const auto* const row = std::ranges::find(kBaudRates, baud, &BaudRate::baud);
  return row == kBaudRates.end() ? std::nullopt : std::optional<speed_t>(row->speed);
}

std::string SystemText(int error_number) {
  return std::generic_category().message(error_number);
}

/// The group that may use the device at `path`: its name, or its number if it has none.
std::string GroupOf(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return "dialout";
  }
  constexpr std::size_t kMemory = 16 * 1024;
  std::vector<char> memory(kMemory);
  group entry{};
  group* found = nullptr;
  if (::getgrgid_r(status.st_gid, &entry, memory.data(), memory.size(), &found) != 0 || found == nullptr) {
    return std::to_string(status.st_gid);
  }
  return found->gr_name;
}

[[nodiscard]] bool GroupMayUse(const std::string& path) {
  constexpr mode_t kNeeded = S_IRGRP | S_IWGRP;
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & kNeeded) == kNeeded;
}

tl::unexpected<Error> OpenError(int error_number, const std::string& path, const std::string& name) {
  switch (error_number) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      return Fail(ErrorDomain::kTransport, "there is no port " + path + " for " + name,
                  "plug the modem in, and look for its port with: ls /dev/ttyUSB* /dev/ttyACM*");
    case EACCES:
    case EPERM: {
      if (!GroupMayUse(path)) {
        return Fail(ErrorDomain::kTransport, "no rights to open " + name + ", which only its owner may use",
                    "run this as that user, or give the port to the group of those who need it");
      }
      const std::string group = GroupOf(path);
      return Fail(ErrorDomain::kTransport, "no rights to open " + name + ", whose port belongs to group " + group,
                  "add the user to group " + group + " and log in again");
    }
    case EBUSY:
      return Fail(ErrorDomain::kTransport, name + " is used exclusively by another program",
                  "find it with: fuser " + path + " (ModemManager is a usual one)");
    default:
      return Fail(ErrorDomain::kTransport, "cannot open " + name + " (" + SystemText(error_number) + ")",
                  "check the path of the port");
  }
}

/// Raw, 8N1, no flow control. HUPCL is off: the next program must not find the modem hung up by our close.
termios RawSettings(termios settings, speed_t speed) {
  ::cfmakeraw(&settings);
  settings.c_iflag &= ~static_cast<tcflag_t>(IXOFF | IXANY);
  settings.c_cflag &= ~static_cast<tcflag_t>(CSTOPB | CRTSCTS | HUPCL);
  settings.c_cflag |= CLOCAL | CREAD;
  settings.c_cc[VMIN] = 1;  // with O_NONBLOCK: "nothing there" is EAGAIN, and 0 means that the line is gone
  settings.c_cc[VTIME] = 0;
  ::cfsetispeed(&settings, speed);
  ::cfsetospeed(&settings, speed);
  return settings;
}

bool SameSettings(const termios& a, const termios& b) {
  return a.c_iflag == b.c_iflag && a.c_oflag == b.c_oflag && a.c_cflag == b.c_cflag && a.c_lflag == b.c_lflag &&
         a.c_cc[VMIN] == b.c_cc[VMIN] && a.c_cc[VTIME] == b.c_cc[VTIME] && ::cfgetispeed(&a) == ::cfgetispeed(&b) &&
         ::cfgetospeed(&a) == ::cfgetospeed(&b);
}

}  // namespace

bool SerialPort::KnowsBaud(unsigned baud) {
  return SpeedOf(baud).has_value();
}

Result<std::unique_ptr<SerialPort>> SerialPort::Open(const std::string& path, unsigned baud, std::string name) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    return OpenError(errno, path, name);
  }
  if (::isatty(fd.get()) == 0) {
    return Fail(ErrorDomain::kTransport, name + " is no serial port",
                "name the AT port of the modem, for example at:/dev/ttyUSB2");
  }
  std::unique_ptr<SerialPort> port(new SerialPort(std::move(fd), std::move(name)));
  SR_TRY_VOID(port->Configure(baud));
  return port;
}

Result<void> SerialPort::Configure(unsigned baud) {
  const auto speed = SpeedOf(baud);
  termios now{};
  if (!speed || ::tcgetattr(fd_.get(), &now) != 0) {
    return Fail(ErrorDomain::kTransport, "the settings of " + name_ + " cannot be read", "check the port");
  }
  const termios wanted = RawSettings(now, *speed);
  if (SameSettings(now, wanted)) {
    return {};
  }
  // tcsetattr succeeds if it could do any of what it was asked for: look at what came of it.
  if (::tcsetattr(fd_.get(), TCSANOW, &wanted) != 0 || ::tcgetattr(fd_.get(), &now) != 0 ||
      !SameSettings(now, wanted)) {
    return Fail(ErrorDomain::kTransport, name_ + " does not take " + std::to_string(baud) + " baud, 8N1",
                "give another baud rate in the card's name");
  }
  return {};
}

tl::unexpected<Error> SerialPort::Lost(int error_number) const {
  return Fail(ErrorDomain::kTransport,
              "the modem at " + name_ + " is gone (" +
                  (error_number == 0 ? std::string("hung up") : SystemText(error_number)) + ")",
              "plug it in again and repeat");
}

Result<bool> SerialPort::WaitFor(short events, Deadline deadline) {
  pollfd waiting{fd_.get(), events, 0};
  const int ready = ::poll(&waiting, 1, deadline.PollTimeoutMs());
  if (ready < 0 && errno != EINTR) {
    return Lost(errno);
  }
  // What came before the hang-up is still read; after it poll reports nothing but the hang-up.
  if (ready > 0 && (waiting.revents & events) == 0) {
    return Lost(0);
  }
  return ready > 0 || !deadline.Passed();
}

Result<void> SerialPort::Write(std::string_view text, Deadline deadline) {
  const Stopwatch watch;
  while (!text.empty()) {
    const ssize_t written = ::write(fd_.get(), text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
      continue;
    }
    if (written < 0 && errno != EAGAIN && errno != EINTR) {
      return Lost(errno);
    }
    SR_TRY(const bool in_time, WaitFor(POLLOUT, deadline));
    if (!in_time) {
      return Fail(ErrorDomain::kTransport, name_ + " took no characters within " + watch.Text(),
                  "is it the AT port of the modem, is flow control holding it?");
    }
  }
  return {};
}

Result<std::size_t> SerialPort::Read(std::span<char> memory, Deadline deadline) {
  while (true) {
    const ssize_t count = ::read(fd_.get(), memory.data(), memory.size());
    if (count > 0) {
      return static_cast<std::size_t>(count);
    }
    if (count == 0) {
      return Lost(0);
    }
    if (errno != EAGAIN && errno != EINTR) {
      return Lost(errno);
    }
    SR_TRY(const bool in_time, WaitFor(POLLIN, deadline));
    if (!in_time) {
      return std::size_t{0};
    }
  }
}

Result<void> SerialPort::DiscardInput() {
  constexpr int kReads = 16;
  std::array<char, 4096> memory{};
  for (int i = 0; i < kReads; ++i) {
    const ssize_t count = ::read(fd_.get(), memory.data(), memory.size());
    if (count < 0 && errno == EAGAIN) {
      return {};
    }
    if (count == 0 || (count < 0 && errno != EINTR)) {
      return Lost(count == 0 ? 0 : errno);
    }
  }
  return {};
}

Result<bool> SerialPort::TryLock() {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) {
    return true;
  }
  if (errno == EWOULDBLOCK || errno == EINTR) {
    return false;
  }
  return Fail(ErrorDomain::kTransport, name_ + " cannot be locked (" + SystemText(errno) + ")", "check the port");
}

void SerialPort::Unlock() {
  ::flock(fd_.get(), LOCK_UN);
}

}  // namespace simroot::device
