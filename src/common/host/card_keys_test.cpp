// SPDX-License-Identifier: Apache-2.0
#include "common/host/card_keys.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/host/test_hex.hpp"

namespace simroot {
namespace {

using ::testing::HasSubstr;

void Fill(CardKeys& keys, std::uint8_t version, std::size_t size) {
  keys.iccid = "89880000000000000011";
  keys.imsi = "001010123456789";
  keys.profile = "demo";
  keys.aid = Hex("A000000151000000");
  keys.version = version;
  Bytes key = Counting(size);
  for (SecretArray<32>* const place : {&keys.enc, &keys.mac, &keys.dek}) {
    ASSERT_TRUE(place->Assign(key));
    key.front() = LowByte(key.front() + 0x10);
  }
}

class CardKeysTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "card_keys_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path() const { return folder_ + "/keys.csv"; }
  std::string Content() const {
    std::ifstream file(Path());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void Write(const std::string& text) const {
    std::ofstream file(Path());
    file << text;
    file.close();
    ASSERT_EQ(::chmod(Path().c_str(), 0600), 0);
  }

  std::string folder_;
};

constexpr const char* kLine =
    "89880000000000000011,001010123456789,demo,A000000151000000,30,aes-128,000102030405060708090A0B0C0D0E0F,"
    "100102030405060708090A0B0C0D0E0F,200102030405060708090A0B0C0D0E0F\n";

TEST_F(CardKeysTest, LineHasTheDocumentedForm) {
  CardKeys keys;
  Fill(keys, 0x30, 16);
  EXPECT_EQ(FormatCardKeys(keys), kLine);
}

TEST_F(CardKeysTest, WhatIsWrittenIsReadAgain) {
  std::list<CardKeys> sets;
  Fill(sets.emplace_back(), 0x30, 32);
  Fill(sets.emplace_back(), 0x01, 24);
  {
    auto file = CardKeysFile::Open(Path());
    ASSERT_TRUE(file.has_value()) << file.error().Text();
    ASSERT_TRUE(file->Append(sets).has_value());
  }
  struct stat status {};
  ASSERT_EQ(::stat(Path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  {
    auto file = CardKeysFile::Open(Path());
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->Append(sets).has_value());
  }
  const auto read = ReadCardKeys(Path());
  ASSERT_TRUE(read.has_value()) << read.error().Text();
  ASSERT_EQ(read->size(), 4U);
  EXPECT_EQ(read->back().version, 0x01);
  EXPECT_EQ(read->back().iccid, "89880000000000000011");
  EXPECT_EQ(ToHex(read->back().dek.Reveal(InsecureReveal::kForTest)),
            ToHex(Join(Bytes{0x20}, Hex("0102030405060708090A0B0C0D0E0F1011121314151617"))));
  EXPECT_EQ(read->front().enc.size(), 32U);
}

TEST_F(CardKeysTest, NothingIsAddedToAnotherFile) {
  for (const std::string& text :
       {std::string("a,b,c\n"), std::string(kCardKeysHeader), std::string(kCardKeysHeader) + "\n8988"}) {
    Write(text);
    const auto file = CardKeysFile::Open(Path());
    ASSERT_FALSE(file.has_value()) << text;
    EXPECT_EQ(file.error().domain, ErrorDomain::kStore);
    EXPECT_EQ(Content(), text);
  }
}

TEST_F(CardKeysTest, FileThatOthersMayReadIsRefused) {
  Write(std::string(kCardKeysHeader) + "\n");
  ASSERT_EQ(::chmod(Path().c_str(), 0640), 0);
  const auto file = CardKeysFile::Open(Path());
  ASSERT_FALSE(file.has_value());
  EXPECT_THAT(file.error().Text(), HasSubstr("chmod 600"));
}

TEST_F(CardKeysTest, TwoWritersDoNotMix) {
  const auto first = CardKeysFile::Open(Path());
  ASSERT_TRUE(first.has_value());
  const auto second = CardKeysFile::Open(Path());
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(second.error().Text(), HasSubstr("another program"));
}

TEST_F(CardKeysTest, SymbolicLinkIsNotFollowed) {
  const std::string target = folder_ + "/target";
  std::ofstream(target).close();
  ASSERT_EQ(::symlink(target.c_str(), Path().c_str()), 0);
  EXPECT_FALSE(CardKeysFile::Open(Path()).has_value());
}

TEST_F(CardKeysTest, EveryBrokenLineIsNamed) {
  const std::string good = kLine;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string line = good;
    const std::size_t place = line.find(from);
    EXPECT_NE(place, std::string::npos);
    return line.replace(place, from.size(), to);
  };
  const std::array broken{
      with("8988", "898X"),      with("89880000000000000011", "8988"), with(",demo,", ","),
      with(",demo,", ",demo,,"), with("A000000151000000", "A0"),       with(",30,", ",3,"),
      with(",30,", ",3000,"),    with("aes-128", "aes-256"),           with("aes-128", "des"),
      with("0E0F,10", "0E,10"),  with("0E0F,10", "0E0G,10"),           with("001010123456789", "00101012345678X")};
  for (const std::string& line : broken) {
    Write(std::string(kCardKeysHeader) + "\n" + good + line);
    const auto read = ReadCardKeys(Path());
    ASSERT_FALSE(read.has_value()) << line;
    EXPECT_EQ(read.error().domain, ErrorDomain::kUsage);
    EXPECT_THAT(read.error().Text(), HasSubstr("line 3"));
    EXPECT_THAT(read.error().Text(), ::testing::Not(HasSubstr("000102"))) << "no key in an error";
  }
  for (const std::string& text : {std::string(), std::string("x\n"), good}) {
    Write(text);
    EXPECT_FALSE(ReadCardKeys(Path()).has_value());
  }
  EXPECT_FALSE(ReadCardKeys(folder_ + "/none").has_value());
}

}  // namespace
}  // namespace simroot
