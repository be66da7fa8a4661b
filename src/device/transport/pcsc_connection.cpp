// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pcsc_connection.hpp"

#include <algorithm>
#include <array>

#include "common/base/secret.hpp"
#include "common/wire/apdu.hpp"
#include "device/transport/pcsc_errors.hpp"
#include "device/transport/retry_timer.hpp"

namespace simroot::device {
namespace {

bool Is(LONG rv, LONG code) {
  return static_cast<std::uint32_t>(rv) == static_cast<std::uint32_t>(code);
}

std::vector<std::string> NamesOf(const std::vector<PcscReader>& readers) {
  std::vector<std::string> names;
  names.reserve(readers.size());
  for (const PcscReader& reader : readers) {
    names.push_back(reader.name);
  }
  return names;
}

/// Writes the T=0 form of `command`. Extended lengths have none, they go as they are.
void PutT0(ByteView command, ByteWriter& out) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kExact);
  if (!parsed || parsed->extended) {
    out.PutBytes(command);
    return;
  }
  switch (parsed->Case()) {
    case wire::ApduCase::k1:
      out.PutBytes(command);
      if (command.size() == 4) {
        out.PutU8(0);
      }
      return;
    case wire::ApduCase::k4:
      out.PutBytes(command.first(command.size() - 1));
      return;
    case wire::ApduCase::k2:
    case wire::ApduCase::k3:
      out.PutBytes(command);
      return;
  }
}

}  // namespace

PcscConnection::~PcscConnection() {
  End();
  if (has_card_) {
    api_->Disconnect(card_);
  }
  if (has_context_) {
    api_->ReleaseContext(context_);
  }
}

Result<std::vector<PcscReader>> PcscConnection::FindReaders(const std::string& reader_part) {
  std::vector<std::string> names;
  const LONG rv = api_->ListReaders(context_, names);
  if (Is(rv, SCARD_E_NO_READERS_AVAILABLE) || (rv == SCARD_S_SUCCESS && names.empty())) {
    return NoReader(port_);
  }
  if (rv != SCARD_S_SUCCESS) {
    return PcscError(rv, port_);
  }
  std::vector<PcscReader> found;
  for (const std::string& name : names) {
    if (name == reader_part) {
      return std::vector<PcscReader>{{.name = name}};
    }
    if (name.find(reader_part) != std::string::npos) {
      found.push_back({.name = name});
    }
  }
  if (found.empty()) {
    return NoSuchReader(port_, names);
  }
  return found;
}

Result<std::string> PcscConnection::WaitForCard(std::vector<PcscReader> readers, Deadline deadline) {
  const Stopwatch watch;
  // Each turn follows a change of a reader, or a pause; at most as many as fit before the deadline.
  for (RetryTimer pause(deadline, RetryTimer::kSeldomMs);;) {
    const auto timeout = static_cast<DWORD>(deadline.PollTimeoutMs());
    const LONG rv = api_->GetStatusChange(context_, timeout, readers);
    if (rv != SCARD_S_SUCCESS && !Is(rv, SCARD_E_TIMEOUT)) {
      return PcscError(rv, port_);
    }
    const auto with_card = std::ranges::count_if(readers, &PcscReader::HasCard);
    if (with_card > 1) {
      return SeveralReaders(port_, NamesOf(readers));
    }
    if (with_card == 1) {
      return std::ranges::find_if(readers, &PcscReader::HasCard)->name;
    }
    if (Is(rv, SCARD_E_TIMEOUT) || !pause.Wait()) {
      return NoCard(port_, NamesOf(readers), watch.Text());
    }
  }
}

Result<void> PcscConnection::Open(const std::string& reader_part, Deadline deadline) {
  if (const LONG rv = api_->EstablishContext(context_); rv != SCARD_S_SUCCESS) {
    return PcscError(rv, port_);
  }
  has_context_ = true;
  SR_TRY(std::vector<PcscReader> readers, FindReaders(reader_part));
  SR_TRY(const std::string reader, WaitForCard(std::move(readers), deadline));
  RetryTimer timer(deadline, RetryTimer::kSeldomMs);
  LONG rv = api_->Connect(context_, reader, card_, protocol_);
  while (Is(rv, SCARD_E_SHARING_VIOLATION) && timer.Wait()) {
    rv = api_->Connect(context_, reader, card_, protocol_);
  }
  if (rv != SCARD_S_SUCCESS) {
    return PcscError(rv, port_);
  }
  has_card_ = true;
  return {};
}

Result<void> PcscConnection::Begin() {
  if (const LONG rv = api_->BeginTransaction(card_); rv != SCARD_S_SUCCESS) {
    return PcscError(rv, port_);
  }
  in_transaction_ = true;
  return {};
}

void PcscConnection::End() {
  if (std::exchange(in_transaction_, false)) {
    (void)api_->EndTransaction(card_);  // fails only when the card or the service is gone, and the transaction with it
  }
}

Result<std::size_t> PcscConnection::Transmit(ByteView command, ByteSpan response) {
  SecretArray<wire::kMaxCommand + 1> memory;
  ByteWriter tpdu(memory.Prepare(wire::kMaxCommand + 1));
  if (protocol_ == SCARD_PROTOCOL_T0) {
    PutT0(command, tpdu);
  } else {
    tpdu.PutBytes(command);
  }
  std::size_t received = 0;
  if (const LONG rv = api_->Transmit(card_, protocol_, tpdu.written(), response, received); rv != SCARD_S_SUCCESS) {
    return PcscError(rv, port_);
  }
  return received;
}

}  // namespace simroot::device
