// SPDX-License-Identifier: Apache-2.0
#include "card/host/file_nvm.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "card/host/file_lock.hpp"
#include "common/host/file_io.hpp"

namespace simroot::card {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::size_t kSize = 8192;

/// Runs `check` in a forked process; true if it returned true there.
template <typename Check>
bool InChild(const Check& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(check() ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

class FileNvmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "simroot-file-nvm-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    path = (folder / "card.nvm").string();
  }
  void TearDown() override { fs::remove_all(folder); }

  [[nodiscard]] std::unique_ptr<FileNvm> Created() const {
    auto made = FileNvm::Create(path, kSize);
    EXPECT_TRUE(made) << made.error().Text();
    return made ? std::move(*made) : nullptr;
  }
  [[nodiscard]] std::string OpenError(const std::string& what) const {
    const auto opened = FileNvm::Open(what);
    EXPECT_FALSE(opened);
    EXPECT_TRUE(opened || opened.error().domain == ErrorDomain::kStore);
    return opened ? std::string("no error") : opened.error().Text();
  }
  [[nodiscard]] std::size_t Entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }

  fs::path folder;
  std::string path;
};

TEST_F(FileNvmTest, NewMemoryIsZeroPrivateAndAlone) {
  const auto nvm = Created();
  ASSERT_NE(nvm, nullptr);
  Bytes content(kSize, 0xEE);
  EXPECT_EQ(nvm->Size(), kSize);
  ASSERT_TRUE(nvm->Read(0, content));
  EXPECT_EQ(content, Bytes(kSize));
  EXPECT_EQ(static_cast<unsigned>(fs::status(path).permissions()), 0600U);
  EXPECT_EQ(fs::file_size(path), kSize);
  EXPECT_EQ(Entries(), 1U);
}

TEST_F(FileNvmTest, ContentSurvivesClosing) {
  {
    const auto nvm = Created();
    ASSERT_TRUE(nvm->Write(kSize - 3, Bytes{1, 2, 3}) && nvm->Write(0, Bytes{9}) && nvm->Sync());
  }
  const auto nvm = FileNvm::Open(path);
  ASSERT_TRUE(nvm) << nvm.error().Text();
  EXPECT_EQ((*nvm)->Size(), kSize);
  Bytes end(3);
  Bytes start(2);
  ASSERT_TRUE((*nvm)->Read(kSize - 3, end) && (*nvm)->Read(0, start));
  EXPECT_EQ(end, (Bytes{1, 2, 3}));
  EXPECT_EQ(start, (Bytes{9, 0}));
}

TEST_F(FileNvmTest, RefusesWhatIsOutside) {
  const auto nvm = Created();
  Bytes four(4, 1);
  for (const std::size_t offset : {kSize - 3, kSize, kSize + 1, static_cast<std::size_t>(-2)}) {
    EXPECT_FALSE(nvm->Write(offset, four));
    EXPECT_FALSE(nvm->Read(offset, four));
    EXPECT_THAT(nvm->LastError(), HasSubstr("outside its 8192 bytes"));
  }
  EXPECT_TRUE(nvm->Write(kSize, {}));
  EXPECT_EQ(fs::file_size(path), kSize);
}

TEST_F(FileNvmTest, FillDecidesTheFirstContent) {
  const auto nvm = FileNvm::Create(path, kSize, [this](Nvm& memory) -> Result<void> {
    EXPECT_FALSE(fs::exists(path));  // no half-made card is ever seen
    EXPECT_EQ(memory.Size(), kSize);
    EXPECT_TRUE(memory.Write(100, Bytes{1, 2, 3}));
    return {};
  });
  ASSERT_TRUE(nvm);
  Bytes read(3);
  ASSERT_TRUE((*nvm)->Read(100, read));
  EXPECT_EQ(read, (Bytes{1, 2, 3}));
  EXPECT_TRUE(fs::exists(path));
}

TEST_F(FileNvmTest, FailedFillLeavesNothing) {
  const auto nvm = FileNvm::Create(
      path, kSize, [](Nvm&) -> Result<void> { return Fail(ErrorDomain::kCrypto, "no key", "try again"); });
  ASSERT_FALSE(nvm);
  EXPECT_EQ(nvm.error().domain, ErrorDomain::kCrypto);
  EXPECT_EQ(Entries(), 0U);
}

TEST_F(FileNvmTest, CreateNeverReplaces) {
  ASSERT_TRUE(WriteFileAtomically(path, AsBytes("precious"), 0600));
  const auto nvm = FileNvm::Create(path, kSize);
  ASSERT_FALSE(nvm);
  EXPECT_EQ(nvm.error().domain, ErrorDomain::kStore);
  EXPECT_THAT(nvm.error().Text(), HasSubstr("File exists"));
  EXPECT_EQ(Entries(), 1U);
  EXPECT_TRUE(SameBytes(*ReadWholeFile(path, 100), AsBytes("precious")));
}

TEST_F(FileNvmTest, CreateLosesTheRaceForTheName) {
  // Somebody else makes the file, or a dangling link, after the first look: only the last step can notice.
  const auto nvm = FileNvm::Create(path, kSize, [this](Nvm&) { return WriteFileAtomically(path, AsBytes("x"), 0600); });
  ASSERT_FALSE(nvm);
  EXPECT_THAT(nvm.error().Text(), HasSubstr("File exists"));
  EXPECT_TRUE(SameBytes(*ReadWholeFile(path, 100), AsBytes("x")));
  fs::remove(path);
  fs::create_symlink("nowhere", path);
  EXPECT_FALSE(FileNvm::Create(path, kSize));
  EXPECT_EQ(Entries(), 1U);
}

TEST_F(FileNvmTest, CreateSaysWhyItCannot) {
  EXPECT_THAT(FileNvm::Create((folder / "no/card").string(), kSize).error().Text(),
              HasSubstr("No such file or directory; check the spelling"));
  EXPECT_EQ(FileNvm::Create(path, 0).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ(FileNvm::Create(path, static_cast<std::size_t>(-1)).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ(Entries(), 0U);
}

// The limit of file sizes stands for a full disk.
TEST_F(FileNvmTest, NoSpaceAtCreationLeavesNothing) {
  EXPECT_TRUE(InChild([this] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    const bool limited = ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
    const auto nvm = FileNvm::Create(path, kSize);
    return limited && !nvm && nvm.error().message.find("File too large") != std::string::npos;
  }));
  EXPECT_EQ(Entries(), 0U);
}

TEST_F(FileNvmTest, FailedWriteIsFalseWithTheReason) {
  (void)Created();
  EXPECT_TRUE(InChild([this] {
    const auto nvm = FileNvm::Open(path);
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{4096, 4096};
    return nvm && ::setrlimit(RLIMIT_FSIZE, &limit) == 0 && !(*nvm)->Write(5000, Bytes{1}) &&
           (*nvm)->LastError().find("cannot write: File too large") != std::string::npos &&
           (*nvm)->LastError().find(path) != std::string::npos && (*nvm)->Write(0, Bytes{1}) && (*nvm)->Sync();
  }));
}

TEST_F(FileNvmTest, SecondOpenerInThisProcessIsNamed) {
  const auto first = Created();
  const std::string error = OpenError(path);
  EXPECT_THAT(error, HasSubstr(path + " is in use by pid " + std::to_string(::getpid()) + " (this program)"));
  EXPECT_TRUE(first->Write(0, Bytes{1}));
}

TEST_F(FileNvmTest, SecondOpenerInAnotherProcessIsToldThePid) {
  auto first = Created();
  const std::string expected = "in use by pid " + std::to_string(::getpid()) + ";";
  EXPECT_TRUE(InChild([&] {
    const auto second = FileNvm::Open(path);
    return !second && second.error().Text().find(expected) != std::string::npos;
  }));
  first.reset();
  EXPECT_TRUE(InChild([&] { return FileNvm::Open(path).has_value(); }));
}

TEST_F(FileNvmTest, ForkedChildCanNeitherUseNorUnlock) {
  auto nvm = Created();
  EXPECT_TRUE(InChild([&] {
    Bytes one(1);
    const bool refused = !nvm->Read(0, one) && !nvm->Write(0, Bytes{7}) && !nvm->Sync();
    const bool said = nvm->LastError().find("after fork") != std::string::npos;
    nvm.reset();
    return refused && said;
  }));
  Bytes one(1, 0xEE);
  ASSERT_TRUE(nvm->Read(0, one));
  EXPECT_EQ(one, Bytes{0});
  EXPECT_THAT(OpenError(path), HasSubstr("in use by pid"));
}

TEST_F(FileNvmTest, IdleForkedChildDoesNotKeepTheLock) {
  auto nvm = Created();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[1]);
    char byte = 0;
    static_cast<void>(::read(ends[0], &byte, 1));  // until the parent has looked
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  ::close(ends[0]);
  nvm.reset();
  const auto again = FileNvm::Open(path);
  EXPECT_TRUE(again) << again.error().Text();
  ::close(ends[1]);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(FileNvmTest, ExecutedProgramsDoNotInheritTheFile) {
  const auto nvm = Created();
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    if (fs::read_symlink(entry.path(), ignored) == fs::path(path)) {
      const int fd = std::stoi(entry.path().filename().string());
      EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
      return;
    }
  }
  FAIL() << "the open file was not found";
}

TEST_F(FileNvmTest, OpenRefusesWhatIsNoCard) {
  EXPECT_THAT(OpenError(path), HasSubstr("No such file or directory"));
  EXPECT_THAT(OpenError(folder.string()), HasSubstr("directory"));
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(OpenError(path), HasSubstr("not a regular file"));
  fs::remove(path);
  ASSERT_TRUE(WriteFileAtomically(path, {}, 0600));
  EXPECT_THAT(OpenError(path), HasSubstr("it is empty"));
}

TEST_F(FileNvmTest, OpenRefusesSymbolicLink) {
  (void)Created();
  const std::string link = (folder / "link").string();
  fs::create_symlink("card.nvm", link);
  EXPECT_THAT(OpenError(link), HasSubstr("that is a symbolic link"));
}

TEST_F(FileNvmTest, OpenRefusesFileThatOthersMayWrite) {
  (void)Created();
  for (const unsigned mode : {0620U, 0602U, 0666U}) {
    fs::permissions(path, static_cast<fs::perms>(mode));
    EXPECT_THAT(OpenError(path), HasSubstr("other users may write into it; chmod 600 " + path));
  }
  fs::permissions(path, fs::perms{0644});
  EXPECT_TRUE(FileNvm::Open(path));
}

TEST_F(FileNvmTest, FileMadeShorterByOthersIsNoticed) {
  const auto nvm = Created();
  fs::resize_file(path, 100);
  Bytes read(200);
  EXPECT_FALSE(nvm->Read(0, read));
  EXPECT_THAT(nvm->LastError(), HasSubstr("made shorter"));
}

class LockOwnerTest : public FileNvmTest {
 protected:
  void SetUp() override {
    FileNvmTest::SetUp();
    ASSERT_TRUE(WriteFileAtomically(path, AsBytes("x"), 0600));
    file = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    ASSERT_EQ(::fstat(file.get(), &status), 0);
    inode = std::to_string(status.st_ino);
    me = std::to_string(::getpid());
  }
  UniqueFd file;
  std::string inode;
  std::string me;
};

TEST_F(LockOwnerTest, ReadsTheTable) {
  const std::string mine = "1: FLOCK  ADVISORY  WRITE " + me + " 00:ff:" + inode + " 0 EOF\n";
  EXPECT_EQ(LockOwner(file.get(), mine), "pid " + me);
  EXPECT_EQ(LockOwner(file.get(), "7: POSIX  ADVISORY  READ 1 08:01:12 128 128\n" + mine), "pid " + me);
}

TEST_F(LockOwnerTest, IgnoresOtherLocks) {
  const std::string unknown = "another process";
  EXPECT_EQ(LockOwner(file.get(), ""), unknown);
  EXPECT_EQ(LockOwner(file.get(), "garbage\n\n1: FLOCK\n"), unknown);
  EXPECT_EQ(LockOwner(file.get(), "1: POSIX  ADVISORY  WRITE " + me + " 00:ff:" + inode + " 0 EOF\n"), unknown);
  EXPECT_EQ(LockOwner(file.get(), "1: -> FLOCK  ADVISORY  WRITE " + me + " 00:ff:" + inode + " 0 EOF\n"), unknown);
  EXPECT_EQ(LockOwner(file.get(), "1: FLOCK  ADVISORY  WRITE " + me + " 00:ff:" + inode + "9 0 EOF\n"), unknown);
}

TEST_F(LockOwnerTest, ProcessThatIsGoneIsNotNamed) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(0);
  }
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(
      LockOwner(file.get(), "1: FLOCK  ADVISORY  WRITE " + std::to_string(child) + " 00:ff:" + inode + " 0 EOF\n"),
      "another process");
  EXPECT_EQ(LockOwner(file.get(), "1: FLOCK  ADVISORY  WRITE 0 00:ff:" + inode + " 0 EOF\n"), "another process");
}

}  // namespace
}  // namespace simroot::card
