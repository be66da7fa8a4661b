// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

#include "bench/rounds.hpp"
#include "bench/sections.hpp"
#include "card/host/virtual_card.hpp"
#include "card/pcsc/vpcd_link.hpp"
#include "device/transport/transport.hpp"

namespace simroot::bench {
namespace {

constexpr std::chrono::seconds kPatience{10};

/// pcscd with vpcd's reader, for as long as the object lives; nothing if one runs already or it cannot be started.
class Pcscd {
 public:
  explicit Pcscd(const std::string& folder) {
    const std::string configuration = folder + "/reader.conf.d";
    std::error_code error;
    std::filesystem::create_directory(configuration, error);
    std::filesystem::copy("/etc/reader.conf.d/vpcd", configuration, error);
    std::string program = "/usr/sbin/pcscd";
    std::string foreground = "--foreground";
    std::string option = "-c";
    std::string directory = configuration;
    const std::array<char*, 5> arguments{program.data(), foreground.data(), option.data(), directory.data(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (error || ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ) != 0) {
      pid_ = -1;
    }
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Pcscd() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  Pcscd(const Pcscd&) = delete;
  Pcscd& operator=(const Pcscd&) = delete;
  [[nodiscard]] bool started() const { return pid_ > 0; }

 private:
  pid_t pid_ = -1;
};

/// Tries until it works or patience ends: pcscd tells nobody when it is ready.
template <typename T>
Result<T> Eventually(const std::function<Result<T>()>& attempt) {
  const Deadline end = Deadline::After(kPatience);
  for (;;) {
    auto result = attempt();
    if (result || end.Passed()) {
      return result;
    }
    std::this_thread::yield();
  }
}

/// Random bytes one after the other, 16 at a time, through the transport.
double ApdusPerSecond(device::Transport& transport) {
  static constexpr std::array<std::uint8_t, 5> kGetRandom{0x81, 0x84, 0x00, 0x00, 0x10};
  const auto channel = transport.OpenChannel(iotsafe::kAids.front().view(), Deadline::After(kPatience));
  if (!channel) {
    GiveUp(channel.error().Text());
  }
  std::vector<double> rates;
  for (int round = 0; round < 9; ++round) {
    const double took_us = TimeCalls(
        [&] {
          if (const auto answer = transport.Transmit(*channel, kGetRandom, Deadline::After(kPatience)); !answer) {
            GiveUp(answer.error().Text());
          }
        },
        1000);
    rates.push_back(1e6 / took_us);
  }
  return Median(rates);
}

}  // namespace

void RunReaderSection() {
  std::printf("\nGET RANDOM of 16 bytes through PC/SC (budget: 5,000 APDU/s; without TCP_QUICKACK it is 21/s)\n");
  const BenchCard card_files;
  if (std::filesystem::exists("/run/pcscd/pcscd.comm")) {
    std::printf("  not measured: another pcscd runs on this machine; stop it first\n");
    return;
  }
  const Pcscd pcscd(card_files.folder());
  if (!pcscd.started()) {
    std::printf("  not measured: pcscd cannot be started (packages pcscd and vsmartcard-vpcd)\n");
    return;
  }
  const auto card = card::VirtualCard::Open(card_files.file(), {});
  if (!card) {
    GiveUp(card.error().Text());
  }
  const auto link = Eventually<std::unique_ptr<card::VpcdLink>>(
      [&] { return card::VpcdLink::Open((*card)->Endpoint(), card::VpcdOptions{}); });
  std::array<int, 2> ends{};
  if (!link || ::pipe2(ends.data(), O_CLOEXEC) != 0) {
    GiveUp("no vpcd: " + link.error().Text());
  }
  std::thread thread([&] { static_cast<void>((*link)->Run(ends[0])); });
  const auto uri = device::ParseCardUri("pcsc:");
  const auto transport = Eventually<std::unique_ptr<device::Transport>>(
      [&] { return device::OpenTransport(*uri, Deadline::After(kPatience)); });
  if (transport) {
    std::printf("  pcscd + vpcd %8.0f APDU/s\n", ApdusPerSecond(**transport));
  } else {
    std::printf("  not measured: %s\n", transport.error().Text().c_str());
  }
  ::close(ends[1]);
  thread.join();
  ::close(ends[0]);
}

}  // namespace simroot::bench
