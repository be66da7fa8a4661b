// SPDX-License-Identifier: Apache-2.0
// Keys, secrets and the user PIN by the management session.
#include "card/applet/administration_test_support.hpp"

namespace simroot::card::testing {
namespace {

TEST_F(AdministrationTest, APrivateKeyIsLoadedWithItsPublicHalf) {
  const Pair other = NewPair(card_->crypto());
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put(Element(0xE6, "840101" + card_->Enciphered(other.scalar))),
            Element(0xE6, "840101850101344549438641" + ToHex(other.point)) + "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  ExpectSignatureOf(other.point);
  EXPECT_EQ(card_->SendAll("81CD000003850101"), "344549438641" + ToHex(other.point) + "9000");
  EXPECT_EQ(Find(card_->store(), ObjectClass::kPrivateKey, Bytes{0x01})->origin, iotsafe::KeyOrigin::kLoaded);
  EXPECT_FALSE(Contains(image_, ByteView(pair_.scalar).first(16)));
}

TEST_F(AdministrationTest, APrivateKeyThatIsNoneIsRefused) {
  const Content before = ContentOf(card_->store());
  const Bytes scalar = NewPair(card_->crypto()).scalar;
  const std::string good = card_->Enciphered(scalar);
  const std::vector<std::pair<std::string, const char*>> loads{
      {card_->Enciphered(Bytes(32)), "6A80"},                               // zero
      {card_->Enciphered(Bytes(32, 0xFF)), "6A80"},                         // above the order
      {card_->Enciphered(ByteView(scalar).first(31)), "6A80"},              // short
      {card_->Enciphered(Join(scalar, Bytes(1))), "6A80"},                  // long
      {good.substr(8), "6A80"},                                             // no size
      {Element(0x44, Word(32)), "6A80"},                                    // no key
      {Element(0x44, Word(32)) + Element(0x47, ToHex(Bytes(31))), "6A80"},  // no whole blocks
      {Element(0x44, Word(32)) + Element(0x43, ToHex(scalar)), "6A80"},     // in clear
      {good + Element(0x45, "000000"), "6A80"},                             // has no check value
  };
  for (const auto& [load, answer] : loads) {
    SCOPED_TRACE(load);
    ASSERT_TRUE(IsOk(card_->Begin()));
    EXPECT_EQ(card_->Put(Element(0xE6, "840101" + load)), answer);
    ExpectNothingHappened(before);
  }
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put(Element(0xE6, "840104" + good)), "6985");  // a volatile container
  ASSERT_TRUE(IsOk(card_->Begin()));
  card_->ForgetDataKey();
  EXPECT_EQ(card_->Put(Element(0xE6, "840101" + good)), "6985");
}

TEST_F(AdministrationTest, APublicKeyIsLoadedInPieces) {
  const Pair other = NewPair(card_->crypto());
  const Bytes data = Join(Hex("344549438641"), other.point);
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(Element(0xE6,
                               "850101"
                               "44020047" +
                                   Element(0x43, ToHex(ByteView(data).first(40)))) +
                       Element(0xE6,
                               "850101"
                               "42020028" +
                                   Element(0x43, ToHex(ByteView(data).subspan(40))))),
            "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->SendAll("81CD000003850101"), ToHex(data) + "9000");
  Bytes wrong = data;
  wrong.back() = LowByte(wrong.back() ^ 1U);
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put(Element(0xE6, "850101" + Element(0x43, ToHex(wrong)))), "6A80");
  EXPECT_EQ(card_->SendAll("81CD000003850101"), ToHex(data) + "9000");
}

TEST_F(AdministrationTest, SecretsAreLoadedWithTheirCheckValue) {
  const Bytes psk = Counting(20);
  const Bytes aes = Counting(32);
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(Element(0xE7, "860106" + card_->Enciphered(psk) + card_->CheckValue(psk, false)) +
                       CreateSecret("07", "B1") + CreateSecret("08", "B0")),
            "9000");
  ASSERT_EQ(card_->Put(Element(0xE7, "860107" + card_->Enciphered(aes) + card_->CheckValue(aes, true)) +
                       Element(0xE7, "860108" + card_->Enciphered(ByteView(aes).first(16)) +
                                         card_->CheckValue(ByteView(aes).first(16), true))),
            "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  const auto value = [&](std::uint8_t id) {
    return ToBytes(card_->store().Value(*Find(card_->store(), ObjectClass::kSecretKey, Bytes{id})));
  };
  EXPECT_EQ(value(0x06), psk);
  EXPECT_EQ(value(0x07), aes);
  EXPECT_EQ(value(0x08), Counting(16));
}

TEST_F(AdministrationTest, SecretsThatDoNotFitAreRefused) {
  const Content before = ContentOf(card_->store());
  const Bytes psk = Counting(20);
  const std::string good = card_->Enciphered(psk);
  const std::string check = card_->CheckValue(psk, false);
  std::string flipped = good;
  flipped[20] = flipped[20] == '0' ? '1' : '0';
  const std::vector<std::string> loads{
      good,                                              // no check value
      check,                                             // no secret
      good.substr(8) + check,                            // no size
      flipped + check,                                   // one bit of the cryptogram
      good + "4503000000",                               // another check value
      Element(0x44, Word(21)) + good.substr(8) + check,  // another size
      Element(0x44, Word(19)) + good.substr(8) + card_->CheckValue(ByteView(psk).first(19), false),  // padding not zero
      Element(0x44, Word(4)) + good.substr(8) + card_->CheckValue(ByteView(psk).first(4), false),    // a block too many
      Element(0x44, Word(0)) + good.substr(8) + check,
      good + check + "42020000",  // no pieces
  };
  for (const std::string& load : loads) {
    SCOPED_TRACE(load);
    ASSERT_TRUE(IsOk(card_->Begin()));
    EXPECT_EQ(card_->Put(Element(0xE7, "860106" + load)), "6A80");
    ExpectNothingHappened(before);
  }
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put(CreateSecret("07", "B1") + Element(0xE7, "860107" + good + check)), "6A80");  // no AES key
}

TEST_F(AdministrationTest, ThePinIsSetUnblockedAndRemoved) {
  const std::string init = "812A00010D840101A1010391020001920104";
  const auto set = [&](std::string_view pin) {
    return Element(0xEF, card_->Enciphered(AsBytes(pin)) + card_->CheckValue(AsBytes(pin), false));
  };
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put(set("1234")), "9000");
  EXPECT_EQ(card_->Send(init), "9000") << "in force before the commit";
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send(init), "6982");
  for (const char* answer : {"63C2", "63C1", "63C0", "6983"}) {
    EXPECT_EQ(card_->Send("81200001083939393939393939"), answer);
  }
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("F000"), "9000");
  EXPECT_EQ(card_->Send("812000010831323334FFFFFFFF"), "6983") << "unblocked before the commit";
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send("812000010831323334FFFFFFFF"), "9000");
  EXPECT_EQ(card_->Send(init), "9000");
  // Nobody sees it, and it is no secret key like others.
  EXPECT_EQ(card_->SendAll("81CB010000").find("50494E"), std::string::npos);
  EXPECT_EQ(card_->Send("81CBC400058603"
                        "50494E"),
            "6A80");
  ASSERT_TRUE(IsOk(card_->Begin()));
  EXPECT_EQ(card_->Put("EC00", 4000).find("50494E"), std::string::npos);
  EXPECT_EQ(card_->Put("EA058603"
                       "50494E"),
            "6985");
  ASSERT_TRUE(IsOk(card_->Begin()));
  ASSERT_EQ(card_->Put("E9058603"
                       "50494E"),
            "9000");
  ASSERT_TRUE(IsOk(card_->Commit()));
  EXPECT_EQ(card_->Send("8120000100"), "6A88");
  for (const char* pin : {"123", "123456789"}) {
    ASSERT_TRUE(IsOk(card_->Begin()));
    EXPECT_EQ(card_->Put(set(pin)), "6A80") << pin;
  }
}

}  // namespace
}  // namespace simroot::card::testing
