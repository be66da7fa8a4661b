// SPDX-License-Identifier: Apache-2.0
#include <openssl/evp.h>

#include <cstdio>

#include "bench/openssl_with_card.hpp"
#include "bench/rounds.hpp"
#include "bench/sections.hpp"
#include "device/client/card.hpp"

namespace simroot::bench {
namespace {

void SignWith(OSSL_LIB_CTX* library, EVP_PKEY* key) {
  static constexpr std::array<unsigned char, 100> kMessage{0x42};
  std::array<unsigned char, 80> signature{};
  std::size_t size = signature.size();
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  if (EVP_DigestSignInit_ex(context, nullptr, "SHA256", library, nullptr, key, nullptr) != 1 ||
      EVP_DigestSign(context, signature.data(), &size, kMessage.data(), kMessage.size()) != 1) {
    GiveUp("cannot sign: " + OpensslErrors());
  }
  EVP_MD_CTX_free(context);
}

}  // namespace

void RunProviderSection(const std::string& provider_folder) {
  constexpr int kRounds = 21;
  constexpr int kCalls = 300;
  const BenchCard card_of_provider;
  const BenchCard card_of_client;
  const OpensslWithCard openssl(provider_folder, "sim:" + card_of_provider.file());
  const PkeyPtr card_key = openssl.LoadKey("iotsafe:01");
  const PkeyPtr software_key(EVP_EC_gen("P-256"));

  const auto uri = device::ParseCardUri("sim:" + card_of_client.file());
  const auto name = device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, "01");
  if (!uri || !name) {
    GiveUp("the card's URI is not understood");
  }
  device::CardOptions options;
  options.uri = *uri;
  options.use_cache = false;
  const auto client = device::Card::Create(options);
  const Bytes digest(32, 0x42);
  const auto sign_with_client = [&] {
    if (!client->Sign(*name, iotsafe::HashAlgorithm::kSha256, digest)) {
      GiveUp("the client cannot sign");
    }
  };
  const auto sign_with_provider = [&] { SignWith(openssl.context(), card_key.get()); };
  const auto sign_direct = [&] { SignWith(nullptr, software_key.get()); };

  const Comparison whole = Compare(sign_with_provider, sign_direct, kRounds, kCalls);
  const Comparison share = Compare(sign_with_provider, sign_with_client, kRounds, kCalls);
  std::printf("\nEVP_DigestSign through the provider, card in process (budget: under 15 us over direct EVP)\n");
  std::printf("  provider + client + card %6.1f us   direct EVP, software key %6.1f us   overhead %5.1f us\n",
              whole.first_us, whole.second_us, whole.first_us - whole.second_us);
  std::printf("  the same through the client alone %6.1f us, so the provider's share is %5.1f us\n", share.second_us,
              share.first_us - share.second_us);
}

}  // namespace simroot::bench
