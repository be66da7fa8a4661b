// SPDX-License-Identifier: Apache-2.0
// Power is cut at every single write of every changing operation (T171): what the card finds afterwards is the content
// before or the content after, and replaced keys are gone from the memory.
#include <functional>

#include "card/applet/applet_test_support.hpp"

namespace simroot::card::testing {
namespace {

const Bytes kKeyId{0x01};
const Bytes kFileId{0x02};
const Bytes kSecretId{0x06};

/// A change of the store. @returns what Commit said.
using Operation = std::function<bool(ObjectStore&)>;

struct Change {
  const char* name;
  Operation run;
};

/// What GoogleTest writes beside a failed test.
void PrintTo(const Change& change, std::ostream* out) {
  *out << change.name;
}

const Pair& PairNumber(int number) {
  static const auto crypto = crypto::OpenSslCrypto::Create();
  static const std::array<Pair, 2> pairs{NewPair(*crypto), NewPair(*crypto)};
  return pairs.at(static_cast<std::size_t>(number));
}

bool StageAndCommit(ObjectStore& store, ObjectClass object_class, ByteView id, ByteView value) {
  const StoredObject* const object = Find(store, object_class, id);
  return object != nullptr && store.Stage(*object, value) && store.Commit();
}

bool ReplacePair(ObjectStore& store) {
  const StoredObject* const key = Find(store, ObjectClass::kPrivateKey, kKeyId);
  return key != nullptr && store.Stage(*key, PairNumber(1).scalar) &&
         StageAndCommit(store, ObjectClass::kPublicKey, kKeyId, PairNumber(1).point);
}

bool CreateFile(ObjectStore& store) {
  const auto file = store.Create(Info(ObjectClass::kFile, Bytes{0x09}, "new"), {});
  return file && store.Stage(**file, Counting(100)) && store.Commit();
}

std::vector<Change> Changes() {
  return {
      {"ReplacePair", ReplacePair},
      {"PutLongerFile",
       [](ObjectStore& store) { return StageAndCommit(store, ObjectClass::kFile, kFileId, Bytes(900, 0xB2)); }},
      {"PutShorterFile",
       [](ObjectStore& store) { return StageAndCommit(store, ObjectClass::kFile, kFileId, Bytes(3, 0xB2)); }},
      {"EmptyFile", [](ObjectStore& store) { return StageAndCommit(store, ObjectClass::kFile, kFileId, {}); }},
      {"ReplaceSecret",
       [](ObjectStore& store) { return StageAndCommit(store, ObjectClass::kSecretKey, kSecretId, Bytes(16, 0xC2)); }},
      {"CreateFile", CreateFile},
      {"Format", [](ObjectStore& store) { return store.Format(); }},
  };
}

/// Two commits, so that both copies of the store have been in use.
Bytes OldImage() {
  return MakeImage([](ObjectStore& store, crypto::Crypto&) {
    Add(store, KeyInfo(ObjectClass::kPrivateKey, kKeyId, "sig"), PairNumber(0).scalar, kKeyId);
    Add(store, KeyInfo(ObjectClass::kPublicKey, kKeyId, "sig"), PairNumber(0).point);
    ObjectInfo secret = Info(ObjectClass::kSecretKey, kSecretId, "psk");
    secret.key_type = KeyType::kHmac;
    Add(store, secret, Bytes(16, 0xC1));
    SR_CHECK(store.Commit());
    Add(store, Info(ObjectClass::kFile, kFileId, "cert"), Bytes(300, 0xB1));
  });
}

/// True if any eight bytes of the scalar are in the image.
bool HasTraceOf(ByteView scalar, ByteView image) {
  for (ByteReader reader(scalar); reader.remaining() >= 8;) {
    if (Contains(image, reader.rest().first(8))) {
      return true;
    }
    SR_CHECK(reader.Skip(1));
  }
  return false;
}

class PowerCut : public ::testing::TestWithParam<Change> {
 protected:
  void SetUp() override {
    old_content_ = Reload(old_image_);
    Bytes image = old_image_;
    RamStore ram(image);
    ram.store.Load();
    ASSERT_TRUE(GetParam().run(ram.store));
    writes_ = ram.nvm.writes();
    new_content_ = Reload(image);
    ASSERT_GT(writes_, 0U);
    ASSERT_NE(old_content_, new_content_);
  }

  /// Loads and changes the store; power fails in write number `cut`. @returns true if the change reported success.
  bool ChangeWithCut(ByteSpan image, unsigned cut) const {
    RamStore ram(image, cut);
    ram.store.Load();
    return GetParam().run(ram.store);
  }

  void ExpectOldOrNew(const Content& found, bool done) const {
    if (std::string_view(GetParam().name) == "Format" && found.infos.empty()) {
      EXPECT_NE(found.state, StoreState::kDamaged);  // never formatted, or empty
      return;
    }
    EXPECT_TRUE(found == old_content_ || found == new_content_);
    EXPECT_EQ(done, found == new_content_);  // success is reported exactly when it lasts
  }

  /// Whatever the card found, the other scalar must be gone.
  void ExpectNoTraceOfTheOther(const Content& found, ByteView image) const {
    if (std::string_view(GetParam().name) != "ReplacePair" || found.values.empty()) {
      return;
    }
    const bool is_new = found.values.front() == PairNumber(1).scalar;
    EXPECT_FALSE(HasTraceOf(PairNumber(is_new ? 0 : 1).scalar, image));
  }

  Bytes old_image_ = OldImage();
  Content old_content_;
  Content new_content_;
  unsigned writes_ = 0;
};

TEST_P(PowerCut, LeavesTheOldOrTheNewContent) {
  for (unsigned cut = 0; cut <= writes_; ++cut) {
    SCOPED_TRACE("cut in write " + std::to_string(cut) + " of " + std::to_string(writes_));
    Bytes image = old_image_;
    const bool done = ChangeWithCut(image, cut);
    EXPECT_TRUE(done || cut < writes_);
    const Content found = Reload(image);
    ExpectOldOrNew(found, done);
    ExpectNoTraceOfTheOther(found, image);
  }
}

TEST_P(PowerCut, LeavesTheSameContentWhenItIsCutAgainDuringTheNextLoad) {
  for (unsigned cut = 0; cut < writes_; ++cut) {
    Bytes image = old_image_;
    ChangeWithCut(image, cut);
    Bytes untouched = image;
    const Content expected = Reload(untouched);
    for (unsigned second = 0;; ++second) {
      SCOPED_TRACE("cuts in writes " + std::to_string(cut) + " and then " + std::to_string(second));
      Bytes again = image;
      RamStore ram(again, second);
      ram.store.Load();
      const Content found = Reload(again);
      EXPECT_EQ(found, expected);
      ExpectNoTraceOfTheOther(found, again);
      if (ram.nvm.has_power()) {
        break;
      }
    }
  }
}

TEST_P(PowerCut, CanBeRepeatedAfterwards) {
  for (unsigned cut = 0; cut < writes_; ++cut) {
    SCOPED_TRACE("cut in write " + std::to_string(cut));
    Bytes image = old_image_;
    ChangeWithCut(image, cut);
    if (Reload(image) != old_content_) {
      continue;
    }
    EXPECT_TRUE(ChangeWithCut(image, 1000000));
    EXPECT_EQ(Reload(image), new_content_);
  }
}

INSTANTIATE_TEST_SUITE_P(Changes, PowerCut, ::testing::ValuesIn(Changes()),
                         [](const auto& change) { return std::string(change.param.name); });

TEST(PowerCutCard, ReplacedScalarsAreGoneAfterALaterLoad) {
  Bytes image = OldImage();
  {
    RamStore ram(image);
    ram.store.Load();
    ASSERT_TRUE(ReplacePair(ram.store));
  }
  Reload(image);
  EXPECT_FALSE(HasTraceOf(PairNumber(0).scalar, image));
  EXPECT_TRUE(HasTraceOf(PairNumber(1).scalar, image));
}

/// The persistent pair of a card whose GENERATE KEY PAIR was cut is one pair and signs: the old one after an error, the
/// new one after success.
TEST(PowerCutCard, GenerateKeyPairLeavesAWholePair) {
  const Bytes base = OldImage();
  bool finished = false;
  for (unsigned cut = 0; !finished; ++cut) {
    SCOPED_TRACE("cut in write " + std::to_string(cut));
    Bytes image = base;
    std::string answer;
    {
      TestCard card(image, {}, cut);
      card.SelectOnChannel1();
      answer = card.SendAll("81B9000003840101");
      finished = card.nvm().has_power();
    }
    TestCard card(image);
    ASSERT_EQ(card.store().state(), StoreState::kIntact);
    const ByteView scalar = card.store().Value(*Find(card.store(), ObjectClass::kPrivateKey, kKeyId));
    const ByteView stored = card.store().Value(*Find(card.store(), ObjectClass::kPublicKey, kKeyId));
    Bytes point(crypto::kP256PointSize);
    ASSERT_TRUE(card.crypto().PublicPoint(crypto::Curve::kP256, scalar, point));
    EXPECT_TRUE(SameBytes(point, stored));
    if (point == PairNumber(0).point) {
      EXPECT_EQ(answer, "6400");
    } else {
      EXPECT_EQ(answer, "840101850101344549438641" + ToHex(point) + "9000");
    }
    EXPECT_TRUE(!finished || point != PairNumber(0).point);
    card.SelectOnChannel1();
    EXPECT_EQ(card.Send("812A00010D840101A1010391020001920104"), "9000");
    EXPECT_TRUE(card.Verifies(point, Bytes(32, 0x11), card.SendAll("812B8001229E20" + ToHex(Bytes(32, 0x11)))));
  }
}

}  // namespace
}  // namespace simroot::card::testing
