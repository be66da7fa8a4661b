// SPDX-License-Identifier: Apache-2.0
#include "platform/vault/vault.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "common/host/test_hex.hpp"

namespace simroot::platform {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr std::string_view kContext = "psk/device-7";

class VaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "simroot-vault-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    directory_ = folder_ + "/vault";
    auto made = Vault::Create(directory_);
    ASSERT_TRUE(made) << made.error().Text();
    vault_ = std::move(*made);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] static Bytes Open(Vault& vault, ByteView sealed, std::string_view context = kContext) {
    const auto opened = vault.Unseal(sealed, context);
    if (!opened) {
      EXPECT_EQ(opened.error().kind, FailureKind::kInternal);
      return Hex("EE");
    }
    const ByteView bytes = opened->Reveal(InsecureReveal::kForTest);
    return {bytes.begin(), bytes.end()};
  }
  [[nodiscard]] std::string OpenError() const {
    const auto opened = Vault::Open(directory_);
    if (opened) {
      return "no error";
    }
    EXPECT_EQ(opened.error().kind, FailureKind::kInvalid);
    return opened.error().Text();
  }

  std::string folder_;
  std::string directory_;
  std::unique_ptr<Vault> vault_;
};

TEST_F(VaultTest, KeepsAValueOverARestart) {
  const auto sealed = vault_->Seal(Counting(48), kContext);
  ASSERT_TRUE(sealed);
  vault_.reset();
  const auto again = Vault::Open(directory_);
  ASSERT_TRUE(again) << again.error().Text();
  EXPECT_EQ(Open(**again, *sealed), Counting(48));
  EXPECT_EQ((*again)->NewestKey(), 1U);
}

TEST_F(VaultTest, TheDirectoryIsPrivate) {
  struct stat status {};
  ASSERT_EQ(::stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0700U);
  ASSERT_EQ(::chmod(directory_.c_str(), 0750), 0);
  EXPECT_THAT(OpenError(), HasSubstr("chmod 700"));
}

TEST_F(VaultTest, IsMadeOnce) {
  const auto again = Vault::Create(directory_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind, FailureKind::kConflict);
  fs::rename(directory_ + "/kek-1", directory_ + "/kek-2");
  EXPECT_FALSE(Vault::Create(directory_)) << "what is left of a vault is not built upon";
}

TEST_F(VaultTest, TheLimitIs64KiB) {
  EXPECT_TRUE(vault_->Seal(Bytes(65536), kContext));
  const auto more = vault_->Seal(Bytes(65537), kContext);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().kind, FailureKind::kInvalid);
}

TEST_F(VaultTest, RotationKeepsOldValuesOpen) {
  const auto old = vault_->Seal(Counting(16), kContext);
  ASSERT_TRUE(old);
  const auto added = vault_->AddKey();
  ASSERT_TRUE(added);
  EXPECT_EQ(*added, 2U);
  EXPECT_EQ(vault_->NewestKey(), 2U);
  const auto fresh = vault_->Seal(Counting(17), kContext);
  ASSERT_TRUE(fresh);
  EXPECT_EQ(*vault_->KeyNumber(*old), 1U);
  EXPECT_EQ(*vault_->KeyNumber(*fresh), 2U);
  const auto wrapped = vault_->Rewrap(*old, kContext);
  ASSERT_TRUE(wrapped);
  EXPECT_EQ(*vault_->KeyNumber(*wrapped), 2U);
  EXPECT_FALSE(vault_->Rewrap(*old, "psk/device-8"));
  const auto again = Vault::Open(directory_);
  ASSERT_TRUE(again) << again.error().Text();
  EXPECT_EQ(Open(**again, *old), Counting(16));
  EXPECT_EQ(Open(**again, *fresh), Counting(17));
  EXPECT_EQ(Open(**again, *wrapped), Counting(16));
}

TEST_F(VaultTest, AllCausesSoundTheSame) {
  const auto sealed = vault_->Seal(Counting(16), kContext);
  ASSERT_TRUE(sealed);
  ASSERT_TRUE(vault_->AddKey());
  Bytes other_kek = *sealed;
  other_kek.at(7) = 2;
  Bytes unknown_kek = *sealed;
  unknown_kek.at(7) = 9;
  Bytes damaged = *sealed;
  damaged.back() ^= 1;
  const std::string said = vault_->Unseal(damaged, kContext).error().Text();
  EXPECT_EQ(vault_->Unseal(*sealed, "psk/device-8").error().Text(), said);
  EXPECT_EQ(vault_->Unseal(other_kek, kContext).error().Text(), said);
  EXPECT_EQ(vault_->Unseal(unknown_kek, kContext).error().Text(), said);
  EXPECT_EQ(vault_->Unseal(Hex("00"), kContext).error().Text(), said);
  EXPECT_EQ(vault_->Rewrap(unknown_kek, kContext).error().Text(), said);
  EXPECT_EQ(vault_->KeyNumber(Hex("00")).error().kind, FailureKind::kInvalid);
}

TEST_F(VaultTest, AnotherVaultOpensNothing) {
  const auto sealed = vault_->Seal(Counting(16), kContext);
  const auto other = Vault::Create(folder_ + "/other");
  ASSERT_TRUE(sealed && other);
  EXPECT_EQ(Open(**other, *sealed), Hex("EE"));
}

TEST_F(VaultTest, MissingKeysAreNamed) {
  ASSERT_TRUE(vault_->AddKey());
  ASSERT_TRUE(vault_->AddKey());
  fs::rename(directory_ + "/kek-2", folder_ + "/kek-2");
  EXPECT_THAT(OpenError(), HasSubstr("kek-2"));
  fs::remove(directory_ + "/kek-1");
  fs::remove(directory_ + "/kek-3");
  EXPECT_THAT(OpenError(), HasSubstr("no key encryption key in"));
  fs::remove_all(directory_);
  EXPECT_THAT(OpenError(), HasSubstr("cannot open the vault"));
}

TEST_F(VaultTest, TwoProcessesDoNotMakeTheSameKey) {
  const auto other = Vault::Open(directory_);
  ASSERT_TRUE(other);
  ASSERT_TRUE((*other)->AddKey());
  const auto second = vault_->AddKey();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, FailureKind::kConflict);
  EXPECT_EQ(vault_->NewestKey(), 1U) << "a key without its file is not used";
  EXPECT_TRUE(vault_->Seal(Counting(3), kContext));
}

TEST_F(VaultTest, ManyThreadsUseItWhileKeysAreAdded) {
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        const auto sealed = vault_->Seal(Counting(40), kContext);
        const auto wrapped = sealed ? vault_->Rewrap(*sealed, kContext) : sealed;
        good += wrapped && Open(*vault_, *wrapped) == Counting(40) ? 1 : 0;
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(vault_->AddKey());
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(good, 800);
}

}  // namespace
}  // namespace simroot::platform
