// SPDX-License-Identifier: Apache-2.0
/// Wrapper files: base64 text of any kind, and the DER inside. What is understood must be written again as it was.
#include "common/base/check.hpp"
#include "device/provider/wrapper.hpp"

namespace simroot::device {
namespace {

void CheckDer(ByteView der) {
  const auto key = DecodeWrapper(der);
  if (!key) {
    SR_CHECK(!key.error().message.empty());
    return;
  }
  const std::string pem = EncodeWrapper(*key);
  const std::string_view text = pem;
  const std::size_t begin = text.find('\n');
  const auto again = DecodeWrapperBase64(text.substr(begin, text.find("-----END") - begin));
  SR_CHECK(again && SameBytes(*again, der));
}

}  // namespace
}  // namespace simroot::device

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simroot;
  const ByteView input(data, size);
  device::CheckDer(input);
  if (const auto der = device::DecodeWrapperBase64(AsText(input))) {
    device::CheckDer(*der);
  }
  return 0;
}
