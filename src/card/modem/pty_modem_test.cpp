// SPDX-License-Identifier: Apache-2.0
#include "card/modem/pty_modem.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "card/modem/testing/scripted_card.hpp"
#include "common/base/check.hpp"

namespace simroot::card {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kRandom = "AT+CSIM=10,\"0084000004\"\r";
constexpr std::string_view kRandomAnswer = "\r\n+CSIM: 12,\"112233449000\"\r\n\r\nOK\r\n";

/// A client: opens the port as programs do, raw and without echo of its own.
class Client {
 public:
  explicit Client(const std::string& path) : port_(::open(path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK)) {
    struct termios settings {};
    SR_CHECK(port_ && ::tcgetattr(port_.get(), &settings) == 0);
    ::cfmakeraw(&settings);
    SR_CHECK(::tcsetattr(port_.get(), TCSANOW, &settings) == 0);
  }

  /// Writes what the port takes at once; false if that is not everything.
  bool TrySend(std::string_view text) {
    return ::write(port_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }
  /// Reads what is there already.
  std::string ReadNow() {
    std::string text(65536, '\0');
    const ssize_t count = ::read(port_.get(), text.data(), text.size());
    text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return text;
  }
  /// Reads until the text ends in a final result code, or ten seconds have passed.
  std::string ReadAnswer() {
    const Deadline deadline = Deadline::After(seconds(10));
    std::string text;
    while (!text.ends_with("\r\nOK\r\n") && !text.ends_with("\r\nERROR\r\n") && !deadline.Passed()) {
      pollfd port{port_.get(), POLLIN, 0};
      static_cast<void>(::poll(&port, 1, deadline.PollTimeoutMs()));
      text += ReadNow();
    }
    return text;
  }
  std::string Ask(std::string_view line) { return TrySend(line) ? ReadAnswer() : "the port took nothing"; }

 private:
  UniqueFd port_;
};

class PtyModemTest : public testing::Test {
 protected:
  PtyModemTest() {
    std::string pattern = (fs::temp_directory_path() / "simroot-pty-XXXXXX").string();
    SR_CHECK(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    link_ = (directory_ / "modem").string();
    card_.Answer("0084000004", "112233449000");
  }
  ~PtyModemTest() override { fs::remove_all(directory_); }

  Result<std::unique_ptr<PtyModem>> Open() {
    PtyModemOptions options;
    options.link = link_;
    options.modem.echo = false;
    return PtyModem::Open(card_, std::move(options));
  }
  std::unique_ptr<PtyModem> OpenOrDie() {
    auto modem = Open();
    SR_CHECK(modem.has_value());
    return std::move(*modem);
  }
  /// Serves what has been sent so far: the kernel shows it, and the leaving of clients, to poll() at once.
  static void ServeAll(PtyModem& modem) {
    while (modem.RunOnce(Deadline::After(milliseconds(0))).value()) {
    }
  }

  fs::path directory_;
  std::string link_;
  ScriptedCard card_;
};

/// Runs a modem in a thread of its own until the end of the scope.
class Running {
 public:
  explicit Running(PtyModem& modem) {
    std::array<int, 2> ends{};
    SR_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
    stop_read_ = UniqueFd(ends.front());
    stop_write_ = UniqueFd(ends.back());
    thread_ = std::thread([&modem, this] { result_ = modem.Run(stop_read_.get()); });
  }
  ~Running() {
    stop_write_.Reset();
    thread_.join();
    EXPECT_TRUE(result_.has_value());
  }

 private:
  UniqueFd stop_read_;
  UniqueFd stop_write_;
  Result<void> result_;
  std::thread thread_;
};

TEST_F(PtyModemTest, ServesAThousandExchangesFromAThread) {
  const auto modem = OpenOrDie();
  const Running running(*modem);
  Client client(link_);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(client.Ask(kRandom), kRandomAnswer) << i;
  }
  const ModemCounters expected{.command_lines = 1000,
                               .apdus = 1000,
                               .characters_in = 1000 * kRandom.size(),
                               .characters_out = 1000 * kRandomAnswer.size()};
  EXPECT_EQ(modem->Counters(), expected);
  modem->ResetCounters();
  EXPECT_EQ(modem->Counters(), ModemCounters{});
  EXPECT_EQ(client.Ask("AT\r"), "\r\nOK\r\n");
  EXPECT_EQ(modem->Counters().command_lines, 1U);
}

TEST_F(PtyModemTest, ServesOneClientAfterTheOther) {
  const auto modem = OpenOrDie();
  {
    const Running running(*modem);
    for (int i = 0; i < 50; ++i) {
      Client client(link_);
      ASSERT_EQ(client.Ask(kRandom), kRandomAnswer) << i;
    }
  }
  EXPECT_EQ(card_.resets(), 0);
}

TEST_F(PtyModemTest, KeepsSettingsAndCardWhenAClientLeaves) {
  card_.Answer("0070000001", "019000").Answer("01A4040005A000000559", "9000").Answer("0184000004", "AA9000");
  const auto modem = OpenOrDie();
  {
    const Running running(*modem);
    EXPECT_EQ(Client(link_).Ask("AT+CMEE=1;+CCHO=\"A000000559\"\r"), "\r\n+CCHO: 1\r\n\r\nOK\r\n");
  }
  ServeAll(*modem);  // sees the client leave
  const Running running(*modem);
  Client next(link_);
  EXPECT_EQ(next.Ask("AT+CGLA=1,10,\"0084000004\"\r"), "\r\n+CGLA: 6,\"AA9000\"\r\n\r\nOK\r\n");
  EXPECT_EQ(next.Ask("AT+CMEE?\r"), "\r\n+CMEE: 1\r\n\r\nOK\r\n");
}

TEST_F(PtyModemTest, ResetsTheCardBeforeTheNextCommand) {
  const auto modem = OpenOrDie();
  {
    const Running running(*modem);
    Client client(link_);
    EXPECT_EQ(client.Ask(kRandom), kRandomAnswer);
    modem->ResetCard();
    EXPECT_EQ(client.Ask(kRandom), kRandomAnswer);
    EXPECT_EQ(client.Ask(kRandom), kRandomAnswer);
  }
  EXPECT_THAT(card_.log(), ElementsAre("0084000004", "reset", "0084000004", "0084000004"));
}

TEST_F(PtyModemTest, DropsWhatAClientLeftBehind) {
  const auto modem = OpenOrDie();
  {
    Client client(link_);
    ASSERT_TRUE(client.TrySend("AT+CCID\rAT+CS"));
    ServeAll(*modem);
  }
  ServeAll(*modem);
  Client next(link_);
  ASSERT_TRUE(next.TrySend("AT\r"));
  ServeAll(*modem);
  EXPECT_EQ(next.ReadNow(), "\r\nOK\r\n");
}

TEST_F(PtyModemTest, RunsCommandsOfAClientThatHasLeftAlready) {
  const auto modem = OpenOrDie();
  ASSERT_TRUE(Client(link_).TrySend(kRandom));
  ServeAll(*modem);
  EXPECT_EQ(card_.log().size(), 1U);
}

TEST_F(PtyModemTest, SleepsWhileNobodyIsThere) {
  const auto modem = OpenOrDie();
  EXPECT_FALSE(modem->RunOnce(Deadline::After(milliseconds(5))).value());
  static_cast<void>(Client(link_));
  EXPECT_FALSE(modem->RunOnce(Deadline::After(milliseconds(5))).value());
  ASSERT_TRUE(Client(link_).TrySend("AT\r"));
  ServeAll(*modem);
  EXPECT_FALSE(modem->RunOnce(Deadline::After(milliseconds(5))).value());
}

TEST_F(PtyModemTest, StopsReadingFromAClientThatDoesNotRead) {
  const auto modem = OpenOrDie();
  Client client(link_);
  std::size_t sent = 0;
  while (client.TrySend(kRandom)) {
    ++sent;
    ASSERT_LT(sent, 20000U);  // a modem that took everything would never end
    if (sent % 32 == 0) {
      static_cast<void>(modem->RunOnce(Deadline::After(milliseconds(0))));
    }
    if (sent % 1024 == 0) {
      ServeAll(*modem);
    }
  }
  std::string received;
  for (std::string piece = client.ReadNow(); !piece.empty(); piece = client.ReadNow()) {
    received += piece;
    ServeAll(*modem);
  }
  EXPECT_GE(received.size(), sent * kRandomAnswer.size());  // the last line may have been taken in part
  EXPECT_EQ(card_.log().size(), received.size() / kRandomAnswer.size());
}

TEST_F(PtyModemTest, KeepsOtherUsersFromTheTerminal) {
  const auto modem = OpenOrDie();
  struct stat status {};
  ASSERT_EQ(::stat(link_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  EXPECT_EQ(fs::read_symlink(link_), modem->TerminalPath());
}

TEST_F(PtyModemTest, RemovesItsLinkAtTheEnd) {
  OpenOrDie().reset();
  EXPECT_FALSE(fs::is_symlink(link_));
}

TEST_F(PtyModemTest, LeavesALinkThatIsNoLongerItsOwn) {
  auto modem = OpenOrDie();
  fs::remove(link_);
  fs::create_symlink("/dev/null", link_);
  modem.reset();
  EXPECT_EQ(fs::read_symlink(link_), "/dev/null");
}

TEST_F(PtyModemTest, ReplacesALinkThatLeadsNowhere) {
  fs::create_symlink(directory_ / "gone", link_);
  const auto modem = OpenOrDie();
  EXPECT_EQ(fs::read_symlink(link_), modem->TerminalPath());
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()), 1);
}

TEST_F(PtyModemTest, RefusesALinkInUse) {
  const auto first = OpenOrDie();
  const auto second = Open();
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().domain, ErrorDomain::kUsage);
  EXPECT_THAT(second.error().Text(), HasSubstr("leads to " + first->TerminalPath()));
  EXPECT_EQ(fs::read_symlink(link_), first->TerminalPath());
}

TEST_F(PtyModemTest, NeverTouchesAFileOrADirectory) {
  std::ofstream(link_) << "precious";
  const auto over_file = Open();
  ASSERT_FALSE(over_file.has_value());
  EXPECT_THAT(over_file.error().Text(), HasSubstr("a file of that name exists"));
  EXPECT_EQ(fs::file_size(link_), 8U);

  fs::remove(link_);
  fs::create_directory(link_);
  EXPECT_FALSE(Open().has_value());
  EXPECT_TRUE(fs::is_directory(link_));
}

TEST_F(PtyModemTest, SaysWhyALinkCannotBeMade) {
  link_ = (directory_ / "missing" / "modem").string();
  const auto modem = Open();
  ASSERT_FALSE(modem.has_value());
  EXPECT_THAT(modem.error().Text(), HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace simroot::card
