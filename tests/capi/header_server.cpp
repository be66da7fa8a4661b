// SPDX-License-Identifier: Apache-2.0
// The header alone, as strict C++17.
#include <simroot/server.hpp>

#include <type_traits>

static_assert(std::is_move_constructible<simroot::Server>::value &&
              !std::is_copy_constructible<simroot::Server>::value);
static_assert(std::is_move_assignable<simroot::ServerWatch>::value);

int simroot_header_server_hpp_compiles();
int simroot_header_server_hpp_compiles() {
  const simroot::Server::Options options{"/var/lib/telemetry"};
  return static_cast<int>(options.directory.size());
}
