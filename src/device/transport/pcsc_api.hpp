// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <winscard.h>

#include <memory>
#include <string>
#include <vector>

#include "common/base/bytes.hpp"

namespace simroot::device {

/// One reader as the PC/SC service sees it.
struct PcscReader {
  std::string name;
  DWORD state = SCARD_STATE_UNAWARE;  ///< SCARD_STATE_* bits, event counter taken off

  [[nodiscard]] bool HasCard() const { return (state & SCARD_STATE_PRESENT) != 0; }
};

/// The calls of PC/SC that the transport makes, each as in the PC/SC specification part 5; results are its error codes.
/// Virtual, so that tests can be a service that misbehaves.
class PcscApi {
 public:
  virtual ~PcscApi() = default;
  virtual LONG EstablishContext(SCARDCONTEXT& context) = 0;
  virtual void ReleaseContext(SCARDCONTEXT context) = 0;
  virtual LONG ListReaders(SCARDCONTEXT context, std::vector<std::string>& names) = 0;
  /// Waits until the state of a reader differs from the one given, and updates all of them.
  virtual LONG GetStatusChange(SCARDCONTEXT context, DWORD timeout_ms, std::vector<PcscReader>& readers) = 0;
  /// Shared, T=0 or T=1.
  virtual LONG Connect(SCARDCONTEXT context, const std::string& reader, SCARDHANDLE& card, DWORD& protocol) = 0;
  virtual void Disconnect(SCARDHANDLE card) = 0;
  virtual LONG BeginTransaction(SCARDHANDLE card) = 0;
  virtual LONG EndTransaction(SCARDHANDLE card) = 0;
  virtual LONG Transmit(SCARDHANDLE card, DWORD protocol, ByteView command, ByteSpan response,
                        std::size_t& received) = 0;
};

/// pcsc-lite. Needs no service until the first call.
[[nodiscard]] std::shared_ptr<PcscApi> SystemPcsc();

}  // namespace simroot::device
