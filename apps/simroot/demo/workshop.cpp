// SPDX-License-Identifier: Apache-2.0
#include "demo/workshop.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/host/file_io.hpp"
#include "common/host/hex.hpp"
#include "program_paths.hpp"

namespace simroot::app {
namespace {

constexpr std::chrono::seconds kProgramLimit{30};

}  // namespace

Result<Workshop> Workshop::Create(bool keep) {
  const char* const base = std::getenv("TMPDIR");
  std::string name = std::string(base != nullptr && *base != '\0' ? base : "/tmp") + "/simroot-demo-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    return Fail(ErrorDomain::kStore, "cannot make a folder like " + name + ": " + std::strerror(errno),
                "set TMPDIR to a folder that can be written");
  }
  Workshop workshop(name, keep);
  for (const char* part : {"/card", "/device", "/ca"}) {
    SR_TRY_VOID(MakePrivateDirectory(name + part));
  }
  return workshop;
}

Workshop::~Workshop() {
  if (!root_.empty() && !keep_) {
    std::error_code error;
    std::filesystem::remove_all(root_, error);  // nothing more can be done about a failure here
  }
}

Result<void> Workshop::WriteDeviceConfiguration(const std::string& provider_folder, const std::string& card) const {
  return WriteFileAtomically(Device("openssl.cnf"), AsBytes(OpensslConfiguration(provider_folder, card)), 0600);
}

ProgramCall Workshop::OnDevice(std::vector<std::string> arguments) const {
  return {std::move(arguments),
          {{"OPENSSL_CONF", Device("openssl.cnf")}, {"SIMROOT_CACHE", Device("cache")}, {"SIMROOT_CARD", ""}},
          root_ + "/device"};
}

ProgramCall Workshop::Elsewhere(std::vector<std::string> arguments) const {
  return {std::move(arguments), {{"OPENSSL_CONF", "/dev/null"}, {"SIMROOT_CARD", ""}}, root_ + "/ca"};
}

Result<void> Workshop::MakeCaAndServer(int stop_fd) const {
  const std::vector<std::string> key_options{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"};
  std::vector<std::string> ca{"openssl",
                              "req",
                              "-x509",
                              "-subj",
                              "/CN=simroot demo CA",
                              "-days",
                              "2",
                              "-keyout",
                              "ca.key",
                              "-out",
                              "ca.pem",
                              "-addext",
                              "basicConstraints=critical,CA:TRUE"};
  ca.insert(ca.end(), key_options.begin(), key_options.end());
  SR_TRY_VOID(RunChecked(Elsewhere(ca), stop_fd));
  std::vector<std::string> server{"openssl",
                                  "req",
                                  "-x509",
                                  "-CA",
                                  "ca.pem",
                                  "-CAkey",
                                  "ca.key",
                                  "-subj",
                                  "/CN=localhost",
                                  "-days",
                                  "2",
                                  "-keyout",
                                  "server.key",
                                  "-out",
                                  "server.pem",
                                  "-addext",
                                  "subjectAltName=DNS:localhost,IP:127.0.0.1",
                                  "-addext",
                                  "basicConstraints=critical,CA:FALSE"};
  server.insert(server.end(), key_options.begin(), key_options.end());
  SR_TRY_VOID(RunChecked(Elsewhere(server), stop_fd));
  SR_TRY(const Bytes ca_certificate, ReadWholeFile(Ca("ca.pem"), 65536));
  return WriteFileAtomically(Device("ca.pem"), ca_certificate, 0644);
}

Result<void> Workshop::SignDeviceRequest(int stop_fd) const {
  SR_TRY_VOID(RunChecked(Elsewhere({"openssl", "x509", "-req", "-in", Device("device.csr"), "-CA", "ca.pem", "-CAkey",
                                    "ca.key", "-CAcreateserial", "-days", "2", "-sha256", "-out", "device.pem"}),
                         stop_fd));
  SR_TRY(const Bytes certificate, ReadWholeFile(Ca("device.pem"), 65536));
  return WriteFileAtomically(Device("device.pem"), certificate, 0644);
}

Result<std::string> RunChecked(const ProgramCall& call, int stop_fd) {
  SR_TRY(const ProgramResult result, RunProgram(call, Deadline::After(kProgramLimit), stop_fd));
  if (result.status != 0) {
    return Fail(ErrorDomain::kTransport, "`" + call.Text() + "` ended with status " + std::to_string(result.status),
                "it printed: " + result.output);
  }
  return result.output;
}

}  // namespace simroot::app
