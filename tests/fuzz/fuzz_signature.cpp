// SPDX-License-Identifier: Apache-2.0
// A signature has one DER form: what is accepted is written back byte for byte, and raw survives the way through DER.
#include "common/base/check.hpp"
#include "common/iotsafe/objects.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace simroot;  // NOLINT: one function
  const ByteView input(data, size);
  if (const auto raw = iotsafe::DerSignatureToRaw(input)) {
    SR_CHECK(SameBytes(iotsafe::RawSignatureToDer(raw->view()).view(), input));
  }
  const auto answer = iotsafe::ParseSignature(input);
  const ByteView raw = answer ? answer->view() : input.first(std::min<std::size_t>(size, 64));
  const auto der = iotsafe::RawSignatureToDer(raw);
  SR_CHECK(der.empty() == (raw.size() != 64));
  if (!der.empty()) {
    const auto back = iotsafe::DerSignatureToRaw(der.view());
    SR_CHECK(back && SameBytes(back->view(), raw));
  }
  if (const auto pair = iotsafe::ParseGeneratedKeyPair(input)) {
    SR_CHECK(pair->point.empty() || pair->point.size() == iotsafe::kP256PointSize);
  }
  return 0;
}
