// SPDX-License-Identifier: Apache-2.0
#include "device/pkcs11/settings.hpp"

#include <gtest/gtest.h>

namespace simroot::pkcs11 {
namespace {

TEST(Pkcs11Settings, ReadsEverySetting) {
  const auto settings = ParseSettings(
      "# the SIMs of this machine\r\n\n card = at:/dev/ttyUSB2?baud=9600 # the modem\ncard=pcsc:\ncache = /var/x\n"
      "timeout= 600",
      "test");
  ASSERT_TRUE(settings) << settings.error().Text();
  ASSERT_EQ(settings->cards.size(), 2U);
  EXPECT_EQ(settings->cards.front().path, "/dev/ttyUSB2");
  EXPECT_EQ(settings->cards.front().baud, 9600U);
  EXPECT_EQ(settings->cards.back().scheme, "pcsc");
  EXPECT_EQ(settings->cache_directory, "/var/x");
  EXPECT_TRUE(settings->use_cache);
  EXPECT_EQ(settings->timeout.count(), 600);
}

TEST(Pkcs11Settings, NothingGivenIsNoCardAndTheDefaults) {
  const auto settings = ParseSettings("", "test");
  ASSERT_TRUE(settings);
  EXPECT_TRUE(settings->cards.empty());
  EXPECT_TRUE(settings->use_cache);
  EXPECT_EQ(settings->timeout.count(), 10);
}

TEST(Pkcs11Settings, TheCacheCanBeSwitchedOff) {
  const auto settings = ParseSettings("cache = off\n", "test");
  ASSERT_TRUE(settings);
  EXPECT_FALSE(settings->use_cache);
  EXPECT_TRUE(settings->cache_directory.empty());
}

TEST(Pkcs11Settings, NamesFileAndLineOfAMistake) {
  for (const std::string_view line : {"card", "= x", "card = ", "card = usb:1", "Card = pcsc:", "timeout = 0",
                                      "timeout = 601", "timeout = -1", "timeout = 1 s", "timeout =", "x = y"}) {
    const auto settings = ParseSettings("\n" + std::string(line) + "\n", "a.conf");
    ASSERT_FALSE(settings) << line;
    EXPECT_EQ(settings.error().domain, ErrorDomain::kUsage);
    EXPECT_EQ(settings.error().message.find("a.conf, line 2: "), 0U) << settings.error().message;
  }
}

TEST(Pkcs11Settings, SeveralCardsInOneVariable) {
  const auto cards = ParseCards(" sim:/a b.card;; pcsc:Reader 1 ;at:/dev/ttyUSB2 ");
  ASSERT_TRUE(cards);
  ASSERT_EQ(cards->size(), 3U);
  EXPECT_EQ((*cards)[0].path, "/a b.card");
  EXPECT_EQ((*cards)[1].path, "Reader 1");
  EXPECT_EQ((*cards)[2].path, "/dev/ttyUSB2");
  EXPECT_TRUE(ParseCards(" ; ")->empty());
  EXPECT_FALSE(ParseCards("sim:/a;nonsense"));
}

}  // namespace
}  // namespace simroot::pkcs11
