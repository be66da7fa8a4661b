// SPDX-License-Identifier: Apache-2.0
#include "program_paths.hpp"

#include <filesystem>

namespace simroot::app {

namespace {

/// ../lib beside this program.
std::filesystem::path LibraryFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "lib";
}

}  // namespace

std::string ProviderFolder() {
  std::error_code error;
  const std::filesystem::path folder = LibraryFolder() / "ossl-modules";
  return std::filesystem::exists(folder / "simroot.so", error) ? folder.string() : std::string();
}

std::string MosquittoPlugin() {
  std::error_code error;
  const std::filesystem::path plugin = LibraryFolder() / "simroot_mosquitto.so";
  return std::filesystem::exists(plugin, error) ? plugin.string() : std::string();
}

std::string OpensslConfiguration(const std::string& provider_folder, const std::string& card) {
  const std::string module = provider_folder.empty() ? "simroot" : provider_folder + "/simroot.so";
  return "openssl_conf = openssl_init\n\n"
         "[openssl_init]\n"
         "providers = provider_section\n\n"
         "[provider_section]\n"
         "default = default_section\n"
         "simroot = simroot_section\n\n"
         "[default_section]\n"
         "activate = 1\n\n"
         "[simroot_section]\n"
         "module = " +
         module +
         "\n"
         "card = " +
         card +
         "\n"
         "activate = 1\n";
}

std::string OpensslPskConfiguration(const std::string& provider_folder, const std::string& card) {
  std::string text = OpensslConfiguration(provider_folder, card);
  const std::string line = "providers = provider_section\n";
  text.insert(text.find(line) + line.size(), "alg_section = algorithm_section\n");
  return text + "\n[algorithm_section]\ndefault_properties = ?simroot.psk=yes\n";
}

}  // namespace simroot::app
