// SPDX-License-Identifier: Apache-2.0
#include "common/wire/status_word.hpp"

namespace simroot::wire {

std::string_view Describe(StatusWord sw) {
  const auto* const row = std::ranges::lower_bound(kStatusWordNames, sw, {}, &StatusWordName::sw);
  if (row != kStatusWordNames.end() && row->sw == sw) {
    return row->meaning;
  }
  switch (Sw1(sw)) {
    case 0x61:
      return "response bytes waiting for GET RESPONSE";
    case 0x6C:
      return "wrong Le, repeat with SW2";
    case 0x91:
      return "done, a proactive command is pending";
    default:
      return "unknown status word";
  }
}

}  // namespace simroot::wire
