// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>

namespace simroot::provider {

/// Guards every list of the provider that the whole process shares: cards, kept cards, tokens. Held for list work only,
/// never while a card is talked to. Taken before a fork and released on both sides, so that a child never inherits it
/// locked.
[[nodiscard]] std::mutex& CardListMutex();

}  // namespace simroot::provider
