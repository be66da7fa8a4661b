// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace simroot::app {

/// Folder of the OpenSSL provider that belongs to this program: ../lib/ossl-modules beside it, both in the build tree
/// and where it is installed. Empty if there is none.
[[nodiscard]] std::string ProviderFolder();

/// Path of the plugin for mosquitto that belongs to this program: ../lib/simroot_mosquitto.so. Empty if there is none.
[[nodiscard]] std::string MosquittoPlugin();

/// Text of an openssl.cnf that activates OpenSSL's default provider and then simroot's for `card`.
[[nodiscard]] std::string OpensslConfiguration(const std::string& provider_folder, const std::string& card);
/// The same, and the lines without which OpenSSL does not bring a PSK handle to the provider.
[[nodiscard]] std::string OpensslPskConfiguration(const std::string& provider_folder, const std::string& card);

}  // namespace simroot::app
