// SPDX-License-Identifier: Apache-2.0
/// `simroot demo --device`: a virtual SIM in an emulated modem, unmodified programs that open mutual TLS with the key
/// in it, and the proof that the key was nowhere else. Each step is checked; the first that fails ends the demo with
/// status 1.
#include "demo/device_demo.hpp"

#include <cstdio>

#include "card/host/leak_test.hpp"
#include "card/host/virtual_card.hpp"
#include "common/host/file_io.hpp"
#include "common/host/hex.hpp"
#include "demo/secret_search.hpp"
#include "demo/sim_in_modem.hpp"
#include "demo/steps.hpp"
#include "demo/workshop.hpp"
#include "output.hpp"
#include "program_paths.hpp"
#include "stop_signal.hpp"

namespace simroot::app {
namespace {

constexpr std::chrono::seconds kHandshakeLimit{20};
constexpr std::string_view kDeviceName = "device-0001";

/// One protocol of the handshakes with openssl s_client.
struct Protocol {
  const char* name;
  const char* option;       ///< for both s_client and s_server
  const char* client_name;  ///< as s_client reports it
};
constexpr std::array kProtocols{Protocol{"TLS 1.3", "-tls1_3", "TLSv1.3"}, Protocol{"TLS 1.2", "-tls1_2", "TLSv1.2"},
                                Protocol{"DTLS 1.2", "-dtls1_2", "DTLSv1.2"}};

class Demo {
 public:
  Demo(const DemoArguments& arguments, Workshop workshop) : arguments_(arguments), workshop_(std::move(workshop)) {}

  Result<void> Run() {
    SR_TRY_VOID(steps_.Do("a virtual SIM, its key pair made inside it", [this] { return MakeCard(); }));
    SR_TRY_VOID(steps_.Do("an emulated modem with that SIM", [this] { return StartModem(); }));
    SR_TRY_VOID(steps_.Do("a throw-away CA and a server certificate", [this] { return MakeCa(); }));
    SR_TRY_VOID(
        steps_.Do("openssl req: a certificate request signed by the SIM", [this] { return RequestCertificate(); }));
    SR_TRY_VOID(steps_.Do("the CA's certificate, stored in the SIM", [this] { return StoreCertificate(); }));
    for (const Protocol& protocol : kProtocols) {
      SR_TRY_VOID(steps_.Do(std::string("openssl s_client, mutual ") + protocol.name,
                            [this, &protocol] { return HandshakeWithOpenssl(protocol); }));
    }
    SR_TRY_VOID(steps_.Do("curl, mutual TLS with a wrapper file", [this] { return HandshakeWithCurl(); }));
    SR_TRY_VOID(steps_.Do("a stranger with a certificate of the same name", [this] { return StrangerIsRefused(); }));
    SR_TRY_VOID(steps_.Do("all files of the device, but another SIM", [this] { return AnotherSimIsNoticed(); }));
    SR_TRY_VOID(steps_.Do("the private key is in no file of the device", [this] { return SearchDeviceFiles(); }));
    return {};
  }

  void PrintSummary() const {
    std::vector<std::vector<std::string>> rows{{"HANDSHAKE", "PEER SAW", "APDUS", "OF THEM SIGNATURE", "CHARACTERS"}};
    rows.insert(rows.end(), handshakes_.begin(), handshakes_.end());
    std::printf("\n%s\n\n", FormatTable(rows).c_str());
    std::printf("Every program above was the unmodified one of this system, configured by openssl.cnf alone.\n");
    std::printf(
        "The private key was made in the SIM and searched for, in 8 forms, in %s of memory of the\n"
        "running s_client processes and in all files of the device: not found. %zu steps, all verified.\n",
        Size(memory_searched_).c_str(), steps_.done());
  }

 private:
  static std::string Size(std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

  Result<std::string> MakeCard() {
    card_file_ = workshop_.Card("sim.card");
    SR_TRY_VOID(card::CreateCard(card_file_, {}));
    constexpr std::uint8_t kKeyId = 0x01;
    SecretArray<32> scalar;
    SR_TRY_VOID(card::CopyPrivateKeyForLeakTest(
        card_file_, {iotsafe::ObjectClass::kPrivateKey, false, ByteView(&kKeyId, 1)}, scalar));
    secret_traces_ = TracesOf(scalar.Reveal(InsecureReveal::kForTest));
    return std::string("profile demo, keys 01 and 04, files 02 and 03");
  }

  Result<std::string> StartModem() {
    port_ = workshop_.root() + "/modem";
    SR_TRY(sim_, SimInModem::Start(card_file_, port_, arguments_.trace));
    const std::string provider = ProviderFolder();
    if (provider.empty()) {
      return Fail(ErrorDomain::kUsage, "the OpenSSL provider is not beside this program",
                  "build it: `make demo` does, or install with `make install`");
    }
    SR_TRY_VOID(workshop_.WriteDeviceConfiguration(provider, "at:" + port_));
    return "at:" + port_;
  }

  Result<std::string> MakeCa() {
    SR_TRY_VOID(workshop_.MakeCaAndServer(stop_.fd()));
    return std::string("both on software keys, on the other side of the line");
  }

  Result<std::string> RequestCertificate() {
    static_cast<void>(sim_->TakeTraffic());
    SR_TRY_VOID(RunChecked(workshop_.OnDevice({"openssl", "req", "-new", "-key", "iotsafe:01", "-subj",
                                               "/O=simroot demo/CN=" + std::string(kDeviceName), "-out", "device.csr"}),
                           stop_.fd()));
    const LineTraffic traffic = sim_->TakeTraffic();
    if (traffic.signature_apdus == 0) {
      return Fail(ErrorDomain::kCrypto, "the request was signed without the SIM");
    }
    SR_TRY_VOID(
        RunChecked(workshop_.Elsewhere({"openssl", "req", "-verify", "-noout", "-in", workshop_.Device("device.csr")}),
                   stop_.fd()));
    return "-key iotsafe:01, " + std::to_string(traffic.apdus) + " APDUs, self-signature verified";
  }

  Result<std::string> StoreCertificate() {
    SR_TRY_VOID(workshop_.SignDeviceRequest(stop_.fd()));
    SR_TRY_VOID(RunChecked(
        workshop_.Elsewhere({"openssl", "x509", "-in", "device.pem", "-outform", "DER", "-out", "device.der"}),
        stop_.fd()));
    SR_TRY(const Bytes certificate, ReadWholeFile(workshop_.Ca("device.der"), 65536));
    // The issuer's hand needs the card itself: out of the modem, and in again.
    sim_.reset();
    constexpr std::uint8_t kFileId = 0x02;
    SR_TRY_VOID(card::PutFile(card_file_, {iotsafe::ObjectClass::kFile, false, ByteView(&kFileId, 1)}, certificate));
    SR_TRY(sim_, SimInModem::Start(card_file_, port_, arguments_.trace));
    return std::to_string(certificate.size()) + " bytes in file 02";
  }

  Result<ChildProcess> StartServer(std::vector<std::string> options, std::string& address) {
    std::vector<std::string> arguments{
        "openssl",    "s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem",          "-key",
        "server.key", "-CAfile",  "ca.pem",  "-Verify",     "2",     "-verify_return_error"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    SR_TRY(ChildProcess server, ChildProcess::Start(workshop_.Elsewhere(arguments)));
    const std::string kAccept = "ACCEPT 127.0.0.1:";
    SR_TRY_VOID(server.ReadUntil(kAccept, Deadline::After(kHandshakeLimit), stop_.fd()));
    const std::size_t start = server.output().find(kAccept) + kAccept.size();
    while (server.output().find('\n', start) == std::string::npos) {  // the rest of that line
      SR_TRY_VOID(server.ReadMore(Deadline::After(kHandshakeLimit), stop_.fd()));
    }
    address = "127.0.0.1:" + server.output().substr(start, server.output().find('\n', start) - start);
    return server;
  }

  Result<std::string> HandshakeWithOpenssl(const Protocol& protocol) {
    std::string address;
    SR_TRY(ChildProcess server, StartServer({protocol.option}, address));
    static_cast<void>(sim_->TakeTraffic());
    SR_TRY(ChildProcess client,
           ChildProcess::Start(workshop_.OnDevice({"openssl", "s_client", "-connect", address, protocol.option, "-key",
                                                   "iotsafe:01", "-cert", "iotsafe:02", "-CAfile", "ca.pem",
                                                   "-verify_return_error", "-servername", "localhost"})));
    SR_TRY_VOID(client.ReadUntil("Verify return code: 0 (ok)", Deadline::After(kHandshakeLimit), stop_.fd()));
    const std::string message = "meter reading 42\n";
    SR_TRY_VOID(client.Write(message));
    SR_TRY_VOID(server.ReadUntil(message, Deadline::After(kHandshakeLimit), stop_.fd()));
    // s_server prints the certificate of a client that proved possession of its key.
    SR_TRY_VOID(server.ReadUntil("CN = " + std::string(kDeviceName), Deadline::After(kHandshakeLimit), stop_.fd()));
    if (client.output().find(protocol.client_name) == std::string::npos) {
      return Fail(ErrorDomain::kCrypto, std::string("the connection is not ") + protocol.name);
    }
    SR_TRY_VOID(SearchClientMemory(client.pid()));
    client.CloseInput();
    SR_TRY(const int status, client.Wait(Deadline::After(kHandshakeLimit), stop_.fd()));
    if (status != 0) {
      return Fail(ErrorDomain::kTransport, "openssl s_client ended with status " + std::to_string(status));
    }
    return NoteHandshake(std::string("openssl s_client ") + protocol.name);
  }

  Result<std::string> HandshakeWithCurl() {
    const std::string wrapper = workshop_.Device("key.pem");
    SR_TRY_VOID(
        RunChecked(workshop_.OnDevice({"/proc/self/exe", "device", "wrap-key", "--card", "at:" + port_, "01", wrapper}),
                   stop_.fd()));
    std::string address;
    SR_TRY(const ChildProcess server, StartServer({"-www"}, address));
    const std::string port = address.substr(address.find(':') + 1);
    static_cast<void>(sim_->TakeTraffic());
    SR_TRY(const std::string page,
           RunChecked(workshop_.OnDevice({"curl", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*",
                                          "--resolve", "localhost:" + port + ":127.0.0.1", "--cacert", "ca.pem",
                                          "--cert", "device.pem", "--key", wrapper, "https://localhost:" + port + "/"}),
                      stop_.fd()));
    if (page.find("CN=" + std::string(kDeviceName)) == std::string::npos &&
        page.find("CN = " + std::string(kDeviceName)) == std::string::npos) {
      return Fail(ErrorDomain::kCrypto, "the server's page does not name the client", "it says: " + page);
    }
    return NoteHandshake("curl TLS 1.3");
  }

  Result<std::string> StrangerIsRefused() {
    // The certificate is no secret: whoever has it but not the SIM signs with some other key.
    SR_TRY_VOID(RunChecked(
        workshop_.Elsewhere({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                             "-noenc", "-subj", "/O=simroot demo/CN=" + std::string(kDeviceName), "-keyout",
                             "stranger.key", "-out", "stranger.pem"}),
        stop_.fd()));
    std::string address;
    SR_TRY(ChildProcess server, StartServer({"-tls1_3"}, address));
    static_cast<void>(sim_->TakeTraffic());
    SR_TRY(const ProgramResult client,
           RunProgram(workshop_.Elsewhere({"openssl", "s_client", "-connect", address, "-cert", "stranger.pem", "-key",
                                           "stranger.key", "-CAfile", "ca.pem", "-verify_return_error", "-quiet",
                                           "-no_ign_eof"}),
                      Deadline::After(kHandshakeLimit), stop_.fd()));
    SR_TRY_VOID(server.ReadUntil("verify error", Deadline::After(kHandshakeLimit), stop_.fd()));
    if (sim_->TakeTraffic().apdus != 0) {
      return Fail(ErrorDomain::kCrypto, "the SIM was used by a stranger");
    }
    static_cast<void>(client);  // s_client may end before it hears of the refusal: the server's word counts
    return std::string("same name, other key: certificate verify failed");
  }

  Result<std::string> AnotherSimIsNoticed() {
    // Whoever copies the device's files to another device has everything but the SIM.
    const std::string card = workshop_.Card("other.card");
    const std::string port = workshop_.root() + "/other-modem";
    SR_TRY_VOID(card::CreateCard(card, {}));
    SR_TRY(const auto other_sim, SimInModem::Start(card, port, arguments_.trace));
    std::string address;
    SR_TRY(const ChildProcess server, StartServer({"-tls1_3"}, address));
    ProgramCall call =
        workshop_.OnDevice({"openssl", "s_client", "-connect", address, "-key", workshop_.Device("key.pem"), "-cert",
                            workshop_.Device("device.pem"), "-CAfile", "ca.pem", "-verify_return_error"});
    call.environment["SIMROOT_CARD"] = "at:" + port;
    SR_TRY(const ProgramResult client, RunProgram(call, Deadline::After(kHandshakeLimit), stop_.fd()));
    if (client.status == 0 || client.output.find("another SIM") == std::string::npos) {
      return Fail(ErrorDomain::kCrypto, "another SIM was not noticed", "openssl printed: " + client.output);
    }
    return std::string("openssl says that another SIM has been put in");
  }

  Result<void> SearchClientMemory(pid_t pid) {
    SR_TRY(const SearchResult secret, SearchMemory(pid, secret_traces_));
    // What must be there shows that the search works: the name in the client's certificate.
    SR_TRY(const SearchResult control, SearchMemory(pid, {Bytes(kDeviceName.begin(), kDeviceName.end())}));
    if (!secret.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "the private key is in the client's memory: " + secret.found_in.front());
    }
    if (control.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "the search of the client's memory does not even find its certificate");
    }
    memory_searched_ += secret.bytes_searched;
    return {};
  }

  Result<std::string> SearchDeviceFiles() {
    const std::string folder = workshop_.Device("");
    SR_TRY(const SearchResult secret, SearchFiles(folder, secret_traces_));
    SR_TRY(const SearchResult control, SearchFiles(workshop_.Card(""), secret_traces_));
    if (!secret.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "the private key is in " + secret.found_in.front());
    }
    if (control.found_in.empty()) {
      return Fail(ErrorDomain::kCrypto, "the search of files does not even find the key in the card");
    }
    return std::to_string(secret.bytes_searched) + " bytes searched; the card's file has it, so the search works";
  }

  std::string NoteHandshake(const std::string& name) {
    const LineTraffic traffic = sim_->TakeTraffic();
    handshakes_.push_back({name, "CN = " + std::string(kDeviceName), std::to_string(traffic.apdus),
                           std::to_string(traffic.signature_apdus), std::to_string(traffic.characters)});
    return "the peer saw CN = " + std::string(kDeviceName) + ", " + std::to_string(traffic.apdus) + " APDUs, " +
           std::to_string(traffic.characters) + " characters";
  }

  DemoArguments arguments_;
  Workshop workshop_;
  StopSignal stop_;
  std::string card_file_;
  std::string port_;
  std::unique_ptr<SimInModem> sim_;
  std::vector<Bytes> secret_traces_;
  std::uint64_t memory_searched_ = 0;
  Steps steps_;
  std::vector<std::vector<std::string>> handshakes_;
};

}  // namespace

int RunDeviceDemo(const DemoArguments& arguments) {
  auto workshop = Workshop::Create(arguments.keep);
  if (!workshop) {
    return Report(workshop.error());
  }
  const std::string root = workshop->root();
  Demo demo(arguments, std::move(*workshop));
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
