// SPDX-License-Identifier: Apache-2.0
/// Both ends of SCP03 facing each other, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "common/secure/scp03_card.hpp"
#include "common/secure/scp03_host.hpp"

namespace simroot::secure::testing {

inline constexpr std::array kAllLevels{SecurityLevel::kCMac, SecurityLevel::kCMacCDec, SecurityLevel::kCMacRMac,
                                       SecurityLevel::kCMacCDecRMac, SecurityLevel::kFull};

inline Bytes Copy(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}

/// One plain exchange as the test wants it.
struct PlainCommand {
  std::uint8_t cla = 0x80;
  std::uint8_t ins = 0xE2;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
  Bytes data;
  std::optional<std::size_t> le;

  [[nodiscard]] wire::CommandApdu Apdu() const {
    return {.cla = cla, .ins = ins, .p1 = p1, .p2 = p2, .data = data, .le = le};
  }
};

/// Card and host with the same keys, or others on purpose.
class Pair {
 public:
  /// @param places commands that the host may wrap before it sees an answer; 0: the host remembers the last one only.
  explicit Pair(std::size_t key_size = 16, std::size_t challenge_size = 8, std::size_t places = 0)
      : enc(Counting(key_size)), mac(Counting(key_size)), challenge(challenge_size, 0x5A), pending(places) {
    mac.front() = 0xA5;
  }

  /// INITIALIZE UPDATE there and back; the answer of the card.
  Bytes Begin() {
    std::array<std::uint8_t, wire::kMaxShortCommand> command{};
    ByteWriter initialize(command);
    EXPECT_TRUE(host.Begin(kKeyVersion, challenge, initialize).has_value());
    const auto parsed = wire::ParseCommand(initialize.written(), wire::ApduStrictness::kExact);
    EXPECT_TRUE(parsed.has_value());
    std::array<std::uint8_t, 64> memory{};
    ByteWriter answer(memory);
    const Scp03Card::Offer offer{
        .diversification = diversification, .key_version = kKeyVersion, .sequence = ++sequence, .aid = aid};
    EXPECT_TRUE(card.Begin({enc, mac}, offer, parsed->data, answer).has_value());
    return Copy(answer.written());
  }
  /// EXTERNAL AUTHENTICATE as the host writes it.
  Expected<Bytes, Scp03Error> HostAuthenticates(ByteView answer, SecurityLevel level) {
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter command(memory);
    SR_TRY_VOID(host.Authenticate({enc, mac}, answer, level, command));
    return Copy(command.written());
  }
  Expected<void, Scp03Error> CardAuthenticates(ByteView command) {
    const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kExact);
    EXPECT_TRUE(parsed.has_value());
    return card.Authenticate(*parsed);
  }
  void Open(SecurityLevel level) {
    const auto command = HostAuthenticates(Begin(), level);
    ASSERT_TRUE(command.has_value());
    ASSERT_TRUE(CardAuthenticates(*command).has_value());
    ASSERT_TRUE(host.is_open() && card.is_authenticated());
  }

  Expected<Bytes, Scp03Error> HostWraps(const PlainCommand& command) {
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter out(memory);
    SR_TRY_VOID(host.Wrap(command.Apdu(), out));
    return Copy(out.written());
  }
  /// The data of the command as the card understands it.
  Expected<Bytes, Scp03Error> CardUnwraps(ByteView command) {
    const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kExact);
    EXPECT_TRUE(parsed.has_value());
    std::array<std::uint8_t, 255> memory{};
    SR_TRY(const wire::CommandApdu plain, card.Unwrap(*parsed, memory));
    return Copy(plain.data);
  }
  Expected<Bytes, Scp03Error> CardWraps(wire::StatusWord sw, ByteView plain) {
    std::array<std::uint8_t, 256> memory{};
    ByteWriter out(memory);
    SR_TRY_VOID(card.Wrap(sw, plain, out));
    return Copy(out.written());
  }
  Expected<Bytes, Scp03Error> HostUnwraps(ByteView data, wire::StatusWord sw) {
    std::array<std::uint8_t, 256> memory{};
    SR_TRY(const ByteView plain, host.Unwrap(data, sw, memory));
    return Copy(plain);
  }

  static constexpr std::uint8_t kKeyVersion = 0x30;

  std::unique_ptr<crypto::OpenSslCrypto> crypto = crypto::OpenSslCrypto::Create();
  Bytes enc;
  Bytes mac;
  Bytes challenge;
  Bytes diversification = Counting(kDiversificationSize);
  Bytes aid = Hex("A000000151000000");
  std::uint32_t sequence = 0;
  Scp03Card card{*crypto};
  std::vector<Scp03Pending> pending;
  Scp03Host host{*crypto, pending};
};

}  // namespace simroot::secure::testing
