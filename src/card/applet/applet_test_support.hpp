// SPDX-License-Identifier: Apache-2.0
/// Stores and whole cards in memory, for the tests of this folder.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "card/applet/applet.hpp"
#include "card/host/ram_nvm.hpp"
#include "card/uicc/uicc.hpp"
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
inline const StoredObject* Add(ObjectStore& store, const ObjectInfo& info, ByteView value = {}, ByteView pair = {}) {
  const auto object = store.Create(info, Id(pair));
  SR_CHECK(object.has_value());
  SR_CHECK(value.empty() || store.Stage(**object, value));
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

/// Everything of a store that survives loss of power, to compare two states.
struct Content {
  StoreState state = StoreState::kBlank;
  std::vector<ObjectInfo> infos;
  std::vector<Bytes> pair_ids;
  std::vector<Bytes> values;

  friend bool operator==(const Content&, const Content&) = default;
};

inline Content ContentOf(const ObjectStore& store) {
  Content content;
  content.state = store.state();
  for (const StoredObject& object : store.objects()) {
    const ByteView value = store.Value(object);
    content.infos.push_back(object.info);
    content.pair_ids.emplace_back(object.pair_id.view().begin(), object.pair_id.view().end());
    content.values.emplace_back(value.begin(), value.end());
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

/// A whole card over an image: store, OpenSSL, applet, UICC.
template <typename Store>
class CardOf {
 public:
  explicit CardOf(ByteSpan image, const CompatibilityConfig& config = {}, std::optional<unsigned> cut = std::nullopt)
      : config_(config), parts_(std::make_unique<Store>(image, cut)) {
    parts_->store.Load();
  }

  /// Sends one APDU; data and status word as hexadecimal text.
  std::string Send(std::string_view apdu) {
    std::array<std::uint8_t, wire::kMaxResponse> memory{};
    const std::size_t size = uicc_.Transmit(Hex(apdu), memory);
    return ToHex(ByteView(memory).first(size));
  }
  /// The same, and what waits behind 61LL is fetched.
  std::string SendAll(std::string_view apdu) {
    std::string answer = Send(apdu);
    while (answer.size() >= 4 && answer.substr(answer.size() - 4, 2) == "61") {
      const std::string length = answer.substr(answer.size() - 2);
      answer.resize(answer.size() - 4);
      answer += Send("0" + std::string(1, apdu[1]) + "C00000" + length);
    }
    return answer;
  }
  /// Channel 1 open, applet selected on it.
  void SelectOnChannel1() {
    ASSERT_EQ(Send("0070000001"), "019000");
    ASSERT_EQ(Send("01A4040007A0000005590010"), "9000");
  }
  /// True if the last 64 bytes in front of the status word of `answer` are a signature of `digest`.
  bool Verifies(ByteView point, ByteView digest, const std::string& answer) {
    const Bytes bytes = Hex(answer);
    return bytes.size() >= 66 &&
           crypto_->VerifyEcdsa(crypto::Curve::kP256, point, digest, ByteView(bytes).last(66).first(64)) ==
               crypto::VerifyResult::kValid;
  }

  ObjectStore& store() { return parts_->store; }
  RamNvm& nvm() { return parts_->nvm; }
  crypto::Crypto& crypto() { return *crypto_; }
  Uicc& uicc() { return uicc_; }

 private:
  CompatibilityConfig config_;
  std::unique_ptr<Store> parts_;
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
  Applet applet_{parts_->store, *crypto_, config_};
  std::array<Application*, 1> applications_{&applet_};
  UiccBuffers buffers_;
  Uicc uicc_{applications_, {}, config_, buffers_};
};
using TestCard = CardOf<RamStore>;
using LargeCard = CardOf<LargeRamStore>;

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
