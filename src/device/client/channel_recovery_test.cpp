// SPDX-License-Identifier: Apache-2.0
/// A card on which no channel is free, after programs were killed at all sorts of moments.
#include "device/client/channel_recovery.hpp"

#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "device/client/fake_transport.hpp"
#include "device/client/noted_transport.hpp"

namespace simroot::device::client {
namespace {

using testing::MakeCard;
using testing::Script;

constexpr pid_t kDead = 999'999'999;

/// Three channels, and a modem that calls a session by the number of its channel, as the emulated one does.
class RecoveryTest : public ::testing::Test {
 protected:
  RecoveryTest() {
    script_->Otherwise([this](const std::string& event) { return Answer(event); });
  }
  void TearDown() override { EXPECT_TRUE(script_->Done()); }

  std::optional<std::string> Answer(const std::string& event) {
    if (event.starts_with("channel ")) {
      return OpenChannel();
    }
    if (event.starts_with("close s")) {
      return sessions_.erase(std::atoi(event.c_str() + 7)) == 1 ? "" : "!6881";
    }
    if (event.starts_with("close ")) {
      return channels_.erase(std::atoi(event.c_str() + 6)) == 1 ? "" : "!6881";
    }
    if (event == "open") {
      return "";
    }
    return event.ends_with("84000001") ? std::optional<std::string>("AA9000") : std::nullopt;
  }
  std::string OpenChannel() {
    // Not known until the card has answered: on the disk it must be by now.
    const auto entries = ledger_.Entries();
    intents_seen_ += static_cast<int>(std::ranges::count_if(entries, [](const LedgerEntry& entry) {
      return entry.IsIntent() && entry.pid == ::getpid() && IsAlive(entry);
    }));
    for (int number = 1; number <= 3; ++number) {
      if (!channels_.contains(number) && !sessions_.contains(number)) {
        (script_->sessions ? sessions_ : channels_).insert(number);
        return (script_->sessions ? "s" : "") + std::to_string(number);
      }
    }
    return full_answer_;
  }

  /// As other processes would have left it.
  void Write(const std::string& lines) {
    ledger_.Announce();  // makes the file
    const auto file = std::filesystem::directory_iterator(directory_.path())->path();
    std::ofstream(file, std::ios::trunc) << "simroot-channels 1\n" << lines;
  }
  static std::string DeadIntents(int count) {
    std::string lines;
    for (int i = 0; i < count; ++i) {
      lines += "0 -1 " + std::to_string(kDead) + " 1\n";
    }
    return lines;
  }
  static std::string DeadChannel(int number) {
    return std::to_string(number) + " -1 " + std::to_string(kDead) + " 1\n";
  }
  static std::string DeadSession(int number) {
    return "0 " + std::to_string(number) + " " + std::to_string(kDead) + " 1\n";
  }
  static std::string Living(const std::string& channel) {
    const pid_t parent = ::getppid();
    return channel + " " + std::to_string(parent) + " " + std::to_string(ProcessStartTime(parent).value_or(1)) + "\n";
  }
  /// What is open and belongs to another program of ours that runs.
  static std::string LivingChannel(int number) { return Living(std::to_string(number) + " -1"); }
  static std::string LivingSession(int number) { return Living("0 " + std::to_string(number)); }

  Result<Bytes> Random() { return card_->Random(1); }
  std::size_t Intents() {
    const auto entries = ledger_.Entries();
    return static_cast<std::size_t>(std::ranges::count_if(entries, &LedgerEntry::IsIntent));
  }
  [[nodiscard]] std::vector<std::string> Closed() const {
    std::vector<std::string> closed;
    std::ranges::copy_if(script_->seen(), std::back_inserter(closed),
                         [](const std::string& event) { return event.starts_with("close "); });
    return closed;
  }

  std::set<int> channels_;
  std::set<int> sessions_;
  std::string full_answer_ = "!6A81";
  int intents_seen_ = 0;
  testing::TemporaryDirectory directory_;
  const ChannelLedger ledger_{directory_.path(), {.scheme = "at", .path = "/dev/fake", .text = "at:/dev/fake"}};
  std::shared_ptr<Script> script_ = std::make_shared<Script>();
  std::shared_ptr<Card> card_ = MakeCard(script_, {.runtime_directory = directory_.path()});
};

TEST_F(RecoveryTest, OpeningIsNotedBeforeItBegins) {
  EXPECT_TRUE(Random());
  EXPECT_EQ(intents_seen_, 1);
  ASSERT_EQ(ledger_.Entries().size(), 1U) << "the channel took the place of the intent";
  EXPECT_EQ(ledger_.Entries().front().channel, (Channel{1, -1}));
  card_->Close();
  EXPECT_TRUE(ledger_.Entries().empty());
}

TEST_F(RecoveryTest, ARefusalLeavesNoIntent) {
  channels_ = {1, 2, 3};
  EXPECT_FALSE(Random());
  EXPECT_EQ(intents_seen_, 1);
  EXPECT_EQ(Intents(), 0U);
}

TEST_F(RecoveryTest, AnOpeningWithoutAnAnswerLeavesOne) {
  script_->Then("open", "").Then("channel A0000005590010", "!transport");
  channels_ = {1, 2, 3};  // it was opened all the same
  // The client tries a second time by itself: it finds what it has given up itself.
  EXPECT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 3"}));
  EXPECT_EQ(Intents(), 0U);
}

TEST_F(RecoveryTest, GivesUpOnlySoManyTimes) {
  script_->Otherwise(
      [](const std::string& event) -> std::optional<std::string> { return event == "open" ? "" : "!transport"; });
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Random());
  }
  EXPECT_EQ(Intents(), 3U);
}

TEST_F(RecoveryTest, KilledBeforeTheChannelWasNoted) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(1) + LivingChannel(1) + LivingChannel(2));
  ASSERT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 3"}));
  EXPECT_EQ(Intents(), 0U);
  EXPECT_EQ(channels_, (std::set{1, 2, 3}));
}

TEST_F(RecoveryTest, NothingIsClosedWhileAChannelIsFree) {
  channels_ = {1, 2};
  Write(DeadIntents(2));
  ASSERT_TRUE(Random());
  EXPECT_TRUE(Closed().empty());
  EXPECT_EQ(Intents(), 2U);
}

TEST_F(RecoveryTest, NothingIsClosedWithoutADeadIntent) {
  channels_ = {1, 2, 3};
  Write(Living("0 -1"));
  const auto random = Random();
  ASSERT_FALSE(random);
  EXPECT_EQ(random.error().sw, wire::StatusWord::kFunctionNotSupported);
  EXPECT_TRUE(Closed().empty());
}

TEST_F(RecoveryTest, NoMoreThanNeededIsClosed) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(3));
  ASSERT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 3"}));
  EXPECT_EQ(Intents(), 2U) << "for the next time";
}

TEST_F(RecoveryTest, AtMostAsManyAsThereAreIntents) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(1));
  script_->Then("open", "").Then("channel A0000005590010", "!6A81").Then("close 3", "");
  script_->Then("channel A0000005590010", "!6A81");  // somebody else was faster, through another port
  EXPECT_FALSE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 3"}));
}

TEST_F(RecoveryTest, NotedChannelsOfTheDeadComeFirst) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(1) + DeadChannel(1));
  ASSERT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 1"}));
  EXPECT_EQ(Intents(), 1U);
}

TEST_F(RecoveryTest, TheLivingAreLeftAlone) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(3) + LivingChannel(1) + LivingChannel(2) + LivingChannel(3));
  const auto random = Random();
  ASSERT_FALSE(random);
  EXPECT_TRUE(Closed().empty());
  EXPECT_NE(random.error().Text().find("in use by pid " + std::to_string(::getppid())), std::string::npos);
  EXPECT_EQ(Intents(), 0U) << "they had opened nothing";
}

TEST_F(RecoveryTest, AStaleNoteDoesNotCostALivingProcessItsChannel) {
  script_->sessions = true;
  sessions_ = {1, 2};
  channels_ = {3};
  Write(DeadChannel(1) + LivingSession(1) + DeadSession(2));  // the modem was restarted after the first
  ASSERT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close s2"}));
}

TEST_F(RecoveryTest, TheModemWasRestarted) {
  channels_ = {1, 2, 3};  // of programs that keep no ledger
  Write(DeadChannel(2) + DeadIntents(2));
  script_->Then("open", "").Then("channel A0000005590010", "!6A81").Then("close 2", "!6881");
  script_->Then("channel A0000005590010", "!6A81");
  script_->Then("close 3", "!6881").Then("close 2", "!6881").Then("close 1", "!6881");
  EXPECT_EQ(Random().error().sw, wire::StatusWord::kFunctionNotSupported);
  EXPECT_TRUE(ledger_.Entries().empty());
}

TEST_F(RecoveryTest, ALineThatFailsMeanwhileLosesNothing) {
  channels_ = {1, 2, 3};
  Write(DeadChannel(1) + DeadChannel(2));
  script_->Then("open", "").Then("channel A0000005590010", "!6A81").Then("close 1", "!transport");
  script_->Then("open", "!transport");
  static_cast<void>(Random());
  EXPECT_EQ(ledger_.Entries().size(), 2U + Intents());
  script_->ForgetSeen();
  EXPECT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 1", "close 2"}));
}

TEST_F(RecoveryTest, ALineThatFailsInTheSearchLosesNoIntent) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(1));
  script_->Then("open", "").Then("channel A0000005590010", "!6A81").Then("close 3", "!transport");
  script_->Then("open", "!transport");
  static_cast<void>(Random());
  EXPECT_GE(Intents(), 1U);
}

TEST_F(RecoveryTest, TwoThatRecoverOneAfterTheOther) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(2));
  const auto other = MakeCard(script_, {.runtime_directory = directory_.path()});
  EXPECT_TRUE(Random());
  EXPECT_TRUE(other->Random(1));
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 3", "close 2"}));
  EXPECT_EQ(Intents(), 0U);
  other->Close();
}

TEST_F(RecoveryTest, AKilledRecoveryCanBeRepeated) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(1));
  const pid_t child = ::fork();
  if (child == 0) {
    script_->Then("open", "").Then("channel A0000005590010", "!6A81");
    script_->Otherwise([](const std::string& /*close 3*/) -> std::optional<std::string> { std::_Exit(0); });
    static_cast<void>(Random());
    std::_Exit(1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(Intents(), 2U) << "its own, and the one it was to close for";
  EXPECT_TRUE(Random());
}

TEST_F(RecoveryTest, ATornLedgerIsAsGoodAsItsWholeLines) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(1) + "2 -1 99999");
  EXPECT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close 3"}));
}

TEST_F(RecoveryTest, WithoutAWritableLedgerAllIsAsBefore) {
  const auto card = MakeCard(script_, {.runtime_directory = "/dev/null/ledger"});
  EXPECT_TRUE(card->Random(1));
  card->Close();
  channels_ = {1, 2, 3};
  EXPECT_EQ(card->Random(1).error().sw, wire::StatusWord::kFunctionNotSupported);
}

TEST_F(RecoveryTest, ATransportWithoutACardKeepsTheLedgerToo) {
  channels_ = {1, 2, 3};
  Write(DeadIntents(1) + DeadChannel(2));
  const CardUri uri{.scheme = "at", .path = "/dev/fake", .text = "at:/dev/fake"};
  const auto transport = NoteChannels(std::make_unique<testing::FakeTransport>(script_), directory_.path(), uri);
  const Deadline deadline = Deadline::After(std::chrono::seconds(9));
  const auto lock = transport->Lock(deadline);
  const auto channel = transport->OpenChannel(Bytes{0xA0, 0, 0, 1, 0x51}, deadline);
  ASSERT_TRUE(channel);
  EXPECT_EQ(channel->number, 2);
  EXPECT_EQ(intents_seen_, 2);
  EXPECT_EQ(ledger_.Entries().size(), 2U);
  EXPECT_TRUE(IsAlive(ledger_.Entries().back()));
  const auto second = transport->OpenChannel(Bytes{0xA0, 0, 0, 1, 0x51}, deadline);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->number, 3);
  EXPECT_FALSE(transport->OpenChannel(Bytes{0xA0, 0, 0, 1, 0x51}, deadline));
  EXPECT_EQ(Intents(), 0U);
  EXPECT_TRUE(transport->CloseChannel(*channel, deadline));
  EXPECT_FALSE(transport->CloseChannel(*channel, deadline));
  EXPECT_EQ(ledger_.Entries().size(), 1U);
}

class SessionRecoveryTest : public RecoveryTest {
 protected:
  SessionRecoveryTest() {
    script_->sessions = true;
    sessions_ = {1, 2, 3};
    full_answer_ = "!6A82";  // the modem does not tell
  }
};

TEST_F(SessionRecoveryTest, SessionsOfTheDeadAreClosed) {
  Write(DeadSession(1) + DeadSession(2) + DeadSession(3));
  EXPECT_TRUE(Random());
  EXPECT_EQ(Closed().size(), 3U);
}

TEST_F(SessionRecoveryTest, ASessionThatWasNotNoted) {
  Write(DeadIntents(1) + LivingSession(3));
  EXPECT_TRUE(Random());
  EXPECT_EQ(Closed(), (std::vector<std::string>{"close s2"}));
}

TEST_F(SessionRecoveryTest, ASessionWithANumberOfTheModemsOwn) {
  sessions_ = {1, 2, 17};
  channels_ = {3};
  Write(DeadIntents(1) + LivingSession(1) + LivingSession(2));
  script_->Then("open", "");
  full_answer_ = "!6A82";
  const auto random = Random();
  EXPECT_FALSE(sessions_.contains(17));
  EXPECT_TRUE(channels_.contains(3)) << "one was closed, and that was enough";
}

TEST_F(SessionRecoveryTest, AChannelOfAClientInModeCsim) {
  sessions_ = {1};
  channels_ = {2, 3};
  Write(DeadIntents(1) + LivingSession(1) + LivingChannel(2));
  EXPECT_TRUE(Random());
  EXPECT_TRUE(channels_.contains(2));
  EXPECT_TRUE(sessions_.contains(1));
  EXPECT_EQ(Closed().back(), "close 3");
}

TEST_F(SessionRecoveryTest, ChannelsAreLeftAloneIfNobodyKnowsWhichALivingSessionHas) {
  sessions_ = {40};
  channels_ = {1, 2, 3};
  Write(DeadIntents(3) + LivingSession(40));
  EXPECT_FALSE(Random());
  EXPECT_EQ(channels_.size(), 3U);
  EXPECT_TRUE(sessions_.contains(40));
}

TEST_F(SessionRecoveryTest, AnUnknownApplicationCostsOneChannelAtMost) {
  script_->Then("open", "");
  for (int i = 0; i < 2; ++i) {
    for (const iotsafe::AidEntry& entry : iotsafe::kAids) {
      script_->Then("channel " + ToHex(entry.view()), "!6A82");
    }
    if (i == 0) {
      script_->Then("close s3", "");
    }
  }
  Write(DeadIntents(3));
  const auto random = Random();
  ASSERT_FALSE(random);
  EXPECT_NE(random.error().Text().find("there is no IoT SAFE applet"), std::string::npos) << random.error().Text();
  EXPECT_NE(random.error().Text().find("no other program uses its logical channels"), std::string::npos);
}

TEST_F(SessionRecoveryTest, TheLivingAreNamed) {
  Write(LivingSession(1) + LivingSession(2) + LivingSession(3));
  const auto random = Random();
  ASSERT_FALSE(random);
  EXPECT_EQ(random.error().sw, wire::StatusWord::kFunctionNotSupported);
  const std::string text = random.error().Text();
  EXPECT_NE(text.find("in use by pid " + std::to_string(::getppid())), std::string::npos) << text;
  EXPECT_NE(text.find("simroot carded"), std::string::npos) << text;
  EXPECT_TRUE(Closed().empty());
}

TEST_F(SessionRecoveryTest, WaitsForTheLiving) {
  Write(LivingSession(1) + LivingSession(2) + LivingSession(3));
  script_->Then("open", "");
  for (int i = 0; i < 2; ++i) {
    for (const iotsafe::AidEntry& entry : iotsafe::kAids) {
      script_->Then("channel " + ToHex(entry.view()), "!6A82");
    }
  }
  script_->Then("channel A0000005590010", "s1");
  const auto card =
      MakeCard(script_, {.runtime_directory = directory_.path(), .channel_wait = std::chrono::seconds(9)});
  EXPECT_TRUE(card->Random(1));
}

TEST_F(SessionRecoveryTest, WithoutSessionsAnUnknownApplicationIsCertain) {
  script_->sessions = false;
  Write(DeadSession(1) + DeadIntents(2));
  EXPECT_FALSE(Random());
  EXPECT_TRUE(Closed().empty());
}

}  // namespace
}  // namespace simroot::device::client
