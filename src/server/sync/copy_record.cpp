// SPDX-License-Identifier: Apache-2.0
#include "server/sync/copy_record.hpp"

#include <limits>

#include "common/base/check.hpp"

namespace simroot::server {
namespace {

constexpr std::uint8_t kCredentialItem = 1;
constexpr std::uint8_t kPointItem = 2;
constexpr auto kLastState = CredentialState::kDeleted;

void PutNumber(std::int64_t value, ByteWriter& out) {
  const auto bits = static_cast<std::uint64_t>(value);
  out.PutU32(static_cast<std::uint32_t>(bits >> 32U));
  out.PutU32(static_cast<std::uint32_t>(bits & 0xFFFFFFFFU));
}

bool ReadNumber(ByteReader& in, std::int64_t& value) {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (!in.ReadU32(high) || !in.ReadU32(low)) {
    return false;
  }
  value = static_cast<std::int64_t>((static_cast<std::uint64_t>(high) << 32U) | low);
  return true;
}

void PutText(std::string_view text, ByteWriter& out) {
  out.PutU8(LowByte(text.size()));
  out.PutBytes(AsBytes(text));
}

bool ReadText(ByteReader& in, std::string& text) {
  std::uint8_t size = 0;
  ByteView bytes;
  if (!in.ReadU8(size) || !in.ReadBytes(size, bytes)) {
    return false;
  }
  text = AsText(bytes);
  return true;
}

bool ReadCredential(ByteReader& in, Credential& credential) {
  std::uint8_t kind = 0;
  std::uint8_t state = 0;
  ByteView fingerprint;
  std::uint8_t psk_size = 0;
  ByteView psk;
  if (!ReadNumber(in, credential.id) || !in.ReadU8(kind) || kind > 1 || !in.ReadU8(state) ||
      state > static_cast<std::uint8_t>(kLastState) || !ReadNumber(in, credential.not_before) ||
      !ReadNumber(in, credential.not_after) || !ReadNumber(in, credential.first_used) ||
      !ReadNumber(in, credential.changed) || !ReadText(in, credential.name) || !ReadText(in, credential.iccid) ||
      !ReadText(in, credential.device) || !in.ReadBytes(credential.fingerprint.size(), fingerprint) ||
      !in.ReadU8(psk_size) || !in.ReadBytes(psk_size, psk)) {
    return false;
  }
  credential.kind = static_cast<CredentialKind>(kind);
  credential.state = static_cast<CredentialState>(state);
  (void)CopyBytes(fingerprint, credential.fingerprint);
  credential.psk = SecretBytes(psk);
  return true;
}

bool ReadPoint(ByteReader& in, RecordPoint& point) {
  std::uint8_t has_authorities = 0;
  if (!ReadNumber(in, point.feed_number) || point.feed_number < 0 || !ReadNumber(in, point.contact) ||
      !in.ReadU8(has_authorities) || has_authorities > 1) {
    return false;
  }
  if (has_authorities == 1) {
    std::uint32_t size = 0;
    ByteView pem;
    if (!in.ReadU32(size) || !in.ReadBytes(size, pem)) {
      return false;
    }
    point.authorities = AsText(pem);
  }
  return true;
}

}  // namespace

void RecordWriter::Clear() {
  Wipe(bytes_);
  bytes_.clear();
  bytes_.reserve(kFull + 1024);  // growing would leave unwiped bytes behind
}

ByteSpan RecordWriter::Grow(std::size_t size) {
  const std::size_t before = bytes_.size();
  if (bytes_.capacity() - before < size) {
    Bytes bigger;
    bigger.reserve(before + size);
    bigger = bytes_;
    Wipe(bytes_);
    bytes_.swap(bigger);
  }
  bytes_.resize(before + size);
  return ByteSpan(bytes_).subspan(before);
}

void RecordWriter::Put(const Credential& c) {
  constexpr std::size_t kLongestText = std::numeric_limits<std::uint8_t>::max();
  // What the directory takes fits; nothing else is worth writing.
  if (c.name.size() > kLongestText || c.iccid.size() > kLongestText || c.device.size() > kLongestText ||
      c.psk.size() > kLongestText) {
    return;
  }
  constexpr std::size_t kFixed = 1 + 5 * 8 + 2 + 3 + sizeof(Fingerprint) + 1;
  ByteWriter out(Grow(kFixed + c.name.size() + c.iccid.size() + c.device.size() + c.psk.size()));
  out.PutU8(kCredentialItem);
  PutNumber(c.id, out);
  out.PutU8(static_cast<std::uint8_t>(c.kind));
  out.PutU8(static_cast<std::uint8_t>(c.state));
  for (const UnixTime time : {c.not_before, c.not_after, c.first_used, c.changed}) {
    PutNumber(time, out);
  }
  PutText(c.name, out);
  PutText(c.iccid, out);
  PutText(c.device, out);
  out.PutBytes(c.fingerprint);
  out.PutU8(LowByte(c.psk.size()));
  out.PutBytes(c.psk.Reveal(InsecureReveal::kForStore));
  SR_CHECK(out.ok() && out.free() == 0);
}

void RecordWriter::Put(const RecordPoint& point) {
  ByteWriter out(Grow(1 + 2 * 8 + 1 + (point.authorities ? 4 + point.authorities->size() : 0)));
  out.PutU8(kPointItem);
  PutNumber(point.feed_number, out);
  PutNumber(point.contact, out);
  out.PutU8(point.authorities ? 1 : 0);
  if (point.authorities) {
    out.PutU32(static_cast<std::uint32_t>(point.authorities->size()));
    out.PutBytes(AsBytes(*point.authorities));
  }
  SR_CHECK(out.ok() && out.free() == 0);
}

bool ReadRecord(ByteView record, const std::function<void(Credential&&)>& visit, std::optional<RecordPoint>& point) {
  ByteReader in(record);
  while (!in.empty()) {
    std::uint8_t kind = 0;
    if (point || !in.ReadU8(kind)) {  // the point is the last item
      return false;
    }
    if (kind == kPointItem) {
      if (!ReadPoint(in, point.emplace())) {
        return false;
      }
    } else if (Credential credential; kind == kCredentialItem && ReadCredential(in, credential)) {
      visit(std::move(credential));
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace simroot::server
