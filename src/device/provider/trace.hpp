// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "common/host/unique_fd.hpp"
#include "device/transport/transport.hpp"

namespace simroot::provider {

/// Writes every APDU in words, two lines an exchange, to a file or to standard error. Values that may be secret are
/// replaced by their length. One write a line pair, so that processes and threads do not mix inside it.
class Trace final : public device::TransportObserver {
 public:
  /// @param target a file, made with mode 0600 or appended to, or "stderr". @returns kStore if it cannot be opened.
  [[nodiscard]] static Result<std::unique_ptr<Trace>> Open(const std::string& target);

  void OnExchange(ByteView command, ByteView response, std::chrono::microseconds took) override;

 private:
  explicit Trace(UniqueFd file) : file_(std::move(file)) {}

  UniqueFd file_;
};

}  // namespace simroot::provider
