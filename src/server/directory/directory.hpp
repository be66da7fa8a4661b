// SPDX-License-Identifier: Apache-2.0
/// All credentials of a tenant in memory: wait-free look-ups by any number of threads, changes by one.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "common/host/error.hpp"
#include "server/directory/credential.hpp"

namespace simroot::server {

/// A credential that was looked up: a copy without heap, valid for ever, right at the moment of the look-up.
struct Found {
  CredentialId id = 0;
  CredentialKind kind = CredentialKind::kCertificate;
  CredentialState state = CredentialState::kPending;
  UnixTime not_before = 0;
  UnixTime not_after = 0;
  UnixTime first_used = 0;
  UnixTime changed = 0;
  std::array<char, kMaxIccid + 1> iccid{};  ///< ended by NUL, like those below
  std::array<char, kMaxDevice + 1> device{};
  std::array<char, kMaxName + 1> name{};
};

struct DirectorySize {
  std::size_t credentials = 0;
  std::size_t devices = 0;  ///< ICCIDs
  std::size_t bytes = 0;    ///< of memory, everything included
};

class Directory {
 public:
  /// Makes the key under which PSKs are sealed in memory; it lives as long as the directory, in memory that is neither
  /// swapped nor dumped where the system allows that.
  [[nodiscard]] static Result<std::unique_ptr<Directory>> Create();
  virtual ~Directory() = default;

  // ---- any thread, wait-free: bounded steps, no lock, no heap ----

  [[nodiscard]] virtual std::optional<Found> FindCertificate(const Fingerprint& fingerprint) const = 0;
  [[nodiscard]] virtual std::optional<Found> FindPsk(std::string_view identity) const = 0;
  [[nodiscard]] virtual std::optional<Found> FindById(CredentialId id) const = 0;
  // OpenPsk and DecoyPsk use the heap and the crypto library, but no lock of their own.

  /// The key of a PSK credential, opened into memory that is wiped. kUsage if there is none.
  [[nodiscard]] virtual Result<SecretBytes> OpenPsk(CredentialId id) const = 0;
  /// A key for an identity that nobody knows: always the same for the same identity, so that a peer cannot tell it from
  /// a known one whose key he does not have. 32 bytes.
  [[nodiscard]] virtual SecretBytes DecoyPsk(std::string_view identity) const = 0;
  [[nodiscard]] virtual DirectorySize size() const = 0;

  // ---- one thread at a time ----

  /// Inserts, or replaces the one with this id. A PSK that comes without key keeps the key it had, if it
  /// has the same identity. A deleted PSK goes; a deleted certificate stays, refused, until it is forgotten. Of two
  /// with the same fingerprint or identity look-ups find the one that is valid, or else the newer. kUsage for texts
  /// that are too long or not as they must be; then nothing has changed.
  [[nodiscard]] virtual Result<void> Put(const Credential& credential) = 0;
  /// Another name of a device, for all its credentials.
  virtual void Rename(std::string_view iccid, std::string_view device) = 0;
  /// Forgets what is refused for ever (revoked, expired, deleted) and ended before `before`; how many. So a wrong clock
  /// makes nothing be refused.
  virtual std::size_t ForgetEndedBefore(UnixTime before) = 0;
  virtual void Clear() = 0;
  /// Room for this many, so that loading does not grow step by step.
  virtual void Reserve(std::size_t credentials) = 0;
  /// Every credential in ascending order of id, keys included (they are wiped after each call). From any thread, but
  /// not wait-free: what changes meanwhile is told as it was before or as it is after, and no memory is reused before
  /// the end.
  virtual void ForEach(const std::function<void(const Credential&)>& visit) const = 0;
};

}  // namespace simroot::server
