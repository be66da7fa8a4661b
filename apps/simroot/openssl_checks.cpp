// SPDX-License-Identifier: Apache-2.0
#include "openssl_checks.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/provider.h>

#include <algorithm>
#include <memory>

#include "output.hpp"
#include "program_paths.hpp"

namespace simroot::app {
namespace {

/// Name of the provider that a key derivation is fetched from; empty if there is none.
std::string ProviderOf(const char* derivation) {
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> kdf(EVP_KDF_fetch(nullptr, derivation, nullptr),
                                                              EVP_KDF_free);
  ERR_clear_error();
  const char* const name = kdf ? OSSL_PROVIDER_get0_name(EVP_KDF_get0_provider(kdf.get())) : nullptr;
  return name != nullptr ? name : "";
}

}  // namespace

/// Everything on OpenSSL's error stack in one line.
std::string OpensslErrors() {
  std::string text;
  const char* data = nullptr;
  int flags = 0;
  while (const unsigned long code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) {
    const char* const reason = ERR_reason_error_string(code);
    const bool has_text = (flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0';
    text += (text.empty() ? "" : "; ") + std::string(has_text ? data : reason != nullptr ? reason : "unknown error");
  }
  return text;
}

int PrintChecks(const std::vector<Check>& report, bool json) {
  const bool passed = std::ranges::all_of(report, &Check::passed);
  JsonWriter writer;
  writer.BeginObject().Bool("passed", passed).BeginArray("checks");
  std::string text;
  for (const Check& check : report) {
    writer.BeginObject()
        .Text("check", check.what)
        .Bool("passed", check.passed)
        .Text("detail", check.detail)
        .EndObject();
    text += (check.passed ? "ok    " : "FAIL  ") + check.what + ": " + check.detail + "\n";
  }
  text += passed ? "this machine's OpenSSL uses the card" : "this machine's OpenSSL does NOT use the card";
  writer.EndArray().EndObject();
  return PrintLine(json ? writer.text() : text) && passed ? kDone : kFailed;
}

Result<void> LoadOpensslConfiguration() {
  if (OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, nullptr) != 1) {
    return Fail(ErrorDomain::kCrypto, "OpenSSL cannot load its configuration: " + OpensslErrors(),
                "correct the file that OPENSSL_CONF names");
  }
  if (OSSL_PROVIDER_available(nullptr, "default") != 1) {
    return Fail(ErrorDomain::kCrypto, "the default provider is not active, so OpenSSL has no ciphers",
                "add a section with `activate = 1` for `default` before the one for simroot");
  }
  return {};
}

Result<void> CheckPskDerivations(const std::string& card) {
  if (OSSL_PROVIDER_available(nullptr, "simroot") != 1) {
    return Fail(ErrorDomain::kCrypto, "the simroot provider is missing in openssl.cnf",
                "use this configuration:\n\n" + OpensslPskConfiguration(ProviderFolder(), card));
  }
  for (const char* const derivation : {OSSL_KDF_NAME_TLS1_PRF, OSSL_KDF_NAME_TLS1_3_KDF}) {
    if (const std::string provider = ProviderOf(derivation); provider != "simroot") {
      return Fail(ErrorDomain::kCrypto,
                  "default_properties is missing in openssl.cnf: OpenSSL takes " + std::string(derivation) +
                      " from the provider `" + provider + "`, which takes a PSK handle for a key",
                  "write `alg_section = algorithm_section` below `providers =`, and at the end of the file\n\n"
                  "[algorithm_section]\ndefault_properties = ?simroot.psk=yes\n");
    }
  }
  return {};
}

}  // namespace simroot::app
