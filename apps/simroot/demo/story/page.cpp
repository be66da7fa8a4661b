// SPDX-License-Identifier: Apache-2.0
#include "demo/story/page.hpp"

#include "conformance/report.hpp"
#include "demo/story/page_style.hpp"

namespace simroot::app {
namespace {

using conformance::EscapeXml;

constexpr int kWidthOfLane = 100 / static_cast<int>(kLanes.size());
constexpr int kArrowY = 12;  ///< pixels below the upper edge of its row: the middle of the text's first line

/// Middle of a lane in percent of the width: positions are relative, so that the page fits a phone and paper alike.
int Middle(Lane lane) {
  return kWidthOfLane / 2 + kWidthOfLane * static_cast<int>(lane);
}

std::string Percent(int value) {
  return std::to_string(value) + "%";
}

/// The lines of all lanes, as high as the row is.
std::string LaneLines() {
  std::string svg;
  for (const LaneName& lane : kLanes) {
    const std::string x = Percent(Middle(lane.lane));
    svg += "<line class=\"lane\" x1=\"" + x + "\" y1=\"-1\" x2=\"" + x + "\" y2=\"100%\"/>";
  }
  return svg;
}

std::string Lanes(const std::string& drawn, const std::string& css_class = "lanes") {
  return "<div class=\"" + css_class + "\"><svg aria-hidden=\"true\">" + drawn + "</svg></div>";
}

/// A picture of its own at a place of the row: inside, coordinates are pixels.
std::string At(int percent, const std::string& drawn) {
  return "<svg x=\"" + Percent(percent) + "\" y=\"" + std::to_string(kArrowY) + "\" width=\"1\" height=\"1\">" + drawn +
         "</svg>";
}

std::string Arrow(const Leg& leg) {
  const std::string y = std::to_string(kArrowY);
  if (leg.from == leg.to) {
    return At(Middle(leg.to),
              leg.refused ? "<path class=\"cross\" d=\"M-6 -6L6 6M6 -6L-6 6\"/>" : "<circle class=\"head\" r=\"5\"/>");
  }
  const bool to_the_right = leg.to > leg.from;
  // Refused: the line ends a little before the lane, at a cross.
  const int end = Middle(leg.to) - (leg.refused ? (to_the_right ? 3 : -3) : 0);
  const std::string head = leg.refused    ? "<path class=\"cross\" d=\"M-6 -6L6 6M6 -6L-6 6\"/>"
                           : to_the_right ? "<path class=\"head\" d=\"M0 0L-9 -5L-9 5Z\"/>"
                                          : "<path class=\"head\" d=\"M0 0L9 -5L9 5Z\"/>";
  return "<line class=\"sent\" x1=\"" + Percent(Middle(leg.from)) + "\" y1=\"" + y + "\" x2=\"" + Percent(end) +
         "\" y2=\"" + y + "\"/>" + At(Middle(leg.from), "<circle class=\"head\" r=\"3\"/>") + At(end, head);
}

std::string Row(const std::string& css_class, const std::string& lanes, const std::string& text,
                const std::string& text_class = "text") {
  return "<div class=\"row " + css_class + "\">" + lanes + "<div class=\"" + text_class + "\">" + text +
         "</div></div>\n";
}

std::string LegRow(const Leg& leg) {
  const std::string arrow = std::string("<g") + (leg.refused ? " class=\"refused\"" : "") + ">" + Arrow(leg) + "</g>";
  return Row("leg", Lanes(LaneLines() + arrow), EscapeXml(leg.text), leg.refused ? "text refused" : "text");
}

std::string EventItem(const Event& event) {
  std::string item = std::string("<li class=\"event") + (event.failed ? " failed" : "") + "\">";
  item += Row("what", Lanes(LaneLines()),
              "<time>" + Seconds(event.at - event.took) + "</time><b>" + EscapeXml(event.what) + "</b>");
  for (const Leg& leg : event.outcome.legs) {
    item += LegRow(leg);
  }
  item += Row("found", Lanes(LaneLines()), EscapeXml(event.outcome.verified) + " (" + Seconds(event.took) + ")");
  return item + "</li>\n";
}

std::string LaneNames() {
  std::string svg;
  for (const LaneName& lane : kLanes) {
    svg += "<text x=\"" + Percent(Middle(lane.lane)) + "\" y=\"15\">" + std::string(lane.name) + "</text>";
  }
  return "<div class=\"row\">" + Lanes(svg, "lanes names") + "</div>\n";
}

std::string Section(std::size_t number, const Act& act) {
  std::string section = "<section id=\"act-" + std::to_string(number) + "\">\n<h2>" + std::to_string(number) + ". " +
                        EscapeXml(act.title) + "</h2>\n<p class=\"soft\">" + EscapeXml(act.text) + "</p>\n" +
                        LaneNames() + "<ol>\n";
  for (const Event& event : act.events) {
    section += EventItem(event);
  }
  return section + "</ol>\n</section>\n";
}

std::string Legend() {
  const auto sample = [](const char* css_class, const char* head) {
    return std::string("<svg viewBox=\"0 0 44 14\" aria-hidden=\"true\"><g class=\"") + css_class +
           "\"><line class=\"sent\" x1=\"2\" y1=\"7\" x2=\"36\" y2=\"7\"/><path class=\"" + head + "\"/></g></svg>";
  };
  return "<div class=\"legend\"><span>" + sample("passed", "head\" d=\"M44 7L35 2L35 12Z") +
         "sent, and taken</span><span>" + sample("refused", "cross\" d=\"M32 2L42 12M42 2L32 12") +
         "refused, as it must be</span><span>times: seconds since the beginning; in brackets: how long the step "
         "took</span></div>\n";
}

std::string Summary(const Recorder& recorder, const std::string& failure) {
  std::string text = "<h1>A device's life, without a human hand</h1>\n";
  text += failure.empty() ? "<p class=\"verdict\">All " + std::to_string(recorder.verified()) +
                                " steps were verified, in " + Seconds(recorder.SinceStart()) + ".</p>\n"
                          : "<p class=\"verdict failed\">Not all was verified: " + EscapeXml(failure) + "</p>\n";
  text +=
      "<p class=\"soft\">One run of <code>simroot demo</code>: a platform, a broker (mosquitto), a web server (nginx), "
      "three devices with blank virtual SIMs, and an attacker, all on one machine. The drawing shows who sent what to "
      "whom; each step says what was checked.</p>\n<ul class=\"figures\">\n";
  for (const Figure& figure : recorder.figures()) {
    text += "<li><b>" + EscapeXml(figure.value) + "</b><span>" + EscapeXml(figure.label) + "</span></li>\n";
  }
  return text + "</ul>\n" + Legend();
}

}  // namespace

std::string StoryPage(const Recorder& recorder, const std::string& failure) {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>simroot demo</title>\n<style>";
  page += kStoryStyle;
  page += "</style>\n</head>\n<body>\n<main>\n" + Summary(recorder, failure);
  std::size_t number = 0;
  for (const Act& act : recorder.acts()) {
    page += Section(++number, act);
  }
  return page + "</main>\n</body>\n</html>\n";
}

}  // namespace simroot::app
