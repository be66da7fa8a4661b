// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/writer.hpp"

#include <exception>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

/// What the work itself says. An exception ends this work and no other.
Outcome<void> Perform(const Work& work, StoreWriter& writer) {
  try {
    return work(writer);
  } catch (const std::exception& error) {
    return Refuse(FailureKind::kInternal, std::string("a work on the database was given up: ") + error.what());
  }
}

}  // namespace

Writer::Writer(std::string file, Clock& clock, std::unique_ptr<Connection> connection,
               std::unique_ptr<crypto::OpenSslCrypto> crypto)
    : file_(std::move(file)), clock_(&clock), connection_(std::move(connection)), crypto_(std::move(crypto)) {}
Writer::Writer(Writer&&) noexcept = default;
Writer::~Writer() = default;

Outcome<Writer> Writer::Open(const std::string& file, Clock& clock) {
  SR_TRY(auto connection, Connection::Open(file, Connection::Mode::kWrite));
  auto crypto = crypto::OpenSslCrypto::Create();
  if (crypto == nullptr) {
    return Refuse(FailureKind::kInternal, "OpenSSL cannot be used");
  }
  return Writer(file, clock, std::move(connection), std::move(crypto));
}

Outcome<void> Writer::Reopen() {
  if (connection_ != nullptr && !connection_->trouble()) {
    return {};
  }
  // After a failure of the disk a connection may hold on to what is no longer there.
  connection_.reset();
  SR_TRY(connection_, Connection::Open(file_, Connection::Mode::kWrite));
  return {};
}

std::int64_t Writer::Run(const WriteQueue::Tickets& tickets) {
  std::int64_t last_event = 0;
  Outcome<void> batch = Reopen();
  if (batch) {
    batch = RunAll(tickets, last_event);
  }
  if (batch) {
    return last_event;
  }
  if (connection_ != nullptr && connection_->InTransaction()) {
    static_cast<void>(connection_->Execute("ROLLBACK"));
  }
  // Nothing of the batch is on the disk. Also a work that had failed by itself gets this answer: what it was refused
  // for may have been done by a work in front of it.
  for (const auto& ticket : tickets) {
    ticket->outcome = tl::unexpected(batch.error());
  }
  return 0;
}

Outcome<void> Writer::RunAll(const WriteQueue::Tickets& tickets, std::int64_t& last_event) {
  SR_TRY_VOID(connection_->Change("BEGIN IMMEDIATE"));
  for (const auto& ticket : tickets) {
    SR_TRY_VOID(RunOne(*ticket, last_event));
  }
  SR_TRY_VOID(connection_->Change("COMMIT"));
  return {};
}

/// Fails only if the database does, which ends the whole batch.
Outcome<void> Writer::RunOne(WriteQueue::Ticket& ticket, std::int64_t& last_event) {
  SR_TRY_VOID(connection_->Change("SAVEPOINT work"));
  Transaction transaction(*connection_, *crypto_, *clock_);
  ticket.outcome = Perform(ticket.work, transaction);
  if (connection_->trouble()) {
    // Whatever the work made of it: SQLite may have rolled back everything in front of it, too.
    return tl::unexpected(*connection_->trouble());
  }
  if (!ticket.outcome) {
    SR_TRY_VOID(connection_->Change("ROLLBACK TO work"));
  } else if (transaction.last_feed_number() != 0) {
    last_event = transaction.last_feed_number();
  }
  SR_TRY_VOID(connection_->Change("RELEASE work"));
  return {};
}

}  // namespace simroot::platform::sqlite
