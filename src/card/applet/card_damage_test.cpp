// SPDX-License-Identifier: Apache-2.0
// Whole cards over memory that was damaged, or whose power failed.
#include "card/applet/applet_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kId{0x01};

Bytes PairImage() {
  return MakeImage([](ObjectStore& store, crypto::Crypto& crypto) { AddPair(store, crypto, kId, kId, "sig"); });
}

Bytes PointIn(Bytes image) {
  TestCard card(image);
  return ToBytes(card.store().Value(*Find(card.store(), ObjectClass::kPublicKey, kId)));
}

TEST(DamagedCard, EveryCommandAnswers6400) {
  Bytes changed(RamStore::kImageSize, 0x5A);
  TestCard card(changed);
  ASSERT_EQ(card.Send("0070000001"), "019000");
  card.Send("01A4040007A0000005590010");  // selectable or not: no source says
  for (const char* command :
       {"81CB000044", "81CB010000", "81CBC30003830101", "81B0000003830101", "81CD000003850101", "81B9000003840101",
        "8124000203850101", "8146000006840101850101", "812A00010D840101A1010391020001920104",
        "812C00010D850101A1010391020001920104", "8184000008"}) {
    EXPECT_EQ(card.Send(command), "6400") << command;
  }
}

/// The persistent pair of a card whose GENERATE KEY PAIR was cut is one pair and signs: the old one after an error, the
/// new one after success.
TEST(PowerCutCard, GenerateKeyPairLeavesAWholePair) {
  const Bytes base = PairImage();
  const Bytes old_point = PointIn(base);
  bool finished = false;
  for (unsigned cut = 0; !finished; ++cut) {
    SCOPED_TRACE("cut in write " + std::to_string(cut));
    Bytes image = base;
    std::string answer;
    {
      TestCard card(image, {}, cut);
      card.SelectOnChannel1();
      answer = card.SendAll("81B9000003840101");
      finished = card.nvm().has_power();
    }
    TestCard card(image);
    ASSERT_EQ(card.store().state(), StoreState::kIntact);
    const ByteView scalar = card.store().Value(*Find(card.store(), ObjectClass::kPrivateKey, kId));
    const ByteView stored = card.store().Value(*Find(card.store(), ObjectClass::kPublicKey, kId));
    Bytes point(crypto::kP256PointSize);
    ASSERT_TRUE(card.crypto().PublicPoint(crypto::Curve::kP256, scalar, point));
    EXPECT_TRUE(SameBytes(point, stored));
    if (point == old_point) {
      EXPECT_EQ(answer, "6400");
    } else {
      EXPECT_EQ(answer, "840101850101344549438641" + ToHex(point) + "9000");
    }
    EXPECT_TRUE(!finished || point != old_point);
    card.SelectOnChannel1();
    EXPECT_EQ(card.Send("812A00010D840101A1010391020001920104"), "9000");
    EXPECT_TRUE(card.Verifies(point, Bytes(32, 0x11), card.SendAll("812B8001229E20" + ToHex(Bytes(32, 0x11)))));
  }
}

}  // namespace
}  // namespace simroot::card::testing
