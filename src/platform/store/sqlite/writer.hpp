// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "common/crypto/port.hpp"
#include "platform/store/sqlite/connection.hpp"
#include "platform/store/sqlite/write_queue.hpp"

namespace simroot::crypto {
class OpenSslCrypto;
}

namespace simroot::platform::sqlite {

/// The one connection that writes. Runs many works in one commit, each behind its own savepoint.
class Writer {
 public:
  [[nodiscard]] static Outcome<Writer> Open(const std::string& file, Clock& clock);
  Writer(Writer&&) noexcept;
  ~Writer();

  [[nodiscard]] Connection& connection() { return *connection_; }

  /// Fills in the outcome of each ticket. All that succeeded are on the disk when this returns.
  /// @returns the highest number of a feed event that was added; 0 if none was.
  [[nodiscard]] std::int64_t Run(const WriteQueue::Tickets& tickets);

 private:
  Writer(std::string file, Clock& clock, std::unique_ptr<Connection> connection,
         std::unique_ptr<crypto::OpenSslCrypto> crypto);

  Outcome<void> RunAll(const WriteQueue::Tickets& tickets, std::int64_t& last_event);
  Outcome<void> RunOne(WriteQueue::Ticket& ticket, std::int64_t& last_event);
  Outcome<void> Reopen();

  std::string file_;
  Clock* clock_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<crypto::OpenSslCrypto> crypto_;
};

}  // namespace simroot::platform::sqlite
