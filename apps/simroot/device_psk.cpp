// SPDX-License-Identifier: Apache-2.0
/// `simroot device psk-handle` and `simroot device selftest --psk`.
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <cstdio>
#include <memory>

#include "common/base/secret.hpp"
#include "device/provider/psk_handle.hpp"
#include "device_session.hpp"
#include "openssl_checks.hpp"
#include "openssl_configuration.hpp"
#include "output.hpp"
#include "program_paths.hpp"

namespace simroot::app {
namespace {

using iotsafe::KeyDerivation;
using iotsafe::ObjectClass;

/// A pre-shared key and what stands for it.
struct Psk {
  device::ObjectName name;
  device::PskHandle handle{};
  std::uint8_t derivations = 0;
};

/// Handles of long identifiers are digests: on this card it must be the only one.
Result<void> CheckUnique(device::Card& card, const device::PskHandle& handle, const Bytes& identifier) {
  SR_TRY(const auto objects, card.List());
  for (const iotsafe::ObjectInfo& info : objects) {
    if (info.object_class != ObjectClass::kSecretKey || SameBytes(info.id.view(), identifier)) {
      continue;
    }
    SR_TRY(const device::PskHandle other, device::MakePskHandle(info.id.view(), nullptr));
    if (other == handle) {
      return Fail(ErrorDomain::kUsage,
                  "secret keys " + ToHex(identifier) + " and " + ToHex(info.id.view()) + " have the same PSK handle",
                  "give one of them an identifier of 1 to 3 bytes");
    }
  }
  return {};
}

Result<Psk> FindPsk(device::Card& card, const std::string& ref) {
  SR_TRY(const auto asked, device::ParseObjectName(ObjectClass::kSecretKey, ref));
  SR_TRY(const iotsafe::ObjectInfo info, card.Info(asked));
  if (info.key_type != iotsafe::KeyType::kHmac || !Has(info.functions, iotsafe::Function::kKeyDerivation)) {
    return Fail(ErrorDomain::kUsage, asked.Text() + " is not a pre-shared key: it may not be used for key derivation",
                "take a secret key of kind PSK from `simroot device list`");
  }
  if (info.state != iotsafe::ObjectState::kActivated) {
    return Fail(ErrorDomain::kUsage, asked.Text() + " is empty", "have a pre-shared key put on the card by its issuer");
  }
  const Bytes identifier(info.id.view().begin(), info.id.view().end());
  SR_TRY(const device::PskHandle handle, device::MakePskHandle(identifier, nullptr));
  if (const auto reference = device::ParsePskHandle(handle); reference && device::IsDigestReference(*reference)) {
    SR_TRY_VOID(CheckUnique(card, handle, identifier));
  }
  return Psk{{ObjectClass::kSecretKey, false, identifier}, handle, info.key_derivation};
}

std::string LowerHex(ByteView bytes) {
  std::string text = ToHex(bytes);
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  return text;
}

using KdfPtr = std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)>;
using KdfContextPtr = std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)>;

/// A key derivation as libssl does it, in this process.
Result<void> DeriveThroughOpenssl(const char* name, const OSSL_PARAM* params, ByteSpan out) {
  const KdfPtr kdf(EVP_KDF_fetch(nullptr, name, nullptr), EVP_KDF_free);
  const KdfContextPtr context(EVP_KDF_CTX_new(kdf.get()), EVP_KDF_CTX_free);
  if (!context || EVP_KDF_derive(context.get(), out.data(), out.size(), params) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot derive with " + std::string(name) + ": " + OpensslErrors(),
                "check `card =` in the provider's section, or SIMROOT_CARD");
  }
  return {};
}

OSSL_PARAM Octets(const char* name, ByteView bytes) {
  return OSSL_PARAM_construct_octet_string(name, const_cast<std::uint8_t*>(bytes.data()), bytes.size());
}

class PskSelftest {
 public:
  PskSelftest(DeviceOptions options, std::string ref) : options_(std::move(options)), ref_(std::move(ref)) {}

  std::vector<Check> Run() {
    using Step = Result<std::string> (PskSelftest::*)();
    constexpr std::array<std::pair<const char*, Step>, 5> kSteps{{
        {"OpenSSL's configuration file names both providers", &PskSelftest::ConfigurationIsSound},
        {"OpenSSL brings PSK handles to the simroot provider", &PskSelftest::DerivationsAreOurs},
        {"the card holds the pre-shared key", &PskSelftest::CardHasKey},
        {"TLS 1.2: the handle gives what the card computes", &PskSelftest::PrfAgrees},
        {"TLS 1.3: the handle reaches the card", &PskSelftest::HkdfAnswers},
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
                  "or use this configuration:\n\n" + OpensslPskConfiguration(ProviderFolder(), options_.card));
    }
    if (options_.card.empty()) {
      options_.card = file->card;
    }
    return file->path + ", card = " + options_.card;
  }

  Result<std::string> DerivationsAreOurs() {
    SR_TRY_VOID(LoadOpensslConfiguration());
    SR_TRY_VOID(CheckPskDerivations(options_.card));
    return std::string("TLS1-PRF and TLS13-KDF");
  }

  Result<std::string> CardHasKey() {
    SR_TRY(auto session, DeviceSession::Open(options_));
    session_ = std::make_unique<DeviceSession>(std::move(session));
    SR_TRY(psk_, FindPsk(session_->card(), ref_));
    return psk_.name.Text() + ", handle " + LowerHex(psk_.handle);
  }

  Result<std::string> PrfAgrees() {
    if (!Has(psk_.derivations, KeyDerivation::kPrfSha256)) {
      return std::string("not for this key: it is for TLS 1.3 only");
    }
    constexpr std::string_view kLabel = "master secret, or what a selftest takes for one";
    SecretArray<48> by_card;
    SR_TRY_VOID(session_->card().ComputePrf(psk_.name, {}, AsBytes(kLabel), by_card.Prepare(48)));
    session_->card().Close();  // from here on the provider of this process talks to the card
    std::array<std::uint8_t, 2 * (2 + device::kPskHandleSize)> premaster{};
    ByteWriter writer(premaster);
    writer.PutU16(device::kPskHandleSize);
    static_cast<void>(writer.Reserve(device::kPskHandleSize));
    writer.PutU16(device::kPskHandleSize);
    writer.PutBytes(psk_.handle);
    std::string digest = "SHA256";
    const std::array params{OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                            Octets(OSSL_KDF_PARAM_SECRET, premaster), Octets(OSSL_KDF_PARAM_SEED, AsBytes(kLabel)),
                            OSSL_PARAM_construct_end()};
    SecretArray<48> by_openssl;
    SR_TRY_VOID(DeriveThroughOpenssl(OSSL_KDF_NAME_TLS1_PRF, params.data(), by_openssl.Prepare(48)));
    if (!SameSecret(by_card.Reveal(InsecureReveal::kForCrypto), by_openssl.Reveal(InsecureReveal::kForCrypto))) {
      return Fail(ErrorDomain::kCrypto, "OpenSSL derives something else than the card",
                  "the provider is configured for another card: check `card =` in its section, and SIMROOT_CARD");
    }
    return std::string("equal");
  }

  Result<std::string> HkdfAnswers() {
    if (!Has(psk_.derivations, KeyDerivation::kHkdf)) {
      return std::string("not for this key: it is for TLS 1.2 only");
    }
    session_->card().Close();
    int mode = EVP_KDF_HKDF_MODE_EXTRACT_ONLY;
    std::string digest = "SHA256";
    std::string prefix = "tls13 ";
    std::string label = "derived";
    const std::array params{OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                            OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                            Octets(OSSL_KDF_PARAM_KEY, psk_.handle),
                            Octets(OSSL_KDF_PARAM_PREFIX, AsBytes(prefix)),
                            Octets(OSSL_KDF_PARAM_LABEL, AsBytes(label)),
                            OSSL_PARAM_construct_end()};
    SecretArray<32> early;
    SR_TRY_VOID(DeriveThroughOpenssl(OSSL_KDF_NAME_TLS1_3_KDF, params.data(), early.Prepare(32)));
    return std::string("answered");
  }

  DeviceOptions options_;
  std::string ref_;
  std::unique_ptr<DeviceSession> session_;
  Psk psk_;
};

}  // namespace

int RunDevicePskHandle(const DeviceOptions& options, const std::string& ref) {
  auto session = DeviceSession::Open(options);
  if (!session) {
    return Report(session.error());
  }
  const auto psk = FindPsk(session->card(), ref);
  if (!psk) {
    return Report(psk.error());
  }
  const auto loaded = LoadOpensslConfiguration();
  const auto configured = loaded ? CheckPskDerivations(options.card) : loaded;
  const std::string handle = LowerHex(psk->handle);
  if (!configured && !options.json) {
    std::fprintf(stderr,
                 "simroot: careful: with the OpenSSL configuration of this shell the handle would be taken for a key; "
                 "see `simroot device selftest --psk`\n");
  }
  return PrintLine(options.json ? JsonWriter()
                                      .BeginObject()
                                      .Text("handle", handle)
                                      .Text("id", ToHex(psk->name.name))
                                      .Bool("configured", configured.has_value())
                                      .EndObject()
                                      .text()
                                : handle)
             ? kDone
             : kFailed;
}

int RunDevicePskSelftest(const DeviceOptions& options, const std::string& ref) {
  return PrintChecks(PskSelftest(options, ref).Run(), options.json);
}

}  // namespace simroot::app
