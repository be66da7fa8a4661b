// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pcsc_api.hpp"

#include <string_view>

namespace simroot::device {
namespace {

class PcscLite final : public PcscApi {
 public:
  LONG EstablishContext(SCARDCONTEXT& context) override {
    return ::SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &context);
  }

  void ReleaseContext(SCARDCONTEXT context) override { ::SCardReleaseContext(context); }

  LONG ListReaders(SCARDCONTEXT context, std::vector<std::string>& names) override {
    names.clear();
    DWORD size = 0;
    if (const LONG rv = ::SCardListReaders(context, nullptr, nullptr, &size); rv != SCARD_S_SUCCESS) {
      return rv;
    }
    std::vector<char> memory(size);
    if (const LONG rv = ::SCardListReaders(context, nullptr, memory.data(), &size); rv != SCARD_S_SUCCESS) {
      return rv;
    }
    // Names, each ended by a zero; an empty one ends the list.
    std::string_view rest(memory.data(), std::min<std::size_t>(size, memory.size()));
    while (!rest.empty() && rest.front() != '\0') {
      const std::string_view name = rest.substr(0, rest.find('\0'));
      names.emplace_back(name);
      rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    }
    return SCARD_S_SUCCESS;
  }

  LONG GetStatusChange(SCARDCONTEXT context, DWORD timeout_ms, std::vector<PcscReader>& readers) override {
    std::vector<SCARD_READERSTATE> states;
    for (const PcscReader& reader : readers) {
      SCARD_READERSTATE state{};
      state.szReader = reader.name.c_str();
      state.dwCurrentState = reader.state;
      states.push_back(state);
    }
    const LONG rv = ::SCardGetStatusChange(context, timeout_ms, states.data(), states.size());
    auto reader = readers.begin();
    for (const SCARD_READERSTATE& state : states) {
      constexpr DWORD kFlags = 0xFFFF;  // pcsc-lite counts events in the upper half
      if (rv == SCARD_S_SUCCESS) {
        reader->state = state.dwEventState & kFlags & ~static_cast<DWORD>(SCARD_STATE_CHANGED);
      }
      ++reader;
    }
    return rv;
  }

  LONG Connect(SCARDCONTEXT context, const std::string& reader, SCARDHANDLE& card, DWORD& protocol) override {
    return ::SCardConnect(context, reader.c_str(), SCARD_SHARE_SHARED, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, &card,
                          &protocol);
  }

  void Disconnect(SCARDHANDLE card) override { ::SCardDisconnect(card, SCARD_LEAVE_CARD); }
  LONG BeginTransaction(SCARDHANDLE card) override { return ::SCardBeginTransaction(card); }
  LONG EndTransaction(SCARDHANDLE card) override { return ::SCardEndTransaction(card, SCARD_LEAVE_CARD); }

  LONG Transmit(SCARDHANDLE card, DWORD protocol, ByteView command, ByteSpan response, std::size_t& received) override {
    DWORD size = response.size();
    const LONG rv = ::SCardTransmit(card, protocol == SCARD_PROTOCOL_T1 ? SCARD_PCI_T1 : SCARD_PCI_T0, command.data(),
                                    command.size(), nullptr, response.data(), &size);
    received = rv == SCARD_S_SUCCESS ? size : 0;
    return rv;
  }
};

}  // namespace

std::shared_ptr<PcscApi> SystemPcsc() {
  return std::make_shared<PcscLite>();
}

}  // namespace simroot::device
