// SPDX-License-Identifier: Apache-2.0
// Damaged memory: the check says what is wrong and changes nothing; the repair keeps what can be read.
#include "card/host/store_check.hpp"

#include <limits>
#include <random>

#include "card/store/store_log.hpp"
#include "card/store/store_test_support.hpp"

namespace simroot::card::testing {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint32_t kSeed = 771;
constexpr StoreCapacity kCapacity{16, 4096};
const Bytes kKeyId{0x01};
const Bytes kFileId{0x02};
const Bytes kSecretId{0x06};

class StoreCheckTest : public ::testing::Test {
 protected:
  static StoreReport Check(const Bytes& image) {
    Bytes copy = image;
    RamNvm nvm(copy);
    StoreReport report = CheckStore(nvm, {0, copy.size()}, kCapacity);
    EXPECT_EQ(copy, image);
    EXPECT_EQ(nvm.writes(), 0U);
    return report;
  }
  static Bytes Repaired(Bytes image) {
    RamNvm nvm(image);
    EXPECT_TRUE(RepairStore(nvm, {0, image.size()}, kCapacity));
    return image;
  }
  /// Position of a value in the image.
  std::size_t PlaceOf(ByteView value) const {
    const auto found = std::search(image_.begin(), image_.end(), value.begin(), value.end());
    SR_CHECK(found != image_.end());
    return static_cast<std::size_t>(found - image_.begin());
  }
  /// Position of the header of transaction `number`, from 0, in the first area that is in use.
  std::size_t TransactionAt(unsigned number) {
    RamNvm nvm(image_);
    const auto half = static_cast<std::uint32_t>(image_.size() / 2);
    LogArea area{0, half, 0, 0};
    if (!ReadAreaHeader(nvm, area)) {
      area.offset = half;
      SR_CHECK(ReadAreaHeader(nvm, area));
    }
    std::uint32_t position = area.first_transaction();
    for (;; --number) {
      Transaction transaction;
      SR_CHECK(ReadTransaction(nvm, area, position, transaction) == TransactionState::kValid);
      if (number == 0) {
        return position;
      }
      position = transaction.end();
    }
  }

  const Bytes scalar_ = Bytes(32, 0x51);
  const Bytes point_ = Bytes(65, 0x52);
  const Bytes secret_ = Bytes(16, 0x53);
  const Bytes content_ = Bytes(200, 0x54);
  Bytes image_ = MakeImage([this](ObjectStore& store, crypto::Crypto&) {
    Add(store, KeyInfo(ObjectClass::kPrivateKey, kKeyId, "sig"), scalar_, kKeyId);
    Add(store, KeyInfo(ObjectClass::kPublicKey, kKeyId, "sig"), point_);
    SR_CHECK(store.Commit());
    Add(store, Info(ObjectClass::kSecretKey, kSecretId, "psk"), secret_);
    SR_CHECK(store.Commit());
    SR_CHECK(store.TakeNumbers(*Find(store, ObjectClass::kSecretKey, kSecretId), 3));
    SR_CHECK(store.SetCounter(*Find(store, ObjectClass::kPrivateKey, kKeyId), 7));
    Add(store, Info(ObjectClass::kFile, kFileId, "cert"), content_);
  });
};

TEST_F(StoreCheckTest, AnIntactStoreIsClean) {
  const StoreReport report = Check(image_);
  EXPECT_EQ(report.state, StoreState::kIntact);
  EXPECT_TRUE(report.IsClean());
  EXPECT_THAT(report.Problems(), IsEmpty());
  EXPECT_EQ(report.objects.size(), 4U);
  EXPECT_EQ(report.areas.front().active + report.areas.back().active, 1);
  EXPECT_EQ(Repaired(image_), image_);
}

TEST_F(StoreCheckTest, MemoryThatWasNeverFormattedIsSaidToBe) {
  const StoreReport report = Check(Bytes(image_.size()));
  EXPECT_EQ(report.state, StoreState::kBlank);
  EXPECT_FALSE(report.IsClean());
  EXPECT_THAT(report.Problems(), Contains(HasSubstr("never formatted")));
  const StoreReport repaired = Check(Repaired(Bytes(image_.size())));
  EXPECT_TRUE(repaired.IsClean());
  EXPECT_THAT(repaired.objects, IsEmpty());
}

TEST_F(StoreCheckTest, ADamagedValueIsNamedAndRemoved) {
  image_.at(PlaceOf(scalar_) + 5) ^= 0x01U;
  const StoreReport report = Check(image_);
  EXPECT_EQ(report.state, StoreState::kDamaged);
  EXPECT_THAT(report.Problems(), Contains(HasSubstr("private key 01: its value is damaged")));
  EXPECT_EQ(report.loss.emptied, 1U);
  EXPECT_EQ(report.loss.lost_places, 0U);
  const Bytes repaired = Repaired(image_);
  EXPECT_TRUE(Check(repaired).IsClean());
  Bytes loaded = repaired;
  const Content content = Reload(loaded);
  ASSERT_EQ(content.state, StoreState::kIntact);
  ASSERT_EQ(content.values.size(), 4U);
  EXPECT_EQ(content.values, (std::vector<Bytes>{{}, point_, secret_, content_}));
  EXPECT_EQ(content.infos.front().state, iotsafe::ObjectState::kDeactivated);
  EXPECT_EQ(content.counters, (std::vector<std::uint64_t>{7, 0, 67, 0}));
  EXPECT_FALSE(testing::Contains(repaired, ByteView(scalar_).first(5)));
}

TEST_F(StoreCheckTest, ALostChangeIsNamedAndNumbersAreNotTakenAgain) {
  image_.at(TransactionAt(3) + 21) ^= 0x01U;  // the record of the numbers
  const StoreReport report = Check(image_);
  EXPECT_EQ(report.state, StoreState::kDamaged);
  EXPECT_EQ(report.loss.lost_places, 1U);
  EXPECT_THAT(report.Problems(), Contains(HasSubstr("damaged in 1 place")));
  EXPECT_EQ(report.objects.size(), 4U);
}

TEST_F(StoreCheckTest, CountersThatGuardSomethingComeOutOnTheSafeSide) {
  const Bytes pin_id{0x07};
  const auto counters = [](Bytes image) { return Reload(image).counters; };
  image_ = MakeImage([&](ObjectStore& store, crypto::Crypto&) {
    auto pin = Info(ObjectClass::kSecretKey, pin_id, "pin");
    pin.key_type = iotsafe::KeyType::kUserPin;
    Add(store, pin, Bytes(8, 0x31));
    store.MarkCounterRises(*Add(store, Info(ObjectClass::kSecretKey, kSecretId, "enc"), secret_));
    Add(store, Info(ObjectClass::kSecretKey, kKeyId, "mac"), secret_);
    SR_CHECK(store.Commit());
    for (std::uint64_t i = 1; i <= 3; ++i) {
      SR_CHECK(store.SetCounter(*Find(store, ObjectClass::kSecretKey, pin_id), i));
      SR_CHECK(store.SetCounter(*Find(store, ObjectClass::kSecretKey, kSecretId), i));
      SR_CHECK(store.SetCounter(*Find(store, ObjectClass::kSecretKey, kKeyId), i));
    }
    Add(store, Info(ObjectClass::kFile, kFileId, "cert"), content_);
  });
  EXPECT_EQ(counters(image_), (std::vector<std::uint64_t>{3, 3, 3, 0}));
  // The value alone: nothing else can be lost.
  Bytes value_damaged = image_;
  value_damaged.at(PlaceOf(content_) + 5) ^= 0x01U;
  EXPECT_EQ(counters(Repaired(value_damaged)), (std::vector<std::uint64_t>{3, 3, 3, 0}));
  // Every record of a counter, one after the other and all of them; also the first of the key that rises.
  constexpr std::uint64_t kBlocked = std::numeric_limits<std::uint64_t>::max();
  Bytes all = image_;
  for (unsigned number = 2; number <= 10; ++number) {
    Bytes one = image_;
    one.at(TransactionAt(number) + 21) ^= 0x01U;
    all.at(TransactionAt(number) + 21) ^= 0x01U;
    const auto after = counters(Repaired(one));
    ASSERT_EQ(after.size(), 4U);
    EXPECT_EQ(after.at(0), kBlocked) << number;
    EXPECT_GT(after.at(1), 0x10000U) << number;
    EXPECT_LE(after.at(2), 3U) << number;  // one that counts failures of a key is not made to lock its owner out
  }
  const auto after = counters(Repaired(all));
  EXPECT_EQ(after.at(0), kBlocked);
  EXPECT_GE(after.at(1), 0x10000U);
}

TEST_F(StoreCheckTest, CountersAreAdvancedWhereTheLogIsDamaged) {
  image_.at(TransactionAt(5)) ^= 0x40U;  // the header of the last change, behind the numbers
  Bytes repaired = Repaired(image_);
  const Content content = Reload(repaired);
  EXPECT_EQ(content.values, (std::vector<Bytes>{scalar_, point_, secret_, content_}));  // its record is whole
  EXPECT_EQ(content.counters, (std::vector<std::uint64_t>{7, 0, 67 + 0x10000, 0}));
}

TEST_F(StoreCheckTest, ADamagedDescriptionCostsItsObjectOnly) {
  Bytes changed = image_;
  changed.at(TransactionAt(1) + kTransactionHeaderSize + 20) ^=
      0x01U;  // the private key's; the public key is behind it
  const StoreReport report = Check(changed);
  EXPECT_EQ(report.state, StoreState::kDamaged);
  EXPECT_EQ(report.objects.size(), 3U);
  EXPECT_EQ(report.loss.dropped, 1U);  // the counter of the private key
  Bytes repaired = Repaired(changed);
  EXPECT_EQ(Reload(repaired).values, (std::vector<Bytes>{point_, secret_, content_}));
  EXPECT_FALSE(testing::Contains(repaired, ByteView(scalar_).first(8)));
}

TEST_F(StoreCheckTest, ACutChangeDoesNotComeToLife) {
  const std::size_t last = TransactionAt(5);
  Bytes changed = image_;
  std::ranges::fill(ByteSpan(changed).subspan(last, kTransactionHeaderSize), std::uint8_t{0});  // never valid
  changed.at(PlaceOf(scalar_)) ^= 0x01U;                                                        // and damage elsewhere
  Bytes repaired = Repaired(changed);
  EXPECT_EQ(Reload(repaired).values, (std::vector<Bytes>{{}, point_, secret_}));
}

TEST_F(StoreCheckTest, ADamagedAreaHeaderCostsNothing) {
  const std::size_t header = TransactionAt(0) - kAreaHeaderSize;
  for (const std::size_t offset : {std::size_t{0}, std::size_t{5}, std::size_t{17}}) {
    Bytes changed = image_;
    changed.at(header + offset) ^= 0xFFU;
    EXPECT_EQ(Check(changed).state, StoreState::kDamaged);
    Bytes repaired = Repaired(changed);
    Bytes original = image_;
    EXPECT_EQ(Reload(repaired), Reload(original));
    EXPECT_TRUE(Check(repaired).IsClean());
  }
}

TEST_F(StoreCheckTest, WhereNothingCanBeReadAnEmptyStoreIsMade) {
  const Bytes changed(image_.size(), 0x5A);
  const StoreReport report = Check(changed);
  EXPECT_TRUE(report.loss.everything);
  EXPECT_THAT(report.Problems(), Contains(HasSubstr("no object can be read")));
  const Bytes repaired = Repaired(changed);
  EXPECT_TRUE(Check(repaired).IsClean());
}

TEST_F(StoreCheckTest, LeftoversAreCountedAndWiped) {
  Bytes changed = image_;
  changed.at(changed.size() / 2 - 1) = 0x77;  // the end of one area
  changed.at(changed.size() - 1) = 0x78;      // and of the other
  const StoreReport report = Check(changed);
  EXPECT_EQ(report.state, StoreState::kIntact);
  EXPECT_FALSE(report.IsClean());
  EXPECT_THAT(report.Problems(), Contains(HasSubstr("1 byte of a change that was cut off")));
  EXPECT_THAT(report.Problems(), Contains(HasSubstr("1 byte of an old content")));
  EXPECT_EQ(Repaired(changed), image_);
}

TEST_F(StoreCheckTest, ReplacedValuesThatAreNotWipedAreCounted) {
  RamStore ram(image_);
  ram.store.Load();
  const std::size_t place = PlaceOf(secret_);
  ASSERT_TRUE(ram.store.Stage(*Find(ram.store, ObjectClass::kSecretKey, kSecretId), Bytes(16, 0x63)));
  ASSERT_TRUE(ram.store.Commit());
  const Bytes clean = image_;
  EXPECT_TRUE(Check(clean).IsClean());
  std::ranges::copy(secret_, ByteSpan(image_).subspan(place).begin());
  const StoreReport report = Check(image_);
  EXPECT_EQ(report.state, StoreState::kIntact);
  EXPECT_EQ(report.unwiped_values, 1U);
  EXPECT_FALSE(report.IsClean());
  EXPECT_EQ(Repaired(image_), clean);
}

TEST_F(StoreCheckTest, RandomDamageNeverStopsTheRepair) {
  std::mt19937 random(kSeed);
  unsigned damaged = 0;
  for (unsigned round = 0; round < 3000; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    Bytes changed = image_;
    for (unsigned i = 0; i <= random() % 4; ++i) {
      const std::size_t area = random() % 2 == 0 ? 0 : changed.size() / 2;
      const std::size_t start = area + random() % 900;
      const std::size_t count = random() % 3 == 0 ? random() % 64 : 1;
      const bool zeros = random() % 2 == 0;
      for (std::size_t k = start; k < start + count; ++k) {
        changed.at(k) = zeros ? std::uint8_t{0} : LowByte(random());
      }
    }
    const StoreReport report = Check(changed);
    damaged += report.state == StoreState::kDamaged ? 1 : 0;
    Bytes loaded = changed;
    EXPECT_EQ(Reload(loaded).state, report.state);
    const Bytes repaired = Repaired(changed);
    const StoreReport after = Check(repaired);
    ASSERT_TRUE(after.IsClean());
    EXPECT_EQ(after.objects.size(), report.objects.size());
  }
  EXPECT_GT(damaged, 500U);
}

}  // namespace
}  // namespace simroot::card::testing
