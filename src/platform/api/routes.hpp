// SPDX-License-Identifier: Apache-2.0
/// The one table of what the API can do: dispatch, authorisation, the OpenAPI document and its tests are made from it.
#pragma once

#include "common/net/http.hpp"
#include "platform/api/schema.hpp"
#include "platform/domain/failure.hpp"

namespace simroot::platform {

/// Who may call a route. Application servers have no role: they reach what is marked for them, nothing else.
enum class Access : std::uint8_t {
  kPublic,          ///< anybody
  kViewer,          ///< a token with at least this role
  kViewerOrServer,  ///< or an application server
  kOperator,
  kAdmin,
  kServer,  ///< an application server only
};

struct Context;

struct Route {
  std::string_view method;
  std::string_view pattern;
  Access access;
  Outcome<net::HttpResponse> (*handler)(Context&);
  std::string_view summary;
  int status = 200;                    ///< of success
  const Schema* request = nullptr;     ///< nullptr: no body, or none in JSON
  std::string_view request_type = {};  ///< of a body that is not JSON
  const Schema* response = nullptr;    ///< nullptr: none, or not JSON
  std::string_view response_type = "application/json";
  bool page = false;                   ///< a part of a list of `response`
  bool secret = false;                 ///< answers with what is shown only once
  std::span<const Member> query = {};  ///< besides `after` and `limit` of a page
};

/// In the order of the document.
[[nodiscard]] std::span<const Route> Routes();

/// `after` and `limit`, which every page has.
[[nodiscard]] std::span<const Member> PageParameters();

/// "viewer", "server", ...
[[nodiscard]] std::string_view NameOfAccess(Access access);

/// The OpenAPI 3.0 document of all routes.
[[nodiscard]] std::string MakeOpenApi();

}  // namespace simroot::platform
