// SPDX-License-Identifier: Apache-2.0
/// First switch-ons a second: in process, and through HTTPS beside bare TLS handshakes with the same server; and
/// whether the time of an answer tells a known card from an unknown one.
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "bench/rounds.hpp"
#include "bench/switch_on_platform.hpp"
#include "common/net/http_server.hpp"
#include "common/net/testing/test_pki.hpp"
#include "platform/api/api.hpp"

namespace simroot::bench {
namespace {

using platform::RelayAnswer;
using platform::RelayBatch;
using platform::RelayHello;

constexpr std::size_t kDevices = 800;
// A machine's speed drifts within seconds: many rounds beside each other say more than few long ones.
constexpr std::size_t kRounds = 21;     // odd: of two in the middle the median would be the higher
constexpr std::size_t kPerRound = 300;  // so many that the beginning and the end of a round weigh little
constexpr unsigned kThreads = 32;       // each waits for its commits most of the time

/// Seconds of CPU time of this process.
double CpuSeconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

std::vector<BlankCard> MakeCards(BenchPlatform& platform, std::size_t count) {
  std::vector<BlankCard> cards;
  cards.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    cards.push_back(platform.AddCard());
  }
  return cards;
}

RelayBatch Get(platform::Outcome<RelayBatch> batch) {
  if (!batch) {
    GiveUp(batch.error().Text());
  }
  return std::move(*batch);
}

void SwitchOn(platform::OtaEngine& engine, BenchDevice& device) {
  RelayHello hello;
  hello.iccid = device.iccid();
  hello.opening = device.Open();
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
  std::vector<BenchDevice> devices;
  for (const BlankCard& blank : MakeCards(platform, kDevices)) {
    devices.emplace_back(blank);
  }
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
        place_{.port = 0, .ca_file = folder + "/bench-ca.pem"} {
    using net::testing::MakeIdentity;
    const auto root = MakeIdentity({.name = "root", .ca = true}, nullptr);
    const auto identity = MakeIdentity({.name = "server", .alternative_names = "IP:127.0.0.1"}, &root);
    std::ofstream(place_.ca_file) << root.certificate;
    net::HttpServerOptions options;
    options.workers = platform::kHttpWorkers;
    options.certificate_chain = identity.certificate;
    options.private_key = identity.SecretKey();
    auto server = net::HttpServer::Start(std::move(options),
                                         [this](const net::HttpRequest& request) { return api_.Handle(request); });
    if (!server) {
      GiveUp(server.error().Text());
    }
    server_ = std::move(*server);
    place_.port = server_->port();
  }

  [[nodiscard]] const ServerPlace& place() const { return place_; }

 private:
  platform::Api api_;
  ServerPlace place_;
  std::unique_ptr<net::HttpServer> server_;
};

/// What one of something has taken, on average.
struct Taken {
  double wall_us = 0;
  double platform_us = 0;  ///< CPU time of the platform's process alone
};

Taken Take(const std::function<double()>& work) {
  const double before = CpuSeconds();
  const double wall_us = work();
  return {wall_us / kPerRound, (CpuSeconds() - before) * 1e6 / kPerRound};
}

/// Medians of rounds, in each of which a machine whose speed drifts is as fast for both.
void PrintRates(const char* what, double Taken::*time, const std::vector<Taken>& switch_ons,
                const std::vector<Taken>& handshakes, const char* budget) {
  std::vector<double> device_us;
  std::vector<double> handshake_us;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < switch_ons.size(); ++i) {
    device_us.push_back(switch_ons.at(i).*time);
    handshake_us.push_back((handshakes.at(i).*time + handshakes.at(i + 1).*time) / 2);  // before and after
    ratios.push_back(handshake_us.back() / device_us.back());
  }
  const auto [least, most] = std::ranges::minmax(ratios);
  std::printf("  per second%s %5.0f devices, %5.0f bare handshakes, ratio %.2f (%.2f to %.2f%s)\n", what,
              1e6 / Median(device_us), 1e6 / Median(handshake_us), Median(ratios), least, most, budget);
}

void RunOverHttps(BenchPlatform& platform, const Served& served) {
  const std::vector<BlankCard> cards = MakeCards(platform, kRounds * kPerRound);
  ::sync();  // what was written before is not to be written in this time
  const auto hands = [&] { return TimeHandshakes(served.place(), kPerRound); };
  static_cast<void>(hands());  // warm up
  std::vector<Taken> switch_ons;
  std::vector<Taken> handshakes{Take(hands)};
  for (auto first = cards.begin(); first != cards.end(); first += kPerRound) {
    switch_ons.push_back(Take([&] { return TimeSwitchOns(served.place(), {first, first + kPerRound}); }));
    handshakes.push_back(Take(hands));
  }
  std::printf("through HTTPS: a connection of its own for each device, %u at once, devices in another process\n",
              kHttpsClients);
  PrintRates(" of the platform's CPU time  ", &Taken::platform_us, switch_ons, handshakes, "");
  PrintRates(", devices on the same machine", &Taken::wall_us, switch_ons, handshakes, "; budget: 0.5");
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

/// A guess that is not refused as it must be would make its time worthless.
void ExpectForbidden(const Result<net::HttpReply>& reply) {
  constexpr int kForbidden = 403;
  if (!reply || reply->status != kForbidden) {
    GiveUp(reply ? "a guess was answered with status " + std::to_string(reply->status) : reply.error().Text());
  }
}

/// The attacker's session: a hello with an ICCID, and answers of a card that has not the keys.
double TimeOfGuess(net::HttpClient& client, BenchDevice& /*card*/, const std::string& iccid) {
  return TimeCalls(
      [&] {
        const device::RelayReply reply = Post(client, "/v1/relay/sessions", Hello(iccid, std::nullopt));
        std::vector<Bytes> answers(reply.commands.size(), Bytes{0x69, 0x82});
        ExpectForbidden(client.Send("POST", "/v1/relay/sessions/" + reply.session,
                                    device::EncodeAnswers(reply.step, answers),
                                    {{"content-type", "application/json"}}));
      },
      1);
}

/// The same with a session that a card of the attacker's has begun.
double TimeOfOpening(net::HttpClient& client, BenchDevice& card, const std::string& iccid) {
  const std::string hello = Hello(iccid, card.Open());
  return TimeCalls(
      [&] {
        ExpectForbidden(client.Send("POST", "/v1/relay/sessions", hello, {{"content-type", "application/json"}}));
      },
      1);
}

void RunGuesses(BenchPlatform& platform, const Served& served, const char* how, decltype(TimeOfGuess)& time_of) {
  constexpr std::size_t kGuesses = 200;
  std::vector<double> known;
  std::vector<double> unknown;
  const auto client = Connect(served.place());
  BenchDevice card(platform.AddCard());
  for (std::size_t i = 0; i < kGuesses; ++i) {
    const BlankCard device = platform.AddCard();
    std::string other = device.iccid;
    std::swap(other.at(8), other.at(9));
    other.at(10) = other.at(10) == '9' ? '0' : static_cast<char>(other.at(10) + 1);
    if (i % 2 == 0) {
      known.push_back(time_of(*client, card, device.iccid));
      unknown.push_back(time_of(*client, card, other));
    } else {
      unknown.push_back(time_of(*client, card, other));
      known.push_back(time_of(*client, card, device.iccid));
    }
  }
  std::printf("  %s: known %.0f us, unknown %.0f us (medians), told apart by one time in %.0f %% of the cases\n", how,
              Median(known), Median(unknown), 100 * GuessesThatAreRight(known, unknown));
}

void Run() {
  const Folder folder;
  BenchPlatform platform(folder.path());
  std::printf("First switch-on\n");
  RunInProcess(platform);
  const Served served(platform, folder.path());
  RunOverHttps(platform, served);
  std::printf("guessing ICCIDs (50 %%: blind)\n");
  RunGuesses(platform, served, "a session that the platform begins    ", TimeOfGuess);
  RunGuesses(platform, served, "a session that the attacker has begun ", TimeOfOpening);
}

}  // namespace
}  // namespace simroot::bench

int main(int count, char** arguments) {
  if (!simroot::bench::RunAsDevices({arguments + 1, arguments + count})) {
    simroot::bench::Run();
  }
  return 0;
}
