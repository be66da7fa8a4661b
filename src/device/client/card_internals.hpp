// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "device/client/session.hpp"

namespace simroot::device {

/// The way to a Card with other surroundings than the process's own.
struct CardInternals {
  [[nodiscard]] static std::shared_ptr<Card> Create(CardOptions options, client::ClientEnvironment environment);
};

}  // namespace simroot::device
