// SPDX-License-Identifier: Apache-2.0
/// An application server becomes known to a real platform, stays it, and is shut out.
#include <sys/stat.h>

#include "tests/server/platform_host.hpp"

namespace simroot::server {
namespace {

using ::testing::HasSubstr;

class ServerIdentityTest : public PlatformHost {
 protected:
  static mode_t ModeOf(const std::string& path) {
    struct stat found {};
    EXPECT_EQ(::stat(path.c_str(), &found), 0) << path;
    return found.st_mode & 0777U;
  }
  static Error ErrorOf(const Result<void>& result) {
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
};

TEST_F(ServerIdentityTest, IsMadeOnceWithAOneTimeToken) {
  const std::string token(AsText(Invite("acme", "web-1").Reveal(InsecureReveal::kForTest)));
  const auto options = [&](const std::string& directory) { return Options(directory, SecretBytes(AsBytes(token))); };
  const auto enrolled = server::Enrol(options("web-1"));
  ASSERT_TRUE(enrolled) << enrolled.error().Text();
  const IdentityFiles files(folder_ + "/web-1");
  EXPECT_EQ(ModeOf(folder_ + "/web-1"), 0700U);
  EXPECT_EQ(ModeOf(files.identity), 0600U);
  const auto identity = LoadIdentity(folder_ + "/web-1");
  ASSERT_TRUE(identity) << identity.error().Text();
  EXPECT_EQ(identity->name, "web-1");
  EXPECT_EQ(identity->tenant, "acme");
  EXPECT_EQ(identity->platform_url, Url());
  EXPECT_GT(identity->not_after, clock_.now + 300 * 86400);
  EXPECT_LE(identity->not_before, clock_.now);
  EXPECT_FALSE(NeedsRenewal(*identity, clock_.now));

  const Error again = ErrorOf(server::Enrol(options("web-1")));
  EXPECT_EQ(again.domain, ErrorDomain::kUsage);
  EXPECT_THAT(again.message, HasSubstr("already"));
  const Error spent = ErrorOf(server::Enrol(options("web-2")));
  EXPECT_EQ(spent.domain, ErrorDomain::kUsage);
  EXPECT_THAT(spent.message, HasSubstr("one-time token"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/web-2"));
  EXPECT_EQ(spent.Text().find(token), std::string::npos);
}

TEST_F(ServerIdentityTest, AWrongTokenAndAnAbsentPlatformLeaveNothing) {
  for (const std::string token : {"sri_wrong", "srt_wrong", "x"}) {
    EXPECT_EQ(ErrorOf(server::Enrol(Options("web", SecretBytes(AsBytes(token))))).domain, ErrorDomain::kUsage) << token;
  }
  SecretBytes token = Invite("acme", "web-1");
  const std::string text(AsText(token.Reveal(InsecureReveal::kForTest)));
  StopServing();
  EXPECT_EQ(ErrorOf(server::Enrol(Options("web", std::move(token)))).domain, ErrorDomain::kTransport);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/web"));
  StartServing();
  EXPECT_TRUE(server::Enrol(Options("web", SecretBytes(AsBytes(text))))) << "the token is as it was";
}

TEST_F(ServerIdentityTest, APlatformOfAnotherCaIsNotToldTheToken) {
  auto options = Options("web", Invite("acme", "web-1"));
  const auto other = Take(authority_->MakeRoot(
      "other", {.common_name = "other", .serial_number = {}, .organization = {}}, clock_.now, 86400));
  std::ofstream(folder_ + "/other.pem") << pf::CertificateToPem(other.certificate);
  options.ca_file = folder_ + "/other.pem";
  EXPECT_EQ(ErrorOf(server::Enrol(options)).domain, ErrorDomain::kCrypto);
  options.ca_file = folder_ + "/ca.pem";
  EXPECT_TRUE(server::Enrol(options));
}

TEST_F(ServerIdentityTest, IsRenewedWithTheSameKey) {
  const Identity before = MakeServer("acme", "web-1");
  clock_.now += 3;  // so that the next one ends later
  const auto renewed = RenewIdentity(before);
  ASSERT_TRUE(renewed) << renewed.error().Text();
  const auto after = LoadIdentity(before.directory);
  ASSERT_TRUE(after) << after.error().Text();
  EXPECT_NE(after->certificate, before.certificate);
  EXPECT_GT(after->not_after, before.not_after);
  EXPECT_TRUE(SameBytes(after->private_key.Reveal(InsecureReveal::kForTest),
                        before.private_key.Reveal(InsecureReveal::kForTest)));
  EXPECT_EQ(ModeOf(IdentityFiles(before.directory).identity), 0600U);
  EXPECT_TRUE(Connect(*after)->ReadSnapshot(0));

  ASSERT_TRUE(RenewIdentity(before)) << "another program was first: nothing to do";
  EXPECT_EQ(LoadIdentity(before.directory)->certificate, after->certificate);
  EXPECT_TRUE(SameBytes(LoadIdentity(before.directory)->private_key.Reveal(InsecureReveal::kForTest),
                        before.private_key.Reveal(InsecureReveal::kForTest)));
}

TEST_F(ServerIdentityTest, AnOpenLinkGoesOnWithTheOldCertificate) {
  const Identity before = MakeServer("acme", "web-1");
  const auto link = Connect(before);
  ASSERT_TRUE(link->ReadSnapshot(0));
  clock_.now += 3;
  ASSERT_TRUE(RenewIdentity(before));
  EXPECT_TRUE(link->ReadSnapshot(0));
}

TEST_F(ServerIdentityTest, ARevokedServerIsOutAtOnce) {
  const Identity identity = MakeServer("acme", "web-1");
  const auto link = Connect(identity);
  ASSERT_TRUE(link->ReadFeed(0, std::chrono::seconds(0)));
  Take(service_->RevokeServer(admin_, IdOfServer("web-1")));
  const auto feed = link->ReadFeed(0, std::chrono::seconds(0));
  ASSERT_FALSE(feed);
  EXPECT_EQ(feed.error().domain, ErrorDomain::kCrypto);
  EXPECT_THAT(feed.error().message, HasSubstr("does not accept this server's certificate"));
  EXPECT_FALSE(link->ReadSnapshot(0));
  EXPECT_FALSE(link->ReadAuthorities());
  EXPECT_EQ(link->ReportUse("0A").error().domain, ErrorDomain::kCrypto) << "not a word about the credential";
  EXPECT_EQ(ErrorOf(RenewIdentity(identity)).domain, ErrorDomain::kCrypto);
  EXPECT_TRUE(LoadIdentity(identity.directory)) << "what was there is still there";
}

TEST_F(ServerIdentityTest, AnAbsentPlatformIsNoReasonToGiveUp) {
  const Identity identity = MakeServer("acme", "web-1");
  const auto link = Connect(identity);
  ASSERT_TRUE(link->ReadSnapshot(0));
  StopServing();
  EXPECT_EQ(link->ReadSnapshot(0).error().domain, ErrorDomain::kTransport);
  EXPECT_EQ(ErrorOf(RenewIdentity(identity)).domain, ErrorDomain::kTransport);
  StartServing();
  const auto again = link->ReadSnapshot(0);
  EXPECT_TRUE(again) << again.error().Text();
}

}  // namespace
}  // namespace simroot::server
