// SPDX-License-Identifier: Apache-2.0
// How much a change writes, and that no place of the memory is written more often than the others.
#include <iostream>
#include <numeric>

#include "card/store/store_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kId{0x01};

/// Counts what is written to every byte.
class CountingNvm final : public Nvm {
 public:
  explicit CountingNvm(std::size_t size) : memory_(size), writes_(size) {}

  [[nodiscard]] std::size_t Size() const override { return memory_.size(); }
  [[nodiscard]] bool Read(std::size_t offset, ByteSpan out) override {
    return CopyBytes(ByteView(memory_).subspan(offset, out.size()), out);
  }
  [[nodiscard]] bool Write(std::size_t offset, ByteView data) override {
    const bool zeros = std::ranges::all_of(data, [](std::uint8_t byte) { return byte == 0; });
    for (std::size_t i = 0; i < data.size(); ++i) {
      zeros_over_zeros_ += zeros && memory_.at(offset + i) == 0 ? 1 : 0;
      ++writes_.at(offset + i);
    }
    (zeros ? erased_ : written_) += data.size();
    return CopyBytes(data, ByteSpan(memory_).subspan(offset));
  }
  [[nodiscard]] bool Sync() override { return true; }

  [[nodiscard]] std::size_t written() const { return written_; }
  [[nodiscard]] std::size_t erased() const { return erased_; }
  [[nodiscard]] std::size_t zeros_over_zeros() const { return zeros_over_zeros_; }
  /// Mean and most writes of a byte in each of `parts` equal parts of the memory.
  [[nodiscard]] std::vector<double> MeanWrites(std::size_t parts) const {
    std::vector<double> means(parts);
    for (std::size_t i = 0; i < writes_.size(); ++i) {
      means.at(i * parts / writes_.size()) += double(writes_.at(i)) * double(parts) / double(writes_.size());
    }
    return means;
  }
  [[nodiscard]] unsigned MostWrites() const { return *std::ranges::max_element(writes_); }

 private:
  Bytes memory_;
  std::vector<unsigned> writes_;
  std::size_t written_ = 0;
  std::size_t erased_ = 0;
  std::size_t zeros_over_zeros_ = 0;
};

class StoreWear : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store_.Format());
    Add(store_, KeyInfo(ObjectClass::kPrivateKey, kId, "sig"), Bytes(32, 1), kId);
    Add(store_, KeyInfo(ObjectClass::kPublicKey, kId, "sig"), Bytes(65, 2));
    Add(store_, Info(ObjectClass::kFile, kId, "cert"), Bytes(1500, 3));
    ASSERT_TRUE(store_.Commit());
  }
  void NewPair(unsigned round) {
    ASSERT_TRUE(store_.Stage(*Find(store_, ObjectClass::kPrivateKey, kId), Bytes(32, LowByte(round | 1U))));
    ASSERT_TRUE(store_.Stage(*Find(store_, ObjectClass::kPublicKey, kId), Bytes(65, LowByte(round | 2U))));
    ASSERT_TRUE(store_.Commit());
  }

  CountingNvm nvm_{16384};
  ObjectStoreMemory<16, 4096> memory_;
  ObjectStore store_{nvm_, {0, 16384}, memory_.view()};
};

TEST_F(StoreWear, AChangeWritesAboutItsOwnSize) {
  const std::size_t written = nvm_.written();
  const std::size_t erased = nvm_.erased();
  NewPair(7);
  EXPECT_LT(nvm_.written() - written, 97U + 2 * 60U + 20U);  // values, descriptions, one header
  EXPECT_LE(nvm_.erased() - erased, 97U + 8U);               // the replaced values and their check sums
}

TEST_F(StoreWear, ACounterWritesLessThanFortyBytes) {
  const std::size_t written = nvm_.written();
  ASSERT_TRUE(store_.SetCounter(*Find(store_, ObjectClass::kFile, kId), 1));
  EXPECT_LT(nvm_.written() - written, 40U);
}

TEST_F(StoreWear, AnotherDescriptionDoesNotRewriteTheValue) {
  const StoredObject* const file = Find(store_, ObjectClass::kFile, kId);
  StoredObject like = *file;
  like.info.access = 1;
  const std::size_t written = nvm_.written();
  ASSERT_TRUE(store_.StageInfo(*file, like, StoreWriter::kManagement) && store_.Commit(StoreWriter::kManagement));
  EXPECT_LT(nvm_.written() - written, 100U);
}

TEST_F(StoreWear, ThousandKeyPairsWearAllOfTheMemoryAlike) {
  const std::size_t before = nvm_.written() + nvm_.erased();
  for (unsigned round = 0; round < 1000; ++round) {
    NewPair(round);
  }
  const std::vector<double> means = nvm_.MeanWrites(64);
  const auto [least, most] = std::ranges::minmax(means);
  const double mean = std::accumulate(means.begin(), means.end(), 0.0) / double(means.size());
  std::cout << "[ wear ] " << (nvm_.written() + nvm_.erased() - before) / 1000
            << " bytes per key pair, writes per byte: mean " << mean << ", parts of 256 bytes " << least << " to "
            << most << ", one byte at most " << nvm_.MostWrites() << '\n';
  EXPECT_GT(least, 0.4 * mean);
  EXPECT_LT(most, 1.6 * mean);
  EXPECT_LT(nvm_.MostWrites(), 4 * mean);
  EXPECT_EQ(nvm_.zeros_over_zeros(), 0U);
}

}  // namespace
}  // namespace simroot::card::testing
