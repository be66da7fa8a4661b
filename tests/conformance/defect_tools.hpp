// SPDX-License-Identifier: Apache-2.0
/// Commands and answers taken apart and put together again. Used by defects.cpp only.
#pragma once

#include <algorithm>

#include "common/host/hex.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::conformance::defect_tools {

using iotsafe::Ins;

inline Bytes Join(Bytes first, const Bytes& second = {}) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}
inline Bytes Part(const Bytes& bytes, std::size_t from, std::size_t count) {
  ByteReader reader(bytes);
  ByteView part;
  return reader.Skip(from) && reader.ReadBytes(count, part) ? Bytes(part.begin(), part.end()) : Bytes();
}
inline Bytes First(const Bytes& bytes, std::size_t count) {
  return Part(bytes, 0, count);
}
/// The first `from` replaced by `to`, which is as long.
inline Bytes Replaced(Bytes bytes, const Bytes& from, const Bytes& to) {
  const auto found = std::search(bytes.begin(), bytes.end(), from.begin(), from.end());
  if (found != bytes.end()) {
    std::ranges::copy(to, found);
  }
  return bytes;
}

// Commands have four bytes at least.
inline bool Is(const Bytes& command, std::uint8_t ins) {
  return command[1] == ins;
}
inline bool Is(const Bytes& command, Ins ins) {
  return command[1] == Code(ins);
}
inline std::uint8_t P1(const Bytes& command) {
  return command[2];
}
inline std::uint8_t P2(const Bytes& command) {
  return command[3];
}
inline Bytes Data(const Bytes& command) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  return parsed ? Bytes(parsed->data.begin(), parsed->data.end()) : Bytes();
}
/// 0 if there is none.
inline std::size_t Le(const Bytes& command) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  return parsed ? parsed->le.value_or(0) : 0;
}
inline Bytes WithParameters(Bytes command, unsigned p1, unsigned p2) {
  command[2] = LowByte(p1);
  command[3] = LowByte(p2);
  return command;
}
/// The header with other data and no Le.
inline Bytes WithData(const Bytes& command, const Bytes& data) {
  Bytes changed = First(command, 4);
  changed.push_back(LowByte(data.size()));
  return Join(changed, data);
}

inline Bytes Status(std::uint16_t sw) {
  return {LowByte(sw >> 8U), LowByte(sw)};
}
inline Bytes Answer(const Bytes& data, std::uint16_t sw) {
  return Join(data, Status(sw));
}
inline std::uint16_t StatusOf(const Bytes& answer) {
  return answer.size() < 2 ? std::uint16_t{0}
                           : static_cast<std::uint16_t>(*(answer.end() - 2) << 8U | *(answer.end() - 1));
}
inline Bytes DataOf(const Bytes& answer) {
  return answer.size() < 2 ? Bytes() : First(answer, answer.size() - 2);
}
/// The answer with status word `to` alone, if the condition holds and its status word is `from`.
inline Bytes IfStatus(const Bytes& answer, bool condition, std::uint16_t from, std::uint16_t to) {
  return condition && StatusOf(answer) == from ? Status(to) : answer;
}
/// r||s if the command was the last of a signature and the answer has 64 bytes in tag 33.
inline Bytes RawSignature(const Bytes& command, const Bytes& answer) {
  const auto signature = iotsafe::ParseSignature(DataOf(answer));
  return Is(command, Ins::kComputeSignatureUpdate) && signature
             ? Bytes(signature->view().begin(), signature->view().end())
             : Bytes();
}

}  // namespace simroot::conformance::defect_tools
