// SPDX-License-Identifier: Apache-2.0
/// The services beyond IoT.05 v1: HASH, ENCRYPT, DECRYPT, AES-CMAC (docs/formats/extensions.md).
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "card/applet/applet_test_support.hpp"
#include "card/applet/nonces.hpp"
#include "common/iotsafe/extensions.hpp"

namespace simroot::card {
namespace {

using namespace testing;  // NOLINT: a test

// NIST SP 800-38A, SP 800-38B: the AES-128 key of all examples and their first blocks of text.
const Bytes kAesKey = Hex("2B7E151628AED2A6ABF7158809CF4F3C");
const Bytes kText =
    Hex("6BC1BEE22E409F96E93D7E117393172AAE2D8A571E03AC9C9EB76FAC45AF8E51"
        "30C81C46A35CE411E5FBC1191A0A52EFF69F2445DF4F9B17AD2B417BE66C3710");
constexpr std::size_t kPiece = iotsafe::kCipherPieceSize;

ObjectInfo SecretInfo(const char* id, std::string_view label, KeyType type, std::uint8_t functions) {
  ObjectInfo info = Info(ObjectClass::kSecretKey, Hex(id), label, 0);
  info.key_type = type;
  info.functions = functions;
  return info;
}

/// 07 AES-128, 08 CMAC, 09 AES-256, 0A encrypts only, 0B decrypts only, 0C empty, 0D pre-shared key, 0E of 24 bytes;
/// private keys 01 EC and 02 RSA, which decrypts.
Bytes Image() {
  return MakeImage([](ObjectStore& store, crypto::Crypto& crypto) {
    Add(store, SecretInfo("07", "aes", KeyType::kAes, 0x30), kAesKey);
    Add(store, SecretInfo("08", "mac", KeyType::kAesCmac, 0x01), kAesKey);
    Add(store, SecretInfo("09", "aes256", KeyType::kAes, 0x30), Counting(32));
    Add(store, SecretInfo("0A", "seal", KeyType::kAes, 0x10), kAesKey);
    Add(store, SecretInfo("0B", "open", KeyType::kAes, 0x20), kAesKey);
    Add(store, SecretInfo("0C", "empty", KeyType::kAes, 0x30));
    Add(store, SecretInfo("0D", "psk", KeyType::kHmac, 0x3F), kAesKey);
    Add(store, SecretInfo("0E", "aes192", KeyType::kAes, 0x30), Counting(24));
    Add(store, SecretInfo("0F", "nosign", KeyType::kAesCmac, 0x30), kAesKey);
    AddPair(store, crypto, Hex("01"), Hex("01"));
  });
}

std::string Tlv(const char* tag, ByteView value) {
  const std::size_t size = value.size();
  const std::string length = size < 0x80 ? ToHex(Bytes{LowByte(size)}) : "81" + ToHex(Bytes{LowByte(size)});
  return tag + length + ToHex(value);
}
std::string Apdu(const std::string& header, const std::string& data) {
  return header + ToHex(Bytes{LowByte(data.size() / 2)}) + data;
}

class Extensions : public ::testing::Test {
 protected:
  void SetUp() override { card.SelectOnChannel1(); }

  /// Opens ENCRYPT; the nonce of the answer, empty if it is refused.
  Bytes Open(const std::string& parameters, TestCard* on = nullptr) {
    const std::string answer = (on == nullptr ? card : *on).SendAll(Apdu("81540001", parameters));
    const Bytes bytes = Hex(answer);
    if (bytes.size() < 4 || bytes.front() != 0xA3 || !answer.ends_with("9000")) {
      return {};
    }
    return {bytes.begin() + 2, bytes.end() - 2};
  }
  /// A whole text through UPDATE (55 or 57) in pieces; the bytes, or the status word that is not 9000.
  std::string Update(const char* ins, const Bytes& text, std::size_t step = kPiece) {
    std::string all;
    ByteView rest = text;
    do {
      const ByteView piece = rest.first(std::min(step, rest.size()));
      rest = rest.subspan(piece.size());
      const std::string answer =
          card.SendAll(Apdu(std::string("81") + ins + (rest.empty() ? "80" : "00") + "01", Tlv("9B", piece)));
      if (!answer.ends_with("9000")) {
        return answer;
      }
      all += answer.substr(0, answer.size() - 4);
    } while (!rest.empty());
    return all;
  }
  std::string Decrypt(const std::string& parameters, const Bytes& ciphertext, std::size_t step = kPiece) {
    const std::string opened = card.Send(Apdu("81560001", parameters));
    return opened == "9000" ? Update("57", ciphertext, step) : opened;
  }
  std::string Mac(const char* reference, const Bytes& text, std::size_t step) {
    if (const auto sw = card.Send(Apdu("012A0000", std::string(reference) + "A10101920108")); sw != "9000") {
      return sw;
    }
    ByteView rest = text;
    for (;;) {
      const ByteView piece = rest.first(std::min(step, rest.size()));
      rest = rest.subspan(piece.size());
      const std::string data = "9F" + ToHex(Bytes{LowByte(piece.size())}) + ToHex(piece);  // as Thales codes it
      const std::string answer = card.SendAll(Apdu(rest.empty() ? "012B8000" : "012B0000", data));
      if (rest.empty() || answer != "9000") {
        return answer;
      }
    }
  }

  Bytes image = Image();
  TestCard card{image};
};

// --- HASH

TEST_F(Extensions, HashInOneCommand) {
  // FIPS 180-4 examples: "abc".
  EXPECT_EQ(card.SendAll("8152C001059B03616263"),
            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD9000");
  EXPECT_EQ(card.SendAll("81528002059B03616263"),
            "CB00753F45A35E8BB5A03D699AC65007272C32AB0EDED1631A8B605A43FF5BED8086072BA1E7CC2358BAECA134C825A79000");
  EXPECT_EQ(card.SendAll("81528004059B03616263").substr(0, 16), "DDAF35A193617ABA");
  const std::string empty = "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B8559000";
  EXPECT_EQ(card.SendAll("8152C001029B00"), empty);
  EXPECT_EQ(card.SendAll("8152C001"), empty);
}

TEST_F(Extensions, HashInSeveralCommands) {
  EXPECT_EQ(card.Send("81524001039B0161"), "9000");
  EXPECT_EQ(card.Send("81520001029B00"), "9000");
  EXPECT_EQ(card.Send("81520001039B0162"), "9000");
  EXPECT_EQ(card.SendAll("81528001039B0163"), "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD9000");
}

TEST_F(Extensions, HashBeginsAnewWhenAsked) {
  const std::string abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD9000";
  EXPECT_EQ(card.Send("81520001039B01FF"), "9000");
  EXPECT_EQ(card.SendAll("8152C001059B03616263"), abc);
  EXPECT_EQ(card.Send("81520001039B01FF"), "9000");
  EXPECT_NE(card.SendAll("81528001059B03616263"), abc);
}

TEST_F(Extensions, HashBelongsToTheChannelAndEndsWithItsSelection) {
  const std::string abc = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD9000";
  EXPECT_EQ(card.Send("81524001039B0161"), "9000");
  EXPECT_EQ(card.Send("0070000001"), "029000");
  EXPECT_EQ(card.Send("02A4040007A0000005590010"), "9000");
  EXPECT_EQ(card.SendAll("82528001059B03616263"), abc);
  EXPECT_EQ(card.SendAll("81528001049B026263"), abc);
  EXPECT_EQ(card.Send("81524001039B0161"), "9000");
  EXPECT_EQ(card.Send("01A4040007A0000005590010"), "9000");
  EXPECT_NE(card.SendAll("81528001049B026263"), abc);
}

TEST_F(Extensions, HashRefusesWhatItDoesNotKnow) {
  for (const char* apdu : {"81528000", "81528003", "81528008", "815280FF", "81528101", "8152A001", "81520101"}) {
    EXPECT_EQ(card.Send(apdu), "6A86") << apdu;
  }
  EXPECT_EQ(card.Send("81528001059C03616263"), "6A80");
  EXPECT_EQ(card.Send("81528001069B0361626300"), "6A80");
  EXPECT_EQ(card.Send("81524001039B0161"), "9000");
  EXPECT_EQ(card.Send("81528002039B0162"), "6A86") << "another hash than the one that runs";
  EXPECT_EQ(card.SendAll("81528001059B03616263"),
            "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD9000")
      << "and an error ends it";
}

// --- AES-CMAC

TEST_F(Extensions, MacAgreesWithNist) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{16}, std::size_t{64}}) {
    const auto mac = [&](std::size_t size) { return Mac("860108", Bytes(kText.begin(), kText.begin() + size), step); };
    EXPECT_EQ(mac(0), "3310BB1D6929E95937287FA37D129B7567469000");
    EXPECT_EQ(mac(16), "3310070A16B46B4D4144F79BDD9DD04A287C9000");
    EXPECT_EQ(mac(40), "3310DFA66747DE9AE63030CA32611497C8279000");
    EXPECT_EQ(mac(64), "331051F0BEBF7E3B9D92FC49741779363CFE9000");
  }
  EXPECT_EQ(Mac("76036D6163", Bytes(kText.begin(), kText.begin() + 16), 16),
            "3310070A16B46B4D4144F79BDD9DD04A287C9000");
}

TEST_F(Extensions, MacTakesPiecesOf253BytesAsThalesSendsThem) {
  const Bytes text = Counting(600);
  EXPECT_EQ(Mac("860108", text, 253), Mac("860108", text, 16));
}

TEST_F(Extensions, MacRefusesEverythingElse) {
  EXPECT_EQ(Mac("860107", kText, 64), "6985") << "a key for ENCRYPT";
  EXPECT_EQ(Mac("86010D", kText, 64), "6985") << "a pre-shared key";
  EXPECT_EQ(Mac("86010F", kText, 64), "6985") << "without the function";
  EXPECT_EQ(Mac("860177", kText, 64), "6A80");
  EXPECT_EQ(card.Send("012A000009860108A10103920108"), "6A80");
  EXPECT_EQ(card.Send("012A000009860108A10101920104"), "6A80");
  EXPECT_EQ(card.Send("012A000006860108A10101"), "6A80");
  EXPECT_EQ(card.Send("012A00000D860108A1010191020001920108"), "6A80") << "with a hash";
  EXPECT_EQ(card.Send("012A00000C860108840101A10101920108"), "6A80") << "two keys";
  EXPECT_EQ(card.Send("012C000009860108A10101920108"), "6A80") << "for verification";
  EXPECT_EQ(card.Send("012A000009860108A10101920108"), "9000");
  EXPECT_EQ(card.Send("012B8000039B0161"), "6A80") << "tag of a signature";
  EXPECT_EQ(card.Send("012B8000039F0161"), "6985") << "and the session has ended";
}

// --- ENCRYPT and DECRYPT

TEST_F(Extensions, CbcGivesWhatOpenSslGives) {
  for (const std::size_t size : {0U, 1U, 16U, 47U, 64U, 448U, 500U}) {
    const Bytes text = Counting(size);
    const Bytes iv = Open("860107A20101");
    ASSERT_EQ(iv.size(), 16U);
    const std::string ciphertext = Update("55", text);
    const std::size_t padding = 16 - size % 16;
    const Bytes padded = Join(text, Bytes(padding, LowByte(padding)));
    Bytes expected(padded.size());
    ASSERT_TRUE(card.crypto().AesCbc(crypto::Direction::kEncrypt, kAesKey, iv, padded, expected));
    EXPECT_EQ(ciphertext, ToHex(expected)) << size;
    EXPECT_EQ(Decrypt("860107A20101" + Tlv("A3", iv), expected), ToHex(text)) << size;
    EXPECT_EQ(Decrypt("860107A20101" + Tlv("A3", iv), expected, 15), ToHex(text)) << size;
  }
}

TEST_F(Extensions, CbcTellsOneErrorForEveryPadding) {
  const std::string open = "860107A20101A310" + std::string(32, '0');
  EXPECT_EQ(Decrypt(open, Bytes(16)), "6A80");
  EXPECT_EQ(Decrypt(open, Bytes(15)), "6A80");
  EXPECT_EQ(Decrypt(open, Bytes(17)), "6A80");
  EXPECT_EQ(Decrypt(open, {}), "6A80");
  EXPECT_EQ(Decrypt(open, Counting(48)), "6A80");
}

TEST_F(Extensions, CtrGivesWhatOpenSslGives) {
  for (const std::size_t size : {0U, 1U, 16U, 33U, 500U}) {
    const Bytes text = Counting(size);
    const Bytes counter = Open("860109A20102");
    ASSERT_EQ(counter.size(), 16U);
    EXPECT_EQ(ToHex(ByteView(counter).last(8)), "0000000000000000");
    const std::string ciphertext = Update("55", text, 33);
    Bytes expected(size);
    ASSERT_TRUE(card.crypto().AesCtr(Counting(32), counter, text, expected));
    EXPECT_EQ(ciphertext, ToHex(expected)) << size;
    EXPECT_EQ(Decrypt("860109A20102" + Tlv("A3", counter), expected), ToHex(text)) << size;
  }
}

TEST_F(Extensions, GcmGivesWhatOpenSslGives) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{33}, kPiece}) {
    for (const std::size_t aad_size : {std::size_t{0}, std::size_t{1}, iotsafe::kMaxAssociatedData}) {
      const Bytes text = Counting(size);
      const Bytes aad(aad_size, 0x5A);
      const std::string aad_tlv = aad.empty() ? "" : "A4" + ToHex(Bytes{LowByte(aad_size)}) + ToHex(aad);
      const Bytes nonce = Open("860107A20103" + aad_tlv);
      ASSERT_EQ(nonce.size(), 12U);
      const std::string sealed = Update("55", text);
      Bytes expected(size);
      Bytes tag(16);
      ASSERT_TRUE(card.crypto().AesGcmEncrypt(kAesKey, nonce, aad, text, expected, tag));
      EXPECT_EQ(sealed, ToHex(expected) + ToHex(tag)) << size;
      const std::string open = "860107A20103" + Tlv("A3", nonce) + aad_tlv;
      EXPECT_EQ(Decrypt(open + Tlv("A5", tag), expected), ToHex(text)) << size;
      tag.back() ^= 1U;
      EXPECT_EQ(Decrypt(open + Tlv("A5", tag), expected), "6A80") << size;
    }
  }
}

TEST_F(Extensions, GcmOpensNothingThatWasChanged) {
  const Bytes nonce = Open("860107A20103A40101");
  const Bytes sealed = Hex(Update("55", kText));
  const Bytes ciphertext(sealed.begin(), sealed.end() - 16);
  const Bytes tag(sealed.end() - 16, sealed.end());
  const auto open = [&](const Bytes& n, const Bytes& a, const Bytes& c) {
    return Decrypt("860107A20103" + Tlv("A3", n) + Tlv("A4", a) + Tlv("A5", tag), c);
  };
  ASSERT_EQ(open(nonce, Hex("01"), ciphertext), ToHex(kText));
  Bytes flipped = ciphertext;
  flipped.front() ^= 0x80U;
  EXPECT_EQ(open(nonce, Hex("01"), flipped), "6A80");
  EXPECT_EQ(open(nonce, Hex("01"), Bytes(ciphertext.begin(), ciphertext.end() - 1)), "6A80");
  EXPECT_EQ(open(nonce, Hex("02"), ciphertext), "6A80");
  Bytes other = nonce;
  other.back() ^= 1U;
  EXPECT_EQ(open(other, Hex("01"), ciphertext), "6A80");
}

TEST_F(Extensions, GcmComesInOneCommand) {
  ASSERT_FALSE(Open("860107A20103").empty());
  EXPECT_EQ(card.Send("81550001039B0161"), "6A86");
  EXPECT_EQ(card.Send("81558001039B0161"), "6985") << "an error ends the session";
}

TEST_F(Extensions, TheCallerNeverChoosesANonce) {
  for (const char* mode : {"A20101", "A20102", "A20103"}) {
    for (const char* nonce : {"A310000102030405060708090A0B0C0D0E0F", "A30C000102030405060708090A0B"}) {
      EXPECT_EQ(card.Send(Apdu("81540001", std::string("860107") + mode + nonce)), "6A80") << mode;
    }
  }
}

TEST_F(Extensions, NoncesNeverRepeatWhateverHappensToThePower) {
  std::vector<std::string> seen;
  for (unsigned start = 0; start < 30; ++start) {
    TestCard fresh(image);  // power on
    fresh.SelectOnChannel1();
    for (unsigned i = 0; i < 5; ++i) {
      seen.push_back(ToHex(Open("860107A20103", &fresh)));
      const Bytes counter = Open("860107A20102", &fresh);
      seen.push_back(ToHex(seen.back().empty() ? Bytes{} : Hex(seen.back().substr(0, 8))) +
                     ToHex(ByteView(counter).first(8)));
    }
  }
  // GCM and CTR draw from one counter, so that their numbers do not meet either.
  EXPECT_TRUE(std::ranges::all_of(seen, [](const std::string& nonce) { return nonce.size() == 24; }));
  std::ranges::sort(seen);
  EXPECT_EQ(std::ranges::adjacent_find(seen), seen.end());
}

TEST_F(Extensions, TwoCardsWithOneKeyStartAtDifferentNumbers) {
  Bytes other_image = Image();
  TestCard other(other_image);
  other.SelectOnChannel1();
  const Bytes mine = Open("860107A20103");
  const Bytes theirs = Open("860107A20103", &other);
  ASSERT_EQ(mine.size(), 12U);
  EXPECT_EQ(ToHex(ByteView(mine).first(4)), ToHex(ByteView(theirs).first(4))) << "of the key";
  EXPECT_NE(ToHex(mine), ToHex(theirs));
}

TEST_F(Extensions, GcmNonceHasItsForm) {
  // AES-CMAC of "simroot GCM nonce" under the key, four bytes; computed with `openssl mac`.
  Bytes nonce(12);
  ASSERT_TRUE(PutGcmNonce(card.crypto(), kAesKey, 0x0102030405060708, nonce));
  EXPECT_EQ(ToHex(ByteView(nonce).last(8)), "0102030405060708");
  EXPECT_EQ(ToHex(ByteView(nonce).first(4)), "A371A4F5");
  Bytes small(11);
  EXPECT_FALSE(PutGcmNonce(card.crypto(), kAesKey, 1, small));
  EXPECT_FALSE(PutFirstCounter(1, small));
}

TEST_F(Extensions, FunctionsOfTheKeyDecide) {
  const std::string nonce = "A310" + std::string(32, '0');
  EXPECT_EQ(Open("86010AA20101").size(), 16U);
  EXPECT_EQ(card.Send(Apdu("81540001", "86010BA20101")), "6985");
  EXPECT_EQ(card.Send(Apdu("81560001", "86010BA20101" + nonce)), "9000");
  EXPECT_EQ(card.Send(Apdu("81560001", "86010AA20101" + nonce)), "6985");
}

TEST_F(Extensions, KeysOfAnotherKindAreRefused) {
  for (const char* id : {"08", "0C", "0D", "0E"}) {
    EXPECT_EQ(card.Send(Apdu("81540001", std::string("8601") + id + "A20101")), "6985") << id;
  }
  EXPECT_EQ(card.Send(Apdu("81540001", "860177A20101")), "6A80");
  EXPECT_EQ(card.Send(Apdu("81540001", "840101A20101")), "6A80") << "a private key encrypts nothing";
  EXPECT_EQ(card.Send(Apdu("81560001", "840101A20103A30C000000000000000000000000A510" + std::string(32, '0'))), "6A80");
  EXPECT_EQ(card.Send(Apdu("81560001", "840101A20104")), "6985") << "an EC key";
}

TEST_F(Extensions, ParametersMustFitTheMode) {
  const std::string iv = "A310" + std::string(32, '0');
  const std::string nonce = "A30C" + std::string(24, '0');
  const std::string tag = "A510" + std::string(32, '0');
  const std::vector<std::string> refused{std::string("860107"),
                                         std::string("A20101") + iv,
                                         "860107A20100" + iv,
                                         "860107A20105" + iv,
                                         std::string("860107A20101"),
                                         "860107A20101" + nonce,
                                         "860107A20101" + iv + tag,
                                         "860107A20101" + iv + "A40100",
                                         "860107A20102" + nonce,
                                         "860107A20102" + iv + tag,
                                         "860107A20103" + nonce,
                                         "860107A20103" + tag,
                                         "860107A20103" + iv + tag,
                                         "860107A20103" + nonce + tag + "91020001",
                                         "860107A20104",
                                         "840101A20104" + iv,
                                         "840101A2010491020003",
                                         "840101860107A20104",
                                         "860107760361 6573A20101" + iv,
                                         "860107A20101" + iv + iv,
                                         "860107A2020101" + iv};
  for (const std::string& bad : refused) {
    EXPECT_EQ(card.Send(Apdu("81560001", ToHex(Hex(bad)))), "6A80") << bad;
  }
  EXPECT_EQ(card.Send(Apdu("81560001", "860107A20103" + nonce + tag)), "9000");
  for (const char* bad : {"860107A20104", "860107A2010191020001", "860107A20101A40100",
                          "860107A20103A51000000000000000000000000000000000"}) {
    EXPECT_EQ(card.Send(Apdu("81540001", bad)), "6A80") << bad;
  }
}

TEST_F(Extensions, SessionsFollowTheRulesOfSignatures) {
  EXPECT_EQ(card.Send("81540101"), "9000") << "closing what is not open";
  EXPECT_EQ(card.Send("81540201"), "6A86");
  EXPECT_EQ(card.Send("81540010"), "6A86");
  EXPECT_EQ(card.Send("81558001039B0161"), "6985") << "without INIT";
  ASSERT_FALSE(Open("860107A20102").empty());
  EXPECT_EQ(card.Send("81558002039B0161"), "6985") << "another session";
  EXPECT_EQ(card.Send("81578001039B0161"), "6985") << "another family";
  EXPECT_EQ(card.Send("81540101"), "9000");
  EXPECT_EQ(card.Send("81558001039B0161"), "6985") << "closed";
  ASSERT_FALSE(Open("860107A20102").empty());
  EXPECT_EQ(card.Send("815580019C"), "6700");
  EXPECT_EQ(card.Send("81558001039C0161"), "6A80");
  EXPECT_EQ(card.Send("81558001039B0161"), "6985") << "an error ends the session";
  ASSERT_FALSE(Open("860107A20102").empty());
  EXPECT_EQ(card.SendAll("81558001039B0161").size(), 6U);
  EXPECT_EQ(card.Send("81558001039B0161"), "6985") << "so does the last command";
}

TEST_F(Extensions, AReplacedKeyEndsTheSession) {
  ASSERT_FALSE(Open("860107A20102").empty());
  const StoredObject* const key = Find(card.store(), ObjectClass::kSecretKey, Hex("07"));
  ASSERT_TRUE(card.store().Stage(*key, Counting(16)) && card.store().Commit());
  EXPECT_EQ(card.Send("81558001039B0161"), "6989");
}

TEST_F(Extensions, AnswersThatDoNotFitAreRefused) {
  // An extended command of 4090 bytes of text: its padding has no room in the answer.
  const Bytes text(4090);
  ASSERT_FALSE(Open("860107A20103").empty());
  const std::string data = "9B82" + ToHex(Hex("0FFA")) + ToHex(text);
  EXPECT_EQ(card.Send("8155800100" + ToHex(Hex("0FFE")) + data + "0000"), "6700");
}

// --- RSA-OAEP

TEST_F(Extensions, OaepOpensWhatOpenSslClosed) {
  Bytes large_image = MakeImage<LargeRamStore>([](ObjectStore& store, crypto::Crypto& crypto) {
    Bytes der(crypto::kMaxRsaPrivateSize);
    Bytes value(crypto::kRsaSize + crypto::kRsaExponentSize);
    std::size_t size = 0;
    ASSERT_TRUE(crypto.GenerateRsa(der, size, ByteSpan(value).first(256), ByteSpan(value).last(3)));
    ObjectInfo info = KeyInfo(ObjectClass::kPrivateKey, Hex("02"), "rsa", KeyType::kRsa2048);
    info.functions = 0x20;
    Add(store, info, ByteView(der).first(size), Hex("02"));
    info = KeyInfo(ObjectClass::kPublicKey, Hex("02"), "rsa", KeyType::kRsa2048);
    Add(store, info, value);
  });
  LargeCard large(large_image);
  large.SelectOnChannel1();
  const StoredObject* const object = Find(large.store(), ObjectClass::kPrivateKey, Hex("02"));
  const Bytes der = ToBytes(large.store().Value(*object));
  const unsigned char* place = der.data();
  EVP_PKEY* const key = d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &place, static_cast<long>(der.size()));
  ASSERT_NE(key, nullptr);
  EVP_PKEY_CTX* const ctx = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
  Bytes ciphertext(256);
  std::size_t size = ciphertext.size();
  ASSERT_TRUE(EVP_PKEY_encrypt_init(ctx) == 1 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_oaep_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
              EVP_PKEY_encrypt(ctx, ciphertext.data(), &size, kText.data(), kText.size()) == 1);
  EVP_PKEY_CTX_free(ctx);
  EVP_PKEY_free(key);

  const auto decrypt = [&](const std::string& parameters, const Bytes& bytes) {
    if (const auto sw = large.Send(Apdu("81560001", parameters)); sw != "9000") {
      return sw;
    }
    const Bytes first(bytes.begin(), bytes.begin() + 200);
    const Bytes second(bytes.begin() + 200, bytes.end());
    const std::string sw = large.Send(Apdu("81570001", Tlv("9B", first)));
    return sw == "9000" ? large.SendAll(Apdu("81578001", Tlv("9B", second))) : sw;
  };
  EXPECT_EQ(decrypt("840102A20104", ciphertext), ToHex(kText) + "9000");
  EXPECT_EQ(decrypt("7403727361A2010491020001", ciphertext), ToHex(kText) + "9000");
  EXPECT_EQ(decrypt("840102A2010491020002", ciphertext), "6A80") << "another hash";
  EXPECT_EQ(decrypt("840102A20104", Join(ciphertext, Bytes(1))), "6A80") << "one byte long";
  EXPECT_EQ(decrypt("840102A20104", Bytes(ciphertext.begin(), ciphertext.end() - 1)), "6A80") << "one byte short";
  EXPECT_EQ(decrypt("840102A20104", Bytes(300)), "6A80");
  ciphertext.back() ^= 1U;
  EXPECT_EQ(decrypt("840102A20104", ciphertext), "6A80");
}

// --- What is announced

iotsafe::SimrootIdentifier Announced(TestCard& card, iotsafe::ApplicationInfo& info) {
  const Bytes answer = Hex(card.SendAll("81CB000000"));
  const auto parsed = iotsafe::ParseApplicationInfo(ByteView(answer).first(answer.size() - 2));
  SR_CHECK(parsed.has_value());
  info = *parsed;
  const auto identifier = iotsafe::ParseIdentifier(parsed->proprietary_identifier.view());
  SR_CHECK(identifier.has_value());
  return *identifier;
}

TEST_F(Extensions, AreAnnounced) {
  iotsafe::ApplicationInfo info;
  const auto identifier = Announced(card, info);
  for (const auto extension : {iotsafe::Extension::kHash, iotsafe::Extension::kAesCbc, iotsafe::Extension::kAesCtr,
                               iotsafe::Extension::kAesGcm, iotsafe::Extension::kCmac, iotsafe::Extension::kRsaOaep}) {
    EXPECT_TRUE(iotsafe::Has(identifier.extensions, extension));
  }
  EXPECT_TRUE(iotsafe::Has(info.signature_algorithms, iotsafe::SignatureAlgorithm::kCmac));
}

TEST_F(Extensions, AreOffWhenSwitchedOff) {
  CompatibilityConfig config;
  config.extensions = false;
  TestCard plain(image, config);
  plain.SelectOnChannel1();
  for (const char* apdu : {"8152C001", "81540001", "81558001039B0161", "81560001", "81578001039B0161"}) {
    EXPECT_EQ(plain.Send(apdu), "6D00") << apdu;
  }
  EXPECT_EQ(plain.Send("012A000009860108A10101920108"), "6A80");
  iotsafe::ApplicationInfo info;
  EXPECT_EQ(Announced(plain, info).extensions, 0U);
  EXPECT_FALSE(iotsafe::Has(info.signature_algorithms, iotsafe::SignatureAlgorithm::kCmac));
}

}  // namespace
}  // namespace simroot::card
