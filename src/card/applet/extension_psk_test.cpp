// SPDX-License-Identifier: Apache-2.0
/// PSK TLS 1.3 and COMPUTE PRF with SHA-384 (docs/formats/extensions.md). The values wanted were computed with Python's
/// hmac from RFC 8446 7.1 and 4.2.11.2, RFC 5246 5 and RFC 4279 2.
#include "card/applet/applet_test_support.hpp"
#include "common/iotsafe/extensions.hpp"

namespace simroot::card {
namespace {

using namespace testing;  // NOLINT: a test

/// 06 a PSK for both derivations, 07 for the PRF only, 08 for HKDF only, 09 empty, 0A of another type, 0B for PSK
/// TLS 1.3 only. PSK: 00 to 0F.
Bytes Image() {
  return MakeImage([](ObjectStore& store, crypto::Crypto&) {
    const auto add = [&](const char* id, KeyType type, std::uint8_t derivation, ByteView value) {
      ObjectInfo info = Info(ObjectClass::kSecretKey, Hex(id), std::string("label ") + id, 0);
      info.key_type = type;
      info.functions = type == KeyType::kHmac ? 0x08 : 0x01;
      info.key_derivation = derivation;
      Add(store, info, value);
    };
    add("06", KeyType::kHmac, 0x03, Counting(16));
    add("07", KeyType::kHmac, 0x01, Counting(16));
    add("08", KeyType::kHmac, 0x02, Counting(16));
    add("09", KeyType::kHmac, 0x03, {});
    add("0A", KeyType::kAesCmac, 0x03, Counting(16));
    add("0B", KeyType::kHmac, 0x04, Counting(16));
  });
}

std::string Counted(std::uint8_t first, std::size_t size) {
  Bytes bytes;
  for (std::size_t i = 0; i < size; ++i) {
    bytes.push_back(LowByte(first + i));
  }
  return ToHex(bytes);
}
std::string Tlv(const std::string& tag, const std::string& value) {
  return tag + ToHex(Bytes{LowByte(value.size() / 2)}) + value;
}

const std::string kBinder256 = "66F02CA07948156DD5B2260A9C3FDF6143B937078A7A99FFDAFCBC5B52097C0B9000";
const std::string kBinder384 =
    "1B09A0EE675F51A01F014EBF2E8C2ABA7F07042916FBC98286ACE962772D1191FBE7A9370B8D87371940F2A4D352EFA99000";
const std::string kHandshake256 = "04B99F6B303F78A40B2672CDF59C304023A75A9AED0BFABCC7FE59710F4B6DD39000";
const std::string kHandshake384 =
    "EA5354AFA472A361172834A00A2DE0C38EBB0BA9290BF854D83678A2611A1CBAC77D9A0A043BF9F2562A1E3BFAA252D19000";
const std::string kTranscript256 = Counted(0xA0, 32);
const std::string kTranscript384 = Counted(0xA0, 48);
const std::string kShared = Counted(0x40, 32);

class PskExtension : public ::testing::Test {
 protected:
  void SetUp() override { card.SelectOnChannel1(); }
  std::string Send(const std::string& header, const std::string& data) { return card.SendAll(Tlv(header, data)); }
  std::string Binder(const std::string& data) { return Send("815E0100", data); }
  std::string Handshake(const std::string& data) { return Send("815E0200", data); }

  Bytes image = Image();
  TestCard card{image};
};

TEST_F(PskExtension, MakesTheBinder) {
  EXPECT_EQ(Binder("86010691020001" + Tlv("9E", kTranscript256)), kBinder256);
  EXPECT_EQ(Binder("86010691020002" + Tlv("9E", kTranscript384)), kBinder384);
  EXPECT_EQ(Binder(Tlv("9E", kTranscript256) + Tlv("76", ToHex(Hex("6C6162656C203036"))) + "91020001"), kBinder256);
  EXPECT_EQ(Binder("86010891020001" + Tlv("9E", kTranscript256)), kBinder256) << "a key for HKDF only";
}

TEST_F(PskExtension, MakesTheHandshakeSecret) {
  EXPECT_EQ(Handshake("86010691020001" + Tlv("D4", kShared)), kHandshake256);
  EXPECT_EQ(Handshake("86010691020002" + Tlv("D4", kShared)), kHandshake384);
}

TEST_F(PskExtension, EveryByteOfTheInputCounts) {
  std::string other = kTranscript256;
  other.back() = other.back() == '0' ? '1' : '0';
  EXPECT_NE(Binder("86010691020001" + Tlv("9E", other)), kBinder256);
  other = kShared;
  other.front() = other.front() == '0' ? '1' : '0';
  EXPECT_NE(Handshake("86010691020001" + Tlv("D4", other)), kHandshake256);
}

TEST_F(PskExtension, NothingConstantIsAnswered) {
  EXPECT_EQ(Handshake("86010691020001"), "6A80") << "no key exchange at all";
  EXPECT_EQ(Handshake("86010691020001D400"), "6A80");
  EXPECT_EQ(Handshake("86010691020001" + Tlv("D4", std::string(64, '0'))), "6A80") << "psk_ke";
  EXPECT_EQ(Handshake("86010691020001D40100"), "6A80");
  EXPECT_EQ(Binder("86010691020001"), "6A80");
  EXPECT_EQ(Binder("86010691020001" + Tlv("9E", std::string(64, '0'))), "6A80");
}

TEST_F(PskExtension, RefusesOtherForms) {
  const std::string digest = Tlv("9E", kTranscript256);
  for (const char* header : {"815E0000", "815E0300", "815E8100", "815E0101"}) {
    EXPECT_EQ(Send(header, "86010691020001" + digest), "6A86") << header;
  }
  EXPECT_EQ(card.Send("815E0100"), "6700");
  EXPECT_EQ(Binder("86010691020001" + Tlv("9E", kTranscript256.substr(2))), "6A80") << "one byte short";
  EXPECT_EQ(Binder("86010691020001" + Tlv("9E", kTranscript256 + "00")), "6A80") << "one byte long";
  EXPECT_EQ(Binder("86010691020002" + digest), "6A80") << "the digest of another hash";
  EXPECT_EQ(Binder("86010691020004" + Tlv("9E", Counted(1, 64))), "6A80") << "SHA-512";
  EXPECT_EQ(Binder("86010691020003" + digest), "6A80");
  EXPECT_EQ(Binder("860106" + digest), "6A80") << "no hash";
  EXPECT_EQ(Binder("91020001" + digest), "6A80") << "no key";
  EXPECT_EQ(Binder("86010691020001" + digest + Tlv("D4", kShared)), "6A80") << "the other step's input";
  EXPECT_EQ(Handshake("86010691020001" + digest), "6A80");
  EXPECT_EQ(Binder("86010691020001" + digest + digest), "6A80");
  EXPECT_EQ(Binder("86010691020001" + digest + "00"), "6A80");
}

TEST_F(PskExtension, RefusesKeysThatMayNot) {
  const auto binder = [&](const char* id) { return Binder(Tlv("86", id) + "91020001" + Tlv("9E", kTranscript256)); };
  EXPECT_EQ(binder("07"), "6985") << "for the PRF only";
  EXPECT_EQ(binder("09"), "6985") << "empty";
  EXPECT_EQ(binder("0A"), "6985") << "for CMAC";
  EXPECT_EQ(binder("77"), "6A80");
}

TEST_F(PskExtension, AKeyForItAloneGivesItsEarlySecretToNobody) {
  EXPECT_EQ(Binder("86010B91020001" + Tlv("9E", kTranscript256)), kBinder256);
  EXPECT_EQ(Handshake("86010B91020001" + Tlv("D4", kShared)), kHandshake256);
  EXPECT_EQ(Send("814A0100", "86010B91020001"), "6985") << "COMPUTE HKDF, early secret";
  EXPECT_EQ(Send("81480100", "86010B" + Tlv("D2", Counted(0x40, 42)) + "D30130"), "6985") << "COMPUTE PRF";
  EXPECT_EQ(Send("814A0100", "86010891020001").size(), 2 * (32 + 2)) << "a key for HKDF does give it";
}

TEST_F(PskExtension, PrfTakesSha384) {
  const std::string seed = Tlv("D2", "657874656E646564206D617374657220736563726574" + Counted(0, 48));
  EXPECT_EQ(Send("81480100", "860106" + seed + "D3013091020002"),
            "ABCF8E65EDDB95DDD9E0E520B3EFEF43566151D8D565F355F2D9CB0A67D0C9723BC6FF78BC48FDF238F1B5F393F039F99000");
  EXPECT_EQ(Send("81480200", "860106" + Tlv("D4", Counted(0x80, 32)) + seed + "D3016491020002"),
            "16B0C2816B9496D96BF5E608DF6A53A52E342B59B8A5B495281663457671171EC8A2ECF9257DBE77AF2A741844922F5077461F2A"
            "D9ADC20A16F82725404B7BB461C3E96AC5C6949482E7E9A826EEFAC36E8F94B4EB136DB20A038490F4E9912716EAD0F99000");
  EXPECT_EQ(Send("81480100", "860106" + seed + "D30130"), Send("81480100", "860106" + seed + "D3013091020001"))
      << "SHA-256 unless told";
  EXPECT_EQ(Send("81480100", "860106" + seed + "D3013091020004"), "6A80");
  EXPECT_EQ(Send("81480100", "860106" + seed + "D3013091020000"), "6A80");
  EXPECT_EQ(Send("81480000", Tlv("D1", "00") + seed + "D3013091020002"), "6A80") << "not with a secret in the command";
}

TEST_F(PskExtension, IsOffWhenSwitchedOff) {
  CompatibilityConfig config;
  config.extensions = false;
  TestCard plain(image, config);
  plain.SelectOnChannel1();
  EXPECT_EQ(plain.SendAll(Tlv("815E0100", "86010691020001" + Tlv("9E", kTranscript256))), "6D00");
  const std::string prf = "860106" + Tlv("D2", "00") + "D30130";
  EXPECT_TRUE(plain.SendAll(Tlv("81480100", prf)).ends_with("9000"));
  EXPECT_EQ(plain.SendAll(Tlv("81480100", prf + "91020002")), "6A80");
  EXPECT_EQ(plain.SendAll(Tlv("81480100", prf + "91020001")), "6A80") << "IoT.05 has no tag 91 here";
}

TEST_F(PskExtension, ACardForPreSharedKeysOnlyHasItToo) {
  TestCard type_ii(image, {}, std::nullopt, AppletType::kTypeII);
  type_ii.SelectOnChannel1();
  EXPECT_EQ(type_ii.SendAll(Tlv("815E0100", "86010691020001" + Tlv("9E", kTranscript256))), kBinder256);
}

}  // namespace
}  // namespace simroot::card
