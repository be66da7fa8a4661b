// SPDX-License-Identifier: Apache-2.0
#include "platform/vault/kek_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>

#include "common/host/file_io.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::platform {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class KekFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "simroot-kek-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string ReadError(std::uint32_t number) const {
    Kek kek;
    const auto read = ReadKekFile(folder_, number, kek);
    return read ? "no error" : read.error().Text();
  }
  void Write(std::uint32_t number, ByteView content) const {
    ASSERT_TRUE(WriteFileAtomically(KekPath(folder_, number), content, 0600));
  }

  std::string folder_;
};

TEST_F(KekFile, IsReadBackAndForItsOwnerOnly) {
  Kek made;
  ASSERT_TRUE(MakeKekFile(folder_, 3, made));
  Kek read;
  ASSERT_TRUE(ReadKekFile(folder_, 3, read));
  EXPECT_EQ(read.number, 3U);
  EXPECT_TRUE(SameSecret(made.key.Reveal(InsecureReveal::kForTest), read.key.Reveal(InsecureReveal::kForTest)));
  struct stat status {};
  ASSERT_EQ(::stat(KekPath(folder_, 3).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1) << "no temporary file is left";
}

TEST_F(KekFile, KeysAreRandom) {
  Kek one;
  Kek two;
  ASSERT_TRUE(MakeKekFile(folder_, 1, one));
  ASSERT_TRUE(MakeKekFile(folder_, 2, two));
  EXPECT_FALSE(SameSecret(one.key.Reveal(InsecureReveal::kForTest), two.key.Reveal(InsecureReveal::kForTest)));
}

TEST_F(KekFile, IsNeverReplaced) {
  Kek first;
  ASSERT_TRUE(MakeKekFile(folder_, 1, first));
  Kek second;
  const auto again = MakeKekFile(folder_, 1, second);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, FailureKind::kConflict);
  Kek read;
  ASSERT_TRUE(ReadKekFile(folder_, 1, read));
  EXPECT_TRUE(SameSecret(first.key.Reveal(InsecureReveal::kForTest), read.key.Reveal(InsecureReveal::kForTest)));
}

TEST_F(KekFile, DamageIsFound) {
  Kek made;
  ASSERT_TRUE(MakeKekFile(folder_, 1, made));
  const auto content = ReadWholeFile(KekPath(folder_, 1), 1000);
  ASSERT_TRUE(content);
  ASSERT_EQ(content->size(), 52U);
  for (std::size_t i = 0; i < content->size(); ++i) {
    Bytes damaged = *content;
    damaged.at(i) ^= 0x10;
    Write(1, damaged);
    EXPECT_THAT(ReadError(1), HasSubstr("is damaged")) << i;
    Write(1, ByteView(*content).first(i));
    EXPECT_THAT(ReadError(1), HasSubstr("is damaged")) << "cut at " << i;
  }
  Write(1, Join(*content, Hex("00")));
  EXPECT_THAT(ReadError(1), HasSubstr("is damaged"));
  Write(2, *content);
  EXPECT_THAT(ReadError(2), HasSubstr("is damaged")) << "another key's file";
  Write(1, *content);
  EXPECT_EQ(ReadError(1), "no error");
}

TEST_F(KekFile, OthersMayNotReadIt) {
  Kek made;
  ASSERT_TRUE(MakeKekFile(folder_, 1, made));
  for (const mode_t mode : {0640U, 0604U, 0620U, 0602U, 0601U, 0610U}) {
    ASSERT_EQ(::chmod(KekPath(folder_, 1).c_str(), mode), 0);
    EXPECT_THAT(ReadError(1), HasSubstr("other users may read or write")) << mode;
  }
  ASSERT_EQ(::chmod(KekPath(folder_, 1).c_str(), 0400), 0);
  EXPECT_EQ(ReadError(1), "no error");
}

TEST_F(KekFile, OnlyRegularFilesAreRead) {
  Kek made;
  ASSERT_TRUE(MakeKekFile(folder_, 1, made));
  fs::create_symlink(KekPath(folder_, 1), KekPath(folder_, 2));
  EXPECT_THAT(ReadError(2), HasSubstr("symbolic link"));
  ASSERT_EQ(::mkfifo(KekPath(folder_, 3).c_str(), 0600), 0);
  EXPECT_THAT(ReadError(3), HasSubstr("not a regular file"));
  fs::create_directory(KekPath(folder_, 4));
  EXPECT_THAT(ReadError(4), HasSubstr("not a regular file"));
  EXPECT_THAT(ReadError(5), HasSubstr("there is no key encryption key"));
}

TEST_F(KekFile, OnlyExactNamesAreListed) {
  for (const char* const name : {"kek-2", "kek-10", "kek-1", "kek-", "kek-01", "kek-0", "kek-1.tmp", "kek-3.new-7",
                                 "Kek-4", "kek-5 ", "kek-4294967296", "kek--6", "kek-+7", "ca.key"}) {
    ASSERT_TRUE(WriteFileAtomically(folder_ + "/" + name, Hex("00"), 0600));
  }
  const auto numbers = ListKekFiles(folder_);
  ASSERT_TRUE(numbers);
  EXPECT_THAT(*numbers, ElementsAre(1, 2, 10));
  EXPECT_TRUE(ListKekFiles(folder_ + "/none")->empty());
}

TEST_F(KekFile, AFullOrMissingDirectoryIsSaid) {
  Kek made;
  const auto failed = MakeKekFile(folder_ + "/none", 1, made);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, FailureKind::kUnavailable);
}

}  // namespace
}  // namespace simroot::platform
