// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "bench/sections.hpp"

namespace simroot::bench {

template <auto kFree>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using PkeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;

[[nodiscard]] inline std::string OpensslErrors() {
  std::string text;
  ERR_print_errors_cb(
      [](const char* line, std::size_t size, void* out) {
        static_cast<std::string*>(out)->append(line, size);
        return 1;
      },
      &text);
  return text;
}

/// What a configuration says beside the providers.
struct Configuration {
  bool simroot_first = false;
  std::string settings;  ///< lines of the provider's section
};

/// A library context configured by a file as a program would be: default provider, then simroot's with a card, and the
/// line that brings PSK handles to it.
class OpensslWithCard {
 public:
  OpensslWithCard(const std::string& provider_folder, const std::string& card, const Configuration& configuration = {})
      : library_(OSSL_LIB_CTX_new()) {
    ::unsetenv("SIMROOT_CARD");  // it would go before the file
    const std::string file = folder_.folder() + "/openssl.cnf";
    std::ofstream(file) << "openssl_conf = init\n[init]\nproviders = provs\nalg_section = algs\n[provs]\n"
                        << (configuration.simroot_first ? "simroot = s\ndefault = d\n" : "default = d\nsimroot = s\n")
                        << "[d]\nactivate = 1\n[algs]\ndefault_properties = ?simroot.psk=yes\n"
                           "[s]\nactivate = 1\nmodule = "
                        << provider_folder << "/simroot.so\ncard = " << card << "\ncache = " << folder_.folder()
                        << "/cache\n"
                        << configuration.settings;
    if (OSSL_LIB_CTX_load_config(library_, file.c_str()) != 1 || OSSL_PROVIDER_available(library_, "simroot") != 1) {
      GiveUp("the provider does not load from " + provider_folder + ": " + OpensslErrors());
    }
  }
  ~OpensslWithCard() { OSSL_LIB_CTX_free(library_); }
  OpensslWithCard(const OpensslWithCard&) = delete;
  OpensslWithCard& operator=(const OpensslWithCard&) = delete;

  [[nodiscard]] OSSL_LIB_CTX* context() const { return library_; }

  [[nodiscard]] PkeyPtr LoadKey(const std::string& uri) const {
    OSSL_STORE_CTX* const store =
        OSSL_STORE_open_ex(uri.c_str(), library_, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
    OSSL_STORE_INFO* const info = store != nullptr ? OSSL_STORE_load(store) : nullptr;
    PkeyPtr key(info != nullptr ? OSSL_STORE_INFO_get1_PKEY(info) : nullptr);
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    if (!key) {
      GiveUp("cannot load " + uri + ": " + OpensslErrors());
    }
    return key;
  }

 private:
  BenchCard folder_;  ///< for its folder: configuration and cache
  OSSL_LIB_CTX* library_;
};

}  // namespace simroot::bench
