// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server/middleware/middleware.hpp"

namespace simroot::server {

/// Who this application server is to the platform, as status and metrics tell it.
struct Origin {
  std::string tenant, name, platform_url;
};

/// What Open and OpenWith have in common. `copy_file` may be empty. `maintain`, if there is one, is called on the
/// thread that follows the feed, every ten minutes while the platform answers. A link that failed is replaced by a new
/// one.
[[nodiscard]] Result<std::unique_ptr<Middleware>> OpenAs(MiddlewareOptions options,
                                                         std::function<std::unique_ptr<PlatformLink>()> link,
                                                         Origin origin, const std::string& copy_file,
                                                         const SecretBytes& copy_secret,
                                                         std::function<void()> maintain = {});

}  // namespace simroot::server
