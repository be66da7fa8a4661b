// SPDX-License-Identifier: Apache-2.0
/// What a record of the local copy says, before it is enciphered. docs/formats/local-copy.md
#pragma once

#include <optional>
#include <vector>

#include "server/sync/local_copy.hpp"

namespace simroot::server {

/// How far the copy goes, as a record tells it: `authorities` only where they changed.
struct RecordPoint {
  std::int64_t feed_number = 0;
  UnixTime contact = 0;
  std::optional<std::string> authorities;
};

/// Fills one record. Wipes what it held.
class RecordWriter {
 public:
  /// A record is full when it has this many bytes; the last credential in it may lie behind.
  static constexpr std::size_t kFull = 256 * 1024;
  /// No record is longer: more than kFull, a credential and a point with authorities.
  static constexpr std::size_t kLongest = 8 * 1024 * 1024;

  RecordWriter() { Clear(); }
  ~RecordWriter() { Wipe(bytes_); }
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  void Put(const Credential& credential);
  void Put(const RecordPoint& point);
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] bool IsFull() const { return bytes_.size() >= kFull; }
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  void Clear();

 private:
  [[nodiscard]] ByteSpan Grow(std::size_t size);

  Bytes bytes_;
};

/// Reads one record. False: it is not one; some of it may have been told by then.
[[nodiscard]] bool ReadRecord(ByteView record, const std::function<void(Credential&&)>& visit,
                              std::optional<RecordPoint>& point);

}  // namespace simroot::server
