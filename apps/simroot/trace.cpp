// SPDX-License-Identifier: Apache-2.0
#include "trace.hpp"

#include <array>
#include <cstdio>

#include "common/iotsafe/describe.hpp"

namespace simroot::app {
namespace {

constexpr std::size_t kLineSize = 4 * wire::kMaxResponse;

std::string Words(ByteView command, ByteView response, bool is_response) {
  std::string memory(2 * kLineSize, '\0');
  const std::span<char> room(memory);
  TextWriter hex(room.first(kLineSize));
  TextWriter words(room.subspan(kLineSize));
  iotsafe::PutTraceHex(command, response, is_response, hex);
  if (is_response) {
    iotsafe::DescribeResponse(command, response, iotsafe::Secrets::kHide, words);
  } else {
    iotsafe::DescribeCommand(command, iotsafe::Secrets::kHide, words);
  }
  return std::string(hex.text()) + "\n    " + std::string(words.text());
}

}  // namespace

std::string DescribeExchange(ByteView command, ByteView response) {
  return "  > " + Words(command, {}, false) + "\n  < " + Words(command, response, true) + "\n";
}

void StderrTrace::OnExchange(ByteView command, ByteView response, std::chrono::microseconds took) {
  const std::string text = DescribeExchange(command, response);
  static_cast<void>(std::fprintf(stderr, "%s    (%lld us)\n", text.c_str(), static_cast<long long>(took.count())));
}

}  // namespace simroot::app
