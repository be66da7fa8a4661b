// SPDX-License-Identifier: Apache-2.0
/// The user PIN from a file: given when it is wanted, once, and never the last try.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "device/client/fake_transport.hpp"
#include "device/client/pin_file.hpp"

namespace simroot::device::client {
namespace {

using testing::CardSetup;
using testing::PrivateKey;
using testing::Script;
using testing::TemporaryDirectory;

constexpr const char* kWork = "814600000684010485010100";  // COMPUTE DH
constexpr const char* kAsk = "81200001";
constexpr const char* kGive = "812000010831323334FFFFFFFF";

class UserPinTest : public ::testing::Test {
 protected:
  void SetUp() override { Write("1234\n"); }
  void TearDown() override {
    EXPECT_TRUE(script_->Done());
    script_->Otherwise([](const std::string&) { return ""; });
  }
  void Write(const std::string& content, mode_t mode = 0600) {
    std::ofstream(file_, std::ios::binary) << content;
    ASSERT_EQ(::chmod(file_.c_str(), mode), 0);
  }
  void OpenCard() {
    script_->ThenOpened();
    CardSetup setup;
    setup.pin_file = file_;
    card_ = testing::MakeCard(script_, setup);
  }
  Result<Bytes> Work() { return card_->ComputeSharedSecret(PrivateKey("04"), testing::PublicKey("01")); }
  Error ErrorOfWork() {
    const auto result = Work();
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }

  TemporaryDirectory folder_;
  std::string file_ = folder_.path() + "/pin";
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_;
  const std::string secret_ = std::string(64, '7');
};

TEST_F(UserPinTest, IsGivenWhenItIsWantedAndTheWorkDone) {
  OpenCard();
  script_->Then(kWork, secret_ + "9000");
  EXPECT_TRUE(Work()) << "not wanted, not given";
  script_->Then(kWork, "6982").Then(kAsk, "63C3").Then(kGive, "9000").Then(kWork, secret_ + "9000");
  EXPECT_EQ(ToHex(Work().value()), secret_);
  script_->Then(kWork, "6982").Then(kAsk, "63C3").Then(kGive, "9000").Then(kWork, secret_ + "9000");
  EXPECT_TRUE(Work()) << "after a reset of the card it is wanted again";
}

TEST_F(UserPinTest, AWrongOneIsNeverGivenTwice) {
  OpenCard();
  script_->Then(kWork, "6982").Then(kAsk, "63C3").Then(kGive, "63C2");
  const Error error = ErrorOfWork();
  EXPECT_EQ(error.domain, ErrorDomain::kCard);
  EXPECT_EQ(error.sw, wire::StatusWord::kSecurityNotSatisfied);
  EXPECT_NE(error.message.find("the PIN in " + file_ + " is wrong, tries left: 2"), std::string::npos) << error.Text();
  EXPECT_EQ(error.Text().find("1234"), std::string::npos);
  script_->Then(kWork, "6982");
  EXPECT_NE(ErrorOfWork().message.find("user PIN has not been given"), std::string::npos);
}

TEST_F(UserPinTest, TheLastTryIsLeftToAPerson) {
  OpenCard();
  script_->Then(kWork, "6982").Then(kAsk, "63C1");
  const Error error = ErrorOfWork();
  EXPECT_NE(error.message.find("one try left"), std::string::npos) << error.Text();
  EXPECT_NE(error.next_step.find("simroot device pin --give"), std::string::npos);
}

TEST_F(UserPinTest, ABlockedOneIsSaidToBe) {
  OpenCard();
  script_->Then(kWork, "6982").Then(kAsk, "6983");
  const Error error = ErrorOfWork();
  EXPECT_EQ(error.sw, wire::StatusWord::kAuthenticationBlocked);
  EXPECT_NE(error.message.find("blocked"), std::string::npos);
}

TEST_F(UserPinTest, IsNotGivenWhereItDoesNotHelp) {
  OpenCard();
  for (const char* const state : {"6A88", "9000"}) {  // no PIN, or given already: the card wants something else
    script_->Then(kWork, "6982").Then(kAsk, state);
    EXPECT_EQ(ErrorOfWork().sw, wire::StatusWord::kSecurityNotSatisfied) << state;
  }
  script_->Then(kWork, "6985");
  EXPECT_EQ(ErrorOfWork().sw, wire::StatusWord::kConditionsNotSatisfied);
}

TEST_F(UserPinTest, WorkThatIsRefusedAllTheSameIsTriedOnceMoreOnly) {
  OpenCard();
  script_->Then(kWork, "6982").Then(kAsk, "63C3").Then(kGive, "9000").Then(kWork, "6982");
  EXPECT_EQ(ErrorOfWork().sw, wire::StatusWord::kSecurityNotSatisfied);
}

TEST_F(UserPinTest, AFileThatCannotBeUsedIsNamedAndNothingSent) {
  OpenCard();
  const auto expect = [&](const std::string& why) {
    script_->Then(kWork, "6982");
    const Error error = ErrorOfWork();
    EXPECT_EQ(error.domain, ErrorDomain::kUsage);
    EXPECT_NE(error.message.find(file_), std::string::npos);
    EXPECT_NE(error.message.find(why), std::string::npos) << error.Text();
    EXPECT_EQ(error.Text().find("1234"), std::string::npos);
  };
  for (const mode_t mode : {0640U, 0604U, 0620U}) {
    Write("1234", mode);
    expect("others than its owner");
  }
  for (const char* const content : {"", "\n", "123456789", "123456789\n", "1234\n5678", "1234\n\n", "12345678\r\n9"}) {
    Write(content);
    expect("one line of 1 to 8 bytes");
  }
  ASSERT_EQ(::unlink(file_.c_str()), 0);
  expect("No such file");
  ASSERT_EQ(::mkdir(file_.c_str(), 0700), 0);
  expect("not a regular file");
}

TEST_F(UserPinTest, TheFileMayEndInAnyUsualWay) {
  UserPin pin;
  for (const char* const content : {"1234", "1234\n", "1234\r\n", "12345678", "12345678\r\n"}) {
    Write(content);
    ASSERT_TRUE(ReadPinFile(file_, pin)) << content;
    EXPECT_EQ(AsText(pin.Reveal(InsecureReveal::kForTest)).substr(0, 4), "1234");
    EXPECT_EQ(pin.size(), std::string_view(content).find_first_of("\r\n") == std::string_view::npos
                              ? std::string_view(content).size()
                              : std::string_view(content).find_first_of("\r\n"));
  }
}

}  // namespace
}  // namespace simroot::device::client
