// SPDX-License-Identifier: Apache-2.0
/// Whole cards in memory, for the tests of this folder.
#pragma once

#include "card/applet/applet.hpp"
#include "card/store/store_test_support.hpp"
#include "card/uicc/uicc.hpp"

namespace simroot::card::testing {

/// A whole card over an image: store, OpenSSL, applet, UICC.
template <typename Store>
class CardOf {
 public:
  explicit CardOf(ByteSpan image, const CompatibilityConfig& config = {}, std::optional<unsigned> cut = std::nullopt,
                  AppletType type = AppletType::kTypeI)
      : config_(config), type_(type), parts_(std::make_unique<Store>(image, cut)) {
    parts_->store.Load();
  }

  /// Sends one APDU; data and status word as hexadecimal text.
  std::string Send(std::string_view apdu) {
    std::array<std::uint8_t, wire::kMaxResponse> memory{};
    const std::size_t size = uicc_.Transmit(Hex(apdu), memory);
    return ToHex(ByteView(memory).first(size));
  }
  /// The same, and what waits behind 61LL is fetched.
  std::string SendAll(std::string_view apdu) {
    std::string answer = Send(apdu);
    while (answer.size() >= 4 && answer.substr(answer.size() - 4, 2) == "61") {
      const std::string length = answer.substr(answer.size() - 2);
      answer.resize(answer.size() - 4);
      answer += Send("0" + std::string(1, apdu[1]) + "C00000" + length);
    }
    return answer;
  }
  /// Channel 1 open, applet selected on it.
  void SelectOnChannel1() {
    ASSERT_EQ(Send("0070000001"), "019000");
    ASSERT_EQ(Send("01A4040007A0000005590010"), "9000");
  }
  /// True if the last 64 bytes in front of the status word of `answer` are a signature of `digest`.
  bool Verifies(ByteView point, ByteView digest, const std::string& answer) {
    const Bytes bytes = Hex(answer);
    return bytes.size() >= 66 &&
           crypto_->VerifyEcdsa(crypto::Curve::kP256, point, digest, ByteView(bytes).last(66).first(64)) ==
               crypto::VerifyResult::kValid;
  }

  ObjectStore& store() { return parts_->store; }
  RamNvm& nvm() { return parts_->nvm; }
  crypto::Crypto& crypto() { return *crypto_; }
  Uicc& uicc() { return uicc_; }
  Applet& applet() { return applet_; }

 private:
  CompatibilityConfig config_;
  AppletType type_;
  std::unique_ptr<Store> parts_;
  std::unique_ptr<crypto::OpenSslCrypto> crypto_ = crypto::OpenSslCrypto::Create();
  Applet applet_{parts_->store, *crypto_, config_, type_};
  std::array<Application*, 1> applications_{&applet_};
  UiccBuffers buffers_;
  Uicc uicc_{applications_, {}, config_, buffers_};
};
using TestCard = CardOf<RamStore>;
using LargeCard = CardOf<LargeRamStore>;

}  // namespace simroot::card::testing
