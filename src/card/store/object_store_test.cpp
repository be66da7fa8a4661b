// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "card/store/store_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kId1{0x01};
const Bytes kId2{0x02};

class ObjectStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(store().Format()); }

  ObjectStore& store() { return ram_.store; }
  RamNvm& nvm() { return ram_.nvm; }
  Bytes ValueOf(const StoredObject* object) {
    const ByteView value = store().Value(*object);
    return {value.begin(), value.end()};
  }
  const StoredObject* AddFile(ByteView id, std::string_view label, ByteView content = {}) {
    return Add(store(), Info(ObjectClass::kFile, id, label), content);
  }

  Bytes image_ = Bytes(RamStore::kImageSize);
  RamStore ram_{image_};
};

TEST(ObjectStore, FindsMemoryThatWasNeverFormatted) {
  Bytes image(RamStore::kImageSize);
  EXPECT_EQ(Reload(image).state, StoreState::kBlank);
}

TEST_F(ObjectStoreTest, IsEmptyAfterFormat) {
  EXPECT_EQ(store().state(), StoreState::kIntact);
  EXPECT_TRUE(store().objects().empty());
  EXPECT_EQ(store().capacity(), 16U);
  EXPECT_EQ(Reload(image_).state, StoreState::kIntact);
}

TEST_F(ObjectStoreTest, KeepsWhatIsCommitted) {
  AddFile(kId1, "one", Hex("0A0B"));
  ASSERT_TRUE(store().Commit());
  const Content content = Reload(image_);
  EXPECT_EQ(content, ContentOf(store()));
  ASSERT_EQ(content.values.size(), 1U);
  EXPECT_EQ(content.values.front(), Hex("0A0B"));
  EXPECT_EQ(content.infos.front().state, iotsafe::ObjectState::kActivated);
  EXPECT_EQ(content.infos.front().file_size, 2U);
}

/// Records are written in pieces of 64 bytes, or at once if they are longer.
TEST_F(ObjectStoreTest, KeepsValuesAndDescriptionsOfEveryLengthAroundAPiece) {
  for (const std::size_t label : {1U, 30U, 31U, 32U, 33U, 34U, 59U, 60U}) {
    for (std::size_t size = 58; size <= 70; ++size) {
      Bytes value(size);
      std::iota(value.begin(), value.end(), LowByte(label));
      const StoredObject* const file = AddFile(kId1, std::string(label, 'x'), value);
      ASSERT_TRUE(store().Commit());
      const Content content = Reload(image_);
      ASSERT_EQ(content.values.size(), 1U);
      EXPECT_EQ(content.values.front(), value) << label << " " << size;
      EXPECT_EQ(content, ContentOf(store()));
      ASSERT_TRUE(store().StageDelete(*file, StoreWriter::kDevice));
      ASSERT_TRUE(store().Commit());
    }
  }
}

TEST_F(ObjectStoreTest, ForgetsWhatIsNotCommitted) {
  AddFile(kId1, "one", Hex("0A0B"));
  EXPECT_TRUE(Reload(image_).infos.empty());
  store().Discard();
  EXPECT_TRUE(store().objects().empty());
  EXPECT_EQ(Find(store(), ObjectClass::kFile, kId1), nullptr);
  ASSERT_TRUE(store().Commit());
  EXPECT_TRUE(Reload(image_).infos.empty());
}

TEST_F(ObjectStoreTest, ShowsAStagedValueOnlyAfterCommit) {
  const StoredObject* const file = AddFile(kId1, "one", Hex("01"));
  ASSERT_TRUE(store().Commit());
  ASSERT_TRUE(store().Stage(*file, Hex("0203")));
  EXPECT_EQ(ValueOf(file), Hex("01"));
  EXPECT_EQ(file->info.file_size, 1U);
  EXPECT_EQ(Reload(image_).values.front(), Hex("01"));
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(ValueOf(file), Hex("0203"));
  EXPECT_EQ(file->info.file_size, 2U);
  EXPECT_EQ(Reload(image_).values.front(), Hex("0203"));
}

TEST_F(ObjectStoreTest, DiscardKeepsTheOldValue) {
  const StoredObject* const file = AddFile(kId1, "one", Hex("01"));
  ASSERT_TRUE(store().Commit());
  ASSERT_TRUE(store().Stage(*file, Hex("0203")));
  store().Discard();
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(ValueOf(file), Hex("01"));
  EXPECT_EQ(Reload(image_).values.front(), Hex("01"));
}

TEST_F(ObjectStoreTest, StagingTwiceTakesTheSecond) {
  const StoredObject* const file = AddFile(kId1, "one", Hex("01"));
  ASSERT_TRUE(store().Stage(*file, Hex("0203")));
  ASSERT_TRUE(store().Stage(*file, Hex("040506")));
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(ValueOf(file), Hex("040506"));
}

TEST_F(ObjectStoreTest, AnEmptyValueEmptiesTheContainer) {
  const StoredObject* const file = AddFile(kId1, "one", Hex("01"));
  ASSERT_TRUE(store().Commit());
  ASSERT_TRUE(store().Stage(*file, {}));
  ASSERT_TRUE(store().Commit());
  EXPECT_TRUE(ValueOf(file).empty());
  EXPECT_EQ(file->info.state, iotsafe::ObjectState::kDeactivated);
  EXPECT_EQ(file->info.file_size, 0U);
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(ObjectStoreTest, RefusesASecondIdentifierOrLabelInOneClass) {
  AddFile(kId1, "one");
  const auto same_id = store().Create(Info(ObjectClass::kFile, kId1, "two"), {});
  ASSERT_FALSE(same_id);
  EXPECT_EQ(same_id.error(), StoreError::kDuplicate);
  ASSERT_TRUE(store().Commit());
  const auto same_label = store().Create(Info(ObjectClass::kFile, kId2, "one"), {});
  ASSERT_FALSE(same_label);
  EXPECT_EQ(same_label.error(), StoreError::kDuplicate);
  EXPECT_EQ(store().objects().size(), 1U);
}

TEST_F(ObjectStoreTest, SharesIdentifiersAndLabelsBetweenClasses) {
  Add(store(), KeyInfo(ObjectClass::kPrivateKey, kId1, "one"));
  Add(store(), KeyInfo(ObjectClass::kPublicKey, kId1, "one"));
  Add(store(), Info(ObjectClass::kFile, kId1, "one"));
  Add(store(), Info(ObjectClass::kSecretKey, kId1, "one"));
  EXPECT_TRUE(store().Commit());
}

TEST_F(ObjectStoreTest, ObjectsWithoutLabelAreNotEqual) {
  AddFile(kId1, "");
  AddFile(kId2, "");
  EXPECT_TRUE(store().Commit());
  EXPECT_EQ(store().Find({ObjectClass::kFile, true, {}}), nullptr);
}

TEST_F(ObjectStoreTest, ComparesIdentifiersByByteAndLength) {
  AddFile(kId1, "one");
  AddFile(Hex("0100"), "two");
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(Find(store(), ObjectClass::kFile, Hex("0001")), nullptr);
  EXPECT_EQ(Find(store(), ObjectClass::kFile, {}), nullptr);
  EXPECT_EQ(Find(store(), ObjectClass::kPrivateKey, kId1), nullptr);
  EXPECT_NE(Find(store(), ObjectClass::kFile, kId1), Find(store(), ObjectClass::kFile, Hex("0100")));
  EXPECT_EQ(store().Find({ObjectClass::kFile, true, AsBytes("two")}), Find(store(), ObjectClass::kFile, Hex("0100")));
  EXPECT_EQ(store().Find({ObjectClass::kFile, true, AsBytes("tw")}), nullptr);
}

TEST_F(ObjectStoreTest, KeepsTheLongestNames) {
  const std::string label(60, 'L');
  AddFile(Counting(20), label, Hex("01"));
  ASSERT_TRUE(store().Commit());
  const Content content = Reload(image_);
  EXPECT_EQ(content, ContentOf(store()));
  EXPECT_EQ(content.infos.front().label.size(), 60U);
}

TEST_F(ObjectStoreTest, RefusesMoreObjectsThanItHolds) {
  for (std::uint8_t i = 0; i < 16; ++i) {
    AddFile(Bytes{i}, "");
  }
  const auto one_more = store().Create(Info(ObjectClass::kFile, Bytes{16}, ""), {});
  ASSERT_FALSE(one_more);
  EXPECT_EQ(one_more.error(), StoreError::kFull);
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(Reload(image_).infos.size(), 16U);
}

TEST_F(ObjectStoreTest, RefusesAValueThatDoesNotFit) {
  const StoredObject* const file = AddFile(kId1, "one", Hex("01"));
  ASSERT_TRUE(store().Commit());
  const auto staged = store().Stage(*file, Bytes(4097, 0x55));
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error(), StoreError::kFull);
  EXPECT_EQ(ValueOf(file), Hex("01"));
  store().Discard();
  EXPECT_EQ(Reload(image_).values.front(), Hex("01"));
}

TEST_F(ObjectStoreTest, FillsItsArenaToTheLastByte) {
  const StoredObject* const file = AddFile(kId1, "one");
  ASSERT_TRUE(store().Stage(*file, Bytes(4096, 0x55)));
  ASSERT_TRUE(store().Commit());
  const StoredObject* const other = AddFile(kId2, "two");
  const auto staged = store().Stage(*other, Hex("01"));
  ASSERT_FALSE(staged);
  EXPECT_EQ(staged.error(), StoreError::kFull);
  store().Discard();
  EXPECT_EQ(Reload(image_).values.front(), Bytes(4096, 0x55));
}

TEST_F(ObjectStoreTest, UsesFreedRoomAgain) {
  const StoredObject* const first = AddFile(kId1, "one", Bytes(1000, 0x11));
  const StoredObject* const second = AddFile(kId2, "two", Bytes(1000, 0x22));
  ASSERT_TRUE(store().Commit());
  for (std::uint8_t round = 0; round < 50; ++round) {
    const StoredObject* const changed = round % 2 == 0 ? first : second;
    ASSERT_TRUE(store().Stage(*changed, Bytes(static_cast<std::size_t>(900 + round), round))) << int(round);
    ASSERT_TRUE(store().Commit());
    EXPECT_EQ(ValueOf(changed), Bytes(static_cast<std::size_t>(900 + round), round));
  }
  EXPECT_EQ(ValueOf(first), Bytes(948, 48));
  EXPECT_EQ(ValueOf(second), Bytes(949, 49));
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(ObjectStoreTest, StagingAgainAndAgainCostsNoRoom) {
  const StoredObject* const file = AddFile(kId1, "one", Bytes(1000, 0x11));
  ASSERT_TRUE(store().Commit());
  for (int round = 0; round < 50; ++round) {
    ASSERT_TRUE(store().Stage(*file, Bytes(1000, 0x22))) << round;
    if (round % 2 == 0) {
      store().Discard();
    }
  }
  EXPECT_EQ(ValueOf(file), Bytes(1000, 0x11));
}

TEST_F(ObjectStoreTest, GenerationFollowsTheValue) {
  const StoredObject* const first = AddFile(kId1, "one", Hex("01"));
  const StoredObject* const second = AddFile(kId2, "two", Hex("02"));
  ASSERT_TRUE(store().Commit());
  const std::uint32_t of_first = first->generation;
  const std::uint32_t of_second = second->generation;
  ASSERT_TRUE(store().Stage(*first, Hex("03")));
  EXPECT_EQ(first->generation, of_first);
  ASSERT_TRUE(store().Commit());
  EXPECT_NE(first->generation, of_first);
  EXPECT_EQ(second->generation, of_second);
}

TEST_F(ObjectStoreTest, CountsCommittedChanges) {
  const std::uint32_t before = store().change_counter();
  const StoredObject* const file = AddFile(kId1, "one", Hex("01"));
  EXPECT_EQ(store().change_counter(), before);
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(store().change_counter(), before + 1);
  ASSERT_TRUE(store().Stage(*file, Hex("02")));
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(store().change_counter(), before + 2);
  RamStore again(image_);
  again.store.Load();
  EXPECT_EQ(again.store.change_counter(), before + 2);
}

TEST_F(ObjectStoreTest, VolatileValuesAreLostWithPower) {
  AddVolatile(store(), kId1, kId1);
  ASSERT_TRUE(store().Commit());
  const Bytes before = image_;
  const unsigned writes = nvm().writes();
  const StoredObject* const key = Find(store(), ObjectClass::kPrivateKey, kId1);
  ASSERT_TRUE(key->IsVolatile());
  const std::uint32_t generation = key->generation;
  ASSERT_TRUE(store().Stage(*key, Bytes(32, 0x77)));
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(ValueOf(key), Bytes(32, 0x77));
  EXPECT_EQ(key->info.state, iotsafe::ObjectState::kActivated);
  EXPECT_NE(key->generation, generation);
  EXPECT_EQ(nvm().writes(), writes);  // nothing permanent has changed
  EXPECT_EQ(image_, before);
  store().DropVolatile();
  EXPECT_TRUE(ValueOf(key).empty());
  EXPECT_EQ(key->info.state, iotsafe::ObjectState::kDeactivated);
  EXPECT_FALSE(Contains(ram_.memory.arena, Bytes(8, 0x77)));
}

TEST_F(ObjectStoreTest, VolatileValuesAreNeverWritten) {
  AddVolatile(store(), kId1, kId1);
  const StoredObject* const file = AddFile(kId1, "one", Hex("01"));
  ASSERT_TRUE(store().Commit());
  const StoredObject* const key = Find(store(), ObjectClass::kPrivateKey, kId1);
  ASSERT_TRUE(store().Stage(*key, Bytes(32, 0x77)));
  ASSERT_TRUE(store().Stage(*file, Hex("02")));
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(ValueOf(key), Bytes(32, 0x77));
  EXPECT_FALSE(Contains(image_, Bytes(8, 0x77)));
  const Content content = Reload(image_);
  ASSERT_EQ(content.values.size(), 3U);
  EXPECT_TRUE(content.values.front().empty());
  EXPECT_EQ(content.infos.front().state, iotsafe::ObjectState::kDeactivated);
  EXPECT_EQ(content.values.back(), Hex("02"));
}

TEST_F(ObjectStoreTest, ReloadsEveryField) {
  const auto crypto = crypto::OpenSslCrypto::Create();
  AddPair(store(), *crypto, Hex("303031"), Hex("303032"), "pair");
  ObjectInfo secret = Info(ObjectClass::kSecretKey, kId2, "psk", 0);
  secret.key_type = KeyType::kHmac;
  secret.functions = 0x08;
  secret.key_derivation = 0x03;
  Add(store(), secret, Counting(16));
  ObjectInfo file = Info(ObjectClass::kFile, kId2, "cert", 1);
  file.file_usage = iotsafe::FileUsage::kCertificate;
  Add(store(), file, Counting(600));
  ObjectInfo other = KeyInfo(ObjectClass::kPublicKey, kId2, "", KeyType::kBrainpoolP256Volatile);
  other.key_usage = iotsafe::KeyUsage::kTls13;
  other.hash_algorithms = 0x0007;
  Add(store(), other);
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(Reload(image_), ContentOf(store()));
  EXPECT_EQ(Reload(image_), ContentOf(store()));  // loading changes nothing that counts
}

TEST_F(ObjectStoreTest, SlotsAreStable) {
  AddFile(kId1, "one");
  const StoredObject* const second = AddFile(kId2, "two", Hex("01"));
  ASSERT_TRUE(store().Commit());
  const std::uint16_t slot = store().SlotOf(*second);
  EXPECT_NE(slot, store().SlotOf(*Find(store(), ObjectClass::kFile, kId1)));
  ASSERT_TRUE(store().Stage(*second, Hex("02")));
  ASSERT_TRUE(store().Commit());
  EXPECT_EQ(store().SlotOf(*second), slot);
}

TEST(ObjectStore, KeepsTheOldContentWhenTheMemoryFails) {
  Bytes image = MakeImage(
      [](ObjectStore& store, crypto::Crypto&) { Add(store, Info(ObjectClass::kFile, kId1, "one"), Hex("01")); });
  RamStore ram(image, 0);  // the first write fails
  ram.store.Load();
  const StoredObject* const file = Find(ram.store, ObjectClass::kFile, kId1);
  ASSERT_NE(file, nullptr);
  ASSERT_TRUE(ram.store.Stage(*file, Hex("0203")));
  const auto committed = ram.store.Commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error(), StoreError::kMemory);
  const ByteView value = ram.store.Value(*file);
  EXPECT_EQ(Bytes(value.begin(), value.end()), Hex("01"));
  EXPECT_EQ(file->info.file_size, 1U);
}

TEST_F(ObjectStoreTest, FormatForgetsEverything) {
  AddFile(kId1, "one", Bytes(32, 0x5A));
  ASSERT_TRUE(store().Commit());
  ASSERT_TRUE(store().Format());
  EXPECT_TRUE(store().objects().empty());
  EXPECT_TRUE(Reload(image_).infos.empty());
  EXPECT_FALSE(Contains(image_, Bytes(8, 0x5A)));
  EXPECT_FALSE(Contains(ram_.memory.arena, Bytes(8, 0x5A)));
}

}  // namespace
}  // namespace simroot::card::testing
