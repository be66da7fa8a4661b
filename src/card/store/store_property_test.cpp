// SPDX-License-Identifier: Apache-2.0
// Random changes by two writers, with random loss of power, against a model that a reader believes at once.
#include <map>

#include "card/host/fault_nvm.hpp"
#include "card/store/store_test_support.hpp"

namespace simroot::card::testing {
namespace {

constexpr std::size_t kImageSize = 6144;
constexpr std::size_t kSlots = 8;
constexpr std::uint32_t kSeed = 3102024;
constexpr std::array kWriters{StoreWriter::kDevice, StoreWriter::kManagement};

struct ModelObject {
  Bytes value;
  std::string label;
  std::uint64_t counter = 0;
  bool is_new = false;  ///< prepared: made by the writer, so that no counter is kept
  friend bool operator==(const ModelObject&, const ModelObject&) = default;
};
using Model = std::map<std::uint8_t, ModelObject>;  // by identifier

/// What a writer has prepared for one object; nothing: its end.
using Prepared = std::map<std::uint8_t, std::optional<ModelObject>>;

struct PropertyStore {
  PropertyStore(const Bytes& image, std::optional<unsigned> operation) : nvm(image, operation) {}
  FaultNvm nvm;
  ObjectStoreMemory<kSlots, 2000> memory;
  ObjectStore store{nvm, {0, kImageSize}, memory.view()};
};

Model ModelOf(const ObjectStore& store) {
  Model model;
  for (const StoredObject& object : store.objects()) {
    const ByteView label = object.info.label.view();
    model[object.info.id.view().front()] = {ToBytes(store.Value(object)), std::string(label.begin(), label.end()),
                                            store.Counter(object), false};
  }
  return model;
}

class StoreProperty : public ::testing::Test {
 protected:
  std::size_t Below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_); }

  Bytes RandomBytes(std::size_t size) {
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) {
      byte = LowByte(random_());
    }
    return bytes;
  }

  static iotsafe::ObjectRef Ref(const std::uint8_t& id) { return {ObjectClass::kFile, false, ByteView(&id, 1)}; }

  /// What `writer` sees of an object.
  std::optional<ModelObject> Seen(StoreWriter writer, std::uint8_t id) {
    const Prepared& mine = prepared_.at(static_cast<std::size_t>(writer));
    if (const auto found = mine.find(id); found != mine.end()) {
      return found->second;
    }
    const auto found = committed_.find(id);
    return found == committed_.end() ? std::nullopt : std::optional(found->second);
  }

  void Prepare(ObjectStore& store, StoreWriter writer) {
    const auto id = static_cast<std::uint8_t>(Below(10));
    Prepared& mine = prepared_.at(static_cast<std::size_t>(writer));
    const bool others = prepared_.at(1 - static_cast<std::size_t>(writer)).contains(id);
    const StoredObject* const object = store.FindFor(writer, Ref(id));
    auto seen = Seen(writer, id);
    ASSERT_EQ(object != nullptr, seen.has_value());
    const bool is_session = writer == StoreWriter::kManagement;
    if (object == nullptr) {
      const ObjectInfo info = Info(ObjectClass::kFile, ByteView(&id, 1), std::to_string(id));
      const auto made = store.Create(info, {}, writer);
      EXPECT_TRUE(!made || !others);
      if (made) {
        mine[id] = ModelObject{{}, std::to_string(id), 0, true};
      } else {
        EXPECT_TRUE(others || made.error() == StoreError::kFull || committed_.contains(id));
      }
      return;
    }
    Expected<void, StoreError> result;
    switch (Below(is_session ? 4 : 2)) {
      case 0: {
        seen->value = RandomBytes(Below(200));
        result = store.Stage(*object, seen->value, writer);
        break;
      }
      case 1: {
        const Bytes piece = RandomBytes(Below(50));
        if (!object->staged) {
          seen->value.clear();
        }
        seen->value.insert(seen->value.end(), piece.begin(), piece.end());
        result = store.StageMore(*object, piece, writer);
        break;
      }
      case 2: {
        seen->label = std::to_string(id) + "-" + std::to_string(Below(1000));
        StoredObject like = *object;
        SR_CHECK(like.info.label.Assign(AsBytes(seen->label)));
        result = store.StageInfo(*object, like, writer);
        break;
      }
      default: {
        result = store.StageDelete(*object, writer);
        if (result && !committed_.contains(id)) {
          mine.erase(id);
          return;
        }
        seen.reset();
      }
    }
    EXPECT_EQ(others, !result && result.error() == StoreError::kBusy);
    if (result) {
      mine[id] = seen;
    } else if (!others) {  // no room: the model starts anew rather than to know what is left
      store.Discard(writer);
      mine.clear();
    }
  }

  Model After(StoreWriter writer) {
    Model model = committed_;
    for (const auto& [id, object] : prepared_.at(static_cast<std::size_t>(writer))) {
      if (object) {
        const std::uint64_t counter = object->is_new ? 0 : model[id].counter;
        model[id] = {object->value, object->label, counter, false};
      } else {
        model.erase(id);
      }
    }
    return model;
  }

  void Step(PropertyStore& ram) {
    ObjectStore& store = ram.store;
    const StoreWriter writer = kWriters.at(Below(2));
    const std::size_t kind = Below(10);
    maybe_ = committed_;
    if (kind < 6) {
      Prepare(store, writer);
    } else if (kind < 8) {
      maybe_ = After(writer);
      if (store.Commit(writer)) {
        committed_ = maybe_;
      }
      prepared_.at(static_cast<std::size_t>(writer)).clear();
    } else if (kind == 8) {
      store.Discard(writer);
      prepared_.at(static_cast<std::size_t>(writer)).clear();
    } else if (!committed_.empty()) {
      const std::uint8_t id =
          std::next(committed_.begin(), static_cast<std::ptrdiff_t>(Below(committed_.size())))->first;
      const std::uint64_t value = random_();
      maybe_[id].counter = value;
      if (store.SetCounter(*store.Find(Ref(id)), value)) {
        committed_ = maybe_;
      }
    }
    if (ram.nvm.has_power()) {
      EXPECT_EQ(ModelOf(store), committed_);
    }
  }

  std::mt19937 random_{kSeed};
  Model committed_;
  Model maybe_;  ///< the content if the step that was cut had become permanent
  std::array<Prepared, 2> prepared_;
};

TEST_F(StoreProperty, RandomChangesAndLossOfPowerFollowTheModel) {
  Bytes image(kImageSize);
  {
    PropertyStore ram(image, std::nullopt);
    ASSERT_TRUE(ram.store.Format());
    image = ram.nvm.Image(FaultNvm::Tear::kAll, random_);
  }
  for (unsigned life = 0; life < 400; ++life) {
    SCOPED_TRACE("seed " + std::to_string(kSeed) + ", life " + std::to_string(life));
    PropertyStore ram(image, static_cast<unsigned>(Below(400)));
    ram.store.Load();
    if (ram.nvm.has_power()) {
      ASSERT_EQ(ram.store.state(), StoreState::kIntact);
      const Model found = ModelOf(ram.store);
      ASSERT_TRUE(found == committed_ || found == maybe_);
      committed_ = maybe_ = found;
    }
    prepared_ = {};
    for (unsigned step = 0; step < 150 && ram.nvm.has_power() && !HasFailure(); ++step) {
      Step(ram);
    }
    image = ram.nvm.Image(static_cast<FaultNvm::Tear>(Below(6)), random_, Below(64));
    ASSERT_FALSE(HasFailure());
  }
}

}  // namespace
}  // namespace simroot::card::testing
