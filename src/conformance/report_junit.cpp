// SPDX-License-Identifier: Apache-2.0
#include "conformance/report.hpp"

namespace simroot::conformance {
namespace {

std::string Attribute(const char* name, std::string_view value) {
  return std::string(" ") + name + "=\"" + EscapeXml(value) + "\"";
}

/// JUnit counts in seconds.
std::string Seconds(std::chrono::microseconds took) {
  const std::string micros = std::to_string(took.count() % 1000000);
  return std::to_string(took.count() / 1000000) + "." + std::string(6 - micros.size(), '0') + micros;
}

std::string Details(const CaseReport& report) {
  std::string text;
  for (const auto& [name, value] : {std::pair("clause", report.clause),
                                    {"script", report.script},
                                    {"sent", report.sent},
                                    {"sent, in words", report.sent_words},
                                    {"expected", report.expected},
                                    {"got", report.got},
                                    {"got, in words", report.got_words}}) {
    text += value.empty() ? "" : std::string(name) + ": " + value + "\n";
  }
  for (const std::string& client : report.cope) {
    text += "copes: " + client + "\n";
  }
  return text;
}

std::string TestCase(const CaseReport& report) {
  std::string text = "    <testcase" + Attribute("classname", report.chapter) +
                     Attribute("name", report.number + " " + report.title) + Attribute("time", Seconds(report.took));
  if (report.verdict == Verdict::kPassed) {
    return text + "/>\n";
  }
  text += ">\n";
  if (report.verdict == Verdict::kSkipped) {
    text += "      <skipped" + Attribute("message", report.reason) + "/>\n";
  } else {
    text += "      <failure" + Attribute("type", NameOf(report.verdict)) + Attribute("message", report.reason) + ">" +
            EscapeXml(Details(report)) + "</failure>\n";
  }
  return text + "    </testcase>\n";
}

std::string CountAttributes(const Counts& counts) {
  const std::size_t differ = counts.Of(Verdict::kFailed) + counts.Of(Verdict::kDeviates);
  const std::size_t skipped = counts.Of(Verdict::kSkipped);
  return Attribute("tests", std::to_string(counts.Of(Verdict::kPassed) + differ + skipped)) +
         Attribute("failures", std::to_string(differ)) + Attribute("errors", "0") +
         Attribute("skipped", std::to_string(skipped));
}

}  // namespace

std::string EscapeXml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '&') {
      escaped += "&amp;";
    } else if (c == '<') {
      escaped += "&lt;";
    } else if (c == '>') {
      escaped += "&gt;";
    } else if (c == '"') {
      escaped += "&quot;";
    } else if (c == '\'') {
      escaped += "&#39;";
    } else if ((code < 0x20 && c != '\n' && c != '\t') || code > 0x7E) {
      escaped += '?';  // words of a card's labels: bytes of any kind, and not every one may stand in XML
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string ToJUnit(const RunReport& report) {
  std::string text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" +
                     Attribute("name", "IoT SAFE conformance") + CountAttributes(report.Count()) + ">\n";
  for (const auto& [chapter, counts] : report.CountByChapter()) {
    text += "  <testsuite" + Attribute("name", chapter) + CountAttributes(counts) + ">\n    <properties>\n";
    text += "      <property" + Attribute("name", "card") + Attribute("value", report.card) + "/>\n";
    text += "      <property" + Attribute("name", "profile") + Attribute("value", report.profile) + "/>\n";
    text += "      <property" + Attribute("name", "grade") + Attribute("value", GradeText(report)) + "/>\n";
    text += "    </properties>\n";
    for (const CaseReport& one : report.cases) {
      text += one.chapter == chapter ? TestCase(one) : "";
    }
    text += "  </testsuite>\n";
  }
  return text + "</testsuites>\n";
}

}  // namespace simroot::conformance
