// SPDX-License-Identifier: Apache-2.0
#include "card/applet/object_store.hpp"

#include "card/applet/store_image.hpp"
#include "common/base/secret.hpp"

namespace simroot::card {

bool StoredObject::IsVolatile() const {
  const bool has_key_type =
      info.object_class == iotsafe::ObjectClass::kPrivateKey || info.object_class == iotsafe::ObjectClass::kPublicKey;
  return has_key_type && (info.key_type == iotsafe::KeyType::kP256Volatile ||
                          info.key_type == iotsafe::KeyType::kBrainpoolP256Volatile);
}

ObjectStore::~ObjectStore() {
  Wipe(memory_.arena);
}

StoreState ObjectStore::Load() {
  Wipe(memory_.arena);
  count_ = 0;
  arena_used_ = 0;
  state_ = StoreImage(*this).Read();
  if (state_ != StoreState::kIntact) {
    count_ = 0;
    arena_used_ = 0;
  }
  committed_count_ = count_;
  return state_;
}

bool ObjectStore::Format() {
  // The empty content is written like any change, so that power may fail here too. Only damaged memory is erased first:
  // there is nothing to lose in it.
  const bool nothing_to_lose = Load() == StoreState::kDamaged;
  Wipe(memory_.arena);
  count_ = 0;
  committed_count_ = 0;
  arena_used_ = 0;
  StoreImage image(*this);
  if ((nothing_to_lose && !image.Erase()) || !image.Write()) {
    state_ = StoreState::kDamaged;
    return false;
  }
  state_ = StoreState::kIntact;
  return true;
}

const StoredObject* ObjectStore::Find(const iotsafe::ObjectRef& ref) const {
  const auto matches = [&](const StoredObject& object) {
    return object.info.object_class == ref.object_class && !ref.name.empty() &&
           SameBytes(ref.by_label ? object.info.label.view() : object.info.id.view(), ref.name);
  };
  const auto all = objects();
  const auto found = std::ranges::find_if(all, matches);
  return found == all.end() ? nullptr : &*found;
}

std::uint16_t ObjectStore::SlotOf(const StoredObject& object) const {
  return static_cast<std::uint16_t>(&object - memory_.objects.data());
}

ByteView ObjectStore::Value(const StoredObject& object) const {
  return ByteView(memory_.arena).subspan(object.offset, object.size);
}

bool ObjectStore::IsTaken(const iotsafe::ObjectInfo& info) const {
  return std::ranges::any_of(objects(), [&](const StoredObject& other) {
    return other.info.object_class == info.object_class &&
           (other.info.id == info.id || (!info.label.empty() && other.info.label == info.label));
  });
}

Expected<const StoredObject*, StoreError> ObjectStore::Create(const iotsafe::ObjectInfo& info,
                                                              const iotsafe::ObjectId& pair_id) {
  if (count_ == memory_.objects.size()) {
    return Unexpected(StoreError::kFull);
  }
  if (info.id.empty() || IsTaken(info)) {
    return Unexpected(StoreError::kDuplicate);
  }
  StoredObject& object = memory_.objects[count_];
  object = StoredObject{};
  object.info = info;
  object.info.state = iotsafe::ObjectState::kDeactivated;
  object.info.file_size = 0;
  object.pair_id = pair_id;
  object.generation = next_generation_++;
  ++count_;
  return &object;
}

Expected<void, StoreError> ObjectStore::Stage(const StoredObject& object, ByteView value) {
  StoredObject& target = memory_.objects[SlotOf(object)];
  if (target.staged) {
    Release(target.staged_offset, target.staged_size);
    target.staged = false;
  }
  const ByteSpan place = memory_.arena.subspan(arena_used_);
  if (!CopyBytes(value, place)) {
    return Unexpected(StoreError::kFull);
  }
  target.staged_offset = arena_used_;
  target.staged_size = static_cast<std::uint32_t>(value.size());
  target.staged = true;
  arena_used_ += target.staged_size;
  return {};
}

Expected<void, StoreError> ObjectStore::Commit() {
  const auto all = memory_.objects.first(count_);
  const bool persistent = count_ != committed_count_ || std::ranges::any_of(all, [](const StoredObject& object) {
                            return object.staged && !object.IsVolatile();
                          });
  if (persistent) {
    StoreImage image(*this);
    if (!image.Fits()) {
      Discard();
      return Unexpected(StoreError::kFull);
    }
    if (!image.Write()) {
      Discard();
      return Unexpected(StoreError::kMemory);
    }
  }
  for (StoredObject& object : all) {
    if (object.staged) {
      Apply(object);
    }
  }
  committed_count_ = count_;
  return {};
}

std::uint32_t ObjectStore::DrawEpoch() {
  std::array<std::uint8_t, sizeof(std::uint32_t)> raw{};
  std::uint32_t epoch = 0;
  const bool drawn = random_ != nullptr && random_->Random(raw) && ByteReader(raw).ReadU32(epoch);
  return drawn ? epoch : 0;
}

void ObjectStore::Apply(StoredObject& object) {
  const std::uint32_t old_offset = object.offset;
  const std::uint32_t old_size = object.size;
  object.offset = object.staged_offset;
  object.size = object.staged_size;
  object.staged = false;
  object.generation = next_generation_++;
  object.info.state = object.size == 0 ? iotsafe::ObjectState::kDeactivated : iotsafe::ObjectState::kActivated;
  if (object.info.object_class == iotsafe::ObjectClass::kFile) {
    object.info.file_size = static_cast<std::uint16_t>(object.size);
  }
  Release(old_offset, old_size);
}

void ObjectStore::Discard() {
  for (StoredObject& object : memory_.objects.first(count_)) {
    if (object.staged) {
      object.staged = false;
      Release(object.staged_offset, object.staged_size);
    }
  }
  count_ = committed_count_;
}

void ObjectStore::Release(std::uint32_t offset, std::uint32_t size) {
  if (size == 0) {
    return;
  }
  // Close the gap, so that free space is always one piece at the end, and leave nothing behind.
  const ByteSpan arena = memory_.arena.first(arena_used_);
  const ByteSpan after = arena.subspan(offset + size);
  std::ranges::copy(after, arena.subspan(offset).begin());
  Wipe(arena.last(size));
  arena_used_ -= size;
  for (StoredObject& object : memory_.objects.first(count_)) {
    if (object.size != 0 && object.offset > offset) {
      object.offset -= size;
    }
    if (object.staged && object.staged_size != 0 && object.staged_offset > offset) {
      object.staged_offset -= size;
    }
  }
}

void ObjectStore::DropVolatile() {
  Discard();
  for (StoredObject& object : memory_.objects.first(count_)) {
    if (object.IsVolatile() && object.size != 0) {
      const std::uint32_t size = object.size;
      object.size = 0;
      object.info.state = iotsafe::ObjectState::kDeactivated;
      object.generation = next_generation_++;
      Release(object.offset, size);
    }
  }
}

}  // namespace simroot::card
