// SPDX-License-Identifier: Apache-2.0
// The card on a chip: memory, start, and the loop that serves the byte pipe over the serial line.
#include <mbedtls/memory_buffer_alloc.h>

#include <algorithm>

#include "card/firmware/board.hpp"
#include "card/firmware/chip_card.hpp"
#include "card/firmware/fixed_nvm.hpp"
#include "card/firmware/host_entropy.hpp"
#include "card/firmware/in_place.hpp"
#include "common/base/text.hpp"
#include "common/crypto/mbedtls/mbedtls_crypto.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::card {
namespace {

/// As large as the stores of the conformance run (tests/conformance): a real card takes what it needs.
constexpr std::size_t kObjects = 64;
constexpr std::size_t kArenaSize = 48UL * 1024;
constexpr std::size_t kNvmSize = 128UL * 1024;
constexpr std::size_t kDomainObjects = 12;
constexpr std::size_t kDomainArenaSize = 1024;
constexpr std::size_t kDomainNvmSize = 8UL * 1024;
/// Bytes from which Mbed TLS takes its numbers and contexts.
constexpr std::size_t kCryptoArenaSize = 6UL * 1024;

// The names are what `make size` sorts memory by: object store, non-volatile memory, cryptography, and the rest.
[[gnu::section(".nvm")]] std::array<std::uint8_t, kNvmSize> nvm_memory;
[[gnu::section(".nvm")]] std::array<std::uint8_t, kDomainNvmSize> nvm_domain_memory;
InPlace<ObjectStoreMemory<kObjects, kArenaSize>> store_memory;
InPlace<ObjectStoreMemory<kDomainObjects, kDomainArenaSize>> store_domain_memory;
alignas(8) std::array<std::uint8_t, kCryptoArenaSize> crypto_arena;
InPlace<crypto::MbedTlsCrypto> crypto_backend;
HostEntropy entropy;

InPlace<FixedNvm> applet_nvm;
InPlace<FixedNvm> domain_nvm;
InPlace<ObjectStore> applet_store;
InPlace<ObjectStore> domain_store;
InPlace<ChipCard> chip_card;
std::array<std::uint8_t, wire::kMaxShortCommand> command_memory;
/// As long as what the UICC keeps for GET RESPONSE: the longest answer there is, data and status word.
constexpr std::size_t kMaxAnswer = kChipPendingSize + 2;
std::array<std::uint8_t, wire::kPipeLengthSize + kMaxAnswer> message_memory;
std::array<char, 400> command_line_memory;

/// The next word of `line`, which loses it; empty at its end.
std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  return word;
}

ChipOptions ReadOptions(std::string_view line) {
  ChipOptions options;
  for (std::string_view word = TakeWord(line); !word.empty(); word = TakeWord(line)) {
    if (word == "t1") {
      options.answer_t0 = false;
    } else if (word == "type2") {
      options.type = AppletType::kTypeII;
    }
  }
  return options;
}

/// The control codes of the firmware for tests (docs/formats/byte-pipe.md).
class TestControls final : public PipeExtension {
 public:
  explicit TestControls(ChipCard& card) : card_(card) {}

  [[nodiscard]] bool Control(std::uint8_t code) override {
    constexpr std::uint8_t kFirstImage = 0x80;
    constexpr std::uint8_t kLastImage = 0x8F;
    constexpr std::uint8_t kReportStack = 0x90;
    constexpr std::uint8_t kEnd = 0x91;
    if (code >= kFirstImage && code <= kLastImage) {
      return LoadImage(code - kFirstImage) && card_.PowerOn();
    }
    if (code == kReportStack) {
      ReportStack();
      return true;
    }
    if (code == kEnd) {
      board::Exit(0);
    }
    return false;
  }

 private:
  /// Fills the non-volatile memory from the file that is the `wanted`-th path of the command line.
  [[nodiscard]] static bool LoadImage(int wanted) {
    std::string_view line = board::CommandLine(command_line_memory);
    for (std::string_view word = TakeWord(line); !word.empty(); word = TakeWord(line)) {
      if (word.front() == '/' && wanted-- == 0) {
        return board::ReadHostFile(word, nvm_memory);
      }
    }
    return false;
  }

  static void ReportStack() {
    std::array<char, 40> memory{};
    TextWriter text(memory);
    text.Put("stack: ");
    for (const std::size_t bytes : {board::StackPeak(), board::StackSize()}) {
      std::array<std::uint8_t, 2> big_endian{};
      ByteWriter writer(big_endian);
      writer.PutU16(static_cast<std::uint16_t>(bytes));
      text.PutHex(big_endian);
      text.Put(' ');
    }
    text.Put('\n');
    board::Print(text.text());
  }

  ChipCard& card_;
};

void Run() {
  board::StartSerial();
  mbedtls_memory_buffer_alloc_init(crypto_arena.data(), crypto_arena.size());
  crypto::MbedTlsCrypto& crypto = crypto_backend.Make(entropy);
  if (!crypto.Start()) {
    board::Print("no entropy: the card does not start\n");
    board::Exit(1);
  }
  std::ranges::fill(nvm_memory, std::uint8_t{0});
  FixedNvm& nvm = applet_nvm.Make(nvm_memory);
  ChipStores stores{applet_store.Make(nvm, ObjectStore::Range{0, kNvmSize}, store_memory.Make().view())};
  if constexpr (kFeatures.administration) {
    std::ranges::fill(nvm_domain_memory, std::uint8_t{0});
    FixedNvm& keys = domain_nvm.Make(nvm_domain_memory);
    stores.domain = &domain_store.Make(keys, ObjectStore::Range{0, kDomainNvmSize}, store_domain_memory.Make().view());
  }
  ChipCard& card = chip_card.Make(stores, crypto, ReadOptions(board::CommandLine(command_line_memory)));
  if (!card.PowerOn() || !MakeFirstContent(stores.applet, crypto)) {
    board::Print("the card's memory cannot be used\n");
    board::Exit(1);
  }
  TestControls controls(card);
  PipeCard pipe(card.Endpoint(), command_memory, message_memory, &controls);
  while (true) {
    board::WriteSerial(pipe.Take(board::ReadSerial()));
  }
}

}  // namespace
}  // namespace simroot::card

int main() {
  simroot::card::Run();
}
