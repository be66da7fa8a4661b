// SPDX-License-Identifier: Apache-2.0
#include "server/agent/crls.hpp"

#include <gtest/gtest.h>

#include <ctime>

#include "server/agent/testing/test_authority.hpp"

namespace simroot::server {
namespace {

using testing::TestAuthority;

TEST(Crls, ReadsThoseOfAllAuthorities) {
  const TestAuthority root("root");
  const TestAuthority issuing("issuing");
  const auto crls = Crls::Read({root.Crl({}), issuing.Crl({"4A01", "F2"}, -60, 600)}, root.Pem() + issuing.Pem());
  ASSERT_TRUE(crls) << crls.error().Text();
  EXPECT_EQ(crls->pem().find("-----BEGIN X509 CRL-----"), 0U);
  EXPECT_NE(crls->pem().find("-----BEGIN X509 CRL-----", 1), std::string::npos);
  EXPECT_TRUE(crls->Holds("4A01"));
  EXPECT_TRUE(crls->Holds("004a01"));
  EXPECT_TRUE(crls->Holds("F2"));
  for (const char* const other : {"4A02", "4A", "01", "", "xy", "4A0"}) {
    EXPECT_FALSE(crls->Holds(other)) << other;
  }
  const auto now = static_cast<UnixTime>(std::time(nullptr));
  EXPECT_NEAR(static_cast<double>(crls->next_update() - now), 540, 30);
}

TEST(Crls, RefusesWhatWouldShutEverybodyOut) {
  const TestAuthority root("root");
  const TestAuthority issuing("issuing");
  const std::string both = root.Pem() + issuing.Pem();
  EXPECT_FALSE(Crls::Read({}, both));
  EXPECT_FALSE(Crls::Read({root.Crl({})}, both)) << "a CA without CRL";
  EXPECT_FALSE(Crls::Read({root.Crl({}), root.Crl({})}, both));
  EXPECT_FALSE(Crls::Read({root.Crl({}, -60, 0)}, root.Pem())) << "without end";
  EXPECT_FALSE(Crls::Read({root.Crl({})}, "")) << "no CA";
  Bytes cut = root.Crl({"4A01"});
  cut.pop_back();
  EXPECT_FALSE(Crls::Read({cut}, root.Pem())) << "short";
  Bytes longer = root.Crl({"4A01"});
  longer.push_back(0);
  EXPECT_FALSE(Crls::Read({longer}, root.Pem())) << "long";
  EXPECT_FALSE(Crls::Read({Bytes{}}, root.Pem()));
  const auto refused = Crls::Read({Bytes(100, 0x30)}, root.Pem());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().domain, ErrorDomain::kProtocol);
}

}  // namespace
}  // namespace simroot::server
