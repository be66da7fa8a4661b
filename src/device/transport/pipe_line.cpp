// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pipe_line.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/base/secret.hpp"
#include "device/transport/unix_socket.hpp"

namespace simroot::device {
namespace {

using wire::kPipeLengthSize;

constexpr const char* kStartCard = "start a card there with `simroot card run FILE --pipe PATH`, or the emulated chip";
constexpr const char* kStartAnew = "power the card off and on, and open it again";

tl::unexpected<Error> CannotConnect(const std::string& name, int error_number) {
  switch (error_number) {
    case ENOENT:
      return Fail(ErrorDomain::kTransport, "there is no socket for " + name, kStartCard);
    case ECONNREFUSED:
      return Fail(ErrorDomain::kTransport, "nobody serves the socket of " + name, kStartCard);
    case EACCES:
    case EPERM:
      return Fail(ErrorDomain::kTransport, "no right to use the socket of " + name,
                  "run as the user who serves the card");
    case EAGAIN:
      return Fail(ErrorDomain::kTransport, "too many programs wait for " + name, "try again later");
    default:
      return Fail(ErrorDomain::kTransport, "cannot connect to " + name + ": " + std::strerror(error_number),
                  "check that the path names the socket of a card");
  }
}

/// ISO/IEC 7816-3 8.2: the initial character, and as many bytes as the format character and the interface bytes say.
bool IsAtr(ByteView body) {
  ByteReader reader(body);
  std::uint8_t initial = 0;
  std::uint8_t format = 0;
  if (!reader.ReadU8(initial) || (initial != 0x3B && initial != 0x3F) || !reader.ReadU8(format)) {
    return false;
  }
  const std::size_t historical = format & 0x0FU;
  bool check_byte = false;
  unsigned present = format >> 4U;  // TA, TB, TC, TD
  while (present != 0) {
    const bool has_td = (present & 8U) != 0;
    const std::size_t before_td = (present & 1U) + ((present >> 1U) & 1U) + ((present >> 2U) & 1U);
    std::uint8_t td = 0;
    if (!reader.Skip(before_td) || (has_td && !reader.ReadU8(td))) {
      return false;
    }
    check_byte = check_byte || (td & 0x0FU) != 0;
    present = td >> 4U;
  }
  return reader.Skip(historical + (check_byte ? 1 : 0)) && reader.empty();
}

constexpr std::array kAskForAtr{static_cast<std::uint8_t>(wire::PipeControl::kGetAtr)};

}  // namespace

Result<std::unique_ptr<PipeLine>> PipeLine::Open(const std::string& path, std::string name, Deadline deadline) {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int error = socket ? ConnectUnixSocket(socket.get(), path, deadline) : errno;
  if (error != 0) {
    return CannotConnect(name, error);
  }
  std::unique_ptr<PipeLine> line(new PipeLine(std::move(socket), std::move(name)));
  SR_TRY_VOID(line->Send(kAskForAtr, deadline));
  SR_TRY_VOID(line->WaitForAtr(deadline));
  return line;
}

PipeLine::~PipeLine() {
  Wipe(body_);
}

Result<void> PipeLine::WaitForAtr(Deadline deadline) {
  SR_TRY(ByteView body, Receive(deadline));
  if (!IsAtr(body)) {
    // The response to a command of the program that had the card before and did not wait for it.
    SR_TRY(body, Receive(deadline));
  }
  if (!IsAtr(body)) {
    return Die(ErrorDomain::kProtocol, name_ + " has not sent an answer to reset when it was asked for one",
               "check that the path names the socket of a card");
  }
  return {};
}

Result<ByteView> PipeLine::Exchange(ByteView body, Deadline deadline) {
  SR_TRY_VOID(Send(body, deadline));
  return Receive(deadline);
}

Result<void> PipeLine::Reset(Deadline deadline) {
  SR_TRY_VOID(Send(std::array{static_cast<std::uint8_t>(wire::PipeControl::kPowerOff)}, deadline));
  SR_TRY_VOID(Send(std::array{static_cast<std::uint8_t>(wire::PipeControl::kPowerOn)}, deadline));
  SR_TRY_VOID(Send(kAskForAtr, deadline));
  return WaitForAtr(deadline);
}

Result<void> PipeLine::ProductControl(std::uint8_t code, Deadline deadline) {
  SR_TRY_VOID(Send(std::array{code}, deadline));
  return WaitForAtr(deadline);
}

Result<void> PipeLine::Send(ByteView body, Deadline deadline) {
  if (death_) {
    return tl::unexpected<Error>(*death_);
  }
  std::array<std::uint8_t, kPipeLengthSize + wire::kMaxCommand> memory{};
  ByteWriter writer(memory);
  writer.PutU16(static_cast<std::uint16_t>(body.size()));
  writer.PutBytes(body);
  if (!writer.ok()) {
    return Fail(ErrorDomain::kUsage, "a command of " + std::to_string(body.size()) + " bytes is too long for " + name_);
  }
  ByteView rest = writer.written();
  int error = 0;
  while (!rest.empty() && error == 0) {
    const ssize_t count = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (count >= 0) {
      rest = rest.subspan(static_cast<std::size_t>(count));
    } else if (errno != EINTR && (errno != EAGAIN || !WaitForEvents(socket_.get(), POLLOUT, deadline))) {
      error = errno;
    }
  }
  Wipe(memory);
  if (error == 0) {
    return {};
  }
  return error == EAGAIN ? DieSilent() : DieClosed(error);
}

Result<ByteView> PipeLine::Receive(Deadline deadline) {
  if (death_) {
    return tl::unexpected<Error>(*death_);
  }
  std::array<std::uint8_t, kPipeLengthSize> length_bytes{};
  SR_TRY_VOID(ReadExactly(length_bytes, deadline));
  ByteReader reader(length_bytes);
  std::uint16_t length = 0;
  if (!reader.ReadU16(length) || length < 2 || length > body_.size()) {
    return Die(ErrorDomain::kProtocol,
               name_ + " has sent a message of " + std::to_string(length) + " bytes, which no card sends",
               "check that the path names the socket of a card");
  }
  const ByteSpan body = ByteSpan(body_).first(length);
  SR_TRY_VOID(ReadExactly(body, deadline));
  return ByteView(body);
}

Result<void> PipeLine::ReadExactly(ByteSpan out, Deadline deadline) {
  while (!out.empty()) {
    const ssize_t count = ::recv(socket_.get(), out.data(), out.size(), 0);
    if (count > 0) {
      out = out.subspan(static_cast<std::size_t>(count));
    } else if (count == 0) {
      return DieClosed(0);
    } else if (errno == EAGAIN) {
      if (!WaitForEvents(socket_.get(), POLLIN, deadline)) {
        return DieSilent();
      }
    } else if (errno != EINTR) {
      return DieClosed(errno);
    }
  }
  return {};
}

tl::unexpected<Error> PipeLine::Die(ErrorDomain domain, std::string message, std::string next_step) {
  death_ = Error{domain, std::move(message), std::move(next_step), {}};
  socket_.Reset();
  return tl::unexpected<Error>(*death_);
}

tl::unexpected<Error> PipeLine::DieSilent() {
  return Die(ErrorDomain::kTransport, name_ + " has not answered in time",
             std::string("another program may have it; if not, ") + kStartAnew);
}

tl::unexpected<Error> PipeLine::DieClosed(int error_number) {
  const std::string why = error_number == 0 ? std::string() : std::string(": ") + std::strerror(error_number);
  return Die(ErrorDomain::kTransport, "the connection to " + name_ + " has ended" + why, kStartCard);
}

}  // namespace simroot::device
