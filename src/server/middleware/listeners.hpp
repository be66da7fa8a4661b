// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// Those who want to know of changes. Any thread.
class Listeners {
 public:
  Listeners() : list_(std::make_shared<List>()) {}

  /// When the handle is dead, the listener is not running (unless the handle dies inside it) and never called again.
  /// The handle may outlive this object.
  [[nodiscard]] std::shared_ptr<void> Add(Middleware::Listener listener);
  void Tell(const Change& change);
  [[nodiscard]] bool empty() const;

 private:
  struct Member {
    std::recursive_mutex mutex;  ///< held while the listener runs; recursive, as the handle may die in there
    Middleware::Listener listener;
    bool alive = true;
  };
  struct List {
    std::mutex mutex;
    std::vector<std::shared_ptr<Member>> members;
  };
  std::shared_ptr<List> list_;
};

}  // namespace simroot::server
