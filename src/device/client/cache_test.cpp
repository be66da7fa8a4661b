// SPDX-License-Identifier: Apache-2.0
#include "device/client/cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

namespace fs = std::filesystem;
using testing::FileName;

class CacheTest : public ::testing::Test {
 protected:
  CacheTest() { cache_.Store(key_, 7, content_); }

  [[nodiscard]] fs::path File() const {
    const fs::directory_iterator files(path_);
    return files == fs::directory_iterator() ? fs::path() : files->path();
  }
  [[nodiscard]] Bytes Content() const {
    std::ifstream in(File(), std::ios::binary);
    return Bytes(std::istreambuf_iterator<char>(in), {});
  }
  void Overwrite(const Bytes& bytes) const {
    std::ofstream(File(), std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  static mode_t ModeOf(const fs::path& path) {
    struct stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0);
    return status.st_mode & 07777;
  }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.path() + "/deep/cache";
  const Cache cache_{path_};
  const CacheKey key_{"8988211000000000017", {0xA0, 0x01}, FileName("02")};
  const Bytes content_{1, 2, 3};
};

TEST_F(CacheTest, FindsWhatWasStoredUnderTheSameKeyAndCounterOnly) {
  EXPECT_EQ(cache_.Find(key_, 7), content_);
  EXPECT_FALSE(cache_.Find(key_, 6));
  CacheKey other = key_;
  other.iccid = "8988211000000000025";
  EXPECT_FALSE(cache_.Find(other, 7));
  other = key_;
  other.aid = {0xA0, 0x02};
  EXPECT_FALSE(cache_.Find(other, 7));
  other = key_;
  other.object = FileName("03");
  EXPECT_FALSE(cache_.Find(other, 7));
  other.object = {key_.object.object_class, true, key_.object.name};
  EXPECT_FALSE(cache_.Find(other, 7));
  other.object = {iotsafe::ObjectClass::kPublicKey, false, key_.object.name};
  EXPECT_FALSE(cache_.Find(other, 7));
}

TEST_F(CacheTest, IsPrivate) {
  EXPECT_EQ(ModeOf(path_), 0700U);
  EXPECT_EQ(ModeOf(File()), 0600U);
}

TEST_F(CacheTest, AnotherCounterReplacesTheEntry) {
  cache_.Store(key_, 8, Bytes{9});
  EXPECT_EQ(cache_.Find(key_, 8), Bytes{9});
  EXPECT_FALSE(cache_.Find(key_, 7));
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), fs::directory_iterator()), 1);
}

TEST_F(CacheTest, EveryFlippedBitIsFound) {
  const Bytes whole = Content();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes damaged = whole;
    damaged[i] ^= 0x01;
    Overwrite(damaged);
    EXPECT_FALSE(cache_.Find(key_, 7)) << "byte " << i;
  }
  Overwrite(whole);
  EXPECT_TRUE(cache_.Find(key_, 7));
}

TEST_F(CacheTest, EveryOtherLengthIsFound) {
  const Bytes whole = Content();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Overwrite(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_FALSE(cache_.Find(key_, 7)) << size;
  }
  Bytes longer = whole;
  longer.push_back(0);
  Overwrite(longer);
  EXPECT_FALSE(cache_.Find(key_, 7));
  Overwrite(Bytes(200'000, 0x55));
  EXPECT_FALSE(cache_.Find(key_, 7));
}

TEST_F(CacheTest, ADamagedEntryIsReplaced) {
  Overwrite({1, 2, 3});
  cache_.Store(key_, 7, content_);
  EXPECT_EQ(cache_.Find(key_, 7), content_);
}

TEST_F(CacheTest, AFutureVersionIsIgnored) {
  Bytes future = Content();
  future.at(4) = 0x02;
  Overwrite(future);
  EXPECT_FALSE(cache_.Find(key_, 7));
}

TEST_F(CacheTest, ADirectoryOthersCanWriteToIsNotUsed) {
  ASSERT_EQ(::chmod(path_.c_str(), 0770), 0);
  EXPECT_FALSE(cache_.Find(key_, 7));
  cache_.Store(key_, 8, content_);
  ASSERT_EQ(::chmod(path_.c_str(), 0700), 0);
  EXPECT_TRUE(cache_.Find(key_, 7));
  EXPECT_FALSE(cache_.Find(key_, 8));
}

TEST_F(CacheTest, AFileOthersCanWriteToIsNotUsed) {
  ASSERT_EQ(::chmod(File().c_str(), 0666), 0);
  EXPECT_FALSE(cache_.Find(key_, 7));
}

TEST_F(CacheTest, ADirectoryOfSomebodyElseIsNotUsed) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "only root can give a directory away";
  }
  ASSERT_EQ(::chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_FALSE(cache_.Find(key_, 7));
}

TEST_F(CacheTest, LinksAndPipesAreNotFollowed) {
  const fs::path file = File();
  fs::rename(file, directory_.path() + "/elsewhere");
  fs::create_symlink(directory_.path() + "/elsewhere", file);
  EXPECT_FALSE(cache_.Find(key_, 7));
  fs::remove(file);
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_FALSE(cache_.Find(key_, 7));
  const std::string link = directory_.path() + "/link";
  fs::create_symlink(path_, link);
  cache_.Store(key_, 7, content_);
  EXPECT_TRUE(cache_.Find(key_, 7));
  EXPECT_FALSE(Cache(link).Find(key_, 7));
}

TEST_F(CacheTest, AHostileIccidNeverBecomesAFileName) {
  for (const std::string iccid : {"../../../../etc/pass", "", "898821100000000001", "89882110000000000171234"}) {
    CacheKey hostile = key_;
    hostile.iccid = iccid;
    cache_.Store(hostile, 7, content_);
    EXPECT_EQ(cache_.Find(hostile, 7).has_value(), iccid.size() == 18) << iccid;
  }
}

TEST_F(CacheTest, AnEmptyOrImpossibleDirectoryMeansNoCache) {
  const Cache none("");
  none.Store(key_, 7, content_);
  EXPECT_FALSE(none.Find(key_, 7));
  const Cache impossible("/dev/null/cache");
  impossible.Store(key_, 7, content_);
  EXPECT_FALSE(impossible.Find(key_, 7));
}

TEST(DefaultCacheDirectory, FollowsTheEnvironment) {
  ::setenv("SIMROOT_CACHE", "/a", 1);
  ::setenv("XDG_CACHE_HOME", "/b", 1);
  ::setenv("HOME", "/c", 1);
  EXPECT_EQ(DefaultCacheDirectory(), "/a");
  ::unsetenv("SIMROOT_CACHE");
  EXPECT_EQ(DefaultCacheDirectory(), "/b/simroot");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(DefaultCacheDirectory(), "/c/.cache/simroot");
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(DefaultCacheDirectory(), "");
}

}  // namespace
}  // namespace simroot::device::client
