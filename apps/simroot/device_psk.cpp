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

constexpr std::size_t kDigest = 32;  ///< bytes of SHA-256, which both TLS versions are tried with

/// A step of TLS 1.3's key schedule as libssl asks for it, with SHA-256. @param label of an expansion over no messages.
Result<void> Tls13Step(int mode, ByteView key, std::string_view label, ByteSpan out) {
  constexpr std::string_view kPrefix = "tls13 ";
  // SHA-256 of nothing, for "ext binder"; "finished" has no context (RFC 8446 7.1, 4.4.4).
  static const Bytes kNoMessages = *FromHex("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855");
  std::string digest = "SHA256";
  std::vector<OSSL_PARAM> params{OSSL_PARAM_construct_int(OSSL_KDF_PARAM_MODE, &mode),
                                 OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
                                 Octets(OSSL_KDF_PARAM_KEY, key), Octets(OSSL_KDF_PARAM_PREFIX, AsBytes(kPrefix))};
  params.push_back(Octets(OSSL_KDF_PARAM_LABEL, AsBytes(label.empty() ? "derived" : label)));
  if (label == "ext binder") {
    params.push_back(Octets(OSSL_KDF_PARAM_DATA, kNoMessages));
  }
  params.push_back(OSSL_PARAM_construct_end());
  return DeriveThroughOpenssl(OSSL_KDF_NAME_TLS1_3_KDF, params.data(), out);
}

/// HMAC as libssl does it: as a signature.
Result<void> HmacThroughOpenssl(ByteView key, ByteView message, ByteSpan out) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> pkey(
      EVP_PKEY_new_raw_private_key_ex(nullptr, "HMAC", nullptr, key.data(), key.size()), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::size_t size = out.size();
  if (!pkey || !context ||
      EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, pkey.get(), nullptr) != 1 ||
      EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) != 1 || size != out.size()) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot make a binder: " + OpensslErrors(),
                "check `card =` in the provider's section, or SIMROOT_CARD");
  }
  return {};
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
        {"TLS 1.3: the handle gives what the card computes", &PskSelftest::Tls13Agrees},
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

  /// What the card and OpenSSL, each for itself, make of the key: the early secret, or with `psk = deep`, where OpenSSL
  /// has a token in its place, the binder of a ClientHello.
  Result<std::string> Tls13Agrees() {
    if (!Has(psk_.derivations, KeyDerivation::kHkdf) && !Has(psk_.derivations, KeyDerivation::kPskTls13)) {
      return std::string("not for this key: it is for TLS 1.2 only");
    }
    SecretArray<kDigest> early;
    SR_TRY_VOID(Tls13Step(EVP_KDF_HKDF_MODE_EXTRACT_ONLY, psk_.handle, {}, early.Prepare(kDigest)));
    const ByteView by_openssl = early.Reveal(InsecureReveal::kForCrypto);
    if (Has(psk_.derivations, KeyDerivation::kHkdf)) {
      SecretArray<kDigest> by_card;
      SR_TRY_VOID(
          session_->card().ComputeEarlySecret(psk_.name, iotsafe::HashAlgorithm::kSha256, by_card.Prepare(kDigest)));
      session_->card().Close();
      if (SameSecret(by_card.Reveal(InsecureReveal::kForCrypto), by_openssl)) {
        return std::string("equal");
      }
    }
    SR_TRY_VOID(BindersAgree(by_openssl));
    return std::string("equal, and the early secret stays on the card (psk = deep)");
  }

  /// @param early what OpenSSL takes for the early secret.
  Result<void> BindersAgree(ByteView early) {
    const std::array<std::uint8_t, kDigest> transcript{0x5A};
    std::array<std::uint8_t, kDigest> by_card{};
    SR_TRY_VOID(session_->card().ComputePskBinder(psk_.name, iotsafe::HashAlgorithm::kSha256, transcript, by_card));
    session_->card().Close();
    SecretArray<kDigest> binder_key;
    SecretArray<kDigest> finished_key;
    SR_TRY_VOID(Tls13Step(EVP_KDF_HKDF_MODE_EXPAND_ONLY, early, "ext binder", binder_key.Prepare(kDigest)));
    SR_TRY_VOID(Tls13Step(EVP_KDF_HKDF_MODE_EXPAND_ONLY, binder_key.Reveal(InsecureReveal::kForCrypto), "finished",
                          finished_key.Prepare(kDigest)));
    std::array<std::uint8_t, kDigest> by_openssl{};
    SR_TRY_VOID(HmacThroughOpenssl(finished_key.Reveal(InsecureReveal::kForCrypto), transcript, by_openssl));
    if (!SameBytes(by_card, by_openssl)) {
      return Fail(ErrorDomain::kCrypto, "OpenSSL makes another binder than the card",
                  "the provider is configured for another card: check `card =` in its section, and SIMROOT_CARD");
    }
    return {};
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
