// SPDX-License-Identifier: Apache-2.0
#include "store/contract/contract.hpp"

namespace simroot::platform::contract {
namespace {

class KeysContract : public Contract {
 protected:
  void SetUp() override {
    Contract::SetUp();
    ASSERT_TRUE(Put(SampleKeys(card_, 0x30)));
  }
  Outcome<void> Put(const CardKeySet& keys) {
    return Write([&](StoreWriter& w) { return w.PutCardKeys(keys); });
  }
  Outcome<CardKeySet> Get(std::uint8_t version) {
    return Read([&](StoreReader& r) { return r.FindCardKeys(card_, version); });
  }
  Outcome<std::int64_t> Reserve(unsigned count, std::uint8_t version = 0x30) {
    return Write([&](StoreWriter& w) { return w.ReserveScp80Counters(card_, version, count); });
  }
  Outcome<void> Advance(std::int64_t sequence, std::uint8_t version = 0x30) {
    return Write([&](StoreWriter& w) { return w.AdvanceScp03Sequence(card_, version, sequence); });
  }
};

TEST_F(KeysContract, KeySetComesBackAsItWasPut) {
  const auto keys = Get(0x30);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->card, card_);
  EXPECT_EQ(keys->version, 0x30);
  EXPECT_EQ(keys->key_size, 16);
  EXPECT_EQ(keys->sealed, Counting(112));
  EXPECT_EQ(keys->scp03_sequence, -1);
  EXPECT_EQ(keys->scp80_counter, 0);
  EXPECT_EQ(KindOf(Get(0x31)), "not found");
  EXPECT_EQ(KindOf(Read([&](StoreReader& r) { return r.FindCardKeys(card_ + 1, 0x30); })), "not found");
}

TEST_F(KeysContract, InsertedKeySetMayBringItsCounters) {
  CardKeySet keys = SampleKeys(card_, 0x01);
  keys.key_size = 32;
  keys.scp03_sequence = 41;
  keys.scp80_counter = 42;
  EXPECT_TRUE(Put(keys));
  EXPECT_EQ(Get(0x01)->key_size, 32);
  EXPECT_EQ(Get(0x01)->scp03_sequence, 41);
  EXPECT_EQ(Get(0x01)->scp80_counter, 42);
}

TEST_F(KeysContract, ReplacedKeySetBeginsAnew) {
  EXPECT_TRUE(Advance(7));
  EXPECT_TRUE(Reserve(9));
  CardKeySet keys = SampleKeys(card_, 0x30);
  keys.sealed = Counting(50);
  keys.scp03_sequence = 3;
  keys.scp80_counter = 4;
  EXPECT_TRUE(Put(keys));
  EXPECT_EQ(Get(0x30)->sealed, Counting(50));
  EXPECT_EQ(Get(0x30)->scp03_sequence, -1);
  EXPECT_EQ(Get(0x30)->scp80_counter, 0);
}

TEST_F(KeysContract, WhatIsNoKeySetIsRefused) {
  EXPECT_EQ(KindOf(Put(SampleKeys(99, 0x30))), "not found");
  EXPECT_EQ(KindOf(Put(SampleKeys(card_, 0))), "invalid");
  CardKeySet odd = SampleKeys(card_, 0x31);
  odd.key_size = 17;
  EXPECT_EQ(KindOf(Put(odd)), "invalid");
}

TEST_F(KeysContract, KeySetsAreListedByVersion) {
  EXPECT_TRUE(Put(SampleKeys(card_, 0x3F)));
  EXPECT_TRUE(Put(SampleKeys(card_, 0x01)));
  const auto list = Read([&](StoreReader& r) { return r.ListCardKeys(card_); });
  ASSERT_TRUE(list);
  std::vector<int> versions;
  for (const CardKeySet& keys : *list) {
    versions.push_back(keys.version);
  }
  EXPECT_THAT(versions, ::testing::ElementsAre(0x01, 0x30, 0x3F));
  EXPECT_TRUE(Read([&](StoreReader& r) { return r.ListCardKeys(card_ + 1); })->empty());
}

TEST_F(KeysContract, DeletedKeySetIsGone) {
  const auto remove = [&] { return Write([&](StoreWriter& w) { return w.DeleteCardKeys(card_, 0x30); }); };
  EXPECT_TRUE(remove());
  EXPECT_EQ(KindOf(Get(0x30)), "not found");
  EXPECT_EQ(KindOf(remove()), "not found");
}

TEST_F(KeysContract, ResealedKeysKeepTheirCounters) {
  const auto reseal = [&](std::uint8_t version, const Bytes& was) {
    return Write([&](StoreWriter& w) { return w.ResealCardKeys(card_, version, was, Counting(60)); });
  };
  EXPECT_TRUE(Advance(7));
  EXPECT_TRUE(Reserve(9));
  EXPECT_EQ(KindOf(reseal(0x30, Counting(111))), "conflict");
  EXPECT_EQ(KindOf(reseal(0x31, Counting(112))), "not found");
  EXPECT_EQ(Get(0x30)->sealed, Counting(112));
  EXPECT_TRUE(reseal(0x30, Counting(112)));
  EXPECT_EQ(Get(0x30)->sealed, Counting(60));
  EXPECT_EQ(Get(0x30)->scp03_sequence, 7);
  EXPECT_EQ(Get(0x30)->scp80_counter, 9);
}

TEST_F(KeysContract, Scp03SequenceOnlyRises) {
  EXPECT_TRUE(Advance(0));
  EXPECT_EQ(KindOf(Advance(0)), "conflict");
  EXPECT_TRUE(Advance(5));
  EXPECT_EQ(KindOf(Advance(4)), "conflict");
  EXPECT_EQ(KindOf(Advance(5)), "conflict");
  EXPECT_EQ(KindOf(Advance(-1)), "conflict");
  EXPECT_EQ(Get(0x30)->scp03_sequence, 5);
  EXPECT_TRUE(Advance(0xFFFFFF));
  EXPECT_EQ(KindOf(Advance(0x1000000)), "invalid");
  EXPECT_EQ(KindOf(Advance(1, 0x31)), "not found");
}

TEST_F(KeysContract, Scp80CountersAreGivenOnce) {
  EXPECT_EQ(Reserve(1).value_or(0), 1);
  EXPECT_EQ(Reserve(10).value_or(0), 2);
  EXPECT_EQ(Reserve(1).value_or(0), 12);
  EXPECT_EQ(Get(0x30)->scp80_counter, 12);
  EXPECT_EQ(KindOf(Reserve(0)), "invalid");
  EXPECT_EQ(KindOf(Reserve(1, 0x31)), "not found");
  under_test_->Reopen();
  EXPECT_EQ(Reserve(1).value_or(0), 13);
}

TEST_F(KeysContract, CountersOfAWorkThatFailsWereNeverGiven) {
  EXPECT_EQ(KindOf(Write([&](StoreWriter& w) -> Outcome<void> {
              EXPECT_EQ(w.ReserveScp80Counters(card_, 0x30, 5).value_or(0), 1);
              return Refuse(FailureKind::kDenied, "no");
            })),
            "denied");
  EXPECT_EQ(Reserve(1).value_or(0), 1);
}

TEST_F(KeysContract, Scp80CountersComeToAnEnd) {
  CardKeySet keys = SampleKeys(card_, 0x01);
  keys.scp80_counter = 0xFFFFFFFFFE - 3;
  ASSERT_TRUE(Put(keys));
  EXPECT_EQ(KindOf(Reserve(4, 0x01)), "conflict");
  EXPECT_EQ(Reserve(2, 0x01).value_or(0), 0xFFFFFFFFFE - 2);
  EXPECT_EQ(Reserve(1, 0x01).value_or(0), 0xFFFFFFFFFE);
  EXPECT_EQ(KindOf(Reserve(1, 0x01)), "conflict");
  EXPECT_EQ(Get(0x01)->scp80_counter, 0xFFFFFFFFFE);
}

}  // namespace
}  // namespace simroot::platform::contract
