// SPDX-License-Identifier: Apache-2.0
// What is hidden, what is shown, and the limits. The wording of whole commands and answers: tests/vectors/describe.
#include "common/iotsafe/describe.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"
#include "common/iotsafe/vocabulary.hpp"

namespace simroot::iotsafe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Text(const auto& describe) {
  std::string memory(8192, '\0');
  TextWriter out(memory);
  describe(out);
  EXPECT_TRUE(out.ok());
  return std::string(out.text());
}

std::string Command(ByteView command, Secrets secrets = Secrets::kHide) {
  return Text([&](TextWriter& out) { DescribeCommand(command, secrets, out); });
}
std::string Response(ByteView command, ByteView response, Secrets secrets = Secrets::kHide) {
  return Text([&](TextWriter& out) { DescribeResponse(command, response, secrets, out); });
}
std::string Tlvs(ByteView bytes, Secrets secrets = Secrets::kHide) {
  return Text([&](TextWriter& out) { DescribeTlvs(bytes, secrets, out); });
}
std::string CommandTrace(ByteView command) {
  return Text([&](TextWriter& out) { PutTraceHex(command, {}, false, out); });
}
std::string ResponseTrace(ByteView command, ByteView response) {
  return Text([&](TextWriter& out) { PutTraceHex(command, response, true, out); });
}

Bytes Apdu(std::string_view header, ByteView data) {
  return Join(Hex(header), Bytes{LowByte(data.size())}, data);
}

/// Every way in which the project puts a command into text with secrets hidden.
std::string AllOfCommand(ByteView command) {
  return Command(command) + "\n" + CommandTrace(command);
}
std::string AllOfResponse(ByteView command, ByteView response) {
  return Response(command, response) + "\n" + ResponseTrace(command, response);
}

const Bytes kSecretA = Bytes(32, 0xA5);
const Bytes kSecretB = Bytes(32, 0x33);  // looks like elements

TEST(DescribeSecrets, ValuesOfD1AndD4NeverShow) {
  const auto command = [](ByteView secret, std::string_view header, std::string_view before, std::string_view after) {
    return Apdu(header, Join(Hex(before), Bytes{LowByte(secret.size())}, secret, Hex(after)));
  };
  const std::vector<std::array<std::string_view, 3>> forms{
      {"81480000", "D1", "D20141D30130"},
      {"81480000", "D20141D30130D1", ""},
      {"81480000", "D30130D1", "D20141"},
      {"81480200", "860106D4", "D20141D30130"},
      {"81480200", "D301307603707368D4", ""},  // the length of D3 could be two bytes
      {"814A0000", "D1", "D5020000910200 01"},
      {"814A0000", "9202D1", ""},  // the odd tag 92 of one card
      {"814A0000", "3300D1", ""},  // a tag whose length may have other forms
      {"814A0000", "5F00D1", ""},  // unknown tag before it
      {"81460000", "84010485 0105D1", ""},
  };
  for (const auto& [header, before, after] : forms) {
    const std::string a = AllOfCommand(command(kSecretA, header, before, after));
    EXPECT_EQ(a, AllOfCommand(command(kSecretB, header, before, after))) << before;
    EXPECT_THAT(a, Not(HasSubstr("A5A5"))) << before;
  }
}

TEST(DescribeSecrets, MalformedSecretCommandsShowNoData) {
  for (const char* text : {"8148000030 D120", "8148000022 D130", "814A000020 D11E", "81480000 00 0022 D130",
                           "8148000002 D120", "81480000 0A D10130 "}) {
    const std::string a = AllOfCommand(Join(Hex(text), kSecretA));
    EXPECT_EQ(a, AllOfCommand(Join(Hex(text), kSecretB))) << text;
    EXPECT_THAT(a, Not(HasSubstr("A5A5"))) << text;
  }
}

TEST(DescribeSecrets, SecretAnswersShowOnlyTheirLength) {
  for (const char* text : {"8184000020", "81460000068401048501 05", "8148000003D30130", "814A000003860106",
                           "81C0000020", "01C0000000", "", "81", "00880081 02 0102", "80500000 02 0102"}) {
    const Bytes command = Hex(text);
    const Bytes a = Join(kSecretA, Hex("9000"));
    const Bytes b = Join(kSecretB, Hex("9000"));
    EXPECT_EQ(AllOfResponse(command, a), AllOfResponse(command, b)) << text;
    EXPECT_EQ("..9000", ResponseTrace(command, a)) << text;
    EXPECT_THAT(Response(command, a), HasSubstr("32 bytes; 9000 done")) << text;
  }
}

TEST(DescribeSecrets, RandomBytesAreNotTakenForAnElement) {  // 33 1E ...: a tag and a length that fits, by chance
  for (const char* start : {"331E", "C11E", "101E", "8401AA851B", "341E", "621E"}) {
    Bytes answer = Hex(start);
    answer.resize(32, 0x5A);
    EXPECT_EQ("..9000", ResponseTrace(Hex("81C0000020"), Join(answer, Hex("9000")))) << start;
  }
}

TEST(DescribeSecrets, PinsAndStoredCredentialsAreHidden) {
  for (const char* text : {"0020000108", "0024000110", "002C000110", "0026000108", "0028000108", "80E2800010"}) {
    const Bytes header = Hex(text);
    const std::string a = AllOfCommand(Join(header, Bytes(header.back(), 0x31)));
    EXPECT_EQ(a, AllOfCommand(Join(header, Bytes(header.back(), 0x32)))) << text;
  }
}

TEST(DescribeSecrets, AreShownToWhoeverTypedThem) {
  const Bytes command = Apdu("81480000", Hex("D104AABBCCDDD30130"));
  EXPECT_THAT(Command(command, Secrets::kShow), HasSubstr("secret AABBCCDD"));
  EXPECT_THAT(Command(command), HasSubstr("secret 4 bytes"));
  EXPECT_THAT(Response(Hex("8184000004"), Hex("010203049000"), Secrets::kShow), HasSubstr("random 01020304"));
  EXPECT_EQ("D4 Diffie-Hellman result: 0102\n", Tlvs(Hex("D4020102"), Secrets::kShow));
  EXPECT_EQ("D4 Diffie-Hellman result: 2 bytes\n", Tlvs(Hex("D4020102")));
}

TEST(PutTraceHex, KeepsHeaderLengthsAndLe) {
  EXPECT_EQ("8148000009D104..D3013000", CommandTrace(Hex("8148000009D104AABBCCDDD3013000")));
  EXPECT_EQ("81480000000009D104..D301300000", CommandTrace(Hex("81480000000009D104AABBCCDDD301300000")));
  EXPECT_EQ("8148000009D104..D30130", CommandTrace(Hex("8148000009D104AABBCCDDD30130")));
  EXPECT_EQ("8148000006D104..00FF", CommandTrace(Hex("8148000006D104AABBCCDD00FF")));
  EXPECT_EQ("8148000006D104....", CommandTrace(Hex("8148000006D104AABBCCDD01FF")));
  EXPECT_EQ("81480000", CommandTrace(Hex("81480000")));
  EXPECT_EQ("8148000000", CommandTrace(Hex("8148000000")));
  EXPECT_EQ("8148", CommandTrace(Hex("8148")));
  EXPECT_EQ("", CommandTrace({}));
}

TEST(PutTraceHex, ShowsEmptySecretsAsEmpty) {
  EXPECT_EQ("8148000002D100", CommandTrace(Hex("8148000002D100")));
  EXPECT_EQ("9000", ResponseTrace(Hex("8184000010"), Hex("9000")));
  EXPECT_EQ("90", ResponseTrace(Hex("8184000010"), Hex("90")));
  EXPECT_EQ("", ResponseTrace(Hex("8184000010"), {}));
}

TEST(PutTraceHex, ShowsDataThatIsToBeSigned) {
  const Bytes hash = Apdu("812B8001", Join(Hex("9E20"), Bytes(32, 0xA5)));
  EXPECT_EQ(ToHex(hash), CommandTrace(hash));
  const Bytes continued = Apdu("812B0001", Bytes(100, 0x61));
  EXPECT_EQ(ToHex(continued), CommandTrace(continued));
}

TEST(DescribeTlvs, IndentsWhatIsInside) {
  EXPECT_EQ(
      "C1 private key information\n"
      "  74 private key label: \"sig\"\n"
      "  84 private key identifier: 01\n"
      "  60 object access conditions: none\n"
      "  4B key type: P-256 persistent\n"
      "34 public key data\n"
      "  49 public key template\n"
      "    86 EC point: 0405 (unusual length 2)\n",
      Tlvs(Hex("C1 0E 7403736967 840101 600100 4B0113  34 06 49 04 86 02 0405"), Secrets::kShow));
}

TEST(DescribeTlvs, NamesTheSameTagByItsPlace) {
  EXPECT_EQ("86 secret key identifier: 06\n", Tlvs(Hex("860106")));
  EXPECT_THAT(Tlvs(Hex("4903860106")), HasSubstr("86 EC point"));
}

TEST(DescribeTlvs, KnowsTheKeysOfRsaAndP384) {
  const Bytes rsa = Join(Hex("3482010D 49820109 81820100"), Bytes(256, 0x91), Hex("8203010001"));
  EXPECT_THAT(Tlvs(rsa), ::testing::AllOf(HasSubstr("81 modulus: 9191"), HasSubstr("82 exponent: 010001")));
  EXPECT_THAT(Tlvs(Join(Hex("346549638661 04"), Bytes(96, 0x11))), HasSubstr("86 EC point: 041111"));
}

TEST(DescribeTlvs, ReadsEveryKnownLengthForm) {
  const Bytes signature(64, 0x5A);
  for (const char* head : {"33 40", "33 0040", "33 8140", "33 820040"}) {
    EXPECT_EQ("33 signature: " + ToHex(signature) + "\n", Tlvs(Join(Hex(head), signature))) << head;
  }
  EXPECT_EQ("9B data: " + ToHex(Counting(253)) + "\n", Tlvs(Join(Hex("9BFD"), Counting(253))));
}

TEST(DescribeTlvs, SaysWhatIsUnknownOddOrCut) {
  EXPECT_EQ("7D unknown tag: 2 bytes\n", Tlvs(Hex("7D02AABB")));
  EXPECT_EQ("7D unknown tag: AABB\n", Tlvs(Hex("7D02AABB"), Secrets::kShow));
  EXPECT_EQ("84 private key identifier: 01\nno element: 8402\n", Tlvs(Hex("8401018402"), Secrets::kShow));
  EXPECT_EQ("84 private key identifier: 01\nno element: 2 bytes\n", Tlvs(Hex("8401018402")));
  EXPECT_EQ("92 signature algorithms: ECDSA\n91 hash algorithms: SHA-256\n", Tlvs(Hex("920204 91020001")));
  EXPECT_EQ("9B data: 6162 (2 of 300 bytes)\n", Tlvs(Hex("9B82012C6162"), Secrets::kShow));
  EXPECT_EQ("", Tlvs({}));
}

TEST(DescribeTlvs, WritesNumbersAndBitFields) {
  EXPECT_EQ("10 IoT SAFE version: 1.0\n", Tlvs(Hex("100110")));
  EXPECT_EQ("20 file size: 600\n", Tlvs(Hex("20020258")));
  EXPECT_EQ("9D number of bytes already hashed: 64\n", Tlvs(Hex("9D0400000040")));
  EXPECT_EQ("91 hash algorithms: SHA-256+SHA-512\n", Tlvs(Hex("91020005")));
  EXPECT_EQ("91 hash algorithms: SHA-256+unknown in 0009\n", Tlvs(Hex("91020009")));
  EXPECT_EQ("91 hash algorithms: none\n", Tlvs(Hex("91020000")));
  EXPECT_EQ("4B key type: unknown 43\n", Tlvs(Hex("4B0143")));
  EXPECT_EQ("60 object access conditions: readable+updatable\n", Tlvs(Hex("600103")));
  EXPECT_EQ("A1 mode of operation: last block\n", Tlvs(Hex("A10102")));
}

TEST(DescribeTlvs, ShowsLabelsThatAreNoTextAsHex) {
  EXPECT_EQ("73 file label: \"cert 1\"\n", Tlvs(Hex("7306636572742031")));
  EXPECT_EQ("73 file label: 0A1B5B\n", Tlvs(Hex("73030A1B5B")));
  EXPECT_EQ("73 file label: 22\n", Tlvs(Hex("730122")));
  EXPECT_EQ("73 file label: \"\"\n", Tlvs(Hex("7300")));
}

TEST(DescribeTlvs, EndsForElementsNestedWithoutEnd) {
  Bytes nested;
  while (nested.size() < 200) {
    nested = Join(Bytes{0xC1, LowByte(nested.size())}, nested);
  }
  const std::string text = Tlvs(nested, Secrets::kShow);
  EXPECT_EQ(5, std::ranges::count(text, '\n'));
}

TEST(DescribeTlvs, NamesEveryTagOfTheTable) {
  for (const TagRule& rule : kTagRules) {
    const Bytes bytes = Join(Bytes{Code(rule.tag), 0});
    EXPECT_THAT(Tlvs(bytes), HasSubstr(std::string(rule.name))) << std::string(rule.name);
  }
}

TEST(DescribeCommand, NamesEveryInstructionOfTheTable) {
  for (const InsName& row : kInsNames) {
    const Bytes command{0x82, Code(row.ins), 0x00, 0x00, 0x03, 0x84, 0x01, 0x01};
    EXPECT_THAT(Command(command), HasSubstr("ch2 " + std::string(row.name))) << std::string(row.name);
  }
}

TEST(DescribeCommand, SeparatesReadFileFromReadBinary) {
  EXPECT_EQ("ch1 READ FILE offset 600: file identifier 02, up to 50 bytes", Command(Hex("01B00258 03 830102 32")));
  EXPECT_EQ("ch0 READ BINARY offset 600, up to 50 bytes", Command(Hex("00B0025832")));
  EXPECT_EQ("ch0 READ BINARY short file identifier 2 offset 3, up to 256 bytes", Command(Hex("00B0820300")));
}

TEST(DescribeCommand, ShowsParametersItHasNoWordFor) {
  EXPECT_THAT(Command(Hex("81840100 08")), HasSubstr("GET RANDOM P1=01 P2=00"));
  EXPECT_THAT(Command(Hex("81480300")), HasSubstr("COMPUTE PRF P1=03 P2=00"));
  EXPECT_THAT(Command(Hex("812A0201")), HasSubstr("COMPUTE SIGNATURE INIT P1=02 P2=01"));
  EXPECT_THAT(Command(Hex("81CB0500")), HasSubstr("GET DATA P1=05 P2=00"));
}

TEST(DescribeCommand, TakesAnyBit8ForTheLastUpdate) {
  EXPECT_THAT(Command(Hex("812B9001")), HasSubstr("session 1 last"));
  EXPECT_THAT(Command(Hex("812B0001")), HasSubstr("session 1 more follows"));
}

TEST(DescribeCommand, SaysWhyBytesAreNoCommand) {
  EXPECT_THAT(Command(Hex("81CD00")), HasSubstr("fewer bytes than announced"));
  EXPECT_THAT(Command(Hex("81CD000005850101")), HasSubstr("fewer bytes than announced"));
  EXPECT_THAT(Command(Hex("81CD0000000000AA")), HasSubstr("lengths fit no case"));
}

TEST(DescribeResponse, PutsStatusWordsIntoWords) {
  EXPECT_EQ("6D01 signature does not match", Response({}, Hex("6D01")));
  EXPECT_EQ("6100 256 response bytes waiting for GET RESPONSE", Response({}, Hex("6100")));
  EXPECT_EQ("63CF done, a remote administration session has completed since", Response({}, Hex("63CF")));
  EXPECT_EQ("no response APDU: 90", Response({}, Hex("90")));
  EXPECT_EQ("no response APDU: ", Response({}, {}));
}

TEST(Describe, CutsOffInsteadOfOverflowing) {
  const Bytes command = Hex("002A00010D 840101 A10103 91020001 920104");
  const std::string whole = Command(command);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::string memory(size, '\0');
    TextWriter out(memory);
    DescribeCommand(command, Secrets::kHide, out);
    EXPECT_FALSE(out.ok());
    EXPECT_EQ(whole.substr(0, size), out.text());
  }
}

}  // namespace
}  // namespace simroot::iotsafe
