// SPDX-License-Identifier: Apache-2.0
#include "card/applet/store_image.hpp"

#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{'S', 'R', 'O', 'S'};
constexpr std::uint16_t kLayoutVersion = 1;
constexpr std::size_t kChunkSize = 64;

}  // namespace

/// Writes a payload in small pieces, or only counts it when there is no NVM.
class StoreImage::Writer {
 public:
  Writer(Nvm* nvm, std::size_t offset) : nvm_(nvm), offset_(offset) {}
  ~Writer() { Wipe(chunk_); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void PutU8(std::uint8_t value) { PutBytes(ByteView(&value, 1)); }
  void PutU16(std::uint16_t value) {
    PutU8(LowByte(value >> 8U));
    PutU8(LowByte(value));
  }
  void PutU32(std::uint32_t value) {
    PutU16(static_cast<std::uint16_t>(value >> 16U));
    PutU16(static_cast<std::uint16_t>(value & 0xFFFFU));
  }
  void PutShortBytes(ByteView bytes) {
    PutU8(LowByte(bytes.size()));
    PutBytes(bytes);
  }
  void PutBytes(ByteView bytes) {
    length_ += bytes.size();
    if (nvm_ == nullptr) {
      return;
    }
    crc_.Add(bytes);
    while (!bytes.empty()) {
      const std::size_t count = std::min(bytes.size(), kChunkSize - filled_);
      std::ranges::copy(bytes.first(count), ByteSpan(chunk_).subspan(filled_).begin());
      filled_ += count;
      bytes = bytes.subspan(count);
      if (filled_ == kChunkSize) {
        Flush();
      }
    }
  }
  /// False if any write failed.
  [[nodiscard]] bool Finish() {
    Flush();
    return ok_;
  }
  [[nodiscard]] std::size_t length() const { return length_; }
  [[nodiscard]] std::uint32_t crc() const { return crc_.value(); }

 private:
  void Flush() {
    if (nvm_ != nullptr && filled_ > 0) {
      ok_ = ok_ && nvm_->Write(offset_, ByteView(chunk_).first(filled_));
      offset_ += filled_;
      filled_ = 0;
    }
  }

  Nvm* nvm_;
  std::size_t offset_;
  std::array<std::uint8_t, kChunkSize> chunk_{};
  std::size_t filled_ = 0;
  std::size_t length_ = 0;
  Crc32 crc_;
  bool ok_ = true;
};

/// Reads a payload in small pieces; every function returns false past its end.
class StoreImage::Reader {
 public:
  Reader(Nvm& nvm, std::size_t offset, std::size_t length) : nvm_(nvm), offset_(offset), left_(length) {}

  [[nodiscard]] bool ReadBytes(ByteSpan out) {
    if (out.size() > left_ || !nvm_.Read(offset_, out)) {
      return false;
    }
    offset_ += out.size();
    left_ -= out.size();
    return true;
  }
  [[nodiscard]] bool ReadU8(std::uint8_t& out) { return ReadBytes(ByteSpan(&out, 1)); }
  [[nodiscard]] bool ReadU16(std::uint16_t& out) {
    std::array<std::uint8_t, 2> raw{};
    return ReadBytes(raw) && ByteReader(raw).ReadU16(out);
  }
  [[nodiscard]] bool ReadU32(std::uint32_t& out) {
    std::array<std::uint8_t, 4> raw{};
    return ReadBytes(raw) && ByteReader(raw).ReadU32(out);
  }
  template <std::size_t kMax>
  [[nodiscard]] bool ReadShortBytes(FixedBytes<kMax>& out) {
    std::uint8_t size = 0;
    std::array<std::uint8_t, kMax> raw{};
    return ReadU8(size) && size <= kMax && ReadBytes(ByteSpan(raw).first(size)) &&
           out.Assign(ByteView(raw).first(size));
  }
  [[nodiscard]] bool empty() const { return left_ == 0; }

 private:
  Nvm& nvm_;
  std::size_t offset_;
  std::size_t left_;
};

bool StoreImage::ReadHeader(std::uint8_t copy, Header& out) {
  std::array<std::uint8_t, kHeaderSize> raw{};
  if (!store_.nvm_.Read(CopyOffset(copy), raw)) {
    return false;
  }
  ByteReader reader(raw);
  ByteView magic;
  std::uint16_t version = 0;
  std::uint16_t reserved = 0;
  std::uint32_t header_crc = 0;
  if (!reader.ReadBytes(kMagic.size(), magic) || !reader.ReadU16(version) || !reader.ReadU16(reserved) ||
      !reader.ReadU32(out.sequence) || !reader.ReadU32(out.length) || !reader.ReadU32(out.payload_crc) ||
      !reader.ReadU32(out.epoch) || !reader.ReadU32(header_crc)) {
    return false;
  }
  Crc32 crc;
  crc.Add(ByteView(raw).first(kHeaderSize - sizeof header_crc));
  return SameBytes(magic, kMagic) && version == kLayoutVersion && crc.value() == header_crc &&
         out.length <= CopySize() - kHeaderSize;
}

bool StoreImage::WriteHeader(std::uint8_t copy, const Header& header) {
  std::array<std::uint8_t, kHeaderSize> raw{};
  ByteWriter writer(raw);
  writer.PutBytes(kMagic);
  writer.PutU16(kLayoutVersion);
  writer.PutU16(0);
  writer.PutU32(header.sequence);
  writer.PutU32(header.length);
  writer.PutU32(header.payload_crc);
  writer.PutU32(header.epoch);
  Crc32 crc;
  crc.Add(writer.written());
  writer.PutU32(crc.value());
  return writer.ok() && store_.nvm_.Write(CopyOffset(copy), raw);
}

bool StoreImage::PayloadIsIntact(std::uint8_t copy, const Header& header) {
  Reader reader(store_.nvm_, CopyOffset(copy) + kHeaderSize, header.length);
  std::array<std::uint8_t, kChunkSize> chunk{};
  Crc32 crc;
  for (std::size_t left = header.length; left > 0;) {
    const ByteSpan piece = ByteSpan(chunk).first(std::min(left, kChunkSize));
    if (!reader.ReadBytes(piece)) {
      return false;
    }
    crc.Add(piece);
    left -= piece.size();
  }
  Wipe(chunk);
  return crc.value() == header.payload_crc;
}

StoreState StoreImage::Read() {
  std::array<Header, 2> headers{};
  std::array<bool, 2> valid{};
  for (std::uint8_t copy = 0; copy < 2; ++copy) {
    valid[copy] = ReadHeader(copy, headers[copy]) && PayloadIsIntact(copy, headers[copy]);
  }
  if (!valid[0] && !valid[1]) {
    return IsBlank(0) && IsBlank(1) ? StoreState::kBlank : StoreState::kDamaged;
  }
  std::uint8_t newest = valid[0] ? 0 : 1;
  if (valid[0] && valid[1] && headers[1].sequence > headers[0].sequence) {
    newest = 1;
  }
  Reader reader(store_.nvm_, CopyOffset(newest) + kHeaderSize, headers[newest].length);
  if (!ReadObjects(reader)) {
    return StoreState::kDamaged;
  }
  store_.active_copy_ = newest;
  store_.sequence_ = headers[newest].sequence;
  store_.epoch_ = headers[newest].epoch;
  // Power may have failed before the older copy was wiped; it can hold keys that were replaced. A failure to wipe it
  // now is found again at the next change, which writes there.
  static_cast<void>(EraseCopy(newest == 0 ? 1 : 0));
  return StoreState::kIntact;
}

bool StoreImage::Write() {
  const std::uint8_t target = store_.active_copy_ == 0 ? 1 : 0;
  Writer writer(&store_.nvm_, CopyOffset(target) + kHeaderSize);
  WriteObjects(writer);
  if (!writer.Finish() || !store_.nvm_.Sync()) {
    static_cast<void>(EraseCopy(target));
    return false;
  }
  const Header header{store_.sequence_ + 1, static_cast<std::uint32_t>(writer.length()), writer.crc(),
                      store_.DrawEpoch()};
  if (!WriteHeader(target, header) || !store_.nvm_.Sync()) {
    static_cast<void>(EraseCopy(target));
    return false;
  }
  const std::uint8_t old = store_.active_copy_;
  store_.active_copy_ = target;
  store_.sequence_ = header.sequence;
  store_.epoch_ = header.epoch;
  // The change is permanent from here on. Values it replaced must not stay behind in the old copy.
  static_cast<void>(EraseCopy(old));
  return true;
}

bool StoreImage::Fits() const {
  Writer counter(nullptr, 0);
  WriteObjects(counter);
  return counter.length() <= CopySize() - kHeaderSize;
}

bool StoreImage::Erase() {
  return EraseCopy(0) && EraseCopy(1);
}

bool StoreImage::EraseRange(std::size_t offset, std::size_t size) {
  constexpr std::array<std::uint8_t, kChunkSize> kZeros{};
  std::array<std::uint8_t, kChunkSize> present{};
  for (std::size_t done = 0; done < size; done += kChunkSize) {
    const std::size_t count = std::min(kChunkSize, size - done);
    const ByteSpan chunk = ByteSpan(present).first(count);
    if (!store_.nvm_.Read(offset + done, chunk)) {
      return false;
    }
    // Memory that is zero already is left alone: writing wears it.
    const bool is_zero = SameBytes(chunk, ByteView(kZeros).first(count));
    if (!is_zero && !store_.nvm_.Write(offset + done, ByteView(kZeros).first(count))) {
      return false;
    }
  }
  Wipe(present);
  return store_.nvm_.Sync();
}

bool StoreImage::EraseCopy(std::uint8_t copy) {
  // The header goes last: as long as it stands, a later Read knows that there is something to wipe.
  return EraseRange(CopyOffset(copy) + kHeaderSize, CopySize() - kHeaderSize) &&
         EraseRange(CopyOffset(copy), kHeaderSize);
}

bool StoreImage::IsBlank(std::uint8_t copy) {
  std::array<std::uint8_t, kHeaderSize> raw{};
  return store_.nvm_.Read(CopyOffset(copy), raw) && std::ranges::all_of(raw, [](std::uint8_t b) { return b == 0; });
}

void StoreImage::WriteObjects(Writer& out) const {
  out.PutU16(static_cast<std::uint16_t>(store_.count_));
  for (const StoredObject& object : store_.objects()) {
    const iotsafe::ObjectInfo& info = object.info;
    out.PutU8(static_cast<std::uint8_t>(info.object_class));
    out.PutShortBytes(info.id.view());
    out.PutShortBytes(info.label.view());
    out.PutShortBytes(object.pair_id.view());
    out.PutU8(info.access);
    out.PutU8(static_cast<std::uint8_t>(info.key_type));
    out.PutU8(static_cast<std::uint8_t>(info.key_usage));
    out.PutU8(info.functions);
    out.PutU8(info.signature_algorithms);
    out.PutU16(info.hash_algorithms);
    out.PutU8(info.key_agreement);
    out.PutU8(info.key_derivation);
    out.PutU8(static_cast<std::uint8_t>(info.file_usage));
    const std::uint32_t offset = object.staged ? object.staged_offset : object.offset;
    const std::uint32_t size = object.IsVolatile() ? 0 : object.staged ? object.staged_size : object.size;
    out.PutU16(static_cast<std::uint16_t>(size));
    out.PutBytes(ByteView(store_.memory_.arena).subspan(offset, size));
  }
}

bool StoreImage::ReadObjects(Reader& in) {
  std::uint16_t count = 0;
  if (!in.ReadU16(count) || count > store_.capacity()) {
    return false;
  }
  for (std::uint16_t i = 0; i < count; ++i) {
    if (!ReadObject(in)) {
      return false;
    }
  }
  return in.empty();
}

bool StoreImage::ReadObject(Reader& in) {
  StoredObject object;
  iotsafe::ObjectInfo& info = object.info;
  std::uint8_t object_class = 0;
  std::uint8_t key_type = 0;
  std::uint8_t key_usage = 0;
  std::uint8_t file_usage = 0;
  std::uint16_t size = 0;
  if (!in.ReadU8(object_class) || object_class > static_cast<std::uint8_t>(iotsafe::ObjectClass::kSecretKey) ||
      !in.ReadShortBytes(info.id) || !in.ReadShortBytes(info.label) || !in.ReadShortBytes(object.pair_id) ||
      !in.ReadU8(info.access) || !in.ReadU8(key_type) || !in.ReadU8(key_usage) || !in.ReadU8(info.functions) ||
      !in.ReadU8(info.signature_algorithms) || !in.ReadU16(info.hash_algorithms) || !in.ReadU8(info.key_agreement) ||
      !in.ReadU8(info.key_derivation) || !in.ReadU8(file_usage) || !in.ReadU16(size)) {
    return false;
  }
  info.object_class = static_cast<iotsafe::ObjectClass>(object_class);
  info.key_type = static_cast<iotsafe::KeyType>(key_type);
  info.key_usage = static_cast<iotsafe::KeyUsage>(key_usage);
  info.file_usage = static_cast<iotsafe::FileUsage>(file_usage);
  const ByteSpan free = store_.memory_.arena.subspan(store_.arena_used_);
  if (size > free.size() || !in.ReadBytes(free.first(size)) || info.id.empty() || store_.IsTaken(info)) {
    return false;
  }
  object.offset = store_.arena_used_;
  object.size = size;
  object.generation = store_.next_generation_++;
  info.state = size == 0 ? iotsafe::ObjectState::kDeactivated : iotsafe::ObjectState::kActivated;
  info.file_size = info.object_class == iotsafe::ObjectClass::kFile ? size : std::uint16_t{0};
  store_.arena_used_ += size;
  store_.memory_.objects[store_.count_++] = object;
  return true;
}

}  // namespace simroot::card
