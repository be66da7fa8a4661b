// SPDX-License-Identifier: Apache-2.0
/// Live connections by credential, told when it is refused.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "server/middleware/middleware.hpp"

namespace simroot::server::tls {

class Registry : public std::enable_shared_from_this<Registry> {
 public:
  using Gone = std::function<void(Refusal)>;

  /// Listens to the middleware from now on.
  [[nodiscard]] static std::shared_ptr<Registry> Make(Middleware& middleware);
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;
  ~Registry();

  /// Calls `gone` once if the credential is refused or its id becomes another's, at once if it is so now. When the
  /// handle is dead, `gone` is not running and never called again; it may die inside `gone`.
  [[nodiscard]] std::shared_ptr<void> Add(const Found& credential, Gone gone);

 private:
  class Entry;
  explicit Registry(Middleware& middleware) : middleware_(middleware) {}
  void OnChange(const Change& change);
  void Remove(CredentialId id, const Entry* entry);

  Middleware& middleware_;
  std::mutex mutex_;
  std::unordered_map<CredentialId, std::vector<std::weak_ptr<Entry>>> entries_;
  std::shared_ptr<void> listening_;
};

}  // namespace simroot::server::tls
