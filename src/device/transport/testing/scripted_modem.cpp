// SPDX-License-Identifier: Apache-2.0
#include "device/transport/testing/scripted_modem.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "common/base/check.hpp"
#include "common/host/deadline.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {

ScriptedModem::ScriptedModem()
    : master_(::posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  SR_CHECK(master_ && stop_);
  SR_CHECK(::grantpt(master_.get()) == 0 && ::unlockpt(master_.get()) == 0);
  std::array<char, 64> name{};
  SR_CHECK(::ptsname_r(master_.get(), name.data(), name.size()) == 0);
  port_ = name.data();
  slave_ = UniqueFd(::open(port_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
  termios settings{};
  SR_CHECK(slave_ && ::tcgetattr(slave_.get(), &settings) == 0);
  ::cfmakeraw(&settings);  // or the terminal itself would echo what is sent before the port's user has opened it
  SR_CHECK(::tcsetattr(slave_.get(), TCSANOW, &settings) == 0);
}

ScriptedModem::~ScriptedModem() {
  (void)Finish();
}

void ScriptedModem::Expect(std::string line, Pieces pieces) {
  steps_.push_back({std::move(line), std::move(pieces), Then::kGoOn});
}

void ScriptedModem::ExpectAndHangUp(std::string line, Pieces pieces) {
  steps_.push_back({std::move(line), std::move(pieces), Then::kHangUp});
}

void ScriptedModem::ExpectAndNeverStop(std::string line, std::string text) {
  steps_.push_back({std::move(line), {std::move(text)}, Then::kNeverStop});
}

void ScriptedModem::Start() {
  thread_ = std::thread([this] { Play(); });
}

std::vector<std::string> ScriptedModem::Finish() {
  if (thread_.joinable()) {
    const std::uint64_t one = 1;
    SR_CHECK(::write(stop_.get(), &one, sizeof(one)) == sizeof(one));
    thread_.join();
  }
  const std::lock_guard<std::mutex> guard(mutex_);
  std::vector<std::string> notes = notes_;
  for (std::size_t i = played_; i < steps_.size(); ++i) {
    notes.push_back("not reached: " + steps_.at(i).line);
  }
  return notes;
}

void ScriptedModem::Note(std::string what) {
  const std::lock_guard<std::mutex> guard(mutex_);
  notes_.push_back(std::move(what));
}

void ScriptedModem::Play() {
  for (const Step& step : steps_) {
    if (!PlayStep(step)) {
      return;
    }
  }
  std::string line;
  if (ReadLine(line)) {
    Note("after the end of the script: " + line);
    master_.Reset();
  }
}

bool ScriptedModem::PlayStep(const Step& step) {
  std::string line;
  if (!ReadLine(line)) {
    return false;
  }
  if (line != step.line) {
    Note("expected " + step.line + ", received " + line);
    master_.Reset();
    return false;
  }
  if (echo_ && !Write(line + "\r")) {
    return false;
  }
  {
    const std::lock_guard<std::mutex> guard(mutex_);
    ++played_;
  }
  do {
    for (const std::string& piece : step.pieces) {
      if (!Write(piece)) {
        return false;
      }
      if (step.then != Then::kNeverStop) {
        WaitUntilRead();
      }
    }
  } while (step.then == Then::kNeverStop);
  if (step.then == Then::kHangUp) {
    master_.Reset();
    return false;
  }
  return true;
}

bool ScriptedModem::SendUnasked(const std::string& text) {
  int before = 0;
  if (::ioctl(slave_.get(), FIONREAD, &before) != 0 || !Write(text)) {
    return false;
  }
  const std::size_t all = static_cast<std::size_t>(before) + text.size();
  RetryTimer timer(Deadline::After(std::chrono::seconds(20)));
  int waiting = 0;
  while (::ioctl(slave_.get(), FIONREAD, &waiting) == 0 && static_cast<std::size_t>(waiting) < all) {
    if (!timer.Wait()) {
      return false;
    }
  }
  return true;
}

bool ScriptedModem::ReadLine(std::string& line) {
  while (true) {
    const std::size_t end = received_.find('\r');
    if (end != std::string::npos) {
      line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return true;
    }
    if (!WaitFor(POLLIN)) {
      return false;
    }
    std::array<char, 4096> memory{};
    const ssize_t count = ::read(master_.get(), memory.data(), memory.size());
    if (count <= 0) {
      return false;
    }
    received_.append(memory.data(), static_cast<std::size_t>(count));
  }
}

bool ScriptedModem::Write(const std::string& text) {
  std::string_view rest = text;
  while (!rest.empty()) {
    if (!WaitFor(POLLOUT)) {
      return false;
    }
    const ssize_t count = ::write(master_.get(), rest.data(), rest.size());
    if (count < 0 && errno != EAGAIN) {
      return false;
    }
    rest.remove_prefix(count < 0 ? 0 : static_cast<std::size_t>(count));
  }
  return true;
}

void ScriptedModem::WaitUntilRead() {
  const Deadline deadline = Deadline::After(std::chrono::milliseconds(2000));
  int waiting = 0;
  while (::ioctl(slave_.get(), FIONREAD, &waiting) == 0 && waiting > 0 && !deadline.Passed()) {
    pollfd stop{stop_.get(), POLLIN, 0};
    if (::poll(&stop, 1, 1) > 0) {
      return;
    }
  }
}

/// False when the script is to stop.
bool ScriptedModem::WaitFor(short events) {
  std::array<pollfd, 2> waiting{pollfd{master_.get(), events, 0}, pollfd{stop_.get(), POLLIN, 0}};
  while (::poll(waiting.data(), waiting.size(), -1) < 0) {
    SR_CHECK(errno == EINTR);
  }
  return waiting.back().revents == 0;
}

std::string ScriptedModem::Ok() {
  return "\r\nOK\r\n";
}

std::string ScriptedModem::Error() {
  return "\r\nERROR\r\n";
}

std::string ScriptedModem::Line(const std::string& line) {
  return "\r\n" + line + "\r\n" + Ok();
}

std::string ScriptedModem::Csim(const std::string& hex) {
  return Line("+CSIM: " + std::to_string(hex.size()) + ",\"" + hex + "\"");
}

std::string ScriptedModem::Cgla(const std::string& hex) {
  return Line("+CGLA: " + std::to_string(hex.size()) + ",\"" + hex + "\"");
}

ScriptedModem::Pieces ScriptedModem::OneByOne(const std::string& text) {
  Pieces pieces;
  for (const char c : text) {
    pieces.emplace_back(1, c);
  }
  return pieces;
}

}  // namespace simroot::device
