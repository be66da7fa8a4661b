// SPDX-License-Identifier: Apache-2.0
#include "device/transport/pipe_transport.hpp"

#include "device/transport/apdu_transport.hpp"
#include "device/transport/pipe_line.hpp"
#include "device/transport/process_guard.hpp"

namespace simroot::device {
namespace {

/// The connection is the lock.
class PipeTransport final : public ApduTransport {
 public:
  PipeTransport(std::string name, std::unique_ptr<PipeLine> line)
      : ApduTransport(std::move(name)), line_(std::move(line)) {}

  Result<std::unique_ptr<TransportLock>> Lock(Deadline /*deadline*/) override {
    SR_TRY_VOID(process_.Check(Name()));
    return std::make_unique<NothingToRelease>();
  }

 private:
  Result<CardResponse> Send(ByteView command, Deadline deadline) override {
    SR_TRY_VOID(process_.Check(Name()));
    SR_TRY_VOID(CheckCommand(command, Name()));
    const Stopwatch watch;
    CountSent(command);
    SR_TRY(const ByteView response, line_->Exchange(command, deadline));
    return Received(command, response, watch);
  }

  std::unique_ptr<PipeLine> line_;
  ProcessGuard process_;
};

}  // namespace

Result<std::unique_ptr<Transport>> OpenPipeTransport(const CardUri& uri, Deadline deadline) {
  SR_TRY(auto line, PipeLine::Open(uri.path, uri.text, deadline));
  return std::make_unique<PipeTransport>(uri.text, std::move(line));
}

}  // namespace simroot::device
