// SPDX-License-Identifier: Apache-2.0
#include "device/relay/relay_messages.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::device {
namespace {

constexpr std::string_view kBatch =
    R"({"session":"00112233445566778899AABBCCDDEEFF","step":1,"security_domain":"A000000151000000",)"
    R"("commands":["8050000008000102030405060700"],"done":false})";

TEST(RelayMessages, HelloAndAnswersAsInTheDocument) {
  const CardIntroduction card{"89882019000000000019", Hex("A0000005590010"), Hex("1001"), {Hex("C100"), Hex("C3")}};
  EXPECT_EQ(EncodeHello(card, std::nullopt),
            R"({"iccid":"89882019000000000019","aid":"A0000005590010","application":"1001","objects":["C100","C3"]})");
  EXPECT_EQ(EncodeHello({"89882019000000000019", {}, {}, {}},
                        CardOpening{Hex("A000000151000000"), Hex("0102030405060708"), Hex("00009000")}),
            R"({"iccid":"89882019000000000019","aid":"","application":"","objects":[],"opening":)"
            R"({"security_domain":"A000000151000000","challenge":"0102030405060708","answer":"00009000"}})");
  EXPECT_EQ(EncodeAnswers(2, {Hex("9000"), Hex("01026A80")}), R"({"step":2,"answers":["9000","01026A80"]})");
}

TEST(RelayMessages, ABatchIsRead) {
  const auto reply = DecodeReply(kBatch);
  ASSERT_TRUE(reply.has_value()) << reply.error().Text();
  EXPECT_EQ(reply->session, "00112233445566778899AABBCCDDEEFF");
  EXPECT_EQ(reply->step, 1U);
  EXPECT_EQ(reply->security_domain, Hex("A000000151000000"));
  ASSERT_EQ(reply->commands.size(), 1U);
  EXPECT_EQ(reply->commands.front(), Hex("8050000008000102030405060700"));
  EXPECT_FALSE(reply->done);
}

TEST(RelayMessages, AnEndIsRead) {
  const auto reply = DecodeReply(
      R"({"session":"00","done":true,"provisioned":true,"retry_after":7,"message":"all\u001b well","key_label":"tls"})");
  ASSERT_TRUE(reply.has_value()) << reply.error().Text();
  EXPECT_TRUE(reply->done);
  EXPECT_TRUE(reply->provisioned);
  EXPECT_EQ(reply->retry_after_s, 7U);
  EXPECT_EQ(reply->message, "all  well");  // no escape sequences for the terminal
  EXPECT_EQ(reply->key_label, "tls");
}

TEST(RelayMessages, WhatIsNoReplyIsRefused) {
  for (const char* const body : {"", "null", "[]", "{}", "{\"done\":false}",
                                 R"({"session":"../x","step":1,"commands":["8050000000"],"done":false})",
                                 R"({"session":"00","step":-1,"commands":["8050000000"],"done":false})",
                                 R"({"session":"00","step":1,"commands":[],"done":false})",
                                 R"({"session":"00","step":1,"commands":["80"],"done":false})",
                                 R"({"session":"00","step":1,"commands":["8G50000000"],"done":false})",
                                 R"({"session":"00","step":1,"commands":[5],"done":false})",
                                 R"({"session":"00","step":1,"commands":"8050000000","done":false})",
                                 R"({"session":"00","step":1.5,"commands":["8050000000"],"done":false})"}) {
    const auto reply = DecodeReply(body);
    ASSERT_FALSE(reply.has_value()) << body;
    EXPECT_EQ(reply.error().domain, ErrorDomain::kProtocol);
  }
}

TEST(RelayMessages, NoPrefixOfABatchIsOne) {
  for (std::size_t size = 0; size < kBatch.size(); ++size) {
    EXPECT_FALSE(DecodeReply(kBatch.substr(0, size)).has_value()) << size;
  }
}

TEST(RelayMessages, TheSentenceOfAProblem) {
  EXPECT_EQ(ProblemSentence(R"({"title":"Forbidden","detail":"the card did not prove itself"})"),
            "the card did not prove itself");
  EXPECT_EQ(ProblemSentence(R"({"title":"Forbidden"})"), "Forbidden");
  EXPECT_EQ(ProblemSentence("<html>"), "");
  EXPECT_EQ(ProblemSentence(R"({"detail":")" + std::string(5000, 'x') + "\"}").size(), 300U);
}

}  // namespace
}  // namespace simroot::device
