// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "platform/domain/store.hpp"

namespace simroot::platform::sqlite {

/// Connections that only read: one for each thread that reads at the same time, kept for the next one. Safe for any
/// number of threads.
class ReaderPool {
 public:
  ReaderPool(std::string file, Clock& clock);
  ~ReaderPool();

  /// Runs `work` on one view of the database.
  [[nodiscard]] Outcome<void> Run(const std::function<Outcome<void>(StoreReader&)>& work);

 private:
  struct Reader;
  [[nodiscard]] Outcome<std::unique_ptr<Reader>> Take();
  void GiveBack(std::unique_ptr<Reader> reader);

  std::string file_;
  Clock& clock_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Reader>> idle_;
};

}  // namespace simroot::platform::sqlite
