// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pcsc_errors.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "common/host/hex.hpp"

namespace simroot::device {
namespace {

/// `sentence` follows the name of the port.
struct Row {
  LONG rv;
  std::string_view sentence;
  std::string_view next_step;
};
constexpr std::string_view kStartService = "start it with: systemctl start pcscd.socket (package pcscd)";
constexpr std::string_view kOpenAgain = "open the card again";
constexpr std::array kRows{
    Row{SCARD_E_NO_SERVICE, "cannot be opened because the PC/SC service is not running", kStartService},
    Row{SCARD_E_SERVICE_STOPPED, "is gone because the PC/SC service has stopped", kStartService},
    Row{SCARD_W_RESET_CARD, "was lost because another program has reset the card", kOpenAgain},
    Row{SCARD_W_REMOVED_CARD, "was lost because the card was taken out", "insert the card"},
    Row{SCARD_E_NO_SMARTCARD, "has no card", "insert the card"},
    Row{SCARD_W_UNPOWERED_CARD, "was lost because the card has no power", kOpenAgain},
    Row{SCARD_W_UNRESPONSIVE_CARD, "has a card that does not answer to reset",
        "turn the card round, clean its contacts, or try another reader"},
    Row{SCARD_E_SHARING_VIOLATION, "is used exclusively by another program", "close that program"},
    Row{SCARD_E_READER_UNAVAILABLE, "was lost because the reader was unplugged", "plug the reader in"},
    Row{SCARD_E_UNKNOWN_READER, "was lost because the reader was unplugged", "plug the reader in"},
    Row{SCARD_E_INVALID_HANDLE, "was lost because the PC/SC service was started anew", kOpenAgain},
    Row{SCARD_E_NOT_TRANSACTED, "did not carry the command to the card",
        "check that the card sits well, and the reader's cable"},
    Row{SCARD_F_COMM_ERROR, "lost the connection to the PC/SC service", kOpenAgain},
    Row{SCARD_E_PROTO_MISMATCH, "has a card that speaks neither T=0 nor T=1", "insert a UICC"},
    Row{SCARD_E_INSUFFICIENT_BUFFER, "has a card whose answer is longer than any this program takes",
        "ask the card for less at a time"},
    Row{SCARD_W_SECURITY_VIOLATION, "is not allowed for this user by the PC/SC service",
        "allow it in the service's polkit rules (org.debian.pcsc-lite.access_pcsc)"},
};

std::string Quoted(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += text.empty() ? "\"" : ", \"";
    text += name + "\"";
  }
  return text;
}

}  // namespace

tl::unexpected<Error> PcscError(LONG rv, const std::string& port) {
  // pcsc-lite's codes are 32 bits, in a LONG that may be wider and sign-extended.
  const auto code = static_cast<std::uint32_t>(rv);
  const auto* const row =
      std::ranges::find(kRows, code, [](const Row& entry) { return static_cast<std::uint32_t>(entry.rv); });
  if (row != kRows.end()) {
    return Fail(ErrorDomain::kTransport, port + " " + std::string(row->sentence), std::string(row->next_step));
  }
  std::array<std::uint8_t, 4> bytes{};
  ByteWriter(bytes).PutU32(code);
  return Fail(ErrorDomain::kTransport, port + " failed with PC/SC error " + ToHex(bytes),
              "look into the log of the PC/SC service");
}

tl::unexpected<Error> NoReader(const std::string& port) {
  return Fail(ErrorDomain::kTransport, port + " cannot be opened because there is no card reader",
              "plug a reader in, and list the readers with: opensc-tool -l");
}

tl::unexpected<Error> NoSuchReader(const std::string& port, const std::vector<std::string>& names) {
  return Fail(ErrorDomain::kTransport, "no reader has a name that holds what " + port + " asks for",
              "name one of " + Quoted(names));
}

tl::unexpected<Error> SeveralReaders(const std::string& port, const std::vector<std::string>& names) {
  return Fail(ErrorDomain::kTransport, port + " means several readers with a card", "name one of " + Quoted(names));
}

tl::unexpected<Error> NoCard(const std::string& port, const std::vector<std::string>& names,
                             const std::string& waited) {
  return Fail(ErrorDomain::kTransport, "no card for " + port + " within " + waited, "insert it into " + Quoted(names));
}

}  // namespace simroot::device
