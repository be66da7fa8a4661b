// SPDX-License-Identifier: Apache-2.0
// Readers on several threads while one thread changes. Built with -fsanitize=thread it is the proof of the epochs.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "server/directory/testing/credentials.hpp"

namespace simroot::server {
namespace {

using testing::CertificateOf;
using testing::FingerprintOf;
using testing::PskOf;

constexpr CredentialId kStable = 50;     ///< these are always there
constexpr CredentialId kChanging = 400;  ///< these come and go

/// A version of a credential: every field follows from id and version.
Credential VersionOf(CredentialId id, int version) {
  Credential credential = id % 2 == 0 ? PskOf(id) : CertificateOf(id);
  credential.device = "v" + std::to_string(version) + std::string(static_cast<std::size_t>(version % 40), 'x');
  credential.first_used = 1'000'000 + version;
  credential.changed = 2'000'000 + version;
  credential.state = version % 3 == 0 ? CredentialState::kSuspended : CredentialState::kActive;
  return credential;
}

/// True if all fields are of one version of this credential.
bool IsWhole(const Found& found, CredentialId id) {
  const int version = static_cast<int>(found.first_used - 1'000'000);
  Credential expected = VersionOf(id, version);
  if (found.state == CredentialState::kRevoked && id % 2 != 0 && id > kStable) {  // on its way out
    expected.state = found.state;
    expected.not_after = 1;
  }
  return found.id == id && found.kind == expected.kind && found.state == expected.state &&
         found.changed == expected.changed && expected.device == found.device.data() &&
         expected.name == found.name.data() && expected.iccid == found.iccid.data() &&
         found.not_after == expected.not_after;
}

class Readers {
 public:
  Readers(const Directory& directory, int threads) : directory_(directory) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] { Read(i); });
    }
  }
  ~Readers() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) {
      if (thread.joinable()) {
        thread.join();
      }
    }
  }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }
  [[nodiscard]] std::uint64_t reads() const { return reads_; }

 private:
  void Read(int thread) {
    auto random = static_cast<std::uint64_t>(thread) * 7919 + 1;
    while (!stop_) {
      random = random * 6364136223846793005U + 1442695040888963407U;
      const auto id = static_cast<CredentialId>((random >> 33U) % (kStable + kChanging)) + 1;
      const auto found =
          id % 2 == 0 ? directory_.FindPsk(PskOf(id).name) : directory_.FindCertificate(FingerprintOf(id));
      const auto by_id = directory_.FindById(id);
      const bool there = id > kStable || (found && by_id);
      wrong_ += there && (!found || IsWhole(*found, id)) && (!by_id || IsWhole(*by_id, id)) ? 0U : 1U;
      if (id % 2 == 0 && random % 16 == 0) {
        const auto key = directory_.OpenPsk(id);
        wrong_ += (key && ToHex(key->Reveal(InsecureReveal::kForTest)) ==
                              ToHex(PskOf(id).psk.Reveal(InsecureReveal::kForTest))) ||
                          (!key && id > kStable)
                      ? 0U
                      : 1U;
      }
      if (random % 2048 == 1) {
        directory_.ForEach([&](const Credential& credential) {
          const int version = static_cast<int>(credential.first_used - 1'000'000);
          wrong_ +=
              credential.device == VersionOf(credential.id, version).device && credential.changed == 2'000'000 + version
                  ? 0U
                  : 1U;
        });
      }
      ++reads_;
    }
  }

  const Directory& directory_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> wrong_{0};
  std::atomic<std::uint64_t> reads_{0};
  std::vector<std::thread> threads_;
};

TEST(DirectoryConcurrency, EveryFindIsWholeWhateverTheWriterDoes) {
  auto created = Directory::Create();
  ASSERT_TRUE(created);
  Directory& directory = **created;
  for (CredentialId id = 1; id <= kStable; ++id) {
    ASSERT_TRUE(directory.Put(VersionOf(id, 0)));
  }
  Readers readers(directory, 3);
  int version = 0;
  for (int round = 0; round < 30; ++round) {
    for (CredentialId id = 1; id <= kStable + kChanging; ++id) {  // grows the tables, replaces entries
      ASSERT_TRUE(directory.Put(VersionOf(id, ++version)));
    }
    for (CredentialId id = kStable + 1; id <= kStable + kChanging; ++id) {  // empties them
      Credential gone = VersionOf(id, version);
      gone.state = id % 2 == 0 ? CredentialState::kDeleted : CredentialState::kRevoked;
      gone.not_after = 1;
      ASSERT_TRUE(directory.Put(gone));
    }
    ASSERT_EQ(directory.ForgetEndedBefore(2), static_cast<std::size_t>(kChanging / 2));
    ASSERT_EQ(directory.size().credentials, static_cast<std::size_t>(kStable));
    if (round % 5 == 4) {
      directory.Reserve(std::size_t{2000} * static_cast<std::size_t>(round));
    }
  }
  // A reader must have had a chance, however slow the machine.
  while (readers.reads() < 1000) {
    ASSERT_TRUE(directory.Put(VersionOf(1, ++version)));
  }
  readers.Stop();
  EXPECT_EQ(readers.wrong(), 0U);
}

TEST(DirectoryConcurrency, ThreadsComeAndGo) {
  auto created = Directory::Create();
  ASSERT_TRUE(created);
  Directory& directory = **created;
  ASSERT_TRUE(directory.Put(VersionOf(1, 0)));
  std::atomic<int> wrong{0};
  int version = 0;
  for (int round = 0; round < 10; ++round) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 100; ++i) {  // more than one piece of the list of readers holds
      threads.emplace_back([&] {
        const auto found = directory.FindCertificate(FingerprintOf(1));
        wrong += found && IsWhole(*found, 1) ? 0 : 1;
      });
      ASSERT_TRUE(directory.Put(VersionOf(1, ++version)));
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace simroot::server
