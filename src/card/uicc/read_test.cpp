// SPDX-License-Identifier: Apache-2.0
#include "card/uicc/uicc_test_support.hpp"

namespace simroot::card::testing {
namespace {

const std::string kIccid = "98880100000000000010";
const std::string kDirUsim = "61184F10A0000000871002FFFFFFFF890000010050045553494DFFFFFFFFFFFF";
const std::string kDirIot = "61134F07A00000055900105008496F542053414645FFFFFFFFFFFFFFFFFFFFFF";
const std::string kDirOther = "61144F08A0000005590010995008496F542053414645FFFFFFFFFFFFFFFFFFFF";

class ReadTest : public ::testing::Test {
 protected:
  std::string Send(std::string_view apdu) { return card.Send(apdu); }

  TestCard card;
};

TEST_F(ReadTest, BinaryFromTheCurrentFile) {
  EXPECT_EQ(Send("00B000000A"), "6986");
  ASSERT_EQ(Send("00A4000C022FE2"), "9000");
  EXPECT_EQ(Send("00B000000A"), kIccid + "9000");
  EXPECT_EQ(Send("00B0000000"), kIccid + "9000");
  EXPECT_EQ(Send("00B00000"), kIccid + "9000");
  EXPECT_EQ(Send("00B000000B"), kIccid + "9000");  // never 6Cxx
  EXPECT_EQ(Send("00B0000001"), "989000");
  EXPECT_EQ(Send("00C0000000"), "6985");  // a part is the whole answer
  EXPECT_EQ(Send("00B0000903"), "109000");
  EXPECT_EQ(Send("00B0000A01"), "6B00");
  EXPECT_EQ(Send("00B0010001"), "6B00");
  EXPECT_EQ(Send("00B07FFF01"), "6B00");
  EXPECT_EQ(Send("00B000000100"), "6700");
}

TEST_F(ReadTest, BinaryByShortIdentifier) {
  EXPECT_EQ(Send("00B082000A"), kIccid + "9000");
  EXPECT_EQ(Send("00B0000001"), "989000");  // it has become the current file
  EXPECT_EQ(Send("00B0820900"), "109000");
  EXPECT_EQ(Send("00B0820A00"), "6B00");
  EXPECT_EQ(Send("00B0870000"), "6A82");  // EF.IMSI lies in the USIM
  EXPECT_EQ(Send("00B0800000"), "6A82");
  EXPECT_EQ(Send("00B0A20000"), "6A86");
  EXPECT_EQ(Send("00B0C20000"), "6A86");
  EXPECT_EQ(Send("00B09E0000"), "6981");    // EF.DIR has records
  EXPECT_EQ(Send("00B0000001"), "989000");  // and has not become the current file
}

TEST_F(ReadTest, FilesOfTheUsim) {
  ASSERT_EQ(Send("00A4040C07A0000000871002"), "9000");
  EXPECT_EQ(Send("00B0870000"), "0809101010325476989000");
  EXPECT_EQ(Send("00B0830000"), "000000029000");
  ASSERT_EQ(Send("00A4000C026F46"), "9000");
  EXPECT_EQ(Send("00B0000011"), "0073696D726F6F74FFFFFFFFFFFFFFFFFF9000");
}

TEST_F(ReadTest, DirNamesTheUsimAndEveryApplication) {
  ASSERT_EQ(Send("00A4000C022F00"), "9000");
  EXPECT_EQ(Send("00B2010420"), kDirUsim + "9000");
  EXPECT_EQ(Send("00B2020420"), kDirIot + "9000");
  EXPECT_EQ(Send("00B2030400"), kDirOther + "9000");
  EXPECT_EQ(Send("00B2040400"), "6A83");
  EXPECT_EQ(Send("00B2FF0400"), "6A83");
}

TEST_F(ReadTest, EveryAidInDirCanBeSelected) {
  for (int record = 1; record <= 3; ++record) {
    const std::string answer = Send("00B20" + std::to_string(record) + "F400");
    const std::size_t size = 2 * std::stoul(answer.substr(6, 2), nullptr, 16);
    EXPECT_EQ(Send("00A4040C" + answer.substr(6, 2) + answer.substr(8, size)), "9000") << answer;
    ASSERT_EQ(Send("00A4000C023F00"), "9000");
  }
}

TEST_F(ReadTest, RecordsOneAfterTheOther) {
  ASSERT_EQ(Send("00A4000C022F00"), "9000");
  EXPECT_EQ(Send("00B2000400"), "6A83");  // the pointer is undefined
  EXPECT_EQ(Send("00B2000200"), kDirUsim + "9000");
  EXPECT_EQ(Send("00B2000400"), kDirUsim + "9000");
  EXPECT_EQ(Send("00B2000200"), kDirIot + "9000");
  EXPECT_EQ(Send("00B2010400"), kDirUsim + "9000");  // absolute: the pointer stays
  EXPECT_EQ(Send("00B2000200"), kDirOther + "9000");
  EXPECT_EQ(Send("00B2000200"), "6A83");
  EXPECT_EQ(Send("00B2000300"), kDirIot + "9000");
  EXPECT_EQ(Send("00B2000300"), kDirUsim + "9000");
  EXPECT_EQ(Send("00B2000300"), "6A83");
  ASSERT_EQ(Send("00A4000C022F00"), "9000");
  EXPECT_EQ(Send("00B2000300"), kDirOther + "9000");  // undefined again: the last one
}

TEST_F(ReadTest, RecordsByShortIdentifier) {
  EXPECT_EQ(Send("00B202F400"), kDirIot + "9000");
  EXPECT_EQ(Send("00B2000200"), kDirUsim + "9000");
  EXPECT_EQ(Send("00B2000200"), kDirIot + "9000");
  EXPECT_EQ(Send("00B200F200"), kDirUsim + "9000");  // naming the file starts again
  EXPECT_EQ(Send("00B2011400"), "6981");             // EF.ICCID is transparent
  EXPECT_EQ(Send("00B2012C00"), "6A82");
}

TEST_F(ReadTest, RecordErrors) {
  EXPECT_EQ(Send("00B2010400"), "6986");
  ASSERT_EQ(Send("00A4000C022FE2"), "9000");
  EXPECT_EQ(Send("00B2010400"), "6981");
  ASSERT_EQ(Send("00A4000C022F00"), "9000");
  EXPECT_EQ(Send("00B0000001"), "6981");
  for (const std::string_view mode : {"00", "01", "05", "06", "07"}) {
    EXPECT_EQ(Send("00B201" + std::string(mode) + "00"), "6A86") << mode;
  }
  EXPECT_EQ(Send("00B2010200"), "6A86");
  EXPECT_EQ(Send("00B2010300"), "6A86");
  EXPECT_EQ(Send("00B201040100"), "6700");
}

TEST_F(ReadTest, AShortLeOfARecordLeavesTheRest) {
  EXPECT_EQ(Send("00B201F402"), kDirUsim.substr(0, 4) + "611E");
  EXPECT_EQ(Send("00C000001E"), kDirUsim.substr(4) + "9000");
}

TEST_F(ReadTest, ChannelsReadIndependently) {
  ASSERT_EQ(Send("0070000001"), "019000");
  ASSERT_EQ(Send("00A4000C022F00"), "9000");
  ASSERT_EQ(Send("01A4000C022FE2"), "9000");
  EXPECT_EQ(Send("00B2000200"), kDirUsim + "9000");
  EXPECT_EQ(Send("01B0000000"), kIccid + "9000");
  EXPECT_EQ(Send("00B2000200"), kDirIot + "9000");
}

TEST(UiccFiles, TheTableIsConsistent) {
  for (const FileRow& file : kFiles) {
    EXPECT_EQ(file.content != nullptr, file.kind == FileKind::kTransparent) << file.fid;
    EXPECT_LE(file.sfi, 0x1E) << file.fid;
    EXPECT_EQ(std::ranges::count_if(kFiles, [&](const FileRow& other) { return other.fid == file.fid; }), 1);
    if (file.sfi != 0) {
      EXPECT_EQ(std::ranges::count_if(
                    kFiles, [&](const FileRow& other) { return other.parent == file.parent && other.sfi == file.sfi; }),
                1);
    }
  }
}

}  // namespace
}  // namespace simroot::card::testing
