// SPDX-License-Identifier: Apache-2.0
/// The platform as the server sees it: snapshot, changes, proofs of use. Behind an interface, so that the
/// synchronisation is tested without network and clock.
#pragma once

#include <chrono>
#include <memory>
#include <vector>

#include "server/sync/identity.hpp"

namespace simroot::server {

constexpr std::size_t kMostItems = 1000;  ///< of a part

struct SnapshotPart {
  std::vector<Credential> credentials;
  std::int64_t next = 0;         ///< `after` of the next part; 0: this was the last
  std::int64_t feed_number = 0;  ///< the newest change when this part was read: go on after that of the FIRST part
  std::size_t unopened = 0;      ///< PSKs in use that come without key: there was none, or it does not open
  /// Highest number of a CA that has issued one of these; 0: none. When it rises, there is a new CA: ReadAuthorities,
  /// before its devices are refused.
  std::int64_t newest_authority = 0;
  /// What was told of these is not understood: it may be a revocation, so they are to be let in no more.
  std::vector<CredentialId> not_understood{};
};
struct FeedPart {
  std::vector<Credential> changes{};  ///< as they are now, each credential once
  std::int64_t next = 0;              ///< `after` of the next part
  std::size_t unopened = 0;           ///< as above
  std::int64_t newest_authority = 0;
  std::vector<CredentialId> not_understood{};
  bool restored = false;  ///< the platform does not know the change after which was asked; the rest is empty
  bool more = false;      ///< as many changes as fit: there may be more behind them
};

/// One thread at a time; feed and proofs of use have a link each. Errors: kTransport: the platform cannot be reached,
/// is too busy, or the call was interrupted; try again later. kCrypto: one of the two is not who it should be: the
/// platform's certificate, or this server's, which was revoked or has ended. kProtocol: an answer that cannot be
/// understood; it names the item. An item that names its credential is told in `not_understood` instead.
class PlatformLink {
 public:
  virtual ~PlatformLink() = default;
  [[nodiscard]] virtual Result<SnapshotPart> ReadSnapshot(std::int64_t after) = 0;
  /// Waits up to `wait`, at most a minute, for the first change after number `after`.
  [[nodiscard]] virtual Result<FeedPart> ReadFeed(std::int64_t after, std::chrono::seconds wait) = 0;
  [[nodiscard]] virtual Result<std::string> ReadAuthorities() = 0;  ///< PEM
  /// kUsage: the platform does not know the credential, or it is not valid any more: do not ask again.
  [[nodiscard]] virtual Result<void> ReportUse(const std::string& credential_name) = 0;
  /// DER of the current CRL of each CA, in the order of ReadAuthorities. Those without one are left out: a CA whose key
  /// is elsewhere.
  [[nodiscard]] virtual Result<std::vector<Bytes>> ReadCrls() = 0;
  /// Makes the call that waits, or else the next one, end with kTransport; from any thread.
  virtual void Interrupt() = 0;
};

/// kUsage: the identity's files cannot be used. Connects to nothing yet.
[[nodiscard]] Result<std::unique_ptr<PlatformLink>> MakePlatformLink(const Identity& identity);

}  // namespace simroot::server
