// SPDX-License-Identifier: Apache-2.0
#include "demo/psk_demo.hpp"

#include <cstdio>

#include "card/host/leak_test.hpp"
#include "card/host/virtual_card.hpp"
#include "common/host/file_io.hpp"
#include "common/host/hex.hpp"
#include "demo/secret_search.hpp"
#include "demo/sim_in_modem.hpp"
#include "demo/steps.hpp"
#include "demo/workshop.hpp"
#include "device/client/card.hpp"
#include "output.hpp"
#include "program_paths.hpp"
#include "stop_signal.hpp"

namespace simroot::app {
namespace {

constexpr std::chrono::seconds kHandshakeLimit{20};
constexpr const char* kIdentity = "meter-0001";

/// A pre-shared key of the card's profile: random, made with the card.
struct DemoKey {
  std::string id;
  std::string handle;         ///< what the device's programs are given
  std::string hex;            ///< the key itself: for the server, which shares it
  std::vector<Bytes> traces;  ///< what a search looks for
};

/// One handshake.
struct Mode {
  const char* name;
  const char* protocol;
  const char* cipher;  ///< of TLS 1.2; null for TLS 1.3
  bool deep = false;
};
constexpr std::array kModes{Mode{"TLS 1.2, PSK alone", "-tls1_2", "PSK-AES128-GCM-SHA256"},
                            Mode{"TLS 1.2, ECDHE-PSK", "-tls1_2", "ECDHE-PSK-CHACHA20-POLY1305"},
                            Mode{"DTLS 1.2, PSK alone", "-dtls1_2", "PSK-AES128-GCM-SHA256"},
                            Mode{"TLS 1.3", "-tls1_3", nullptr}, Mode{"TLS 1.3, psk = deep", "-tls1_3", nullptr, true}};

class PskDemo {
 public:
  PskDemo(const DemoArguments& arguments, Workshop workshop) : arguments_(arguments), workshop_(std::move(workshop)) {}

  Result<void> Run() {
    SR_TRY_VOID(steps_.Do("a virtual SIM with pre-shared keys", [this] { return MakeCard(); }));
    SR_TRY_VOID(steps_.Do("an emulated modem with that SIM", [this] { return StartModem(); }));
    SR_TRY_VOID(steps_.Do("what the programs get in place of the keys", [this] { return MakeHandles(); }));
    SR_TRY_VOID(steps_.Do("OpenSSL is configured for them", [this] { return CheckConfiguration(); }));
    for (const Mode& mode : kModes) {
      SR_TRY_VOID(steps_.Do(std::string("openssl s_client, ") + mode.name, [this, &mode] { return Handshake(mode); }));
    }
    SR_TRY_VOID(steps_.Do("somebody with the handle and no SIM", [this] { return HandleAloneIsRefused(); }));
    SR_TRY_VOID(steps_.Do("the keys are in no file of the device", [this] { return SearchDeviceFiles(); }));
    return {};
  }

  void PrintSummary() const {
    std::vector<std::vector<std::string>> rows{{"HANDSHAKE", "APDUS", "CHARACTERS"}};
    rows.insert(rows.end(), handshakes_.begin(), handshakes_.end());
    std::printf("\n%s\n\n", FormatTable(rows).c_str());
    std::printf(
        "openssl is the unmodified program of this system. It was given a handle of 16 public bytes; the keys\n"
        "were searched for in %llu MiB of memory of the running clients and in all files of the device: not\n"
        "found. What TLS 1.3 without `psk = deep` gives away is in docs/threat-model.md. %zu steps, all verified.\n",
        static_cast<unsigned long long>(memory_searched_ >> 20U), steps_.done());
  }

 private:
  [[nodiscard]] const DemoKey& KeyFor(const Mode& mode) const { return mode.cipher != nullptr ? prf_ : hkdf_; }

  Result<void> ReadKey(DemoKey& key) const {
    SR_TRY(const auto name, device::ParseObjectName(iotsafe::ObjectClass::kSecretKey, key.id));
    SecretArray<32> value;
    SR_TRY_VOID(card::CopyPrivateKeyForLeakTest(card_file_, name.Ref(), value));
    key.hex = ToHex(value.Reveal(InsecureReveal::kForTest));
    key.traces = TracesOf(value.Reveal(InsecureReveal::kForTest));
    return {};
  }

  Result<std::string> MakeCard() {
    card_file_ = workshop_.Card("sim.card");
    card::CreateOptions options;
    options.profile = card::CardProfile::kType2;
    SR_TRY_VOID(card::CreateCard(card_file_, options));
    prf_.id = "08";
    hkdf_.id = "07";
    SR_TRY_VOID(ReadKey(prf_));
    SR_TRY_VOID(ReadKey(hkdf_));
    return std::string("profile type2, random keys: 08 for TLS 1.2, 07 for TLS 1.3; the server knows them too");
  }

  Result<std::string> StartModem() {
    port_ = workshop_.root() + "/modem";
    SR_TRY(sim_, SimInModem::Start(card_file_, port_, arguments_.trace));
    const std::string provider = ProviderFolder();
    if (provider.empty()) {
      return Fail(ErrorDomain::kUsage, "the OpenSSL provider is not beside this program",
                  "build it: `make demo` does, or install with `make install`");
    }
    const std::string standard = OpensslPskConfiguration(provider, "at:" + port_);
    std::string deep = standard;
    const std::string section = "[simroot_section]\n";
    deep.insert(deep.find(section) + section.size(), "psk = deep\n");
    SR_TRY_VOID(WriteFileAtomically(workshop_.Device("openssl.cnf"), AsBytes(standard), 0600));
    SR_TRY_VOID(WriteFileAtomically(workshop_.Device("deep.cnf"), AsBytes(deep), 0600));
    return "at:" + port_;
  }

  Result<std::string> MakeHandles() {
    for (DemoKey* const key : {&prf_, &hkdf_}) {
      SR_TRY(
          const std::string output,
          RunChecked(workshop_.OnDevice({"/proc/self/exe", "device", "psk-handle", key->id, "--card", "at:" + port_}),
                     stop_.fd()));
      key->handle = output.substr(0, output.find('\n'));
    }
    return prf_.handle + ", " + hkdf_.handle;
  }

  Result<std::string> CheckConfiguration() {
    for (const DemoKey* const key : {&prf_, &hkdf_}) {
      SR_TRY_VOID(RunChecked(
          workshop_.OnDevice({"/proc/self/exe", "device", "selftest", key->id, "--psk", "--card", "at:" + port_}),
          stop_.fd()));
    }
    return std::string("simroot device selftest --psk");
  }

  Result<ChildProcess> StartServer(const Mode& mode, std::string& address) {
    SR_TRY(ChildProcess server,
           ChildProcess::Start(workshop_.Elsewhere({"openssl", "s_server", "-accept", "127.0.0.1:0", "-nocert", "-psk",
                                                    KeyFor(mode).hex, "-psk_identity", kIdentity, mode.protocol})));
    const std::string accept = "ACCEPT 127.0.0.1:";
    SR_TRY_VOID(server.ReadUntil(accept, Deadline::After(kHandshakeLimit), stop_.fd()));
    const std::size_t start = server.output().find(accept) + accept.size();
    while (server.output().find('\n', start) == std::string::npos) {  // the rest of that line
      SR_TRY_VOID(server.ReadMore(Deadline::After(kHandshakeLimit), stop_.fd()));
    }
    address = "127.0.0.1:" + server.output().substr(start, server.output().find('\n', start) - start);
    return server;
  }

  [[nodiscard]] static std::vector<std::string> ClientArguments(const Mode& mode, const std::string& address,
                                                                const std::string& handle) {
    std::vector<std::string> arguments{"openssl", "s_client",      "-connect", address,      "-psk",
                                       handle,    "-psk_identity", kIdentity,  mode.protocol};
    if (mode.cipher != nullptr) {
      arguments.insert(arguments.end(), {"-cipher", mode.cipher});
    }
    return arguments;
  }

  Result<std::string> Handshake(const Mode& mode) {
    std::string address;
    SR_TRY(ChildProcess server, StartServer(mode, address));
    static_cast<void>(sim_->TakeTraffic());
    ProgramCall call = workshop_.OnDevice(ClientArguments(mode, address, KeyFor(mode).handle));
    if (mode.deep) {
      call.environment["OPENSSL_CONF"] = workshop_.Device("deep.cnf");
    }
    SR_TRY(ChildProcess client, ChildProcess::Start(call));
    const std::string message = "meter reading 42\n";
    SR_TRY_VOID(client.Write(message));
    SR_TRY_VOID(server.ReadUntil(message, Deadline::After(kHandshakeLimit), stop_.fd()));
    const std::string answer = "valve open 7\n";
    SR_TRY_VOID(server.Write(answer));
    SR_TRY_VOID(client.ReadUntil(answer, Deadline::After(kHandshakeLimit), stop_.fd()));
    SR_TRY_VOID(SearchClientMemory(client.pid(), KeyFor(mode)));
    client.CloseInput();
    SR_TRY(const int status, client.Wait(Deadline::After(kHandshakeLimit), stop_.fd()));
    if (status != 0) {
      return Fail(ErrorDomain::kTransport, "openssl s_client ended with status " + std::to_string(status));
    }
    const LineTraffic traffic = sim_->TakeTraffic();
    if (traffic.apdus == 0) {
      return Fail(ErrorDomain::kCrypto, "the handshake was done without the SIM");
    }
    handshakes_.push_back({mode.name, std::to_string(traffic.apdus), std::to_string(traffic.characters)});
    return "both read what the other wrote, " + std::to_string(traffic.apdus) + " APDUs, " +
           std::to_string(traffic.characters) + " characters";
  }

  Result<std::string> HandleAloneIsRefused() {
    std::size_t refused = 0;
    for (const Mode& mode : {kModes.front(), Mode{"TLS 1.3", "-tls1_3", nullptr}}) {
      std::string address;
      SR_TRY(ChildProcess server, StartServer(mode, address));
      static_cast<void>(sim_->TakeTraffic());
      SR_TRY(const ProgramResult client,
             RunProgram(workshop_.Elsewhere(ClientArguments(mode, address, KeyFor(mode).handle)),
                        Deadline::After(kHandshakeLimit), stop_.fd()));
      SR_TRY_VOID(server.ReadUntil(mode.cipher != nullptr ? "bad record mac" : "binder",
                                   Deadline::After(kHandshakeLimit), stop_.fd()));
      if (client.status == 0 || sim_->TakeTraffic().apdus != 0) {
        return Fail(ErrorDomain::kCrypto, "the handle alone opened a connection");
      }
      ++refused;
    }
    return "the server refuses in TLS 1.2 and in TLS 1.3 (" + std::to_string(refused) + " of 2)";
  }

  Result<void> SearchClientMemory(pid_t pid, const DemoKey& key) {
    SR_TRY(const SearchResult secret, SearchMemory(pid, key.traces));
    // What must be there shows that the search works: the handle.
    SR_TRY(const SearchResult control, SearchMemory(pid, {Bytes(key.handle.begin(), key.handle.end())}));
    if (!secret.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "the pre-shared key is in the client's memory: " + secret.found_in.front());
    }
    if (control.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "the search of the client's memory does not even find the handle");
    }
    memory_searched_ += secret.bytes_searched;
    return {};
  }

  Result<std::string> SearchDeviceFiles() {
    std::vector<Bytes> traces = prf_.traces;
    traces.insert(traces.end(), hkdf_.traces.begin(), hkdf_.traces.end());
    SR_TRY(const SearchResult secret, SearchFiles(workshop_.Device(""), traces));
    SR_TRY(const SearchResult control, SearchFiles(workshop_.Card(""), traces));
    if (!secret.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "a pre-shared key is in " + secret.found_in.front());
    }
    if (control.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "the search of files does not even find the keys in the card");
    }
    return std::to_string(secret.bytes_searched) + " bytes searched; the card's file has them, so the search works";
  }

  DemoArguments arguments_;
  Workshop workshop_;
  StopSignal stop_;
  Steps steps_;
  std::string card_file_;
  std::string port_;
  std::unique_ptr<SimInModem> sim_;
  DemoKey prf_;
  DemoKey hkdf_;
  std::uint64_t memory_searched_ = 0;
  std::vector<std::vector<std::string>> handshakes_;
};

}  // namespace

int RunPskDemo(const DemoArguments& arguments) {
  auto workshop = Workshop::Create(arguments.keep);
  if (!workshop) {
    return Report(workshop.error());
  }
  const std::string root = workshop->root();
  PskDemo demo(arguments, std::move(*workshop));
  const auto done = demo.Run();
  if (arguments.keep) {
    static_cast<void>(PrintLine("the working folder is kept: " + root));
  }
  if (!done) {
    return Report(done.error());
  }
  demo.PrintSummary();
  return kDone;
}

}  // namespace simroot::app
