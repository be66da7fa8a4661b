// SPDX-License-Identifier: Apache-2.0
#include "platform/store/sqlite/reader_pool.hpp"

#include <exception>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "platform/store/sqlite/transaction.hpp"

namespace simroot::platform::sqlite {
namespace {

constexpr std::size_t kMaxIdle = 64;  // more than there are threads that answer requests

Outcome<void> Perform(const std::function<Outcome<void>(StoreReader&)>& work, StoreReader& reader) {
  try {
    return work(reader);
  } catch (const std::exception& error) {
    return Refuse(FailureKind::kInternal, std::string("reading from the database was given up: ") + error.what());
  }
}

}  // namespace

struct ReaderPool::Reader {
  std::unique_ptr<Connection> connection;
  std::unique_ptr<crypto::OpenSslCrypto> crypto;
};

ReaderPool::ReaderPool(std::string file, Clock& clock) : file_(std::move(file)), clock_(clock) {}
ReaderPool::~ReaderPool() = default;

Outcome<std::unique_ptr<ReaderPool::Reader>> ReaderPool::Take() {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      auto reader = std::move(idle_.back());
      idle_.pop_back();
      return reader;
    }
  }
  SR_TRY(auto connection, Connection::Open(file_, Connection::Mode::kRead));
  auto crypto = crypto::OpenSslCrypto::Create();
  if (crypto == nullptr) {
    return Refuse(FailureKind::kInternal, "OpenSSL cannot be used");
  }
  return std::make_unique<Reader>(Reader{std::move(connection), std::move(crypto)});
}

void ReaderPool::GiveBack(std::unique_ptr<Reader> reader) {
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < kMaxIdle) {
    idle_.push_back(std::move(reader));
  }
}

Outcome<void> ReaderPool::Run(const std::function<Outcome<void>(StoreReader&)>& work) {
  SR_TRY(auto reader, Take());
  Connection& connection = *reader->connection;
  SR_TRY_VOID(connection.Change("BEGIN"));
  Outcome<void> outcome = [&] {
    Transaction view(connection, *reader->crypto, clock_);
    return Perform(work, view);
  }();
  const auto ended = connection.Change("COMMIT");
  if (connection.trouble() || !ended) {
    return outcome ? Outcome<void>(tl::unexpected(connection.trouble() ? *connection.trouble() : ended.error()))
                   : outcome;
  }
  GiveBack(std::move(reader));
  return outcome;
}

}  // namespace simroot::platform::sqlite
