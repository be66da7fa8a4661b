// SPDX-License-Identifier: Apache-2.0
/// Sends damaged commands to a virtual card and checks that it lives (README.md).
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "card/host/virtual_card.hpp"
#include "commands.hpp"
#include "common/base/check.hpp"
#include "common/host/hex.hpp"

namespace simroot::storm {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCommandsPerLook = 1'000;
constexpr std::uint64_t kCommandsPerPowerCycle = 100'000;
constexpr std::size_t kMaxCommandSize = 600;
/// Commands after which both applications are selected again, so that most damage meets something that listens.
constexpr std::uint64_t kCommandsPerSelection = 40;

/// A folder that goes with the object. In memory if the system has such a place: the storm is about the card, not
/// about the disk.
class Folder {
 public:
  Folder() {
    std::string name =
        (fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path().string()) + "/storm-XXXXXX";
    path_ = ::mkdtemp(name.data()) != nullptr ? name : std::string();
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// The source of damage.
class Damage {
 public:
  explicit Damage(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::size_t Below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }
  [[nodiscard]] std::uint8_t Byte() { return LowByte(random_()); }

  /// A right command, or one with some damage; now and then nothing but noise.
  [[nodiscard]] Bytes NextCommand() {
    if (Below(50) == 0) {
      Bytes noise(Below(300));
      for (std::uint8_t& byte : noise) {
        byte = Byte();
      }
      return noise;
    }
    static const std::vector<Bytes> right = ParseCommands();
    Bytes command = right[Below(right.size())];
    for (std::size_t count = Below(4); count > 0; --count) {
      Hurt(command, right);
    }
    if (command.size() > kMaxCommandSize) {
      command.resize(kMaxCommandSize);
    }
    return command;
  }

 private:
  static std::vector<Bytes> ParseCommands() {
    std::vector<Bytes> commands;
    for (const std::string_view text : kCommands) {
      auto bytes = FromHex(text);
      SR_CHECK(bytes.has_value());
      commands.push_back(std::move(*bytes));
    }
    return commands;
  }

  void Hurt(Bytes& command, const std::vector<Bytes>& right) {
    if (command.empty()) {
      return;
    }
    const auto at = command.begin() + static_cast<std::ptrdiff_t>(Below(command.size()));
    switch (Below(9)) {
      case 0:
        *at = static_cast<std::uint8_t>(*at ^ (1U << Below(8)));
        break;
      case 1:
        *at = Byte();
        break;
      case 2:
        command.erase(at, command.end());
        break;
      case 3:
        command.insert(at, Byte());
        break;
      case 4:
        command.erase(at);
        break;
      case 5:  // another class, and with it another channel
        command.front() = LowByte((command.front() & 0xFCU) | Below(4));
        break;
      case 6: {  // another parameter of the header
        if (command.size() > 3) {
          command[1 + Below(3)] = Byte();
        }
        break;
      }
      case 7: {  // data of another command
        const Bytes& other = right[Below(right.size())];
        command.insert(command.end(), other.begin() + static_cast<std::ptrdiff_t>(Below(other.size())), other.end());
        break;
      }
      default: {  // a length that fits what is there
        constexpr std::size_t kHeader = 5;
        if (command.size() > kHeader) {
          command[kHeader - 1] = LowByte(command.size() - kHeader);
        }
        break;
      }
    }
  }

  std::mt19937_64 random_;
};

/// The card under the storm.
class Target {
 public:
  explicit Target(std::string file) : file_(std::move(file)) {}

  [[nodiscard]] bool Create() {
    const auto made = card::CreateCard(file_, {});
    return made.has_value() || Say(made.error().Text());
  }
  [[nodiscard]] bool PowerOn() {
    card_.reset();
    auto opened = card::VirtualCard::Open(file_, {});
    if (!opened) {
      return Say(opened.error().Text());
    }
    card_ = std::move(*opened);
    return true;
  }
  /// @returns the status word; nothing if the answer is shorter than one or longer than its memory.
  [[nodiscard]] std::optional<std::uint16_t> Send(ByteView command) {
    const std::size_t size = card_->Endpoint().Transmit(command, response_);
    if (size < 2 || size > response_.size()) {
      return std::nullopt;
    }
    std::uint16_t sw = 0;
    ByteReader end(ByteView(response_).first(size).last(2));
    return end.ReadU16(sw) ? std::optional(sw) : std::nullopt;
  }
  /// Opens the channels of the storm and selects its applications, whatever is open already.
  void Listen() {
    for (const std::string_view hex :
         {"0070000100", "01A4040007A0000005590010", "0070000200", "02A4040008A000000151000000"}) {
      static_cast<void>(Send(*FromHex(hex)));
    }
  }
  /// The card can be selected and its key signs.
  [[nodiscard]] bool Lives() {
    return Answers("00A4040007A0000005590010", 0x9000) && Answers("00CB000000", 0x9000) &&
           Answers("002A000F0D840101A1010391020001920104", 0x9000) &&
           Answers("002B800F229E201111111111111111111111111111111111111111111111111111111111111111", 0x6142);
  }
  [[nodiscard]] bool Answers(std::string_view hex, std::uint16_t expected) {
    const auto sw = Send(*FromHex(hex));
    if (sw == expected) {
      return true;
    }
    char text[8];
    std::snprintf(text, sizeof text, "%04X", sw.value_or(0));
    return Say("the card answers " + std::string(text) + " to " + std::string(hex));
  }

 private:
  static bool Say(const std::string& what) {
    std::fprintf(stderr, "storm: %s\n", what.c_str());
    return false;
  }

  std::string file_;
  std::unique_ptr<card::VirtualCard> card_;
  std::vector<std::uint8_t> response_ = std::vector<std::uint8_t>(70'000);
};

int Run(std::uint64_t count, std::uint64_t seed) {
  const Folder folder;
  Target target(folder.path() + "/storm.sim");
  if (folder.path().empty() || !target.Create() || !target.PowerOn()) {
    return 1;
  }
  Damage damage(seed);
  std::map<std::uint16_t, std::uint64_t> answers;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t sent = 0; sent < count; ++sent) {
    if (sent % kCommandsPerSelection == 0) {
      target.Listen();
    }
    const Bytes command = damage.NextCommand();
    const auto sw = target.Send(command);
    if (!sw) {
      std::fprintf(stderr, "storm: no status word after %llu commands (seed %llu): %s\n",
                   static_cast<unsigned long long>(sent), static_cast<unsigned long long>(seed),
                   ToHex(command).c_str());
      return 1;
    }
    ++answers[static_cast<std::uint16_t>((*sw & 0xF000U) == 0x6000U && (*sw >> 8U) == 0x61 ? 0x6100 : *sw)];
    if (((sent + 1) % kCommandsPerLook == 0 && !target.Lives()) ||
        ((sent + 1) % kCommandsPerPowerCycle == 0 && (!target.PowerOn() || !target.Lives()))) {
      std::fprintf(stderr, "storm: lost the card after %llu commands (seed %llu)\n",
                   static_cast<unsigned long long>(sent + 1), static_cast<unsigned long long>(seed));
      return 1;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("[ storm ] %llu commands, seed %llu, %.0f s, card still selectable and signing; status words:",
              static_cast<unsigned long long>(count), static_cast<unsigned long long>(seed), seconds);
  for (const auto& [sw, times] : answers) {
    std::printf(" %04X:%llu", sw, static_cast<unsigned long long>(times));
  }
  std::printf("\n");
  return target.PowerOn() && target.Lives() ? 0 : 1;
}

/// False for anything but a decimal number above 0.
bool ReadNumber(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0;
}

}  // namespace
}  // namespace simroot::storm

int main(int argc, char** argv) {
  std::uint64_t count = 0;
  std::uint64_t seed = std::random_device()();
  if (argc < 2 || argc > 3 || !simroot::storm::ReadNumber(argv[1], count) ||
      (argc == 3 && !simroot::storm::ReadNumber(argv[2], seed))) {
    std::fputs("usage: apdu_storm COUNT [SEED]\n", stderr);
    return 2;
  }
  return simroot::storm::Run(count, seed);
}
