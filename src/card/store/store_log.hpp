// SPDX-License-Identifier: Apache-2.0
/// The log of changes in the NVM range of a store: what its bytes mean (docs/formats/nvm.md). Nothing here knows
/// objects in RAM.
#pragma once

#include "card/port/nvm.hpp"
#include "card/store/store_record.hpp"
#include "common/base/crc32.hpp"

namespace simroot::card {

inline constexpr std::uint32_t kAreaHeaderSize = 20;
inline constexpr std::uint32_t kTransactionHeaderSize = 20;  ///< the confirmation included
inline constexpr std::uint32_t kRecordCrcSize = 4;           ///< behind every record, in front of its value
inline constexpr std::uint32_t kValueCrcSize = 4;            ///< in front of every value that is not empty

/// One of the two areas of a store's range: a place in the NVM, and what its header says.
struct LogArea {
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  std::uint32_t sequence = 0;
  std::uint32_t salt = 0;  ///< random, so that the content of an object cannot be made to look like a transaction
  [[nodiscard]] std::uint32_t end() const { return offset + size; }
  [[nodiscard]] std::uint32_t first_transaction() const { return offset + kAreaHeaderSize; }
};

/// Bytes that a value takes in the log, the check sum in front of it included; an empty one takes none.
[[nodiscard]] constexpr std::uint32_t Footprint(const LogValue& value) {
  return value.size == 0 ? 0 : kValueCrcSize + value.size;
}

enum class RecordType : std::uint8_t {
  kPut = 0x01,       ///< an object with counter, description and value, new or instead of what it was
  kDelete = 0x02,    ///< the end of an object
  kCounter = 0x03,   ///< another counter
  kDescribe = 0x04,  ///< another description
  kNumbers = 0x05,   ///< another counter of an object that numbers are taken from
};

/// One record of a transaction. What does not belong to its type is empty.
struct LogRecord {
  RecordType type = RecordType::kPut;
  std::uint32_t serial = 0;
  std::uint64_t counter = 0;
  FixedBytes<kMaxDescription> description;
  LogValue value;
};

/// Reads the header at the start of `area` and fills in what it says. False, and `area` is untouched, if it is none.
[[nodiscard]] bool ReadAreaHeader(Nvm& nvm, LogArea& area);
/// Writes it. No Sync.
[[nodiscard]] bool WriteAreaHeader(Nvm& nvm, const LogArea& area);

/// What stands at a position of the log.
enum class TransactionState : std::uint8_t {
  kValid,
  kEnd,      ///< no header: the log ends here
  kTorn,     ///< a transaction that never became valid
  kDamaged,  ///< a transaction that was valid once, or memory that cannot be read
};

struct Transaction {
  std::uint32_t start = 0;   ///< in the NVM, of the header
  std::uint32_t length = 0;  ///< bytes of the records
  std::uint32_t change_counter = 0;
  std::uint32_t epoch = 0;
  std::uint32_t crc = 0;
  bool confirmed = false;
  [[nodiscard]] std::uint32_t end() const { return start + kTransactionHeaderSize + length; }
};

/// Reads the header at `start` and checks all of the transaction but the values.
[[nodiscard]] TransactionState ReadTransaction(Nvm& nvm, const LogArea& area, std::uint32_t start, Transaction& out);
/// Writes the header of `transaction` without its confirmation. No Sync.
[[nodiscard]] bool WriteTransactionHeader(Nvm& nvm, const Transaction& transaction);
/// Marks a transaction as having been valid: a damaged header is told from a torn one by it. No Sync.
[[nodiscard]] bool ConfirmTransaction(Nvm& nvm, const LogArea& area, std::uint32_t start);
/// The check sum of a transaction begins with its place and its header, so that no other bytes can pass for it.
[[nodiscard]] Crc32 BeginTransactionCrc(const LogArea& area, const Transaction& transaction);

/// Walks over the records of one transaction.
class RecordReader {
 public:
  RecordReader(Nvm& nvm, const LogArea& area, const Transaction& transaction)
      : RecordReader(nvm, area, transaction.start + kTransactionHeaderSize, transaction.end()) {}
  /// Records from `start` on, none of which reaches behind `end`.
  RecordReader(Nvm& nvm, const LogArea& area, std::uint32_t start, std::uint32_t end)
      : nvm_(nvm), salt_(area.salt), position_(start), end_(end) {}

  /// False at the end, and if what stands there is no record: see ok().
  [[nodiscard]] bool Next(LogRecord& out);
  /// False if something that is no record was met, or the memory cannot be read.
  [[nodiscard]] bool ok() const { return ok_; }
  /// Where the next record begins.
  [[nodiscard]] std::uint32_t position() const { return position_; }
  /// Has everything that is read, values excepted, added to a check sum.
  void AddTo(Crc32& crc) { crc_ = &crc; }

 private:
  [[nodiscard]] bool Take(ByteSpan out);
  [[nodiscard]] bool TakeFields(LogRecord& out);
  [[nodiscard]] bool TakeDescription(LogRecord& out);
  [[nodiscard]] bool TakeValueSize(LogRecord& out);
  [[nodiscard]] bool TakeRecordCrc();
  [[nodiscard]] bool SkipValue(LogRecord& out);

  Nvm& nvm_;
  std::uint32_t salt_;
  std::uint32_t position_;
  std::uint32_t end_;
  Crc32 record_crc_;
  Crc32* crc_ = nullptr;
  bool ok_ = true;
};

/// Reads a value into `out`, which has its size. @returns false if its check sum does not match; `out` is zero then.
[[nodiscard]] bool ReadLogValue(Nvm& nvm, const LogValue& value, ByteSpan out);

/// Writes records one after another in small pieces, or only counts their bytes when there is no NVM.
class RecordWriter {
 public:
  /// @param start where in `area` the first record goes. @param crc takes what the check sum of the transaction covers.
  RecordWriter(Nvm* nvm, const LogArea& area, std::uint32_t start, Crc32& crc)
      : nvm_(nvm), salt_(area.salt), start_(start), crc_(crc) {}
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  /// @returns where the value went.
  LogValue Put(std::uint32_t serial, std::uint64_t counter, const StoredObject& description, ByteView value);
  void Delete(std::uint32_t serial);
  void Counter(std::uint32_t serial, std::uint64_t counter, bool takes_numbers);
  void Describe(std::uint32_t serial, const StoredObject& description);

  /// Writes what is still held back. False if any write failed. No Sync.
  [[nodiscard]] bool Finish();
  [[nodiscard]] std::uint32_t length() const { return length_; }

 private:
  static constexpr std::size_t kChunkSize = 64;

  void PutRecord(ByteView bytes);
  void PutBytes(ByteView bytes);
  void Flush();

  Nvm* nvm_;
  std::uint32_t salt_;
  std::uint32_t start_;
  Crc32& crc_;
  std::uint32_t length_ = 0;
  std::array<std::uint8_t, kChunkSize> chunk_{};
  std::size_t filled_ = 0;
  bool ok_ = true;
};

/// Overwrites with zeros, leaving alone what is zero already: writing wears the memory.
class Eraser {
 public:
  explicit Eraser(Nvm& nvm) : nvm_(nvm) {}

  void Erase(std::uint32_t offset, std::uint32_t size);
  void Erase(const LogArea& area) { Erase(area.offset, area.size); }
  void Erase(const LogValue& value) { Erase(value.offset, Footprint(value)); }
  /// Bytes that were not zero.
  [[nodiscard]] std::uint32_t erased() const { return erased_; }
  /// Makes it permanent, if there was anything. False if the memory failed.
  [[nodiscard]] bool Finish();

 private:
  void EraseChunk(std::uint32_t offset, ByteView present);

  Nvm& nvm_;
  std::uint32_t erased_ = 0;
  bool ok_ = true;
};

/// Where the zeros begin that reach from there to `end`; `start` if all is zero. `end` if the memory cannot be read.
[[nodiscard]] std::uint32_t EndOfContent(Nvm& nvm, std::uint32_t start, std::uint32_t end);

/// Takes what stands in the place of a damaged header, if a valid transaction begins behind it. False, and `area` is
/// untouched, if none does.
[[nodiscard]] bool GuessAreaHeader(Nvm& nvm, LogArea& area);

/// The first place from `start` up to `end` where a valid, confirmed transaction stands, or `end`.
[[nodiscard]] std::uint32_t FindTransaction(Nvm& nvm, const LogArea& area, std::uint32_t start, std::uint32_t end);

}  // namespace simroot::card
