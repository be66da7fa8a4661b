// SPDX-License-Identifier: Apache-2.0
// Damaged memory: what the check still finds good is used, everything else is refused with 6400 (T153).
#include "card/store/store_log.hpp"
#include "card/store/store_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kId{0x01};

Bytes Image() {
  return MakeImage([](ObjectStore& store, crypto::Crypto& crypto) {
    AddPair(store, crypto, kId, kId, "sig");
    SR_CHECK(store.Commit());
    Add(store, Info(ObjectClass::kFile, kId, "cert"), Counting(200));
  });
}

/// Loads a changed image. What is found is intact and one of `good`, or it is no store.
void ExpectGoodOrDamaged(Bytes image, const std::vector<Content>& good) {
  const Content found = Reload(image);
  if (found.state == StoreState::kIntact) {
    EXPECT_NE(std::ranges::find(good, found), good.end());
  } else {
    EXPECT_EQ(found.state, StoreState::kDamaged);
    EXPECT_TRUE(found.infos.empty());
  }
}

class StoreDamage : public ::testing::Test {
 protected:
  void SetUp() override {
    Bytes copy = image_;
    good_.push_back(Reload(copy));
    ASSERT_EQ(good_.front().state, StoreState::kIntact);
    ASSERT_EQ(good_.front().infos.size(), 3U);
  }
  void FlipAndExpect(std::size_t offset, std::uint8_t mask) {
    SCOPED_TRACE("byte " + std::to_string(offset) + " mask " + std::to_string(mask));
    Bytes changed = image_;
    changed.at(offset) ^= mask;
    ExpectGoodOrDamaged(changed, good_);
  }

  Bytes image_ = Image();
  std::vector<Content> good_;
};

TEST_F(StoreDamage, EveryByteOfBothHeadersIsChecked) {
  for (const std::size_t copy : {std::size_t{0}, image_.size() / 2}) {
    for (std::size_t offset = 0; offset < kAreaHeaderSize; ++offset) {
      for (const auto mask : {std::uint8_t{0x01}, std::uint8_t{0x80}, std::uint8_t{0xFF}}) {
        FlipAndExpect(copy + offset, mask);
      }
    }
  }
}

TEST_F(StoreDamage, EveryByteOfTheLogIsChecked) {
  constexpr std::size_t used = 1000;  // behind it are zeros
  for (std::size_t offset = 0; offset < image_.size(); offset += offset < used ? 1 : 61) {
    FlipAndExpect(offset, offset % 2 == 0 ? 0x01 : 0xFF);
  }
}

TEST_F(StoreDamage, OneOfTheTwoHalvesHoldsTheContent) {
  int damaged = 0;
  for (const std::size_t copy : {std::size_t{0}, image_.size() / 2}) {
    Bytes changed = image_;
    for (std::size_t offset = 0; offset < kAreaHeaderSize; ++offset) {
      changed.at(copy + offset) ^= 0xFFU;
    }
    const Content found = Reload(changed);
    damaged += found.state == StoreState::kDamaged ? 1 : 0;
    EXPECT_TRUE(found.state == StoreState::kDamaged || found == good_.front());
  }
  EXPECT_EQ(damaged, 1);
}

TEST_F(StoreDamage, RandomMemoryIsNoStore) {
  const auto crypto = crypto::OpenSslCrypto::Create();
  for (int round = 0; round < 50; ++round) {
    Bytes changed(image_.size());
    ASSERT_TRUE(crypto->Random(changed));
    EXPECT_EQ(Reload(changed).state, StoreState::kDamaged);
  }
}

TEST_F(StoreDamage, MemoryCutShortIsNoCrash) {
  for (std::size_t size = 0; size < 200; ++size) {
    Bytes changed(image_.begin(), image_.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_NE(Reload(changed).infos.size(), 3U);
  }
}

TEST_F(StoreDamage, FormatMakesADamagedMemoryUsable) {
  Bytes changed(image_.size(), 0x5A);
  RamStore ram(changed);
  ASSERT_EQ(ram.store.Load(), StoreState::kDamaged);
  ASSERT_TRUE(ram.store.Format());
  EXPECT_EQ(ram.store.state(), StoreState::kIntact);
  Add(ram.store, Info(ObjectClass::kFile, kId, "cert"), Counting(200));
  ASSERT_TRUE(ram.store.Commit());
  EXPECT_EQ(Reload(changed), ContentOf(ram.store));
}

}  // namespace
}  // namespace simroot::card::testing
