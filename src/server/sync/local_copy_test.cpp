// SPDX-License-Identifier: Apache-2.0
#include "server/sync/local_copy.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <map>

#include "common/host/file_io.hpp"
#include "server/directory/testing/credentials.hpp"
#include "server/sync/record_chain.hpp"
#include "server/sync/testing/full_disk.hpp"

namespace simroot::server {
namespace {

using testing::CertificateOf;
using testing::PskOf;
using testing::TextOf;

constexpr std::size_t kMaxFile = std::size_t{1} << 30U;

SecretBytes Secret(std::string_view text = "-----BEGIN PRIVATE KEY-----") {
  return SecretBytes(AsBytes(text));
}

/// What Load gives: the last one of each id, as text.
struct Loaded {
  std::map<CredentialId, std::string> credentials;
  SyncPoint point;
  std::string why;

  friend bool operator==(const Loaded& a, const Loaded& b) {
    return a.credentials == b.credentials && a.point.feed_number == b.point.feed_number &&
           a.point.contact == b.point.contact && a.point.authorities == b.point.authorities;
  }
};

class LocalCopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "simroot-copy-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
    file = directory + "/devices.copy";
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  [[nodiscard]] static std::unique_ptr<LocalCopy> OpenAt(const std::string& path, const SecretBytes& secret) {
    auto copy = LocalCopy::Open(path, secret);
    EXPECT_TRUE(copy.has_value());
    return copy ? std::move(*copy) : nullptr;
  }
  [[nodiscard]] std::unique_ptr<LocalCopy> OpenCopy() const { return OpenAt(file, Secret()); }

  [[nodiscard]] static Loaded LoadFrom(LocalCopy& copy) {
    Loaded loaded;
    const auto point =
        copy.Load([&](Credential&& credential) { loaded.credentials[credential.id] = TextOf(credential); }, loaded.why);
    EXPECT_TRUE(point.has_value());
    if (point) {
      loaded.point = *point;
    }
    if (loaded.point.feed_number < 0) {
      loaded.credentials.clear();
    }
    return loaded;
  }
  [[nodiscard]] Loaded LoadAgain() const { return LoadFrom(*OpenCopy()); }

  [[nodiscard]] Bytes Content() const {
    const auto content = ReadWholeFile(file, kMaxFile);
    EXPECT_TRUE(content.has_value());
    return content ? *content : Bytes();
  }
  void Overwrite(ByteView content) const { ASSERT_TRUE(WriteFileAtomically(file, content, 0600)); }

  /// Writes a snapshot of the ids 1 to `count`.
  static Result<void> Snapshot(LocalCopy& copy, CredentialId count, std::int64_t number,
                               const std::string& authorities = "PEM") {
    return copy.Rewrite(
        [count](const LocalCopy::Visit& visit) {
          for (CredentialId id = 1; id <= count; ++id) {
            visit(id % 3 == 0 ? PskOf(id) : CertificateOf(id));
          }
        },
        {number, 1'000 + number, authorities});
  }
  static Result<void> Change(LocalCopy& copy, CredentialId id, std::int64_t number,
                             const std::string& authorities = "PEM") {
    std::vector<Credential> changes;
    changes.push_back(CertificateOf(id, CredentialState::kRevoked));
    return copy.Append(changes, {number, 1'000 + number, authorities});
  }

  /// A small file, and what it says after its snapshot and after each of its changes.
  std::vector<Loaded> WriteSmall() {
    std::vector<Loaded> states;
    const auto copy = OpenCopy();
    EXPECT_TRUE(Snapshot(*copy, 3, 10));
    states.push_back(LoadFrom(*copy));
    for (std::int64_t number = 11; number <= 13; ++number) {
      EXPECT_TRUE(Change(*copy, number - 10, number));
      states.push_back(LoadFrom(*copy));
    }
    return states;
  }

  /// The records of a file: head, body, tag of each.
  static std::vector<Bytes> RecordsOf(ByteView content) {
    std::vector<Bytes> records;
    ByteReader in(content);
    EXPECT_TRUE(in.Skip(kCopyHeader));
    std::uint32_t size = 0;
    for (ByteReader ahead = in; ahead.ReadU32(size); ahead = in) {
      ByteView record;
      EXPECT_TRUE(in.ReadBytes(kRecordHead + size + kRecordTag, record));
      records.emplace_back(record.begin(), record.end());
    }
    return records;
  }
  static Bytes FileOf(ByteView header, const std::vector<Bytes>& records) {
    Bytes content(header.begin(), header.end());
    for (const Bytes& record : records) {
      content.insert(content.end(), record.begin(), record.end());
    }
    return content;
  }

  std::string directory;
  std::string file;
};

TEST_F(LocalCopyTest, AbsentFileIsNoCopyAndNoError) {
  const Loaded loaded = LoadAgain();
  EXPECT_EQ(loaded.point.feed_number, -1);
  EXPECT_FALSE(loaded.why.empty());
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_FALSE(Change(*OpenCopy(), 1, 1)) << "a change without a snapshot must not look like one";
}

TEST_F(LocalCopyTest, TellsWhatWasWritten) {
  {
    const auto copy = OpenCopy();
    ASSERT_TRUE(Snapshot(*copy, 5, 10));
    ASSERT_TRUE(Change(*copy, 2, 11));
    ASSERT_TRUE(Change(*copy, 9, 12, "other PEM"));
    ASSERT_TRUE(copy->Append({}, {12, 5'000, "other PEM"}));
  }
  const Loaded loaded = LoadAgain();
  EXPECT_EQ(loaded.why, "");
  EXPECT_EQ(loaded.point.feed_number, 12);
  EXPECT_EQ(loaded.point.contact, 5'000);
  EXPECT_EQ(loaded.point.authorities, "other PEM");
  ASSERT_EQ(loaded.credentials.size(), 6U);
  EXPECT_EQ(loaded.credentials.at(1), TextOf(CertificateOf(1)));
  EXPECT_EQ(loaded.credentials.at(2), TextOf(CertificateOf(2, CredentialState::kRevoked)));
  EXPECT_EQ(loaded.credentials.at(3), TextOf(PskOf(3)));
}

TEST_F(LocalCopyTest, GoesOnBehindWhatWasLoaded) {
  WriteSmall();
  for (std::int64_t number = 14; number < 20; ++number) {
    const auto copy = OpenCopy();
    const Loaded before = LoadFrom(*copy);
    EXPECT_EQ(before.point.feed_number, number - 1);
    ASSERT_TRUE(Change(*copy, number, number));
  }
  EXPECT_EQ(LoadAgain().point.feed_number, 19);
}

TEST_F(LocalCopyTest, IsForItsOwnerOnlyAndShowsNothing) {
  const ::mode_t before = ::umask(0);
  WriteSmall();
  (void)::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  const Bytes content = Content();
  const Bytes psk = FromHex(ToHex(PskOf(3).psk.Reveal(InsecureReveal::kForTest))).value();
  for (const std::string& clear : {std::string("meter-"), PskOf(3).name, CertificateOf(1).name, std::string("PEM"),
                                   std::string(AsText(psk)), CertificateOf(1).iccid}) {
    EXPECT_EQ(AsText(content).find(clear), std::string_view::npos) << clear;
  }
}

TEST_F(LocalCopyTest, OtherKeyOpensNothing) {
  WriteSmall();
  const auto copy = OpenAt(file, Secret("-----BEGIN PRIVATE KEX-----"));
  const Loaded loaded = LoadFrom(*copy);
  EXPECT_EQ(loaded.point.feed_number, -1);
  EXPECT_NE(loaded.why.find("another identity"), std::string::npos);
}

/// However a file is damaged, it gives one of the states that it was in, or nothing.
TEST_F(LocalCopyTest, EveryFlippedByteGivesAnOlderStateOrNone) {
  const auto states = WriteSmall();
  const Bytes content = Content();
  const auto records = RecordsOf(content);
  ASSERT_EQ(records.size(), 4U);
  std::size_t record_end = kCopyHeader;
  std::size_t record = 0;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (i == kCopyHeader) {
      record_end += records[0].size();
    } else if (i == record_end) {
      record_end += records[++record].size();
    }
    Bytes damaged = content;
    damaged[i] ^= LowByte(1U << (i % 8));
    Overwrite(damaged);
    const Loaded loaded = LoadAgain();
    if (i < kCopyHeader || record == 0) {
      EXPECT_EQ(loaded.point.feed_number, -1) << i;
    } else {
      EXPECT_TRUE(loaded == states[record - 1]) << i;
    }
    EXPECT_FALSE(loaded.why.empty()) << i;
  }
}

TEST_F(LocalCopyTest, EveryTruncationGivesAnOlderStateAndCanGoOn) {
  const auto states = WriteSmall();
  const Bytes content = Content();
  const auto records = RecordsOf(content);
  for (std::size_t size = 0; size < content.size(); ++size) {
    Overwrite(ByteView(content).first(size));
    std::size_t whole = 0;
    for (std::size_t end = kCopyHeader; whole < records.size() && end + records[whole].size() <= size; ++whole) {
      end += records[whole].size();
    }
    const auto copy = OpenCopy();
    const Loaded loaded = LoadFrom(*copy);
    if (whole == 0) {
      EXPECT_EQ(loaded.point.feed_number, -1) << size;
      continue;
    }
    EXPECT_TRUE(loaded == states[whole - 1]) << size;
    ASSERT_TRUE(Change(*copy, 77, 99)) << size;
    const Loaded again = LoadFrom(*copy);
    EXPECT_EQ(again.point.feed_number, 99) << size;
    EXPECT_EQ(again.why, "") << size;
  }
}

TEST_F(LocalCopyTest, RecordsCannotBeSwappedLeftOutRepeatedOrAdded) {
  const auto states = WriteSmall();
  const Bytes content = Content();
  const ByteView header = ByteView(content).first(kCopyHeader);
  const auto r = RecordsOf(content);
  const auto expect = [&](const std::vector<Bytes>& records, std::int64_t number) {
    Overwrite(FileOf(header, records));
    EXPECT_EQ(LoadAgain().point.feed_number, number);
  };
  expect({r[0], r[1], r[2], r[3]}, 13);
  expect({r[0], r[2], r[1], r[3]}, 10);
  expect({r[0], r[2], r[3]}, 10);
  expect({r[0], r[1], r[3]}, 11);
  expect({r[0], r[1], r[1], r[2], r[3]}, 11);
  expect({r[1], r[2], r[3]}, -1);
  expect({r[1], r[0]}, -1);
  // Records of another file of the same owner.
  ASSERT_TRUE(Snapshot(*OpenCopy(), 3, 10));
  const Bytes other = Content();
  const auto o = RecordsOf(other);
  expect({r[0], o[0]}, 10);
  Overwrite(FileOf(header, {o[0]}));
  EXPECT_EQ(LoadAgain().point.feed_number, -1);
  // Two files that began as one: neither takes the other's records.
  Overwrite(FileOf(header, {r[0], r[1]}));
  {
    const auto copy = OpenCopy();
    (void)LoadFrom(*copy);
    ASSERT_TRUE(Change(*copy, 50, 12));
  }
  const auto fork = RecordsOf(Content());
  expect({r[0], r[1], fork[2]}, 12);
  expect({r[0], r[1], fork[2], r[3]}, 12);
}

TEST_F(LocalCopyTest, ForeignFilesAreNoCopies) {
  for (const std::string& content : {std::string(), std::string("simroot copy"), std::string(5000, 'x'),
                                     std::string("simroot copy\x02") + std::string(200, '\0')}) {
    Overwrite(AsBytes(content));
    const Loaded loaded = LoadAgain();
    EXPECT_EQ(loaded.point.feed_number, -1);
    EXPECT_FALSE(loaded.why.empty());
  }
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  EXPECT_EQ(LoadAgain().point.feed_number, -1);
  std::filesystem::remove(file);
  std::filesystem::create_symlink(directory + "/elsewhere", file);
  EXPECT_EQ(LoadAgain().point.feed_number, -1);
  ASSERT_TRUE(Snapshot(*OpenCopy(), 1, 1));
  EXPECT_FALSE(std::filesystem::is_symlink(file)) << "a link is replaced, not followed";
}

TEST_F(LocalCopyTest, BigSnapshotsHaveManyRecords) {
  constexpr CredentialId kMany = 10'000;
  {
    const auto copy = OpenCopy();
    ASSERT_TRUE(Snapshot(*copy, kMany, 10));
    std::vector<Credential> changes;
    for (CredentialId id = 1; id <= kMany; ++id) {
      changes.push_back(CertificateOf(id, CredentialState::kSuspended));
    }
    ASSERT_TRUE(copy->Append(changes, {11, 2, "PEM"}));
    EXPECT_FALSE(RecordsOf(Content()).size() < 8);
  }
  const Loaded loaded = LoadAgain();
  EXPECT_EQ(loaded.point.feed_number, 11);
  EXPECT_EQ(loaded.credentials.size(), static_cast<std::size_t>(kMany));
  EXPECT_EQ(loaded.credentials.at(kMany), TextOf(CertificateOf(kMany, CredentialState::kSuspended)));
  // Cut inside the snapshot: nothing, rather than a part of the devices.
  const Bytes content = Content();
  Overwrite(ByteView(content).first(kCopyHeader + RecordsOf(content)[0].size()));
  EXPECT_EQ(LoadAgain().point.feed_number, -1);
}

TEST_F(LocalCopyTest, IsLongWhenChangesOutweighTheSnapshot) {
  const auto copy = OpenCopy();
  ASSERT_TRUE(Snapshot(*copy, 1'000, 10));
  EXPECT_FALSE(copy->IsLong());
  std::int64_t number = 10;
  for (; !copy->IsLong(); ++number) {
    ASSERT_LT(number, 10'000);
    ASSERT_TRUE(Change(*copy, number, number + 1));
  }
  EXPECT_GT(number, 600);
  ASSERT_TRUE(Snapshot(*copy, 1'000, number));
  EXPECT_FALSE(copy->IsLong());
}

TEST_F(LocalCopyTest, EveryRewriteHasAnotherKey) {
  const auto copy = OpenCopy();
  ASSERT_TRUE(Snapshot(*copy, 1, 10));
  const Bytes first = Content();
  ASSERT_TRUE(Snapshot(*copy, 1, 10));
  const Bytes second = Content();
  EXPECT_FALSE(SameBytes(ByteView(first).first(kCopyHeader), ByteView(second).first(kCopyHeader)));
}

/// What a process that died in the middle of Rewrite leaves: the old file, and a part of the new one beside it.
TEST_F(LocalCopyTest, HalfWrittenNewFileIsNotLookedAt) {
  const auto states = WriteSmall();
  ASSERT_TRUE(WriteFileAtomically(file + ".new", AsBytes("half"), 0600));
  const auto copy = OpenCopy();
  EXPECT_TRUE(LoadFrom(*copy) == states.back());
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
  ASSERT_TRUE(WriteFileAtomically(file + ".new", AsBytes("half"), 0600));
  ASSERT_TRUE(Snapshot(*copy, 2, 20));
  EXPECT_EQ(LoadFrom(*copy).point.feed_number, 20);
  EXPECT_FALSE(std::filesystem::exists(file + ".new"));
}

TEST_F(LocalCopyTest, FullDiskLeavesTheOldStateUsable) {
  const auto states = WriteSmall();
  const std::size_t size = Content().size();
  const auto copy = OpenCopy();
  ASSERT_TRUE(LoadFrom(*copy) == states.back());
  {
    const testing::FullDisk full(size + 20);
    const auto appended = Change(*copy, 5, 14);
    ASSERT_FALSE(appended.has_value());
    EXPECT_EQ(appended.error().domain, ErrorDomain::kStore);
    EXPECT_NE(appended.error().message.find(file), std::string::npos);
    EXPECT_FALSE(Snapshot(*copy, 100, 14).has_value());
    EXPECT_FALSE(std::filesystem::exists(file + ".new"));
    EXPECT_FALSE(Change(*copy, 5, 15).has_value()) << "a change is missing before this one";
    EXPECT_EQ(Content().size(), size);
  }
  EXPECT_TRUE(LoadAgain() == states.back());
  ASSERT_TRUE(Snapshot(*copy, 4, 20));
  ASSERT_TRUE(Change(*copy, 5, 21));
  EXPECT_EQ(LoadAgain().point.feed_number, 21);
}

/// The directory cannot be written as long as it lives; root becomes nobody meanwhile.
class ReadOnlyDirectory {
 public:
  explicit ReadOnlyDirectory(std::string directory) : directory_(std::move(directory)), was_root_(::geteuid() == 0) {
    if (was_root_) {
      Give(kNobody);
    }
    EXPECT_EQ(::chmod(directory_.c_str(), 0500), 0);
    EXPECT_TRUE(!was_root_ || ::seteuid(kNobody) == 0);
  }
  ~ReadOnlyDirectory() {
    EXPECT_TRUE(!was_root_ || ::seteuid(0) == 0);
    (void)::chmod(directory_.c_str(), 0700);
    if (was_root_) {
      Give(0);
    }
  }
  ReadOnlyDirectory(const ReadOnlyDirectory&) = delete;
  ReadOnlyDirectory& operator=(const ReadOnlyDirectory&) = delete;

 private:
  static constexpr ::uid_t kNobody = 65'534;
  void Give(::uid_t user) const {
    EXPECT_EQ(::chown(directory_.c_str(), user, static_cast<::gid_t>(-1)), 0);
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      EXPECT_EQ(::chown(entry.path().c_str(), user, static_cast<::gid_t>(-1)), 0);
    }
  }
  std::string directory_;
  bool was_root_;
};

TEST_F(LocalCopyTest, DirectoryThatCannotBeWrittenIsReadAllTheSame) {
  const auto states = WriteSmall();
  ASSERT_TRUE(std::filesystem::remove(file + ".lock"));
  const Bytes before = Content();
  std::unique_ptr<LocalCopy> copy;
  {
    const ReadOnlyDirectory read_only(directory);
    copy = OpenCopy();
    ASSERT_NE(copy, nullptr);
    EXPECT_NE(copy->WhyReadOnly().find(file + ".lock"), std::string::npos);
    EXPECT_TRUE(LoadFrom(*copy) == states.back());
    EXPECT_TRUE(Change(*copy, 1, 14));
    EXPECT_TRUE(Snapshot(*copy, 1, 15));
    EXPECT_FALSE(copy->IsLong());
    EXPECT_EQ(Content(), before);
  }
  EXPECT_TRUE(Change(*copy, 1, 14));  // takes over
  EXPECT_TRUE(copy->IsLong());
  EXPECT_EQ(copy->WhyReadOnly(), "");
  ASSERT_TRUE(Snapshot(*copy, 3, 15));
  EXPECT_EQ(LoadAgain().point.feed_number, 15);
  ASSERT_TRUE(std::filesystem::create_directory(directory + "/x.lock"));
  EXPECT_FALSE(LocalCopy::Open(directory + "/x", Secret())) << "that is no matter of rights or space";
}

TEST_F(LocalCopyTest, OneProcessWritesUntilItEnds) {
  auto first = OpenCopy();
  ASSERT_TRUE(Snapshot(*first, 3, 10));
  const auto second = OpenCopy();
  EXPECT_EQ(LoadFrom(*second).point.feed_number, 10);
  const Bytes before = Content();
  EXPECT_TRUE(Change(*second, 1, 11));
  EXPECT_TRUE(Snapshot(*second, 1, 12));
  EXPECT_EQ(Content(), before) << "it is the other one's file";
  EXPECT_FALSE(second->IsLong());
  ASSERT_TRUE(Change(*first, 1, 11));
  first.reset();
  EXPECT_TRUE(Change(*second, 2, 12));  // takes over; what the first one wrote was not read here
  EXPECT_TRUE(second->IsLong());
  EXPECT_EQ(LoadAgain().point.feed_number, 11);
  ASSERT_TRUE(Snapshot(*second, 3, 12));
  EXPECT_FALSE(second->IsLong());
  ASSERT_TRUE(Change(*second, 2, 13));
  EXPECT_EQ(LoadAgain().point.feed_number, 13);
}

/// Killed at random moments while it writes: what is found is always a state that had been reached, and never older
/// than what was acknowledged.
TEST_F(LocalCopyTest, KilledWriterLeavesAStateThatWas) {
  for (int round = 0; round < 12; ++round) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const ::pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      auto copy = LocalCopy::Open(file, Secret());
      std::string why;
      std::int64_t number = 0;
      if (copy) {
        const auto point = (*copy)->Load([](Credential&&) {}, why);
        number = point ? std::max<std::int64_t>(0, point->feed_number) : 0;
      }
      for (;;) {
        ++number;
        const bool ok = copy && (number % 7 == 0 || number == 1 ? Snapshot(**copy, 200, number)
                                                                : Change(**copy, number % 50, number));
        if (!ok || ::write(ends[1], &number, sizeof(number)) != sizeof(number)) {
          ::_exit(1);
        }
      }
    }
    ::close(ends[1]);
    std::int64_t acknowledged = 0;
    std::int64_t number = 0;
    for (int i = 0; i < 5 + round * 3 && ::read(ends[0], &number, sizeof(number)) == sizeof(number); ++i) {
      acknowledged = number;
    }
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    while (::read(ends[0], &number, sizeof(number)) == sizeof(number)) {
      acknowledged = number;
    }
    ::close(ends[0]);
    const Loaded loaded = LoadAgain();
    EXPECT_GE(loaded.point.feed_number, acknowledged);
    EXPECT_LE(loaded.point.feed_number, acknowledged + 1);
  }
}

}  // namespace
}  // namespace simroot::server
