// SPDX-License-Identifier: Apache-2.0
// The small parts: JSON, base64, PEM, times, paths, buckets.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "platform/api/describe.hpp"
#include "platform/api/path_match.hpp"
#include "platform/api/rate_limit.hpp"

namespace simroot::platform {
namespace {

TEST(Json, KeepsWhatItReads) {
  const std::string text = R"({"a":[1,-2,true,null,"x\u00e9\n"],"b":{"c":{}},"d":18446744073709551615})";
  const auto value = ParseJson(text);
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, json::parse(text));
}

TEST(Json, RefusesAMemberThatComesTwice) {
  EXPECT_FALSE(ParseJson(R"({"a":1,"a":1})"));
  EXPECT_FALSE(ParseJson(R"({"a":1,"\u0061":2})"));
  EXPECT_FALSE(ParseJson(R"({"x":{"a":1,"b":2,"a":3}})"));
  EXPECT_TRUE(ParseJson(R"({"a":{"a":{"a":1}},"b":{"a":1}})"));
  const std::string key(5'000, 'k');
  EXPECT_TRUE(ParseJson("{\"" + key + "\":1,\"" + key + "k\":2}"));
  EXPECT_FALSE(ParseJson("{\"" + key + "\":1,\"" + key + "\":2}"));
}

TEST(Json, RefusesWhatIsNotOneValue) {
  for (const std::string text :
       {"", " ", "{", "{}x", "{}{}", "[1,]", "nul", "'a'", "01", "\"\xC3\"", "[[[[[[[[[]]]]]]]]]"}) {
    EXPECT_FALSE(ParseJson(text)) << text;
  }
  for (const std::string number : {"1.5", "1e3", "-0.0", "18446744073709551616", "1E-400"}) {
    EXPECT_FALSE(ParseJson(number)) << number;
  }
  EXPECT_TRUE(ParseJson("[[[[[[[[]]]]]]]]"));
  EXPECT_TRUE(ParseJson(" {} \n"));
}

TEST(Pem, GoesBothWays) {
  const Bytes der(100, 0x42);
  const std::string pem = ToPem("THING", der);
  EXPECT_EQ(FromPem("THING", pem), der);
  EXPECT_FALSE(FromPem("OTHER", pem));
  EXPECT_FALSE(FromPem("THING", pem + "more"));
  EXPECT_FALSE(FromPem("THING", "more" + pem));
  EXPECT_FALSE(FromPem("THING", pem.substr(0, pem.size() - 5)));
}

TEST(Time, IsRfc3339) {
  EXPECT_EQ(TimeToJson(1'700'000'000), json::value("2023-11-14T22:13:20Z"));
  EXPECT_TRUE(TimeToJson(0).is_null());
}

TEST(EndOfCertificate, ReadsBothFormsAndNothingElse) {
  // Certificate { tbs { serial, algorithm, issuer, validity { UTCTime, UTCTime or GeneralizedTime } } }
  const Bytes utc =
      FromHex("3029302702010130003000301E170D3233313131343232313332305A170D3234313131343232313332305A").value();
  EXPECT_EQ(EndOfCertificate(utc), 1731622400);
  const Bytes general =
      FromHex("3030302EA003020102020101300030003020170D3233313131343232313332305A180F32313233313131343232313332305A")
          .value();
  EXPECT_EQ(EndOfCertificate(general), 4855673600);
  for (std::size_t size = 0; size < utc.size(); ++size) {
    EXPECT_EQ(EndOfCertificate(ByteView(utc).first(size)), 0) << size;
  }
}

TEST(MatchPath, TakesWhatTheBracesStandFor) {
  EXPECT_EQ(MatchPath("/a/{x}/c/{y}", "/a/1/c/2"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(MatchPath("/a", "/a"), std::vector<std::string>());
  for (const std::string path :
       {"", "/", "/a/", "/a//c/2", "/a/1/c", "/a/1/c/2/", "/a/1/c/2/3", "/A/1/c/2", "a/1/c/2"}) {
    EXPECT_FALSE(MatchPath("/a/{x}/c/{y}", path)) << path;
  }
  EXPECT_TRUE(MatchPath("/{x}", "/" + std::string(200, 'x')));
  EXPECT_FALSE(MatchPath("/{x}", "/" + std::string(201, 'x')));
  EXPECT_FALSE(MatchPath("/{x}", "/a\nb"));
}

TEST(ParseNumber, IsStrict) {
  EXPECT_EQ(ParseNumber("0"), 0);
  EXPECT_EQ(ParseNumber("9223372036854775807"), INT64_MAX);
  for (const std::string text : {"", "-1", "+1", "01", " 1", "1 ", "0x1", "9223372036854775808"}) {
    EXPECT_FALSE(ParseNumber(text)) << text;
  }
}

TEST(RateLimiter, FillsWithTimeUpToItsBurst) {
  RateLimiter limiter({2, 1});
  const RateLimiter::Time begin{};
  EXPECT_TRUE(limiter.Take("a", begin));
  EXPECT_TRUE(limiter.Take("a", begin));
  EXPECT_FALSE(limiter.Take("a", begin));
  EXPECT_TRUE(limiter.Take("b", begin));
  EXPECT_TRUE(limiter.Take("a", begin + std::chrono::seconds(1)));
  EXPECT_FALSE(limiter.Take("a", begin + std::chrono::seconds(1)));
  const auto later = begin + std::chrono::hours(1);
  EXPECT_TRUE(limiter.Take("a", later));
  EXPECT_TRUE(limiter.Take("a", later));
  EXPECT_FALSE(limiter.Take("a", later));
  EXPECT_EQ(limiter.RetryAfter(), 1U);
}

TEST(RateLimiter, StaysSmallAndKeepsTheEmptyBuckets) {
  RateLimiter limiter({1, 0});
  const RateLimiter::Time now{};
  for (int i = 0; i < 25'000; ++i) {
    EXPECT_TRUE(limiter.Take(std::to_string(i), now));
  }
  EXPECT_FALSE(limiter.Take("24999", now));
}

}  // namespace
}  // namespace simroot::platform
