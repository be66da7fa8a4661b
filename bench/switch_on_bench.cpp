// SPDX-License-Identifier: Apache-2.0
/// First switch-ons a second: in process, and through HTTPS beside bare TLS handshakes with the same server; and
/// whether the time of an answer tells a known card from an unknown one.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "bench/rounds.hpp"
#include "bench/switch_on_platform.hpp"
#include "common/host/unique_fd.hpp"
#include "common/net/http_client.hpp"
#include "common/net/http_server.hpp"
#include "common/net/testing/test_pki.hpp"
#include "common/net/tls.hpp"
#include "device/relay/relay_messages.hpp"
#include "platform/api/api.hpp"

namespace simroot::bench {
namespace {

using platform::RelayAnswer;
using platform::RelayBatch;
using platform::RelayHello;

constexpr std::size_t kDevices = 400;
constexpr unsigned kThreads = 32;  // each waits for its commits most of the time
constexpr unsigned kHttpsClients = 16;

/// Microseconds until `threads` threads have done `work` for 0 to count - 1.
double TimeInThreads(unsigned threads, std::size_t count, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  return TimeCalls(
      [&] {
        std::vector<std::thread> running;
        for (unsigned i = 0; i < threads; ++i) {
          running.emplace_back([&] {
            for (std::size_t number = next++; number < count; number = next++) {
              work(number);
            }
          });
        }
        for (std::thread& thread : running) {
          thread.join();
        }
      },
      1);
}

std::vector<BenchDevice> MakeDevices(BenchPlatform& platform, std::size_t first) {
  std::vector<BenchDevice> devices;
  devices.reserve(kDevices);
  for (std::size_t i = 0; i < kDevices; ++i) {
    devices.push_back(platform.AddDevice(first + i));
  }
  return devices;
}

RelayBatch Get(platform::Outcome<RelayBatch> batch) {
  if (!batch) {
    GiveUp(batch.error().Text());
  }
  return std::move(*batch);
}

void SwitchOn(platform::OtaEngine& engine, BenchDevice& device) {
  RelayHello hello;
  hello.iccid = device.iccid;
  hello.source = "127.0.0.1";
  RelayBatch batch = Get(engine.Begin(hello));
  while (!batch.done) {
    std::vector<RelayAnswer> answers;
    for (const Bytes& command : batch.commands) {
      answers.push_back(device.Send(command));
    }
    batch = Get(engine.Continue(batch.session, batch.step, answers, "127.0.0.1"));
  }
  if (!batch.provisioned) {
    GiveUp("a switch-on has failed: " + batch.message);
  }
}

void RunInProcess(BenchPlatform& platform) {
  std::vector<BenchDevice> devices = MakeDevices(platform, 0);
  const double all_us =
      TimeInThreads(kThreads, devices.size(), [&](std::size_t i) { SwitchOn(platform.engine(), devices.at(i)); });
  const double rate = kDevices * 1e6 / all_us;
  std::printf("in process: cards, engine, SQLite with group commit, no TLS\n");
  std::printf("  %zu devices, %u at once   %.0f devices/s   %.2f of the budget of 800\n", kDevices, kThreads, rate,
              rate / 800);
}

/// The platform's API behind our HTTPS server.
class Served {
 public:
  Served(BenchPlatform& platform, const std::string& folder)
      : api_({.service = platform.service(),
              .engine = platform.engine(),
              .store = platform.store(),
              .clock = platform.clock(),
              .options = {.per_address = {1e6, 1e6}},
              .log = [](std::string_view) {}}),
        ca_file_(folder + "/bench-ca.pem") {
    using net::testing::MakeIdentity;
    const auto root = MakeIdentity({.name = "root", .ca = true}, nullptr);
    const auto identity = MakeIdentity({.name = "server", .alternative_names = "IP:127.0.0.1"}, &root);
    std::ofstream(ca_file_) << root.certificate;
    net::HttpServerOptions options;
    options.certificate_chain = identity.certificate;
    options.private_key = identity.SecretKey();
    auto server = net::HttpServer::Start(std::move(options),
                                         [this](const net::HttpRequest& request) { return api_.Handle(request); });
    if (!server) {
      GiveUp(server.error().Text());
    }
    server_ = std::move(*server);
  }

  [[nodiscard]] std::uint16_t port() const { return server_->port(); }
  [[nodiscard]] std::unique_ptr<net::HttpClient> Connect() const {
    net::HttpClientOptions options;
    options.url = "https://127.0.0.1:" + std::to_string(port());
    options.ca_file = ca_file_;
    auto client = net::HttpClient::Create(std::move(options));
    if (!client) {
      GiveUp(client.error().Text());
    }
    return std::move(*client);
  }

 private:
  platform::Api api_;
  std::string ca_file_;
  std::unique_ptr<net::HttpServer> server_;
};

device::RelayReply Post(net::HttpClient& client, const std::string& target, const std::string& body) {
  const auto reply = client.Send("POST", target, body, {{"content-type", "application/json"}});
  if (!reply || reply->status / 100 != 2) {
    GiveUp(reply ? "status " + std::to_string(reply->status) + ": " + reply->body : reply.error().Text());
  }
  auto decoded = device::DecodeReply(reply->body);
  if (!decoded) {
    GiveUp(decoded.error().Text());
  }
  return std::move(*decoded);
}

void SwitchOnOverHttps(const Served& served, BenchDevice& device) {
  const auto client = served.Connect();
  device::RelayReply reply =
      Post(*client, "/v1/relay/sessions",
           device::EncodeHello({.iccid = device.iccid, .application_id = {}, .application_info = {}, .objects = {}}));
  while (!reply.done) {
    std::vector<Bytes> answers;
    for (const Bytes& command : reply.commands) {
      RelayAnswer answer = device.Send(command);
      answer.data.push_back(LowByte(answer.sw >> 8U));
      answer.data.push_back(LowByte(answer.sw));
      answers.push_back(std::move(answer.data));
    }
    reply = Post(*client, "/v1/relay/sessions/" + reply.session, device::EncodeAnswers(reply.step, answers));
  }
  if (!reply.provisioned) {
    GiveUp("a switch-on has failed: " + reply.message);
  }
}

/// One full handshake as a client that trusts anybody; then the connection is cut.
void HandShake(SSL_CTX* context, std::uint16_t port) {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const net::TlsConnection connection = net::MakeConnection(context, fd.get());
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      SSL_connect(connection.get()) != 1) {
    GiveUp("the handshake failed");
  }
}

void RunOverHttps(BenchPlatform& platform, const Served& served) {
  std::vector<BenchDevice> devices = MakeDevices(platform, kDevices);
  const net::TlsContext context(SSL_CTX_new(TLS_client_method()));
  const auto handshake = [&](std::size_t) { HandShake(context.get(), served.port()); };
  static_cast<void>(TimeInThreads(kHttpsClients, kDevices, handshake));  // warm up
  // In halves, the handshakes between them, so that a machine whose speed drifts slows both.
  const auto half = [&](std::size_t first) {
    return TimeInThreads(kHttpsClients, kDevices / 2,
                         [&](std::size_t i) { SwitchOnOverHttps(served, devices.at(first + i)); });
  };
  double switch_ons_us = half(0);
  const double handshakes_us = TimeInThreads(kHttpsClients, kDevices, handshake);
  switch_ons_us += half(kDevices / 2);
  std::printf("through HTTPS: a connection of its own for each device, %u at once, clients on the same machine\n",
              kHttpsClients);
  std::printf("  %.0f devices/s, bare handshakes with the same server %.0f/s, ratio %.2f (budget: 0.5)\n",
              kDevices * 1e6 / switch_ons_us, kDevices * 1e6 / handshakes_us, handshakes_us / switch_ons_us);
}

/// How often a guess from one time is right, when the slower of two is called the known one: 0.5 is blind.
double GuessesThatAreRight(const std::vector<double>& known, const std::vector<double>& unknown) {
  double right = 0;
  for (const double a : known) {
    for (const double b : unknown) {
      right += a > b ? 1 : a == b ? 0.5 : 0;
    }
  }
  right /= static_cast<double>(known.size() * unknown.size());
  return std::max(right, 1 - right);
}

/// The attacker's session: a hello with an ICCID, and answers of a card that has not the keys.
double TimeOfGuess(net::HttpClient& client, const std::string& iccid) {
  return TimeCalls(
      [&] {
        const device::RelayReply reply =
            Post(client, "/v1/relay/sessions",
                 device::EncodeHello({.iccid = iccid, .application_id = {}, .application_info = {}, .objects = {}}));
        std::vector<Bytes> answers(reply.commands.size(), Bytes{0x69, 0x82});
        static_cast<void>(client.Send("POST", "/v1/relay/sessions/" + reply.session,
                                      device::EncodeAnswers(reply.step, answers),
                                      {{"content-type", "application/json"}}));
      },
      1);
}

void RunGuesses(BenchPlatform& platform, const Served& served) {
  constexpr std::size_t kGuesses = 200;
  std::vector<double> known;
  std::vector<double> unknown;
  const auto client = served.Connect();
  for (std::size_t i = 0; i < kGuesses; ++i) {
    const BenchDevice device = platform.AddDevice(2 * kDevices + i);
    std::string other = device.iccid;
    std::swap(other.at(8), other.at(9));
    other.at(10) = other.at(10) == '9' ? '0' : static_cast<char>(other.at(10) + 1);
    if (i % 2 == 0) {
      known.push_back(TimeOfGuess(*client, device.iccid));
      unknown.push_back(TimeOfGuess(*client, other));
    } else {
      unknown.push_back(TimeOfGuess(*client, other));
      known.push_back(TimeOfGuess(*client, device.iccid));
    }
  }
  std::printf("guessing ICCIDs: a session of a card without keys, known %.0f us, unknown %.0f us (medians)\n",
              Median(known), Median(unknown));
  std::printf("  telling the two apart by one time: right in %.0f %% of the cases (50 %%: blind)\n",
              100 * GuessesThatAreRight(known, unknown));
}

void Run() {
  const Folder folder;
  BenchPlatform platform(folder.path());
  std::printf("First switch-on\n");
  RunInProcess(platform);
  const Served served(platform, folder.path());
  RunOverHttps(platform, served);
  RunGuesses(platform, served);
}

}  // namespace
}  // namespace simroot::bench

int main() {
  simroot::bench::Run();
  return 0;
}
