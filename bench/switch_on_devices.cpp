// SPDX-License-Identifier: Apache-2.0
#include "bench/switch_on_devices.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "bench/rounds.hpp"
#include "bench/surroundings.hpp"
#include "common/host/hex.hpp"
#include "common/host/unique_fd.hpp"
#include "common/net/tls.hpp"
#include "common/wire/apdu.hpp"

namespace simroot::bench {
namespace {

constexpr const char* kDevicesMode = "--devices";

/// Data and status word.
Bytes Whole(platform::RelayAnswer answer) {
  answer.data.insert(answer.data.end(), {LowByte(answer.sw >> 8U), LowByte(answer.sw)});
  return std::move(answer.data);
}

void SwitchOn(const ServerPlace& server, BenchDevice& device) {
  const auto client = Connect(server);
  device::RelayReply reply = Post(*client, "/v1/relay/sessions", Hello(device.iccid(), device.Open()));
  while (!reply.done) {
    std::vector<Bytes> answers;
    for (const Bytes& command : reply.commands) {
      answers.push_back(Whole(device.Send(command)));
    }
    reply = Post(*client, "/v1/relay/sessions/" + reply.session, device::EncodeAnswers(reply.step, answers));
  }
  if (!reply.provisioned) {
    GiveUp("a switch-on has failed: " + reply.message);
  }
}

/// What a new device does before its first request, and no more: reads the CA, connects, checks the server.
void HandShake(const ServerPlace& server) {
  const auto context = net::MakeClientContext({.ca_file = server.ca_file, .certificate_file = {}, .key_file = {}});
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  (void)::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!context || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    GiveUp("a device cannot connect");
  }
  const net::TlsConnection connection = net::MakeConnection(context->get(), fd.get());
  if (!net::ExpectHost(connection.get(), "127.0.0.1", true) || SSL_connect(connection.get()) != 1) {
    GiveUp("the handshake failed");
  }
}

/// Runs this program again as devices; what it prints is the time.
double TimeOfDevices(const ServerPlace& server, const std::string& what) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string command =
      "'" + self + "' " + kDevicesMode + " " + std::to_string(server.port) + " '" + server.ca_file + "' " + what;
  FILE* const devices = ::popen(command.c_str(), "r");
  double microseconds = 0;
  const bool read = devices != nullptr && std::fscanf(devices, "%lf", &microseconds) == 1;
  if (devices == nullptr || ::pclose(devices) != 0 || !read) {
    GiveUp("the process of the devices has failed");
  }
  return microseconds;
}

std::vector<BenchDevice> OpenAll(const std::string& list) {
  std::vector<BenchDevice> devices;
  std::ifstream lines(list);
  BlankCard blank;
  std::string security_domain;
  while (lines >> blank.iccid >> security_domain >> blank.file) {
    blank.security_domain = FromHex(security_domain).value_or(Bytes{});
    devices.emplace_back(blank);
  }
  return devices;
}

}  // namespace

BenchDevice::BenchDevice(const BlankCard& blank) : iccid_(blank.iccid) {
  auto opened = card::VirtualCard::Open(blank.file, {});
  if (!opened) {
    GiveUp(opened.error().Text());
  }
  card_ = std::move(*opened);
  static_cast<void>(Send({0x00, 0x70, 0x00, 0x00, 0x01}));
  Bytes select{0x00, 0xA4, 0x04, 0x00, LowByte(blank.security_domain.size())};
  select.insert(select.end(), blank.security_domain.begin(), blank.security_domain.end());
  static_cast<void>(Send(std::move(select)));
  security_domain_ = blank.security_domain;
}

platform::RelayOpening BenchDevice::Open() {
  platform::RelayOpening opening{.security_domain = security_domain_, .challenge = Bytes(8, 0x5A), .answer = {}};
  Bytes command{0x80, 0x50, 0x00, 0x00, 0x08};
  command.insert(command.end(), opening.challenge.begin(), opening.challenge.end());
  command.push_back(0x00);
  opening.answer = Send(std::move(command));
  return opening;
}

platform::RelayAnswer BenchDevice::Send(Bytes command) {
  constexpr std::uint8_t kChannel = 0x01;
  std::array<std::uint8_t, wire::kMaxResponse> space{};
  command.front() = LowByte(command.front() | kChannel);
  platform::RelayAnswer answer;
  while (true) {
    const ByteView whole = ByteView(space).first(card_->Endpoint().Transmit(command, space));
    const auto parsed = wire::ParseResponse(whole);
    if (!parsed) {
      GiveUp("the card's answer is no answer");
    }
    answer.data.insert(answer.data.end(), parsed->data.begin(), parsed->data.end());
    answer.sw = static_cast<std::uint16_t>(parsed->sw);
    if ((answer.sw >> 8U) != 0x61) {
      return answer;
    }
    command = {kChannel, 0xC0, 0x00, 0x00, LowByte(answer.sw)};
  }
}

std::string Hello(const std::string& iccid, const std::optional<platform::RelayOpening>& opening) {
  const device::CardIntroduction card{.iccid = iccid, .application_id = {}, .application_info = {}, .objects = {}};
  if (!opening) {
    return device::EncodeHello(card, std::nullopt);
  }
  return device::EncodeHello(card,
                             device::CardOpening{opening->security_domain, opening->challenge, Whole(opening->answer)});
}

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

std::unique_ptr<net::HttpClient> Connect(const ServerPlace& server) {
  net::HttpClientOptions options;
  options.url = "https://127.0.0.1:" + std::to_string(server.port);
  options.ca_file = server.ca_file;
  auto client = net::HttpClient::Create(std::move(options));
  if (!client) {
    GiveUp(client.error().Text());
  }
  return std::move(*client);
}

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

double TimeHandshakes(const ServerPlace& server, std::size_t count) {
  return TimeOfDevices(server, std::to_string(count));
}

double TimeSwitchOns(const ServerPlace& server, const std::vector<BlankCard>& cards) {
  const Folder folder;
  const std::string list = folder.path() + "/cards";
  std::ofstream lines(list);
  for (const BlankCard& blank : cards) {
    lines << blank.iccid << ' ' << ToHex(blank.security_domain) << ' ' << blank.file << '\n';
  }
  lines.close();
  return TimeOfDevices(server, std::to_string(cards.size()) + " '" + list + "'");
}

bool RunAsDevices(const std::vector<std::string>& arguments) {
  if (arguments.size() < 4 || arguments.front() != kDevicesMode) {
    return false;
  }
  const ServerPlace server{static_cast<std::uint16_t>(std::stoul(arguments.at(1))), arguments.at(2)};
  const std::size_t count = std::stoul(arguments.at(3));
  double microseconds = 0;
  if (arguments.size() == 4) {
    microseconds = TimeInThreads(kHttpsClients, count, [&](std::size_t) { HandShake(server); });
  } else {
    std::vector<BenchDevice> devices = OpenAll(arguments.at(4));
    microseconds = TimeInThreads(kHttpsClients, count, [&](std::size_t i) { SwitchOn(server, devices.at(i)); });
  }
  std::printf("%.0f\n", microseconds);
  return true;
}

}  // namespace simroot::bench
