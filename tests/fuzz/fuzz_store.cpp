// SPDX-License-Identifier: Apache-2.0
/// Any non-volatile memory under an object store. Input: one byte (00: what follows is the memory itself; otherwise
/// what follows is written over a valid memory, pieces of two bytes of place, one byte of length and the bytes).
/// Checking changes nothing and agrees with Load; after a repair the store is clean, loads, and takes changes.
#include "card/host/ram_nvm.hpp"
#include "card/host/store_check.hpp"
#include "common/base/check.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

constexpr std::size_t kImageSize = 4096;
constexpr StoreCapacity kCapacity{8, 1024};
constexpr ObjectStore::Range kRange{0, kImageSize};

/// A store with its memory, over bytes that outlive it.
struct Store {
  explicit Store(Bytes& image) : nvm(image) {}
  RamNvm nvm;
  ObjectStoreMemory<kCapacity.objects, kCapacity.arena> memory;
  ObjectStore store{nvm, kRange, memory.view()};
};

const StoredObject* Add(ObjectStore& store, std::uint8_t id, ByteView value) {
  iotsafe::ObjectInfo info;
  info.object_class = iotsafe::ObjectClass::kSecretKey;
  SR_CHECK(info.id.Assign(ByteView(&id, 1)));
  const auto object = store.Create(info, {});
  return object && store.Stage(**object, value) ? *object : nullptr;
}

Bytes ValidImage() {
  Bytes image(kImageSize);
  Store card(image);
  SR_CHECK(card.store.Format());
  const StoredObject* const first = Add(card.store, 1, Bytes(16, 0x11));
  SR_CHECK(first != nullptr && Add(card.store, 2, Bytes(40, 0x22)) != nullptr && card.store.Commit());
  SR_CHECK(card.store.Stage(*first, Bytes(20, 0x33)) && card.store.Commit() && card.store.TakeNumbers(*first, 1));
  return image;
}

Bytes ImageFrom(ByteReader input) {
  static const Bytes valid = ValidImage();
  std::uint8_t kind = 0;
  static_cast<void>(input.ReadU8(kind));
  if (kind == 0) {
    Bytes image(input.rest().begin(), input.rest().end());
    image.resize(kImageSize);
    return image;
  }
  Bytes image = valid;
  std::uint16_t place = 0;
  std::uint8_t size = 0;
  ByteView bytes;
  while (input.ReadU16(place) && input.ReadU8(size) && input.ReadBytes(size, bytes)) {
    const ByteSpan target = ByteSpan(image).subspan(place % kImageSize);
    std::ranges::copy(bytes.first(std::min(bytes.size(), target.size())), target.begin());
  }
  return image;
}

void Run(ByteReader input) {
  const Bytes image = ImageFrom(input);
  Bytes checked = image;
  RamNvm nvm(checked);
  const StoreReport report = CheckStore(nvm, kRange, kCapacity);
  static_cast<void>(report.Problems());
  SR_CHECK(checked == image);
  Bytes loaded = image;
  SR_CHECK(Store(loaded).store.Load() == report.state);
  SR_CHECK(RepairStore(nvm, kRange, kCapacity));
  const StoreReport after = CheckStore(nvm, kRange, kCapacity);
  SR_CHECK(after.IsClean() && after.objects.size() == report.objects.size());
  Store card(checked);
  SR_CHECK(card.store.Load() == StoreState::kIntact);
  if (card.store.objects().size() < kCapacity.objects && Add(card.store, 0xF7, Bytes(3, 0x44)) != nullptr) {
    static_cast<void>(card.store.Commit());
  }
  SR_CHECK(card.store.state() == StoreState::kIntact);
}

}  // namespace
}  // namespace simroot::card

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  simroot::card::Run(simroot::ByteReader({data, size}));
  return 0;
}
