// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "conformance/report.hpp"
#include "conformance/report_page.hpp"

namespace simroot::conformance {
namespace {

constexpr std::array kOrder{Verdict::kPassed, Verdict::kDeviates, Verdict::kFailed, Verdict::kSkipped};
constexpr std::size_t kSlowest = 12;

/// A coordinate with two decimals.
std::string Coordinate(double value) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.2f", value);
  return {text.data(), static_cast<std::size_t>(size)};
}

std::string Element(const char* tag, std::string_view content, std::string_view attributes = {}) {
  return "<" + std::string(tag) + (attributes.empty() ? "" : " " + std::string(attributes)) + ">" +
         std::string(content) + "</" + tag + ">";
}

std::size_t Total(const Counts& counts) {
  std::size_t total = 0;
  for (const std::size_t count : counts.by_verdict) {
    total += count;
  }
  return total;
}

/// One ring segment from `from` to `to`, parts of the whole circle.
std::string Segment(double from, double to, std::string_view css_class) {
  constexpr double kOuter = 100;
  constexpr double kInner = 68;
  const double gap = to - from < 0.999 ? std::min(0.002, 0.3 * (to - from)) : 0;
  to = std::min(to - gap, from + 0.9999);
  const auto point = [](double part, double radius) {
    const double angle = 2 * std::numbers::pi * part - std::numbers::pi / 2;
    return Coordinate(110 + radius * std::cos(angle)) + " " + Coordinate(110 + radius * std::sin(angle));
  };
  const std::string large = to - from > 0.5 ? "1" : "0";
  return "<path class=\"" + std::string(css_class) + "\" d=\"M" + point(from, kOuter) + "A100 100 0 " + large + " 1 " +
         point(to, kOuter) + "L" + point(to, kInner) + "A68 68 0 " + large + " 0 " + point(from, kInner) + "Z\"/>";
}

std::string Donut(const Counts& counts) {
  const std::size_t total = std::max<std::size_t>(Total(counts), 1);
  std::string svg = "<svg class=\"donut\" viewBox=\"0 0 220 220\" role=\"img\" aria-label=\"cases by verdict\">";
  double from = 0;
  for (const Verdict verdict : kOrder) {
    const double part = static_cast<double>(counts.Of(verdict)) / static_cast<double>(total);
    if (part > 0) {
      svg += Segment(from, from + part, NameOf(verdict));
    }
    from += part;
  }
  const std::size_t ran = Total(counts) - counts.Of(Verdict::kSkipped);
  svg += "<text class=\"big\" x=\"110\" y=\"112\" text-anchor=\"middle\">" +
         std::to_string(counts.Of(Verdict::kPassed)) +
         "</text><text class=\"soft\" x=\"110\" y=\"136\" text-anchor=\"middle\">of " + std::to_string(ran) +
         " run</text></svg><ul class=\"legend\">";
  for (const Verdict verdict : kOrder) {
    svg += "<li class=\"" + std::string(NameOf(verdict)) + "\"><i></i><span>" + std::string(NameOf(verdict)) + " " +
           std::to_string(counts.Of(verdict)) + "</span></li>";
  }
  return svg + "</ul>";
}

/// One stacked bar per chapter, as long as the chapter has cases.
std::string ChapterBars(const RunReport& report) {
  constexpr double kLeft = 290;
  constexpr double kWidth = 400;
  constexpr double kStep = 27;
  const auto chapters = report.CountByChapter();
  std::size_t most = 1;
  for (const auto& [name, counts] : chapters) {
    most = std::max(most, Total(counts));
  }
  std::string svg;
  double y = 4;
  for (const auto& [name, counts] : chapters) {
    svg += "<text x=\"" + Coordinate(kLeft - 10) + "\" y=\"" + Coordinate(y + 14) + "\" text-anchor=\"end\">" +
           EscapeXml(name.size() > 36 ? name.substr(0, 35) + "." : name) + "</text>";
    double x = kLeft;
    for (const Verdict verdict : kOrder) {
      const double width = kWidth * static_cast<double>(counts.Of(verdict)) / static_cast<double>(most);
      if (width > 0) {
        svg += "<rect class=\"" + std::string(NameOf(verdict)) + "\" x=\"" + Coordinate(x) + "\" y=\"" + Coordinate(y) +
               "\" width=\"" + Coordinate(width) + "\" height=\"19\" rx=\"2\"><title>" + std::string(NameOf(verdict)) +
               " " + std::to_string(counts.Of(verdict)) + "</title></rect>";
      }
      x += width;
    }
    svg += "<text class=\"soft\" x=\"" + Coordinate(x + 8) + "\" y=\"" + Coordinate(y + 14) + "\">" +
           std::to_string(Total(counts)) + "</text>";
    y += kStep;
  }
  return "<svg viewBox=\"0 0 740 " + Coordinate(y) + "\" role=\"img\" aria-label=\"cases by chapter\">" + svg +
         "</svg>";
}

/// The slowest cases, on a linear scale.
std::string SlowestBars(const RunReport& report) {
  std::vector<const CaseReport*> cases;
  for (const CaseReport& one : report.cases) {
    if (one.took.count() > 0) {
      cases.push_back(&one);
    }
  }
  std::ranges::stable_sort(cases, std::ranges::greater(), &CaseReport::took);
  cases.resize(std::min(cases.size(), kSlowest));
  std::string svg;
  double y = 4;
  for (const CaseReport* one : cases) {
    const double part = static_cast<double>(one->took.count()) / static_cast<double>(cases.front()->took.count());
    const std::string name = one->number + " " + one->title;
    svg += "<text x=\"340\" y=\"" + Coordinate(y + 13) + "\" text-anchor=\"end\">" +
           EscapeXml(name.size() > 48 ? name.substr(0, 47) + "." : name) +
           "</text><rect fill=\"currentColor\" x=\"350\" y=\"" + Coordinate(y) + "\" width=\"" +
           Coordinate(std::max(1.0, 260 * part)) + "\" height=\"17\" rx=\"2\"/>" + "<text class=\"soft\" x=\"" +
           Coordinate(358 + 260 * part) + "\" y=\"" + Coordinate(y + 13) + "\">" +
           Coordinate(static_cast<double>(one->took.count()) / 1000) + " ms</text>";
    y += 24;
  }
  return "<svg class=\"soft\" viewBox=\"0 0 700 " + Coordinate(y) + "\" role=\"img\" aria-label=\"slowest cases\">" +
         svg + "</svg>";
}

std::string Bytes(const CaseReport& report) {
  std::string text;
  for (const auto& [name, value] : {std::pair("sent     ", report.sent),
                                    {"         ", report.sent_words},
                                    {"expected ", report.expected},
                                    {"got      ", report.got},
                                    {"         ", report.got_words},
                                    {"script   ", report.script}}) {
    text += value.empty() ? "" : name + EscapeXml(value) + "\n";
  }
  if (report.verdict == Verdict::kDeviates) {
    text += "clients that cope:";
    for (const std::string& client : report.cope) {
      text += " " + EscapeXml(client);
    }
    text += report.cope.empty() ? " none known\n" : "\n";
  }
  return text;
}

std::string CaseRow(const CaseReport& report) {
  std::string title = EscapeXml(report.title);
  if (!report.reason.empty()) {
    title += "<div class=\"soft\">" + EscapeXml(report.reason) + "</div>";
  }
  if (report.verdict == Verdict::kFailed || report.verdict == Verdict::kDeviates) {
    title += "<details" + std::string(report.verdict == Verdict::kFailed ? " open" : "") +
             "><summary class=\"soft\">bytes</summary><pre>" + Bytes(report) + "</pre></details>";
  }
  const std::string verdict(NameOf(report.verdict));
  return "<tr data-v=\"" + verdict + "\"><td class=\"n\">" + EscapeXml(report.number) + "</td><td>" + title +
         "</td><td class=\"soft\">" + EscapeXml(report.chapter) + "<br>" + EscapeXml(report.clause) +
         "</td><td class=\"v " + verdict + "\">" + verdict + "</td></tr>\n";
}

std::string Head(const RunReport& report) {
  const bool bad = report.Overall() == Grade::kFails || report.Overall() == Grade::kNotJudged;
  const char* const color = bad ? "bg-failed" : report.Overall() == Grade::kDeviates ? "bg-deviates" : "bg-passed";
  std::string text = "<h1>IoT SAFE conformance</h1><p class=\"soft\">" + EscapeXml(report.card) + ", profile " +
                     EscapeXml(report.profile) + "</p><p><span class=\"grade " + color + "\">" +
                     EscapeXml(GradeText(report)) + "</span>";
  if (report.Overall() == Grade::kDeviates) {
    text += " <span class=\"soft\">clients that cope with every deviation:";
    for (const std::string& client : report.ClientsThatCope()) {
      text += " " + EscapeXml(client);
    }
    text += "</span>";
  }
  return text + "</p>";
}

std::string Facts(const RunReport& report) {
  std::string text = "<dl>";
  for (const Fact& fact : report.facts) {
    text += Element("dt", EscapeXml(fact.name)) + Element("dd", EscapeXml(fact.text));
  }
  return text + "</dl>";
}

std::string Cases(const RunReport& report) {
  std::string text = "<form><input type=\"search\" id=\"q\" placeholder=\"filter by words, number, clause, bytes\">";
  for (const Verdict verdict : kOrder) {
    const std::string name(NameOf(verdict));
    text += "<label><input type=\"checkbox\" name=\"v\" value=\"" + name + "\" checked> " + name + "</label>";
  }
  text +=
      "<span class=\"soft\" id=\"count\"></span></form><table id=\"cases\"><thead><tr><th>case</th><th>what</th>"
      "<th>chapter and clause</th><th>verdict</th></tr></thead><tbody>\n";
  for (const CaseReport& one : report.cases) {
    text += CaseRow(one);
  }
  return text + "</tbody></table>";
}

}  // namespace

std::string ToHtml(const RunReport& report) {
  const auto box = [](const char* title, const std::string& content) {
    return Element("section", Element("h2", title) + content, "class=\"box\"");
  };
  return "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
         "content=\"width=device-width,initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">" +
         Element("title", "IoT SAFE conformance: " + EscapeXml(report.card)) + Element("style", kPageStyle) +
         "</head><body><main>" + Head(report) + "<div class=\"row\">" + box("Cases", Donut(report.Count())) +
         box("The card", Facts(report)) + "</div><div class=\"row\">" + box("By chapter", ChapterBars(report)) +
         box("Slowest cases", SlowestBars(report)) + "</div><div class=\"row\">" + box("Every case", Cases(report)) +
         "</div></main>" + Element("script", kPageScript) + "</body></html>\n";
}

}  // namespace simroot::conformance
