// SPDX-License-Identifier: Apache-2.0
#include "firmware/piped_card.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "card/uicc/uicc.hpp"
#include "common/host/file_io.hpp"

namespace simroot::conformance {
namespace {

/// In the order of the control codes of the firmware (docs/formats/byte-pipe.md).
constexpr std::array<std::string_view, 9> kStores{"reference", "many", "secrets", "curves", "rsa",
                                                  "usage",     "pin",  "type2",   "demo"};
constexpr std::uint8_t kFirstImage = 0x80;
constexpr std::uint8_t kReportStack = 0x90;
/// What src/card/firmware/main.cpp has: a short command, and an answer as long as the UICC keeps one there.
ApduMemory ChipMemory(const FirmwareBuild& build) {
  return {wire::kMaxShortCommand, build.card == "interface" ? 256 : card::kPendingResponseSize};
}
constexpr std::chrono::seconds kPatience{60};  // an RSA key or a busy machine

Deadline Patience() {
  return Deadline::After(kPatience);
}

/// A listening socket at `path`.
UniqueFd Listen(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM, 0));  // inherited by the emulator
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 1) != 0) {
    return {};
  }
  return fd;
}

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string name = ::testing::TempDir() + "chip-XXXXXX";
  path_ = ::mkdtemp(name.data()) != nullptr ? name : std::string();
  EXPECT_FALSE(path_.empty());
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;  // a directory that stays behind is no failure of what was tested
  std::filesystem::remove_all(path_, ignored);
}

void PipeEndpoint::Reset() {
  const auto reset = line_.Reset(Patience());
  ASSERT_TRUE(reset.has_value()) << reset.error().Text();
}

std::size_t PipeEndpoint::Transmit(ByteView command, ByteSpan response) {
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  exceeded_ = exceeded_ || command.size() > memory_.command || (parsed && parsed->le.value_or(0) > memory_.answer_data);
  const auto answer = line_.Exchange(command, Patience());
  if (!answer || !CopyBytes(*answer, response)) {
    ADD_FAILURE() << (answer ? "an answer longer than its room" : answer.error().Text());
    ByteWriter(response).PutU16(0x6F00);
    return 2;
  }
  return answer->size();
}

FirmwareBuild BuildOf(const std::string& folder) {
  const auto cache = ReadWholeFile(folder + "/CMakeCache.txt", 1U << 20U);
  const std::string text(AsText(cache.value_or(Bytes())));
  std::smatch found;
  const bool is_build = std::regex_search(text, found, std::regex("\nSIMROOT_CARD:[A-Z]+=([a-z]+)\n"));
  return {folder + "/bin/simroot-card.elf", is_build ? found[1].str() : std::string()};
}

std::unique_ptr<EmulatedChip> EmulatedChip::Start(const std::string& folder, const PipedCardOptions& options) {
  std::unique_ptr<EmulatedChip> chip(new EmulatedChip());
  return chip->Launch(BuildOf(folder), options) ? std::move(chip) : nullptr;
}

bool EmulatedChip::Launch(const FirmwareBuild& firmware, const PipedCardOptions& options) {
  const std::string& folder = folder_.path();
  std::string semihosting = "enable=on,target=native,arg=card";
  semihosting += options.answer_t0 ? ",arg=t0" : ",arg=t1";
  semihosting += options.type2 ? ",arg=type2" : "";
  for (const std::string_view store : kStores) {
    const std::string image = folder + "/" + std::string(store);
    const auto written = WriteFileAtomically(image, ReferenceCard::Image(store), 0600);
    EXPECT_TRUE(written.has_value());
    semihosting += ",arg=" + image;
  }
  // The emulator takes a socket that listens already: whoever connects early waits for it.
  const UniqueFd listener = Listen(folder + "/line");
  EXPECT_TRUE(static_cast<bool>(listener));
  const std::string line = "socket,id=line,server=on,wait=off,fd=" + std::to_string(listener.get());
  const std::vector<std::string> arguments{
      "qemu-system-arm", "-M",       "mps2-an505", "-kernel",     firmware.program,
      "-display",        "none",     "-monitor",   "none",        "-serial",
      "chardev:line",    "-chardev", line,         "-nodefaults", "-semihosting-config",
      semihosting};
  std::vector<char*> argv;
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const std::string console_path = folder + "/console";
  pid_ = ::fork();
  if (pid_ == 0) {
    // Ends with this program, however that ends.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int console_fd = ::open(console_path.c_str(), O_WRONLY | O_CREAT, 0600);
    if (console_fd >= 0 && ::dup2(console_fd, STDERR_FILENO) >= 0) {
      ::execvp(argv.front(), argv.data());
    }
    ::_exit(127);
  }
  auto opened = device::PipeLine::Open(folder + "/line", "the emulated chip", Patience());
  if (!opened) {
    const auto console = ReadWholeFile(console_path, 1U << 16U);
    ADD_FAILURE() << opened.error().Text() << "\nqemu-system-arm (run tools/setup firmware if it is missing) says: "
                  << AsText(console.value_or(Bytes()));
    return false;
  }
  line_ = *std::move(opened);
  endpoint_ = std::make_unique<PipeEndpoint>(*line_, ChipMemory(firmware));
  return true;
}

EmulatedChip::~EmulatedChip() {
  line_.reset();
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

PipeEndpoint* EmulatedChip::Load(const std::string& store) {
  const auto found = std::ranges::find(kStores, store);
  if (found == kStores.end()) {
    ADD_FAILURE() << "the emulated chip has no image of the store " << store << ": add it to kStores";
    return nullptr;
  }
  const auto index = static_cast<unsigned>(found - kStores.begin());
  const auto loaded = line_->ProductControl(LowByte(kFirstImage + index), Patience());
  if (!loaded) {
    ADD_FAILURE() << store << ": " << loaded.error().Text();
    return nullptr;
  }
  return endpoint_.get();
}

unsigned EmulatedChip::StackPeak() {
  if (!line_->ProductControl(kReportStack, Patience())) {
    return 0;
  }
  const auto console = ReadWholeFile(folder_.path() + "/console", 1U << 16U);
  const std::string text(AsText(console.value_or(Bytes())));
  constexpr std::string_view kMark = "stack: ";
  const std::size_t place = text.rfind(kMark);
  return place == std::string::npos
             ? 0
             : static_cast<unsigned>(std::stoul(text.substr(place + kMark.size(), 4), nullptr, 16));
}

ServedCard::ServedCard(const PipedCardOptions& options) : stop_(::eventfd(0, EFD_CLOEXEC)) {
  config_.answer_t0 = options.answer_t0;
}

ServedCard::~ServedCard() {
  Stop();
}

void ServedCard::Stop() {
  line_.reset();
  if (thread_.joinable()) {
    EXPECT_EQ(::eventfd_write(stop_.get(), 1), 0);
    thread_.join();
    eventfd_t taken = 0;
    EXPECT_EQ(::eventfd_read(stop_.get(), &taken), 0);
  }
  server_.reset();
}

PipeEndpoint* ServedCard::Load(const std::string& store) {
  Stop();
  card_ = std::make_unique<ReferenceCard>(store, config_);
  const std::string path = folder_.path() + "/line";
  auto server = card::PipeServer::Open(card_->Endpoint(), {.path = path});
  if (!server) {
    ADD_FAILURE() << server.error().Text();
    return nullptr;
  }
  server_ = *std::move(server);
  thread_ = std::thread([this] { EXPECT_TRUE(server_->Run(stop_.get()).has_value()); });
  auto line = device::PipeLine::Open(path, "the served card", Patience());
  if (!line) {
    ADD_FAILURE() << line.error().Text();
    return nullptr;
  }
  line_ = *std::move(line);
  endpoint_ = std::make_unique<PipeEndpoint>(*line_, ApduMemory());
  return endpoint_.get();
}

}  // namespace simroot::conformance
