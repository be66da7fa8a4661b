// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <mutex>
#include <set>

#include "platform/api/context.hpp"

namespace simroot::platform {

/// Requests that may be sent again: the second one with the same key of the same actor gets the answer of the first.
/// Only what succeeded is kept; a request that failed changed nothing and is worked on again.
class Idempotency {
 public:
  Idempotency(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  /// Runs the handler of the context's route, or gives what it gave before. kInvalid: the key is none, or was used for
  /// another request; kConflict: the first request is still being worked on, or its answer is shown only once.
  [[nodiscard]] Outcome<net::HttpResponse> Run(Context& context);

 private:
  using Reply = StoreReader::Reply;
  [[nodiscard]] Outcome<net::HttpResponse> RunOnce(Context& context, const std::string& actor, const std::string& key);
  [[nodiscard]] Outcome<std::optional<Reply>> Find(const std::string& actor, const std::string& key);

  Store& store_;
  Clock& clock_;
  std::mutex mutex_;
  std::set<std::string> running_;
};

/// SHA-256 of method, path and body.
[[nodiscard]] Outcome<Bytes> HashRequest(const net::HttpRequest& request);

}  // namespace simroot::platform
