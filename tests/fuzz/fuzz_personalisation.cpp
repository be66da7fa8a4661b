// SPDX-License-Identifier: Apache-2.0
/// Arbitrary STORE DATA blocks in a management session, over the demo objects. Input: one byte of switches (bit 8: cut
/// the power in a write, its number in the other bits; bit 1: every block opens its own session), then blocks with two
/// bytes of length in front. Enciphered keys are taken as they are, so that the input can hold any key. Whatever was
/// sent, the store is intact afterwards, nothing is prepared, and a card that gets its power back has an intact store.
#include "card/applet/applet.hpp"
#include "card/host/profiles.hpp"
#include "card/host/ram_nvm.hpp"
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"

namespace simroot::card {
namespace {

constexpr std::size_t kImageSize = 2UL * (8192 + 4096);
using StoreMemory = ObjectStoreMemory<24, 8192>;

crypto::OpenSslCrypto& Crypto() {
  static const auto crypto = crypto::OpenSslCrypto::Create();
  SR_CHECK(crypto != nullptr);
  return *crypto;
}

/// The demo objects.
const Bytes& DemoImage() {
  static const Bytes demo = [] {
    Bytes image(kImageSize);
    RamNvm nvm(image);
    StoreMemory memory;
    ObjectStore store(nvm, {0, kImageSize}, memory.view());
    SR_CHECK(store.Format() && PersonaliseDemo(store, Crypto()));
    return image;
  }();
  return demo;
}

class NoCipher final : public KeyUnwrapper {
 public:
  [[nodiscard]] bool Unwrap(ByteView enciphered, ByteSpan clear) override { return CopyBytes(enciphered, clear); }
};

void Run(ByteReader input) {
  std::uint8_t choice = 0;
  if (!input.ReadU8(choice)) {
    return;
  }
  const bool cut = (choice & 0x80U) != 0;
  const bool own_sessions = (choice & 0x01U) != 0;
  Bytes image = DemoImage();
  {
    RamNvm nvm(image, cut ? std::optional<unsigned>((choice >> 1U) & 0x3FU) : std::nullopt);
    StoreMemory memory;
    ObjectStore store(nvm, {0, kImageSize}, memory.view());
    store.Load();
    const CompatibilityConfig config;
    Applet applet(store, Crypto(), config);
    NoCipher keys;
    std::uint8_t number = 0;
    const auto send = [&](ByteView block) {
      std::array<std::uint8_t, 240> answer{};
      ByteWriter response(answer);
      const auto sw = applet.StoreData({block, number, false}, keys, response);
      number = sw == wire::StatusWord::kOk ? LowByte(number + 1) : std::uint8_t{0};
    };
    const Bytes begin = Hex("E003400101");
    std::uint16_t size = 0;
    ByteView block;
    send(begin);
    while (input.ReadU16(size) && input.ReadBytes(size, block)) {
      if (own_sessions) {
        applet.EndPersonalisation();
        number = 0;
        send(begin);
      }
      send(block);
    }
    applet.EndPersonalisation();
    SR_CHECK(!store.HasPrepared(StoreWriter::kManagement) && !store.HasPrepared(StoreWriter::kDevice));
    SR_CHECK(cut || store.state() == StoreState::kIntact);
    for (std::uint16_t slot = 0; slot < store.capacity(); ++slot) {
      Crypto().ForgetKey(slot);  // slots and generations mean other keys in every card
    }
  }
  RamNvm nvm(image);
  StoreMemory memory;
  ObjectStore store(nvm, {0, kImageSize}, memory.view());
  SR_CHECK(store.Load() == StoreState::kIntact);
}

}  // namespace
}  // namespace simroot::card

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  simroot::card::Run(simroot::ByteReader({data, size}));
  return 0;
}
