// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "common/host/deadline.hpp"
#include "common/host/error.hpp"
#include "device/transport/pcsc_api.hpp"

namespace simroot::device {

/// A context of the PC/SC service and, once opened, a connection to a card. Lives on the worker thread of its
/// transport: every function may hang as long as the service does, whatever its deadline.
class PcscConnection {
 public:
  PcscConnection(std::shared_ptr<PcscApi> api, std::string port) : api_(std::move(api)), port_(std::move(port)) {}
  PcscConnection(const PcscConnection&) = delete;
  PcscConnection& operator=(const PcscConnection&) = delete;
  /// Ends a transaction, leaves the card powered, releases the context.
  ~PcscConnection();

  /// Finds the reader whose name is `reader_part`, or holds it, and connects to its card, shared. Among several readers
  /// the one with a card is taken. Waits for a card, and for the end of another program's exclusive use, until the
  /// deadline.
  /// @returns kTransport with one sentence for each: no service, no reader, none or several of that name (all are
  /// listed), no card, mute card, exclusive use.
  [[nodiscard]] Result<void> Open(const std::string& reader_part, Deadline deadline);

  /// SCardBeginTransaction; waits without limit.
  [[nodiscard]] Result<void> Begin();
  void End();

  /// One APDU. With T=0 it goes as the TPDU that ISO/IEC 7816-3 12.2 makes of it: without Le if it has data (case 4),
  /// with P3 = 00 if it has neither (case 1). @returns the number of bytes in `response`.
  [[nodiscard]] Result<std::size_t> Transmit(ByteView command, ByteSpan response);

 private:
  [[nodiscard]] Result<std::vector<PcscReader>> FindReaders(const std::string& reader_part);
  [[nodiscard]] Result<std::string> WaitForCard(std::vector<PcscReader> readers, Deadline deadline);

  std::shared_ptr<PcscApi> api_;
  std::string port_;
  SCARDCONTEXT context_ = 0;
  SCARDHANDLE card_ = 0;
  DWORD protocol_ = SCARD_PROTOCOL_T0;
  bool has_context_ = false;
  bool has_card_ = false;
  bool in_transaction_ = false;
};

}  // namespace simroot::device
