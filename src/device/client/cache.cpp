// SPDX-License-Identifier: Apache-2.0
#include "device/client/cache.hpp"

#include <cstdlib>

#include "common/base/crc32.hpp"
#include "device/client/private_files.hpp"

namespace simroot::device::client {
namespace {

constexpr std::array<std::uint8_t, 5> kMagicAndVersion{'S', 'R', 'C', 'C', 0x01};
constexpr std::size_t kFixedSize = kMagicAndVersion.size() + 4 + 4 + 2 + 4;
constexpr std::size_t kMaxKeySize = 128;

/// "ICCID", AID, class, kind of name and name, each variable part with its length.
[[nodiscard]] std::optional<Bytes> EncodeKey(const CacheKey& key) {
  std::array<std::uint8_t, kMaxKeySize> memory{};
  ByteWriter out(memory);
  for (const ByteView part : {AsBytes(key.iccid), ByteView(key.aid), ByteView(key.object.name)}) {
    out.PutU8(LowByte(part.size()));
    out.PutBytes(part);
  }
  out.PutU8(static_cast<std::uint8_t>(key.object.object_class));
  out.PutU8(key.object.by_label ? 1 : 0);
  if (!out.ok()) {
    return std::nullopt;
  }
  return Bytes(out.written().begin(), out.written().end());
}

/// The ICCID comes from a modem and becomes part of a file name.
[[nodiscard]] bool IsIccid(std::string_view text) {
  return text.size() >= 18 && text.size() <= 20 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

[[nodiscard]] std::string FileName(const CacheKey& key, ByteView encoded_key) {
  std::array<std::uint8_t, 4> crc{};
  ByteWriter out(crc);
  out.PutU32(Crc32Of(encoded_key));
  return key.iccid + "-" + ToHex(crc);
}

/// The content if `file` is whole and is what was asked for.
[[nodiscard]] std::optional<Bytes> Decode(ByteView file, ByteView key, std::uint32_t counter) {
  ByteReader reader(file);
  ByteView magic;
  std::uint32_t crc = 0;
  std::uint32_t found_counter = 0;
  std::uint16_t key_size = 0;
  ByteView found_key;
  std::uint32_t size = 0;
  ByteView content;
  if (!reader.ReadBytes(kMagicAndVersion.size(), magic) || !SameBytes(magic, kMagicAndVersion) ||
      !reader.ReadU32(crc) || crc != Crc32Of(reader.rest()) || !reader.ReadU32(found_counter) ||
      !reader.ReadU16(key_size) || !reader.ReadBytes(key_size, found_key) || !reader.ReadU32(size) ||
      !reader.ReadBytes(size, content) || !reader.empty()) {
    return std::nullopt;
  }
  if (found_counter != counter || !SameBytes(found_key, key)) {
    return std::nullopt;
  }
  return Bytes(content.begin(), content.end());
}

[[nodiscard]] Bytes Encode(ByteView key, std::uint32_t counter, ByteView content) {
  Bytes file(kFixedSize + key.size() + content.size());
  ByteWriter out(file);
  out.PutBytes(kMagicAndVersion);
  const ByteSpan crc = out.Reserve(4);
  const std::size_t before = out.size();
  out.PutU32(counter);
  out.PutU16(static_cast<std::uint16_t>(key.size()));
  out.PutBytes(key);
  out.PutU32(static_cast<std::uint32_t>(content.size()));
  out.PutBytes(content);
  ByteWriter(crc).PutU32(Crc32Of(out.written().subspan(before)));
  return file;
}

}  // namespace

std::optional<Bytes> Cache::Find(const CacheKey& key, std::uint32_t counter) const {
  const auto encoded = EncodeKey(key);
  if (!enabled() || !IsIccid(key.iccid) || !encoded) {
    return std::nullopt;
  }
  const PrivateDirectory directory(directory_, IfMissing::kFail);
  const auto file = directory.Read(FileName(key, *encoded), kFixedSize + kMaxKeySize + kMaxContent);
  if (!file) {
    return std::nullopt;
  }
  return Decode(*file, *encoded, counter);
}

void Cache::Store(const CacheKey& key, std::uint32_t counter, ByteView content) const {
  const auto encoded = EncodeKey(key);
  if (!enabled() || !IsIccid(key.iccid) || !encoded || content.size() > kMaxContent) {
    return;
  }
  const PrivateDirectory directory(directory_, IfMissing::kCreate);
  directory.Replace(FileName(key, *encoded), Encode(*encoded, counter, content));
}

}  // namespace simroot::device::client

namespace simroot::device {
namespace {

/// A variable that names an absolute directory. Programs with raised privileges do not trust the environment.
[[nodiscard]] std::optional<std::string> DirectoryFrom(const char* variable) {
  const char* const value = ::secure_getenv(variable);
  if (value == nullptr || *value != '/') {
    return std::nullopt;
  }
  return std::string(value);
}

}  // namespace

std::string DefaultCacheDirectory() {
  if (const auto own = DirectoryFrom("SIMROOT_CACHE")) {
    return *own;
  }
  if (const auto xdg = DirectoryFrom("XDG_CACHE_HOME")) {
    return *xdg + "/simroot";
  }
  if (const auto home = DirectoryFrom("HOME")) {
    return *home + "/.cache/simroot";
  }
  return {};
}

}  // namespace simroot::device
