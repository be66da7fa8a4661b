// SPDX-License-Identifier: Apache-2.0
#include "card/store/store_log.hpp"

#include <cstring>

#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic{'S', 'R', 'O', 'S'};
constexpr std::uint16_t kLayoutVersion = 2;
constexpr std::size_t kConfirmationSize = 4;
constexpr std::size_t kCheckedHeaderSize = 12;  // length, change counter, epoch
constexpr std::size_t kEraseChunk = 128;

void PutU64(std::uint64_t value, ByteWriter& out) {
  out.PutU32(static_cast<std::uint32_t>(value >> 32U));
  out.PutU32(static_cast<std::uint32_t>(value & 0xFFFFFFFFU));
}

bool ReadU64(ByteReader& reader, std::uint64_t& out) {
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (!reader.ReadU32(high) || !reader.ReadU32(low)) {
    return false;
  }
  out = std::uint64_t{high} << 32U | low;
  return true;
}

void PutCheckedHeader(const Transaction& transaction, ByteWriter& out) {
  out.PutU32(transaction.length);
  out.PutU32(transaction.change_counter);
  out.PutU32(transaction.epoch);
}

/// Where in which area: what makes a check sum good for one place only.
Crc32 BeginAt(const LogArea& area, std::uint32_t start) {
  std::array<std::uint8_t, 12> raw{};
  ByteWriter place(raw);
  place.PutU32(area.salt);
  place.PutU32(area.sequence);
  place.PutU32(start - area.offset);
  Crc32 crc;
  crc.Add(place.written());
  return crc;
}

/// A record can be told from other bytes without its transaction: that is what a repair lives on.
Crc32 BeginRecordCrc(std::uint32_t salt) {
  std::array<std::uint8_t, 4> raw{};
  ByteWriter(raw).PutU32(salt);
  Crc32 crc;
  crc.Add(raw);
  return crc;
}

std::uint32_t ConfirmationOf(const LogArea& area, std::uint32_t start) {
  constexpr std::array<std::uint8_t, 4> kWord{'d', 'o', 'n', 'e'};
  Crc32 crc = BeginAt(area, start);
  crc.Add(kWord);
  return crc.value();
}

/// True if the first byte is zero and every other one is like the one before it: as fast as memcmp, without a table.
bool IsZero(ByteView bytes) {
  return bytes.empty() ||
         (bytes.front() == 0 && std::memcmp(bytes.data(), bytes.subspan(1).data(), bytes.size() - 1) == 0);
}

}  // namespace

bool ReadAreaHeader(Nvm& nvm, LogArea& area) {
  std::array<std::uint8_t, kAreaHeaderSize> raw{};
  ByteReader reader(raw);
  ByteView magic;
  std::uint16_t version = 0;
  std::uint16_t reserved = 0;
  std::uint32_t sequence = 0;
  std::uint32_t salt = 0;
  std::uint32_t stored_crc = 0;
  if (area.size < raw.size() || !nvm.Read(area.offset, raw) || !reader.ReadBytes(kMagic.size(), magic) ||
      !reader.ReadU16(version) || !reader.ReadU16(reserved) || !reader.ReadU32(sequence) || !reader.ReadU32(salt) ||
      !reader.ReadU32(stored_crc) || !SameBytes(magic, kMagic) || version != kLayoutVersion ||
      Crc32Of(ByteView(raw).first(raw.size() - sizeof stored_crc)) != stored_crc) {
    return false;
  }
  area.sequence = sequence;
  area.salt = salt;
  return true;
}

bool WriteAreaHeader(Nvm& nvm, const LogArea& area) {
  std::array<std::uint8_t, kAreaHeaderSize> raw{};
  ByteWriter writer(raw);
  writer.PutBytes(kMagic);
  writer.PutU16(kLayoutVersion);
  writer.PutU16(0);
  writer.PutU32(area.sequence);
  writer.PutU32(area.salt);
  writer.PutU32(Crc32Of(writer.written()));
  return writer.ok() && nvm.Write(area.offset, raw);
}

Crc32 BeginTransactionCrc(const LogArea& area, const Transaction& transaction) {
  std::array<std::uint8_t, kCheckedHeaderSize> raw{};
  ByteWriter header(raw);
  PutCheckedHeader(transaction, header);
  Crc32 crc = BeginAt(area, transaction.start);
  crc.Add(header.written());
  return crc;
}

bool WriteTransactionHeader(Nvm& nvm, const Transaction& transaction) {
  std::array<std::uint8_t, kTransactionHeaderSize - kConfirmationSize> raw{};
  ByteWriter header(raw);
  PutCheckedHeader(transaction, header);
  header.PutU32(transaction.crc);
  return header.ok() && nvm.Write(transaction.start, raw);
}

bool ConfirmTransaction(Nvm& nvm, const LogArea& area, std::uint32_t start) {
  std::array<std::uint8_t, kConfirmationSize> raw{};
  ByteWriter writer(raw);
  writer.PutU32(ConfirmationOf(area, start));
  return nvm.Write(start + kTransactionHeaderSize - kConfirmationSize, raw);
}

TransactionState ReadTransaction(Nvm& nvm, const LogArea& area, std::uint32_t start, Transaction& out) {
  if (start > area.end() || area.end() - start < kTransactionHeaderSize) {
    return TransactionState::kEnd;
  }
  std::array<std::uint8_t, kTransactionHeaderSize> raw{};
  if (!nvm.Read(start, raw)) {
    return TransactionState::kDamaged;
  }
  if (IsZero(raw)) {
    return TransactionState::kEnd;
  }
  ByteReader reader(raw);
  std::uint32_t confirmation = 0;
  Transaction read;
  read.start = start;
  const bool whole = reader.ReadU32(read.length) && reader.ReadU32(read.change_counter) && reader.ReadU32(read.epoch) &&
                     reader.ReadU32(read.crc) && reader.ReadU32(confirmation);
  read.confirmed = confirmation == ConfirmationOf(area, start);
  const TransactionState otherwise = read.confirmed ? TransactionState::kDamaged : TransactionState::kTorn;
  if (!whole || read.length > area.end() - start - kTransactionHeaderSize) {
    return otherwise;
  }
  Crc32 crc = BeginTransactionCrc(area, read);
  RecordReader records(nvm, area, read);
  records.AddTo(crc);
  LogRecord record;
  while (records.Next(record)) {
  }
  if (!records.ok() || crc.value() != read.crc) {
    return otherwise;
  }
  out = read;
  return TransactionState::kValid;
}

bool RecordReader::Take(ByteSpan out) {
  if (out.size() > end_ - position_ || !nvm_.Read(position_, out)) {
    return false;
  }
  position_ += static_cast<std::uint32_t>(out.size());
  record_crc_.Add(out);
  if (crc_ != nullptr) {
    crc_->Add(out);
  }
  return true;
}

bool RecordReader::TakeDescription(LogRecord& out) {
  std::array<std::uint8_t, kMaxDescription> memory{};
  std::uint8_t size = 0;
  return Take(ByteSpan(&size, 1)) && size <= memory.size() && Take(ByteSpan(memory).first(size)) &&
         out.description.Assign(ByteView(memory).first(size));
}

bool RecordReader::TakeValueSize(LogRecord& out) {
  std::array<std::uint8_t, 2> raw{};
  std::uint16_t size = 0;
  if (!Take(raw) || !ByteReader(raw).ReadU16(size)) {
    return false;
  }
  out.value.size = size;
  return true;
}

bool RecordReader::TakeRecordCrc() {
  const std::uint32_t expected = record_crc_.value();
  std::array<std::uint8_t, kRecordCrcSize> raw{};
  std::uint32_t stored = 0;
  return Take(raw) && ByteReader(raw).ReadU32(stored) && stored == expected;
}

bool RecordReader::SkipValue(LogRecord& out) {
  if (Footprint(out.value) > end_ - position_) {
    return false;
  }
  out.value.offset = out.value.size == 0 ? 0 : position_;
  position_ += Footprint(out.value);
  return true;
}

bool RecordReader::TakeFields(LogRecord& out) {
  std::array<std::uint8_t, 13> raw{};  // type, serial number, counter
  std::uint8_t type = 0;
  ByteReader fixed(raw);
  if (!Take(ByteSpan(raw).first(5)) || !fixed.ReadU8(type) || !fixed.ReadU32(out.serial) || out.serial == 0) {
    return false;
  }
  out.type = static_cast<RecordType>(type);
  const bool has_counter =
      out.type == RecordType::kPut || out.type == RecordType::kCounter || out.type == RecordType::kNumbers;
  if (has_counter && (!Take(ByteSpan(raw).last(8)) || !ReadU64(fixed, out.counter))) {
    return false;
  }
  switch (out.type) {
    case RecordType::kPut:
      return TakeDescription(out) && TakeValueSize(out);
    case RecordType::kDescribe:
      return TakeDescription(out);
    case RecordType::kDelete:
    case RecordType::kCounter:
    case RecordType::kNumbers:
      return true;
  }
  return false;
}

bool RecordReader::Next(LogRecord& out) {
  if (!ok_ || position_ == end_) {
    return false;
  }
  out = LogRecord{};
  record_crc_ = BeginRecordCrc(salt_);
  ok_ = TakeFields(out) && TakeRecordCrc() && SkipValue(out);
  return ok_;
}

bool ReadLogValue(Nvm& nvm, const LogValue& value, ByteSpan out) {
  std::array<std::uint8_t, kValueCrcSize> raw{};
  std::uint32_t stored_crc = 0;
  if (value.size == 0 && out.empty()) {
    return true;
  }
  if (out.size() == value.size && nvm.Read(value.offset, raw) && ByteReader(raw).ReadU32(stored_crc) &&
      nvm.Read(value.offset + kValueCrcSize, out) && Crc32Of(out) == stored_crc) {
    return true;
  }
  Wipe(out);
  return false;
}

RecordWriter::~RecordWriter() {
  Wipe(chunk_);
}

LogValue RecordWriter::Put(std::uint32_t serial, std::uint64_t counter, const StoredObject& description,
                           ByteView value) {
  std::array<std::uint8_t, 14 + kMaxDescription + 2> raw{};
  ByteWriter record(raw);
  record.PutU8(static_cast<std::uint8_t>(RecordType::kPut));
  record.PutU32(serial);
  PutU64(counter, record);
  const ByteSpan length = record.Reserve(1);
  const std::size_t before = record.size();
  PutDescription(description, record);
  length.front() = LowByte(record.size() - before);
  record.PutU16(static_cast<std::uint16_t>(value.size()));
  PutRecord(record.written());
  if (value.empty()) {
    return {};
  }
  const LogValue place{start_ + length_, static_cast<std::uint32_t>(value.size())};
  std::array<std::uint8_t, kValueCrcSize> crc{};
  ByteWriter(crc).PutU32(nvm_ == nullptr ? 0 : Crc32Of(value));
  PutBytes(crc);
  PutBytes(value);
  return place;
}

void RecordWriter::Delete(std::uint32_t serial) {
  std::array<std::uint8_t, 5> raw{};
  ByteWriter record(raw);
  record.PutU8(static_cast<std::uint8_t>(RecordType::kDelete));
  record.PutU32(serial);
  PutRecord(raw);
}

void RecordWriter::Counter(std::uint32_t serial, std::uint64_t counter, bool takes_numbers) {
  std::array<std::uint8_t, 13> raw{};
  ByteWriter record(raw);
  record.PutU8(static_cast<std::uint8_t>(takes_numbers ? RecordType::kNumbers : RecordType::kCounter));
  record.PutU32(serial);
  PutU64(counter, record);
  PutRecord(raw);
}

void RecordWriter::Describe(std::uint32_t serial, const StoredObject& description) {
  std::array<std::uint8_t, 6 + kMaxDescription> raw{};
  ByteWriter record(raw);
  record.PutU8(static_cast<std::uint8_t>(RecordType::kDescribe));
  record.PutU32(serial);
  const ByteSpan length = record.Reserve(1);
  const std::size_t before = record.size();
  PutDescription(description, record);
  length.front() = LowByte(record.size() - before);
  PutRecord(record.written());
}

void RecordWriter::PutRecord(ByteView bytes) {
  std::array<std::uint8_t, kRecordCrcSize> check{};
  if (nvm_ != nullptr) {
    Crc32 record_crc = BeginRecordCrc(salt_);
    record_crc.Add(bytes);
    ByteWriter(check).PutU32(record_crc.value());
    crc_.Add(bytes);
    crc_.Add(check);
  }
  PutBytes(bytes);
  PutBytes(check);
}

void RecordWriter::PutBytes(ByteView bytes) {
  if (nvm_ == nullptr) {
    length_ += static_cast<std::uint32_t>(bytes.size());
    return;
  }
  if (bytes.size() >= kChunkSize) {  // a long value is not copied
    Flush();
    ok_ = ok_ && nvm_->Write(start_ + length_, bytes);
    length_ += static_cast<std::uint32_t>(bytes.size());
    return;
  }
  while (!bytes.empty()) {
    const std::size_t count = std::min(bytes.size(), kChunkSize - filled_);
    std::ranges::copy(bytes.first(count), ByteSpan(chunk_).subspan(filled_).begin());
    filled_ += count;
    length_ += static_cast<std::uint32_t>(count);
    bytes = bytes.subspan(count);
    if (filled_ == kChunkSize) {
      Flush();
    }
  }
}

void RecordWriter::Flush() {
  if (filled_ > 0) {
    const std::uint32_t offset = start_ + length_ - static_cast<std::uint32_t>(filled_);
    ok_ = ok_ && nvm_->Write(offset, ByteView(chunk_).first(filled_));
    filled_ = 0;
  }
}

bool RecordWriter::Finish() {
  Flush();
  return ok_;
}

void Eraser::EraseChunk(std::uint32_t offset, ByteView present) {
  const std::array<std::uint8_t, kEraseChunk> zeros{};
  while (ok_ && !present.empty()) {
    const auto start = std::ranges::find_if(present, [](std::uint8_t byte) { return byte != 0; });
    const auto end = std::find(start, present.end(), std::uint8_t{0});
    const auto skipped = static_cast<std::size_t>(start - present.begin());
    const auto count = static_cast<std::size_t>(end - start);
    if (count > 0) {
      ok_ = nvm_.Write(offset + static_cast<std::uint32_t>(skipped), ByteView(zeros).first(count));
      erased_ += static_cast<std::uint32_t>(count);
    }
    present = present.subspan(skipped + count);
    offset += static_cast<std::uint32_t>(skipped + count);
  }
}

void Eraser::Erase(std::uint32_t offset, std::uint32_t size) {
  std::array<std::uint8_t, kEraseChunk> memory{};
  while (ok_ && size > 0) {
    const ByteSpan chunk = ByteSpan(memory).first(std::min<std::size_t>(size, kEraseChunk));
    ok_ = nvm_.Read(offset, chunk);
    if (ok_ && !IsZero(chunk)) {
      EraseChunk(offset, chunk);
    }
    offset += static_cast<std::uint32_t>(chunk.size());
    size -= static_cast<std::uint32_t>(chunk.size());
  }
  Wipe(memory);
}

bool Eraser::Finish() {
  return ok_ && (erased_ == 0 || nvm_.Sync());
}

std::uint32_t EndOfContent(Nvm& nvm, std::uint32_t start, std::uint32_t end) {
  std::array<std::uint8_t, kEraseChunk> memory{};
  std::uint32_t content_end = start;
  for (std::size_t count = 0; start < end; start += static_cast<std::uint32_t>(count)) {
    count = std::min<std::size_t>(end - start, kEraseChunk);
    const ByteSpan chunk = ByteSpan(memory).first(count);
    if (!nvm.Read(start, chunk)) {
      return end;
    }
    if (!IsZero(chunk)) {
      const auto last = std::find_if(chunk.rbegin(), chunk.rend(), [](std::uint8_t byte) { return byte != 0; });
      content_end = start + static_cast<std::uint32_t>(chunk.rend() - last);
    }
  }
  Wipe(memory);
  return content_end;
}

bool GuessAreaHeader(Nvm& nvm, LogArea& area) {
  std::array<std::uint8_t, kAreaHeaderSize> raw{};
  ByteReader reader(raw);
  LogArea guess = area;
  Transaction first;
  if (area.size < raw.size() || !nvm.Read(area.offset, raw) ||
      !reader.Skip(kMagic.size() + 2 * sizeof kLayoutVersion) || !reader.ReadU32(guess.sequence) ||
      !reader.ReadU32(guess.salt) ||
      ReadTransaction(nvm, guess, guess.first_transaction(), first) != TransactionState::kValid) {
    return false;
  }
  area = guess;
  return true;
}

std::uint32_t FindTransaction(Nvm& nvm, const LogArea& area, std::uint32_t start, std::uint32_t end) {
  std::array<std::uint8_t, kEraseChunk> memory{};
  for (; start < end; ++start) {
    // A header is not all zero, so none begins where only zeros are near.
    const ByteSpan near = ByteSpan(memory).first(std::min<std::size_t>(area.end() - start, kEraseChunk));
    if (near.size() > kTransactionHeaderSize && nvm.Read(start, near) && IsZero(near)) {
      start += static_cast<std::uint32_t>(near.size() - kTransactionHeaderSize);
      continue;
    }
    Transaction transaction;
    if (ReadTransaction(nvm, area, start, transaction) == TransactionState::kValid && transaction.confirmed) {
      return start;
    }
  }
  Wipe(memory);
  return end;
}

}  // namespace simroot::card
