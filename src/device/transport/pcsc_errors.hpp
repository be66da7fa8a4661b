// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/host/error.hpp"
#include "device/transport/pcsc_api.hpp"

namespace simroot::device {

/// kTransport: what the PC/SC error code `rv` means for `port`, in one sentence, with the next step.
[[nodiscard]] tl::unexpected<Error> PcscError(LONG rv, const std::string& port);

/// kTransport: no reader, or none, or several, whose name holds what was asked for. Lists the readers.
[[nodiscard]] tl::unexpected<Error> NoReader(const std::string& port);
[[nodiscard]] tl::unexpected<Error> NoSuchReader(const std::string& port, const std::vector<std::string>& names);
[[nodiscard]] tl::unexpected<Error> SeveralReaders(const std::string& port, const std::vector<std::string>& names);

/// kTransport: no card came into the readers in time.
[[nodiscard]] tl::unexpected<Error> NoCard(const std::string& port, const std::vector<std::string>& names,
                                           const std::string& waited);

}  // namespace simroot::device
