// SPDX-License-Identifier: Apache-2.0
#include "device/transport/transport.hpp"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/transport/in_process.hpp"

namespace simroot::device {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A card that answers from a table, and notes what it was asked.
class TableCard final : public InProcessCard, public wire::CardEndpoint {
 public:
  explicit TableCard(std::vector<std::pair<std::string, std::string>>& table, std::vector<std::string>& asked)
      : table_(table), asked_(asked) {}
  wire::CardEndpoint& Endpoint() override { return *this; }
  void Reset() override {}
  ByteView Atr() const override { return {}; }
  std::size_t Transmit(ByteView command, ByteSpan response) override {
    asked_.push_back(ToHex(command));
    for (const auto& [question, answer] : table_) {
      if (question == asked_.back()) {
        const Bytes bytes = *FromHex(answer);
        EXPECT_TRUE(CopyBytes(bytes, response));
        return bytes.size();
      }
    }
    EXPECT_TRUE(CopyBytes(Bytes{0x6D, 0x00}, response));
    return 2;
  }

 private:
  std::vector<std::pair<std::string, std::string>>& table_;
  std::vector<std::string>& asked_;
};

/// What OpenInProcessCard does in this program.
struct Desk {
  int failures = 0;  ///< attempts that fail before one succeeds
  Error error{ErrorDomain::kStore, "card.sim is in use by pid 4711", "end that process", {}};
  int attempts = 0;
  std::vector<std::pair<std::string, std::string>> table;
  std::vector<std::string> asked;
};
Desk desk;

const Bytes kAid{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10};
const Bytes kRandom{0x81, 0x84, 0x00, 0x00, 0x02};

Deadline Enough() {
  return Deadline::After(std::chrono::seconds(20));
}
Deadline Soon() {
  return Deadline::After(std::chrono::milliseconds(100));
}

class InProcessTransportTest : public testing::Test {
 protected:
  void SetUp() override { desk = Desk{}; }
  static Result<std::unique_ptr<Transport>> Open(Deadline deadline) {
    return OpenTransport(*ParseCardUri("sim:card.sim"), deadline);
  }
};

TEST_F(InProcessTransportTest, OpensAChannelAndCarriesApdus) {
  desk.table = {{"0070000001", "029000"},
                {"02A4040007A0000005590010", "9000"},
                {"8184000002", "ABCD9000"},
                {"0070800200", "9000"}};
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->Name(), "sim:card.sim");
  EXPECT_TRUE((*transport)->Lock(Enough()));
  const auto channel = (*transport)->OpenChannel(kAid, Enough());
  ASSERT_TRUE(channel) << channel.error().Text();
  EXPECT_EQ(*channel, (Channel{.number = 2, .session = -1}));
  const auto random = (*transport)->Transmit(*channel, kRandom, Enough());
  ASSERT_TRUE(random);
  EXPECT_EQ(ToHex(random->data()), "ABCD");
  EXPECT_EQ(random->sw(), wire::StatusWord::kOk);
  EXPECT_TRUE((*transport)->CloseChannel(*channel, Enough()));
  const ExchangeCounters counters = (*transport)->Counters();
  EXPECT_EQ(counters.exchanges, 4U);
  EXPECT_EQ(counters.bytes_sent, 5U + 12U + 5U + 5U);
  EXPECT_EQ(counters.bytes_received, 3U + 2U + 4U + 2U);
  EXPECT_EQ(counters.characters_sent, 0U);
}

TEST_F(InProcessTransportTest, ClosesAChannelWhoseSelectFailed) {
  desk.table = {{"0070000001", "019000"}, {"01A4040007A0000005590010", "6A82"}, {"0070800100", "9000"}};
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  const auto channel = (*transport)->OpenChannel(kAid, Enough());
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().domain, ErrorDomain::kCard);
  EXPECT_EQ(channel.error().sw, wire::StatusWord::kFileNotFound);
  EXPECT_THAT(desk.asked, ElementsAre("0070000001", "01A4040007A0000005590010", "0070800100"));
}

TEST_F(InProcessTransportTest, AcceptsSelectWithAnAnswerWaitingOrAProactiveCommand) {
  for (const char* const answer : {"6120", "9110", "63CF"}) {
    desk.table = {{"0070000001", "019000"}, {"01A4040007A0000005590010", answer}};
    auto transport = Open(Enough());
    ASSERT_TRUE(transport);
    EXPECT_TRUE((*transport)->OpenChannel(kAid, Enough())) << answer;
  }
}

TEST_F(InProcessTransportTest, ReadsTheIccid) {
  desk.table = {{"00A4080C022FE2", "9000"}, {"00B000000A", "988832090000214365879000"}};
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->ReadIccid(Enough()), "89882390000012345678");
}

TEST_F(InProcessTransportTest, RefusesAnIccidThatIsNone) {
  for (const char* const content : {"9888320900002143659000", "98883209000021436A879000", "9888320900002143F5879000",
                                    "FFFFFFFFFFFFFFFFFFFF9000", "9888320900002143FFFF9000"}) {
    desk.table = {{"00A4080C022FE2", "9000"}, {"00B000000A", content}};
    auto transport = Open(Enough());
    ASSERT_TRUE(transport);
    const auto iccid = (*transport)->ReadIccid(Enough());
    ASSERT_FALSE(iccid) << content;
    EXPECT_EQ(iccid.error().domain, ErrorDomain::kProtocol);
  }
}

TEST_F(InProcessTransportTest, ReportsACardWithoutIccid) {
  desk.table = {{"00A4080C022FE2", "6A82"}};
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->ReadIccid(Enough()).error().sw, wire::StatusWord::kFileNotFound);
}

TEST_F(InProcessTransportTest, WaitsForACardInUse) {
  desk.failures = 3;
  EXPECT_TRUE(Open(Enough()));
  EXPECT_EQ(desk.attempts, 4);
}

TEST_F(InProcessTransportTest, GivesUpOnACardInUseAtTheDeadline) {
  desk.failures = 1'000'000;
  const auto transport = Open(Soon());
  ASSERT_FALSE(transport);
  EXPECT_EQ(transport.error().domain, ErrorDomain::kStore);
  EXPECT_THAT(transport.error().message, HasSubstr("in use by pid 4711"));
  EXPECT_GT(desk.attempts, 1);
  EXPECT_LT(desk.attempts, 100);  // paced, not spinning
}

TEST_F(InProcessTransportTest, DoesNotWaitForOtherErrors) {
  desk.failures = 1'000'000;
  desk.error.message = "card.sim is damaged";
  const auto transport = Open(Enough());
  ASSERT_FALSE(transport);
  EXPECT_EQ(desk.attempts, 1);
}

TEST_F(InProcessTransportTest, HoldsADeadlineThatHasPassed) {
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  const auto sent = (*transport)->Transmit({}, kRandom, Deadline::After(std::chrono::milliseconds(-1)));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().domain, ErrorDomain::kTransport);
  EXPECT_THAT(desk.asked, ElementsAre());
}

TEST_F(InProcessTransportTest, RefusesWhatIsNoApdu) {
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  EXPECT_EQ((*transport)->Transmit({}, Bytes(3), Enough()).error().domain, ErrorDomain::kUsage);
  EXPECT_EQ((*transport)->Transmit({}, Bytes(wire::kMaxCommand + 1), Enough()).error().domain, ErrorDomain::kUsage);
}

TEST_F(InProcessTransportTest, AChildMayNotUseIt) {
  auto transport = Open(Enough());
  ASSERT_TRUE(transport);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto sent = (*transport)->Transmit({}, kRandom, Enough());
    ::_exit(!sent && sent.error().domain == ErrorDomain::kTransport ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(CardResponse, SplitsDataFromStatusWord) {
  const auto response = CardResponse::From(Bytes{0xAB, 0x61, 0x10}, "port");
  ASSERT_TRUE(response);
  EXPECT_EQ(ToHex(response->data()), "AB");
  EXPECT_EQ(response->sw(), wire::BytesWaiting(0x10));
}

TEST(CardResponse, RefusesTooShortAndTooLong) {
  EXPECT_EQ(CardResponse::From({}, "port").error().domain, ErrorDomain::kProtocol);
  EXPECT_EQ(CardResponse::From(Bytes{0x90}, "port").error().domain, ErrorDomain::kProtocol);
  EXPECT_TRUE(CardResponse::From(Bytes(wire::kMaxResponse), "port"));
  EXPECT_EQ(CardResponse::From(Bytes(wire::kMaxResponse + 1), "port").error().domain, ErrorDomain::kProtocol);
}

TEST(ParseCardUri, Sim) {
  const auto uri = ParseCardUri("sim:/var/lib/a card?.sim");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->scheme, "sim");
  EXPECT_EQ(uri->path, "/var/lib/a card?.sim");
  EXPECT_EQ(uri->text, "sim:/var/lib/a card?.sim");
}

TEST(ParseCardUri, At) {
  const auto plain = ParseCardUri("at:/dev/ttyUSB2");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->path, "/dev/ttyUSB2");
  EXPECT_EQ(plain->baud, 115200U);
  EXPECT_EQ(plain->mode, CardUri::AtMode::kAuto);

  const auto full = ParseCardUri("at:/dev/serial/by-id/usb-x:1.2?mode=cgla&baud=9600");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->path, "/dev/serial/by-id/usb-x:1.2");
  EXPECT_EQ(full->baud, 9600U);
  EXPECT_EQ(full->mode, CardUri::AtMode::kCgla);
  EXPECT_EQ(ParseCardUri("at:/dev/x?mode=csim")->mode, CardUri::AtMode::kCsim);
  EXPECT_EQ(ParseCardUri("at:/dev/x?mode=auto")->mode, CardUri::AtMode::kAuto);
}

TEST(ParseCardUri, Pcsc) {
  EXPECT_EQ(ParseCardUri("pcsc:")->path, "");
  EXPECT_EQ(ParseCardUri("pcsc:Virtual PCD 00 00")->path, "Virtual PCD 00 00");
}

TEST(ParseCardUri, RefusesEverythingElse) {
  for (const std::string_view text : {"",
                                      "sim",
                                      "sim:",
                                      "at:",
                                      "at:?baud=9600",
                                      "pcsc",
                                      ":",
                                      "unix:",
                                      "SIM:x",
                                      "at:/dev/x?baud=",
                                      "at:/dev/x?baud=115201",
                                      "at:/dev/x?baud=9600x",
                                      "at:/dev/x?baud=-1",
                                      "at:/dev/x?baud=99999999999",
                                      "at:/dev/x?mode=",
                                      "at:/dev/x?mode=CSIM",
                                      "at:/dev/x?speed=9600",
                                      "at:/dev/x?baud=9600&baud=9600",
                                      "at:/dev/x?mode=csim&mode=csim",
                                      "at:/dev/x?&",
                                      "sim:a\nb"}) {
    const auto uri = ParseCardUri(text);
    ASSERT_FALSE(uri) << text;
    EXPECT_EQ(uri.error().domain, ErrorDomain::kUsage) << text;
    EXPECT_THAT(uri.error().next_step, HasSubstr("sim:FILE")) << text;
  }
}

TEST(OpenTransport, RefusesASchemeItDoesNotKnow) {
  CardUri uri;
  uri.scheme = "usb";
  uri.text = "usb:1";
  EXPECT_EQ(OpenTransport(uri, Enough()).error().domain, ErrorDomain::kUsage);
}

}  // namespace

Result<std::unique_ptr<InProcessCard>> OpenInProcessCard(const std::string& file) {
  EXPECT_EQ(file, "card.sim");
  ++desk.attempts;
  if (desk.failures-- > 0) {
    return Unexpected(desk.error);
  }
  return std::make_unique<TableCard>(desk.table, desk.asked);
}

}  // namespace simroot::device
