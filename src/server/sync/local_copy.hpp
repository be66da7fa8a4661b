// SPDX-License-Identifier: Apache-2.0
/// The enciphered copy of all that the platform has told, so that the application server starts and serves while the
/// platform is away. docs/formats/local-copy.md
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/host/error.hpp"
#include "server/directory/credential.hpp"

namespace simroot::server {

/// How far the copy goes.
struct SyncPoint {
  std::int64_t feed_number = -1;  ///< the last change that is in; -1: no complete snapshot yet
  UnixTime contact = 0;           ///< when the platform was last heard
  std::string authorities{};      ///< PEM: roots and issuing CAs of the tenant
};

/// One file: a snapshot, and behind it the changes since. Each record is AES-256-GCM under a key derived from the
/// server's private key; records cannot be swapped, left out in the middle or taken from another file. A torn end is
/// cut off: then the copy is older, never wrong. An old file in the place of the new one is not noticed.
///
/// One process writes a file: the first that opens it, until it ends. To others of the same identity the file is only
/// to be read: Append and Rewrite then do nothing, until the first one has gone. So it is where the directory cannot be
/// written. One thread at a time.
class LocalCopy {
 public:
  /// @param secret the server's private key, PEM: a new one makes the copy unreadable.
  [[nodiscard]] static Result<std::unique_ptr<LocalCopy>> Open(const std::string& file, const SecretBytes& secret);
  virtual ~LocalCopy() = default;

  /// Tells every credential of the file in the order in which they were written (the last one of an id counts), then
  /// the point. An absent, unreadable or foreign file gives feed_number -1 and why in `why`.
  [[nodiscard]] virtual Result<SyncPoint> Load(const std::function<void(Credential&&)>& visit, std::string& why) = 0;
  /// Adds changes and the point they reach. On disk before it returns. After an error the file is as it was, and only
  /// Rewrite can write it.
  [[nodiscard]] virtual Result<void> Append(const std::vector<Credential>& changes, const SyncPoint& point) = 0;
  /// Writes the file anew, whole, and puts it in the old one's place; after an error the old one is there. `all` calls
  /// its argument for each credential.
  using Visit = std::function<void(const Credential&)>;
  [[nodiscard]] virtual Result<void> Rewrite(const std::function<void(const Visit&)>& all, const SyncPoint& point) = 0;
  /// Why nobody here can write the file, though no other process does; empty: it can be written. It is tried again with
  /// each Append and Rewrite, which do nothing until then.
  [[nodiscard]] virtual std::string WhyReadOnly() const { return {}; }
  /// True when changes outweigh the snapshot, so that Rewrite pays.
  [[nodiscard]] virtual bool IsLong() const = 0;
};

}  // namespace simroot::server
