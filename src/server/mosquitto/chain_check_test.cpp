// SPDX-License-Identifier: Apache-2.0
#include "server/mosquitto/chain_check.hpp"

#include "server/tls/testing/tls_world.hpp"

namespace simroot::server::testing {
namespace {

class ChainCheckTest : public ::testing::Test {
 protected:
  [[nodiscard]] bool IsRight(const Holder& holder) {
    const ShownCertificate shown = check_.Check(holder.certificate.get(), authorities_);
    EXPECT_EQ(shown.fingerprint, holder.Fingerprint());
    return shown.chain_is_right;
  }
  void Trust(const std::string& pem) { authorities_ = std::make_shared<const std::string>(pem); }

  Holder root_ = Issue({.name = "root", .ca = true}, nullptr);
  Holder issuing_ = Issue({.name = "issuing", .ca = true}, &root_);
  Holder device_ = Issue({}, &issuing_);
  ChainCheck check_;
  std::shared_ptr<const std::string> authorities_ = std::make_shared<const std::string>(Pem(root_) + Pem(issuing_));
};

TEST_F(ChainCheckTest, TakesClientsOfTheTenantsCas) {
  EXPECT_TRUE(IsRight(device_));
  EXPECT_TRUE(IsRight(Issue({}, &root_)));
  EXPECT_TRUE(IsRight(Issue({.begins_s = -7200, .ends_s = -60}, &issuing_))) << "times are the middleware's";
  Trust(Pem(issuing_));
  EXPECT_TRUE(IsRight(device_)) << "an imported CA whose root nobody has";
}

TEST_F(ChainCheckTest, TakesNothingElse) {
  const Holder other = Issue({.name = "issuing", .ca = true}, nullptr);
  const Holder sibling = Issue({.name = "sibling", .ca = true}, &root_);
  EXPECT_FALSE(IsRight(Issue({}, &other))) << "forged";
  EXPECT_FALSE(IsRight(Issue({}, nullptr))) << "self-signed";
  EXPECT_FALSE(IsRight(Issue({}, &device_))) << "issued by a device";
  EXPECT_FALSE(IsRight(Issue({.for_servers = true}, &issuing_)));
  EXPECT_FALSE(IsRight(Issue({}, &sibling)));
  Trust(Pem(issuing_));
  EXPECT_FALSE(IsRight(Issue({}, &root_)));
  Trust(Pem(device_));
  EXPECT_FALSE(IsRight(Issue({}, &device_)));
  Trust("no certificates");
  EXPECT_FALSE(IsRight(device_));
  Trust("");
  EXPECT_FALSE(IsRight(device_));
  authorities_ = nullptr;
  EXPECT_FALSE(IsRight(device_));
}

TEST_F(ChainCheckTest, FollowsNewAuthorities) {
  EXPECT_TRUE(IsRight(device_));
  Trust(Pem(Issue({.name = "root", .ca = true}, nullptr)));
  EXPECT_FALSE(IsRight(device_));
  Trust(Pem(root_) + Pem(issuing_));
  EXPECT_TRUE(IsRight(device_));
}

}  // namespace
}  // namespace simroot::server::testing
