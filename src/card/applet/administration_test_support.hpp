// SPDX-License-Identifier: Apache-2.0
/// A card with the other end of its secured channel played by the test: STORE DATA goes to the applet directly.
#pragma once

#include "card/applet/applet_test_support.hpp"

namespace simroot::card::testing {

/// The data encryption key of the tests: 40 41 .. 4F.
inline Bytes TestDataKey() {
  Bytes key = Counting(80);
  return {key.begin() + 64, key.end()};
}

class TestUnwrapper final : public KeyUnwrapper {
 public:
  TestUnwrapper(crypto::Crypto& crypto, Bytes key) : crypto_(crypto), key_(std::move(key)) {}
  [[nodiscard]] bool Unwrap(ByteView enciphered, ByteSpan clear) override {
    return !key_.empty() &&
           crypto_.AesCbc(crypto::Direction::kDecrypt, key_, Bytes(crypto::kAesBlockSize), enciphered, clear);
  }

  /// The key set of the session has no data encryption key.
  void ForgetKey() { key_.clear(); }

 private:
  crypto::Crypto& crypto_;
  Bytes key_;
};

/// One BER-TLV as hexadecimal text.
inline std::string Element(std::uint8_t tag, std::string_view value_hex) {
  const Bytes value = Hex(value_hex);
  Bytes memory(value.size() + 8);
  ByteWriter out(memory);
  wire::PutBerTlv(tag, value, out);
  return ToHex(out.written());
}
/// Two bytes as hexadecimal text.
inline std::string Word(std::size_t value) {
  return ToHex(Bytes{LowByte(value >> 8U), LowByte(value)});
}

/// True if `answer` is data and 9000.
inline bool IsOk(const std::string& answer) {
  return answer.size() >= 4 && answer.ends_with("9000");
}

template <typename RamStoreType>
class AdminCardOf : public CardOf<RamStoreType> {
 public:
  /// Bytes of an answer that a secured channel over short APDUs carries.
  static constexpr std::size_t kAnswerSize = 220;

  explicit AdminCardOf(ByteSpan image, const CompatibilityConfig& config = {},
                       std::optional<unsigned> cut = std::nullopt)
      : CardOf<RamStoreType>(image, config, cut) {
    this->applet().UseScratch(scratch_);
  }

  /// Sends one STORE DATA command; data and status word as hexadecimal text.
  std::string StoreData(ByteView data, std::uint8_t number, bool last, std::size_t room = kAnswerSize) {
    Bytes memory(room);
    ByteWriter response(memory);
    const auto sw = this->applet().StoreData({data, number, last}, keys_, response);
    Bytes status(2);
    ByteWriter out(status);
    out.PutU16(static_cast<std::uint16_t>(sw));
    return (sw == wire::StatusWord::kOk ? ToHex(response.written()) : "") + ToHex(status);
  }
  /// The same with the number that follows.
  std::string Put(const std::string& hex, std::size_t room = kAnswerSize) {
    const std::string answer = StoreData(Hex(hex), next_, false, room);
    next_ = IsOk(answer) ? LowByte(next_ + 1) : std::uint8_t{0};
    return answer;
  }
  std::string Begin() { return Put("E003400101"); }
  std::string Commit() { return Put("E100"); }
  /// Ends the secured session.
  void End() {
    this->applet().EndPersonalisation();
    next_ = 0;
  }
  /// Reads all of a result: `command` without its tag, offset added.
  Bytes Fetch(std::uint8_t tag, const std::string& fields) {
    Bytes whole;
    for (std::size_t total = 1; whole.size() < total;) {
      const std::string answer = Put(Element(tag, fields + Element(0x42, Word(whole.size()))));
      if (!IsOk(answer)) {
        ADD_FAILURE() << "answer " << answer;
        return {};
      }
      const Bytes bytes = Hex(answer);
      ByteReader outer(ByteView(bytes).first(bytes.size() - 2));
      wire::Tlv element;
      SR_CHECK(wire::ReadBerTlv(outer, element) && element.tag == tag && outer.empty());
      ByteReader inner(element.value);
      wire::Tlv size;
      wire::Tlv piece;
      std::uint16_t number = 0;
      SR_CHECK(wire::ReadBerTlv(inner, size) && size.tag == 0x44 && ByteReader(size.value).ReadU16(number));
      SR_CHECK(wire::ReadBerTlv(inner, piece) && piece.tag == 0x43 && inner.empty());
      total = number;
      whole.insert(whole.end(), piece.value.begin(), piece.value.end());
      if (piece.value.empty()) {
        break;
      }
    }
    return whole;
  }

  /// Elements 44 and 47 with a value under the data key, zeros behind it.
  std::string Enciphered(ByteView value, bool with_size = true) {
    Bytes padded(value.begin(), value.end());
    padded.resize((value.size() + 15) / 16 * 16);
    SR_CHECK(this->crypto().AesCbc(crypto::Direction::kEncrypt, TestDataKey(), Bytes(16), padded, padded));
    return (with_size ? Element(0x44, Word(value.size())) : "") + Element(0x47, ToHex(padded));
  }
  /// Element 45.
  std::string CheckValue(ByteView value, bool aes) {
    Bytes sum(32);
    if (aes) {
      SR_CHECK(this->crypto().AesCbc(crypto::Direction::kEncrypt, value, Bytes(16), Bytes(16, 0x01),
                                     ByteSpan(sum).first(16)));
    } else {
      crypto::HashState state;
      SR_CHECK(this->crypto().HashBegin(crypto::HashAlgorithm::kSha256, state) &&
               this->crypto().HashUpdate(state, value) && this->crypto().HashFinish(state, sum));
    }
    return Element(0x45, ToHex(ByteView(sum).first(3)));
  }
  void ForgetDataKey() { keys_.ForgetKey(); }

 private:
  std::array<std::uint8_t, crypto::kMaxRsaPrivateSize> scratch_{};
  TestUnwrapper keys_{this->crypto(), TestDataKey()};
  std::uint8_t next_ = 0;
};
using AdminCard = AdminCardOf<LargeRamStore>;

// Templates of the test objects.
inline std::string PrivateKey(std::string_view id, std::string_view type = "13", std::string_view functions = "07",
                              std::string_view label = "") {
  return Element(0xC1, Element(0x84, id) + (label.empty() ? "" : Element(0x74, label)) + "600102" +
                           Element(0x4B, type) + "4E0101" + Element(0x61, functions) + "920107" + "91020007" +
                           "6F0101");
}
inline std::string PublicKeyTemplate(std::string_view id, std::string_view type = "13",
                                     std::string_view functions = "07") {
  return Element(0xC2, Element(0x85, id) + "600102" + Element(0x4B, type) + "4E0101" + Element(0x61, functions) +
                           "920107" + "91020007" + "6F0101");
}
/// CREATE of both halves.
inline std::string CreatePair(std::string_view id, std::string_view type = "13") {
  return Element(0xE3, PrivateKey(id, type) + Element(0x85, id)) + Element(0xE3, PublicKeyTemplate(id, type));
}
inline std::string CreateFile(std::string_view id, std::string_view access = "03", std::string_view issuer = "") {
  return Element(0xE3, Element(0xC3, Element(0x83, id) + Element(0x60, access) + "210102") +
                           (issuer.empty() ? "" : Element(0x46, issuer)));
}
inline std::string CreateSecret(std::string_view id, std::string_view type = "A0") {
  return Element(0xE3, Element(0xC4, Element(0x86, id) + "600100" + Element(0x4B, type) + "610108940103"));
}

/// An empty, formatted card.
inline Bytes BlankImage() {
  return MakeImage<LargeRamStore>([](ObjectStore&, crypto::Crypto&) {});
}

inline constexpr std::string_view kSignInit = "812A00010D840101A1010391020001920104";
inline const std::string kSignUpdate = "812B8001229E20" + ToHex(Bytes(32, 0x11));
inline constexpr std::string_view kGetRandom = "8184000008";

/// Pair 01 with update access, file 02 with 300 bytes, volatile pair 04, secret 06.
class AdministrationTest : public ::testing::Test {
 protected:
  explicit AdministrationTest(const CompatibilityConfig& config = {})
      : image_(MakeImage<LargeRamStore>([this](ObjectStore& store, crypto::Crypto& crypto) {
          pair_ = AddPair(store, crypto, Bytes{0x01}, Bytes{0x01}, "sig");
          Add(store, Info(ObjectClass::kFile, Bytes{0x02}, "cert"), Counting(300));
          AddVolatile(store, Bytes{0x04}, Bytes{0x04});
          ObjectInfo secret = Info(ObjectClass::kSecretKey, Bytes{0x06}, "psk");
          secret.key_type = KeyType::kHmac;
          secret.functions = 0x08;
          secret.key_derivation = 0x03;
          Add(store, secret, Counting(16));
        })),
        card_(std::make_unique<AdminCard>(image_, config)) {}
  void SetUp() override { card_->SelectOnChannel1(); }

  [[nodiscard]] std::uint32_t ChangeCounter() const { return card_->store().change_counter(); }
  [[nodiscard]] std::string File() const { return card_->SendAll("81B0000003830102"); }
  void ExpectSignatureOf(ByteView point) const {
    ASSERT_EQ(card_->Send(kSignInit), "9000");
    EXPECT_TRUE(card_->Verifies(point, Bytes(32, 0x11), card_->SendAll(kSignUpdate)));
  }
  /// The session is over and nothing it did is left.
  void ExpectNothingHappened(const Content& before) const {
    EXPECT_TRUE(ContentOf(card_->store()) == before);
    EXPECT_FALSE(card_->store().HasPrepared(StoreWriter::kManagement));
    EXPECT_EQ(card_->Put("E100"), "6985");
  }

  Pair pair_;
  Bytes image_;
  std::unique_ptr<AdminCard> card_;
};

}  // namespace simroot::card::testing
