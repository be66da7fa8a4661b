// SPDX-License-Identifier: Apache-2.0
#include "platform/api/api.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <exception>
#include <random>

#include "platform/api/context.hpp"
#include "platform/api/idempotency.hpp"
#include "platform/api/path_match.hpp"
#include "platform/api/rate_limit.hpp"

namespace simroot::platform {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::string_view kNotKnown =
    "no valid token and no known client certificate came with the request; send "
    "\"Authorization: Bearer TOKEN\"";

/// Who asks, and how it was shown.
struct Identity {
  Actor actor;
  bool known = false;
  bool is_server = false;
};

/// Why a request ends here.
struct Refusal {
  int status = 400;
  std::string detail;
  net::Headers headers;
  std::string hidden;  ///< for the log
};
template <typename T>
using Checked = Expected<T, Refusal>;

[[nodiscard]] tl::unexpected<Refusal> Stop(int status, std::string detail, net::Headers headers = {}) {
  return tl::unexpected<Refusal>(Refusal{status, std::move(detail), std::move(headers), {}});
}

/// The text after "Bearer ", or nothing.
std::optional<std::string_view> BearerToken(const net::HttpRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const auto header = request.headers.find("authorization");
  if (header == request.headers.end()) {
    return std::nullopt;
  }
  const std::string_view text = header->second;
  const bool bearer = text.size() > kScheme.size() &&
                      std::ranges::equal(text.substr(0, kScheme.size()), kScheme,
                                         [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  return bearer ? text.substr(kScheme.size()) : std::string_view();
}

bool MayCall(Access access, const Identity& who) {
  const Role role = who.actor.role;
  switch (access) {
    case Access::kPublic:
      return true;
    case Access::kServer:
      return who.is_server;
    case Access::kViewerOrServer:
      return true;
    case Access::kViewer:
      return !who.is_server;
    case Access::kOperator:
      return !who.is_server && (role == Role::kOperator || role == Role::kAdmin);
    case Access::kAdmin:
      return !who.is_server && role == Role::kAdmin;
  }
  return false;
}

/// Compares the query with the route's table.
Checked<void> CheckQuery(const Route& route, const net::HttpRequest& request) {
  for (const auto& [name, value] : request.query) {
    const auto is_it = [&wanted = name](const Member& member) { return member.name == wanted; };
    const Member* known = nullptr;
    for (const auto& table : {route.query, route.page ? PageParameters() : std::span<const Member>()}) {
      const auto found = std::ranges::find_if(table, is_it);
      known = found != table.end() ? &*found : known;
    }
    if (known == nullptr) {
      return Stop(400, "there is a query parameter that this route does not know");
    }
    json::value typed = View(value);
    if (known->kind == Kind::kInteger) {
      const auto number = ParseNumber(value);
      typed = number ? json::value(*number) : json::value(nullptr);
    }
    if (const auto why = JudgeMember(*known, typed)) {
      return Stop(400, "query parameter " + *why);
    }
  }
  return {};
}

Page PageOf(const net::HttpRequest& request) {
  const auto number = [&](std::string_view name, std::int64_t fallback) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? fallback : ParseNumber(found->second).value_or(fallback);
  };
  return {number("after", 0), static_cast<unsigned>(number("limit", 100))};
}

/// The media type without its parameters.
std::string_view MediaType(const net::HttpRequest& request) {
  const auto header = request.headers.find("content-type");
  std::string_view type = header == request.headers.end() ? std::string_view() : std::string_view(header->second);
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) {
    type.remove_suffix(1);
  }
  return type;
}

Checked<json::object> ReadBody(const Route& route, const net::HttpRequest& request) {
  if (route.request == nullptr) {
    if (route.request_type.empty() ? !request.body.empty() && request.body != "{}"
                                   : MediaType(request) != route.request_type) {
      return route.request_type.empty() ? Stop(400, "this route takes no body")
                                        : Stop(415, "the body must be " + std::string(route.request_type));
    }
    return json::object();
  }
  if (MediaType(request) != "application/json") {
    return Stop(415, "the body must be application/json");
  }
  auto value = ParseJson(request.body);
  if (!value) {
    return Stop(400, value.error().Text());
  }
  if (const auto why = Judge(*route.request, *value)) {
    return Stop(400, *why);
  }
  return std::move(value->as_object());
}

/// "GET, POST": what is allowed on this path. Empty: there is no such path.
std::string AllowedMethods(std::string_view path) {
  std::string allowed;
  for (const Route& route : Routes()) {
    if (MatchPath(route.pattern, path)) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(route.method) + (route.method == "GET" ? ", HEAD" : "");
    }
  }
  return allowed;
}

}  // namespace

struct Api::State {
  explicit State(ApiParts given)
      : parts(std::move(given)),
        tokens(parts.options.per_token),
        addresses(parts.options.per_address),
        failed_logins(parts.options.failed_logins),
        idempotency(parts.store, parts.clock) {
    std::random_device device;
    prefix = device();
  }

  std::string NextId() {
    std::array<std::uint8_t, 8> bytes{};
    ByteWriter writer(bytes);
    writer.PutU32(prefix);
    writer.PutU32(counter.fetch_add(1));
    return ToHex(bytes);
  }

  /// Finds the route and what its braces took.
  Checked<const Route*> FindRoute(const net::HttpRequest& request, std::vector<std::string>& path) const;
  Checked<Identity> Identify(const Route& route, const net::HttpRequest& request);
  Checked<Identity> LogIn(const net::HttpRequest& request, std::optional<std::string_view> token);
  Checked<net::HttpResponse> Work(Context& context, bool with_key);
  Checked<net::HttpResponse> Dispatch(const net::HttpRequest& request, const std::string& id, const Route*& route,
                                      std::string& actor);

  ApiParts parts;
  RateLimiter tokens;
  RateLimiter addresses;
  RateLimiter failed_logins;
  Metrics metrics;
  Idempotency idempotency;
  std::uint32_t prefix = 0;
  std::atomic<std::uint32_t> counter = 0;
};

Checked<const Route*> Api::State::FindRoute(const net::HttpRequest& request, std::vector<std::string>& path) const {
  const std::string_view method = request.method == "HEAD" ? std::string_view("GET") : request.method;
  for (const Route& route : Routes()) {
    if (route.method == method) {
      if (auto matched = MatchPath(route.pattern, request.path)) {
        path = std::move(*matched);
        return &route;
      }
    }
  }
  const std::string allowed = AllowedMethods(request.path);
  if (!allowed.empty()) {
    return Stop(405, "this path knows other methods only: " + allowed, {{"Allow", allowed}});
  }
  return Stop(404, "there is nothing at this path; see GET /v1/openapi.json");
}

Checked<Identity> Api::State::LogIn(const net::HttpRequest& request, std::optional<std::string_view> token) {
  const auto now = SteadyClock::now();
  const auto retry = [](const RateLimiter& limiter) {
    return net::Headers{{"Retry-After", std::to_string(limiter.RetryAfter())}};
  };
  const auto actor =
      token ? parts.service.Authenticate(*token) : parts.service.AuthenticateServer(request.client_certificate);
  if (!actor) {
    if (actor.error().kind != FailureKind::kDenied && actor.error().kind != FailureKind::kNotFound) {
      Refusal refusal{StatusOf(actor.error().kind), "the credentials cannot be checked now; try again", {}, {}};
      refusal.hidden = actor.error().Text();
      return tl::unexpected<Refusal>(std::move(refusal));
    }
    // Right credentials always pass: many may share an address, and one of them must not lock out the others.
    if (!failed_logins.Take(request.peer, now)) {
      return Stop(429, "too many wrong credentials came from this address; wait", retry(failed_logins));
    }
    return Stop(401, std::string(kNotKnown));
  }
  if (!tokens.Take(actor->name + "/" + std::to_string(actor->tenant), now)) {
    return Stop(429, "too many requests with these credentials; slow down", retry(tokens));
  }
  return Identity{*actor, true, !token};
}

Checked<Identity> Api::State::Identify(const Route& route, const net::HttpRequest& request) {
  const auto token = BearerToken(request);
  const bool anonymous = route.access == Access::kPublic || (!token && request.client_certificate.empty());
  if (!anonymous) {
    return LogIn(request, token);
  }
  if (!addresses.Take(request.peer, SteadyClock::now())) {
    return Stop(429, "too many requests from this address; slow down",
                {{"Retry-After", std::to_string(addresses.RetryAfter())}});
  }
  if (route.access != Access::kPublic) {
    return Stop(401, std::string(kNotKnown));
  }
  Identity nobody;
  nobody.actor.name = "address " + request.peer;
  return nobody;
}

Checked<net::HttpResponse> Api::State::Work(Context& context, bool with_key) {
  auto answer = with_key ? idempotency.Run(context) : context.route.handler(context);
  if (answer) {
    return std::move(*answer);
  }
  const Failure& failure = answer.error();
  Refusal refusal;
  // Credentials were looked at before: 401 is answered there. A card that does not prove itself is 403.
  const net::HttpResponse problem = ProblemAnswer(failure, context.id);
  refusal.status = problem.status;
  refusal.headers = problem.headers;
  refusal.detail = PublicText(failure);
  refusal.hidden = problem.status >= 500 ? failure.Text() : std::string();
  return tl::unexpected<Refusal>(std::move(refusal));
}

Checked<net::HttpResponse> Api::State::Dispatch(const net::HttpRequest& request, const std::string& id,
                                                const Route*& route, std::string& actor) {
  std::vector<std::string> path;
  SR_TRY(route, FindRoute(request, path));
  SR_TRY(Identity who, Identify(*route, request));
  actor = who.actor.name;
  if (!MayCall(route->access, who)) {
    return Stop(403, "this is for: " + std::string(NameOfAccess(route->access)) +
                         (who.actor.name.empty() ? "" : ", and " + who.actor.name + " is not"));
  }
  SR_TRY_VOID(CheckQuery(*route, request));
  SR_TRY(json::object body, ReadBody(*route, request));
  Context context{.parts = parts,
                  .metrics = metrics,
                  .request = request,
                  .route = *route,
                  .actor = std::move(who.actor),
                  .path = std::move(path),
                  .body = std::move(body),
                  .page = PageOf(request),
                  .id = id};
  const bool with_key =
      route->method == "POST" && route->access != Access::kPublic && request.headers.contains("idempotency-key");
  return Work(context, with_key);
}

Api::Api(ApiParts parts) : state_(std::make_unique<State>(std::move(parts))) {}
Api::~Api() = default;

net::HttpResponse Api::Handle(const net::HttpRequest& request) {
  const auto begin = SteadyClock::now();
  const std::string id = state_->NextId();
  const Route* route = nullptr;
  std::string actor = "address " + request.peer;
  std::string hidden;
  net::HttpResponse answer;
  try {
    auto done = state_->Dispatch(request, id, route, actor);
    if (done) {
      answer = std::move(*done);
    } else {
      answer = ProblemAnswer(done.error().status, done.error().detail, id);
      for (auto& [name, value] : done.error().headers) {
        answer.headers[name] = std::move(value);
      }
      hidden = std::move(done.error().hidden);
    }
  } catch (const std::exception&) {  // one of the two places where a request may end by an exception
    answer = ProblemAnswer(500, "the platform failed to do this; its log tells more under this request's id", id);
    hidden = "an exception ended the request";
  }
  answer.headers["X-Request-Id"] = id;
  answer.headers["X-Content-Type-Options"] = "nosniff";
  answer.headers.emplace("Cache-Control", "no-store");
  const double seconds = std::chrono::duration<double>(SteadyClock::now() - begin).count();
  const std::string_view pattern = route == nullptr ? std::string_view("-") : route->pattern;
  const std::string_view method = route == nullptr ? std::string_view("-") : route->method;
  state_->metrics.Count(method, pattern, answer.status, seconds);
  if (state_->parts.log) {
    const json::value time = TimeToJson(state_->parts.clock.Now());
    const std::string when = time.is_string() ? std::string(time.get_string()) : std::string();
    state_->parts.log(
        FormatRequestLog({when, actor, request.method, pattern, answer.status, seconds * 1000, id, hidden}));
  }
  return answer;
}

}  // namespace simroot::platform
