// SPDX-License-Identifier: Apache-2.0
#include <openssl/ec.h>
#include <openssl/evp.h>

#include <array>
#include <cstdio>

#include "bench/rounds.hpp"
#include "bench/sections.hpp"
#include "card/host/virtual_card.hpp"
#include "common/host/hex.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::bench {
namespace {

/// One signature as a client asks for it: INIT, UPDATE and, on T=0, GET RESPONSE.
class ApduSigner {
 public:
  ApduSigner(const std::string& file, bool t0) : t0_(t0) {
    card::CompatibilityConfig config;
    config.answer_t0 = t0;
    auto card = card::VirtualCard::Open(file, config);
    if (!card) {
      GiveUp(card.error().Text());
    }
    card_ = std::move(*card);
    Send("0070000001");
    Send("01A4040007A0000005590010");
  }

  void Sign() {
    Send(kInit);
    Send(kUpdate);
    if (t0_) {
      Send(kGetResponse);
    }
    if (size_ != 69) {  // 33 00 40, 64 bytes, 9000
      GiveUp("the card does not sign");
    }
  }

 private:
  void Send(const std::string& hex) { Send(*FromHex(hex)); }
  void Send(const Bytes& command) { size_ = card_->Endpoint().Transmit(command, response_); }

  const Bytes kInit = *FromHex("812A00010D840101A1010391020001920104");
  const Bytes kUpdate = *FromHex("812B8001229E20" + std::string(64, 'A') + "00");
  const Bytes kGetResponse = *FromHex("81C0000043");
  bool t0_;
  std::unique_ptr<card::VirtualCard> card_;
  std::array<std::uint8_t, wire::kMaxResponse> response_{};
  std::size_t size_ = 0;
};

/// The fastest that OpenSSL offers: a prepared context, the digest ready made.
class RawSigner {
 public:
  RawSigner() : key_(EVP_EC_gen("P-256")), context_(EVP_PKEY_CTX_new(key_, nullptr)) {
    if (context_ == nullptr || EVP_PKEY_sign_init(context_) != 1) {
      GiveUp("OpenSSL cannot sign");
    }
  }
  ~RawSigner() {
    EVP_PKEY_CTX_free(context_);
    EVP_PKEY_free(key_);
  }
  RawSigner(const RawSigner&) = delete;
  RawSigner& operator=(const RawSigner&) = delete;

  void Sign() {
    std::size_t size = signature_.size();
    if (EVP_PKEY_sign(context_, signature_.data(), &size, digest_.data(), digest_.size()) != 1) {
      GiveUp("OpenSSL cannot sign");
    }
  }

 private:
  EVP_PKEY* key_;
  EVP_PKEY_CTX* context_;
  std::array<unsigned char, 32> digest_{0xAA};
  std::array<unsigned char, 80> signature_{};
};

}  // namespace

void RunCardSection() {
  constexpr int kRounds = 21;
  constexpr int kCalls = 400;
  const BenchCard card;
  RawSigner raw;
  std::printf("\nECDSA P-256 through the whole APDU path, in process (budget: 90 %% of raw EVP)\n");
  for (const bool t0 : {true, false}) {
    ApduSigner apdu(card.file(), t0);
    const Comparison result = Compare([&] { apdu.Sign(); }, [&] { raw.Sign(); }, kRounds, kCalls);
    std::printf("  %s  %8.0f signatures/s   raw EVP_PKEY_sign %8.0f/s   %5.1f %%\n", t0 ? "T=0" : "T=1",
                1e6 / result.first_us, 1e6 / result.second_us, 100 * result.ratio);
  }
}

}  // namespace simroot::bench
