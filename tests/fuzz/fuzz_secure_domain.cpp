// SPDX-License-Identifier: Apache-2.0
/// The security domain and the applet behind it, with any sequence of commands after a real authentication. Input: one
/// byte of switches (bits 1 to 3: security level; bit 4: answers as over T=1; bit 8: cut the power in a write, its
/// number in bits 5 to 7), then commands with two bytes in front: the upper bit says that the command is sent as it is,
/// without it the issuer secures it; the others are its length. Whatever was sent, a card that got its power back has
/// intact stores, and its security domain can be selected and begins a session.
#include "card/applet/applet.hpp"
#include "card/host/profiles.hpp"
#include "card/host/ram_nvm.hpp"
#include "card/security_domain/security_domain.hpp"
#include "card/uicc/uicc.hpp"
#include "common/base/check.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/test_hex.hpp"
#include "common/secure/scp03_host.hpp"

namespace simroot::card {
namespace {

using secure::SecurityLevel;
using AppletMemory = ObjectStoreMemory<24, 8192>;
using DomainMemory = ObjectStoreMemory<16, 640>;

constexpr std::size_t kAppletSize = 2UL * (8192 + 4096);
constexpr std::size_t kDomainSize = 4096;
constexpr std::string_view kSelect = "00A4040008A000000151000000";

crypto::OpenSslCrypto& Crypto() {
  static const auto crypto = crypto::OpenSslCrypto::Create();
  SR_CHECK(crypto != nullptr);
  return *crypto;
}

const Bytes& Key() {
  static const Bytes key = Counting(16);
  return key;
}

/// A card that has power while the object lives.
struct Card {
  explicit Card(ByteSpan image, bool t0 = true, std::optional<unsigned> cut = std::nullopt) : nvm(image, cut) {
    for (std::uint16_t slot = 0; slot < applet_memory.objects.size(); ++slot) {
      Crypto().ForgetKey(slot);  // slots and generations mean other keys in every card
    }
    config.answer_t0 = t0;
    applet_store.Load();
    domain_store.Load();
  }

  ByteView Send(ByteView command) {
    const std::size_t size = uicc.Transmit(command, response);
    SR_CHECK(size >= 2 && size <= response.size());
    return ByteView(response).first(size);
  }
  /// The whole answer; what waits behind 61LL is fetched.
  Bytes SendAll(ByteView command) {
    const ByteView first = Send(command);
    Bytes answer(first.begin(), first.end());
    while (answer[answer.size() - 2] == 0x61) {
      const ByteView rest = Send(Bytes{0x00, 0xC0, 0x00, 0x00, answer.back()});
      answer.resize(answer.size() - 2);
      answer.insert(answer.end(), rest.begin(), rest.end());
    }
    return answer;
  }

  CompatibilityConfig config;
  RamNvm nvm;
  AppletMemory applet_memory;
  DomainMemory domain_memory;
  ObjectStore applet_store{nvm, {0, kAppletSize}, applet_memory.view()};
  ObjectStore domain_store{nvm, {kAppletSize, kDomainSize}, domain_memory.view()};
  Applet applet{applet_store, Crypto(), config};
  SecurityDomainConfig domain_config;
  std::array<ManagedApplication, 1> managed{{{&applet, &applet}}};
  SecurityDomain domain{domain_store, Crypto(), domain_config, managed};
  std::array<Application*, 2> applications{&applet, &domain};
  UiccBuffers buffers;
  Uicc uicc{applications, {}, config, buffers};
  std::array<std::uint8_t, wire::kMaxResponse> response{};
};

Bytes MakeImage() {
  Bytes image(kAppletSize + kDomainSize);
  const auto card = std::make_unique<Card>(image);
  SR_CHECK(card->applet_store.Format() && card->domain_store.Format() && PersonaliseDemo(card->applet_store, Crypto()));
  SR_CHECK(KeySets(card->domain_store).Replace(0, 0x30, {Key(), Key(), Key()}).has_value());
  return image;
}

/// The session's other end. After something that ends the session it stays silent.
class Issuer {
 public:
  explicit Issuer(Card& card) : card_(card) {}

  void Open(SecurityLevel level) {
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter begin(memory);
    SR_CHECK(host_.Begin(0x30, Counting(8), begin).has_value());
    const Bytes offer = card_.SendAll(begin.written());
    ByteWriter authenticate(memory);
    if (host_.Authenticate({Key(), Key()}, ByteView(offer).first(offer.size() - 2), level, authenticate)) {
      static_cast<void>(card_.Send(authenticate.written()));
    }
  }
  void Send(ByteView command) {
    const auto plain = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
    std::array<std::uint8_t, wire::kMaxShortCommand> memory{};
    ByteWriter secured(memory);
    if (!plain || !host_.Wrap(*plain, secured)) {
      return;
    }
    const Bytes answer = card_.SendAll(secured.written());
    const ByteView sw = ByteView(answer).last(2);
    std::array<std::uint8_t, 256> space{};
    static_cast<void>(
        host_.Unwrap(ByteView(answer).first(answer.size() - 2), wire::MakeStatusWord(sw.front(), sw.back()), space));
  }

 private:
  Card& card_;
  secure::Scp03Host host_{Crypto()};
};

SecurityLevel LevelOf(std::uint8_t choice) {
  constexpr std::array kLevels{SecurityLevel::kFull, SecurityLevel::kCMac, SecurityLevel::kCMacCDec,
                               SecurityLevel::kCMacRMac, SecurityLevel::kCMacCDecRMac};
  return kLevels[(choice & 0x07U) % kLevels.size()];
}

void Run(ByteReader input) {
  static const Bytes fresh = MakeImage();
  std::uint8_t choice = 0;
  if (!input.ReadU8(choice)) {
    return;
  }
  Bytes image = fresh;
  {
    const bool cut = (choice & 0x80U) != 0;
    constexpr unsigned kWritesOfAuthentication = 3;
    const auto card = std::make_unique<Card>(
        image, (choice & 0x08U) == 0,
        cut ? std::optional<unsigned>(kWritesOfAuthentication * ((choice >> 4U) & 0x07U)) : std::nullopt);
    static_cast<void>(card->Send(Hex(kSelect)));
    Issuer issuer(*card);
    issuer.Open(LevelOf(choice));
    std::uint16_t head = 0;
    ByteView command;
    while (input.ReadU16(head) && input.ReadBytes(head & 0x7FFFU, command)) {
      if ((head & 0x8000U) != 0) {
        static_cast<void>(card->Send(command));
      } else {
        issuer.Send(command);
      }
    }
  }
  const auto card = std::make_unique<Card>(image);
  SR_CHECK(card->applet_store.state() == StoreState::kIntact && card->domain_store.state() == StoreState::kIntact);
  SR_CHECK(card->SendAll(Hex(kSelect)).back() == 0x00);
  constexpr std::size_t kOfferSize = 34;
  SR_CHECK(card->SendAll(Hex("80500000080001020304050607")).size() == kOfferSize);
}

}  // namespace
}  // namespace simroot::card

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  simroot::card::Run(simroot::ByteReader({data, size}));
  return 0;
}
