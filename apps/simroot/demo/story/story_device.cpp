// SPDX-License-Identifier: Apache-2.0
#include "demo/story/story_device.hpp"

#include "common/host/file_io.hpp"
#include "program_paths.hpp"

namespace simroot::app {
namespace {

/// Without the line feed at its end.
std::string FirstLine(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

Result<void> StoryDevice::MakeCard(const std::string& keys) const {
  SR_TRY_VOID(stage_.Ourselves({"card", "create", CardFile(), "--profile", HasCertificate() ? "blank" : "type2",
                                "--iccid", iccid_, "--export-keys", keys}));
  return {};
}

Result<void> StoryDevice::PowerUp() {
  const std::string provider = ProviderFolder();
  if (provider.empty()) {
    return Fail(ErrorDomain::kUsage, "the OpenSSL provider is not beside this program",
                "build it: `make demo` does, or install with `make install`");
  }
  SR_TRY_VOID(MakePrivateDirectory(folder_));
  SR_TRY(const Bytes server_ca, ReadWholeFile(stage_.workshop().Ca("ca.pem"), 65536));
  SR_TRY_VOID(WriteFileAtomically(Path("server-ca.pem"), server_ca, 0644));
  const std::string configuration =
      HasCertificate() ? OpensslConfiguration(provider, CardUri()) : OpensslPskConfiguration(provider, CardUri());
  SR_TRY_VOID(WriteFileAtomically(Path("openssl.cnf"), AsBytes(configuration), 0600));
  SR_TRY(sim_, SimInModem::Start(CardFile(), folder_ + "/modem", stage_.arguments().trace));
  return {};
}

ProgramCall StoryDevice::Call(std::vector<std::string> arguments) const {
  return {std::move(arguments),
          {{"OPENSSL_CONF", Path("openssl.cnf")},
           {"SIMROOT_CACHE", Path("cache")},
           {"SIMROOT_CARD", ""},
           {"HOME", folder_}},
          folder_};
}

Result<std::string> StoryDevice::Simroot(std::vector<std::string> words) const {
  words.insert(words.begin(), kOurselves);
  words.insert(words.end(), {"--card", CardUri()});
  return RunChecked(Call(std::move(words)), stage_.stop_fd());
}

Result<void> StoryDevice::ReadCredential() {
  if (HasCertificate()) {
    SR_TRY_VOID(Simroot({"device", "wrap-key", "label=tls", Path("key.pem"), "--cert", "label=tls"}));
    return {};
  }
  SR_TRY(const std::string handle, Simroot({"device", "psk-handle", "label=tls"}));
  SR_TRY(const std::string identity, Simroot({"device", "read-file", "label=psk-identity"}));
  psk_handle_ = FirstLine(handle);
  psk_identity_ = FirstLine(identity);
  return {};
}

std::vector<std::string> StoryDevice::MqttOptions() const {
  if (HasCertificate()) {
    return {"--cafile", "server-ca.pem", "--cert", "key.pem", "--key", "key.pem"};
  }
  return {"--psk", psk_handle_, "--psk-identity", psk_identity_};
}

}  // namespace simroot::app
