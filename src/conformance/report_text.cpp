// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>

#include "conformance/report.hpp"

namespace simroot::conformance {
namespace {

std::string Padded(std::string_view text, std::size_t width) {
  std::string padded(text);
  padded.append(width - std::min(width, text.size()), ' ');
  return padded;
}

std::string RightAligned(std::size_t number, std::size_t width) {
  const std::string text = std::to_string(number);
  return std::string(width - std::min(width, text.size()), ' ') + text;
}

std::string Listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ", ") + word;
  }
  return text;
}

constexpr std::array kColumns{Verdict::kPassed, Verdict::kDeviates, Verdict::kFailed, Verdict::kSkipped};

std::string CountRow(std::string_view name, std::size_t width, const Counts& counts) {
  std::string row = Padded(name, width);
  for (const Verdict verdict : kColumns) {
    row += "  " + RightAligned(counts.Of(verdict), NameOf(verdict).size());
  }
  return row + "\n";
}

std::string ChapterTable(const RunReport& report) {
  const auto chapters = report.CountByChapter();
  std::size_t width = 5;
  for (const auto& [name, counts] : chapters) {
    width = std::max(width, name.size());
  }
  std::string table = Padded("chapter", width);
  for (const Verdict verdict : kColumns) {
    table += "  " + std::string(NameOf(verdict));
  }
  table += "\n";
  for (const auto& [name, counts] : chapters) {
    table += CountRow(name, width, counts);
  }
  return table + CountRow("total", width, report.Count());
}

/// Title, then what was sent, expected and received, each in hexadecimal and in words.
std::string Finding(const CaseReport& report) {
  std::string text = std::string(report.verdict == Verdict::kFailed ? "FAILED    " : "DEVIATES  ") + report.number +
                     " " + report.title + "\n";
  const auto line = [&text](const char* name, const std::string& value) {
    if (!value.empty()) {
      text += "  " + Padded(name, 9) + value + "\n";
    }
  };
  line("clause", report.clause);
  line("differs", report.reason);
  line("sent", report.sent);
  line("", report.sent_words);
  line("expected", report.expected);
  line("got", report.got);
  line("", report.got_words);
  line("script", report.script);
  if (report.verdict == Verdict::kDeviates) {
    line("clients", report.cope.empty() ? "no known client copes" : "cope: " + Listed(report.cope));
  }
  return text + "\n";
}

std::string SkippedByReason(const RunReport& report) {
  std::map<std::string, std::vector<std::string>> by_reason;
  for (const CaseReport& one : report.cases) {
    if (one.verdict == Verdict::kSkipped) {
      std::vector<std::string>& numbers = by_reason[one.reason];
      if (numbers.empty() || numbers.back() != one.number) {
        numbers.push_back(one.number);
      }
    }
  }
  std::string text;
  for (const auto& [reason, numbers] : by_reason) {
    text += "skipped: " + reason + " (" + Listed(numbers) + ")\n";
  }
  return text;
}

}  // namespace

std::string GradeText(const RunReport& report) {
  switch (report.Overall()) {
    case Grade::kConforms:
      return "conforms";
    case Grade::kDeviates:
      return "deviates, known clients cope";
    case Grade::kNotJudged:
      return "was not judged: no case could be run";
    case Grade::kFails:
      break;
  }
  return "fails";
}

std::string ToText(const RunReport& report) {
  std::string text = "card: " + report.card + "\nprofile: " + report.profile + "\n";
  for (const Fact& fact : report.facts) {
    text += fact.name + ": " + fact.text + "\n";
  }
  text += "\n" + ChapterTable(report) + "\n";
  for (const CaseReport& one : report.cases) {
    if (one.verdict == Verdict::kFailed || one.verdict == Verdict::kDeviates) {
      text += Finding(one);
    }
  }
  if (const std::string skipped = SkippedByReason(report); !skipped.empty()) {
    text += skipped + "\n";
  }
  text += "the card " + GradeText(report);
  if (report.Overall() == Grade::kDeviates) {
    const std::vector<std::string> clients = report.ClientsThatCope();
    text += clients.empty() ? "; no single client copes with every deviation"
                            : "; with every deviation: " + Listed(clients);
  }
  // A grade must not seem to cover what was not looked at.
  const auto unseen = std::ranges::count_if(report.cases, [](const CaseReport& one) {
    return one.verdict == Verdict::kSkipped && one.reason.find("user PIN") != std::string::npos;
  });
  if (unseen > 0) {
    text += "; " + std::to_string(unseen) + " cases were skipped for want of its user PIN";
  }
  return text + "\n";
}

}  // namespace simroot::conformance
