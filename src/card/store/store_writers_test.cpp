// SPDX-License-Identifier: Apache-2.0
// Two writers that do not see each other's work, slots that are used again, and counters.
#include <functional>

#include "card/store/store_test_support.hpp"

namespace simroot::card::testing {
namespace {

constexpr auto kDevice = StoreWriter::kDevice;
constexpr auto kManagement = StoreWriter::kManagement;
const Bytes kId1{0x01};
const Bytes kId2{0x02};
const Bytes kId3{0x03};

iotsafe::ObjectRef FileRef(ByteView id) {
  return {ObjectClass::kFile, false, id};
}
iotsafe::ObjectRef LabelRef(std::string_view label) {
  return {ObjectClass::kFile, true, AsBytes(label)};
}

/// A store with the files 01 "one" and 02 "two".
class StoreWriters : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store().Format());
    one_ = Add(store(), Info(ObjectClass::kFile, kId1, "one"), Hex("11"), {}, kManagement);
    two_ = Add(store(), Info(ObjectClass::kFile, kId2, "two"), Hex("22"), {}, kManagement);
    ASSERT_TRUE(store().Commit(kManagement));
    before_ = ContentOf(store());
  }
  ObjectStore& store() { return ram_.store; }
  Bytes ValueFor(StoreWriter writer, const StoredObject* object) { return ToBytes(store().ValueFor(writer, *object)); }
  Bytes Value(const StoredObject* object) { return ToBytes(store().Value(*object)); }
  StoredObject Labelled(const StoredObject* object, std::string_view label) {
    StoredObject like = *object;
    SR_CHECK(like.info.label.Assign(AsBytes(label)));
    return like;
  }
  template <typename T>
  static StoreError ErrorOf(const Expected<T, StoreError>& result) {
    SR_CHECK(!result.has_value());
    return result.error();
  }

  Bytes image_ = Bytes(RamStore::kImageSize);
  RamStore ram_{image_};
  const StoredObject* one_ = nullptr;
  const StoredObject* two_ = nullptr;
  Content before_;
};

TEST_F(StoreWriters, NeitherSeesWhatTheOtherHasCreated) {
  const auto made = store().Create(Info(ObjectClass::kFile, kId3, "three"), {}, kManagement);
  ASSERT_TRUE(made);
  ASSERT_TRUE(store().Stage(**made, Hex("33"), kManagement));
  EXPECT_EQ(ContentOf(store()), before_);
  EXPECT_EQ(store().Find(FileRef(kId3)), nullptr);
  EXPECT_EQ(store().FindFor(kDevice, FileRef(kId3)), nullptr);
  EXPECT_EQ(store().FindFor(kManagement, FileRef(kId3)), *made);
  EXPECT_EQ(ValueFor(kManagement, *made), Hex("33"));
  EXPECT_TRUE(ValueFor(kDevice, *made).empty());
  EXPECT_FALSE((*made)->IsVisible());
  EXPECT_TRUE(store().HasPrepared(kManagement));
  EXPECT_FALSE(store().HasPrepared(kDevice));
  ASSERT_TRUE(store().Commit(kDevice));
  store().Discard(kDevice);
  EXPECT_EQ(store().Find(FileRef(kId3)), nullptr);
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(store().Find(FileRef(kId3)), *made);
  EXPECT_FALSE(store().HasPrepared(kManagement));
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, ChangeDifferentObjectsIndependently) {
  ASSERT_TRUE(store().Stage(*one_, Hex("A1A1"), kManagement));
  ASSERT_TRUE(store().Stage(*two_, Hex("B2B2B2"), kDevice));
  EXPECT_EQ(ValueFor(kManagement, one_), Hex("A1A1"));
  EXPECT_EQ(ValueFor(kDevice, one_), Hex("11"));
  ASSERT_TRUE(store().Commit(kDevice));
  EXPECT_EQ(Value(one_), Hex("11"));
  EXPECT_EQ(Value(two_), Hex("B2B2B2"));
  EXPECT_EQ(Reload(image_), ContentOf(store()));
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(Value(one_), Hex("A1A1"));
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, DiscardOfOneKeepsWhatTheOtherHasPrepared) {
  ASSERT_TRUE(store().Stage(*one_, Hex("A1A1"), kManagement));
  ASSERT_TRUE(store().Stage(*two_, Hex("B2B2B2"), kDevice));
  store().Discard(kDevice);
  EXPECT_EQ(ValueFor(kManagement, one_), Hex("A1A1"));
  ASSERT_TRUE(store().Commit(kDevice));
  EXPECT_EQ(Value(two_), Hex("22"));
  store().Discard(kManagement);
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(ContentOf(store()), before_);
}

TEST_F(StoreWriters, AnObjectBelongsToTheFirstWhoPreparesAChange) {
  const StoredObject like = Labelled(one_, "first");
  for (const auto& prepare : std::vector<std::function<Expected<void, StoreError>()>>{
           [&] { return store().Stage(*one_, Hex("A1"), kManagement); },
           [&] { return store().StageMore(*one_, Hex("A1"), kManagement); },
           [&] { return store().StageInfo(*one_, like, kManagement); },
           [&] { return store().StageDelete(*one_, kManagement); }}) {
    ASSERT_TRUE(prepare());
    EXPECT_TRUE(store().IsUnderUpdate(*one_));
    EXPECT_FALSE(store().IsUnderUpdate(*two_));
    EXPECT_EQ(ErrorOf(store().Stage(*one_, Hex("B1"), kDevice)), StoreError::kBusy);
    EXPECT_EQ(ErrorOf(store().StageMore(*one_, Hex("B1"), kDevice)), StoreError::kBusy);
    EXPECT_EQ(ErrorOf(store().StageInfo(*one_, like, kDevice)), StoreError::kBusy);
    EXPECT_EQ(ErrorOf(store().StageDelete(*one_, kDevice)), StoreError::kBusy);
    EXPECT_EQ(ContentOf(store()), before_);
    store().Discard(kManagement);
    EXPECT_FALSE(store().IsUnderUpdate(*one_));
  }
  ASSERT_TRUE(store().Stage(*one_, Hex("B1"), kDevice));
  EXPECT_FALSE(store().IsUnderUpdate(*one_));
  EXPECT_EQ(ErrorOf(store().Stage(*one_, Hex("A1"), kManagement)), StoreError::kBusy);
}

TEST_F(StoreWriters, ADeletedObjectEndsWithTheCommit) {
  const std::uint32_t generation = one_->generation;
  const std::uint16_t slot = store().SlotOf(*one_);
  ASSERT_TRUE(store().StageDelete(*one_, kManagement));
  EXPECT_EQ(store().FindFor(kManagement, FileRef(kId1)), nullptr);
  EXPECT_EQ(store().FindFor(kDevice, FileRef(kId1)), one_);
  EXPECT_EQ(Value(one_), Hex("11"));
  EXPECT_EQ(ErrorOf(store().Stage(*one_, Hex("33"), kManagement)), StoreError::kBusy);
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(store().Find(FileRef(kId1)), nullptr);
  EXPECT_FALSE(store().At(slot).IsVisible());
  EXPECT_NE(store().At(slot).generation, generation);
  EXPECT_EQ(store().objects().size(), 1U);
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, AnObjectCreatedAndDeletedNeverWas) {
  const auto made = store().Create(Info(ObjectClass::kFile, kId3, "three"), {}, kManagement);
  ASSERT_TRUE(made && store().Stage(**made, Bytes(500, 0x33), kManagement));
  ASSERT_TRUE(store().StageDelete(**made, kManagement));
  EXPECT_FALSE(store().HasPrepared(kManagement));
  const unsigned writes = ram_.nvm.writes();
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(ram_.nvm.writes(), writes);
  EXPECT_EQ(ContentOf(store()), before_);
  EXPECT_FALSE(Contains(ram_.memory.arena, Bytes(8, 0x33)));
}

TEST_F(StoreWriters, NamesOfDeletedObjectsAreFreeForTheOneWhoDeletes) {
  ASSERT_TRUE(store().StageDelete(*one_, kManagement));
  EXPECT_EQ(ErrorOf(store().Create(Info(ObjectClass::kFile, kId1, ""), {}, kDevice)), StoreError::kDuplicate);
  const auto made = store().Create(Info(ObjectClass::kFile, kId1, "one"), {}, kManagement);
  ASSERT_TRUE(made && store().Stage(**made, Hex("99"), kManagement));
  EXPECT_EQ(store().FindFor(kManagement, FileRef(kId1)), *made);
  EXPECT_EQ(store().Find(FileRef(kId1)), one_);
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(store().Find(FileRef(kId1)), *made);
  EXPECT_EQ(store().objects().size(), 2U);
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, NamesThatTheOtherHasPreparedAreBusy) {
  ASSERT_TRUE(store().Create(Info(ObjectClass::kFile, kId3, "three"), {}, kManagement));
  ASSERT_TRUE(store().StageInfo(*one_, Labelled(one_, "first"), kManagement));
  EXPECT_EQ(ErrorOf(store().Create(Info(ObjectClass::kFile, kId3, ""), {}, kDevice)), StoreError::kBusy);
  EXPECT_EQ(ErrorOf(store().Create(Info(ObjectClass::kFile, Hex("04"), "three"), {}, kDevice)), StoreError::kBusy);
  EXPECT_EQ(ErrorOf(store().Create(Info(ObjectClass::kFile, Hex("04"), "first"), {}, kDevice)), StoreError::kBusy);
  EXPECT_EQ(ErrorOf(store().Create(Info(ObjectClass::kFile, Hex("04"), "one"), {}, kDevice)), StoreError::kDuplicate);
  EXPECT_EQ(ErrorOf(store().Create(Info(ObjectClass::kFile, kId3, ""), {}, kManagement)), StoreError::kDuplicate);
  EXPECT_TRUE(store().Create(Info(ObjectClass::kFile, Hex("04"), "one"), {}, kManagement));
}

TEST_F(StoreWriters, AnotherDescriptionIsVisibleAfterCommit) {
  StoredObject like = Labelled(one_, "first");
  like.info.access = 0x01;
  like.info.id = Id(Hex("77"));  // not the store's to change
  like.info.file_usage = iotsafe::FileUsage::kCertificate;
  like.issuer_id = Id(Hex("0505"));
  ASSERT_TRUE(store().StageInfo(*one_, Labelled(one_, "interim"), kManagement));
  ASSERT_TRUE(store().StageInfo(*one_, like, kManagement));
  EXPECT_EQ(ContentOf(store()), before_);
  EXPECT_EQ(store().FindFor(kManagement, LabelRef("first")), one_);
  EXPECT_EQ(store().FindFor(kManagement, LabelRef("one")), nullptr);
  EXPECT_EQ(store().FindFor(kDevice, LabelRef("one")), one_);
  const std::uint32_t generation = one_->generation;
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(store().Find(LabelRef("first")), one_);
  EXPECT_EQ(store().Find(FileRef(kId1)), one_);
  EXPECT_EQ(one_->info.access, 0x01);
  EXPECT_EQ(one_->issuer_id, Id(Hex("0505")));
  EXPECT_EQ(one_->info.file_usage, iotsafe::FileUsage::kCertificate);
  EXPECT_EQ(one_->info.file_size, 1U);
  EXPECT_EQ(one_->generation, generation);  // the value is the same
  EXPECT_EQ(Value(one_), Hex("11"));
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, ALabelOfAnotherObjectIsRefused) {
  EXPECT_EQ(ErrorOf(store().StageInfo(*one_, Labelled(one_, "two"), kManagement)), StoreError::kDuplicate);
  EXPECT_TRUE(store().StageInfo(*one_, Labelled(one_, "one"), kManagement));
}

TEST_F(StoreWriters, PiecesBecomeOneValue) {
  ASSERT_TRUE(store().StageMore(*one_, Hex("0102"), kManagement));
  ASSERT_TRUE(store().Stage(*two_, Hex("B2"), kDevice));  // something behind it in the arena
  ASSERT_TRUE(store().StageMore(*one_, Hex("0304"), kManagement));
  ASSERT_TRUE(store().StageMore(*one_, {}, kManagement));
  ASSERT_TRUE(store().StageMore(*one_, Hex("05"), kManagement));
  EXPECT_EQ(ValueFor(kManagement, one_), Hex("0102030405"));
  EXPECT_EQ(ValueFor(kDevice, two_), Hex("B2"));
  ASSERT_TRUE(store().Commit(kManagement));
  ASSERT_TRUE(store().Commit(kDevice));
  EXPECT_EQ(Value(one_), Hex("0102030405"));
  EXPECT_EQ(Value(two_), Hex("B2"));
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, APieceThatDoesNotFitLeavesTheOthers) {
  ASSERT_TRUE(store().StageMore(*one_, Bytes(4000, 0x44), kManagement));
  EXPECT_EQ(ErrorOf(store().StageMore(*one_, Bytes(200, 0x55), kManagement)), StoreError::kFull);
  EXPECT_EQ(ValueFor(kManagement, one_), Bytes(4000, 0x44));
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(Value(one_), Bytes(4000, 0x44));
  EXPECT_EQ(Value(two_), Hex("22"));
}

TEST_F(StoreWriters, RemembersWhatTheDeviceHasFilled) {
  EXPECT_FALSE(one_->made_by_device);
  ASSERT_TRUE(store().Stage(*one_, Hex("A1"), kDevice) && store().Commit(kDevice));
  EXPECT_TRUE(one_->made_by_device);
  EXPECT_EQ(Reload(image_), ContentOf(store()));
  ASSERT_TRUE(store().StageInfo(*one_, Labelled(one_, "first"), kManagement) && store().Commit(kManagement));
  EXPECT_TRUE(one_->made_by_device);
  ASSERT_TRUE(store().Stage(*one_, Hex("A2"), kManagement) && store().Commit(kManagement));
  EXPECT_FALSE(one_->made_by_device);
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, FreedSlotsAreUsedAgain) {
  for (unsigned round = 0; round < 40; ++round) {
    const StoredObject* const two_before = two_;
    const StoredObject* const gone = store().Find(FileRef(kId1));
    const std::uint32_t generation = gone->generation;
    const std::uint16_t slot = store().SlotOf(*gone);
    ASSERT_TRUE(store().StageDelete(*gone, kDevice) && store().Commit());
    const StoredObject* const anew = Add(store(), Info(ObjectClass::kFile, kId1, "one"), Bytes{LowByte(round)});
    ASSERT_TRUE(store().Commit());
    EXPECT_EQ(store().SlotOf(*anew), slot);
    EXPECT_NE(anew->generation, generation);
    EXPECT_EQ(store().Find(FileRef(kId2)), two_before);
    EXPECT_EQ(Value(two_), Hex("22"));
  }
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, ObjectsAreListedInTheOrderOfCreation) {
  ASSERT_TRUE(store().StageDelete(*one_, kDevice) && store().Commit());
  Add(store(), Info(ObjectClass::kFile, kId3, "three"));  // takes the slot of the first
  ASSERT_TRUE(store().Commit());
  const auto order = [](const ObjectStore& in) {
    std::vector<Bytes> ids;
    for (const StoredObject* object = in.NextCreated(ObjectClass::kFile, 0); object != nullptr;
         object = in.NextCreated(ObjectClass::kFile, object->serial)) {
      ids.push_back(ToBytes(object->info.id.view()));
    }
    return ids;
  };
  EXPECT_EQ(order(store()), (std::vector<Bytes>{kId2, kId3}));
  EXPECT_EQ(store().NextCreated(ObjectClass::kPublicKey, 0), nullptr);
  RamStore again(image_);
  again.store.Load();
  EXPECT_EQ(order(again.store), (std::vector<Bytes>{kId2, kId3}));
}

TEST_F(StoreWriters, LossOfPowerForgetsWhatBothHavePrepared) {
  ASSERT_TRUE(store().Stage(*one_, Hex("A1A1"), kManagement));
  ASSERT_TRUE(store().Stage(*two_, Hex("B2"), kDevice));
  ASSERT_TRUE(store().Create(Info(ObjectClass::kFile, kId3, "three"), {}, kManagement));
  store().DropVolatile();
  EXPECT_FALSE(store().HasPrepared(kManagement));
  EXPECT_FALSE(store().HasPrepared(kDevice));
  EXPECT_EQ(ContentOf(store()), before_);
}

TEST_F(StoreWriters, CountersArePermanentAndNoChangeOfTheStore) {
  const std::uint32_t changes = store().change_counter();
  ASSERT_TRUE(store().SetCounter(*one_, 0x123456789ABCDEF0U));
  EXPECT_EQ(store().Counter(*one_), 0x123456789ABCDEF0U);
  EXPECT_EQ(store().Counter(*two_), 0U);
  EXPECT_EQ(store().change_counter(), changes);
  EXPECT_EQ(Reload(image_), ContentOf(store()));
  ASSERT_TRUE(store().Stage(*one_, Hex("A1"), kDevice) && store().Commit());
  EXPECT_EQ(store().Counter(*one_), 0x123456789ABCDEF0U);
  EXPECT_EQ(Reload(image_), ContentOf(store()));
}

TEST_F(StoreWriters, TheCounterOfANewObjectBecomesPermanentWithIt) {
  const auto made = store().Create(Info(ObjectClass::kSecretKey, kId3, "pin"), {}, kManagement);
  ASSERT_TRUE(made);
  const unsigned writes = ram_.nvm.writes();
  ASSERT_TRUE(store().SetCounter(**made, 3));
  EXPECT_EQ(ram_.nvm.writes(), writes);
  ASSERT_TRUE(store().Commit(kManagement));
  EXPECT_EQ(Reload(image_).counters.back(), 3U);
}

TEST_F(StoreWriters, TakesNumbersInBlocks) {
  unsigned written = 0;
  for (std::uint64_t i = 0; i < 640; ++i) {
    const unsigned writes = ram_.nvm.writes();
    const auto number = store().TakeNumbers(*one_, 1);
    ASSERT_TRUE(number);
    EXPECT_EQ(*number, i);
    EXPECT_EQ(store().Counter(*one_), i + 1);
    written += ram_.nvm.writes() != writes ? 1 : 0;
  }
  EXPECT_EQ(written, 10U);
  RamStore again(image_);
  again.store.Load();
  const auto next = again.store.TakeNumbers(*Find(again.store, ObjectClass::kFile, kId1), 1);
  ASSERT_TRUE(next);
  EXPECT_GE(*next, 640U);
  EXPECT_LE(*next, 640U + 64U);
}

TEST_F(StoreWriters, NumbersEndBeforeTheyRepeat) {
  ASSERT_TRUE(store().SetCounter(*one_, 0xFFFFFFFFFFFFFF00U));
  ASSERT_TRUE(store().TakeNumbers(*one_, 0x80));
  EXPECT_EQ(ErrorOf(store().TakeNumbers(*one_, 0x80)), StoreError::kFull);
  EXPECT_EQ(store().Counter(*one_), 0xFFFFFFFFFFFFFF80U);
}

}  // namespace
}  // namespace simroot::card::testing
