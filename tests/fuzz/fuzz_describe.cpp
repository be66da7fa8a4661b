// SPDX-License-Identifier: Apache-2.0
// First byte: length of the command, then the answer. Text is printable; of a secret answer only the length shows.
#include "common/base/check.hpp"
#include "common/iotsafe/describe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simroot;  // NOLINT: one function
  static std::array<std::array<char, 1U << 16U>, 2> text;
  static std::array<std::uint8_t, 4096> answer;
  ByteReader reader(ByteView(data, size));
  std::uint8_t length = 0;
  ByteView command;
  if (!reader.ReadU8(length) || !reader.ReadBytes(length, command) || !CopyBytes(reader.rest(), answer)) {
    return 0;
  }
  const ByteSpan response = ByteSpan(answer).first(reader.remaining());
  const ByteSpan secret = response.first(response.size() < 2 ? 0 : response.size() - 2);
  std::array<TextWriter, 2> out{TextWriter(text[0]), TextWriter(text[1])};
  for (TextWriter& writer : out) {
    iotsafe::DescribeCommand(command, iotsafe::Secrets::kHide, writer);
    iotsafe::DescribeResponse(command, response, iotsafe::Secrets::kHide, writer);
    iotsafe::PutTraceHex(command, response, true, writer);
    std::ranges::transform(secret, secret.begin(), [](std::uint8_t byte) { return LowByte(~byte); });
  }
  constexpr std::array<std::uint8_t, 4> kSecretAnswers{0x46, 0x48, 0x4A, 0x84};
  const bool is_secret = command.size() > 1 && std::ranges::count(kSecretAnswers, command[1]) != 0;
  SR_CHECK(!is_secret || out[0].text() == out[1].text());
  SR_CHECK(std::ranges::all_of(out[0].text(), [](char c) { return c >= 0x20 && c < 0x7F; }));
  return 0;
}
