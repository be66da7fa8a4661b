// SPDX-License-Identifier: Apache-2.0
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <cstdio>
#include <ctime>

#include "bench/rounds.hpp"
#include "bench/sections.hpp"
#include "common/crypto/openssl/openssl_crypto.hpp"
#include "common/host/hex.hpp"
#include "common/secure/scp80_sender.hpp"

namespace simroot::bench {
namespace {

constexpr std::size_t kCards = 256;  // each with its own keys, used in turn: no key set-up is ever saved
constexpr std::size_t kSecuredData = 80;
constexpr double kBudget = 200'000;
constexpr int kRounds = 15;
constexpr std::size_t kPacketsARound = 20 * kCards;

using Key = std::array<std::uint8_t, 16>;
using Block = std::array<std::uint8_t, 16>;

struct Card {
  Key kic{};
  Key kid{};
  Bytes answer;  ///< to the command with counter 1
};

/// A command is made, and its answer checked, as the platform does for every card.
class PacketRound {
 public:
  PacketRound() : crypto_(crypto::OpenSslCrypto::Create()) {
    if (crypto_ == nullptr || !header_.spi.ciphered) {
      GiveUp("the crypto backend cannot be used");
    }
    for (Card& card : cards_) {
      std::array<std::uint8_t, 200> memory{};
      ByteWriter out(memory);
      const secure::Scp80Agreement agreement{.kic = card.kic, .kid = card.kid};
      if (!crypto_->Random(card.kic) || !crypto_->Random(card.kid) ||
          !secure::PacketSecurity(*crypto_, agreement)
               .PutResponse(header_, {.tar = header_.tar, .counter = 1, .data = data_}, secure::Scp80Form::kSms, out)) {
        GiveUp("an answer cannot be made");
      }
      card.answer.assign(out.written().begin(), out.written().end());
    }
  }

  [[nodiscard]] const std::vector<Card>& cards() const { return cards_; }

  void Run(const Card& card) {
    ByteWriter out(packet_);
    const secure::Scp80Agreement agreement{.kic = card.kic, .kid = card.kid};
    secure::Scp80Sender sender(*crypto_);
    const bool sent =
        sender.Send(agreement, {.header = header_, .counter = 1, .data = data_}, secure::Scp80Form::kSms, out)
            .has_value();
    const auto verdict = sender.Judge(agreement, card.answer, memory_);
    if (!sent || !verdict || !verdict->authentic) {
      GiveUp("a packet was not understood");
    }
  }

 private:
  std::unique_ptr<crypto::OpenSslCrypto> crypto_;
  secure::Scp80Header header_{
      .spi = secure::ParseSpi(0x16, 0x39).value_or(secure::Spi{}), .kic = 0x12, .kid = 0x12, .tar = 0xB00011};
  Bytes data_ = Bytes(kSecuredData, 0xA5);
  std::vector<Card> cards_{kCards};
  std::array<std::uint8_t, 200> packet_{};
  std::array<std::uint8_t, 200> memory_{};
};

/// The same four runs of AES over the same number of bytes, with EVP and nothing else: contexts kept, algorithms
/// fetched once, CMAC by EVP_MAC.
class EvpRound {
 public:
  EvpRound()
      : cipher_(EVP_CIPHER_fetch(nullptr, "AES-128-CBC", nullptr)),
        mac_(EVP_MAC_fetch(nullptr, "CMAC", nullptr)),
        encrypts_(EVP_CIPHER_CTX_new()),
        decrypts_(EVP_CIPHER_CTX_new()),
        macs_(EVP_MAC_CTX_new(mac_)) {
    std::array<char, 12> name{"AES-128-CBC"};
    const std::array params{OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_CIPHER, name.data(), 0),
                            OSSL_PARAM_construct_end()};
    const Key key{};
    if (EVP_CipherInit_ex2(encrypts_, cipher_, key.data(), kIv.data(), 1, nullptr) != 1 ||
        EVP_CipherInit_ex2(decrypts_, cipher_, key.data(), kIv.data(), 0, nullptr) != 1 ||
        EVP_CIPHER_CTX_set_padding(decrypts_, 0) != 1 || EVP_CIPHER_CTX_set_padding(encrypts_, 0) != 1 ||
        EVP_MAC_init(macs_, key.data(), key.size(), params.data()) != 1) {
      GiveUp("OpenSSL cannot cipher");
    }
  }
  ~EvpRound() {
    EVP_MAC_CTX_free(macs_);
    EVP_CIPHER_CTX_free(decrypts_);
    EVP_CIPHER_CTX_free(encrypts_);
    EVP_MAC_free(mac_);
    EVP_CIPHER_free(cipher_);
  }
  EvpRound(const EvpRound&) = delete;
  EvpRound& operator=(const EvpRound&) = delete;

  void Run(const Card& card) {
    Mac(card.kid);
    Cipher(encrypts_, card.kic);
    Cipher(decrypts_, card.kic);
    Mac(card.kid);
  }

 private:
  static constexpr Block kIv{};

  void Mac(const Key& key) {
    Block mac{};
    std::size_t size = 0;
    if (EVP_MAC_init(macs_, key.data(), key.size(), nullptr) != 1 ||
        EVP_MAC_update(macs_, text_.data(), text_.size()) != 1 ||
        EVP_MAC_final(macs_, mac.data(), &size, mac.size()) != 1) {
      GiveUp("OpenSSL cannot make a CMAC");
    }
  }
  void Cipher(EVP_CIPHER_CTX* context, const Key& key) {
    int size = 0;
    if (EVP_CipherInit_ex2(context, nullptr, key.data(), kIv.data(), -1, nullptr) != 1 ||
        EVP_CipherUpdate(context, text_.data(), &size, text_.data(), static_cast<int>(text_.size())) != 1) {
      GiveUp("OpenSSL cannot cipher");
    }
  }

  EVP_CIPHER* cipher_;
  EVP_MAC* mac_;
  EVP_CIPHER_CTX* encrypts_;
  EVP_CIPHER_CTX* decrypts_;
  EVP_MAC_CTX* macs_;
  std::array<std::uint8_t, 96> text_{};
};

/// Packets a second of this thread's CPU time: what other programs do on the machine is not counted.
template <typename Round>
[[nodiscard]] double Rate(Round& round, const std::vector<Card>& cards) {
  const auto now = [] {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  };
  const double start = now();
  for (std::size_t i = 0; i < kPacketsARound; ++i) {
    round.Run(cards[i % cards.size()]);
  }
  return static_cast<double>(kPacketsARound) / (now() - start);
}

}  // namespace

void RunPacketSection() {
  PacketRound ours;
  EvpRound bare;
  std::vector<double> our_rates;
  std::vector<double> bare_rates;
  std::vector<double> ratios;
  for (int i = 0; i < kRounds; ++i) {
    our_rates.push_back(Rate(ours, ours.cards()));
    bare_rates.push_back(Rate(bare, ours.cards()));
    ratios.push_back(our_rates.back() / bare_rates.back());
  }
  std::printf(
      "\nSecured packets (SCP80, AES-128, %zu bytes, other keys each time), per second of CPU time\n"
      "  command made and its answer checked   %9.0f/s  (budget %.0f/s)\n"
      "  the same AES with EVP alone           %9.0f/s\n"
      "  ratio                                 %9.2f\n",
      kSecuredData, Median(our_rates), kBudget, Median(bare_rates), Median(ratios));
}

}  // namespace simroot::bench
