// SPDX-License-Identifier: Apache-2.0
#include "conformance/defects.hpp"

#include "common/wire/apdu.hpp"

namespace simroot::conformance {

Bytes DefectBed::Send(const Bytes& command) {
  Bytes answer(wire::kMaxResponse);
  answer.resize(std::min(card.Transmit(command, answer), answer.size()));
  return answer;
}

std::vector<Defect> Defects() {
  std::vector<Defect> all;
  for (const std::span<const Defect> part : {ObjectDefects(), KeyDefects(), ServiceDefects()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

void DefectiveCard::Reset() {
  bed_.card.Reset();
}

std::size_t DefectiveCard::Transmit(ByteView command, ByteSpan response) {
  constexpr std::size_t kHeader = 4;
  if (defect_ == nullptr || defect_->transmit == nullptr || command.size() < kHeader) {
    return bed_.card.Transmit(command, response);
  }
  const Bytes answer = defect_->transmit(bed_, Bytes(command.begin(), command.end()));
  return CopyBytes(answer, response) ? answer.size() : 0;
}

}  // namespace simroot::conformance
