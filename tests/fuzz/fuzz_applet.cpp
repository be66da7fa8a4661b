// SPDX-License-Identifier: Apache-2.0
/// The whole card, UICC and applet over the demo objects, with any sequence of commands. Input: one byte of switches
/// (bit 1: answers as over T=1; bit 2: strict; bit 8: cut the power in a write, its number in the other bits), then
/// commands with two bytes of length in front. Whatever was sent, a card that got its power back has an intact store,
/// can be selected, and signs.
#include "card/applet/applet.hpp"
#include "card/host/profiles.hpp"
#include "card/host/ram_nvm.hpp"
#include "card/uicc/uicc.hpp"
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::card {
namespace {

constexpr std::size_t kImageSize = 2UL * (4096 + 2048);
using StoreMemory = ObjectStoreMemory<16, 4096>;

crypto::OpenSslCrypto& Crypto() {
  static const auto crypto = crypto::OpenSslCrypto::Create();
  SR_CHECK(crypto != nullptr);
  return *crypto;
}

/// The demo objects; the persistent pair may be generated anew, so that commands reach the non-volatile memory.
Bytes DemoImage() {
  Bytes image(kImageSize);
  RamNvm nvm(image);
  StoreMemory memory;
  ObjectStore store(nvm, {0, kImageSize}, memory.view());
  SR_CHECK(store.Format() && PersonaliseDemo(store, Crypto()));
  iotsafe::ObjectInfo info;
  info.id = {};
  const Bytes id{0x08};
  SR_CHECK(info.id.Assign(id));
  info.access = 0x02;
  info.functions = 0x07;
  info.signature_algorithms = 0x04;
  info.hash_algorithms = 0x0001;
  SR_CHECK(store.Create(info, info.id).has_value());
  info.object_class = iotsafe::ObjectClass::kPublicKey;
  SR_CHECK(store.Create(info, {}).has_value() && store.Commit());
  return image;
}

/// A card that has power while the object lives.
struct Card {
  Card(ByteSpan image, const CompatibilityConfig& wanted, std::optional<unsigned> cut)
      : config(wanted), nvm(image, cut) {
    for (std::uint16_t slot = 0; slot < memory.objects.size(); ++slot) {
      Crypto().ForgetKey(slot);  // slots and generations mean other keys in every card
    }
    loaded = store.Load();
  }

  std::size_t Send(ByteView command) {
    const std::size_t size = uicc.Transmit(command, response);
    SR_CHECK(size >= 2 && size <= response.size());
    return size;
  }
  void Expect(std::string_view command, std::string_view start) {
    const Bytes expected = Hex(start);
    const std::size_t size = Send(Hex(command));
    SR_CHECK(size >= expected.size() && SameBytes(ByteView(response).first(expected.size()), expected));
  }

  CompatibilityConfig config;
  RamNvm nvm;
  StoreMemory memory;
  ObjectStore store{nvm, {0, kImageSize}, memory.view()};
  StoreState loaded = StoreState::kBlank;
  Applet applet{store, Crypto(), config};
  std::array<Application*, 1> applications{&applet};
  UiccBuffers buffers;
  Uicc uicc{applications, {}, config, buffers};
  std::array<std::uint8_t, wire::kMaxResponse> response{};
};

void Run(ByteReader input) {
  static const Bytes demo = DemoImage();
  std::uint8_t choice = 0;
  if (!input.ReadU8(choice)) {
    return;
  }
  CompatibilityConfig config;
  config.answer_t0 = (choice & 0x01U) == 0;
  config.ignore_excess_bytes = config.restart_open_session = (choice & 0x02U) == 0;
  const bool cut = (choice & 0x80U) != 0;
  Bytes image = demo;
  {
    Card card(image, config, cut ? std::optional<unsigned>((choice >> 2U) & 0x1FU) : std::nullopt);
    std::uint16_t size = 0;
    ByteView command;
    while (input.ReadU16(size) && input.ReadBytes(size, command)) {
      card.Send(command);
    }
    card.uicc.Reset();
    card.Expect("00A4040007A0000005590010", "9000");
  }
  config.answer_t0 = false;
  Card card(image, config, std::nullopt);
  SR_CHECK(card.loaded == StoreState::kIntact);
  card.Expect("00A4040007A0000005590010", "9000");
  card.Expect("802A00010D840101A1010391020001920104", "9000");
  card.Expect("802B8001229E201111111111111111111111111111111111111111111111111111111111111111", "330040");
}

}  // namespace
}  // namespace simroot::card

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  simroot::card::Run(simroot::ByteReader({data, size}));
  return 0;
}
