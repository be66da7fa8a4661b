// SPDX-License-Identifier: Apache-2.0
#include "openssl_configuration.hpp"

#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

namespace simroot::app {
namespace {

struct FreeConf {
  void operator()(CONF* conf) const { NCONF_free(conf); }
};
using ConfPtr = std::unique_ptr<CONF, FreeConf>;

std::string ConfigurationPath() {
  char* const path = CONF_get1_default_config_file();  // OPENSSL_CONF, or the file OpenSSL was built for
  std::string text = path != nullptr ? path : "";
  OPENSSL_free(path);
  return text;
}

/// A value of the file; empty if it is not there.
std::string Value(const CONF* conf, const std::string& section, const char* name) {
  const char* const value = NCONF_get_string(conf, section.empty() ? nullptr : section.c_str(), name);
  ERR_clear_error();
  return value != nullptr ? value : "";
}

bool HasSection(const CONF* conf, const std::string& section) {
  const bool found = !section.empty() && NCONF_get_section(conf, section.c_str()) != nullptr;
  ERR_clear_error();
  return found;
}

Result<ConfPtr> Load(const std::string& path) {
  if (::access(path.c_str(), R_OK) != 0) {
    return Fail(ErrorDomain::kUsage, "OpenSSL's configuration file " + path + " cannot be read",
                "set OPENSSL_CONF to the file you mean");
  }
  ConfPtr conf(NCONF_new_ex(nullptr, nullptr));
  long line = 0;
  if (!conf || NCONF_load(conf.get(), path.c_str(), &line) <= 0) {
    ERR_clear_error();
    return Fail(ErrorDomain::kUsage, path + " is not a configuration file: line " + std::to_string(line),
                "correct that line");
  }
  return conf;
}

/// The section of one provider, which must be listed and activated.
Result<std::string> ProviderSection(const CONF* conf, const std::string& path, const std::string& providers,
                                    const char* name) {
  const std::string section = Value(conf, providers, name);
  if (section.empty() || !HasSection(conf, section)) {
    return Fail(ErrorDomain::kUsage, path + ": [" + providers + "] names no section of the file for `" + name + "`",
                std::string("write `") + name + " = " + name + "_section` there, and that section");
  }
  const std::string activate = Value(conf, section, "activate");
  if (activate.empty() || activate == "0") {
    return Fail(ErrorDomain::kUsage, path + ": [" + section + "] does not activate its provider",
                "write `activate = 1` there");
  }
  return section;
}

}  // namespace

Result<OpensslConfigurationFile> InspectOpensslConfiguration() {
  const std::string path = ConfigurationPath();
  SR_TRY(const ConfPtr conf, Load(path));
  const std::string start = Value(conf.get(), "", "openssl_conf");
  if (!HasSection(conf.get(), start)) {
    return Fail(ErrorDomain::kUsage, path + " has no line `openssl_conf = SECTION` before its first section",
                "OpenSSL reads nothing else without it");
  }
  const std::string providers = Value(conf.get(), start, "providers");
  if (!HasSection(conf.get(), providers)) {
    return Fail(ErrorDomain::kUsage, path + ": [" + start + "] has no line `providers = SECTION`",
                "write it, and in that section a line for each provider");
  }
  SR_TRY_VOID(ProviderSection(conf.get(), path, providers, "default"));
  SR_TRY(const std::string section, ProviderSection(conf.get(), path, providers, "simroot"));
  const std::string module = Value(conf.get(), section, "module");
  if (module.find('/') != std::string::npos && ::access(module.c_str(), R_OK) != 0) {
    return Fail(ErrorDomain::kUsage, path + ": the module " + module + " cannot be read",
                "write the path of simroot.so");
  }
  return OpensslConfigurationFile{path, Value(conf.get(), section, "card")};
}

}  // namespace simroot::app
