// SPDX-License-Identifier: Apache-2.0
#include "device/client/exchange.hpp"

#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using testing::FakeTransport;
using testing::Script;
using wire::StatusWord;

class ExchangeTest : public ::testing::Test {
 protected:
  Result<Reply> Send(const Command& command) {
    FakeTransport transport(script_);
    const auto deadline = Deadline::After(std::chrono::seconds(10));
    const auto lock = transport.Lock(deadline);
    const Channel channel{1, -1};
    Exchange exchange(transport, channel, dialect_, deadline);
    auto reply = exchange.Send(command);
    outcome_unknown_ = exchange.outcome_unknown();
    remote_session_completed_ = exchange.remote_session_completed();
    return reply;
  }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  Dialect dialect_;
  bool outcome_unknown_ = false;
  bool remote_session_completed_ = false;
};

constexpr Command kRandom{.ins = iotsafe::Ins::kGetRandom, .data = {}, .le = 16};

TEST_F(ExchangeTest, SendsProprietaryClassWithChannel) {
  script_->Then("8184000010", "0B0E398CCCB8D3A28053C302E2CF82BC9000");
  const auto reply = Send(kRandom);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->sw, StatusWord::kOk);
  EXPECT_EQ(ToHex(reply->data), "0B0E398CCCB8D3A28053C302E2CF82BC");
  EXPECT_TRUE(script_->Done());
}

TEST_F(ExchangeTest, FetchesWaitingBytesWithInterindustryClass) {
  script_->Then("8184000010", "6103").Then("01C0000003", "0102036102").Then("01C0000002", "04059000");
  const auto reply = Send(kRandom);
  ASSERT_TRUE(reply);
  EXPECT_EQ(ToHex(reply->data), "0102030405");
  EXPECT_EQ(reply->sw, StatusWord::kOk);
}

TEST_F(ExchangeTest, KeepsDataThatComesWith61xx) {
  script_->Then("8184000010", "AABB6101").Then("01C0000001", "CC9000");
  EXPECT_EQ(ToHex(Send(kRandom).value().data), "AABBCC");
}

TEST_F(ExchangeTest, ReportsThe6300AfterGetResponse) {
  script_->Then("8184000010", "6101").Then("01C0000001", "AA6300");
  EXPECT_EQ(Send(kRandom).value().sw, StatusWord::kMoreDataAvailable);
}

TEST_F(ExchangeTest, RepeatsWithTheLengthTheCardWants) {
  script_->Then("8184000010", "6C08").Then("8184000008", "01020304050607089000");
  EXPECT_EQ(Send(kRandom).value().data.size(), 8U);
  script_->Then("8184000010", "6C00").Then("8184000000", "019000");
  EXPECT_EQ(Send(kRandom).value().data.size(), 1U);
}

TEST_F(ExchangeTest, FallsBackToInterindustryClassAndRemembersIt) {
  script_->Then("8184000010", "6E00").Then("0184000010", "AA9000").Then("0184000010", "BB9000");
  EXPECT_EQ(ToHex(Send(kRandom).value().data), "AA");
  EXPECT_EQ(dialect_.command_class, ClassForm::kInterindustry);
  EXPECT_EQ(ToHex(Send(kRandom).value().data), "BB");
  EXPECT_TRUE(script_->Done());
}

TEST_F(ExchangeTest, FallsBackToProprietaryClassToo) {
  dialect_.command_class = ClassForm::kInterindustry;
  script_->Then("0184000010", "6E00").Then("8184000010", "AA9000");
  EXPECT_TRUE(Send(kRandom));
  EXPECT_EQ(dialect_.command_class, ClassForm::kProprietary);
}

TEST_F(ExchangeTest, LearnsNothingFromAForeignApplication) {
  script_->Then("8184000010", "6E00").Then("0184000010", "6D00");
  EXPECT_EQ(Send(kRandom).value().sw, StatusWord::kUnknownClass);
  EXPECT_EQ(dialect_.command_class, ClassForm::kProprietary);
}

TEST_F(ExchangeTest, FallsBackForGetResponse) {
  script_->Then("8184000010", "6101").Then("01C0000001", "6E00").Then("81C0000001", "AA9000");
  EXPECT_EQ(ToHex(Send(kRandom).value().data), "AA");
  EXPECT_EQ(dialect_.get_response_class, ClassForm::kProprietary);
}

TEST_F(ExchangeTest, EndsEndlessGetResponse) {
  script_->Otherwise([](const std::string&) { return "016101"; });
  const auto reply = Send(kRandom);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kProtocol);
  EXPECT_LE(script_->seen().size(), Exchange::kMaxGetResponses + 1);
  EXPECT_TRUE(outcome_unknown_);
}

TEST_F(ExchangeTest, EndsEndlessLengthCorrection) {
  script_->Otherwise([](const std::string&) { return "6C07"; });
  const auto reply = Send(kRandom);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kProtocol);
  EXPECT_EQ(script_->seen().size(), Exchange::kMaxLengthCorrections + 1);
}

TEST_F(ExchangeTest, EndsEndlessLengthCorrectionOfGetResponse) {
  script_->Then("8184000010", "6110").Otherwise([](const std::string&) { return "6C07"; });
  EXPECT_FALSE(Send(kRandom));
  EXPECT_LE(script_->seen().size(), 1 + Exchange::kMaxLengthCorrections + 1);
}

TEST_F(ExchangeTest, RefusesOversizedAnswers) {
  const std::string block(2 * 256, 'A');
  script_->Otherwise([&](const std::string&) { return block + "6100"; });
  const auto reply = Send(kRandom);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().domain, ErrorDomain::kProtocol);
  EXPECT_LE(script_->seen().size(), Exchange::kMaxReplySize / 256 + 1);
}

TEST_F(ExchangeTest, KnowsWhenTheOutcomeIsUnknown) {
  script_->Then("8184000010", "6985");
  EXPECT_TRUE(Send(kRandom));
  EXPECT_FALSE(outcome_unknown_);
  script_->Then("8184000010", "6101").Then("01C0000001", "6985");
  EXPECT_EQ(Send(kRandom).value().sw, StatusWord::kConditionsNotSatisfied);
  EXPECT_TRUE(outcome_unknown_);
  script_->Then("8184000010", "!transport");
  EXPECT_FALSE(Send(kRandom));
  EXPECT_TRUE(outcome_unknown_);
}

TEST_F(ExchangeTest, NoticesCompletedRemoteSessions) {
  script_->Then("8184000010", "AA9000");
  EXPECT_TRUE(Send(kRandom));
  EXPECT_FALSE(remote_session_completed_);
  script_->Then("8184000010", "AA63CF");
  EXPECT_TRUE(IsSuccess(Send(kRandom).value().sw));
  EXPECT_TRUE(remote_session_completed_);
}

TEST(IsSuccess, CountsWhatTheSpecCounts) {
  for (const unsigned sw : {0x9000U, 0x9100U, 0x910BU, 0x63CFU}) {
    EXPECT_TRUE(IsSuccess(static_cast<StatusWord>(sw))) << std::hex << sw;
  }
  for (const unsigned sw : {0x6300U, 0x6D01U, 0x6F00U, 0x9200U, 0x63C0U, 0x9001U}) {
    EXPECT_FALSE(IsSuccess(static_cast<StatusWord>(sw))) << std::hex << sw;
  }
}

}  // namespace
}  // namespace simroot::device::client
