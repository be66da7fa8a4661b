// SPDX-License-Identifier: Apache-2.0
#include "device/transport/serial_port.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "device/transport/testing/scripted_modem.hpp"

namespace simroot::device {
namespace {

using testing::HasSubstr;
using testing::Not;

Deadline Soon() {
  return Deadline::After(std::chrono::milliseconds(100));
}

Error OpenErrorOf(const std::string& path) {
  const auto port = SerialPort::Open(path, 115200, "at:" + path);
  EXPECT_FALSE(port);
  return port ? Error{} : port.error();
}

/// root may do anything: become nobody while this lives, if the test runs as root.
class Unprivileged {
 public:
  Unprivileged() : was_root_(::geteuid() == 0) {
    if (was_root_) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~Unprivileged() {
    if (was_root_) {
      EXPECT_EQ(::seteuid(0), 0);
    }
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool was_root_;
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    EXPECT_EQ(::chmod(path_.c_str(), 0755), 0);
  }
  ~TemporaryDirectory() {
    ::unlink(File().c_str());
    ::rmdir(path_.c_str());
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string File() const { return path_ + "/port"; }

 private:
  std::string path_ = "/tmp/simroot-serial-XXXXXX";
};

void MakeFile(const std::string& path, mode_t mode) {
  const UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(file);
  ASSERT_EQ(::fchmod(file.get(), mode), 0);
}

TEST(SerialPort, NotThere) {
  const TemporaryDirectory directory;
  const Error error = OpenErrorOf(directory.File());
  EXPECT_EQ(error.domain, ErrorDomain::kTransport);
  EXPECT_THAT(error.message, HasSubstr("there is no port " + directory.File()));
}

TEST(SerialPort, NoRightsForAnybodyButTheOwner) {
  const TemporaryDirectory directory;
  MakeFile(directory.File(), 0600);
  const Unprivileged nobody;
  const Error error = OpenErrorOf(directory.File());
  EXPECT_THAT(error.message, HasSubstr("which only its owner may use"));
  EXPECT_THAT(error.next_step, Not(HasSubstr("add the user to group")));
}

TEST(SerialPort, NoRightsNamesTheGroup) {
  const TemporaryDirectory directory;
  MakeFile(directory.File(), 0060);  // its owner alone is shut out
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(directory.File().c_str(), 65534, static_cast<gid_t>(-1)), 0);
  }
  const group* const own = ::getgrgid(::getegid());
  const std::string name = own == nullptr ? std::to_string(::getegid()) : own->gr_name;
  const Unprivileged nobody;
  const Error error = OpenErrorOf(directory.File());
  EXPECT_THAT(error.message, HasSubstr("no rights to open at:" + directory.File()));
  EXPECT_THAT(error.next_step, HasSubstr("add the user to group " + name));
}

TEST(SerialPort, NoTty) {
  const TemporaryDirectory directory;
  MakeFile(directory.File(), 0600);
  EXPECT_THAT(OpenErrorOf(directory.File()).message, HasSubstr("is no serial port"));
}

TEST(SerialPort, UsedExclusively) {
  ScriptedModem modem;
  const UniqueFd other(::open(modem.Port().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(other);
  ASSERT_EQ(::fchmod(other.get(), 0666), 0);
  ASSERT_EQ(::ioctl(other.get(), TIOCEXCL), 0);
  const Unprivileged nobody;
  const Error error = OpenErrorOf(modem.Port());
  EXPECT_THAT(error.message, HasSubstr("is used exclusively by another program"));
  EXPECT_THAT(error.next_step, HasSubstr("fuser " + modem.Port()));
}

TEST(SerialPort, SetsRawModeAndRate) {
  ScriptedModem modem;
  const UniqueFd watch(::open(modem.Port().c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(watch);
  termios cooked{};
  ASSERT_EQ(::tcgetattr(watch.get(), &cooked), 0);
  cooked.c_lflag |= ICANON | ECHO | ISIG;
  cooked.c_iflag |= ICRNL | IXON;
  ASSERT_EQ(::tcsetattr(watch.get(), TCSANOW, &cooked), 0);

  const auto port = SerialPort::Open(modem.Port(), 9600, "at:port");
  ASSERT_TRUE(port) << port.error().Text();
  termios raw{};
  ASSERT_EQ(::tcgetattr(watch.get(), &raw), 0);
  EXPECT_EQ(raw.c_lflag & static_cast<tcflag_t>(ICANON | ECHO | ISIG), 0U);
  EXPECT_EQ(raw.c_iflag & static_cast<tcflag_t>(ICRNL | IXON), 0U);
  EXPECT_EQ(::cfgetospeed(&raw), static_cast<speed_t>(B9600));
}

TEST(SerialPort, KnowsTheRatesOfTermiosOnly) {
  EXPECT_TRUE(SerialPort::KnowsBaud(9600));
  EXPECT_TRUE(SerialPort::KnowsBaud(115200));
  EXPECT_TRUE(SerialPort::KnowsBaud(4000000));
  EXPECT_FALSE(SerialPort::KnowsBaud(0));
  EXPECT_FALSE(SerialPort::KnowsBaud(115201));
}

TEST(SerialPort, WriteHoldsItsDeadlineWhenNobodyReads) {
  ScriptedModem modem;  // not started: nobody reads
  const auto port = SerialPort::Open(modem.Port(), 115200, "at:port");
  ASSERT_TRUE(port);
  const auto written = (*port)->Write(std::string(1'000'000, 'A'), Soon());
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().message, HasSubstr("took no characters within"));
}

TEST(SerialPort, ReadGivesZeroAtTheDeadline) {
  ScriptedModem modem;
  const auto port = SerialPort::Open(modem.Port(), 115200, "at:port");
  ASSERT_TRUE(port);
  std::array<char, 8> memory{};
  const auto count = (*port)->Read(memory, Soon());
  ASSERT_TRUE(count);
  EXPECT_EQ(*count, 0U);
}

}  // namespace
}  // namespace simroot::device
