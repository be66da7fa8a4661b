// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "device/client/card.hpp"

namespace simroot::device {
namespace {

using iotsafe::ObjectClass;

TEST(ObjectName, ReadsIdentifiersAndLabels) {
  for (const std::string_view text : {"01", "id=01"}) {
    const auto name = ParseObjectName(ObjectClass::kPrivateKey, text);
    ASSERT_TRUE(name) << text;
    EXPECT_FALSE(name->by_label);
    EXPECT_EQ(name->name, Bytes{0x01});
    EXPECT_EQ(name->Text(), "private key 01");
  }
  const auto label = ParseObjectName(ObjectClass::kFile, "label=cert");
  ASSERT_TRUE(label);
  EXPECT_TRUE(label->by_label);
  EXPECT_EQ(AsText(label->name), "cert");
  EXPECT_EQ(label->Text(), "file \"cert\"");
}

TEST(ObjectName, TakesTheLongestNamesAndNoLonger) {
  EXPECT_TRUE(ParseObjectName(ObjectClass::kFile, std::string(40, 'a')));
  EXPECT_FALSE(ParseObjectName(ObjectClass::kFile, std::string(42, 'a')));
  EXPECT_TRUE(ParseObjectName(ObjectClass::kFile, "label=" + std::string(60, 'x')));
  EXPECT_FALSE(ParseObjectName(ObjectClass::kFile, "label=" + std::string(61, 'x')));
}

TEST(ObjectName, RefusesEverythingElse) {
  for (const std::string_view text : {"", "1", "0g", "id=", "label=", "01 02", "01:02", "name=x", "LABEL=x"}) {
    const auto name = ParseObjectName(ObjectClass::kPublicKey, text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().domain, ErrorDomain::kUsage);
    EXPECT_FALSE(name.error().next_step.empty());
  }
}

TEST(ObjectName, DoesNotPrintControlCharacters) {
  const ObjectName name{ObjectClass::kFile, true, {0x1B, 0x5B}};
  EXPECT_EQ(name.Text(), "file with label 1B5B");
}

}  // namespace
}  // namespace simroot::device
