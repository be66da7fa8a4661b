// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "common/iotsafe/describe.hpp"

namespace simroot::iotsafe {
namespace {

std::string Words(const std::string& hex) {
  std::array<char, 2000> memory{};
  TextWriter out(memory);
  DescribePersonalisation(Hex(hex), out);
  return std::string(out.text());
}

TEST(DescribePersonalisation, NamesCommandsAndElements) {
  EXPECT_EQ(Words("E003400101 E100"), "BEGIN: version 1; COMMIT");
  EXPECT_EQ(Words("E80B 830103 42020004 4302 0405"), "WRITE FILE: file identifier 03, offset 4, content 0405");
}

TEST(DescribePersonalisation, ShowsTemplates) {
  const std::string words = Words("E30E C309 830101 600103 210102 46010C");
  EXPECT_NE(words.find("CREATE: file information {"), std::string::npos) << words;
  EXPECT_NE(words.find("issuer's public key 0C"), std::string::npos) << words;
}

TEST(DescribePersonalisation, NeverShowsKeys) {
  const std::string words = Words("E71E 860106 44020010 4710 3D0FA4B855D2A5AA4954B8B5DF582A3A 4503BE45CB");
  EXPECT_NE(words.find("enciphered key 16 bytes"), std::string::npos) << words;
  EXPECT_EQ(words.find("3D0F"), std::string::npos) << words;
}

TEST(DescribePersonalisation, KnowsABlockWhenItSeesOne) {
  EXPECT_TRUE(IsPersonalisation(Hex("E003400101E100")));
  for (const char* other : {"", "E0", "E00340", "E003400101E1", "E003400101DF00", "C303830101", "00A40400"}) {
    EXPECT_FALSE(IsPersonalisation(Hex(other))) << other;
  }
}

TEST(DescribePersonalisation, IsPartOfStoreData) {
  std::array<char, 2000> memory{};
  TextWriter plain(memory);
  DescribeCommand(Hex("80E2800005E003400101"), Secrets::kShow, plain);
  EXPECT_NE(plain.text().find("BEGIN: version 1"), std::string_view::npos) << plain.text();
  std::array<char, 2000> hidden_memory{};
  TextWriter hidden(hidden_memory);
  DescribeCommand(Hex("80E2800005E003400101"), Secrets::kHide, hidden);
  EXPECT_EQ(hidden.text().find("BEGIN"), std::string_view::npos) << hidden.text();
}

}  // namespace
}  // namespace simroot::iotsafe
