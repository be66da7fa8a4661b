// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "device/transport/transport.hpp"

namespace simroot::app {

/// An exchange as two lines: "> bytes  words" and "< bytes  words". Values that may be secret are hidden.
[[nodiscard]] std::string DescribeExchange(ByteView command, ByteView response);

/// Writes every exchange to stderr.
class StderrTrace final : public device::TransportObserver {
 public:
  void OnExchange(ByteView command, ByteView response, std::chrono::microseconds took) override;
};

}  // namespace simroot::app
