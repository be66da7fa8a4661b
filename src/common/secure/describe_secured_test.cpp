// SPDX-License-Identifier: Apache-2.0
// Packets are those of the vectors in tests/vectors/secure and of sms_test.cpp.
#include "common/secure/describe_secured.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::secure {
namespace {

std::string Words(const std::string& hex) {
  const Bytes bytes = Hex(hex);
  std::string memory(4096, '\0');
  TextWriter out(memory);
  DescribeSecured(bytes, out);
  EXPECT_TRUE(out.ok());
  return std::string(out.text());
}

TEST(DescribeSecured, CommandPackets) {
  EXPECT_EQ(
      Words("001D1512017575000000000000036F0087A47C630C8CA89EA0A40000027F20"),
      "command packet (without header): cryptographic check, not ciphered, counter must be higher; proof of "
      "receipt always: no check, not ciphered, in the delivery report; KIc 75 (key set 7, triple DES with 2 keys), "
      "KID 75 (key set 7, triple DES with 2 keys); TAR 000000 (issuer's security domain); counter 000000036F, "
      "check 87A47C630C8CA89E; commands {class A0 SELECT file 7F20}");
  EXPECT_EQ(Words("02700000281506192222B00011E87CCEEBB2D93083011CE294F93FC4D8DE80DA1ABAE8C37CA3E72EC4432E5058"),
            "command packet (SMS): cryptographic check, ciphered, no counter; proof of receipt always: cryptographic "
            "check, ciphered, in the delivery report; KIc 22 (key set 2, AES), KID 22 (key set 2, AES); TAR B00011 "
            "(files of the USIM); ciphered E87CCEEBB2D93083011CE294F93FC4D8DE80DA1ABAE8C37CA3E72EC4432E5058");
  EXPECT_EQ(Words("00100D00220000010203000000000000AABB"),
            "command packet (without header): no check, not ciphered, no counter; proof of receipt on error: no check, "
            "not ciphered, by SMS-SUBMIT; KIc 00 (key set not named, algorithm not named), KID 00 (key set not named, "
            "algorithm not named); TAR 010203; counter 0000000000; data AABB");
  EXPECT_EQ(
      Words("01130F090000110102030000000001001234AABBCC"),
      "command packet (stream): checksum, not ciphered, counter not checked; no proof of receipt; KIc 00 (key set "
      "not named, algorithm not named), KID 11 (CRC-16); TAR 010203; counter 0000000001, check 1234; data AABBCC");
}

TEST(DescribeSecured, ScriptsInPackets) {
  EXPECT_EQ(
      Words("001A0D00000000B00000000000000000AA0A220880F24002024F0000"),
      "command packet (without header): no check, not ciphered, no counter; no proof of receipt; KIc 00 (key set "
      "not named, algorithm not named), KID 00 (key set not named, algorithm not named); TAR B00000 (files of the "
      "UICC); counter 0000000000; script {ch0 STATUS P1=40 P2=02: 4F00}");
}

TEST(DescribeSecured, ResponsePackets) {
  EXPECT_EQ(Words("027100000E0AB000110000000000000001612F"),
            "response packet (SMS): TAR B00011 (files of the USIM); counter 0000000000, status 00 done; data 01612F");
  EXPECT_EQ(Words("027100001612B0001100000000000000B5BCD6353A421FAE016132"),
            "response packet (SMS): TAR B00011 (files of the USIM); counter 0000000000, status 00 done, check "
            "B5BCD6353A421FAE; data 016132");
  EXPECT_EQ(Words("027100001C12B000118BB989492C632529326A2F4681FEB37C825BC9021C9F6D0B"),
            "response packet (SMS): TAR B00011 (files of the USIM); probably ciphered: "
            "8BB989492C632529326A2F4681FEB37C825BC9021C9F6D0B");
  EXPECT_EQ(Words("027100000B0AB0001100000000000009"),
            "response packet (SMS): TAR B00011 (files of the USIM); counter 0000000000, status 09 no application has "
            "this TAR");
  EXPECT_EQ(Words("020B0AB0001100000000000001"),
            "response packet (stream): TAR B00011 (files of the USIM); counter 0000000000, status 01 check failed");
}

const std::string kEnvelopeData =
    "D147820283818604001032548B3B400290217FF6227052000000002D02700000281516191212B0000127FA28A5BAC69D3C5E9DF2C7155DFDDE"
    "449C826B236215566530787B30E8BE5D";

TEST(DescribeSecured, Envelopes) {
  const std::string words =
      "ENVELOPE SMS-PP download from 12: command packet (SMS): cryptographic check, ciphered, counter must be higher; "
      "proof of receipt always: cryptographic check, ciphered, in the delivery report; KIc 12 (key set 1, AES), KID 12 "
      "(key set 1, AES); TAR B00001 (files of the UICC); ciphered "
      "27FA28A5BAC69D3C5E9DF2C7155DFDDE449C826B236215566530787B30E8BE5D";
  EXPECT_EQ(Words(kEnvelopeData), words);
  EXPECT_EQ(Words("80C2000049" + kEnvelopeData), words);
  EXPECT_EQ(Words("80C2000049" + kEnvelopeData + "00"), words);
  EXPECT_EQ(Words("D1200B1E400290217FF62270520000000010070003A5030170000011223344556677"),
            "ENVELOPE SMS-PP download from 12: part 1 of 3, reference 165, a command packet begins: 0011223344556677");
  EXPECT_EQ(Words("D1130B11040290210000227052000000000354455354"), "");
  EXPECT_EQ(Words("D1140B12040290210000227052000000000454455354"),
            "ENVELOPE SMS-PP download from 12 (not a data download: protocol 00, coding 00): user data 54455354");
}

TEST(DescribeSecured, Scripts) {
  EXPECT_EQ(Words("AA14220880F24002024F0000220800A40004023F0000"),
            "script {ch0 STATUS P1=40 P2=02: 4F00; ch0 SELECT file MF 3F00}");
  EXPECT_EQ(Words("AE80220580CA0085000000"), "script {ch0 GET DATA P1=00 P2=85}");
  EXPECT_EQ(Words("AB0780010123026A88"), "script response {6A88 referenced data not found}");
  EXPECT_EQ(Words("AB06800101900101"), "script response {bad format 01}");
  EXPECT_EQ(Words("AA0D8301118202810181018122015A"),
            "script {script chaining 11; error action 8101; immediate action 81; no command APDU (fewer bytes than "
            "announced): 5A}");
}

TEST(DescribeSecured, WhatIsNoneOfThem) {
  for (const char* hex :
       {"", "00", "00A4040007A0000005590010", "0020000108FFFFFFFFFFFFFFFF", "80CB0100", "9000", "84020002", "AA00",
        "E003400101", "00201506193535B00011AE733256", "027000", "D100", "80C20000020102", "7402313184020002"}) {
    EXPECT_EQ(RecogniseSecured(Hex(hex)), SecuredKind::kNone) << hex;
    EXPECT_EQ(Words(hex), "");
  }
}

}  // namespace
}  // namespace simroot::secure
