// SPDX-License-Identifier: Apache-2.0
/// The card's end of secured packets. Input: one byte (bits 1 and 2: form; bit 8: the target wants full security), then
/// a packet. What is accepted is made again byte for byte from its parts, unless its padding was not of zeros; only a
/// packet whose own cryptographic check was right gets a secured answer; words about it are printable.
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "common/secure/describe_secured.hpp"
#include "common/secure/scp80_receiver.hpp"

namespace simroot::secure {
namespace {

constexpr std::uint32_t kTar = 0xB00011;
constexpr std::size_t kBareBody = 7;

class Counters final : public Scp80CounterStore {
 public:
  std::optional<std::uint64_t> Load(std::uint8_t /*key_version*/) override { return stored; }
  bool Save(std::uint8_t /*key_version*/, std::uint64_t counter) override {
    SR_CHECK(counter > stored);
    stored = counter;
    return true;
  }
  std::uint64_t stored = 4;
};

crypto::OpenSslCrypto& Crypto() {
  static const auto crypto = crypto::OpenSslCrypto::Create();
  SR_CHECK(crypto != nullptr);
  return *crypto;
}

void CheckAnswer(ByteView answer, Scp80Form form, bool may_be_secured) {
  if (answer.empty()) {
    return;
  }
  const auto parsed = ParseResponsePacket(answer, form);
  SR_CHECK(parsed && parsed->tar <= kMaxTar);
  // Checksums have 2 or 4 bytes, cryptographic checks under this agreement 8.
  SR_CHECK(may_be_secured ||
           (parsed->check_size < kFullCheckSize && parsed->body.size() == kBareBody + parsed->check_size));
}

void CheckMadeAgain(const Scp80Agreement& agreement, const Scp80Header& header, const Scp80Accepted& accepted,
                    Scp80Form form, ByteView packet) {
  PacketSecurity security(Crypto(), agreement);
  if (!security.Supports(header)) {
    return;  // no key set was used, and the sender asks for an answer under one: he gets a bare one
  }
  Bytes memory(packet.size() + 16);
  ByteWriter again(memory);
  const auto made =
      security.PutCommand({.header = header, .counter = accepted.counter, .data = accepted.data}, form, again);
  SR_CHECK(made.has_value() && again.size() == packet.size());
  SR_CHECK(header.spi.ciphered || SameBytes(again.written(), packet));
}

void CheckWords(ByteView bytes) {
  std::string memory(8 * bytes.size() + 16384, '\0');
  TextWriter words(memory);
  DescribeSecured(bytes, words);
  SR_CHECK(words.ok() && words.text().empty() == (RecogniseSecured(bytes) == SecuredKind::kNone));
  SR_CHECK(std::ranges::all_of(words.text(), [](char sign) { return sign >= ' ' && sign <= '~'; }));
}

void Run(ByteReader input) {
  std::uint8_t choice = 0;
  if (!input.ReadU8(choice)) {
    return;
  }
  const ByteView packet = input.rest();
  static const Bytes kic = Counting(16);
  static const Bytes kid = Bytes(16, 0x5A);
  const Scp80Agreement agreement{.kic = kic, .kid = kid};
  const std::array<Scp80KeySet, 1> key_sets{{{1, agreement}}};
  const Spi full = ParseSpi(0x16, 0).value_or(Spi{});
  const std::array<Scp80Target, 1> targets{{{kTar, (choice & 0x80U) != 0 ? full : Spi{}}}};
  const Scp80Configuration configuration{.key_sets = key_sets, .targets = targets, .name_security_errors = true};
  const auto form = static_cast<Scp80Form>((choice & 0x03U) % 3);
  Counters counters;
  Scp80Receiver receiver(Crypto(), counters, configuration);
  Bytes memory(packet.size());
  std::array<std::uint8_t, 64> answer_memory{};
  ByteWriter answer(answer_memory);
  const auto accepted = receiver.Receive(packet, form, memory, answer);
  const auto parsed = ParseCommandPacket(packet, form);
  SR_CHECK(parsed || answer.size() == 0);
  const bool checked = parsed && parsed->header.spi.check == Scp80Check::kCryptographic;
  if (accepted) {
    SR_CHECK(parsed && answer.size() == 0 && (checked || (choice & 0x80U) == 0));
    CheckMadeAgain(agreement, parsed->header, *accepted, form, packet);
    SR_CHECK(receiver.Finish(Scp80Status::kMoreTime, {}, answer).has_value());
  }
  const bool authentic =
      checked &&
      (accepted || (accepted.error() >= Scp80Status::kCounterLow && accepted.error() <= Scp80Status::kCounterBlocked));
  CheckAnswer(answer.written(), form, authentic);
  CheckWords(packet);
}

}  // namespace
}  // namespace simroot::secure

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  simroot::secure::Run(simroot::ByteReader({data, size}));
  return 0;
}
