// SPDX-License-Identifier: Apache-2.0
#include "card/uicc/pending_response.hpp"

#include "common/base/check.hpp"
#include "common/base/secret.hpp"

namespace simroot::card {

ByteSpan PendingResponse::Prepare() {
  Drop();
  used_ = true;
  return memory_;
}

void PendingResponse::Keep(std::size_t size, wire::StatusWord sw) {
  SR_CHECK(used_ && size <= memory_.size());
  rest_ = memory_.first(size);
  sw_ = sw;
}

bool PendingResponse::KeepCopy(ByteView bytes, wire::StatusWord sw) {
  if (!CopyBytes(bytes, Prepare())) {
    Drop();
    return false;
  }
  Keep(bytes.size(), sw);
  return true;
}

wire::StatusWord PendingResponse::HandOut(std::size_t limit, ByteWriter& out) {
  ByteReader reader(rest_);
  ByteView part;
  SR_CHECK(reader.ReadBytes(std::min({limit, rest_.size(), out.free()}), part));
  out.PutBytes(part);
  rest_ = reader.rest();
  if (!rest_.empty()) {
    return wire::BytesWaiting(rest_.size());
  }
  const wire::StatusWord sw = sw_;
  Drop();
  return sw;
}

void PendingResponse::Drop() {
  if (used_) {
    Wipe(memory_);
  }
  used_ = false;
  rest_ = {};
  sw_ = wire::StatusWord::kOk;
}

}  // namespace simroot::card
