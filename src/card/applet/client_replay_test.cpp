// SPDX-License-Identifier: Apache-2.0
// The commands of the known clients, byte by byte and in their order, on a store with the identifiers that each of them
// uses, under the compatibility profile made for it (T155 to T162). COMPUTE PRF and HKDF are not part of it.
#include "card/applet/applet_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kDigest = Hex("2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824");  // SHA-256 of "hello"
const std::string kHash = ToHex(kDigest);

CompatibilityConfig Profile(std::string_view name) {
  const auto* const found = std::ranges::find(kCompatibilityProfiles, name, &CompatibilityProfile::name);
  SR_CHECK(found != kCompatibilityProfiles.end());
  return found->config;
}

/// One card of one client.
class Replay : public ::testing::Test {
 protected:
  template <typename Fill>
  void Start(std::string_view profile, const Fill& fill) {
    image_ = MakeImage(fill);
    card_ = std::make_unique<TestCard>(image_, Profile(profile));
    ASSERT_EQ(card_->store().state(), StoreState::kIntact);
  }
  std::string Send(const std::string& apdu) { return card_->Send(apdu); }
  std::string SendAll(const std::string& apdu) { return card_->SendAll(apdu); }

  Bytes image_;
  std::unique_ptr<TestCard> card_;
  Pair pair_;
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
  Pair host_ = NewPair(*crypto_);
};

void AddCertificate(ObjectStore& store, ByteView id, std::size_t size = 600) {
  ObjectInfo info = Info(ObjectClass::kFile, id, "", 1);
  info.file_usage = iotsafe::FileUsage::kCertificate;
  Add(store, info, Counting(size));
}

/// Identifiers of the Thales, Orange and wolfSSL Raspberry examples: 01 key, 02 and 03 files, 04 and 05 ephemeral.
auto OneByteStore(Pair& pair) {
  return [&pair](ObjectStore& store, crypto::Crypto& crypto) {
    pair = AddPair(store, crypto, Bytes{1}, Bytes{1}, "sig");
    AddVolatile(store, Bytes{4}, Bytes{4});
    AddVolatile(store, {}, Bytes{5});
    AddVolatile(store, {}, Bytes{6});
    AddCertificate(store, Bytes{2});
    AddCertificate(store, Bytes{3}, 64);
  };
}

class OrangeReplay : public Replay, public ::testing::WithParamInterface<const char*> {};

TEST_P(OrangeReplay, Signs) {
  Start(GetParam(), OneByteStore(pair_));
  EXPECT_EQ(Send("0070000001"), "019000");
  EXPECT_EQ(Send("01A4040007A0000005590010"), "9000");
  EXPECT_EQ(Send("012A010100"), "9000");
  EXPECT_EQ(Send("012A00010D840101A1010391020001920104"), "9000");
  EXPECT_EQ(Send("012B8001229E20" + kHash + "00"), "6142");
  const std::string answer = Send("01C0000042");
  EXPECT_EQ(answer.substr(0, 4), "3340");
  EXPECT_TRUE(card_->Verifies(pair_.point, kDigest, answer));
  EXPECT_EQ(Send("012A010100"), "9000");
  EXPECT_EQ(Send("0070800100"), "9000");
}

/// The PC/SC build adds a 00 behind the data of every command.
TEST_P(OrangeReplay, SignsWithTheByteTooMany) {
  Start(GetParam(), OneByteStore(pair_));
  EXPECT_EQ(Send("0070000001"), "019000");
  EXPECT_EQ(Send("01A4040007A000000559001000"), "9000");
  EXPECT_EQ(Send("012A0101"), "9000");
  EXPECT_EQ(Send("012A00010D840101A101019102000192010400"), "9000");
  EXPECT_EQ(Send("012B8001059B03ABCDEF0000"), "6142");
  const std::string signed_text = Send("01C0000042");
  EXPECT_EQ(signed_text.substr(0, 4), "3340");
  EXPECT_EQ(Send("012A0101"), "9000");
  EXPECT_EQ(Send("012C0101"), "9000");
  EXPECT_EQ(Send("012C00010D850101A101019102000192010400"), "9000");
  EXPECT_EQ(Send("012D8001479B03ABCDEF3340" + signed_text.substr(4, 128) + "00"), "9000");
  EXPECT_EQ(Send("012C0101"), "9000");
  EXPECT_EQ(Send("00708001"), "9000");
}

TEST_P(OrangeReplay, ReadsTheCertificateInStepsOf50) {
  Start(GetParam(), OneByteStore(pair_));
  EXPECT_EQ(Send("0070000001"), "019000");
  EXPECT_EQ(Send("01A4040007A0000005590010"), "9000");
  Bytes content;
  for (std::size_t offset = 0; offset < 1024 && content.size() == offset; offset += 50) {
    const std::string at = ToHex(Bytes{LowByte(offset >> 8U), LowByte(offset)});
    const std::string offered = Send("01B0" + at + "038301020032");
    const std::string answer = offered.substr(0, 2) == "61" ? Send("01C0000032") : offered;
    const Bytes bytes = Hex(answer);
    content.insert(content.end(), bytes.begin(), bytes.end() - 2);
  }
  EXPECT_EQ(content, Counting(600));
}

INSTANTIATE_TEST_SUITE_P(Profiles, OrangeReplay, ::testing::Values("orange", "default"));

class ThalesReplay : public Replay, public ::testing::WithParamInterface<const char*> {};

TEST_P(ThalesReplay, RunsTheMiddlewaresSequence) {
  Start(GetParam(), OneByteStore(pair_));
  EXPECT_EQ(Send("0070000001"), "019000");
  EXPECT_EQ(Send("01A404000FA00000003053F12401770101495341"), "9000");
  EXPECT_EQ(SendAll("0184000020").size(), 2 * 34U);
  EXPECT_EQ(SendAll("01CBC3000383010200").substr(0, 2), "C3");
  Bytes content;
  for (;;) {
    const std::string at = ToHex(Bytes{LowByte(content.size() >> 8U), LowByte(content.size())});
    const Bytes part = Hex(SendAll("01B0" + at + "0383010200"));
    ASSERT_LE(part.size(), 257U);  // its getResponse() ends the program at 256 bytes of data
    if (part.size() == 2) {
      break;
    }
    content.insert(content.end(), part.begin(), part.end() - 2);
  }
  EXPECT_EQ(content, Counting(600));
  const std::string generated = SendAll("01B900000384010400");
  EXPECT_EQ(generated.substr(0, 24), "840104850104344549438641");
  EXPECT_EQ(Send("012400000385010500"), "9000");
  EXPECT_EQ(Send("01D8800047344549438641" + ToHex(host_.point) + "00"), "9000");
  Bytes shared(32);
  ASSERT_TRUE(crypto_->Ecdh({crypto::Curve::kP256, host_.scalar, 0, 1}, Hex(generated.substr(24, 130)), shared));
  EXPECT_EQ(SendAll("014600000684010485010500"), ToHex(shared) + "9000");
  for (int round = 0; round < 3; ++round) {  // never closes its session 0
    EXPECT_EQ(Send("012A00000D840101A1010391020001920104"), "9000");
    EXPECT_TRUE(card_->Verifies(pair_.point, kDigest, SendAll("012B8000229E20" + kHash + "00")));
  }
  EXPECT_EQ(Send("012A00000D840101A1010391020001920104"), "9000");
  EXPECT_EQ(Send("012A00000D840101A1010391020001920104"), "9000");  // over an open session
  for (const char* number : {"00", "01", "02", "03", "04", "05"}) {
    EXPECT_EQ(Send("012A01" + std::string(number) + "00"), "9000");
  }
  EXPECT_EQ(Send("0170800100"), "9000");
}

TEST_P(ThalesReplay, RunsThePkcs11ModulesSequence) {
  Start(GetParam(), OneByteStore(pair_));
  EXPECT_NE(Send("0070800100"), "9000");  // closes channels until one is not open
  EXPECT_EQ(Send("0070000001"), "019000");
  const std::string select = "01A404000FA00000003053F12401770101495341";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Send(select), "9000");
  }
  std::string list = SendAll("01CB010000");
  while (list.ends_with("6300")) {
    list.resize(list.size() - 4);
    list += SendAll("01CB010100");
  }
  EXPECT_TRUE(list.ends_with("9000"));
  EXPECT_EQ(list.substr(0, 2), "C1");
  EXPECT_EQ(SendAll("01CD00000385010100"), "344549438641" + ToHex(pair_.point) + "9000");
  EXPECT_EQ(SendAll("01B0000003830102").size(), 2 * 257U);
  EXPECT_EQ(SendAll("01B000FF03830102").size(), 2 * 257U);
  EXPECT_EQ(SendAll("01B001FE03830102").size(), 2 * 92U);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Send(select), "9000");
    EXPECT_EQ(Send("012A00000D840101A101039102000192010400"), "9000");
    EXPECT_TRUE(card_->Verifies(pair_.point, kDigest, SendAll("012B8000229E20" + kHash)));
  }
  EXPECT_EQ(Send(select), "9000");
  EXPECT_EQ(Send("012A00000D840101A1010391020001920101"), "6985");  // RSA with an EC key
  EXPECT_EQ(Send(select), "9000");
  const std::string generated = SendAll("01B9000003840104");
  EXPECT_EQ(generated.substr(0, 24), "840104850104344549438641");
  EXPECT_EQ(Send("012400000385010500"), "9000");
  EXPECT_EQ(Send("01D8800047344549438641" + ToHex(host_.point)), "9000");
  EXPECT_EQ(SendAll("014600000684010485010500").size(), 2 * 34U);
}

INSTANTIATE_TEST_SUITE_P(Profiles, ThalesReplay, ::testing::Values("thales", "default"));

/// The identifiers of wolfSSL's examples on the wire: its two-byte ones are ASCII digits.
struct WolfIds {
  const char* name;
  std::string key, cert_file, ecdh, peer, peer_cert;
};
class WolfSslReplay : public Replay, public ::testing::WithParamInterface<WolfIds> {
 protected:
  void SetUp() override {
    const WolfIds& ids = GetParam();
    Start("wolfssl", [&](ObjectStore& store, crypto::Crypto& crypto) {
      pair_ = AddPair(store, crypto, Hex(ids.key), Hex(ids.key));
      AddVolatile(store, Hex(ids.ecdh), Hex(ids.ecdh));
      AddVolatile(store, {}, Hex(ids.peer));
      AddVolatile(store, {}, Hex(ids.peer_cert));
      AddCertificate(store, Hex(ids.cert_file), 448);
    });
    ASSERT_EQ(Send("01A4040007A0000005590010"), "9000");  // its first command: nobody has opened channel 1
  }
  /// `84 LL id` and so on.
  static std::string Ref(const char* tag, const std::string& id) {
    return tag + ToHex(Bytes{LowByte(id.size() / 2)}) + id;
  }
  /// A command with Lc.
  std::string Command(const std::string& header, const std::string& data) {
    return SendAll(header + ToHex(Bytes{LowByte(data.size() / 2)}) + data);
  }
  void PutKey(const std::string& slot, ByteView point) {
    EXPECT_EQ(Command("81240002", Ref("85", slot)), "9000");
    EXPECT_EQ(Command("81D88002", "344549438641" + ToHex(point)), "9000");
    EXPECT_EQ(Send("8124010200"), "9000");
  }
};

TEST_P(WolfSslReplay, ReadsRandomAndCertificate) {
  EXPECT_EQ(Send("8184000020").size(), 2 * 34U);
  const std::string file = Ref("83", GetParam().cert_file);
  const std::string info = Command("81CBC300", file);
  ASSERT_NE(info.substr(4).find("200201C0"), std::string::npos);  // skips two bytes, then looks for tag 20
  Bytes content;
  while (content.size() < 448) {
    const std::string at = ToHex(Bytes{LowByte(content.size() >> 8U), LowByte(content.size())});
    const Bytes part = Hex(Command("81B0" + at, file));
    ASSERT_GT(part.size(), 2U);
    content.insert(content.end(), part.begin(), part.end() - 2);
  }
  EXPECT_EQ(content, Counting(448));
}

TEST_P(WolfSslReplay, RunsAHandshake) {
  const WolfIds& ids = GetParam();
  const std::string generated = Command("81B90000", Ref("84", ids.ecdh));
  const std::size_t at = generated.find("344549438641");
  ASSERT_NE(at, std::string::npos);
  const Bytes own = Hex(generated.substr(at + 12, 130));
  EXPECT_EQ(Command("81CD0000", Ref("85", ids.ecdh)), generated.substr(at));
  PutKey(ids.peer, host_.point);
  Bytes shared(32);
  ASSERT_TRUE(crypto_->Ecdh({crypto::Curve::kP256, host_.scalar, 0, 1}, own, shared));
  EXPECT_EQ(Command("81460000", Ref("84", ids.ecdh) + Ref("85", ids.peer)), ToHex(shared) + "9000");

  PutKey(ids.peer_cert, host_.point);
  Bytes signature(64);
  crypto_->ForgetKey(0);
  ASSERT_TRUE(crypto_->SignEcdsa({crypto::Curve::kP256, host_.scalar, 0, 1}, kDigest, signature));
  EXPECT_EQ(Command("812C0001", Ref("85", ids.peer_cert) + "A1010391020001920104"), "9000");
  EXPECT_EQ(Command("812D8001", "9E20" + kHash + "330040" + ToHex(signature)), "9000");
  EXPECT_EQ(Send("812C010100"), "9000");
  signature.back() ^= 1U;
  EXPECT_EQ(Command("812C0001", Ref("85", ids.peer_cert) + "A1010391020001920104"), "9000");
  EXPECT_EQ(Command("812D8001", "9E20" + kHash + "330040" + ToHex(signature)), "6D01");
  EXPECT_EQ(Send("812C010100"), "9000");

  EXPECT_EQ(Command("812A0001", Ref("84", ids.key) + "A1010391020001920104"), "9000");
  EXPECT_EQ(Send("812B8001229E20" + kHash), "6143");
  const std::string answer = Send("01C0000043");
  EXPECT_EQ(answer.substr(0, 6), "330040");
  EXPECT_TRUE(card_->Verifies(pair_.point, kDigest, answer));
  EXPECT_EQ(Send("812A010100"), "9000");
}

/// The server has picked SHA-512: the hash is longer than the session's algorithm says.
TEST_P(WolfSslReplay, SignsALongerHash) {
  const Bytes longer = Join(kDigest, Bytes(32, 0x77));
  EXPECT_EQ(Command("812A0001", Ref("84", GetParam().key) + "A1010391020001920104"), "9000");
  EXPECT_TRUE(card_->Verifies(pair_.point, kDigest, Command("812B8001", "9E40" + ToHex(longer))));
  EXPECT_EQ(Send("812A010100"), "9000");
}

INSTANTIATE_TEST_SUITE_P(Identifiers, WolfSslReplay,
                         ::testing::Values(WolfIds{"OneByte", "02", "03", "03", "04", "05"},
                                           WolfIds{"Raspberry", "01", "02", "04", "05", "06"},
                                           WolfIds{"TwoBytes", "3032", "3034", "3033", "3037", "3034"}),
                         [](const auto& ids) { return std::string(ids.param.name); });

TEST_F(Replay, Atsign) {
  Start("default", [&](ObjectStore& store, crypto::Crypto& crypto) {
    AddVolatile(store, Hex("303031"), Hex("303032"));
    pair_ = AddPair(store, crypto, Hex("303036"), Hex("303037"));
  });
  EXPECT_EQ(Send("0070000000"), "019000");
  EXPECT_EQ(Send("01A4040007A0000005590010"), "9000");
  EXPECT_EQ(Send("81B90000058403303031"), "6151");
  EXPECT_EQ(Send("81C0000051").substr(0, 32), "84033030318503303032344549438641");
  EXPECT_EQ(Send("812A00010F8403303036A1010391020001920104"), "9000");
  EXPECT_EQ(Send("812B8001229E20" + kHash), "6143");
  const std::string answer = Send("81C0000043");
  EXPECT_EQ(answer.substr(0, 6), "330040");
  EXPECT_TRUE(card_->Verifies(pair_.point, kDigest, answer));
  EXPECT_EQ(Send("812A010100"), "9000");
  EXPECT_EQ(Send("812C00020F8503303037A1010391020001920104"), "9000");
  EXPECT_EQ(Send("812D8002659E20" + kHash + "330040" + answer.substr(6, 128)), "9000");
  EXPECT_EQ(Send("812C010200"), "9000");
  EXPECT_EQ(Send("812C00020F8503303037A1010391020001920104"), "9000");
  EXPECT_EQ(Send("812D8002049B02ABCD"), "6985");  // data of another mode
  EXPECT_EQ(Send("812C010200"), "9000");
  EXPECT_EQ(Send("81CD0000058503303037"), "6147");
  EXPECT_EQ(Send("81C0000047"), "344549438641" + ToHex(pair_.point) + "9000");
  EXPECT_EQ(Send("0070800100"), "9000");
}

TEST_F(Replay, Quantag) {
  image_ = MakeImage([](ObjectStore& store, crypto::Crypto& crypto) {
    AddPair(store, crypto, Hex("0002"), Hex("0002"), "11");
    AddCertificate(store, Hex("0001"), 64);
  });
  CompatibilityConfig config = Profile("default");
  config.answer_t0 = false;  // PC/SC: answers come directly
  TestCard card(image_, config);
  EXPECT_EQ(card.Send("00A404000FA00000003053F1240177010149534100"), "9000");
  EXPECT_EQ(card.Send("80CB000044").size(), 2 * 70U);
  EXPECT_TRUE(card.Send("80CB0100").ends_with("9000"));
  const std::string generated = card.Send("80B900000484020002");
  EXPECT_EQ(generated.substr(0, 28), "8402000285020002344549438641");
  EXPECT_EQ(generated.size(), 2 * 81U);
  EXPECT_EQ(card.Send("80CD0000048502000200"), generated.substr(16));
  EXPECT_EQ(card.Send("802A00010E84020002A1010191020001920104"), "9000");
  const std::string answer = card.Send("802B80010A9B080102030405060708");
  const Bytes digest = Hex("66840DDA154E8A113C31DD0AD32F7F3A366A80E8136979D8F5A101D3D29D6F72");
  EXPECT_TRUE(card.Verifies(Hex(generated.substr(28, 130)), digest, answer));
  EXPECT_EQ(card.Send("802A0101"), "9000");
  EXPECT_EQ(card.Send("802C00010E85020002A1010191020001920104"), "9000");
  const std::string raw = answer.substr(answer.size() - 132, 128);
  EXPECT_EQ(card.Send("802D80014C9B0801020304050607083340" + raw), "9000");
  EXPECT_EQ(card.Send("802C0101"), "9000");
}

TEST_F(Replay, Ntt) {
  Start("ntt", OneByteStore(pair_));
  EXPECT_EQ(Send("0070000001"), "019000");  // AT+CCHO
  EXPECT_EQ(Send("01A4040010A0000001157000000000000049534102"), "9000");
  EXPECT_EQ(Send("012A00010D840101A1010391020001920104"), "9000");
  EXPECT_EQ(Send("012B8001229E20" + kHash), "6142");
  const std::string answer = Send("01C0000000");
  EXPECT_EQ(answer.substr(0, 4), "3340");
  EXPECT_TRUE(card_->Verifies(pair_.point, kDigest, answer));
}

}  // namespace
}  // namespace simroot::card::testing
