// SPDX-License-Identifier: Apache-2.0
/// Records as the API shows them: names instead of the store's numbers. Sealed things never.
#pragma once

#include <boost/json/object.hpp>
#include <map>

#include "platform/api/json.hpp"
#include "platform/domain/store.hpp"
#include "platform/service/service.hpp"

namespace simroot::platform {

/// Looks names up on one view of the store and remembers them; lives as long as that view.
class Describer {
 public:
  explicit Describer(StoreReader& reader) : reader_(reader) {}

  [[nodiscard]] Outcome<json::object> Describe(const Tenant& tenant);
  [[nodiscard]] Outcome<json::object> Describe(const Card& card);
  [[nodiscard]] Outcome<json::object> Describe(const Device& device);
  [[nodiscard]] Outcome<json::object> Describe(const Credential& credential);
  [[nodiscard]] Outcome<json::object> Describe(const Policy& policy);
  [[nodiscard]] Outcome<json::object> Describe(const Job& job);
  [[nodiscard]] Outcome<json::object> Describe(const JobStep& step);
  [[nodiscard]] Outcome<json::object> Describe(const CertificateAuthority& authority);
  [[nodiscard]] Outcome<json::object> Describe(const Token& token);
  [[nodiscard]] Outcome<json::object> Describe(const ServerIdentity& server);
  [[nodiscard]] Outcome<json::object> Describe(const AuditEntry& entry);
  [[nodiscard]] Outcome<json::object> Describe(const FeedItem& item);
  /// As it was read: of cards and devices nothing is looked up.
  [[nodiscard]] Outcome<json::object> Describe(const ToldCredential& told);

  /// null for 0.
  [[nodiscard]] Outcome<json::value> TenantName(Id tenant);

 private:
  [[nodiscard]] Outcome<std::string> IccidOf(Id card);
  /// null: none, or none of this tenant.
  [[nodiscard]] Outcome<json::value> DeviceNameOf(Id card, Id tenant);
  [[nodiscard]] Outcome<json::object> DescribeWith(const Credential& credential, const std::string& iccid,
                                                   json::value device);

  StoreReader& reader_;
  std::map<Id, std::string> tenants_;
  std::map<Id, std::string> policies_;
};

/// The end of a certificate's time. 0 if it cannot be found.
[[nodiscard]] UnixTime EndOfCertificate(ByteView der);

}  // namespace simroot::platform
