// SPDX-License-Identifier: Apache-2.0
#include "device/transport/transport.hpp"

#include <charconv>

#include "device/transport/at_transport.hpp"
#include "device/transport/in_process_transport.hpp"
#include "device/transport/pcsc_transport.hpp"
#include "device/transport/pipe_transport.hpp"
#include "device/transport/serial_port.hpp"
#include "device/transport/unix_transport.hpp"

namespace simroot::device {
namespace {

constexpr std::string_view kForms =
    "write sim:FILE, at:PORT[?baud=115200&mode=auto|csim|cgla], pcsc:[part of the reader's name], unix:PATH or "
    "pipe:PATH";

tl::unexpected<Error> BadUri(std::string_view text, const std::string& why) {
  return Fail(ErrorDomain::kUsage, "card \"" + std::string(text) + "\": " + why, std::string(kForms));
}

/// Cuts `text` at the first `separator`; all of it if there is none.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const std::size_t position = text.find(separator);
  const std::string_view part = text.substr(0, position);
  text = position == std::string_view::npos ? std::string_view() : text.substr(position + 1);
  return part;
}

Result<void> TakeBaud(std::string_view value, CardUri& uri) {
  unsigned baud = 0;
  const char* const end = value.data() + value.size();
  const auto [stop, error] = std::from_chars(value.data(), end, baud);
  if (error != std::errc() || stop != end || !SerialPort::KnowsBaud(baud)) {
    return BadUri(uri.text, "\"" + std::string(value) + "\" is no baud rate of a serial port");
  }
  uri.baud = baud;
  return {};
}

Result<void> TakeMode(std::string_view value, CardUri& uri) {
  if (value == "auto") {
    uri.mode = CardUri::AtMode::kAuto;
  } else if (value == "csim") {
    uri.mode = CardUri::AtMode::kCsim;
  } else if (value == "cgla") {
    uri.mode = CardUri::AtMode::kCgla;
  } else {
    return BadUri(uri.text, "\"" + std::string(value) + "\" is no mode");
  }
  return {};
}

Result<void> TakeOptions(std::string_view options, CardUri& uri) {
  bool has_baud = false;
  bool has_mode = false;
  while (!options.empty()) {
    std::string_view value = TakeUntil(options, '&');
    const std::string_view name = TakeUntil(value, '=');
    bool* const seen = name == "baud" ? &has_baud : name == "mode" ? &has_mode : nullptr;
    if (seen == nullptr) {
      return BadUri(uri.text, "there is no option \"" + std::string(name) + "\"");
    }
    if (*seen) {
      return BadUri(uri.text, "option \"" + std::string(name) + "\" is given twice");
    }
    *seen = true;
    SR_TRY_VOID(seen == &has_baud ? TakeBaud(value, uri) : TakeMode(value, uri));
  }
  return {};
}

}  // namespace

Result<CardResponse> CardResponse::From(ByteView bytes, std::string_view port) {
  constexpr std::size_t kStatusWordSize = 2;
  if (bytes.size() < kStatusWordSize) {
    return Fail(ErrorDomain::kProtocol,
                "the answer from " + std::string(port) + " has " + std::to_string(bytes.size()) +
                    " bytes, fewer than a status word",
                "check the cable and the modem's firmware");
  }
  if (bytes.size() > wire::kMaxResponse) {
    return Fail(ErrorDomain::kProtocol, "the answer from " + std::string(port) + " has " +
                                            std::to_string(bytes.size()) + " bytes, more than " +
                                            std::to_string(wire::kMaxResponse));
  }
  CardResponse response;
  response.bytes_.assign(bytes.begin(), bytes.end());
  return response;
}

wire::StatusWord CardResponse::sw() const {
  ByteReader reader(bytes().last(2));
  std::uint16_t sw = 0;
  return reader.ReadU16(sw) ? static_cast<wire::StatusWord>(sw) : wire::StatusWord::kOtherError;
}

Result<CardUri> ParseCardUri(std::string_view text) {
  CardUri uri;
  uri.text = std::string(text);
  if (text.empty()) {
    return BadUri(text, "no card is named");
  }
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
  if (std::ranges::any_of(text, is_control)) {
    return Fail(ErrorDomain::kUsage, "the name of the card holds a control character", std::string(kForms));
  }
  if (text.find(':') == std::string_view::npos) {
    return BadUri(text, "the part before the colon is missing");
  }
  std::string_view rest = text;
  uri.scheme = std::string(TakeUntil(rest, ':'));
  if (uri.scheme == "sim" || uri.scheme == "pcsc" || uri.scheme == "pipe" || uri.scheme == "unix") {
    uri.path = std::string(rest);
  } else if (uri.scheme == "at") {
    uri.path = std::string(TakeUntil(rest, '?'));
    SR_TRY_VOID(TakeOptions(rest, uri));
  } else {
    return BadUri(text, "\"" + uri.scheme + "\" is no way to a card");
  }
  if (uri.path.empty() && uri.scheme != "pcsc") {
    return BadUri(text, uri.scheme == "sim"  ? "the file is missing"
                        : uri.scheme == "at" ? "the port is missing"
                                             : "the socket is missing");
  }
  return uri;
}

Result<std::unique_ptr<Transport>> OpenTransport(const CardUri& uri, Deadline deadline) {
  if (uri.scheme == "sim") {
    return OpenInProcessTransport(uri, deadline);
  }
  if (uri.scheme == "at") {
    return OpenAtTransport(uri, deadline);
  }
  if (uri.scheme == "pcsc") {
    return OpenPcscTransport(uri, deadline);
  }
  if (uri.scheme == "unix") {
    return OpenUnixTransport(uri, deadline);
  }
  if (uri.scheme == "pipe") {
    return OpenPipeTransport(uri, deadline);
  }
  return BadUri(uri.text, "\"" + uri.scheme + "\" is no way to a card");
}

}  // namespace simroot::device
