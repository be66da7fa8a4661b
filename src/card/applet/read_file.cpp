// SPDX-License-Identifier: Apache-2.0
#include "card/applet/applet.hpp"

namespace simroot::card {

// READ FILE (2.21): raw bytes from the offset in P1 P2. Reading at the end gives no bytes and success, because Thales'
// client and Orange's read on until then; beyond it 6A86.
wire::StatusWord Applet::ReadFile(const Call& call) {
  const auto data = CommandData::Parse(call.command.data, {iotsafe::Tag::kFileId, iotsafe::Tag::kFileLabel});
  if (!data) {
    return ToStatusWord(data.error());
  }
  const auto object = FindObject(*data, iotsafe::ObjectClass::kFile);
  if (!object) {
    return object.error();
  }
  const iotsafe::ObjectInfo& info = (*object)->info;
  if (!Has(info.access, iotsafe::Access::kReadable) || info.state != iotsafe::ObjectState::kActivated) {
    return Sw::kConditionsNotSatisfied;
  }
  const ByteView content = store_.Value(**object);
  const std::size_t offset = static_cast<std::size_t>(call.command.p1) << 8U | call.command.p2;
  if (offset > content.size()) {
    return Sw::kIncorrectP1P2;
  }
  // A short command gets what the profile allows; an extended one asked for more on purpose.
  std::size_t limit = call.command.extended ? call.response.free() : config_.read_file_max;
  limit = std::min(limit, call.command.le.value_or(limit));
  const ByteView rest = content.subspan(offset);
  call.response.PutBytes(rest.first(std::min(rest.size(), limit)));
  return Sw::kOk;
}

}  // namespace simroot::card
