// SPDX-License-Identifier: Apache-2.0
#include "conformance/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace simroot::conformance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

CaseReport Case(Verdict verdict, std::vector<std::string> cope = {}) {
  CaseReport report;
  report.chapter = "15.3 <random>";
  report.number = "T27";
  report.title = "one & only";
  report.clause = "IoT.05 2.18";
  report.verdict = verdict;
  report.cope = std::move(cope);
  if (verdict != Verdict::kPassed) {
    report.reason = "it \"differs\"";
    report.sent = "8184000001";
    report.expected = ".. 9000";
    report.got = "6F00";
  }
  return report;
}

RunReport With(std::vector<CaseReport> cases) {
  RunReport report;
  report.card = "sim:<card>";
  report.profile = "default";
  report.facts = {{"application", "A0"}};
  report.cases = std::move(cases);
  return report;
}

TEST(RunReport, GradesByTheWorstCase) {
  EXPECT_EQ(GradeText(With({Case(Verdict::kPassed), Case(Verdict::kSkipped)})), "conforms");
  EXPECT_EQ(GradeText(With({Case(Verdict::kPassed), Case(Verdict::kDeviates)})), "deviates, known clients cope");
  EXPECT_EQ(GradeText(With({Case(Verdict::kFailed), Case(Verdict::kDeviates)})), "fails");
  EXPECT_EQ(GradeText(With({Case(Verdict::kSkipped)})), "was not judged: no case could be run");
}

TEST(RunReport, NamesTheClientsThatCopeWithAll) {
  EXPECT_THAT(With({Case(Verdict::kDeviates, {"orange", "ntt"}), Case(Verdict::kDeviates, {"ntt", "thales"})})
                  .ClientsThatCope(),
              ElementsAre("ntt"));
  EXPECT_THAT(With({Case(Verdict::kDeviates, {"orange"}), Case(Verdict::kDeviates)}).ClientsThatCope(), IsEmpty());
  EXPECT_EQ(With({Case(Verdict::kPassed)}).ClientsThatCope().size(), kKnownClients.size());
}

TEST(RunReport, CountsByChapter) {
  const auto chapters = With({Case(Verdict::kPassed), Case(Verdict::kFailed), Case(Verdict::kFailed)}).CountByChapter();
  ASSERT_EQ(chapters.size(), 1U);
  EXPECT_EQ(chapters.front().second.Of(Verdict::kPassed), 1U);
  EXPECT_EQ(chapters.front().second.Of(Verdict::kFailed), 2U);
  EXPECT_EQ(chapters.front().second.Of(Verdict::kSkipped), 0U);
}

TEST(ReportText, ShowsFailuresWithTheirBytesAndSkipsWithTheirReason) {
  const std::string text = ToText(With({Case(Verdict::kFailed), Case(Verdict::kSkipped), Case(Verdict::kPassed)}));
  EXPECT_THAT(text, HasSubstr("FAILED    T27 one & only"));
  EXPECT_THAT(text, HasSubstr("got      6F00"));
  EXPECT_THAT(text, HasSubstr("skipped: it \"differs\" (T27)"));
  EXPECT_THAT(text, HasSubstr("the card fails\n"));
}

TEST(ReportText, NamesWhoCopes) {
  EXPECT_THAT(ToText(With({Case(Verdict::kDeviates, {"ntt"})})), HasSubstr("with every deviation: ntt"));
  EXPECT_THAT(ToText(With({Case(Verdict::kDeviates)})), HasSubstr("no single client copes"));
}

TEST(ReportJUnit, EscapesAndCounts) {
  const std::string xml = ToJUnit(With({Case(Verdict::kFailed), Case(Verdict::kSkipped), Case(Verdict::kPassed)}));
  EXPECT_THAT(xml, HasSubstr("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\""));
  EXPECT_THAT(xml, HasSubstr("name=\"15.3 &lt;random&gt;\""));
  EXPECT_THAT(xml, HasSubstr("message=\"it &quot;differs&quot;\""));
  EXPECT_THAT(xml, Not(HasSubstr("<random>")));
}

TEST(ReportHtml, EscapesAndNeedsNothingElse) {
  const std::string page = ToHtml(With({Case(Verdict::kFailed), Case(Verdict::kPassed)}));
  EXPECT_THAT(page, Not(HasSubstr("<card>")));
  EXPECT_THAT(page, Not(HasSubstr("src=")));
  EXPECT_THAT(page, Not(HasSubstr("href=")));
  EXPECT_THAT(page, HasSubstr("prefers-color-scheme"));
}

TEST(EscapeXml, ReplacesWhatMayNotStandThere) {
  EXPECT_EQ(EscapeXml("<a b=\"c\">'&"), "&lt;a b=&quot;c&quot;&gt;&#39;&amp;");
  EXPECT_EQ(EscapeXml(std::string("\0\x1B\xFF", 3)), "???");
  EXPECT_EQ(EscapeXml("line\n\ttab"), "line\n\ttab");
}

}  // namespace
}  // namespace simroot::conformance
