// SPDX-License-Identifier: Apache-2.0
#include "device/client/channel_ledger.hpp"

#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "common/host/unique_fd.hpp"
#include "device/client/fake_transport.hpp"

namespace simroot::device::client {
namespace {

using testing::MakeCard;
using testing::Script;

/// A process that does nothing until it is told to end.
class OtherProcess {
 public:
  OtherProcess() {
    int pipe[2] = {-1, -1};
    EXPECT_EQ(::pipe(pipe), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(pipe[1]);
      char end = 0;
      std::_Exit(::read(pipe[0], &end, 1) < 0 ? 1 : 0);
    }
    ::close(pipe[0]);
    leash_ = UniqueFd(pipe[1]);
  }
  ~OtherProcess() { End(); }
  OtherProcess(const OtherProcess&) = delete;
  OtherProcess& operator=(const OtherProcess&) = delete;

  void End() {
    if (leash_) {
      leash_.Reset();
      EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
    }
  }
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  UniqueFd leash_;
  pid_t pid_ = -1;
};

class LedgerTest : public ::testing::Test {
 protected:
  /// Writes the ledger as other processes would have left it: "NUMBER SESSION PID START" lines.
  void Write(const std::string& lines) {
    ledger_.Add({9, -1});  // makes the file
    ledger_.Remove({9, -1}, ::getpid());
    const auto file = std::filesystem::directory_iterator(directory_.path())->path();
    std::ofstream(file, std::ios::trunc) << "simroot-channels 1\n" << lines;
  }
  static std::string Line(int number, pid_t pid) {
    return std::to_string(number) + " -1 " + std::to_string(pid) + " " +
           std::to_string(ProcessStartTime(pid).value_or(1)) + "\n";
  }
  static std::string DeadLine(int number) {
    return std::to_string(number) + " -1 " + std::to_string(::getpid()) + " 1\n";
  }

  testing::TemporaryDirectory directory_;
  const CardUri port_{.scheme = "at", .path = "/dev/fake", .text = "at:/dev/fake"};
  const ChannelLedger ledger_{directory_.path(), port_};
};

TEST_F(LedgerTest, KeepsEntriesUntilTheyAreRemoved) {
  ledger_.Add({1, -1});
  ledger_.Add({0, 5});
  ledger_.Add({1, -1});
  const auto entries = ledger_.Entries();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].channel, (Channel{0, 5}));
  EXPECT_EQ(entries[1].channel, (Channel{1, -1}));
  EXPECT_EQ(entries[1].pid, ::getpid());
  EXPECT_TRUE(IsAlive(entries[1]));
  ledger_.Remove({1, -1}, ::getpid());
  EXPECT_EQ(ledger_.Entries().size(), 1U);
}

TEST_F(LedgerTest, AChannelTakesThePlaceOfItsIntent) {
  ledger_.Announce();
  ASSERT_EQ(ledger_.Entries().size(), 1U);
  EXPECT_TRUE(ledger_.Entries().front().IsIntent());
  EXPECT_TRUE(IsAlive(ledger_.Entries().front()));
  EXPECT_TRUE(ledger_.MayClose({1, -1}));
  ledger_.Add({1, -1});
  ASSERT_EQ(ledger_.Entries().size(), 1U);
  EXPECT_FALSE(ledger_.Entries().front().IsIntent());
}

TEST_F(LedgerTest, ARefusalWithdrawsTheIntentAndSilenceGivesItUp) {
  const Error refused{ErrorDomain::kCard, "refused", "", wire::StatusWord::kFileNotFound};
  const Error silence{ErrorDomain::kTransport, "no answer", ""};
  const Error nonsense{ErrorDomain::kProtocol, "no session number", ""};
  ledger_.Announce();
  ledger_.NoteFailure(refused);
  EXPECT_TRUE(ledger_.Entries().empty());
  ledger_.NoteFailure(silence);
  EXPECT_TRUE(ledger_.Entries().empty()) << "nothing was announced";
  for (const Error& error : {silence, nonsense}) {
    ledger_.Announce();
    ledger_.NoteFailure(error);
  }
  ledger_.Announce();
  ASSERT_EQ(ledger_.Entries().size(), 3U);
  EXPECT_FALSE(IsAlive(ledger_.Entries()[0]));
  EXPECT_FALSE(IsAlive(ledger_.Entries()[1]));
  EXPECT_TRUE(IsAlive(ledger_.Entries()[2]));
  ledger_.RemoveDeadIntents(1);
  EXPECT_EQ(ledger_.Entries().size(), 2U);
  ledger_.RemoveDeadIntents(9);
  ASSERT_EQ(ledger_.Entries().size(), 1U);
  EXPECT_TRUE(IsAlive(ledger_.Entries()[0]));
}

TEST_F(LedgerTest, OtherProcessesIntentsAreTheirOwn) {
  OtherProcess other;
  Write("0 -1 " + std::to_string(other.pid()) + " " + std::to_string(*ProcessStartTime(other.pid())) + "\n");
  ledger_.Add({1, -1});
  EXPECT_EQ(ledger_.Entries().size(), 2U);
  ledger_.NoteFailure({ErrorDomain::kCard, "refused", ""});
  ledger_.RemoveDeadIntents(1);
  EXPECT_EQ(ledger_.Entries().size(), 2U);
}

TEST_F(LedgerTest, DoesNotGrowWithoutEnd) {
  OtherProcess other;
  std::string lines = Line(2, other.pid()) + DeadLine(1);
  for (int i = 0; i < 70; ++i) {
    lines += "0 -1 " + std::to_string(::getpid()) + " 1\n";
  }
  Write(lines);
  ledger_.Announce();
  const auto entries = ledger_.Entries();
  ASSERT_EQ(entries.size(), 64U);
  EXPECT_EQ(entries.front().pid, other.pid()) << "a living one stays";
  EXPECT_TRUE(IsAlive(entries.back()));
}

TEST_F(LedgerTest, PortsHaveTheirOwn) {
  ledger_.Add({1, -1});
  const ChannelLedger other(directory_.path(), {.scheme = "at", .path = "/dev/fake2", .text = ""});
  EXPECT_TRUE(other.Entries().empty());
}

TEST_F(LedgerTest, ALinkIsThePortItPointsTo) {
  const std::string real = directory_.path() + "/tty";
  std::ofstream(real) << "";
  std::filesystem::create_symlink(real, directory_.path() + "/modem");
  ChannelLedger(directory_.path(), {.scheme = "at", .path = real, .text = ""}).Add({1, -1});
  const ChannelLedger link(directory_.path(), {.scheme = "at", .path = directory_.path() + "/modem", .text = ""});
  EXPECT_EQ(link.Entries().size(), 1U);
}

TEST_F(LedgerTest, TellsTheLivingFromTheDead) {
  OtherProcess other;
  const auto start = ProcessStartTime(other.pid());
  ASSERT_TRUE(start);
  const LedgerEntry entry{{1, -1}, other.pid(), *start};
  EXPECT_TRUE(IsAlive(entry));
  EXPECT_FALSE(IsAlive({{1, -1}, other.pid(), *start + 1}));  // the same number, a later process
  other.End();
  EXPECT_FALSE(IsAlive(entry));
}

TEST_F(LedgerTest, IgnoresWhatItCannotRead) {
  Write("nonsense\n1 -1 " + std::to_string(::getpid()) +
        "\n99 -1 1 1\n-1 -1 1 1\n1 -2 1 1\n1 -1 0 1\n1 -1 1 1 1\n2 -1 1 1\n");
  const auto entries = ledger_.Entries();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries.front().channel.number, 2);
  const auto file = std::filesystem::directory_iterator(directory_.path())->path();
  std::ofstream(file, std::ios::trunc) << "simroot-channels 2\n1 -1 1 1\n";
  EXPECT_TRUE(ledger_.Entries().empty());
}

TEST_F(LedgerTest, AnImpossibleDirectoryIsNoLedger) {
  const ChannelLedger none("/dev/null/ledger", port_);
  none.Add({1, -1});
  EXPECT_TRUE(none.Entries().empty());
  EXPECT_TRUE(none.MayClose({1, -1}));
}

class FullCardTest : public LedgerTest {
 protected:
  Result<Bytes> Random() { return card_->Random(1); }

  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_, {.runtime_directory = directory_.path()});
};

TEST_F(FullCardTest, AChannelIsInTheLedgerWhileItIsOpen) {
  script_->ThenOpened().Then("8184000001", "AA9000").Then("close 1", "");
  ASSERT_TRUE(Random());
  ASSERT_EQ(ledger_.Entries().size(), 1U);
  EXPECT_EQ(ledger_.Entries().front().pid, ::getpid());
  card_->Close();
  EXPECT_TRUE(ledger_.Entries().empty());
}

TEST_F(FullCardTest, ClosesChannelsOfTheDeadAndTriesAgain) {
  OtherProcess other;
  Write(Line(1, other.pid()) + DeadLine(2) + DeadLine(3));
  script_->Then("open", "")
      .Then("channel A0000005590010", "!6A81")
      .Then("close 2", "")
      .Then("close 3", "")
      .Then("channel A0000005590010", "2")
      .Then("8284000001", "AA9000");
  EXPECT_TRUE(Random());
  EXPECT_EQ(ledger_.Entries().size(), 2U);
  script_->Then("close 2", "");
}

TEST_F(FullCardTest, NamesTheLivingHolders) {
  OtherProcess first;
  OtherProcess second;
  Write(Line(1, first.pid()) + Line(2, second.pid()) + Line(3, second.pid()));
  script_->Then("open", "").Then("channel A0000005590010", "!6A81");
  const auto random = Random();
  ASSERT_FALSE(random);
  EXPECT_EQ(random.error().sw, wire::StatusWord::kFunctionNotSupported);
  EXPECT_NE(random.error().message.find("in use by pid " + std::to_string(std::min(first.pid(), second.pid())) + ", " +
                                        std::to_string(std::max(first.pid(), second.pid()))),
            std::string::npos)
      << random.error().message;
  EXPECT_NE(random.error().next_step.find("simroot carded"), std::string::npos) << random.error().next_step;
}

TEST_F(FullCardTest, WaitsForAChannelThatALivingProcessGivesBack) {
  OtherProcess other;
  Write(Line(1, other.pid()));
  script_->Then("open", "")
      .Then("channel A0000005590010", "!6A81")
      .Then("channel A0000005590010", "!6A81")
      .Then("channel A0000005590010", "1")
      .Then("8184000001", "AA9000")
      .Then("close 1", "");
  const auto card =
      MakeCard(script_, {.runtime_directory = directory_.path(), .channel_wait = std::chrono::seconds(9)});
  EXPECT_TRUE(card->Random(1));
}

TEST_F(FullCardTest, TriesAgainOnlyOnce) {
  Write(DeadLine(1));
  script_->Then("open", "")
      .Then("channel A0000005590010", "!6A81")
      .Then("close 1", "!6A86")
      .Then("channel A0000005590010", "!6A81");
  EXPECT_EQ(Random().error().sw, wire::StatusWord::kFunctionNotSupported);
}

TEST_F(FullCardTest, ReclaimsItsOwnChannelAfterATransportError) {
  script_->ThenOpened().Then("8184000001", "!transport");
  script_->Then("open", "").Then("channel A0000005590010", "!6A81").Then("close 1", "");
  script_->Then("channel A0000005590010", "1").Then("8184000001", "AA9000");
  EXPECT_TRUE(Random());
  EXPECT_TRUE(script_->Done());
  script_->Then("close 1", "");
}

TEST_F(FullCardTest, DoesNotCloseAChannelThatIsSomebodyElsesNow) {
  script_->ThenOpened().Then("8184000001", "AA9000");
  ASSERT_TRUE(Random());
  OtherProcess other;  // the card was reset, and this process was given channel 1
  Write(Line(1, other.pid()));
  script_->Then("8184000001", "6D00").Then("channel A0000005590010", "2").Then("8284000001", "AA9000");
  EXPECT_TRUE(Random());
  EXPECT_EQ(ledger_.Entries().size(), 2U);
  script_->Then("close 2", "");
}

}  // namespace
}  // namespace simroot::device::client
