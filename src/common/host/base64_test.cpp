// SPDX-License-Identifier: Apache-2.0
#include "common/host/base64.hpp"

#include <gtest/gtest.h>

namespace simroot {
namespace {

TEST(Base64, GoesBothWays) {
  // RFC 4648 10.
  const std::vector<std::pair<std::string, std::string>> pairs{{"", ""},
                                                               {"f", "Zg=="},
                                                               {"fo", "Zm8="},
                                                               {"foo", "Zm9v"},
                                                               {"foob", "Zm9vYg=="},
                                                               {"fooba", "Zm9vYmE="},
                                                               {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : pairs) {
    EXPECT_EQ(ToBase64(AsBytes(plain)), coded);
    ASSERT_TRUE(FromBase64(coded)) << coded;
    EXPECT_EQ(AsText(*FromBase64(coded)), plain);
  }
  for (const std::string wrong : {"Z", "Zg", "Zg=", "Zg=x", "Z===", "====", "Zm9v!", "Zg==Zg=="}) {
    EXPECT_FALSE(FromBase64(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace simroot
