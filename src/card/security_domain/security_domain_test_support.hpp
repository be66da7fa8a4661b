// SPDX-License-Identifier: Apache-2.0
/// A card with a security domain and an application that writes down what it is given, and the issuer facing it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "card/host/ram_nvm.hpp"
#include "card/security_domain/security_domain.hpp"
#include "card/uicc/uicc.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "common/secure/scp03_host.hpp"

namespace simroot::card::testing {

inline constexpr std::string_view kSelectDomain = "00A4040008A000000151000000";
inline constexpr std::string_view kApplicationAid = "A0000005590010";
inline constexpr std::uint8_t kVersion = 0x30;

struct KeySetBytes {
  Bytes enc;
  Bytes mac;
  Bytes dek;

  static KeySetBytes Make(std::uint8_t seed, std::size_t size = 16) {
    const auto key = [&](std::uint8_t role) {
      Bytes bytes = Counting(size);
      bytes.front() = LowByte(seed + role);
      return bytes;
    };
    return {key(1), key(2), key(3)};
  }
  [[nodiscard]] KeySetValues Values() const { return {enc, mac, dek}; }
  [[nodiscard]] secure::Scp03Keys Scp03() const { return {enc, mac}; }
};

inline Bytes Copy(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

/// Answers each block with its number and size, and writes everything down.
class RecordingApplication final : public Application, public Personalisable {
 public:
  bool AnswersTo(ByteView aid) const override {
    return aid.size() <= aid_.size() && SameBytes(ByteView(aid_).first(aid.size()), aid);
  }
  ByteView Aid() const override { return aid_; }
  wire::StatusWord Select(std::uint8_t /*channel*/) override { return wire::StatusWord::kOk; }
  void Deselect(std::uint8_t /*channel*/) override {}
  void Reset() override {}
  wire::StatusWord Process(std::uint8_t /*channel*/, const wire::CommandApdu& /*command*/,
                           ByteWriter& /*response*/) override {
    return wire::StatusWord::kUnknownInstruction;
  }

  wire::StatusWord StoreData(const StoreDataBlock& block, KeyUnwrapper& keys, ByteWriter& response) override {
    log.push_back(std::to_string(block.number) + (block.last ? "L " : "  ") + ToHex(block.data));
    if (unwrap) {
      clear.assign(block.data.size(), 0);
      unwrapped = keys.Unwrap(block.data, clear);
    }
    response.PutU8(block.number);
    response.PutU8(LowByte(block.data.size()));
    if (too_long_answer) {
      static_cast<void>(response.Reserve(300));
    }
    return answer;
  }
  void EndPersonalisation() override { log.emplace_back("end"); }

  std::vector<std::string> log;
  wire::StatusWord answer = wire::StatusWord::kOk;
  bool unwrap = false;
  bool unwrapped = false;
  bool too_long_answer = false;
  Bytes clear;

 private:
  Bytes aid_ = Hex(kApplicationAid);
};

/// A card that has power while the object lives; a card that gets its power back is a new one over the same image.
class DomainCard {
 public:
  static constexpr std::size_t kImageSize = 4096;
  using StoreMemory = ObjectStoreMemory<16, 640>;

  explicit DomainCard(ByteSpan image, const SecurityDomainPolicy& policy = {}, bool t0 = true,
                      std::optional<unsigned> cut = std::nullopt)
      : nvm(image, cut) {
    compatibility.answer_t0 = t0;
    config.policy = policy;
    config.applications_store = &store;
    EXPECT_TRUE(CopyBytes(Hex("98880100000000000010"), config.diversification));
    store.Load();
  }

  /// One APDU and the whole answer: what waits behind 61LL is fetched.
  std::string Send(std::string_view apdu) { return ToHex(SendBytes(Hex(apdu))); }
  Bytes SendBytes(ByteView apdu) {
    std::array<std::uint8_t, wire::kMaxResponse> space{};
    Bytes answer = Copy(ByteView(space).first(uicc.Transmit(apdu, space)));
    while (answer.size() >= 2 && answer.at(answer.size() - 2) == 0x61) {
      const Bytes get_response{LowByte(apdu.front() & 0x03U), 0xC0, 0, 0, answer.back()};
      answer.resize(answer.size() - 2);
      const Bytes rest = Copy(ByteView(space).first(uicc.Transmit(get_response, space)));
      answer.insert(answer.end(), rest.begin(), rest.end());
    }
    return answer;
  }

  std::unique_ptr<crypto::OpenSslCrypto> crypto = crypto::OpenSslCrypto::Create();
  RamNvm nvm;
  StoreMemory memory;
  ObjectStore store{nvm, {0, kImageSize}, memory.view()};
  CompatibilityConfig compatibility;
  SecurityDomainConfig config;
  RecordingApplication application;
  std::array<ManagedApplication, 1> managed{{{&application, &application}}};
  SecurityDomain domain{store, *crypto, config, managed};
  std::array<Application*, 2> applications{&application, &domain};
  UiccBuffers buffers;
  Uicc uicc{applications, {}, compatibility, buffers};
};

/// The memory of a card with key set 30.
inline Bytes MakeImage(const KeySetBytes& keys = KeySetBytes::Make(0x10)) {
  Bytes image(DomainCard::kImageSize);
  DomainCard card(image);
  KeySets sets(card.store);
  SR_CHECK(card.store.Format() && sets.Replace(0, kVersion, keys.Values()));
  return image;
}

/// The other end: keeps a session with a card on one channel.
class Issuer {
 public:
  explicit Issuer(DomainCard& card, std::uint8_t channel = 0) : card_(card), channel_(channel) {}

  /// INITIALIZE UPDATE; data and status word of the card's answer.
  Bytes Begin(std::uint8_t version = kVersion, std::size_t challenge_size = 8) {
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter command(memory);
    EXPECT_TRUE(host_.Begin(version, Bytes(challenge_size, ++challenge_), command).has_value());
    return SendOnChannel(command.written());
  }
  /// EXTERNAL AUTHENTICATE; the card's status word, or "host" if the host does not accept the card.
  std::string Authenticate(ByteView answer, const KeySetBytes& keys, secure::SecurityLevel level) {
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter command(memory);
    if (!host_.Authenticate(keys.Scp03(), answer.first(answer.size() - 2), level, command)) {
      return "host";
    }
    return ToHex(SendOnChannel(command.written()));
  }
  std::string Open(const KeySetBytes& keys = KeySetBytes::Make(0x10),
                   secure::SecurityLevel level = secure::SecurityLevel::kFull, std::uint8_t version = kVersion) {
    const Bytes answer = Begin(version);
    return answer.size() == 2 ? ToHex(answer) : Authenticate(answer, keys, level);
  }
  /// A plain command, secured on the way; plain data and status word of the answer, or "host".
  std::string Send(std::string_view plain) { return ToHexOrHost(SendBytes(Hex(plain))); }
  std::optional<Bytes> SendBytes(ByteView plain) {
    const auto secured = Wrap(plain);
    const Bytes answer = SendOnChannel(secured);
    const ByteView sw = ByteView(answer).last(2);
    std::array<std::uint8_t, 256> memory{};
    const auto data =
        host_.Unwrap(ByteView(answer).first(answer.size() - 2), wire::MakeStatusWord(sw.front(), sw.back()), memory);
    return data ? std::optional(Join(*data, sw)) : std::nullopt;
  }
  /// The secured form of a plain command.
  Bytes Wrap(ByteView plain) {
    const auto command = wire::ParseCommand(plain, wire::ApduStrictness::kExact);
    EXPECT_TRUE(command.has_value());
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter secured(memory);
    EXPECT_TRUE(host_.Wrap(*command, secured).has_value());
    return Copy(secured.written());
  }
  Bytes SendOnChannel(ByteView command) {
    Bytes bytes = Copy(command);
    bytes.front() = LowByte(bytes.front() | channel_);
    return card_.SendBytes(bytes);
  }
  [[nodiscard]] secure::Scp03Host& host() { return host_; }

 private:
  static std::string ToHexOrHost(const std::optional<Bytes>& answer) { return answer ? ToHex(*answer) : "host"; }

  DomainCard& card_;
  std::uint8_t channel_;
  std::uint8_t challenge_ = 0;
  secure::Scp03Host host_{*card_.crypto};
};

/// The data of PUT KEY for a whole set under the data encryption key `dek`.
inline Bytes PutKeyData(crypto::Crypto& crypto, ByteView dek, std::uint8_t version, const KeySetBytes& keys) {
  Bytes data{version};
  for (const Bytes* key : {&keys.enc, &keys.mac, &keys.dek}) {
    Bytes block = *key;
    block.resize((block.size() + 15) / 16 * 16);
    const Bytes zero_iv(16);
    EXPECT_TRUE(crypto.AesCbc(crypto::Direction::kEncrypt, dek, zero_iv, block, block));
    const auto check_value = secure::KeyCheckValue(crypto, *key);
    EXPECT_TRUE(check_value.has_value());
    data =
        Join(data, Bytes{0x88, LowByte(block.size() + 1), LowByte(key->size())}, block, Bytes{3}, Copy(*check_value));
  }
  return data;
}
inline Bytes PutKeyCommand(std::uint8_t old_version, ByteView data) {
  return Join(Bytes{0x80, 0xD8, old_version, 0x81, LowByte(data.size())}, data, Bytes{0});
}

/// A card with key set 30 and the security domain selected on the basic channel.
class DomainTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(card.Send(kSelectDomain), "6F108408A000000151000000A5049F6501FF9000"); }

  KeySetBytes keys = KeySetBytes::Make(0x10);
  Bytes image = MakeImage();
  DomainCard card{image};
  Issuer issuer{card};
};

}  // namespace simroot::card::testing
