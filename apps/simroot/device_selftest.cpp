// SPDX-License-Identifier: Apache-2.0
/// `simroot device selftest`: goes from the port up to OpenSSL as every program on this machine is configured to see
/// it, and says at the first thing that fails what to change.
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include <functional>
#include <memory>

#include "device_session.hpp"
#include "openssl_checks.hpp"
#include "openssl_configuration.hpp"
#include "output.hpp"
#include "program_paths.hpp"

namespace simroot::app {
namespace {

using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using ContextPtr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::string_view kMessage = "simroot selftest";

/// The checks, each with access to what earlier ones found.
class Selftest {
 public:
  Selftest(DeviceOptions options, std::string ref) : options_(std::move(options)), ref_(std::move(ref)) {}

  /// Stops at the first check that fails: what comes later depends on it.
  std::vector<Check> Run() {
    using Step = Result<std::string> (Selftest::*)();
    constexpr std::array<std::pair<const char*, Step>, 9> kSteps{{
        {"OpenSSL's configuration file names both providers", &Selftest::ConfigurationIsSound},
        {"OpenSSL's default provider is active", &Selftest::DefaultProviderIsLoaded},
        {"OpenSSL's simroot provider is active", &Selftest::ProviderIsLoaded},
        {"the card answers and has an IoT SAFE applet", &Selftest::CardAnswers},
        {"the key signs, and its public key verifies it", &Selftest::KeySigns},
        {"OpenSSL finds the key by its URI, on this card", &Selftest::UriIsFound},
        {"a signature through OpenSSL comes from the card", &Selftest::OpensslSigns},
        {"the private part cannot be exported", &Selftest::ExportFails},
        {"pre-shared keys, which need a line more", &Selftest::PskIsMentioned},
    }};
    std::vector<Check> report;
    for (const auto& [what, step] : kSteps) {
      const auto result = (this->*step)();
      report.push_back({what, result.has_value(), result ? *result : result.error().Text()});
      if (!result) {
        break;
      }
    }
    return report;
  }

 private:
  Result<std::string> ConfigurationIsSound() {
    const auto file = InspectOpensslConfiguration();
    if (!file) {
      return Fail(file.error().domain, file.error().Text(),
                  "or use this configuration:\n\n" + OpensslConfiguration(ProviderFolder(), options_.card));
    }
    if (options_.card.empty()) {
      options_.card = file->card;
      return file->path + ", card = " + file->card;
    }
    // This shell's SIMROOT_CARD goes before the file; a service does not have it.
    return file->path + (file->card == options_.card
                             ? ", card = " + file->card
                             : "; it says `card = " + file->card + "`, tested here is " + options_.card);
  }

  Result<std::string> CardAnswers() {
    SR_TRY(auto session, DeviceSession::Open(options_));
    session_ = std::make_unique<DeviceSession>(std::move(session));
    SR_TRY(const std::string iccid, session_->card().Iccid());
    SR_TRY(const auto application, session_->card().Application());
    return "ICCID " + iccid + ", " + std::to_string(application.max_private_keys) + " private keys at most";
  }

  Result<std::string> KeySigns() {
    SR_TRY(name_, device::ParseObjectName(iotsafe::ObjectClass::kPrivateKey, ref_));
    SR_TRY(point_, device::Key(session_->shared_card(), name_).PublicKey());
    SR_TRY(const Bytes digest, Digest(iotsafe::HashAlgorithm::kSha256, AsBytes(kMessage)));
    // Sign verifies with the expected point by itself.
    SR_TRY(const auto signature, session_->card().Sign(name_, iotsafe::HashAlgorithm::kSha256, digest, &point_));
    static_cast<void>(signature);
    // From here on the provider of this process talks to the card: it must be free.
    session_->card().Close();
    return name_.Text();
  }

  Result<std::string> DefaultProviderIsLoaded() {
    SR_TRY_VOID(LoadOpensslConfiguration());
    return std::string("active");
  }

  Result<std::string> ProviderIsLoaded() {
    if (OSSL_PROVIDER_available(nullptr, "simroot") == 1) {
      return std::string("active");
    }
    return Fail(ErrorDomain::kCrypto, "the simroot provider is not active",
                "use this configuration:\n\n" + OpensslConfiguration(ProviderFolder(), options_.card));
  }

  Result<std::string> UriIsFound() {
    const std::string uri = "iotsafe:" + ref_ + ";type=private";
    OSSL_STORE_CTX* const store = OSSL_STORE_open(uri.c_str(), nullptr, nullptr, nullptr, nullptr);
    while (store != nullptr && !key_ && OSSL_STORE_eof(store) == 0) {
      OSSL_STORE_INFO* const info = OSSL_STORE_load(store);
      if (info == nullptr) {
        break;
      }
      key_ = KeyPtr(OSSL_STORE_INFO_get1_PKEY(info), EVP_PKEY_free);
      OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    if (!key_) {
      return Fail(ErrorDomain::kCrypto, uri + " cannot be loaded: " + OpensslErrors(),
                  "check `card =` in the provider's section, or SIMROOT_CARD");
    }
    const Bytes spki = EncodeSpki(point_);
    const unsigned char* start = spki.data();
    const KeyPtr expected(d2i_PUBKEY(nullptr, &start, static_cast<long>(spki.size())), EVP_PKEY_free);
    if (!expected || EVP_PKEY_eq(key_.get(), expected.get()) != 1) {
      return Fail(ErrorDomain::kCrypto,
                  "OpenSSL's " + uri + " is another key than " + name_.Text() + " of " + options_.card,
                  "the provider is configured for another card: check `card =` in its section, and SIMROOT_CARD");
    }
    return uri;
  }

  Result<std::string> OpensslSigns() {
    const OSSL_PROVIDER* const provider = EVP_PKEY_get0_provider(key_.get());
    if (provider == nullptr || std::string(OSSL_PROVIDER_get0_name(provider)) != "simroot") {
      return Fail(ErrorDomain::kCrypto, "the key belongs to another provider",
                  "remove `default_properties` that prefer another provider");
    }
    const ContextPtr sign(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::array<unsigned char, 128> signature{};
    std::size_t size = signature.size();
    const auto* const message = reinterpret_cast<const unsigned char*>(kMessage.data());
    if (!sign || EVP_DigestSignInit_ex(sign.get(), nullptr, "SHA256", nullptr, nullptr, key_.get(), nullptr) != 1 ||
        EVP_DigestSign(sign.get(), signature.data(), &size, message, kMessage.size()) != 1) {
      return Fail(ErrorDomain::kCrypto, "OpenSSL cannot sign with the key: " + OpensslErrors());
    }
    const Bytes spki = EncodeSpki(point_);
    const unsigned char* start = spki.data();
    const KeyPtr public_key(d2i_PUBKEY(nullptr, &start, static_cast<long>(spki.size())), EVP_PKEY_free);
    const ContextPtr verify(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!public_key || !verify ||
        EVP_DigestVerifyInit_ex(verify.get(), nullptr, "SHA256", nullptr, nullptr, public_key.get(), nullptr) != 1 ||
        EVP_DigestVerify(verify.get(), signature.data(), size, message, kMessage.size()) != 1) {
      return Fail(ErrorDomain::kCrypto, "the signature through OpenSSL does not verify with the card's public key",
                  "do not use this configuration; `simroot device sign --trace` shows what the card answers");
    }
    return std::string("ECDSA with SHA-256, verified in software");
  }

  Result<std::string> ExportFails() {
    OSSL_PARAM* exported = nullptr;
    const int status = EVP_PKEY_todata(key_.get(), EVP_PKEY_KEYPAIR, &exported);
    OSSL_PARAM_free(exported);
    ERR_clear_error();
    if (status == 1) {
      return Fail(ErrorDomain::kCrypto, "OpenSSL could export the private key: it is not the card's",
                  "remove the software key that answers to this URI");
    }
    return std::string("refused, as it must be");
  }

  /// No failure: a device with certificates needs no pre-shared key.
  Result<std::string> PskIsMentioned() {
    const auto configured = CheckPskDerivations(options_.card);
    return std::string(configured ? "PSK handles come to the simroot provider"
                                  : "PSK handles do not come to the simroot provider; see `selftest --psk`");
  }

  DeviceOptions options_;
  std::string ref_;
  std::unique_ptr<DeviceSession> session_;
  device::ObjectName name_;
  device::Point point_{};
  KeyPtr key_{nullptr, EVP_PKEY_free};
};

}  // namespace

int RunDeviceSelftest(const DeviceOptions& options, const std::string& ref) {
  return PrintChecks(Selftest(options, ref).Run(), options.json);
}

}  // namespace simroot::app
