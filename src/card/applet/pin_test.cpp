// SPDX-License-Identifier: Apache-2.0
// The user PIN: what needs a look into the store or a cut of the power. The commands are in
// src/conformance/scripts/pin.apdu.
#include "card/applet/applet_test_support.hpp"
#include "card/applet/user_pin.hpp"

namespace simroot::card::testing {
namespace {

constexpr std::string_view kRight = "8120000108 31323334FFFFFFFF";
constexpr std::string_view kWrong = "8120000108 39393939FFFFFFFF";
constexpr std::string_view kUseKey = "814A010003860106";

void AddPin(ObjectStore& store, std::string_view digits) {
  ObjectInfo pin = Info(ObjectClass::kSecretKey, kUserPinId, {}, 0);
  pin.key_type = KeyType::kUserPin;
  Add(store, pin, AsBytes(digits));
}

void AddSecret(ObjectStore& store) {
  ObjectInfo secret = Info(ObjectClass::kSecretKey, Bytes{0x06}, "psk", 0);
  secret.key_type = KeyType::kHmac;
  secret.functions = 0x08;
  secret.key_derivation = 0x03;
  Add(store, secret, Counting(16));
}

Bytes ImageWithPin(std::string_view digits = "1234") {
  return MakeImage([&](ObjectStore& store, crypto::Crypto&) {
    AddPin(store, digits);
    AddSecret(store);
  });
}

std::string TriesLeft(ByteSpan image) {
  TestCard card(image);
  card.SelectOnChannel1();
  return card.Send("81200001");
}

TEST(UserPin, MayHaveFourToEightDigits) {
  for (const auto& [digits, field] :
       {std::pair("1234", "31323334FFFFFFFF"), {"123456", "313233343536FFFF"}, {"12345678", "3132333435363738"}}) {
    Bytes image = ImageWithPin(digits);
    TestCard card(image);
    card.SelectOnChannel1();
    EXPECT_EQ(card.Send("812000010831323334FFFFFF00"), "63C2");
    EXPECT_EQ(card.Send(std::string("8120000108") + field), "9000") << digits;
    EXPECT_EQ(card.SendAll(kUseKey).size(), 2 * 34U);
  }
}

TEST(UserPin, IsInNoList) {
  Bytes image = ImageWithPin();
  TestCard card(image);
  card.SelectOnChannel1();
  EXPECT_EQ(card.SendAll("81CB010000"),
            "C417760370736B86010660010"
            "04A01014B01A06101089401039000");
  EXPECT_EQ(card.Send("81CBC4000586 03 50494E"), "6A80");
  EXPECT_EQ(card.Send("81CBC400027600"), "6A80") << "an empty label";
}

TEST(UserPin, EveryPowerCutDuringAWrongTryCostsATryOrNeverLookedAtThePin) {
  // Without a cut: how many writes one wrong VERIFY takes.
  Bytes image = ImageWithPin();
  unsigned writes = 0;
  {
    Bytes copy = image;
    TestCard card(copy);
    card.SelectOnChannel1();
    ASSERT_EQ(card.Send(kWrong), "63C2");
    writes = card.nvm().writes();
  }
  ASSERT_GT(writes, 0U);
  for (unsigned cut = 0; cut < writes; ++cut) {
    Bytes copy = image;
    std::string answer;
    {
      TestCard card(copy, {}, cut);
      card.SelectOnChannel1();
      answer = card.Send(kWrong);
    }
    const std::string left = TriesLeft(copy);
    // Only 63CX says anything of the PIN, and then the try is counted for good.
    EXPECT_TRUE(answer == "6400" || answer == "63C2") << cut << " " << answer;
    EXPECT_TRUE(left == "63C2" || (left == "63C3" && answer == "6400")) << cut << " " << left;
  }
}

TEST(UserPin, APowerCutAfterTheComparisonKeepsTheTryUsed) {
  // The right PIN: the first writes count the try, the last ones take it back. Whoever sees from outside (power,
  // time) that a guess was right or wrong and cuts the power before the answer has used up a try.
  Bytes image = ImageWithPin();
  unsigned counted = 0;
  unsigned all = 0;
  {
    Bytes wrong = image;
    TestCard card(wrong);
    card.SelectOnChannel1();
    ASSERT_EQ(card.Send(kWrong), "63C2");
    counted = card.nvm().writes();
  }
  {
    Bytes right = image;
    TestCard card(right);
    card.SelectOnChannel1();
    ASSERT_EQ(card.Send(kRight), "9000");
    all = card.nvm().writes();
  }
  ASSERT_GT(all, counted);
  {
    Bytes copy = image;
    TestCard card(copy, {}, counted);  // the first write after the comparison fails
    card.SelectOnChannel1();
    EXPECT_EQ(card.Send(kRight), "6400");
    EXPECT_EQ(TriesLeft(copy), "63C2");
  }
  for (unsigned cut = 0; cut < all; ++cut) {
    Bytes copy = image;
    TestCard card(copy, {}, cut);
    card.SelectOnChannel1();
    const bool verified = card.Send(kRight) == "9000";
    const std::string use = card.SendAll(kUseKey);
    EXPECT_EQ(use.size() == 2 * 34U, verified) << cut << " " << use;
    EXPECT_TRUE(verified || TriesLeft(copy) == "63C2" || TriesLeft(copy) == "63C3") << cut;
    EXPECT_TRUE(verified || cut < counted || TriesLeft(copy) == "63C2") << cut;
  }
}

TEST(UserPin, GuessingWithPowerCutsEndsAfterThreeTries) {
  Bytes image = ImageWithPin();
  unsigned compared = 0;
  for (int guess = 0; guess < 10; ++guess) {
    TestCard card(image);
    card.SelectOnChannel1();
    const std::string answer = card.Send(kWrong);  // the power is cut after each: the card is made anew
    compared += answer.substr(0, 3) == "63C" ? 1 : 0;
  }
  EXPECT_EQ(compared, kMaxPinFailures);
  EXPECT_EQ(TriesLeft(image), "6983");
}

TEST(UserPin, AnotherPinIsNotVerified) {
  Bytes image = ImageWithPin();
  TestCard card(image);
  card.SelectOnChannel1();
  ASSERT_EQ(card.Send(kRight), "9000");
  ASSERT_EQ(card.SendAll(kUseKey).size(), 2 * 34U);
  const StoredObject* const pin = Find(card.store(), ObjectClass::kSecretKey, kUserPinId);
  ASSERT_TRUE(card.store().Stage(*pin, AsBytes("4321")) && card.store().Commit());
  EXPECT_EQ(card.Send(kUseKey), "6982");
  EXPECT_EQ(card.Send(kRight), "63C2");
  EXPECT_EQ(card.Send("812000010834333231FFFFFFFF"), "9000");
}

TEST(UserPin, AnObjectOfThatNameAndAnotherTypeIsNone) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto&) {
    AddSecret(store);
    ObjectInfo other = Info(ObjectClass::kSecretKey, kUserPinId, "x", 0);
    other.key_type = KeyType::kHmac;
    Add(store, other, AsBytes("1234"));
  });
  TestCard card(image);
  card.SelectOnChannel1();
  EXPECT_EQ(card.Send("81200001"), "6A88");
  EXPECT_EQ(card.SendAll(kUseKey).size(), 2 * 34U);
  EXPECT_EQ(card.SendAll("81CBC4000586 03 50494E").substr(0, 2), "C4");
}

TEST(UserPin, AnEmptyOneIsNone) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto&) {
    AddPin(store, {});
    AddSecret(store);
  });
  TestCard card(image);
  card.SelectOnChannel1();
  EXPECT_EQ(card.Send("81200001"), "6A88");
  EXPECT_EQ(card.SendAll(kUseKey).size(), 2 * 34U);
}

}  // namespace
}  // namespace simroot::card::testing
