// SPDX-License-Identifier: Apache-2.0
/// The link with the real pcscd and vpcd, seen by a real PC/SC client. Uses the pcscd that runs; starts one for its
/// own time if there is none. Environment: SIMROOT_PCSCD names another pcscd, SIMROOT_VPCD_DRIVER another driver.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <winscard.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "card/pcsc/vpcd_link.hpp"
#include "common/base/check.hpp"

extern char** environ;

namespace simroot::card {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint16_t kFirstSlot = 35963;
constexpr std::uint16_t kSecondSlot = 35964;
constexpr int kApdus = 2000;

std::string FromEnvironment(const char* name, const char* otherwise) {
  const char* const value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

/// Calls `attempt` until it is true or `process` (-1: none) has ended or the deadline has passed. @returns its result.
template <typename Attempt>
bool Eventually(Deadline deadline, int process, Attempt attempt) {
  while (!attempt()) {
    pollfd ended{process, POLLIN, 0};
    if (deadline.Passed() || ::poll(&ended, 1, 20) > 0) {
      return false;
    }
  }
  return true;
}

/// A PC/SC context.
class Context {
 public:
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { SCardReleaseContext(handle_); }

  bool Establish() { return SCardEstablishContext(SCARD_SCOPE_SYSTEM, nullptr, nullptr, &handle_) == SCARD_S_SUCCESS; }
  [[nodiscard]] SCARDCONTEXT get() const { return handle_; }

  /// The reader in which a card with `atr` is; empty if there is none.
  [[nodiscard]] std::string ReaderWith(ByteView atr) const {
    std::string names(4096, '\0');
    DWORD size = names.size();
    if (SCardListReaders(handle_, nullptr, names.data(), &size) != SCARD_S_SUCCESS) {
      return {};
    }
    std::string_view rest(names);  // each name ends in a zero, the list in an empty name
    while (!rest.empty() && rest.front() != '\0') {
      const std::string name(rest.substr(0, rest.find('\0')));
      rest.remove_prefix(std::min(name.size() + 1, rest.size()));
      SCARD_READERSTATE state{};
      state.szReader = name.c_str();
      if (SCardGetStatusChange(handle_, 0, &state, 1) == SCARD_S_SUCCESS &&
          SameBytes(ByteView(state.rgbAtr, state.cbAtr), atr)) {
        return name;
      }
    }
    return {};
  }

 private:
  SCARDCONTEXT handle_ = 0;
};

/// pcscd, started only if none runs, ended with the object.
class Pcscd {
 public:
  Pcscd() {
    if (Context().Establish()) {
      return;
    }
    std::string pattern = (fs::temp_directory_path() / "simroot-pcscd-XXXXXX").string();
    SR_CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    const fs::path configuration = directory_ / "reader.conf.d";
    fs::create_directory(configuration);
    std::ofstream(configuration / "vpcd")
        << "FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x8C7B\nLIBPATH "
        << FromEnvironment("SIMROOT_VPCD_DRIVER", "/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
        << "\nCHANNELID 0x8C7B\n";
    Start(configuration.string());
  }
  Pcscd(const Pcscd&) = delete;
  Pcscd& operator=(const Pcscd&) = delete;
  ~Pcscd() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    if (!directory_.empty()) {
      fs::remove_all(directory_);
    }
  }

  /// Empty: it runs.
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  void Start(const std::string& configuration) {
    std::string program = FromEnvironment("SIMROOT_PCSCD", "/usr/sbin/pcscd");
    std::string foreground = "--foreground";
    std::string option = "-c";
    std::string directory = configuration;
    const std::array<char*, 5> arguments{program.data(), foreground.data(), option.data(), directory.data(), nullptr};
    if (::posix_spawn(&pid_, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0) {
      pid_ = -1;
      problem_ = "pcscd cannot be started: " + program + " does not run here (package pcscd)";
      return;
    }
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    if (!Eventually(Deadline::After(seconds(10)), process.get(), [] { return Context().Establish(); })) {
      problem_ = "pcscd cannot be started: it has ended or does not answer (it needs write access to /run/pcscd)";
    }
  }

  fs::path directory_;
  pid_t pid_ = -1;
  std::string problem_;
};

/// Answers GET RANDOM; its ATR carries the number of this process, so that no other test's card is taken for it.
class Card final : public wire::CardEndpoint {
 public:
  Card() {
    ByteWriter writer(atr_);
    writer.PutBytes(std::array<std::uint8_t, 2>{0x3B, 0x04});  // T=0, four historical bytes
    writer.PutU32(static_cast<std::uint32_t>(::getpid()));
    SR_CHECK(writer.ok());
  }
  void Reset() override {}
  [[nodiscard]] ByteView Atr() const override { return atr_; }
  [[nodiscard]] std::size_t Transmit(ByteView command, ByteSpan response) override {
    ByteWriter writer(response);
    writer.PutBytes(command);
    writer.PutU16(0x9000);
    return writer.size();
  }

 private:
  std::array<std::uint8_t, 6> atr_{};
};

class PcscdTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!pcscd_.problem().empty()) {
      GTEST_SKIP() << pcscd_.problem();
    }
    ASSERT_TRUE(context_.Establish());
    ASSERT_TRUE(InsertInto(kFirstSlot) || InsertInto(kSecondSlot)) << "no reader of vpcd shows the card";
  }
  void TearDown() override { Remove(); }

  /// True once a reader shows the card. The first slot may be in use by another card.
  bool InsertInto(std::uint16_t port) {
    VpcdOptions options;
    options.port = port;
    const bool connected = Eventually(Deadline::After(seconds(5)), -1, [&] {
      auto link = VpcdLink::Open(card_, options);
      link_ = link ? std::move(*link) : nullptr;
      return link_ != nullptr;
    });
    if (!connected) {
      return false;
    }
    std::array<int, 2> ends{};
    SR_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
    stop_read_ = UniqueFd(ends.front());
    stop_write_ = UniqueFd(ends.back());
    thread_ = std::thread([this] { result_ = link_->Run(stop_read_.get()); });
    const bool shown = Eventually(Deadline::After(seconds(8)), -1, [&] {
      reader_ = context_.ReaderWith(card_.Atr());
      return !reader_.empty();
    });
    if (!shown) {
      Remove();
    }
    return shown;
  }
  void Remove() {
    stop_write_.Reset();
    if (thread_.joinable()) {
      thread_.join();
      EXPECT_TRUE(result_.has_value());
    }
  }

  Pcscd pcscd_;
  Context context_;
  Card card_;
  std::unique_ptr<VpcdLink> link_;
  UniqueFd stop_read_;
  UniqueFd stop_write_;
  Result<void> result_;
  std::thread thread_;
  std::string reader_;
};

TEST_F(PcscdTest, ShowsItsAtrAndCarriesTwoThousandApdus) {
  SCARDHANDLE handle = 0;
  DWORD protocol = 0;
  ASSERT_EQ(SCardConnect(context_.get(), reader_.c_str(), SCARD_SHARE_EXCLUSIVE, SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1,
                         &handle, &protocol),
            SCARD_S_SUCCESS);
  EXPECT_EQ(protocol, static_cast<DWORD>(SCARD_PROTOCOL_T0));
  std::array<std::uint8_t, MAX_ATR_SIZE> atr{};
  DWORD atr_size = atr.size();
  ASSERT_EQ(SCardStatus(handle, nullptr, nullptr, nullptr, nullptr, atr.data(), &atr_size), SCARD_S_SUCCESS);
  EXPECT_TRUE(SameBytes(ByteView(atr).first(atr_size), card_.Atr()));

  const std::uint64_t before = link_->Counters().apdus;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kApdus; ++i) {
    const std::array<std::uint8_t, 5> command{0x80, 0x84, LowByte(i >> 8), LowByte(i), 0x10};
    std::array<std::uint8_t, 7> expected{};
    ByteWriter writer(expected);
    writer.PutBytes(command);
    writer.PutU16(0x9000);
    std::array<std::uint8_t, wire::kMaxShortResponse> response{};
    DWORD size = response.size();
    ASSERT_EQ(SCardTransmit(handle, SCARD_PCI_T0, command.data(), command.size(), nullptr, response.data(), &size),
              SCARD_S_SUCCESS)
        << i;
    ASSERT_TRUE(SameBytes(ByteView(response).first(size), expected)) << i;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::cout << kApdus / took.count() << " APDU/s through pcscd and vpcd\n";
  EXPECT_EQ(link_->Counters().apdus - before, static_cast<std::uint64_t>(kApdus));
  EXPECT_EQ(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
}

TEST_F(PcscdTest, IsResetByTheReader) {
  SCARDHANDLE handle = 0;
  DWORD protocol = 0;
  ASSERT_EQ(SCardConnect(context_.get(), reader_.c_str(), SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, &handle, &protocol),
            SCARD_S_SUCCESS);
  const VpcdCounters before = link_->Counters();
  ASSERT_EQ(SCardReconnect(handle, SCARD_SHARE_SHARED, SCARD_PROTOCOL_ANY, SCARD_RESET_CARD, &protocol),
            SCARD_S_SUCCESS);
  const VpcdCounters after = link_->Counters();
  EXPECT_GT(after.resets + after.power_ons, before.resets + before.power_ons);
  EXPECT_EQ(SCardDisconnect(handle, SCARD_LEAVE_CARD), SCARD_S_SUCCESS);
}

}  // namespace
}  // namespace simroot::card
