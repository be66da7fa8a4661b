// SPDX-License-Identifier: Apache-2.0
#include "device/administration/personalisation_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "common/secure/scp03.hpp"

namespace simroot::device {
namespace {

using ::testing::HasSubstr;

TEST(PersonalisationScript, BlocksCommentsAndEmptyLines) {
  const auto blocks = ParsePersonalisationScript("# begin\nE0 03 40 01 01\n\n  e100 # commit\r\nE1:00", "s");
  ASSERT_TRUE(blocks.has_value()) << blocks.error().Text();
  ASSERT_EQ(blocks->size(), 3U);
  EXPECT_EQ(blocks->front().line, 2U);
  EXPECT_EQ(blocks->front().data, Hex("E003400101"));
  EXPECT_EQ(blocks->at(1).line, 4U);
  EXPECT_EQ(blocks->at(2).data, Hex("E100"));
}

TEST(PersonalisationScript, WhatIsWrongIsNamedByItsLineAndNotRepeated) {
  const std::string longest = ToHex(Counting(secure::kMaxPlainCommand));
  EXPECT_TRUE(ParsePersonalisationScript(longest, "s").has_value());
  for (const std::string& bad : {std::string("E1 0"), std::string("xyz"), longest + "00"}) {
    const auto blocks = ParsePersonalisationScript("E100\n" + bad + "\n", "s");
    ASSERT_FALSE(blocks.has_value());
    EXPECT_EQ(blocks.error().domain, ErrorDomain::kUsage);
    EXPECT_THAT(blocks.error().Text(), HasSubstr("line 2 of s"));
    EXPECT_THAT(blocks.error().Text(), ::testing::Not(HasSubstr(bad)));
  }
  for (const std::string& empty : {std::string(), std::string("\n\n"), std::string("# nothing\n")}) {
    EXPECT_FALSE(ParsePersonalisationScript(empty, "s").has_value());
  }
}

}  // namespace
}  // namespace simroot::device
