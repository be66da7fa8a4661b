// SPDX-License-Identifier: Apache-2.0
#include "device/provider/context.hpp"

#include <openssl/core_names.h>
#include <pthread.h>

#include <charconv>
#include <cstdlib>

#include "device/provider/process.hpp"

namespace simroot::provider {
namespace {

constexpr std::array<std::uint8_t, 12> kEcdsaWithSha256{0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                                        0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
constexpr std::array<std::uint8_t, 12> kEcdsaWithSha384{0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                                        0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03};
constexpr std::array<std::uint8_t, 12> kEcdsaWithSha512{0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
                                                        0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04};

std::mutex card_list_mutex;
std::once_flag fork_handlers_once;

void LockCardLists() {
  card_list_mutex.lock();
}
void UnlockCardLists() {
  card_list_mutex.unlock();
}

std::string Environment(const char* name) {
  // A set-user-ID program must not take its card, its PIN or its trace file from the caller.
  const char* const value = ::secure_getenv(name);
  return value != nullptr ? value : "";
}

}  // namespace

std::mutex& CardListMutex() {
  return card_list_mutex;
}

Result<std::unique_ptr<Context>> Context::Create(const OSSL_CORE_HANDLE* handle, const OSSL_DISPATCH* functions) {
  std::call_once(fork_handlers_once,
                 [] { static_cast<void>(::pthread_atfork(LockCardLists, UnlockCardLists, UnlockCardLists)); });
  std::unique_ptr<Context> context(new Context(handle, functions));
  if (!context->PrepareSoftware()) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL's default provider cannot be loaded inside the simroot provider",
                "check that libcrypto is complete: openssl list -providers");
  }
  if (const auto read = context->ReadSettings(); !read) {
    context->settings_error_ = read.error();
  }
  return context;
}

bool Context::PrepareSoftware() {
  software_.reset(OSSL_LIB_CTX_new());
  if (software_ == nullptr) {
    return false;
  }
  default_provider_.reset(OSSL_PROVIDER_load(software_.get(), "default"));
  if (default_provider_ == nullptr) {
    return false;
  }
  software_ec_.reset(EVP_KEYMGMT_fetch(software_.get(), "EC", nullptr));
  const auto row = [&](iotsafe::HashAlgorithm algorithm, const char* name, ByteView algorithm_id) {
    return HostHash{algorithm, DigestPtr(EVP_MD_fetch(software_.get(), name, nullptr)), algorithm_id};
  };
  hashes_ = {row(iotsafe::HashAlgorithm::kSha256, "SHA2-256", kEcdsaWithSha256),
             row(iotsafe::HashAlgorithm::kSha384, "SHA2-384", kEcdsaWithSha384),
             row(iotsafe::HashAlgorithm::kSha512, "SHA2-512", kEcdsaWithSha512)};
  software_tls1_prf_.reset(EVP_KDF_fetch(software_.get(), OSSL_KDF_NAME_TLS1_PRF, nullptr));
  software_tls13_kdf_.reset(EVP_KDF_fetch(software_.get(), OSSL_KDF_NAME_TLS1_3_KDF, nullptr));
  software_hmac_.reset(EVP_MAC_fetch(software_.get(), "HMAC", nullptr));
  return software_ec_ != nullptr && software_hmac_ != nullptr && software_tls1_prf_ != nullptr &&
         software_tls13_kdf_ != nullptr &&
         std::ranges::all_of(hashes_, [](const auto& h) { return h.digest != nullptr; });
}

Result<void> Context::ReadSettings() {
  settings_.card = Environment("SIMROOT_CARD");
  if (settings_.card.empty()) {
    settings_.card = core_.ConfigValue("card");
  }
  settings_.pin_file = Environment("SIMROOT_PIN_FILE");
  if (settings_.pin_file.empty()) {
    settings_.pin_file = core_.ConfigValue("pin-file");
  }
  settings_.cache = core_.ConfigValue("cache");
  if (settings_.cache == "off") {
    settings_.use_cache = false;
    settings_.cache.clear();
  }
  if (const std::string text = core_.ConfigValue("timeout"); !text.empty()) {
    unsigned seconds = 0;
    const auto end = std::to_address(text.end());
    const auto parsed = std::from_chars(text.data(), end, seconds);
    if (parsed.ec != std::errc() || parsed.ptr != end || seconds < 1 || seconds > 600) {
      return Fail(ErrorDomain::kUsage, "timeout = " + text + " in the simroot section of openssl.cnf is not allowed",
                  "give whole seconds from 1 to 600");
    }
    settings_.timeout = std::chrono::seconds(seconds);
  }
  SR_TRY(settings_.deep_psk, ReadSwitch("psk", "standard", "deep"));
  SR_TRY(settings_.card_ecdhe, ReadSwitch("ecdhe", "software", "card"));
  SR_TRY(settings_.card_random, ReadSwitch("random", "software", "card"));
  if (const std::string target = Environment("SIMROOT_TRACE"); !target.empty()) {
    auto trace = Trace::Open(target);
    if (!trace) {
      return Unexpected(trace.error());
    }
    trace_ = std::move(*trace);
  }
  return {};
}

Result<bool> Context::ReadSwitch(const char* name, std::string_view off, std::string_view on) const {
  const std::string value = core_.ConfigValue(name);
  if (value.empty() || value == off || value == on) {
    return value == on;
  }
  const std::string text(name);
  return Fail(
      ErrorDomain::kUsage, text + " = " + value + " in the simroot section of openssl.cnf is not allowed",
      "write " + text + " = " + std::string(off) + " or " + text + " = " + std::string(on) + ", or leave it out");
}

const HostHash* Context::FindHash(const char* name) const {
  const auto row = std::ranges::find_if(hashes_, [&](const auto& h) { return EVP_MD_is_a(h.digest.get(), name) == 1; });
  return row != hashes_.end() ? &*row : nullptr;
}

const HostHash* Context::FindHash(std::size_t size) const {
  const auto row =
      std::ranges::find_if(hashes_, [&](const auto& h) { return iotsafe::DigestSize(h.algorithm) == size; });
  return row != hashes_.end() ? &*row : nullptr;
}

Result<std::shared_ptr<device::Card>> Context::CardFor(std::string_view requested, std::string_view hint) {
  if (settings_error_) {
    return Unexpected(*settings_error_);
  }
  const std::string text(!requested.empty() ? requested : !settings_.card.empty() ? settings_.card : hint);
  if (text.empty()) {
    return Fail(ErrorDomain::kUsage, "no card is configured for the simroot provider",
                "set SIMROOT_CARD, or card = in the simroot section of openssl.cnf, to sim:FILE, at:PORT or pcsc:");
  }
  SR_TRY(const device::CardUri uri, device::ParseCardUri(text));

  const std::lock_guard lock(card_list_mutex);
  std::erase_if(cards_, [](const auto& row) { return row.second.expired(); });
  for (const auto& [name, card] : cards_) {
    if (name == text) {
      if (auto shared = card.lock(); shared != nullptr) {
        return shared;
      }
    }
  }
  device::CardOptions options;
  options.uri = uri;
  options.timeout = settings_.timeout;
  options.use_cache = settings_.use_cache;
  options.cache_directory = settings_.cache;
  options.pin_file = settings_.pin_file;
  options.observer = trace_.get();
  auto card = device::Card::Create(std::move(options));
  cards_.emplace_back(text, card);
  return card;
}

}  // namespace simroot::provider
