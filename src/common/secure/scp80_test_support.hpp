// SPDX-License-Identifier: Apache-2.0
/// What the tests of secured packets share.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "common/secure/scp80_receiver.hpp"
#include "common/secure/scp80_sender.hpp"

namespace simroot::secure::testing {

inline constexpr std::array kForms{Scp80Form::kSms, Scp80Form::kSmsPart, Scp80Form::kStream};

inline Bytes Owned(ByteView bytes) {
  return {bytes.begin(), bytes.end()};
}
inline Spi MakeSpi(std::uint8_t first, std::uint8_t second) {
  const auto spi = ParseSpi(first, second);
  EXPECT_TRUE(spi.has_value());
  return spi ? *spi : Spi{};
}

/// Counters in memory, which can break.
class FakeCounters final : public Scp80CounterStore {
 public:
  std::optional<std::uint64_t> Load(std::uint8_t key_version) override {
    const auto found = values.find(key_version);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  }
  bool Save(std::uint8_t key_version, std::uint64_t counter) override {
    if (broken) {
      return false;
    }
    values[key_version] = counter;
    return true;
  }

  std::map<std::uint8_t, std::uint64_t> values;
  bool broken = false;
};

/// An answer of the receiver, and what it said of the packet.
struct Received {
  std::optional<Scp80Status> refused;
  Bytes data;    ///< of the accepted command
  Bytes answer;  ///< to the packet, or after Finish
};

/// Sender and receiver with the same AES keys under key version 1.
class PacketPair {
 public:
  static constexpr std::uint32_t kTar = 0xB00011;
  static constexpr std::uint8_t kVersion = 1;

  explicit PacketPair(Scp80Form used_form = Scp80Form::kSms) : form(used_form) { counters.values[kVersion] = 0; }

  [[nodiscard]] Scp80Header Header(std::uint8_t first, std::uint8_t second) const {
    return {.spi = MakeSpi(first, second),
            .kic = KeyByte(kVersion, Scp80Algorithm::kAes),
            .kid = KeyByte(kVersion, Scp80Algorithm::kAes),
            .tar = kTar};
  }
  /// A packet, counted up by one.
  Bytes Send(const Scp80Header& header, ByteView data = {}) { return Send(header, ++counter, data); }
  Bytes Send(const Scp80Header& header, std::uint64_t number, ByteView data) {
    Bytes memory(kMaxScp80Packet);
    ByteWriter out(memory);
    EXPECT_TRUE(sender.Send(agreement, {.header = header, .counter = number, .data = data}, form, out).has_value());
    return Owned(out.written());
  }
  Received Receive(ByteView packet) {
    Bytes memory(packet.size());
    Bytes answer_memory(64);
    ByteWriter answer(answer_memory);
    const auto accepted = receiver.Receive(packet, form, memory, answer);
    EXPECT_TRUE(!accepted || answer.size() == 0);
    return {.refused = accepted ? std::nullopt : std::optional(accepted.error()),
            .data = accepted ? Owned(accepted->data) : Bytes(),
            .answer = Owned(answer.written())};
  }
  Bytes Finish(Scp80Status status, ByteView data) {
    Bytes memory(kMaxScp80Packet);
    ByteWriter answer(memory);
    EXPECT_TRUE(receiver.Finish(status, data, answer).has_value());
    return Owned(answer.written());
  }
  /// The data of the verdict is copied to `data`.
  Expected<Scp80Verdict, Scp80Error> Judge(ByteView packet) {
    judged.assign(packet.size(), 0);
    return sender.Judge(agreement, packet, judged);
  }

  std::unique_ptr<crypto::OpenSslCrypto> crypto = crypto::OpenSslCrypto::Create();
  Bytes kic = Counting(16);
  Bytes kid = Bytes(16, 0x5A);
  Scp80Agreement agreement{.kic = kic, .kid = kid};
  std::array<Scp80KeySet, 1> key_sets{{{kVersion, agreement}}};
  std::array<Scp80Target, 1> targets{{{kTar, MakeSpi(0x16, 0x00)}}};
  Scp80Configuration configuration{.key_sets = key_sets, .targets = targets, .name_security_errors = true};
  FakeCounters counters;
  Scp80Form form;
  std::uint64_t counter = 0;
  Bytes judged;
  Scp80Sender sender{*crypto};
  Scp80Receiver receiver{*crypto, counters, configuration};
};

}  // namespace simroot::secure::testing
