// SPDX-License-Identifier: Apache-2.0
// What the applet announces is what it has; and what the conformance scripts cannot see from outside.
#include "card/applet/applet_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kId{0x01};

iotsafe::ApplicationInfo InfoOf(TestCard& card) {
  const Bytes answer = Hex(card.SendAll("81CB000000"));
  const auto info = iotsafe::ParseApplicationInfo(ByteView(answer).first(answer.size() - 2));
  SR_CHECK(info.has_value());
  return *info;
}

iotsafe::ApplicationInfo InfoWith(const CompatibilityConfig& config, AppletType type) {
  Bytes image = MakeImage([](ObjectStore&, crypto::Crypto&) {});
  TestCard card(image, config, std::nullopt, type);
  card.SelectOnChannel1();
  return InfoOf(card);
}

TEST(ApplicationData, OfTypeIAnnouncesWhatItHas) {
  const auto info = InfoWith({}, AppletType::kTypeI);
  EXPECT_EQ(info.functions, 0x0F);
  EXPECT_EQ(info.hash_algorithms, 0x0007);
  EXPECT_EQ(info.signature_algorithms, 0x0F);
  EXPECT_EQ(info.key_agreement, 0x01);
  EXPECT_EQ(info.key_derivation, 0x03);
  EXPECT_EQ(info.max_sessions, SessionTable::kCapacity);
  EXPECT_EQ(info.max_private_keys, 16);
}

TEST(ApplicationData, WithoutExtensionsHasNoCmac) {
  EXPECT_EQ(InfoWith({.extensions = false}, AppletType::kTypeI).signature_algorithms, 0x07);
}

TEST(ApplicationData, OfTypeIIAnnouncesSecretsOnly) {
  for (const bool extensions : {true, false}) {
    const auto info = InfoWith({.extensions = extensions}, AppletType::kTypeII);
    EXPECT_EQ(info.functions, 0x08);
    EXPECT_EQ(info.hash_algorithms, 0x0007);
    EXPECT_EQ(info.signature_algorithms, 0x00);
    EXPECT_EQ(info.key_agreement, 0x00);
    EXPECT_EQ(info.key_derivation, 0x03);
    EXPECT_EQ(info.max_private_keys, 0);
    EXPECT_EQ(info.max_public_keys, 0);
    EXPECT_EQ(info.max_secret_keys, 16);
    EXPECT_EQ(info.max_files, 16);
    EXPECT_EQ(info.max_sessions, extensions ? SessionTable::kCapacity : 0);
  }
}

TEST(Instructions, OfOurOwnAreUnknownWithoutExtensions) {
  Bytes image = MakeImage([](ObjectStore&, crypto::Crypto&) {});
  TestCard card(image, {.extensions = false});
  card.SelectOnChannel1();
  for (const char* ins : {"52", "54", "55", "56", "57", "58", "5A", "5C"}) {
    EXPECT_EQ(card.Send("81" + std::string(ins) + "00000100"), "6D00") << ins;
  }
}

TEST(Rsa, IsNotGeneratedWithoutMemory) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto&) {
    for (const ObjectClass object_class : {ObjectClass::kPrivateKey, ObjectClass::kPublicKey}) {
      ObjectInfo info = KeyInfo(object_class, kId, "rsa", KeyType::kRsa2048);
      info.signature_algorithms = 0x03;
      Add(store, info, {}, object_class == ObjectClass::kPrivateKey ? kId : Bytes());
    }
  });
  TestCard card(image);
  card.SelectOnChannel1();
  EXPECT_EQ(card.Send("81B9000003840101"), "6985");
  Bytes memory(crypto::kMaxRsaPrivateSize, 0xA5);
  card.applet().UseScratch(memory);
  EXPECT_EQ(card.SendAll("81B9000003840101").size(), 2 * (6 + 273 + 2U));
  EXPECT_EQ(memory, Bytes(memory.size())) << "the private key is left in the scratch memory";
}

TEST(GenerateKeyPair, NeedsHalvesOfTheSameType) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto& crypto) {
    const Pair pair = NewPair(crypto);
    Add(store, KeyInfo(ObjectClass::kPrivateKey, kId, {}), pair.scalar, kId);
    Add(store, KeyInfo(ObjectClass::kPublicKey, kId, {}, KeyType::kP256Volatile), pair.point);
  });
  TestCard card(image);
  card.SelectOnChannel1();
  EXPECT_EQ(card.Send("81B9000003840101"), "6985");
}

TEST(Sessions, AreAsManyOverAllFamiliesAndChannelsAsAnnounced) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto& crypto) {
    AddPair(store, crypto, kId, kId);
    AddVolatile(store, {}, Bytes{0x05});
  });
  TestCard card(image);
  card.SelectOnChannel1();
  ASSERT_EQ(card.Send("0070000000"), "029000");
  ASSERT_EQ(card.Send("02A4040007A0000005590010"), "9000");
  const std::size_t announced = InfoOf(card).max_sessions;
  std::size_t open = 0;
  for (const char* init :
       {"812A0000 0D 840101A1010391020001920104", "812A0001 0D 840101A1010191020001920104",
        "812C0000 0D 850101A1010391020001920104", "812C0001 0D 850101A1010191020001920104", "81240000 03 850105",
        "822A0000 0D 840101A1010391020001920104", "822C0000 0D 850101A1010391020001920104", "82240000 03 850105"}) {
    EXPECT_EQ(card.Send(init), "9000") << init;
    ++open;
  }
  ASSERT_EQ(open, announced);
  EXPECT_EQ(card.Send("822A00020D840101A1010391020001920104"), "6989");
  EXPECT_EQ(card.Send("82240002 03 850105"), "6989");
  EXPECT_EQ(card.Send("0070800200"), "9000");  // channel 2 gives three back
  EXPECT_EQ(card.Send("812A00020D840101A1010391020001920104"), "9000");
}

TEST(PseudoRandomFunction, LeavesNothingOfARefusedAnswerBehind) {
  Bytes image = MakeImage([](ObjectStore& store, crypto::Crypto&) {
    ObjectInfo secret = Info(ObjectClass::kSecretKey, Bytes{0x06}, "psk", 0);
    secret.key_type = KeyType::kHmac;
    secret.functions = 0x08;
    secret.key_derivation = 0x03;
    Add(store, secret, Counting(16));
  });
  TestCard card(image, {.psk_labels_only = true});
  card.SelectOnChannel1();
  EXPECT_EQ(card.Send("81480100 0F 860106 D205 6B65790000 D3020200 00"), "6A80") << "a byte too many";
  EXPECT_EQ(card.Send("81480100 0E 860106 D205 6B65790000 D3020200"), "6985");
  EXPECT_EQ(card.Send("01C0000000"), "6985") << "nothing waits";
}

}  // namespace
}  // namespace simroot::card::testing
