// SPDX-License-Identifier: Apache-2.0
// Enrolment and renewal at a platform are in tests/server; here is what the files must be like.
#include "server/sync/identity.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/host/file_io.hpp"
#include "common/host/unique_fd.hpp"
#include "server/sync/messages.hpp"
#include "server/sync/own_key.hpp"
#include "server/sync/platform_session.hpp"
#include "server/sync/testing/full_disk.hpp"
#include "server/sync/testing/test_certificate.hpp"

namespace simroot::server {
namespace {

using ::testing::HasSubstr;

class IdentityTest : public ::testing::Test {
 protected:
  IdentityTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "simroot-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~IdentityTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  void Put(const std::string& path, const std::string& text, mode_t mode = 0600) {
    std::ofstream(path) << text;
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  /// A whole identity.
  std::string Write(const testing::Validity& validity = {}) {
    const auto key = MakeKey();
    std::string text(AsText(key->Reveal(InsecureReveal::kForTest)));
    text += testing::SelfSigned(*key, validity);
    Put(files_().identity, text);
    Put(files_().settings, EncodeSettings({"https://127.0.0.1:1", "web-1", "acme"}), 0644);
    return text;
  }
  [[nodiscard]] IdentityFiles files_() const { return IdentityFiles(folder_); }
  [[nodiscard]] Error Refusal() const {
    const auto loaded = LoadIdentity(folder_);
    EXPECT_FALSE(loaded);
    return loaded ? Error{} : loaded.error();
  }

  std::string folder_;
};

TEST_F(IdentityTest, IsLoadedWhole) {
  const std::string text = Write({.not_before = 1'700'000'000, .not_after = 1'800'000'000});
  const auto loaded = LoadIdentity(folder_);
  ASSERT_TRUE(loaded) << loaded.error().Text();
  EXPECT_EQ(loaded->directory, folder_);
  EXPECT_EQ(loaded->platform_url, "https://127.0.0.1:1");
  EXPECT_EQ(loaded->name, "web-1");
  EXPECT_EQ(loaded->tenant, "acme");
  EXPECT_EQ(loaded->not_before, 1'700'000'000);
  EXPECT_EQ(loaded->not_after, 1'800'000'000);
  EXPECT_TRUE(text.starts_with(AsText(loaded->private_key.Reveal(InsecureReveal::kForTest))));
}

TEST_F(IdentityTest, IsNotTakenFromWhatOthersMayRead) {
  Write();
  for (const mode_t mode : {0640U, 0604U, 0660U, 0601U}) {
    ASSERT_EQ(::chmod(files_().identity.c_str(), mode), 0);
    EXPECT_EQ(Refusal().domain, ErrorDomain::kStore) << mode;
    EXPECT_THAT(Refusal().Text(), HasSubstr("chmod 600"));
  }
  ASSERT_EQ(::chmod(files_().identity.c_str(), 0400), 0);
  EXPECT_TRUE(LoadIdentity(folder_));
}

TEST_F(IdentityTest, WhatIsMissingOrDamagedIsSaid) {
  EXPECT_EQ(Refusal().domain, ErrorDomain::kUsage);
  EXPECT_THAT(Refusal().Text(), HasSubstr("simroot server enrol"));
  const std::string whole = Write();
  const std::string other = Write();
  const std::size_t certificate = whole.find("-----BEGIN CERTIFICATE");
  for (const std::string& text :
       {std::string(), whole.substr(0, certificate), whole.substr(certificate), whole.substr(0, whole.size() - 40),
        whole.substr(0, certificate) + other.substr(other.find("-----BEGIN CERTIFICATE"))}) {
    Put(files_().identity, text);
    EXPECT_EQ(Refusal().domain, ErrorDomain::kStore) << text.size();
    EXPECT_THAT(Refusal().message, HasSubstr("is damaged"));
  }
  Put(files_().identity, whole);
  Put(files_().settings, "{}");
  EXPECT_THAT(Refusal().message, HasSubstr("server.json"));
  std::filesystem::remove(files_().settings);
  EXPECT_EQ(Refusal().domain, ErrorDomain::kStore);
}

TEST_F(IdentityTest, IsRenewedInTheLastThird) {
  Identity identity;
  identity.not_before = 1000;
  identity.not_after = 4000;
  EXPECT_FALSE(NeedsRenewal(identity, 1000));
  EXPECT_FALSE(NeedsRenewal(identity, 2999));
  EXPECT_TRUE(NeedsRenewal(identity, 3000));
  EXPECT_TRUE(NeedsRenewal(identity, 5000));
}

TEST_F(IdentityTest, ADirectoryHasOneIdentity) {
  const std::string before = Write();
  EnrolOptions options;
  options.directory = folder_;
  options.platform_url = "https://127.0.0.1:1";
  options.ca_file = files_().identity;
  options.token = SecretBytes(AsBytes("sri_x"));
  const auto enrolled = Enrol(options);
  ASSERT_FALSE(enrolled);
  EXPECT_EQ(enrolled.error().domain, ErrorDomain::kUsage);
  EXPECT_TRUE(LoadIdentity(folder_));
}

TEST_F(IdentityTest, AFailedEnrolmentLeavesNothing) {
  const auto key = MakeKey();
  Put(folder_ + "/ca.pem", testing::SelfSigned(*key, {}));
  EnrolOptions options;
  options.directory = folder_ + "/new";
  options.platform_url = "https://127.0.0.1:1";  // nobody listens there
  options.ca_file = folder_ + "/ca.pem";
  options.token = SecretBytes(AsBytes("sri_x"));
  auto enrolled = Enrol(options);
  ASSERT_FALSE(enrolled);
  EXPECT_EQ(enrolled.error().domain, ErrorDomain::kTransport);
  EXPECT_FALSE(std::filesystem::exists(options.directory));
  options.platform_url = "http://127.0.0.1";
  EXPECT_EQ(Enrol(options).error().domain, ErrorDomain::kUsage);
  options.platform_url = "https://127.0.0.1:1";
  options.ca_file = folder_ + "/none.pem";
  EXPECT_EQ(Enrol(options).error().domain, ErrorDomain::kUsage);
  EXPECT_FALSE(std::filesystem::exists(options.directory));
}

TEST_F(IdentityTest, ADiskThatIsFullCostsNoCertificate) {
  const std::string text = Write({.not_before = 1'700'000'000, .not_after = 1'800'000'000});
  Put(files_().platform_ca, text.substr(text.find("-----BEGIN CERTIFICATE")), 0644);
  const auto identity = LoadIdentity(folder_);
  ASSERT_TRUE(identity);
  const auto renew = [&] {
    const auto renewed = RenewIdentity(*identity);
    EXPECT_FALSE(renewed);
    return renewed ? Error{} : renewed.error();
  };
  {
    const testing::FullDisk full(0);
    EXPECT_EQ(renew().domain, ErrorDomain::kStore) << "the platform was asked: " << renew().Text();
  }
  EXPECT_EQ(renew().domain, ErrorDomain::kTransport) << "nobody listens there";
  const auto content = ReadWholeFile(files_().identity, 1U << 20U);
  ASSERT_TRUE(content);
  EXPECT_EQ(AsText(*content), text);
  EXPECT_TRUE(LoadIdentity(folder_)) << "nobody else may read it";
}

TEST_F(IdentityTest, IsRenewedByOneProgramAtATime) {
  const std::string text = Write({.not_before = 1'700'000'000, .not_after = 1'800'000'000});
  Put(files_().platform_ca, text.substr(text.find("-----BEGIN CERTIFICATE")), 0644);
  const auto identity = LoadIdentity(folder_);
  ASSERT_TRUE(identity);
  {
    const UniqueFd other(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
    EXPECT_TRUE(RenewIdentity(*identity));
  }
  EXPECT_FALSE(RenewIdentity(*identity));
}

TEST(Answers, EachStatusHasItsDomain) {
  const auto domain = [](int status) {
    const auto checked = CheckAnswer({status, {}, R"({"detail":"the reason"})"});
    EXPECT_FALSE(checked) << status;
    EXPECT_THAT(checked.error().message, HasSubstr("the reason"));
    return checked.error().domain;
  };
  EXPECT_TRUE(CheckAnswer({200, {}, ""}));
  EXPECT_TRUE(CheckAnswer({201, {}, ""}));
  for (const int status : {401, 403}) {
    EXPECT_EQ(domain(status), ErrorDomain::kCrypto) << status;
  }
  for (const int status : {429, 500, 503}) {
    EXPECT_EQ(domain(status), ErrorDomain::kTransport) << status;
  }
  for (const int status : {400, 404, 405, 409, 415, 422}) {
    EXPECT_EQ(domain(status), ErrorDomain::kProtocol) << status;
  }
}

TEST(Answers, ACertificateThatHasEndedIsSaidSo) {
  Identity identity;
  identity.not_after = 1'000'000'000;
  EXPECT_THAT(Explain(identity, {ErrorDomain::kCrypto, "it failed", {}}).Text(), HasSubstr("ended on 2001-09-09"));
  EXPECT_EQ(Explain(identity, {ErrorDomain::kTransport, "it failed", {}}).Text(), "it failed");
  identity.not_after = 4'000'000'000;
  EXPECT_EQ(Explain(identity, {ErrorDomain::kCrypto, "it failed", {}}).Text(), "it failed");
}

}  // namespace
}  // namespace simroot::server
