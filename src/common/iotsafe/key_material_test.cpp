// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "common/iotsafe/objects.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::iotsafe {
namespace {

// Public key and signature of a real card with Quantag's applet (the signature verifies over 01..08 with SHA-256).
constexpr const char* kPoint =
    "04D569954216F62264F01B78ED599898D12C436A4633505DA18B008D5529E09AF2"
    "83ED5E453EDC8B5492704C1B8D48895857442057335B39078AF27A9008DC1401";
constexpr const char* kRaw =
    "343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
    "E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B";
constexpr const char* kDer =
    "3045 0220 343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
    "0221 00E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B";

Bytes Put(const auto& write) {
  Bytes memory(400);
  ByteWriter out(memory);
  write(out);
  EXPECT_TRUE(out.ok());
  memory.resize(out.size());
  return memory;
}

TEST(PublicKeyData, IsWrittenWithItsThreeLevels) {
  const Bytes bytes = Put([](ByteWriter& out) { PutPublicKeyData(Hex(kPoint), out); });
  EXPECT_EQ(Join(Hex("344549438641"), Hex(kPoint)), bytes);
  EXPECT_EQ(kPublicKeyDataSize, bytes.size());
}

TEST(PublicKeyData, RefusesAnythingButAPointOf65Bytes) {
  Bytes memory(200);
  for (const std::size_t size : {0U, 33U, 64U, 66U}) {
    ByteWriter out(memory);
    PutPublicKeyData(Bytes(size, 4), out);
    EXPECT_FALSE(out.ok()) << size;
  }
}

TEST(ParsePublicKeyValue, FindsThePoint) {
  const Bytes value = Join(Hex("49438641"), Hex(kPoint));
  const auto point = ParsePublicKeyValue(value);
  ASSERT_TRUE(point);
  EXPECT_EQ(ToHex(Hex(kPoint)), ToHex(*point));
}

TEST(ParsePublicKeyValue, RefusesEveryOtherForm) {
  const Bytes point = Hex(kPoint);
  const Bytes cut(point.begin(), point.end() - 1);
  EXPECT_EQ(ParseError::kTruncated, ParsePublicKeyValue({}).error());
  EXPECT_EQ(ParseError::kTruncated, ParsePublicKeyValue(Join(Hex("49438641"), cut)).error());
  EXPECT_EQ(ParseError::kTruncated, ParsePublicKeyValue(Join(Hex("49428641"), cut)).error());
  EXPECT_EQ(ParseError::kTrailingBytes, ParsePublicKeyValue(Join(Hex("49438641"), point, Hex("00"))).error());
  EXPECT_EQ(ParseError::kTrailingBytes, ParsePublicKeyValue(Join(Hex("49448641"), point, Hex("00"))).error());
  EXPECT_EQ(ParseError::kUnexpectedTag, ParsePublicKeyValue(Join(Hex("48438641"), point)).error());
  EXPECT_EQ(ParseError::kUnexpectedTag, ParsePublicKeyValue(Join(Hex("49438341"), point)).error());
  EXPECT_EQ(ParseError::kBadValue, ParsePublicKeyValue(Join(Hex("49428640"), cut)).error());
  EXPECT_EQ(ParseError::kBadValue, ParsePublicKeyValue(Hex("49028600")).error());
  // Compressed, hybrid, and the point at infinity (test case T74).
  EXPECT_EQ(ParseError::kBadValue, ParsePublicKeyValue(Join(Hex("4923862102"), Bytes(32, 1))).error());
  EXPECT_EQ(ParseError::kBadValue, ParsePublicKeyValue(Join(Hex("4943864106"), Bytes(64, 1))).error());
  EXPECT_EQ(ParseError::kBadValue, ParsePublicKeyValue(Hex("4903860100")).error());
}

TEST(PublicKeyData, HasPointsOf97BytesOnP384) {
  const Bytes point = Join(Hex("04"), Bytes(96, 0x11));
  const Bytes bytes = Put([&](ByteWriter& out) { PutPublicKeyData(point, out); });
  EXPECT_EQ(Join(Hex("346549638661"), point), bytes);
  const auto key = ParseAnyPublicKeyValue(ByteView(bytes).subspan(2));
  ASSERT_TRUE(key);
  EXPECT_EQ(ToHex(point), ToHex(key->point));
  EXPECT_TRUE(key->modulus.empty());
  EXPECT_EQ(ParseError::kBadValue, ParsePublicKeyValue(ByteView(bytes).subspan(2)).error()) << "P-256 only";
}

/// `49 .. { 81 modulus 82 exponent }` with lengths in BER.
Bytes RsaValue(const Bytes& modulus, const Bytes& exponent) {
  const auto element = [](std::uint8_t tag, const Bytes& value) {
    return Put([&](ByteWriter& out) { wire::PutBerTlv(tag, value, out); });
  };
  return element(0x49, Join(element(0x81, modulus), element(0x82, exponent)));
}

TEST(RsaPublicKeyData, IsWrittenWithBerLengthsAndRead) {
  const Bytes modulus(256, 0x91);
  const Bytes bytes =
      Put([&](ByteWriter& out) { PutPublicKeyData({.modulus = modulus, .exponent = Hex("010001")}, out); });
  EXPECT_EQ(Join(Hex("3482010D 49820109 81820100"), modulus, Hex("8203 010001")), bytes);
  const auto key = ParseAnyPublicKeyValue(ByteView(bytes).subspan(4));
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->point.empty());
  EXPECT_EQ(ToHex(modulus), ToHex(key->modulus));
  EXPECT_EQ("010001", ToHex(key->exponent));
  EXPECT_EQ(ParseError::kBadValue, ParsePublicKeyValue(ByteView(bytes).subspan(4)).error()) << "P-256 only";
}

TEST(RsaPublicKeyData, IsReadWithOtherLengthsAndInTheOtherOrder) {
  const Bytes modulus(256, 0x91);
  for (const Bytes& value :
       {Join(Hex("490108 810100"), modulus, Hex("8203 010001")), Join(Hex("49820109 8203 010001 81820100"), modulus),
        RsaValue(modulus, Hex("010001")), RsaValue(modulus, Hex("03")), RsaValue(modulus, Bytes(8, 0x11))}) {
    const auto key = ParseAnyPublicKeyValue(value);
    ASSERT_TRUE(key) << ToHex(value).substr(0, 20);
    EXPECT_EQ(ToHex(modulus), ToHex(key->modulus));
  }
}

TEST(RsaPublicKeyData, IsNothingElse) {
  const Bytes modulus(256, 0x91);
  EXPECT_EQ(ParseError::kBadValue, ParseAnyPublicKeyValue(RsaValue(Bytes(255, 0x91), Hex("010001"))).error());
  EXPECT_EQ(ParseError::kBadValue, ParseAnyPublicKeyValue(RsaValue(Bytes(257, 0x91), Hex("010001"))).error());
  EXPECT_EQ(ParseError::kBadValue, ParseAnyPublicKeyValue(RsaValue(Bytes(256, 0x71), Hex("010001"))).error());
  EXPECT_EQ(ParseError::kBadValue, ParseAnyPublicKeyValue(RsaValue(modulus, Hex("0001"))).error());
  EXPECT_EQ(ParseError::kBadValue, ParseAnyPublicKeyValue(RsaValue(modulus, Bytes(9, 0x11))).error());
  EXPECT_EQ(ParseError::kBadValue, ParseAnyPublicKeyValue(RsaValue(modulus, {})).error());
  EXPECT_EQ(ParseError::kBadValue, ParseAnyPublicKeyValue(Join(Hex("49820104 81820100"), modulus)).error());
  const Bytes good = RsaValue(modulus, Hex("010001"));
  EXPECT_FALSE(ParseAnyPublicKeyValue(ByteView(good).first(good.size() - 1)));
  EXPECT_FALSE(ParseAnyPublicKeyValue(Join(good, Hex("00"))));
  EXPECT_FALSE(ParseAnyPublicKeyValue(Join(Hex("4982010E 8203 010001 8203 010001 81820100"), modulus)));
  Bytes memory(400);
  for (const PublicKeyView& key : {PublicKeyView{.modulus = ByteView(modulus).first(255), .exponent = Hex("03")},
                                   PublicKeyView{.modulus = modulus}}) {
    ByteWriter out(memory);
    PutPublicKeyData(key, out);
    EXPECT_FALSE(out.ok());
  }
}

TEST(ParseGeneratedKeyPair, ReadsAnRsaKey) {
  const Bytes modulus(256, 0x91);
  const Bytes id{0x21};
  const Bytes bytes = Put([&](ByteWriter& out) { PutGeneratedKeyPair({id, id, {}, modulus, Hex("010001")}, out); });
  EXPECT_EQ(Join(Hex("840121 850121 3482010D 49820109 81820100"), modulus, Hex("8203 010001")), bytes);
  const auto pair = ParseGeneratedKeyPair(bytes);
  ASSERT_TRUE(pair);
  EXPECT_TRUE(pair->point.empty());
  EXPECT_EQ(ToHex(modulus), ToHex(pair->modulus));
  EXPECT_EQ("010001", ToHex(pair->exponent));
  EXPECT_FALSE(ParseGeneratedKeyPair(ByteView(bytes).first(bytes.size() - 1)));
}

struct PairCase {
  const char* name;
  std::string prefix;
  std::string private_id;
  std::string public_id;
};

class GeneratedKeyPairs : public ::testing::TestWithParam<PairCase> {};

TEST_P(GeneratedKeyPairs, AreReadAndWritten) {
  const PairCase& expected = GetParam();
  const Bytes bytes = Join(Hex(expected.prefix), Hex("344549438641"), Hex(kPoint));
  const auto pair = ParseGeneratedKeyPair(bytes);
  ASSERT_TRUE(pair);
  EXPECT_EQ(expected.private_id, ToHex(pair->private_id));
  EXPECT_EQ(expected.public_id, ToHex(pair->public_id));
  EXPECT_EQ(ToHex(Hex(kPoint)), ToHex(pair->point));
  EXPECT_EQ(bytes, Put([&pair](ByteWriter& out) { PutGeneratedKeyPair(*pair, out); }));
  EXPECT_FALSE(ParseGeneratedKeyPair(ByteView(bytes).first(bytes.size() - 1)));
  EXPECT_FALSE(ParseGeneratedKeyPair(Join(bytes, Hex("00"))));
}

INSTANTIATE_TEST_SUITE_P(RealCards, GeneratedKeyPairs,
                         ::testing::Values(PairCase{"Quantag", "84020002 85020002", "0002", "0002"},
                                           PairCase{"Zariot", "8403303031 8503303032", "303031", "303032"},
                                           PairCase{"PublicKeyOnly", "", "", ""}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ParseGeneratedKeyPair, AcceptsAnyOrderUnknownTagsAndLengthForms) {
  for (const char* head : {"34 45", "34 8145", "34 820045", "34 0045"}) {
    const Bytes bytes = Join(Hex(head), Hex("49438641"), Hex(kPoint), Hex("840101 7D0100"));
    const auto pair = ParseGeneratedKeyPair(bytes);
    ASSERT_TRUE(pair) << head;
    EXPECT_EQ("01", ToHex(pair->private_id));
    EXPECT_EQ(kP256PointSize, pair->point.size());
  }
}

TEST(ParseGeneratedKeyPair, AcceptsIdentifiersWithoutPoint) {
  const auto pair = ParseGeneratedKeyPair(Hex("840104 850105"));
  ASSERT_TRUE(pair);
  EXPECT_TRUE(pair->point.empty());
}

TEST(ParseGeneratedKeyPair, RefusesNothingDuplicatesAndBadIdentifiers) {
  EXPECT_EQ(ParseError::kMissingTag, ParseGeneratedKeyPair({}).error());
  EXPECT_EQ(ParseError::kMissingTag, ParseGeneratedKeyPair(Hex("7D0100")).error());
  EXPECT_EQ(ParseError::kDuplicateTag, ParseGeneratedKeyPair(Hex("840101 840101")).error());
  EXPECT_EQ(ParseError::kDuplicateTag, ParseGeneratedKeyPair(Hex("850101 850101")).error());
  EXPECT_EQ(ParseError::kBadLength, ParseGeneratedKeyPair(Hex("8400")).error());
  EXPECT_EQ(ParseError::kBadLength, ParseGeneratedKeyPair(Join(Hex("8415"), Counting(21))).error());
  const Bytes key = Join(Hex("344549438641"), Hex(kPoint));
  EXPECT_EQ(ParseError::kDuplicateTag, ParseGeneratedKeyPair(Join(key, key)).error());
}

TEST(SignatureParameters, AreWrittenInTheOrderOfAllClients) {
  const Bytes id = Hex("01");
  const SignatureParameters sign{{ObjectClass::kPrivateKey, false, id},
                                 OperationMode::kPadAndSign,
                                 HashAlgorithm::kSha256,
                                 SignatureAlgorithm::kEcdsa};
  EXPECT_EQ("840101A1010391020001920104", ToHex(Put([&](ByteWriter& out) { PutSignatureParameters(sign, out); })));
  const Bytes label = Hex("303037");
  const SignatureParameters verify{{ObjectClass::kPublicKey, true, label},
                                   OperationMode::kFullText,
                                   HashAlgorithm::kSha384,
                                   SignatureAlgorithm::kRsaPss};
  EXPECT_EQ("7503303037A1010191020002920102",
            ToHex(Put([&](ByteWriter& out) { PutSignatureParameters(verify, out); })));
}

TEST(ParseSignature, ReadsEveryLengthForm) {
  for (const char* head : {"33 40", "33 0040", "33 8140", "33 820040"}) {
    const Bytes bytes = Join(Hex(head), Hex(kRaw));
    const auto raw = ParseSignature(bytes);
    ASSERT_TRUE(raw) << head;
    EXPECT_EQ(ToHex(Hex(kRaw)), ToHex(raw->view()));
    EXPECT_FALSE(ParseSignature(ByteView(bytes).first(bytes.size() - 1))) << head;
    EXPECT_FALSE(ParseSignature(Join(bytes, Hex("00")))) << head;
  }
}

TEST(ParseSignature, ConvertsDerInside) {  // "33 46 30 44" to "33 48 30 46" (spec 8.1)
  const Bytes der = Hex(kDer);
  for (const char* head : {"33 47", "33 0047", "33 8147"}) {
    const auto raw = ParseSignature(Join(Hex(head), der));
    ASSERT_TRUE(raw) << head;
    EXPECT_EQ(ToHex(Hex(kRaw)), ToHex(raw->view()));
  }
}

TEST(ParseSignature, RefusesOtherTagsAndContents) {
  EXPECT_EQ(ParseError::kTruncated, ParseSignature({}).error());
  EXPECT_EQ(ParseError::kUnexpectedTag, ParseSignature(Join(Hex("34 40"), Hex(kRaw))).error());
  EXPECT_EQ(ParseError::kBadLength, ParseSignature(Hex("33")).error());
  EXPECT_FALSE(ParseSignature(Hex("33 00")));
  EXPECT_FALSE(ParseSignature(Join(Hex("33 3F"), Counting(63))));
  EXPECT_FALSE(ParseSignature(Join(Hex("33 0100"), Counting(256))));
}

Bytes Scalars(std::string_view r_tail, std::string_view s_tail) {
  const Bytes r = Hex(r_tail);
  const Bytes s = Hex(s_tail);
  return Join(Bytes(32 - r.size()), r, Bytes(32 - s.size()), s);
}

struct DerCase {
  const char* name;
  Bytes raw;
  std::string der;
};

class DerPairs : public ::testing::TestWithParam<DerCase> {};

TEST_P(DerPairs, ConvertBothWays) {
  const Bytes der = Hex(GetParam().der);
  EXPECT_EQ(ToHex(der), ToHex(RawSignatureToDer(GetParam().raw).view()));
  const auto raw = DerSignatureToRaw(der);
  ASSERT_TRUE(raw);
  EXPECT_EQ(ToHex(GetParam().raw), ToHex(raw->view()));
  EXPECT_FALSE(DerSignatureToRaw(Join(der, Hex("00")))) << "one byte long";
  for (std::size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(DerSignatureToRaw(ByteView(der).first(size))) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DerPairs,
                         ::testing::Values(DerCase{"RealCard", Hex(kRaw), kDer},
                                           DerCase{"Smallest", Scalars("01", "02"), "3006020101020102"},
                                           DerCase{"Zeros", Scalars("", ""), "3006020100020100"},
                                           DerCase{"SignByte", Scalars("80", "7F"), "300702020080 02017F"},
                                           DerCase{"TwoBytes", Scalars("0100", "8000"), "3009 02020100 0203008000"},
                                           DerCase{"Longest", Bytes(64, 0xFF),
                                                   "3046 022100" + ToHex(Bytes(32, 0xFF)) + "022100" +
                                                       ToHex(Bytes(32, 0xFF))}),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(RawSignatureToDer, GivesNothingForOtherLengths) {
  EXPECT_TRUE(RawSignatureToDer(Bytes(63, 1)).empty());
  EXPECT_TRUE(RawSignatureToDer(Bytes(65, 1)).empty());
  EXPECT_TRUE(RawSignatureToDer({}).empty());
}

TEST(DerSignatureToRaw, IsStrict) {
  const std::vector<std::pair<std::string, ParseError>> refused{
      {"3106020101020101", ParseError::kUnexpectedTag},        // SET
      {"3006030101020101", ParseError::kUnexpectedTag},        // BIT STRING
      {"3006020101030101", ParseError::kUnexpectedTag},        //
      {"308106020101020101", ParseError::kTruncated},          // length not minimal
      {"30070281 0101020101", ParseError::kTruncated},         // length not minimal inside
      {"3080020101020101 0000", ParseError::kTruncated},       // indefinite
      {"3006020181020101", ParseError::kBadValue},             // negative
      {"30060201010201FF", ParseError::kBadValue},             // negative
      {"300702020001020101", ParseError::kBadValue},           // leading zero too many
      {"3007020101 02020000", ParseError::kBadValue},          // zero in two bytes
      {"3005020002 0101", ParseError::kBadValue},              // empty integer
      {"3003020101", ParseError::kTruncated},                  // one integer
      {"3009020101020101020101", ParseError::kTrailingBytes},  // three integers
      {"300602010102010100", ParseError::kTrailingBytes},      // bytes behind
      {"3000", ParseError::kTruncated},
  };
  for (const auto& [text, error] : refused) {
    const auto raw = DerSignatureToRaw(Hex(text));
    ASSERT_FALSE(raw) << text;
    EXPECT_EQ(error, raw.error()) << text;
  }
}

TEST(DerSignatures, HaveScalarsOf48BytesOnP384) {
  constexpr std::size_t kSize = kP384ScalarSize;
  const Bytes smallest = Join(Bytes(47), Hex("01"), Bytes(47), Hex("80"));
  const Bytes longest(96, 0xFF);
  const std::vector<std::pair<Bytes, Bytes>> pairs{
      {smallest, Hex("3007 020101 02020080")},
      {longest, Join(Hex("3066 023100"), Bytes(48, 0xFF), Hex("023100"), Bytes(48, 0xFF))}};
  for (const auto& [raw, der] : pairs) {
    EXPECT_EQ(ToHex(der), ToHex(RawSignatureToDer(raw, kSize).view()));
    const auto back = DerSignatureToRaw(der, kSize);
    ASSERT_TRUE(back);
    EXPECT_EQ(ToHex(raw), ToHex(back->view()));
    const auto inside = ParseSignature(Join(Hex("33"), Bytes{LowByte(der.size())}, der), kSize);
    ASSERT_TRUE(inside);
    EXPECT_EQ(ToHex(raw), ToHex(inside->view()));
    EXPECT_TRUE(RawSignatureToDer(raw).empty());
    EXPECT_TRUE(RawSignatureToDer(ByteView(raw).first(95), kSize).empty());
    EXPECT_TRUE(RawSignatureToDer(Join(raw, Hex("00")), kSize).empty());
  }
  EXPECT_EQ(kMaxDerSignatureSize, RawSignatureToDer(longest, kSize).size());
  EXPECT_EQ(ParseError::kBadValue, DerSignatureToRaw(pairs.back().second).error()) << "too long for P-256";
  const auto raw = ParseSignature(Join(Hex("33 60"), longest), kSize);
  ASSERT_TRUE(raw);
  EXPECT_EQ(ToHex(longest), ToHex(raw->view()));
  EXPECT_FALSE(ParseSignature(Join(Hex("33 60"), longest)));
}

TEST(DerSignatures, OfLargerScalarsAreRefused) {
  EXPECT_TRUE(RawSignatureToDer(Bytes(98, 1), 49).empty());
  EXPECT_EQ(ParseError::kBadLength, DerSignatureToRaw(Hex("3006020101020102"), 49).error());
  EXPECT_FALSE(ParseSignature(Join(Hex("33 62"), Bytes(98, 1)), 49));
}

TEST(DerSignatureToRaw, RefusesIntegersOf33Bytes) {
  const std::string long_r = "0221" + std::string("01") + ToHex(Bytes(32, 0));
  EXPECT_EQ(ParseError::kBadValue, DerSignatureToRaw(Hex("3026" + long_r + "020101")).error());
  const std::string signed_r = "022200" + ToHex(Bytes(33, 0xFF));
  EXPECT_EQ(ParseError::kBadValue, DerSignatureToRaw(Hex("3027" + signed_r + "020101")).error());
}

}  // namespace
}  // namespace simroot::iotsafe
