// SPDX-License-Identifier: Apache-2.0
// Power is cut in every single write and Sync of every kind of change (T171), and what was not yet safe arrives in any
// order, in part or as garbage. What the store finds afterwards is the content before or the content after, and what
// does not belong to it is nowhere in the memory.
#include <cstring>
#include <functional>
#include <iostream>

#include "card/host/fault_nvm.hpp"
#include "card/store/store_log.hpp"
#include "card/store/store_test_support.hpp"

namespace simroot::card::testing {
namespace {

using Tear = FaultNvm::Tear;

constexpr auto kManagement = StoreWriter::kManagement;
constexpr std::size_t kImageSize = 4096;
constexpr std::uint32_t kSeed = 20240611;

const Bytes kKeyId{0x01};
const Bytes kFileId{0x02};
const Bytes kOldFileId{0x03};
const Bytes kSecretId{0x06};
const Bytes kPinId{0x07};

/// A small store over a memory that fails.
struct FaultStore {
  explicit FaultStore(const Bytes& image, std::optional<unsigned> operation = std::nullopt,
                      FaultNvm::Fault fault = FaultNvm::Fault::kPower)
      : nvm(image, operation, fault) {}
  FaultNvm nvm;
  ObjectStoreMemory<12, 1400> memory;
  ObjectStore store{nvm, {0, kImageSize}, memory.view()};
};

/// Bytes that are found again: no eight of them stand anywhere else.
Bytes Unique(std::uint32_t number, std::size_t size) {
  std::mt19937 random(number);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) {
    byte = LowByte(random() % 255 + 1);
  }
  return bytes;
}

/// A change of the store. @returns what it reported.
using Operation = std::function<bool(ObjectStore&)>;

struct Change {
  const char* name;
  Operation run;
};

bool Put(ObjectStore& store, ObjectClass object_class, ByteView id, ByteView value,
         StoreWriter writer = StoreWriter::kDevice) {
  const StoredObject* const object = Find(store, object_class, id);
  return object != nullptr && store.Stage(*object, value, writer);
}

bool ReplacePair(ObjectStore& store) {
  return Put(store, ObjectClass::kPrivateKey, kKeyId, Unique(11, 32)) &&
         Put(store, ObjectClass::kPublicKey, kKeyId, Unique(12, 65)) && store.Commit();
}

bool PutFile(ObjectStore& store, std::size_t size) {
  return Put(store, ObjectClass::kFile, kFileId, Unique(13, size)) && store.Commit();
}

bool CreateFile(ObjectStore& store, std::size_t size) {
  const auto file = store.Create(Info(ObjectClass::kFile, Bytes{0x09}, "new"), {});
  return file && (size == 0 || store.Stage(**file, Unique(14, size))) && store.Commit();
}

bool Delete(ObjectStore& store, ObjectClass object_class, ByteView id) {
  const StoredObject* const object = Find(store, object_class, id);
  return object != nullptr && store.StageDelete(*object, StoreWriter::kDevice) && store.Commit();
}

bool DeleteAndMakeAnew(ObjectStore& store) {
  const StoredObject* const old = Find(store, ObjectClass::kSecretKey, kSecretId);
  if (old == nullptr || !store.StageDelete(*old, kManagement)) {
    return false;
  }
  const auto anew = store.Create(Info(ObjectClass::kSecretKey, kSecretId, "psk"), {}, kManagement);
  return anew && store.Stage(**anew, Unique(15, 24), kManagement) && store.Commit(kManagement);
}

bool Describe(ObjectStore& store) {
  const StoredObject* const file = Find(store, ObjectClass::kFile, kFileId);
  StoredObject like = *file;
  SR_CHECK(like.info.label.Assign(AsBytes("another name")));
  like.info.access = 1;
  like.issuer_id = Id(kKeyId);
  return store.StageInfo(*file, like, kManagement) && store.Commit(kManagement);
}

/// What a management session does: objects made, filled, renamed and deleted in one commit.
bool Session(ObjectStore& store) {
  const auto key = store.Create(KeyInfo(ObjectClass::kPrivateKey, Bytes{0x21}, "new"), Id(Bytes{0x22}), kManagement);
  const auto point = store.Create(KeyInfo(ObjectClass::kPublicKey, Bytes{0x22}, "new"), {}, kManagement);
  const StoredObject* const secret = Find(store, ObjectClass::kSecretKey, kSecretId);
  const StoredObject* const old_file = Find(store, ObjectClass::kFile, kOldFileId);
  const StoredObject* const file = Find(store, ObjectClass::kFile, kFileId);
  StoredObject like = *file;
  SR_CHECK(like.info.label.Assign(AsBytes("renamed")));
  return key && point && store.Stage(**key, Unique(16, 32), kManagement) &&
         store.Stage(**point, Unique(17, 65), kManagement) && store.Stage(*secret, Unique(18, 16), kManagement) &&
         store.StageDelete(*old_file, kManagement) && store.StageInfo(*file, like, kManagement) &&
         store.StageMore(*file, Unique(19, 100), kManagement) && store.StageMore(*file, Unique(20, 50), kManagement) &&
         store.Commit(kManagement);
}

bool Count(ObjectStore& store) {
  return store.SetCounter(*Find(store, ObjectClass::kSecretKey, kPinId), 5).has_value();
}

bool TakeNumber(ObjectStore& store) {
  return store.TakeNumbers(*Find(store, ObjectClass::kSecretKey, kSecretId), 1).has_value();
}

std::vector<Change> Changes() {
  return {
      {"ReplacePair", ReplacePair},
      {"PutLongerFile", [](ObjectStore& store) { return PutFile(store, 500); }},
      {"PutShorterFile", [](ObjectStore& store) { return PutFile(store, 9); }},
      {"EmptyFile", [](ObjectStore& store) { return PutFile(store, 0); }},
      {"ReplaceSecret",
       [](ObjectStore& store) {
         return Put(store, ObjectClass::kSecretKey, kSecretId, Unique(21, 16)) && store.Commit();
       }},
      {"CreateFile", [](ObjectStore& store) { return CreateFile(store, 0); }},
      {"CreateAndFillFile", [](ObjectStore& store) { return CreateFile(store, 100); }},
      {"DeleteFile", [](ObjectStore& store) { return Delete(store, ObjectClass::kFile, kFileId); }},
      {"DeletePrivateKey", [](ObjectStore& store) { return Delete(store, ObjectClass::kPrivateKey, kKeyId); }},
      {"DeleteAndMakeAnew", DeleteAndMakeAnew},
      {"Describe", Describe},
      {"Session", Session},
      {"Count", Count},
      {"TakeNumber", TakeNumber},
      {"Format", [](ObjectStore& store) { return store.Format(); }},
  };
}

/// A store with some history: values were replaced and an object was deleted.
Bytes OldImage() {
  Bytes image(kImageSize);
  FaultStore ram(image);
  SR_CHECK(ram.store.Format());
  Add(ram.store, KeyInfo(ObjectClass::kPrivateKey, kKeyId, "sig"), Unique(1, 32), kKeyId);
  Add(ram.store, KeyInfo(ObjectClass::kPublicKey, kKeyId, "sig"), Unique(2, 65));
  Add(ram.store, Info(ObjectClass::kSecretKey, kSecretId, "psk"), Unique(3, 16));
  Add(ram.store, Info(ObjectClass::kSecretKey, kPinId, "pin"), Unique(4, 8));
  Add(ram.store, Info(ObjectClass::kFile, kOldFileId, "old"), Unique(5, 40));
  SR_CHECK(ram.store.Commit());
  Add(ram.store, Info(ObjectClass::kFile, kFileId, "cert"), Unique(6, 100));
  SR_CHECK(ram.store.Commit() && Put(ram.store, ObjectClass::kFile, kFileId, Unique(7, 200)) && ram.store.Commit());
  std::mt19937 random(kSeed);
  return ram.nvm.Image(Tear::kAll, random);
}

/// The same content in a log that has no room for another transaction, so that the next change goes to the other area.
Bytes FullImage() {
  Bytes image = OldImage();
  std::mt19937 random(kSeed);
  for (std::uint64_t count = 0;; ++count) {
    FaultStore ram(image);
    ram.store.Load();
    const unsigned before = ram.nvm.operations();
    SR_CHECK(ram.store.SetCounter(*Find(ram.store, ObjectClass::kSecretKey, kPinId), count % 3));
    if (ram.nvm.operations() - before > 10) {
      return image;
    }
    image = ram.nvm.Image(Tear::kAll, random);
  }
}

/// True if any eight bytes of `value`, taken every eighth byte, are in the image.
bool HasTraceOf(ByteView value, ByteView image) {
  for (ByteReader reader(value); reader.remaining() >= 8;) {
    if (::memmem(image.data(), image.size(), reader.rest().data(), 8) != nullptr) {
      return true;
    }
    SR_CHECK(reader.Skip(8));
  }
  return false;
}

unsigned cut_points = 0;
unsigned mixed_states = 0;

class StorePowerCut : public ::testing::Test {
 protected:
  static void TearDownTestSuite() {
    std::cout << "[ power cuts ] " << cut_points << " cut points, " << mixed_states << " mixed states\n";
  }

  void CutEverywhere(const Bytes& base, const Change& change) {
    SCOPED_TRACE(change.name);
    base_ = base;
    old_ = LoadFrom(base_).first;
    FaultStore whole(base_);
    whole.store.Load();
    const unsigned first = whole.nvm.operations();
    ASSERT_TRUE(change.run(whole.store));
    const unsigned end = whole.nvm.operations();
    new_ = LoadFrom(whole.nvm.Image(Tear::kAll, random_)).first;
    ASSERT_EQ(new_.state, StoreState::kIntact);
    ASSERT_NE(old_, new_);
    ASSERT_GT(end, first);
    for (unsigned operation = first; operation <= end; ++operation) {
      CutAt(operation, change);
    }
  }

 private:
  /// What a card finds in the image, and what the image is afterwards.
  static std::pair<Content, Bytes> LoadFrom(const Bytes& image) {
    FaultStore ram(image);
    ram.store.Load();
    std::mt19937 unused(kSeed);
    return {ContentOf(ram.store), ram.nvm.Image(Tear::kAll, unused)};
  }

  void CutAt(unsigned operation, const Change& change) {
    FaultStore ram(base_, operation);
    ram.store.Load();
    const bool done = change.run(ram.store);
    for (const Tear tear : {Tear::kNothing, Tear::kAll, Tear::kSubset, Tear::kSubset, Tear::kPage64, Tear::kPage256}) {
      Judge(ram.nvm.Image(tear, random_), done, operation, change);
    }
    const std::size_t step = ram.nvm.cut_size() <= kTransactionHeaderSize ? 1 : ram.nvm.cut_size() / 5;
    for (std::size_t prefix = 1; prefix < ram.nvm.cut_size(); prefix += step) {
      Judge(ram.nvm.Image(Tear::kPrefix, random_, prefix), done, operation, change);
    }
  }

  void Judge(const Bytes& image, bool done, unsigned operation, const Change& change) {
    ++cut_points;
    const auto [found, after] = LoadFrom(image);
    const bool is_new = found == new_;
    if ((!is_new && found != old_) || (done && !is_new)) {
      ++mixed_states;
      ADD_FAILURE() << change.name << ": cut in operation " << operation << (done ? " after" : " without")
                    << " success, found " << found.infos.size() << " objects, state " << int(found.state);
    }
    ExpectNoTraces(found, after);
    if (cut_points % 3 != 0) {
      return;
    }
    // Power fails again while the store is loaded.
    FaultStore again(image, std::uniform_int_distribution<unsigned>(0, 12)(random_));
    again.store.Load();
    const auto [found_again, after_again] = LoadFrom(again.nvm.Image(Tear::kSubset, random_));
    EXPECT_EQ(found_again, found) << change.name << ": cut in operation " << operation << " and in the next Load";
    ExpectNoTraces(found_again, after_again);
  }

  void ExpectNoTraces(const Content& found, const Bytes& image) const {
    for (const Content* const content : {&old_, &new_}) {
      for (const Bytes& value : content->values) {
        if (std::ranges::find(found.values, value) == found.values.end()) {
          EXPECT_FALSE(HasTraceOf(value, image));
        }
      }
    }
  }

  std::mt19937 random_{kSeed};
  Bytes base_;
  Content old_;
  Content new_;
};

TEST_F(StorePowerCut, LeavesTheOldOrTheNewContent) {
  const Bytes image = OldImage();
  for (const Change& change : Changes()) {
    CutEverywhere(image, change);
  }
}

TEST_F(StorePowerCut, LeavesTheOldOrTheNewContentWhenTheLogIsFull) {
  const Bytes image = FullImage();
  for (const Change& change : Changes()) {
    constexpr std::array<std::string_view, 6> kTried{"ReplacePair", "DeletePrivateKey", "DeleteAndMakeAnew",
                                                     "Describe",    "Session",          "TakeNumber"};
    if (std::ranges::find(kTried, change.name) != kTried.end()) {
      CutEverywhere(image, change);
    }
  }
}

TEST_F(StorePowerCut, MemoryThatIsFormattedTheFirstTimeIsEmptyOrNoStore) {
  std::mt19937 random(kSeed);
  const Bytes blank(kImageSize);
  bool done = false;
  for (unsigned operation = 0; !done; ++operation) {
    for (const Tear tear : {Tear::kNothing, Tear::kAll, Tear::kSubset, Tear::kPage64}) {
      FaultStore ram(blank, operation);
      done = ram.store.Format();
      FaultStore again(ram.nvm.Image(tear, random));
      again.store.Load();
      EXPECT_TRUE(again.store.objects().empty());
      EXPECT_TRUE(!done || again.store.state() == StoreState::kIntact);
      EXPECT_TRUE(again.store.Format());
      EXPECT_EQ(again.store.state(), StoreState::kIntact);
      ++cut_points;
    }
  }
}

TEST_F(StorePowerCut, NumbersAreNeverTakenTwice) {
  std::mt19937 random(kSeed);
  Bytes image = OldImage();
  std::uint64_t next = 0;
  for (unsigned round = 0; round < 600; ++round) {
    FaultStore ram(image, std::uniform_int_distribution<unsigned>(0, 60)(random));
    ram.store.Load();
    for (unsigned i = 0; i < 100 && ram.nvm.has_power(); ++i) {
      const StoredObject* const key = Find(ram.store, ObjectClass::kSecretKey, kSecretId);
      const std::uint32_t count = i % 7 == 0 ? 3 : 1;
      const auto first = key != nullptr ? ram.store.TakeNumbers(*key, count) : Unexpected(StoreError::kMemory);
      if (first) {
        ASSERT_GE(*first, next) << "round " << round;
        next = *first + count;
      }
      if (i % 10 == 9) {  // other changes between, so that the log is compacted now and then
        static_cast<void>(PutFile(ram.store, i));
      }
    }
    const auto tear = ram.nvm.has_power() ? Tear::kAll : static_cast<Tear>(random() % 6);
    image = ram.nvm.Image(tear, random, 5);
    ++cut_points;
  }
  EXPECT_GT(next, 1000U);
}

/// One operation fails and the memory works again: the store says which content stands.
TEST_F(StorePowerCut, AFailureWithoutLossOfPowerLeavesAKnownContent) {
  const Bytes base = OldImage();
  std::mt19937 random(kSeed);
  for (const Change& change : Changes()) {
    SCOPED_TRACE(change.name);
    FaultStore before(base);
    before.store.Load();
    const Content old_content = ContentOf(before.store);
    const unsigned first = before.nvm.operations();
    ASSERT_TRUE(change.run(before.store));
    for (unsigned operation = first; operation < before.nvm.operations(); ++operation) {
      FaultStore ram(base, operation, FaultNvm::Fault::kOnce);
      ram.store.Load();
      const bool done = change.run(ram.store);
      const Content now = ContentOf(ram.store);
      EXPECT_TRUE(done || now == old_content || now.state == StoreState::kDamaged) << operation;
      FaultStore again(ram.nvm.Image(Tear::kAll, random));
      again.store.Load();
      if (now.state == StoreState::kIntact && std::string_view(change.name) != "TakeNumber") {
        EXPECT_EQ(ContentOf(again.store), now) << operation;
      }
      EXPECT_EQ(again.store.state(), StoreState::kIntact);
    }
  }
}

/// The header of the transaction may or may not have arrived, and the memory is gone: nobody knows.
TEST_F(StorePowerCut, AnUnknownContentIsNotGuessed) {
  const Bytes base = OldImage();
  unsigned unknown = 0;
  for (unsigned operation = 0; operation < 30; ++operation) {
    FaultStore ram(base, operation);
    ram.store.Load();
    if (ReplacePair(ram.store)) {
      break;
    }
    if (ram.store.state() != StoreState::kDamaged) {
      continue;
    }
    ++unknown;
    EXPECT_TRUE(ram.store.objects().empty());
    EXPECT_FALSE(Contains(ram.memory.arena, ByteView(Unique(1, 32)).first(8)));
    EXPECT_FALSE(Contains(ram.memory.arena, ByteView(Unique(11, 32)).first(8)));
    const auto created = ram.store.Create(Info(ObjectClass::kFile, kFileId, "cert"), {});
    ASSERT_TRUE(created);
    const auto committed = ram.store.Commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error(), StoreError::kMemory);
  }
  EXPECT_EQ(unknown, 2U);  // the header and its Sync
}

}  // namespace
}  // namespace simroot::card::testing
