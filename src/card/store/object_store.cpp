// SPDX-License-Identifier: Apache-2.0
#include "card/store/object_store.hpp"

#include <limits>

#include "card/store/store_journal.hpp"
#include "common/base/secret.hpp"

namespace simroot::card {
namespace {

bool NameClashes(const iotsafe::ObjectInfo& a, const iotsafe::ObjectInfo& b) {
  return a.object_class == b.object_class && (a.id == b.id || (!a.label.empty() && a.label == b.label));
}

bool IsNamed(const iotsafe::ObjectInfo& info, const iotsafe::ObjectRef& ref) {
  return info.object_class == ref.object_class && !ref.name.empty() &&
         SameBytes(ref.by_label ? info.label.view() : info.id.view(), ref.name);
}

}  // namespace

bool StoredObject::IsVolatile() const {
  const bool has_key_type =
      info.object_class == iotsafe::ObjectClass::kPrivateKey || info.object_class == iotsafe::ObjectClass::kPublicKey;
  return has_key_type && (info.key_type == iotsafe::KeyType::kP256Volatile ||
                          info.key_type == iotsafe::KeyType::kBrainpoolP256Volatile ||
                          info.key_type == iotsafe::KeyType::kP384Volatile);
}

ObjectStore::~ObjectStore() {
  Wipe(memory_.arena);
}

void ObjectStore::Clear() {
  Wipe(memory_.arena);
  arena_used_ = 0;
  for (StoredObject& object : memory_.objects) {
    object = StoredObject{};
    object.generation = next_generation_++;
  }
}

StoreState ObjectStore::Load() {
  Clear();
  next_serial_ = 1;
  state_ = StoreJournal(*this).Load();
  if (state_ != StoreState::kIntact) {
    Clear();
  }
  return state_;
}

bool ObjectStore::Format() {
  // The empty content is written like any change, so that power may fail here too. Only damaged memory is erased first:
  // there is nothing to lose in it.
  StoreJournal journal(*this);
  const bool nothing_to_lose = Load() == StoreState::kDamaged;
  Clear();
  if ((nothing_to_lose && !journal.Erase()) || !journal.Format()) {
    state_ = StoreState::kDamaged;
    return false;
  }
  next_serial_ = 1;
  state_ = StoreState::kIntact;
  return true;
}

const StoredObject* ObjectStore::NextCreated(iotsafe::ObjectClass object_class, std::uint32_t after) const {
  const StoredObject* next = nullptr;
  for (const StoredObject& object : objects()) {
    if (object.info.object_class == object_class && object.serial > after &&
        (next == nullptr || object.serial < next->serial)) {
      next = &object;
    }
  }
  return next;
}

const StoredObject* ObjectStore::Find(const iotsafe::ObjectRef& ref) const {
  const auto all = objects();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const StoredObject& object) { return IsNamed(object.info, ref); });
  return found == all.end() ? nullptr : &*found;
}

const StoredObject* ObjectStore::FindFor(StoreWriter writer, const iotsafe::ObjectRef& ref) const {
  const auto found = std::ranges::find_if(memory_.objects, [&](const StoredObject& object) {
    const bool mine = object.IsPrepared() && object.writer == writer;
    const bool exists = mine ? !object.deletion_staged : object.IsVisible();
    return exists && IsNamed(mine && object.info_staged ? After(object, writer).info : object.info, ref);
  });
  return found == memory_.objects.end() ? nullptr : &*found;
}

std::uint16_t ObjectStore::SlotOf(const StoredObject& object) const {
  return static_cast<std::uint16_t>(&object - memory_.objects.data());
}

ByteView ObjectStore::Value(const StoredObject& object) const {
  return ByteView(memory_.arena).subspan(object.offset, object.size);
}

ByteView ObjectStore::ValueFor(StoreWriter writer, const StoredObject& object) const {
  return object.staged && object.writer == writer
             ? ByteView(memory_.arena).subspan(object.staged_offset, object.staged_size)
             : Value(object);
}

bool ObjectStore::IsUnderUpdate(const StoredObject& object) const {
  return object.IsPrepared() && object.writer == StoreWriter::kManagement;
}

bool ObjectStore::HasPrepared(StoreWriter writer) const {
  return std::ranges::any_of(
      memory_.objects, [&](const StoredObject& object) { return object.IsPrepared() && object.writer == writer; });
}

std::optional<StoreError> ObjectStore::ClashWith(const StoredObject& other, const iotsafe::ObjectInfo& info,
                                                 StoreWriter writer) const {
  const bool mine = other.IsPrepared() && other.writer == writer;
  if (other.slot == StoredObject::Slot::kFree || (mine && other.deletion_staged)) {
    return std::nullopt;
  }
  const bool named_anew = other.info_staged && NameClashes(After(other, other.writer).info, info);
  if (mine) {
    const bool clash = other.info_staged ? named_anew : NameClashes(other.info, info);
    return clash ? std::optional(StoreError::kDuplicate) : std::nullopt;
  }
  if (other.slot == StoredObject::Slot::kLive && NameClashes(other.info, info)) {
    return StoreError::kDuplicate;
  }
  // The name is free for `writer`, but both could not be committed.
  return named_anew || NameClashes(other.info, info) ? std::optional(StoreError::kBusy) : std::nullopt;
}

std::optional<StoreError> ObjectStore::WhyTaken(const iotsafe::ObjectInfo& info, StoreWriter writer,
                                                const StoredObject* except) const {
  std::optional<StoreError> reason;
  for (const StoredObject& other : memory_.objects) {
    const auto clash = &other == except ? std::nullopt : ClashWith(other, info, writer);
    if (clash == StoreError::kDuplicate) {
      return clash;
    }
    if (clash) {
      reason = clash;
    }
  }
  return reason;
}

Expected<const StoredObject*, StoreError> ObjectStore::Create(const iotsafe::ObjectInfo& info,
                                                              const iotsafe::ObjectId& pair_id, StoreWriter writer) {
  const auto free = std::ranges::find(memory_.objects, StoredObject::Slot::kFree, &StoredObject::slot);
  if (free == memory_.objects.end() || next_serial_ == std::numeric_limits<std::uint32_t>::max()) {
    return Unexpected(StoreError::kFull);
  }
  if (info.id.empty()) {
    return Unexpected(StoreError::kDuplicate);
  }
  if (const auto taken = WhyTaken(info, writer, nullptr)) {
    return Unexpected(*taken);
  }
  StoredObject& object = *free;
  object = StoredObject{};
  object.info = info;
  object.info.state = iotsafe::ObjectState::kDeactivated;
  object.info.file_size = 0;
  object.pair_id = pair_id;
  object.generation = next_generation_++;
  object.serial = next_serial_++;
  object.slot = StoredObject::Slot::kCreated;
  object.writer = writer;
  return &object;
}

Expected<StoredObject*, StoreError> ObjectStore::Claim(const StoredObject& object, StoreWriter writer) {
  StoredObject& target = Slot(object);
  if (target.slot == StoredObject::Slot::kFree || target.deletion_staged ||
      (target.IsPrepared() && target.writer != writer)) {
    return Unexpected(StoreError::kBusy);
  }
  target.writer = writer;
  return &target;
}

bool ObjectStore::Append(ByteView bytes, std::uint32_t& offset, std::uint32_t& size) {
  if (!CopyBytes(bytes, memory_.arena.subspan(arena_used_))) {
    return false;
  }
  offset = arena_used_;
  size = static_cast<std::uint32_t>(bytes.size());
  arena_used_ += size;
  return true;
}

Expected<void, StoreError> ObjectStore::Stage(const StoredObject& object, ByteView value, StoreWriter writer) {
  const auto target = Claim(object, writer);
  if (!target) {
    return Unexpected(target.error());
  }
  if ((*target)->staged) {
    (*target)->staged = false;
    Release((*target)->staged_offset, (*target)->staged_size);
  }
  if (value.size() > kMaxValueSize || !Append(value, (*target)->staged_offset, (*target)->staged_size)) {
    return Unexpected(StoreError::kFull);
  }
  (*target)->staged = true;
  (*target)->staged_origin = iotsafe::KeyOrigin::kLoaded;
  return {};
}

void ObjectStore::MarkMadeOnCard(const StoredObject& object, StoreWriter writer) {
  StoredObject& target = Slot(object);
  if (target.staged && target.writer == writer) {
    target.staged_origin = iotsafe::KeyOrigin::kMadeOnCard;
  }
}

void ObjectStore::MoveToEnd(StoredObject& object) {
  const std::uint32_t size = object.staged_size;
  const std::uint32_t offset = object.staged_offset;
  const ByteSpan rest = memory_.arena.first(arena_used_).subspan(offset);
  std::rotate(rest.begin(), rest.begin() + size, rest.end());
  for (StoredObject& other : memory_.objects) {
    for (std::uint32_t* const place : {&other.offset, &other.staged_offset, &other.staged_info_offset}) {
      if (*place > offset) {
        *place -= size;
      }
    }
  }
  object.staged_offset = arena_used_ - size;
}

Expected<void, StoreError> ObjectStore::StageMore(const StoredObject& object, ByteView piece, StoreWriter writer) {
  if (!object.staged) {
    return Stage(object, piece, writer);
  }
  const auto target = Claim(object, writer);
  if (!target) {
    return Unexpected(target.error());
  }
  std::uint32_t added_offset = 0;
  std::uint32_t added_size = 0;
  if ((*target)->staged_size != 0) {
    MoveToEnd(**target);
  }
  if (piece.size() > kMaxValueSize - (*target)->staged_size || !Append(piece, added_offset, added_size)) {
    return Unexpected(StoreError::kFull);
  }
  if ((*target)->staged_size == 0) {
    (*target)->staged_offset = added_offset;
  }
  (*target)->staged_size += added_size;
  return {};
}

Expected<void, StoreError> ObjectStore::StageInfo(const StoredObject& object, const StoredObject& like,
                                                  StoreWriter writer) {
  const auto target = Claim(object, writer);
  if (!target) {
    return Unexpected(target.error());
  }
  StoredObject wanted = like;
  wanted.info.object_class = object.info.object_class;
  wanted.info.id = object.info.id;
  wanted.info.key_type = object.info.key_type;
  wanted.origin = object.origin;
  if (const auto taken = WhyTaken(wanted.info, writer, *target)) {
    return Unexpected(*taken);
  }
  std::array<std::uint8_t, kMaxDescription> memory{};
  ByteWriter description(memory);
  PutDescription(wanted, description);
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
  if (!Append(description.written(), offset, size)) {
    return Unexpected(StoreError::kFull);
  }
  if ((*target)->info_staged) {
    (*target)->info_staged = false;
    Release((*target)->staged_info_offset, (*target)->staged_info_size);
    offset = arena_used_ - size;  // it was the last, and still is
  }
  (*target)->staged_info_offset = offset;
  (*target)->staged_info_size = size;
  (*target)->info_staged = true;
  return {};
}

Expected<void, StoreError> ObjectStore::StageDelete(const StoredObject& object, StoreWriter writer) {
  const auto target = Claim(object, writer);
  if (!target) {
    return Unexpected(target.error());
  }
  if ((*target)->slot == StoredObject::Slot::kCreated) {
    Free(**target);
    return {};
  }
  ForgetPrepared(**target);
  (*target)->deletion_staged = true;
  return {};
}

StoredObject ObjectStore::After(const StoredObject& object, StoreWriter writer) const {
  StoredObject after = object;
  if (object.writer != writer) {
    return after;
  }
  if (object.info_staged) {
    ByteReader description(ByteView(memory_.arena).subspan(object.staged_info_offset, object.staged_info_size));
    static_cast<void>(ReadDescription(description, after));  // StageInfo has written it
    after.takes_numbers = object.takes_numbers;              // may have begun since then
  }
  if (object.staged) {
    after.origin = object.staged_origin;
    after.made_by_device = writer == StoreWriter::kDevice && object.staged_size != 0;
    after.info.state = object.staged_size == 0 ? iotsafe::ObjectState::kDeactivated : iotsafe::ObjectState::kActivated;
    if (object.info.object_class == iotsafe::ObjectClass::kFile) {
      after.info.file_size = static_cast<std::uint16_t>(object.staged_size);
    }
  }
  return after;
}

Expected<void, StoreError> ObjectStore::Commit(StoreWriter writer) {
  const bool persistent = std::ranges::any_of(memory_.objects, [&](const StoredObject& object) {
    return object.IsPrepared() && object.writer == writer &&
           (object.slot == StoredObject::Slot::kCreated || object.info_staged || object.deletion_staged ||
            !object.IsVolatile());
  });
  if (persistent) {
    const auto written = WriteChange({writer, nullptr});
    if (!written) {
      Discard(writer);
      return written;
    }
  }
  for (StoredObject& object : memory_.objects) {
    if (object.IsPrepared() && object.writer == writer) {
      Apply(object, writer);
    }
  }
  return {};
}

std::uint32_t ObjectStore::DrawEpoch() {
  std::array<std::uint8_t, sizeof(std::uint32_t)> raw{};
  std::uint32_t epoch = 0;
  const bool drawn = random_ != nullptr && random_->Random(raw) && ByteReader(raw).ReadU32(epoch);
  return drawn ? epoch : 0;
}

void ObjectStore::Apply(StoredObject& object, StoreWriter writer) {
  if (object.deletion_staged) {
    Free(object);
    return;
  }
  const StoredObject after = After(object, writer);
  object.info = after.info;
  object.pair_id = after.pair_id;
  object.issuer_id = after.issuer_id;
  object.origin = after.origin;
  object.made_by_device = after.made_by_device;
  object.slot = StoredObject::Slot::kLive;
  if (object.staged) {
    object.staged = false;
    object.generation = next_generation_++;
    std::swap(object.offset, object.staged_offset);
    std::swap(object.size, object.staged_size);
    Release(object.staged_offset, object.staged_size);
  }
  ForgetPrepared(object);
}

void ObjectStore::ForgetPrepared(StoredObject& object) {
  if (object.staged) {
    object.staged = false;
    Release(object.staged_offset, object.staged_size);
  }
  if (object.info_staged) {
    object.info_staged = false;
    Release(object.staged_info_offset, object.staged_info_size);
  }
  object.deletion_staged = false;
}

void ObjectStore::Free(StoredObject& object) {
  ForgetPrepared(object);
  Release(object.offset, object.size);
  object = StoredObject{};
  object.generation = next_generation_++;
}

void ObjectStore::Discard(StoreWriter writer) {
  for (StoredObject& object : memory_.objects) {
    if (object.IsPrepared() && object.writer == writer) {
      if (object.slot == StoredObject::Slot::kCreated) {
        Free(object);
      } else {
        ForgetPrepared(object);
      }
    }
  }
}

void ObjectStore::Release(std::uint32_t& offset, std::uint32_t& size) {
  const std::uint32_t start = offset;
  const std::uint32_t count = size;
  offset = 0;
  size = 0;
  if (count == 0) {
    return;
  }
  // Close the gap, so that free space is always one piece at the end, and leave nothing behind.
  const ByteSpan arena = memory_.arena.first(arena_used_);
  const ByteSpan after = arena.subspan(start + count);
  std::ranges::copy(after, arena.subspan(start).begin());
  Wipe(arena.last(count));
  arena_used_ -= count;
  for (StoredObject& object : memory_.objects) {
    for (std::uint32_t* const place : {&object.offset, &object.staged_offset, &object.staged_info_offset}) {
      if (*place > start) {
        *place -= count;
      }
    }
  }
}

void ObjectStore::DropVolatile() {
  Discard(StoreWriter::kDevice);
  Discard(StoreWriter::kManagement);
  for (StoredObject& object : memory_.objects) {
    if (object.IsVisible() && object.IsVolatile() && object.size != 0) {
      Release(object.offset, object.size);
      object.info.state = iotsafe::ObjectState::kDeactivated;
      object.generation = next_generation_++;
    }
  }
}

}  // namespace simroot::card
