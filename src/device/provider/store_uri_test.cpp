// SPDX-License-Identifier: Apache-2.0
#include "device/provider/store_uri.hpp"

#include <gmock/gmock.h>

namespace simroot::provider {
namespace {

using testing::HasSubstr;

TEST(StoreUri, ReadsAnIdentifier) {
  for (const char* text : {"iotsafe:01", "iotsafe:id=01", "IoTSafe:id=01", "iotsafe:%30%31"}) {
    const auto uri = ParseStoreUri(text);
    ASSERT_TRUE(uri) << text;
    EXPECT_FALSE(uri->by_label);
    EXPECT_EQ(uri->name, Bytes{0x01});
    EXPECT_EQ(uri->type, UriType::kAny);
    EXPECT_EQ(uri->card, "");
  }
}

TEST(StoreUri, ReadsALabelWithPercentSigns) {
  const auto uri = ParseStoreUri("iotsafe:label=my%20key%3B;type=private");
  ASSERT_TRUE(uri);
  EXPECT_TRUE(uri->by_label);
  EXPECT_EQ(AsText(uri->name), "my key;");
  EXPECT_EQ(uri->type, UriType::kPrivateKey);
}

TEST(StoreUri, ReadsTypes) {
  EXPECT_EQ(ParseStoreUri("iotsafe:02;type=cert")->type, UriType::kCertificate);
  EXPECT_EQ(ParseStoreUri("iotsafe:02;type=public")->type, UriType::kPublicKey);
}

TEST(StoreUri, TakesTheCardAsTheTail) {
  const auto uri = ParseStoreUri("iotsafe:id=02;type=cert?card=at:/dev/ttyUSB2?baud=9600&mode=cgla");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->card, "at:/dev/ttyUSB2?baud=9600&mode=cgla");
}

TEST(StoreUri, DecodesPercentInTheCard) {
  EXPECT_EQ(ParseStoreUri("iotsafe:01?card=sim:my%20card")->card, "sim:my card");
}

TEST(StoreUri, RefusesEverythingElse) {
  for (const char* text :
       {"", "iotsafe", "iotsafe:", "file:01", "iotsafe:0", "iotsafe:xyz", "iotsafe:label=", "iotsafe:01;",
        "iotsafe:01;type=", "iotsafe:01;type=crl", "iotsafe:01;type=cert;type=cert", "iotsafe:01?",
        "iotsafe:01?card=", "iotsafe:01?reader=x", "iotsafe:label=a%2", "iotsafe:label=%zz", "iotsafe:label=a%00b",
        "iotsafe:010203040506070809101112131415161718192021"}) {
    const auto uri = ParseStoreUri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().domain, ErrorDomain::kUsage);
    EXPECT_THAT(uri.error().Text(), HasSubstr("use iotsafe:01"));
  }
}

}  // namespace
}  // namespace simroot::provider
