// SPDX-License-Identifier: Apache-2.0
#include "common/iotsafe/objects.hpp"

#include <gtest/gtest.h>

#include "common/host/test_hex.hpp"

namespace simroot::iotsafe {
namespace {

// What a real card with Quantag's applet answers, key by key (its tag 92 has a wrong length and nothing is wrapped).
constexpr const char* kQuantagPrivate = "74023131 84020002 600102 4A0101 4B0113 4E0103 610107 920204 91020007 6F0101";
constexpr const char* kQuantagPublic = "75023131 85020002 600102 4A0101 4B0113 4E0103 610107 920204 91020007 6F0101";
constexpr const char* kQuantagFile = "73023031 83020001 600101 4A0101 210101 20020040";
constexpr const char* kQuantagSecret = "76023333 86020004 600103 4A0100 4B01A0 61010C 940102";
// The same as it should be (spec 4.1).
constexpr const char* kPrivate = "C1 21 74023131 84020002 600102 4A0101 4B0113 4E0103 610107 920104 91020007 6F0101";
constexpr const char* kPublic = "C2 21 75023131 85020002 600102 4A0101 4B0113 4E0103 610107 920104 91020007 6F0101";
constexpr const char* kFile = "C3 15 73023031 83020001 600101 4A0101 210101 20020040";
constexpr const char* kSecret = "C4 17 76023333 86020004 600103 4A0100 4B01A0 610108 940102";

template <typename Fixed>
Fixed Make(std::string_view hex) {
  Fixed bytes;
  EXPECT_TRUE(bytes.Assign(Hex(hex)));
  return bytes;
}

ObjectInfo ExpectedKey(ObjectClass object_class) {
  ObjectInfo info;
  info.object_class = object_class;
  info.id = Make<ObjectId>("0002");
  info.label = Make<ObjectLabel>("3131");
  info.access = 0x02;
  info.state = ObjectState::kActivated;
  info.key_type = KeyType::kP256Persistent;
  info.key_usage = KeyUsage::kTls13;
  info.functions = 0x07;
  info.signature_algorithms = 0x04;
  info.hash_algorithms = 0x0007;
  info.key_agreement = 0x01;
  return info;
}

ObjectInfo ExpectedFile() {
  ObjectInfo info;
  info.object_class = ObjectClass::kFile;
  info.id = Make<ObjectId>("0001");
  info.label = Make<ObjectLabel>("3031");
  info.access = 0x01;
  info.state = ObjectState::kActivated;
  info.file_usage = FileUsage::kGeneral;
  info.file_size = 0x40;
  return info;
}

ObjectInfo ExpectedSecret(std::uint8_t functions) {
  ObjectInfo info;
  info.object_class = ObjectClass::kSecretKey;
  info.id = Make<ObjectId>("0004");
  info.label = Make<ObjectLabel>("3333");
  info.access = 0x03;
  info.state = ObjectState::kDeactivated;
  info.key_type = KeyType::kHmac;
  info.functions = functions;
  info.key_derivation = 0x02;
  return info;
}

/// Reads every structure in `bytes`; a failure must not move the reader.
Expected<std::vector<ObjectInfo>, ParseError> ReadAll(ByteView bytes) {
  std::vector<ObjectInfo> all;
  ByteReader reader(bytes);
  while (!reader.empty()) {
    const std::size_t before = reader.remaining();
    const auto info = ReadObjectInfo(reader);
    if (!info) {
      EXPECT_EQ(before, reader.remaining());
      return Unexpected(info.error());
    }
    EXPECT_LT(reader.remaining(), before);
    all.push_back(*info);
  }
  return all;
}

std::vector<ObjectInfo> All(std::string_view hex) {
  const auto all = ReadAll(Hex(hex));
  EXPECT_TRUE(all) << hex;
  return all ? *all : std::vector<ObjectInfo>();
}

ParseError ErrorOf(std::string_view hex) {
  const Bytes bytes = Hex(hex);
  ByteReader reader(bytes);
  const auto info = ReadObjectInfo(reader);
  EXPECT_FALSE(info) << hex;
  EXPECT_EQ(bytes.size(), reader.remaining());
  return info ? ParseError::kBadValue : info.error();
}

std::string Written(const ObjectInfo& info) {
  Bytes memory(300);
  ByteWriter out(memory);
  PutObjectInfo(info, out);
  EXPECT_TRUE(out.ok());
  return ToHex(out.written());
}

std::string WithoutSpaces(std::string_view hex) {
  return ToHex(Hex(hex));
}

TEST(PutObjectRef, WritesIdentifiersAndLabelsOfEveryClass) {
  std::array<std::uint8_t, 64> memory{};
  ByteWriter out(memory);
  const Bytes id = Hex("01");
  const Bytes label = Hex("736967");
  for (const ObjectClass object_class :
       {ObjectClass::kPrivateKey, ObjectClass::kPublicKey, ObjectClass::kFile, ObjectClass::kSecretKey}) {
    PutObjectRef({object_class, false, id}, out);
    PutObjectRef({object_class, true, label}, out);
  }
  EXPECT_EQ("8401017403736967850101750373696783010173037369678601017603736967", ToHex(out.written()));
}

TEST(PutObjectInfo, WritesTheOrderOfRealApplets) {
  EXPECT_EQ(WithoutSpaces(kPrivate), Written(ExpectedKey(ObjectClass::kPrivateKey)));
  EXPECT_EQ(WithoutSpaces(kPublic), Written(ExpectedKey(ObjectClass::kPublicKey)));
  EXPECT_EQ(WithoutSpaces(kFile), Written(ExpectedFile()));
  EXPECT_EQ(WithoutSpaces(kSecret), Written(ExpectedSecret(0x08)));
}

TEST(PutObjectInfo, LeavesOutWhatIsEmpty) {
  ObjectInfo info;
  info.id = Make<ObjectId>("01");
  EXPECT_EQ(
      "C112840101600100"
      "4A0100"
      "4B0113"
      "4E0101"
      "610100",
      Written(info));
  info.object_class = ObjectClass::kSecretKey;
  EXPECT_EQ(
      "C40F860101600100"
      "4A0100"
      "4B0113"
      "610100",
      Written(info));
}

TEST(PutObjectInfo, WritesTheLongestStructure) {
  ObjectInfo info = ExpectedKey(ObjectClass::kPrivateKey);
  ASSERT_TRUE(info.id.Assign(Counting(kMaxIdSize)));
  ASSERT_TRUE(info.label.Assign(Counting(kMaxLabelSize)));
  const Bytes bytes = Hex(Written(info));
  const auto all = ReadAll(bytes);
  ASSERT_TRUE(all);
  ASSERT_EQ(1U, all->size());
  EXPECT_EQ(info, all->front());
}

TEST(PutObjectInfo, NotesMemoryThatIsOneByteShort) {
  const ObjectInfo info = ExpectedFile();
  std::array<std::uint8_t, 23> memory{};
  ByteWriter fits(memory);
  PutObjectInfo(info, fits);
  EXPECT_TRUE(fits.ok());
  ByteWriter short_by_one(ByteSpan(memory).first(22));
  PutObjectInfo(info, short_by_one);
  EXPECT_FALSE(short_by_one.ok());
}

TEST(ReadObjectInfo, ReadsWrappedStructures) {
  const auto all = All(std::string(kPrivate) + kPublic + kSecret + kFile);
  ASSERT_EQ(4U, all.size());
  EXPECT_EQ(ExpectedKey(ObjectClass::kPrivateKey), all[0]);
  EXPECT_EQ(ExpectedKey(ObjectClass::kPublicKey), all[1]);
  EXPECT_EQ(ExpectedSecret(0x08), all[2]);
  EXPECT_EQ(ExpectedFile(), all[3]);
}

TEST(ReadObjectInfo, ReadsTheFlatListOfARealCard) {
  const auto all = All(std::string(kQuantagPrivate) + kQuantagPublic + kQuantagFile + kQuantagSecret);
  ASSERT_EQ(4U, all.size());
  EXPECT_EQ(ExpectedKey(ObjectClass::kPrivateKey), all[0]);
  EXPECT_EQ(ExpectedKey(ObjectClass::kPublicKey), all[1]);
  EXPECT_EQ(ExpectedFile(), all[2]);
  EXPECT_EQ(ExpectedSecret(0x0C), all[3]);
}

TEST(ReadObjectInfo, SeparatesFlatObjectsOfOneClass) {
  const auto all = All("84 01 01 84 01 02 74 01 41 84 01 03 60 01 03 74 01 42 84 01 04");
  ASSERT_EQ(4U, all.size());
  EXPECT_EQ("01", ToHex(all[0].id.view()));
  EXPECT_TRUE(all[0].label.empty());
  EXPECT_EQ("02", ToHex(all[1].id.view()));
  EXPECT_EQ("41", ToHex(all[1].label.view()));
  EXPECT_EQ("03", ToHex(all[2].id.view()));
  EXPECT_EQ(0x03U, all[2].access);
  EXPECT_EQ("42", ToHex(all[3].label.view()));
  EXPECT_EQ("04", ToHex(all[3].id.view()));
}

TEST(ReadObjectInfo, SeparatesHalvesThatShareAnIdentifier) {
  const auto all = All("84 01 01 85 01 01");
  ASSERT_EQ(2U, all.size());
  EXPECT_EQ(ObjectClass::kPrivateKey, all[0].object_class);
  EXPECT_EQ(ObjectClass::kPublicKey, all[1].object_class);
}

TEST(ReadObjectInfo, ReadsFlatAndWrappedOneAfterAnother) {
  const auto all = All(std::string(kQuantagFile) + kPrivate + kQuantagSecret);
  ASSERT_EQ(3U, all.size());
  EXPECT_EQ(ExpectedFile(), all[0]);
  EXPECT_EQ(ExpectedKey(ObjectClass::kPrivateKey), all[1]);
  EXPECT_EQ(ExpectedSecret(0x0C), all[2]);
}

TEST(ReadObjectInfo, AcceptsAnyOrderInsideTheWrapper) {
  const auto all = All("C1 21 6F0101 91020007 920104 610107 84020002 4E0103 4B0113 4A0101 600102 74023131");
  ASSERT_EQ(1U, all.size());
  EXPECT_EQ(ExpectedKey(ObjectClass::kPrivateKey), all[0]);
}

TEST(ReadObjectInfo, AcceptsTheFileOrderOfOrange) {  // 20 before 21 (spec 10.7)
  const auto all = All("C3 15 73023031 83020001 600101 4A0101 20020040 210101");
  ASSERT_EQ(1U, all.size());
  EXPECT_EQ(ExpectedFile(), all[0]);
}

TEST(ReadObjectInfo, ReadsHashAlgorithmsOfOneByte) {
  const auto all = All("C1 06 840101 910107");
  ASSERT_EQ(1U, all.size());
  EXPECT_EQ(0x0007U, all[0].hash_algorithms);
}

TEST(ReadObjectInfo, ReadsWhatTheSimulatorOfWolfSslSends) {  // flat, identifier and size only
  const auto all = All("83 02 3330 20 02 0258");
  ASSERT_EQ(1U, all.size());
  EXPECT_EQ(600U, all[0].file_size);
}

TEST(ReadObjectInfo, SkipsUnknownTags) {
  const auto all = All("5F 02 AABB C1 0A 84 01 01 7D 02 0000 60 01 01 EE 00 84 01 02 7D 00");
  ASSERT_EQ(2U, all.size());
  EXPECT_EQ(0x01U, all[0].access);
  EXPECT_EQ("02", ToHex(all[1].id.view()));
}

TEST(ReadObjectInfo, IgnoresReferencesToOtherClassesInsideAWrapper) {
  const auto all = All("C3 06 830101 840102");
  ASSERT_EQ(1U, all.size());
  EXPECT_EQ(ObjectClass::kFile, all[0].object_class);
  EXPECT_EQ("01", ToHex(all[0].id.view()));
}

TEST(ReadObjectInfo, LeavesForeignFieldsAtTheirDefaults) {
  const auto all = All("C3 0F 830101 4B0114 610107 940103 210102");
  ASSERT_EQ(1U, all.size());
  ObjectInfo expected;
  expected.object_class = ObjectClass::kFile;
  expected.id = Make<ObjectId>("01");
  expected.file_usage = FileUsage::kCertificate;
  EXPECT_EQ(expected, all[0]);
}

TEST(ReadObjectInfo, KeepsValuesNobodyHasDefined) {  // Thales knows a key type 43, and B0 for CMAC keys
  const auto all = All("C1 06 840101 4B0143");
  ASSERT_EQ(1U, all.size());
  EXPECT_EQ(0x43U, static_cast<unsigned>(all[0].key_type));
}

TEST(ReadObjectInfo, AcceptsALabelWithoutIdentifier) {
  const auto all = All("C4 05 76 03 70736B");
  ASSERT_EQ(1U, all.size());
  EXPECT_TRUE(all[0].id.empty());
  EXPECT_EQ("70736B", ToHex(all[0].label.view()));
}

TEST(ReadObjectInfo, RefusesStructuresWithoutName) {
  EXPECT_EQ(ParseError::kMissingTag, ErrorOf(""));
  EXPECT_EQ(ParseError::kMissingTag, ErrorOf("C1 00"));
  EXPECT_EQ(ParseError::kMissingTag, ErrorOf("C1 03 600101"));
  EXPECT_EQ(ParseError::kMissingTag, ErrorOf("C1 03 850101"));
  EXPECT_EQ(ParseError::kMissingTag, ErrorOf("600101"));
  EXPECT_EQ(ParseError::kMissingTag, ErrorOf("7D00 7E00"));
}

TEST(ReadObjectInfo, RefusesCutStructures) {
  const Bytes bytes = Hex(kPrivate);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    ByteReader reader(ByteView(bytes).first(size));
    EXPECT_FALSE(ReadObjectInfo(reader)) << size;
    EXPECT_EQ(size, reader.remaining());
  }
  EXPECT_EQ(ParseError::kTruncated, ErrorOf("C1 03 8402 01"));
  EXPECT_EQ(ParseError::kTruncated, ErrorOf("84 01 01 60"));
}

TEST(ReadObjectInfo, RefusesFieldsOfWrongLength) {
  for (const char* text : {"C1 07 840101 60020101", "C1 05 840101 6000", "C3 06 830101 200140",
                           "C3 08 830101 2003000040", "C1 05 840101 9100", "C1 08 840101 9103000007",
                           "C1 07 840101 92020404", "C1 02 8400", "C4 07 860101 94020202"}) {
    EXPECT_EQ(ParseError::kBadLength, ErrorOf(text)) << text;
  }
}

TEST(ReadObjectInfo, RefusesNamesThatAreOneByteTooLong) {
  EXPECT_EQ(ParseError::kBadLength, ErrorOf("8415" + ToHex(Counting(kMaxIdSize + 1))));
  EXPECT_EQ(ParseError::kBadLength, ErrorOf("743D" + ToHex(Counting(kMaxLabelSize + 1))));
  EXPECT_EQ(1U, All("8414" + ToHex(Counting(kMaxIdSize))).size());
  EXPECT_EQ(1U, All("743C" + ToHex(Counting(kMaxLabelSize))).size());
}

TEST(ReadObjectInfo, RefusesTwoNamesOfOneKindInsideAWrapper) {
  EXPECT_EQ(ParseError::kDuplicateTag, ErrorOf("C1 06 840101 840102"));
  EXPECT_EQ(ParseError::kDuplicateTag, ErrorOf("C1 09 740141 840101 740142"));
}

TEST(ReadObjectInfo, UnderstandsTheWrongLengthOfTag92OnlyBefore91) {
  const auto all = All("C1 0A 840101 920204 91020007");
  ASSERT_EQ(1U, all.size());
  EXPECT_EQ(0x04U, all[0].signature_algorithms);
  EXPECT_EQ(0x0007U, all[0].hash_algorithms);
  EXPECT_EQ(ParseError::kBadLength, ErrorOf("C1 0A 840101 920204 6F010100"));
}

}  // namespace
}  // namespace simroot::iotsafe
