// SPDX-License-Identifier: Apache-2.0
#include "server/agent/published_file.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "common/host/file_io.hpp"

namespace simroot::server {
namespace {

class PublishedFileTest : public ::testing::Test {
 protected:
  PublishedFileTest() {
    folder_ = (std::filesystem::temp_directory_path() / "simroot-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(folder_.data()), nullptr);
  }
  ~PublishedFileTest() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::string Path() const { return folder_ + "/file"; }
  [[nodiscard]] std::string Content() const {
    const auto bytes = ReadWholeFile(Path(), 1 << 20);
    return bytes ? std::string(AsText(*bytes)) : "absent";
  }
  [[nodiscard]] unsigned Mode() const {
    struct stat status {};
    return ::stat(Path().c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
  }
  [[nodiscard]] ino_t Inode() const {
    struct stat status {};
    return ::stat(Path().c_str(), &status) == 0 ? status.st_ino : 0;
  }
  std::string folder_;
};

TEST_F(PublishedFileTest, WritesOnlyWhatIsNew) {
  PublishedFile file(Path(), 0600);
  EXPECT_EQ(file.Publish(AsBytes("one")), true);
  EXPECT_EQ(Content(), "one");
  EXPECT_EQ(Mode(), 0600U);
  const ino_t before = Inode();
  EXPECT_EQ(file.Publish(AsBytes("one")), false);
  EXPECT_EQ(Inode(), before);
  EXPECT_EQ(file.Publish(AsBytes("two")), true);
  EXPECT_EQ(Content(), "two");
  EXPECT_EQ(file.Publish({}), true);
  EXPECT_EQ(Content(), "");
}

TEST_F(PublishedFileTest, KnowsWhatAnEarlierOneWrote) {
  EXPECT_EQ(PublishedFile(Path(), 0644).Publish(AsBytes("one")), true);
  EXPECT_EQ(PublishedFile(Path(), 0644).Publish(AsBytes("one")), false);
  EXPECT_EQ(PublishedFile(Path(), 0600).Publish(AsBytes("one")), true) << "other rights";
  EXPECT_EQ(Mode(), 0600U);
  std::ofstream(Path()) << "onf";
  EXPECT_EQ(PublishedFile(Path(), 0600).Publish(AsBytes("one")), true);
  EXPECT_EQ(Content(), "one");
}

TEST_F(PublishedFileTest, PutsBackWhatWasRemoved) {
  PublishedFile file(Path(), 0644);
  EXPECT_EQ(file.Publish(AsBytes("one")), true);
  std::filesystem::remove(Path());
  EXPECT_EQ(file.Publish(AsBytes("one")), true);
  std::filesystem::remove(Path());
  std::filesystem::create_symlink("/dev/null", Path());
  EXPECT_EQ(file.Publish(AsBytes("one")), true) << "a link is replaced";
  EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(Path())));
}

TEST_F(PublishedFileTest, AFullDiskKeepsTheOldContent) {
  PublishedFile file(Path(), 0644);
  ASSERT_EQ(file.Publish(AsBytes("old")), true);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{10, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto failed = file.Publish(AsBytes(std::string(100, 'x')));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().domain, ErrorDomain::kStore);
  EXPECT_EQ(Content(), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1) << "nothing is left behind";
  EXPECT_EQ(file.Publish(AsBytes(std::string(100, 'x'))), true) << "and it works again";
}

TEST_F(PublishedFileTest, ADirectoryThatIsGoneIsAnError) {
  PublishedFile file(folder_ + "/no/file", 0644);
  EXPECT_FALSE(file.Publish(AsBytes("one")));
}

}  // namespace
}  // namespace simroot::server
