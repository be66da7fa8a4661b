// SPDX-License-Identifier: Apache-2.0
// GET STATUS (GlobalPlatform 2.3.1, 11.4).
#include "card/security_domain/commands.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

enum class Subset : std::uint8_t { kSecurityDomain = 0x80, kApplications = 0x40 };
constexpr std::uint8_t kNextBit = 0x01;
constexpr std::uint8_t kTemplateBit = 0x02;

constexpr std::uint8_t kSelectable = 0x07;
constexpr std::uint8_t kSecured = 0x0F;
constexpr std::uint8_t kSecurityDomainPrivilege = 0x80;
constexpr std::size_t kMaxEntry = 64;

constexpr std::uint16_t kAidTag = 0x4F;
constexpr std::uint16_t kStateTag = 0x9F70;
constexpr std::uint16_t kPrivilegesTag = 0xC5;
constexpr std::uint16_t kSecurityDomainTag = 0xCC;

/// What the command's data asks for: `4F part of an AID` and, perhaps, `5C list of tags`.
struct Query {
  ByteView aid;
  ByteView tags;

  [[nodiscard]] bool Wants(std::uint16_t tag) const {
    ByteReader reader(tags);
    std::uint8_t byte = 0;
    while (reader.ReadU8(byte)) {
      std::uint16_t asked = byte;
      std::uint8_t second = 0;
      constexpr unsigned kTwoByteTag = 0x1F;
      if ((byte & kTwoByteTag) == kTwoByteTag && reader.ReadU8(second)) {
        asked = static_cast<std::uint16_t>(byte << 8U | second);
      }
      if (asked == tag) {
        return true;
      }
    }
    return tags.empty();
  }
};

[[nodiscard]] std::optional<Query> ReadQuery(ByteView data) {
  Query query;
  ByteReader reader(data);
  wire::Tlv tlv;
  if (!ReadBerTlv(reader, tlv) || tlv.tag != kAidTag) {
    return std::nullopt;
  }
  query.aid = tlv.value;
  if (!reader.empty() && (!ReadBerTlv(reader, tlv) || tlv.tag != 0x5C || !reader.empty())) {
    return std::nullopt;
  }
  query.tags = tlv.tag == 0x5C ? tlv.value : ByteView();
  return query;
}

struct Entry {
  ByteView aid;
  std::uint8_t state;
  std::uint8_t privileges;  ///< the first of three bytes; the others are 0
};

void PutEntry(const Entry& entry, const Query& query, bool as_template, ByteWriter& out) {
  if (!as_template) {  // the form of GlobalPlatform 2.1
    out.PutU8(LowByte(entry.aid.size()));
    out.PutBytes(entry.aid);
    out.PutU8(entry.state);
    out.PutU8(entry.privileges);
    return;
  }
  std::array<std::uint8_t, kMaxEntry> memory{};
  ByteWriter content(memory);
  const auto put = [&](std::uint16_t tag, ByteView value) {
    if (query.Wants(tag)) {
      wire::PutBerTlv(tag, value, content);
    }
  };
  put(kAidTag, entry.aid);
  put(kStateTag, std::array{entry.state});
  put(kPrivilegesTag, std::array<std::uint8_t, 3>{entry.privileges, 0, 0});
  put(kSecurityDomainTag, kSecurityDomainAid);
  wire::PutBerTlv(0xE3, content.written(), out);
}

[[nodiscard]] bool BeginsWith(ByteView aid, ByteView part) {
  return part.size() <= aid.size() && SameBytes(aid.first(part.size()), part);
}

}  // namespace

/// Fills the answer with whole entries. What does not fit is left for "next" (6310), which must come with the same data
/// directly afterwards.
wire::StatusWord SecurityDomain::GetStatus(const Call& call) {
  const std::size_t begun_at = std::exchange(next_entry_, 0);
  const wire::CommandApdu& command = call.command;
  const auto subset = static_cast<Subset>(command.p1);
  if ((subset != Subset::kSecurityDomain && subset != Subset::kApplications) ||
      (command.p2 & ~(kNextBit | kTemplateBit)) != 0) {
    return StatusWord::kIncorrectP1P2;
  }
  const auto query = ReadQuery(command.data);
  if (!query) {
    return StatusWord::kIncorrectData;
  }
  const bool next = (command.p2 & kNextBit) != 0;
  if (next && begun_at == 0) {
    return StatusWord::kConditionsNotSatisfied;
  }
  const bool of_domain = subset == Subset::kSecurityDomain;
  const std::size_t count = of_domain ? 1 : applications_.size();
  for (std::size_t index = next ? begun_at : 0; index < count; ++index) {
    const Entry entry = of_domain ? Entry{kSecurityDomainAid, kSecured, kSecurityDomainPrivilege}
                                  : Entry{applications_.subspan(index).front().application->Aid(), kSelectable, 0};
    if (!BeginsWith(entry.aid, query->aid)) {
      continue;
    }
    const std::size_t size = call.response.size();
    PutEntry(entry, *query, (command.p2 & kTemplateBit) != 0, call.response);
    if (!call.response.ok()) {
      call.response.Truncate(size);
      next_entry_ = index;
      return StatusWord::kMoreEntries;
    }
  }
  return call.response.size() == 0 ? StatusWord::kReferencedDataNotFound : StatusWord::kOk;
}

}  // namespace simroot::card
