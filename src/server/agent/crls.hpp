// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "common/host/error.hpp"
#include "common/host/hex.hpp"
#include "server/directory/credential.hpp"

namespace simroot::server {

/// The CRLs of all CAs of a tenant, as they came from the platform. Not verified: whoever uses them does that.
class Crls {
 public:
  /// @param authorities PEM of the CAs. @returns kProtocol: one is no CRL, a CA has none (then whoever checks CRLs
  /// would refuse everybody), or one has no end.
  [[nodiscard]] static Result<Crls> Read(const std::vector<Bytes>& der, const std::string& authorities);

  [[nodiscard]] const std::string& pem() const { return pem_; }
  [[nodiscard]] UnixTime this_update() const { return this_update_; }  ///< of the oldest
  [[nodiscard]] UnixTime next_update() const { return next_update_; }  ///< of the one that ends first
  /// True if one of them holds this serial number (hexadecimal).
  [[nodiscard]] bool Holds(const std::string& serial) const;

 private:
  Crls() = default;
  std::string pem_;
  UnixTime this_update_ = 0;
  UnixTime next_update_ = 0;
  std::vector<Bytes> serials_;  ///< sorted; digits without zeros in front
};

}  // namespace simroot::server
