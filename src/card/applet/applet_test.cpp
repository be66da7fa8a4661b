// SPDX-License-Identifier: Apache-2.0
// What needs a look into the store beside the APDUs; the rest of the applet's behaviour is in tests/conformance.
#include "card/applet/applet_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kId{0x01};
constexpr std::string_view kSignInit = "812A00010D840101A1010391020001920104";

std::string HashCommand(std::string_view ins_and_session) {
  return "81" + std::string(ins_and_session) + "229E20" + ToHex(Bytes(32, 0x11));
}

/// One persistent pair 01 with update access, one volatile public key 05.
class AppletTest : public ::testing::Test {
 protected:
  AppletTest()
      : image_(MakeImage([this](ObjectStore& store, crypto::Crypto& crypto) {
          pair_ = AddPair(store, crypto, kId, kId, "sig");
          AddVolatile(store, {}, Bytes{0x05});
        })),
        card_(image_) {}
  void SetUp() override { card_.SelectOnChannel1(); }

  Pair pair_;
  Bytes image_;
  TestCard card_;
};

TEST_F(AppletTest, SignsWithTheStoredKey) {
  ASSERT_EQ(card_.Send(kSignInit), "9000");
  EXPECT_TRUE(card_.Verifies(pair_.point, Bytes(32, 0x11), card_.SendAll(HashCommand("2B8001"))));
}

TEST_F(AppletTest, GeneratesAPersistentPairThatLasts) {
  const std::string answer = card_.SendAll("81B9000003840101");
  ASSERT_EQ(answer.size(), 2 * (3 + 3 + 71 + 2U));
  const Bytes point = Hex(answer.substr(2 * 12, 2 * 65));
  EXPECT_NE(point, pair_.point);
  ASSERT_EQ(card_.Send(kSignInit), "9000");
  EXPECT_TRUE(card_.Verifies(point, Bytes(32, 0x11), card_.SendAll(HashCommand("2B8001"))));
  TestCard again(image_);
  again.SelectOnChannel1();
  EXPECT_EQ(again.SendAll("81CD000003850101"), "344549438641" + ToHex(point) + "9000");
  ASSERT_EQ(again.Send(kSignInit), "9000");
  EXPECT_TRUE(again.Verifies(point, Bytes(32, 0x11), again.SendAll(HashCommand("2B8001"))));
}

TEST_F(AppletTest, AKeyGeneratedAfterInitEndsTheSession) {
  ASSERT_EQ(card_.Send(kSignInit), "9000");
  ASSERT_EQ(card_.SendAll("81B9000003840101").substr(0, 6), "840101");
  EXPECT_EQ(card_.Send(HashCommand("2B8001")), "6989");
  EXPECT_EQ(card_.Send(kSignInit), "9000");
}

TEST_F(AppletTest, ShowsTheChangeCounterInTag11) {
  const auto identifier = [&] {
    const Bytes answer = Hex(card_.SendAll("81CB000044"));
    const auto info = iotsafe::ParseApplicationInfo(ByteView(answer).first(answer.size() - 2));
    return iotsafe::ParseIdentifier(info->proprietary_identifier.view())->change_counter;
  };
  const std::uint32_t before = identifier();
  EXPECT_EQ(before, card_.store().change_counter());
  ASSERT_EQ(card_.Send(kSignInit), "9000");
  EXPECT_EQ(identifier(), before);
  ASSERT_EQ(card_.SendAll("81B9000003840101").substr(0, 6), "840101");
  EXPECT_EQ(identifier(), before + 1);
}

TEST(Applet, AnswersWhatTheMemoryDoes) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto& crypto) { AddPair(store, crypto, kId, kId); });
  TestCard card(image, {}, 0);
  card.SelectOnChannel1();
  const std::string before = card.SendAll("81CD000003850101");
  EXPECT_EQ(card.Send("81B9000003840101"), "6400");
  EXPECT_EQ(card.SendAll("81CD000003850101"), before);
  EXPECT_EQ(card.Send(kSignInit), "9000");  // the old key goes on
  const Bytes point = Hex(before.substr(12, 130));
  EXPECT_TRUE(card.Verifies(point, Bytes(32, 0x11), card.SendAll(HashCommand("2B8001"))));
}

TEST(Applet, ListsEveryObjectOnce) {
  std::vector<ObjectInfo> expected;
  Bytes image = MakeImage<LargeRamStore>([&](ObjectStore& store, crypto::Crypto&) {
    for (std::uint8_t i = 1; i <= 10; ++i) {
      const std::string label = "object with a long label, number " + std::to_string(i);
      Add(store, Info(ObjectClass::kFile, Bytes{i}, label), Bytes(i, i));
      ObjectInfo secret = Info(ObjectClass::kSecretKey, Bytes{i}, label);
      secret.key_type = KeyType::kHmac;
      Add(store, secret, Bytes(16, i));
      Add(store, KeyInfo(ObjectClass::kPublicKey, Bytes{i}, label));
      Add(store, KeyInfo(ObjectClass::kPrivateKey, Bytes{i}, label), {}, Bytes{i});
    }
  });
  LargeCard card(image);
  card.SelectOnChannel1();
  std::vector<ObjectInfo> listed;
  std::string answer = card.SendAll("81CB010000");
  std::size_t blocks = 0;
  for (; answer.ends_with("6300") && blocks < 40; ++blocks, answer = card.SendAll("81CB010100")) {
    const Bytes bytes = Hex(answer);
    ASSERT_LE(bytes.size(), 258U);
    for (ByteReader reader(ByteView(bytes).first(bytes.size() - 2)); !reader.empty();) {
      const auto info = iotsafe::ReadObjectInfo(reader);
      ASSERT_TRUE(info);
      listed.push_back(*info);
    }
  }
  ASSERT_TRUE(answer.ends_with("9000"));
  const Bytes bytes = Hex(answer);
  for (ByteReader reader(ByteView(bytes).first(bytes.size() - 2)); !reader.empty();) {
    const auto info = iotsafe::ReadObjectInfo(reader);
    ASSERT_TRUE(info);
    listed.push_back(*info);
  }
  EXPECT_GT(blocks, 5U);
  ASSERT_EQ(listed.size(), 40U);
  for (const StoredObject& object : card.store().objects()) {
    EXPECT_EQ(std::ranges::count(listed, object.info), 1);
  }
  EXPECT_TRUE(std::ranges::is_sorted(listed, {}, [](const ObjectInfo& info) {  // C1, C2, C4, C3 (spec 10.6)
    return info.object_class == ObjectClass::kFile ? 9 : static_cast<int>(info.object_class);
  }));
}

/// A list that is continued after the store has changed starts anew or is refused; it never skips or repeats silently.
TEST(Applet, AListDoesNotGoOnOverAChange) {
  Bytes image = MakeImage<LargeRamStore>([&](ObjectStore& store, crypto::Crypto& crypto) {
    AddPair(store, crypto, kId, kId, "sig");
    for (std::uint8_t i = 1; i <= 20; ++i) {
      Add(store, Info(ObjectClass::kFile, Bytes{i}, "file with a long label " + std::to_string(i)));
    }
  });
  LargeCard card(image);
  card.SelectOnChannel1();
  ASSERT_TRUE(card.SendAll("81CB010000").ends_with("6300"));
  ASSERT_TRUE(card.SendAll("81B9000003840101").ends_with("9000"));
  EXPECT_EQ(card.SendAll("81CB010100"), "6985");
}

TEST(Applet, SessionsOfAllChannelsAreCountedTogether) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto& crypto) { AddPair(store, crypto, kId, kId); });
  TestCard card(image);
  for (const char* channel : {"1", "2"}) {
    ASSERT_EQ(card.Send("0" + std::string(channel) + "A4040007A0000005590010"), "9000");
  }
  std::size_t open = 0;
  for (const char* cla : {"81", "82"}) {
    for (const char* number : {"01", "02", "03", "04", "05", "06", "07", "08", "09"}) {
      const std::string answer = card.Send(std::string(cla) + "2A00" + number + "0D840101A1010391020001920104");
      ASSERT_TRUE(answer == "9000" || answer == "6989") << answer;
      open += answer == "9000" ? 1 : 0;
    }
  }
  EXPECT_EQ(open, SessionTable::kCapacity);
  ASSERT_EQ(card.Send("0070800100"), "9000");  // the sessions of channel 1 are free again
  EXPECT_EQ(card.Send("822A00090D840101A1010391020001920104"), "9000");
}

TEST(Applet, FindsNothingInMemoryThatWasNeverFormatted) {
  Bytes image(RamStore::kImageSize);
  TestCard card(image);  // never formatted
  card.Send("01A4040007A0000005590010");
  EXPECT_NE(card.Send("81CBC30003830101").substr(0, 2), "90");
}

}  // namespace
}  // namespace simroot::card::testing
