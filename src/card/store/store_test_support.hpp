// SPDX-License-Identifier: Apache-2.0
/// Stores in memory, for the tests of this folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "card/host/ram_nvm.hpp"
#include "card/store/object_store.hpp"
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::card::testing {

using iotsafe::KeyType;
using iotsafe::ObjectClass;
using iotsafe::ObjectInfo;

/// A store over bytes of the test. A card that gets its power back is a new RamStore over the same bytes.
template <std::size_t kObjects, std::size_t kArenaBytes>
struct RamStoreOf {
  static constexpr std::size_t kImageSize = 2 * (kArenaBytes + 160 * kObjects + 256);

  explicit RamStoreOf(ByteSpan image, std::optional<unsigned> cut = std::nullopt)
      : nvm(image, cut), store(nvm, {0, image.size()}, memory.view()) {}

  RamNvm nvm;
  ObjectStoreMemory<kObjects, kArenaBytes> memory;
  ObjectStore store;
};
using RamStore = RamStoreOf<16, 4096>;
using LargeRamStore = RamStoreOf<64, 40000>;

inline iotsafe::ObjectId Id(ByteView bytes) {
  iotsafe::ObjectId id;
  SR_CHECK(id.Assign(bytes));
  return id;
}

inline ObjectInfo Info(ObjectClass object_class, ByteView id, std::string_view label, std::uint8_t access = 3) {
  ObjectInfo info;
  info.object_class = object_class;
  info.id = Id(id);
  SR_CHECK(info.label.Assign(AsBytes(label)));
  info.access = access;
  return info;
}

inline ObjectInfo KeyInfo(ObjectClass object_class, ByteView id, std::string_view label,
                          KeyType type = KeyType::kP256Persistent) {
  ObjectInfo info = Info(object_class, id, label);
  info.key_type = type;
  info.functions = 0x07;
  info.signature_algorithms = 0x04;
  info.hash_algorithms = 0x0001;
  info.key_agreement = 0x01;
  return info;
}

inline const StoredObject* Find(const ObjectStore& store, ObjectClass object_class, ByteView id) {
  return store.Find({object_class, false, id});
}

/// Creates an object with a value, without Commit.
inline const StoredObject* Add(ObjectStore& store, const ObjectInfo& info, ByteView value = {}, ByteView pair = {},
                               StoreWriter writer = StoreWriter::kDevice) {
  const auto object = store.Create(info, Id(pair), writer);
  SR_CHECK(object.has_value());
  SR_CHECK(value.empty() || store.Stage(**object, value, writer));
  return *object;
}

struct Pair {
  Bytes scalar = Bytes(crypto::kP256ScalarSize);
  Bytes point = Bytes(crypto::kP256PointSize);
};

inline Pair NewPair(crypto::Crypto& crypto) {
  Pair pair;
  SR_CHECK(crypto.GenerateKeyPair(crypto::Curve::kP256, pair.scalar, pair.point));
  return pair;
}

/// Both halves of a persistent pair with a value, and update access. Without Commit.
inline Pair AddPair(ObjectStore& store, crypto::Crypto& crypto, ByteView private_id, ByteView public_id,
                    std::string_view label = {}) {
  Pair pair = NewPair(crypto);
  Add(store, KeyInfo(ObjectClass::kPrivateKey, private_id, label), pair.scalar, public_id);
  Add(store, KeyInfo(ObjectClass::kPublicKey, public_id, label), pair.point);
  return pair;
}

/// Containers of a volatile pair, or of a volatile public key alone if `private_id` is empty. Without Commit.
inline void AddVolatile(ObjectStore& store, ByteView private_id, ByteView public_id) {
  if (!private_id.empty()) {
    Add(store, KeyInfo(ObjectClass::kPrivateKey, private_id, {}, KeyType::kP256Volatile), {}, public_id);
  }
  Add(store, KeyInfo(ObjectClass::kPublicKey, public_id, {}, KeyType::kP256Volatile));
}

/// Everything of a store that survives loss of power, in the order of creation, to compare two states.
struct Content {
  StoreState state = StoreState::kBlank;
  std::vector<ObjectInfo> infos;
  std::vector<Bytes> pair_ids;
  std::vector<Bytes> issuer_ids;
  std::vector<bool> made_by_device;
  std::vector<Bytes> values;
  std::vector<std::uint64_t> counters;

  friend bool operator==(const Content&, const Content&) = default;
};

inline Bytes ToBytes(ByteView view) {
  return {view.begin(), view.end()};
}

inline Content ContentOf(const ObjectStore& store) {
  std::vector<const StoredObject*> objects;
  for (const StoredObject& object : store.objects()) {
    objects.push_back(&object);
  }
  std::ranges::sort(objects, {}, &StoredObject::serial);
  Content content;
  content.state = store.state();
  for (const StoredObject* const object : objects) {
    content.infos.push_back(object->info);
    content.pair_ids.push_back(ToBytes(object->pair_id.view()));
    content.issuer_ids.push_back(ToBytes(object->issuer_id.view()));
    content.made_by_device.push_back(object->made_by_device);
    content.values.push_back(ToBytes(store.Value(*object)));
    content.counters.push_back(store.Counter(*object));
  }
  return content;
}

/// What a card finds in `image` when it gets power. The image may change: what is left of an old copy is wiped.
template <typename Store = RamStore>
Content Reload(ByteSpan image) {
  const auto fresh = std::make_unique<Store>(image);
  fresh->store.Load();
  return ContentOf(fresh->store);
}

inline bool Contains(ByteView image, ByteView part) {
  return std::search(image.begin(), image.end(), part.begin(), part.end()) != image.end();
}

/// An image that `fill` has made: formatted, filled, committed.
template <typename Store = RamStore, typename Fill>
Bytes MakeImage(const Fill& fill) {
  Bytes image(Store::kImageSize);
  const auto crypto = crypto::OpenSslCrypto::Create();
  const auto fresh = std::make_unique<Store>(image);
  SR_CHECK(crypto != nullptr && fresh->store.Format());
  fill(fresh->store, *crypto);
  SR_CHECK(fresh->store.Commit());
  return image;
}

}  // namespace simroot::card::testing
