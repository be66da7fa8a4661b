// SPDX-License-Identifier: Apache-2.0
#include "device/capi/handles.hpp"

#include "common/iotsafe/describe.hpp"

namespace simroot::capi {

std::optional<Bytes> KeptAnswer::Take(const std::string& question) {
  const std::unique_ptr<Kept> kept(slot_.exchange(nullptr));
  if (!kept || kept->question != question || std::chrono::steady_clock::now() - kept->since > kLifetime) {
    return std::nullopt;
  }
  return std::move(kept->answer);
}

void KeptAnswer::Put(std::string question, Bytes answer) {
  auto fresh = std::make_unique<Kept>(Kept{std::move(question), std::move(answer), std::chrono::steady_clock::now()});
  delete slot_.exchange(fresh.release());
}

void Trace::OnExchange(ByteView command, ByteView response, std::chrono::microseconds took) {
  std::array<char, 4096> memory{};                                    // what is longer is cut by the writer
  TextWriter text(std::span<char>(memory).first(memory.size() - 1));  // the zero behind it stays
  text.Put("-> ");
  iotsafe::DescribeCommand(command, iotsafe::Secrets::kHide, text);
  text.Put("\n<- ");
  iotsafe::DescribeResponse(command, response, iotsafe::Secrets::kHide, text);
  text.Put(" (");
  text.PutDecimal(static_cast<std::size_t>(took.count()));
  text.Put(" us)");
  function_(context_, memory.data());
}

}  // namespace simroot::capi
