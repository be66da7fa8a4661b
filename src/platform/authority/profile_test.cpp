// SPDX-License-Identifier: Apache-2.0
#include "platform/authority/profile.hpp"

#include "platform/authority/authority_test_support.hpp"

namespace simroot::platform {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(std::string_view json) {
  const auto profile = ParseProfile("p", json);
  if (profile) {
    return "no error";
  }
  EXPECT_EQ(profile.error().kind, FailureKind::kInvalid);
  return profile.error().message;
}

TEST(Profile, ReadsEveryMember) {
  const auto profile = ParseProfile("gateway", R"({
    "client_auth": false, "server_auth": true, "key_agreement": true, "crl_url": "http://ca.example/1.crl",
    "ocsp_url": "http://ca.example/ocsp", "dns_names": ["{name}.example", "i{iccid}.example"],
    "key_types": ["p256", "p384"]})");
  ASSERT_TRUE(profile) << profile.error().Text();
  EXPECT_EQ(profile->name, "gateway");
  EXPECT_FALSE(profile->client_auth);
  EXPECT_TRUE(profile->server_auth);
  EXPECT_TRUE(profile->key_agreement);
  EXPECT_EQ(profile->crl_url, "http://ca.example/1.crl");
  EXPECT_EQ(profile->ocsp_url, "http://ca.example/ocsp");
  EXPECT_EQ(profile->dns_names, (std::vector<std::string>{"{name}.example", "i{iccid}.example"}));
  EXPECT_EQ(profile->key_types, (std::vector<std::string>{"p256", "p384"}));
}

TEST(Profile, DefaultsAreTheBuiltInOne) {
  const auto profile = ParseProfile("device", "{}");
  ASSERT_TRUE(profile);
  EXPECT_TRUE(profile->client_auth);
  EXPECT_FALSE(profile->server_auth);
  EXPECT_TRUE(profile->crl_url.empty());
}

TEST(Profile, WhatIsWrongIsNamed) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("not JSON"));
  EXPECT_THAT(ErrorOf("{"), HasSubstr("not JSON"));
  EXPECT_THAT(ErrorOf("{} x"), HasSubstr("not JSON"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("no JSON object"));
  EXPECT_THAT(ErrorOf("[[[[[[]]]]]]"), HasSubstr("not JSON"));
  EXPECT_THAT(ErrorOf(R"({"client_atuh": true})"), HasSubstr("\"client_atuh\" is unknown"));
  EXPECT_THAT(ErrorOf(R"({"client_auth": "yes"})"), HasSubstr("\"client_auth\" is of the wrong type"));
  EXPECT_THAT(ErrorOf(R"({"client_auth": 1})"), HasSubstr("wrong type"));
  EXPECT_THAT(ErrorOf(R"({"crl_url": null})"), HasSubstr("wrong type"));
  EXPECT_THAT(ErrorOf(R"({"dns_names": "a.example"})"), HasSubstr("wrong type"));
  EXPECT_THAT(ErrorOf(R"({"dns_names": ["a.example", 1]})"), HasSubstr("wrong type"));
  EXPECT_THAT(ErrorOf(R"({"client_auth": false})"), HasSubstr("both false"));
}

TEST(Profile, AddressesAreChecked) {
  for (const char* const wrong :
       {"ca.example", "ftp://ca.example", "http://", "http://a b", "http://a\\u0000", "ldap://x"}) {
    EXPECT_THAT(ErrorOf(std::string(R"({"crl_url": ")") + wrong + "\"}"), HasSubstr("no http address")) << wrong;
    EXPECT_THAT(ErrorOf(std::string(R"({"ocsp_url": ")") + wrong + "\"}"), HasSubstr("no http address")) << wrong;
  }
  EXPECT_THAT(ErrorOf(R"({"crl_url": "http://)" + std::string(249, 'a') + "\"}"), HasSubstr("no http address"));
  EXPECT_EQ(ErrorOf(R"({"crl_url": "http://)" + std::string(248, 'a') + "\"}"), "no error");
  EXPECT_THAT(ErrorOf(R"({"dns_names": ["a..b"]})"), HasSubstr("no DNS name"));
  EXPECT_THAT(ErrorOf(R"({"dns_names": ["{iccidd}.b"]})"), HasSubstr("no DNS name"));
}

TEST(Profile, DnsNames) {
  for (const char* const good : {"a", "a.b", "a-b.c", "0.example", "A.EXAMPLE"}) {
    EXPECT_TRUE(IsDnsName(good)) << good;
  }
  for (const char* const wrong : {"", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "*.a", "a\xC3\xA4"}) {
    EXPECT_FALSE(IsDnsName(wrong)) << wrong;
  }
  EXPECT_TRUE(IsDnsName(std::string(63, 'a')));
  EXPECT_FALSE(IsDnsName(std::string(64, 'a')));
  EXPECT_FALSE(IsDnsName(std::string(60, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') + "." +
                         std::string(63, 'a') + ".a"));
}

TEST(Profile, NamesOfFiles) {
  for (const char* const good : {"device", "a", "issuing-1", "a.b_c", "0"}) {
    EXPECT_TRUE(IsFileName(good)) << good;
  }
  for (const char* const wrong : {"", ".", "..", ".a", "A", "a/b", "a b", "\xC3\xA4"}) {
    EXPECT_FALSE(IsFileName(wrong)) << wrong;
  }
  EXPECT_FALSE(IsFileName(std::string(65, 'a')));
}

TEST(Profile, NamesAreFilledIn) {
  CertificateProfile profile;
  profile.dns_names = {"{name}.x", "{iccid}-{name}.y", "z"};
  const auto plan = PlanOf(profile, {"dev", "8988", ""});
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->dns_names, (std::vector<std::string>{"dev.x", "8988-dev.y", "z"}));
  EXPECT_FALSE(PlanOf(profile, {"my device", "8988", ""}));
  EXPECT_FALSE(PlanOf(profile, {"{name}", "8988", ""}));
}

class ProfileFolder : public testing::AuthorityFixture {};

TEST_F(ProfileFolder, FilesAreRead) {
  WriteProfile("gateway", R"({"server_auth": true})");
  const auto profiles = ReadProfiles(AuthorityFolder() + "/profiles");
  ASSERT_TRUE(profiles) << profiles.error().Text();
  EXPECT_EQ(profiles->size(), 2U);
  EXPECT_TRUE(profiles->at("gateway").server_auth);
  EXPECT_FALSE(profiles->at("device").server_auth);
  WriteProfile("device", R"({"crl_url": "http://ca.example/1.crl"})");
  EXPECT_EQ(ReadProfiles(AuthorityFolder() + "/profiles")->at("device").crl_url, "http://ca.example/1.crl");
  EXPECT_EQ(ReadProfiles(AuthorityFolder() + "/none")->size(), 1U);
}

TEST_F(ProfileFolder, AWrongFileStopsTheStart) {
  WriteProfile("broken", "{");
  const auto opened = Authority::Open(*vault_, AuthorityFolder());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().kind, FailureKind::kInvalid);
  EXPECT_THAT(opened.error().Text(), HasSubstr("broken"));
}

TEST_F(ProfileFolder, AWrongNameStopsTheStart) {
  WriteProfile("Big", "{}");
  EXPECT_FALSE(Authority::Open(*vault_, AuthorityFolder()));
}

}  // namespace
}  // namespace simroot::platform
