// SPDX-License-Identifier: Apache-2.0
// Scripts, responses and compact lists that are accepted are written back byte for byte.
#include "common/base/check.hpp"
#include "common/secure/remote_apdu.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::secure {
namespace {

/// The items of a list that a parser has accepted, written again.
void PutItems(ScriptItems items, ByteWriter& out) {
  while (!items.empty()) {
    const auto item = items.Next();
    SR_CHECK(item.has_value());
    wire::PutBerTlv(static_cast<std::uint8_t>(item->tag), item->value, out);
  }
}

void CheckCompact(ByteView bytes, RemoteManagement management, ByteWriter& out) {
  out.Truncate(0);
  ByteReader reader(bytes);
  while (!reader.empty()) {
    const std::size_t before = reader.remaining();
    const auto command = ReadCompactCommand(reader, management);
    if (!command) {
      SR_CHECK(reader.remaining() == before);
      break;
    }
    SR_CHECK(PutCompactCommand(*command, management, out).has_value());
  }
  SR_CHECK(SameBytes(out.written(), bytes.first(bytes.size() - reader.remaining())));
}

void Run(ByteView bytes) {
  static std::array<std::uint8_t, 1U << 16U> content_memory;
  static std::array<std::uint8_t, 1U << 16U> memory;
  ByteWriter content(content_memory);
  ByteWriter out(memory);
  if (const auto script = ParseScript(bytes)) {
    PutItems(script->items, content);
    PutScript(script->coding, content.written(), out);
    SR_CHECK(SameBytes(out.written(), bytes));
  }
  if (const auto response = ParseScriptResponse(bytes)) {
    content.Truncate(0);
    out.Truncate(0);
    PutItems(response->items, content);
    PutScriptResponse(response->coding, response->executed.value_or(0), content.written(), out);
    SR_CHECK(SameBytes(out.written(), bytes));
  }
  if (const auto response = ParseCompactResponse(bytes)) {
    out.Truncate(0);
    PutCompactResponse(*response, out);
    SR_CHECK(SameBytes(out.written(), bytes));
  }
  CheckCompact(bytes, RemoteManagement::kFiles, out);
  CheckCompact(bytes, RemoteManagement::kApplications, out);
}

}  // namespace
}  // namespace simroot::secure

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMaxInput = 60'000;
  if (size <= kMaxInput) {
    simroot::secure::Run({data, size});
  }
  return 0;
}
