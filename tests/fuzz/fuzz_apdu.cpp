// SPDX-License-Identifier: Apache-2.0
// A command that is accepted exactly is written back byte for byte; reading with excess accepts it too, the same way.
#include "common/base/check.hpp"
#include "common/wire/apdu.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simroot;  // NOLINT: one function
  const ByteView input(data, size);
  const auto loose = wire::ParseCommand(input, wire::ApduStrictness::kIgnoreExcess);
  if (const auto exact = wire::ParseCommand(input, wire::ApduStrictness::kExact)) {
    std::array<std::uint8_t, wire::kMaxCommand> memory;
    ByteWriter out(memory);
    wire::PutCommand(*exact, out);
    SR_CHECK(out.ok() == (size <= memory.size()));
    SR_CHECK(!out.ok() || SameBytes(out.written(), input));
    SR_CHECK(loose && SameBytes(loose->data, exact->data) && loose->le == exact->le);
  }
  if (const auto response = wire::ParseResponse(input)) {
    SR_CHECK(response->data.size() + 2 == size && !wire::Describe(response->sw).empty());
  }
  return 0;
}
