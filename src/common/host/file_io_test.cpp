// SPDX-License-Identifier: Apache-2.0
#include "common/host/file_io.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace simroot {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class FileIo : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "simroot-file-io-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override { fs::remove_all(folder); }

  [[nodiscard]] std::string In(const std::string& name) const { return (folder / name).string(); }
  [[nodiscard]] std::size_t Entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  [[nodiscard]] static unsigned Mode(const std::string& path) {
    struct stat status {};
    EXPECT_EQ(::lstat(path.c_str(), &status), 0);
    return status.st_mode & 07777U;
  }

  fs::path folder;
};

TEST_F(FileIo, WritesAndReadsBack) {
  Bytes content(100'000);
  for (std::size_t i = 0; i < content.size(); ++i) {
    content.at(i) = LowByte(i * 31);
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{16384}, content.size()}) {
    const ByteView part = ByteView(content).first(size);
    ASSERT_TRUE(WriteFileAtomically(In("file"), part, 0600));
    const auto read = ReadWholeFile(In("file"), content.size());
    ASSERT_TRUE(read);
    EXPECT_TRUE(SameBytes(*read, part));
  }
  EXPECT_EQ(Entries(), 1U);
}

TEST_F(FileIo, ModeIsExact) {
  const mode_t before = ::umask(077);
  EXPECT_TRUE(WriteFileAtomically(In("public"), AsBytes("x"), 0644));
  ::umask(0);
  EXPECT_TRUE(WriteFileAtomically(In("private"), AsBytes("x"), 0600));
  ::umask(before);
  EXPECT_EQ(Mode(In("public")), 0644U);
  EXPECT_EQ(Mode(In("private")), 0600U);
}

TEST_F(FileIo, OpenReaderKeepsOldContent) {
  ASSERT_TRUE(WriteFileAtomically(In("file"), AsBytes("old"), 0600));
  std::ifstream reader(In("file"));
  ASSERT_TRUE(WriteFileAtomically(In("file"), AsBytes("new and longer"), 0600));
  std::string seen;
  std::getline(reader, seen);
  EXPECT_EQ(seen, "old");
}

TEST_F(FileIo, SymbolicLinkIsReplaced) {
  ASSERT_TRUE(WriteFileAtomically(In("target"), AsBytes("kept"), 0600));
  fs::create_symlink("target", folder / "link");
  ASSERT_TRUE(WriteFileAtomically(In("link"), AsBytes("new"), 0600));
  EXPECT_FALSE(fs::is_symlink(folder / "link"));
  EXPECT_EQ(*ReadWholeFile(In("target"), 10), Bytes({'k', 'e', 'p', 't'}));
}

TEST_F(FileIo, WriteIntoMissingDirectoryNamesPathCauseAndStep) {
  const auto written = WriteFileAtomically(In("nowhere/file"), AsBytes("x"), 0600);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().domain, ErrorDomain::kStore);
  EXPECT_THAT(written.error().message, HasSubstr(In("nowhere/file")));
  EXPECT_THAT(written.error().message, HasSubstr("No such file or directory"));
  EXPECT_THAT(written.error().next_step, HasSubstr("the directory must exist"));
}

TEST_F(FileIo, WriteOverDirectoryFailsAndLeavesNoTemporary) {
  fs::create_directory(folder / "dir");
  const auto written = WriteFileAtomically(In("dir"), AsBytes("x"), 0600);
  ASSERT_FALSE(written);
  EXPECT_THAT(written.error().next_step, HasSubstr("directory"));
  EXPECT_EQ(Entries(), 1U);
}

// The file size limit stands for a full disk: both make write() fail in the middle of a file.
TEST_F(FileIo, FailedWriteKeepsOldFileAndLeavesNoTemporary) {
  ASSERT_TRUE(WriteFileAtomically(In("file"), AsBytes("old"), 0600));
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{10'000, 10'000};
    const bool limited = ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
    const auto written = WriteFileAtomically(In("file"), Bytes(50'000), 0600);
    ::_exit(limited && !written && written.error().next_step.find("ulimit -f") != std::string::npos ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(*ReadWholeFile(In("file"), 10), Bytes({'o', 'l', 'd'}));
  EXPECT_EQ(Entries(), 1U);
}

TEST_F(FileIo, ReadStopsAtTheLimit) {
  ASSERT_TRUE(WriteFileAtomically(In("file"), Bytes(1000), 0600));
  EXPECT_TRUE(ReadWholeFile(In("file"), 1000));
  const auto read = ReadWholeFile(In("file"), 999);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("more than 999 bytes"));
  EXPECT_FALSE(ReadWholeFile(In("file"), 0));
}

TEST_F(FileIo, ReadRefusesWhatIsNotAFile) {
  const auto missing = ReadWholeFile(In("missing"), 10);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, HasSubstr("No such file"));
  const auto directory = ReadWholeFile(folder.string(), 10);
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("Is a directory"));
  ASSERT_EQ(::mkfifo(In("pipe").c_str(), 0600), 0);
  const auto pipe = ReadWholeFile(In("pipe"), 10);  // would wait for a writer
  ASSERT_FALSE(pipe);
  EXPECT_THAT(pipe.error().message, HasSubstr("not a regular file"));
  EXPECT_FALSE(ReadWholeFile("/dev/zero", 10));
}

TEST_F(FileIo, MakesPrivateDirectories) {
  const mode_t before = ::umask(0);
  EXPECT_TRUE(MakePrivateDirectory(In("a/b/c")));
  ::umask(before);
  EXPECT_EQ(Mode(In("a")), 0700U);
  EXPECT_EQ(Mode(In("a/b/c")), 0700U);
  EXPECT_TRUE(MakePrivateDirectory(In("a/b/c")));
  EXPECT_TRUE(MakePrivateDirectory(In("a/b/c/")));
  EXPECT_TRUE(MakePrivateDirectory(In("a/../d")));
  EXPECT_TRUE(fs::is_directory(folder / "d"));
}

TEST_F(FileIo, PrivateDirectoryMayBeReadableButNotWritableByOthers) {
  ASSERT_TRUE(MakePrivateDirectory(In("dir")));
  fs::permissions(In("dir"), fs::perms{0755});
  EXPECT_TRUE(MakePrivateDirectory(In("dir")));
  for (const unsigned mode : {0770U, 0720U, 0702U, 0777U}) {
    fs::permissions(In("dir"), static_cast<fs::perms>(mode));
    const auto made = MakePrivateDirectory(In("dir"));
    ASSERT_FALSE(made) << mode;
    EXPECT_THAT(made.error().message, HasSubstr("other users may write"));
    EXPECT_THAT(made.error().next_step, HasSubstr("chmod 700 " + In("dir")));
  }
}

TEST_F(FileIo, PrivateDirectoryIsNoFileAndNoLink) {
  ASSERT_TRUE(WriteFileAtomically(In("file"), AsBytes("x"), 0600));
  EXPECT_THAT(MakePrivateDirectory(In("file")).error().message, HasSubstr("a file has that name"));
  EXPECT_THAT(MakePrivateDirectory(In("file/below")).error().message, HasSubstr("Not a directory"));
  ASSERT_TRUE(MakePrivateDirectory(In("real")));
  fs::create_directory_symlink("real", folder / "link");
  for (const char* const name : {"link", "link/"}) {
    const auto made = MakePrivateDirectory(In(name));
    ASSERT_FALSE(made);
    EXPECT_THAT(made.error().next_step, HasSubstr("symbolic link"));
  }
  EXPECT_FALSE(MakePrivateDirectory(""));
}

TEST_F(FileIo, PrivateDirectoryOfAnotherUserIsRefused) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a directory away";
  }
  ASSERT_TRUE(MakePrivateDirectory(In("dir")));
  ASSERT_EQ(::chown(In("dir").c_str(), 4242, 4242), 0);
  const auto made = MakePrivateDirectory(In("dir"));
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("belongs to user 4242"));
}

TEST(FileError, SaysWhatToDoForUsualCauses) {
  for (const int reason :
       {ENOSPC, EDQUOT, EACCES, EPERM, ENOENT, EEXIST, ENOTDIR, EISDIR, ELOOP, EROFS, EFBIG, EMFILE, EIO}) {
    const Error error = FileError("write", "/some/file", reason);
    EXPECT_THAT(error.message, HasSubstr("cannot write /some/file: ")) << reason;
    EXPECT_FALSE(error.next_step.empty()) << reason;
  }
  EXPECT_THAT(FileError("write", "/f", ENOSPC).Text(), HasSubstr("No space left on device; free some space"));
  EXPECT_TRUE(FileError("write", "/f", ETXTBSY).next_step.empty());
}

}  // namespace
}  // namespace simroot
