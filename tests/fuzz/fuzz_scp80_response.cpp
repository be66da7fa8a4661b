// SPDX-License-Identifier: Apache-2.0
/// The platform's judgement of answers. Input: the second byte of SPI, the form, then an answer to a command with
/// counter 5. An answer that counts as the card's is made again byte for byte; one without security, where security was
/// asked for, is an error without data.
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "common/secure/scp80_sender.hpp"

namespace simroot::secure {
namespace {

constexpr std::uint64_t kCounter = 5;

crypto::OpenSslCrypto& Crypto() {
  static const auto crypto = crypto::OpenSslCrypto::Create();
  SR_CHECK(crypto != nullptr);
  return *crypto;
}

void Run(ByteReader input) {
  std::uint8_t second = 0;
  std::uint8_t form_choice = 0;
  if (!input.ReadU8(second) || !input.ReadU8(form_choice)) {
    return;
  }
  const auto spi = ParseSpi(0x16, second);
  if (!spi) {
    return;
  }
  static const Bytes kic = Counting(16);
  static const Bytes kid = Bytes(16, 0x5A);
  const Scp80Agreement agreement{.kic = kic, .kid = kid};
  const Scp80Header header{.spi = *spi, .kic = 0x12, .kid = 0x12, .tar = 0xB00011};
  const auto form = static_cast<Scp80Form>(form_choice % 3);
  Scp80Sender sender(Crypto());
  std::array<std::uint8_t, 100> command_memory{};
  ByteWriter command(command_memory);
  if (!sender.Send(agreement, {.header = header, .counter = kCounter, .data = {}}, form, command)) {
    return;  // a signature
  }
  const ByteView packet = input.rest();
  Bytes memory(packet.size());
  const bool was_awaiting = sender.is_awaiting();
  const auto verdict = sender.Judge(agreement, packet, memory);
  SR_CHECK(was_awaiting || !verdict);
  SR_CHECK(verdict || sender.is_awaiting() == was_awaiting);
  if (!verdict) {
    return;
  }
  const bool secured = spi->proof_check != Scp80Check::kNone || spi->proof_ciphered;
  const bool elsewhere = verdict->status == Scp80Status::kDataBySubmit || verdict->status == Scp80Status::kDataByUssd;
  if (sender.is_awaiting() && !elsewhere) {
    SR_CHECK(verdict->status != Scp80Status::kOk && verdict->data.empty() && !verdict->authentic);
  }
  if (sender.is_awaiting()) {
    return;
  }
  SR_CHECK(verdict->authentic == (spi->proof_check == Scp80Check::kCryptographic));
  Bytes again_memory(packet.size() + 16);
  ByteWriter again(again_memory);
  SR_CHECK(PacketSecurity(Crypto(), agreement)
               .PutResponse(header,
                            {.tar = header.tar, .counter = kCounter, .status = verdict->status, .data = verdict->data},
                            form, again)
               .has_value());
  SR_CHECK(again.size() == packet.size() && (secured || SameBytes(again.written(), packet)));
}

}  // namespace
}  // namespace simroot::secure

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  simroot::secure::Run(simroot::ByteReader({data, size}));
  return 0;
}
