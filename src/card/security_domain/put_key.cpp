// SPDX-License-Identifier: Apache-2.0
// PUT KEY: a whole key set in one command, new or in place of another (GlobalPlatform 2.3.1, 11.8; Amendment D, 7.2).
#include "card/security_domain/commands.hpp"

namespace simroot::card {
namespace {

using wire::StatusWord;

constexpr std::uint8_t kAesKeyType = 0x88;
constexpr std::uint8_t kSeveralKeysFromFirst = 0x81;  // P2: several keys, the first has identifier 01
constexpr std::size_t kMaxKeyBlock = 32;

/// One key as it travels: the length in clear (absent in the older form), whole blocks under the DEK, check value.
struct KeyField {
  std::size_t clear_size = 0;
  ByteView enciphered;
  ByteView check_value;
};

[[nodiscard]] bool ReadKeyField(ByteReader& reader, KeyField& out) {
  std::uint8_t size = 0;
  ByteView block;
  std::uint8_t check_size = 0;
  if (!reader.ReadU8(size) || !reader.ReadBytes(size, block) || !reader.ReadU8(check_size) ||
      check_size != secure::kKeyCheckValueSize || !reader.ReadBytes(check_size, out.check_value)) {
    return false;
  }
  out.clear_size = block.size();
  if (block.size() % crypto::kAesBlockSize != 0) {
    ByteReader inner(block);
    std::uint8_t clear_size = 0;
    if (!inner.ReadU8(clear_size)) {
      return false;
    }
    out.clear_size = clear_size;
    block = inner.rest();
  }
  out.enciphered = block;
  return secure::IsAesKeySize(out.clear_size) && block.size() <= kMaxKeyBlock && block.size() >= out.clear_size &&
         block.size() - out.clear_size < crypto::kAesBlockSize;
}

}  // namespace

struct SecurityDomain::NewKeySet {
  std::uint8_t version = 0;
  std::array<SecretArray<secure::kMaxAesKeySize>, kKeyRoles.size()> keys;
};

wire::StatusWord SecurityDomain::PutKey(const Call& call) {
  const std::uint8_t old_version = call.command.p1;
  if (call.command.p2 != kSeveralKeysFromFirst) {
    return StatusWord::kIncorrectP1P2;
  }
  if (old_version != 0 && !key_sets_.Exists(old_version)) {
    return StatusWord::kReferencedDataNotFound;
  }
  NewKeySet set;
  if (const Sw sw = ReadKeySet(call.command.data, set, call.response); sw != StatusWord::kOk) {
    return sw;
  }
  const auto use = UseOfVersion(set.version);
  const bool takes_place = set.version == old_version || !key_sets_.Exists(set.version);
  const bool same_use = old_version == 0 || use == UseOfVersion(old_version);
  if (!use || !takes_place || !same_use) {
    return StatusWord::kIncorrectData;
  }
  const auto value = [&](std::size_t index) { return set.keys[index].Reveal(InsecureReveal::kForStore); };
  const auto replaced = key_sets_.Replace(old_version, set.version, {value(0), value(1), value(2)});
  return replaced ? StatusWord::kOk : StatusOf(replaced.error());
}

/// Reads and deciphers the set, and writes the answer: its version and the check values.
wire::StatusWord SecurityDomain::ReadKeySet(ByteView data, NewKeySet& out, ByteWriter& answer) {
  ByteReader reader(data);
  if (!reader.ReadU8(out.version)) {
    return StatusWord::kIncorrectData;
  }
  answer.PutU8(out.version);
  for (auto& key : out.keys) {
    if (const Sw sw = ReadKey(reader, key, answer); sw != StatusWord::kOk) {
      return sw;
    }
    if (key.size() != out.keys.front().size()) {
      return StatusWord::kIncorrectData;
    }
  }
  return reader.empty() ? StatusWord::kOk : StatusWord::kIncorrectData;
}

wire::StatusWord SecurityDomain::ReadKey(ByteReader& reader, SecretArray<secure::kMaxAesKeySize>& key,
                                         ByteWriter& answer) {
  std::uint8_t type = 0;
  if (!reader.ReadU8(type)) {
    return StatusWord::kIncorrectData;
  }
  if (type != kAesKeyType) {
    return StatusWord::kAlgorithmNotSupported;
  }
  KeyField field;
  SecretArray<kMaxKeyBlock> clear;
  if (!ReadKeyField(reader, field) || !unwrapper_.Unwrap(field.enciphered, clear.Prepare(field.enciphered.size())) ||
      !key.Assign(clear.Reveal(InsecureReveal::kForStore).first(field.clear_size))) {
    return StatusWord::kIncorrectData;
  }
  const auto check_value = secure::KeyCheckValue(crypto_, key.Reveal(InsecureReveal::kForCrypto));
  if (!check_value || !SameSecret(*check_value, field.check_value)) {
    return StatusWord::kInvalidKeyCheckValue;
  }
  answer.PutBytes(*check_value);
  return StatusWord::kOk;
}

}  // namespace simroot::card
