// SPDX-License-Identifier: Apache-2.0
/// What a handler of a route has at hand.
#pragma once

#include "platform/api/api.hpp"
#include "platform/api/json.hpp"
#include "platform/api/metrics.hpp"
#include "platform/api/routes.hpp"

namespace simroot::platform {

struct Context {
  ApiParts& parts;
  Metrics& metrics;
  const net::HttpRequest& request;
  const Route& route;
  Actor actor;
  std::vector<std::string> path;  ///< what the braces of the pattern took
  json::object body;              ///< of this route's schema
  Page page;                      ///< of a list
  std::string id;                 ///< of the request

  /// A query parameter; empty: not given.
  [[nodiscard]] std::string Query(std::string_view name) const;
  /// A member of the body.
  [[nodiscard]] bool Has(std::string_view name) const;
  [[nodiscard]] std::string Text(std::string_view name) const;  ///< empty: not given
  [[nodiscard]] std::int64_t Number(std::string_view name, std::int64_t fallback) const;
  [[nodiscard]] Bytes Hex(std::string_view name) const;

  /// The number in the path; kNotFound if it is none.
  [[nodiscard]] Outcome<Id> PathId() const;

  /// The answer of success.
  [[nodiscard]] net::HttpResponse Json(const json::value& value) const;
  [[nodiscard]] net::HttpResponse Raw(std::string body) const;
};

/// Runs `work` on one consistent view and gives what it gives.
template <typename Work>
[[nodiscard]] auto ReadStore(Context& context, const Work& work) {
  using Result = decltype(work(std::declval<StoreReader&>()));
  std::optional<typename Result::value_type> out;
  const auto done = context.parts.store.Read([&](StoreReader& reader) -> Outcome<void> {
    SR_TRY(auto value, work(reader));
    out.emplace(std::move(value));
    return {};
  });
  return done ? Result(std::move(*out)) : Result(tl::make_unexpected(done.error()));
}

/// The tenant that a list is limited to: the one named (empty: none), which must be one the actor may see; else the
/// actor's own; 0: all.
[[nodiscard]] Outcome<Id> TenantScope(const Context& context, StoreReader& reader, const std::string& name);

/// kNotFound unless the actor may see what belongs to `tenant`: the same as for what does not exist.
[[nodiscard]] Outcome<void> RequireVisible(const Context& context, Id tenant, const std::string& what);

/// The failure as an answer.
[[nodiscard]] net::HttpResponse ProblemAnswer(const Failure& failure, const std::string& id);
/// What the one who asks is told: of what went wrong inside (500, 503: paths, SQL) only that it did; the rest is for
/// the log.
[[nodiscard]] std::string PublicText(const Failure& failure);
[[nodiscard]] net::HttpResponse ProblemAnswer(int status, const std::string& detail, const std::string& id);
/// One table: the status of a kind of failure.
[[nodiscard]] int StatusOf(FailureKind kind);

}  // namespace simroot::platform
