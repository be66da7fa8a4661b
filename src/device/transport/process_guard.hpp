// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <string>

#include "common/host/error.hpp"

namespace simroot::device {

/// Remembers the process that opened a port. After a fork, parent and child would mix their commands on one descriptor
/// or one PC/SC context, so the child must not use what it inherited: it opens its own.
class ProcessGuard {
 public:
  [[nodiscard]] bool InOwner() const { return ::getpid() == owner_; }

  /// @returns kTransport in any other process than the one that made this object.
  [[nodiscard]] Result<void> Check(const std::string& port) const {
    if (InOwner()) {
      return {};
    }
    return Fail(ErrorDomain::kTransport,
                port + " was opened by process " + std::to_string(owner_) + " and cannot be used in its child " +
                    std::to_string(::getpid()),
                "open the card again in this process");
  }

 private:
  pid_t owner_ = ::getpid();
};

}  // namespace simroot::device
