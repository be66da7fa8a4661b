// SPDX-License-Identifier: Apache-2.0
#include "server/middleware/log.hpp"

#include <gtest/gtest.h>

#include "server/middleware/metrics.hpp"

namespace simroot::server {
namespace {

TEST(LogLine, QuotesWhatIsNoPlainWord) {
  LogLine line("something was seen");
  line.With("a", "127.0.0.1:80").With("b", "two words").With("c", "\"\\\n\x7F\xC3\xA4").With("d", "").With("e", 7);
  EXPECT_EQ(line.text(), R"(something was seen a=127.0.0.1:80 b="two words" c="\"\\\x0A\x7F\xC3\xA4" d="" e=7)");
}

TEST(LogLine, CutsLongValues) {
  LogLine line("x");
  line.With("a", std::string(200, 'y'));
  EXPECT_EQ(line.text(), "x a=\"" + std::string(128, 'y') + "...\"");
}

TEST(JsonLine, IsOneObjectWhateverIsInTheText) {
  EXPECT_EQ(ToJsonLine(LogLevel::kWarning, "a \"b\" \\ \x01\n", 1'700'000'000),
            "{\"time\":\"2023-11-14T22:13:20Z\",\"level\":\"warning\",\"message\":\"a \\\"b\\\" \\\\ "
            "\\u0001\\u000a\"}\n");
}

struct Lines {
  std::vector<std::string> lines;
  std::int64_t second = 100;
  RefusalLog log{[this](LogLevel, const std::string& line) { lines.push_back(line); }, [this] { return second; }};
};

TEST(RefusalLog, SaysWhoAndWhy) {
  Lines lines;
  Verdict verdict{Refusal::kRevoked,
                  {.id = 7, .iccid = {"8988000000000000001"}, .device = {"meter 1"}, .name = {"01AB"}}};
  EXPECT_FALSE(lines.log.Refused(verdict, "10.0.0.1"));
  ASSERT_EQ(lines.lines.size(), 1U);
  EXPECT_EQ(lines.lines[0],
            "a device was refused: its credential is revoked reason=revoked peer=10.0.0.1 credential=01AB "
            "iccid=8988000000000000001 device=\"meter 1\"");
}

TEST(RefusalLog, LeavesOutWhatIsTooMuchAndCountsIt) {
  Lines lines;
  const Verdict unknown{Refusal::kUnknownIdentity, {}};
  int first = 0;
  for (int i = 0; i < 50; ++i) {
    first += lines.log.Refused(unknown, "10.0.0.1") ? 1 : 0;
  }
  EXPECT_EQ(first, 1);
  EXPECT_EQ(lines.lines.size(), 20U);
  (void)lines.log.Refused({Refusal::kRevoked, {}}, "10.0.0.2");
  EXPECT_EQ(lines.lines.size(), 21U) << "each kind for itself";
  EXPECT_TRUE(lines.log.Tick());
  EXPECT_EQ(lines.lines.size(), 21U) << "the second is not over";
  ++lines.second;
  EXPECT_FALSE(lines.log.Tick());
  ASSERT_EQ(lines.lines.size(), 22U);
  EXPECT_NE(lines.lines.back().find("reason=unknown_identity count=30"), std::string::npos) << lines.lines.back();
  (void)lines.log.Refused(unknown, "10.0.0.1");
  EXPECT_EQ(lines.lines.size(), 23U);
}

TEST(Metrics, EscapeLabelsAndNameEveryRefusal) {
  MetricValues values;
  values.status.tenant = "a\"b\\c\nd";
  values.handshakes[static_cast<std::size_t>(Refusal::kWrongKey)] = 3;
  const std::string text = ToPrometheus(values);
  EXPECT_NE(text.find("simroot_server_info{tenant=\"a\\\"b\\\\c\\nd\",name=\"\",platform=\"\"} 1\n"),
            std::string::npos);
  EXPECT_NE(text.find("simroot_server_handshakes_total{result=\"wrong_key\"} 3\n"), std::string::npos);
  for (const RefusalName& refusal : kRefusals) {
    EXPECT_NE(text.find("{result=\"" + std::string(refusal.name) + "\"}"), std::string::npos);
  }
  EXPECT_EQ(text.back(), '\n');
}

}  // namespace
}  // namespace simroot::server
