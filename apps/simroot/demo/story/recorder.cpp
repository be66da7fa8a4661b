// SPDX-License-Identifier: Apache-2.0
#include "demo/story/recorder.hpp"

#include <cstdio>
#include <sstream>

#include "output.hpp"

namespace simroot::app {
namespace {

Result<void> Print(const std::string& line) {
  if (!PrintLine(line)) {
    return Fail(ErrorDomain::kStore, "cannot write to stdout");
  }
  return {};
}

/// At the end of its column.
std::string Aligned(const std::string& text) {
  constexpr std::size_t kWidth = 8;
  return std::string(text.size() < kWidth ? kWidth - text.size() : 0, ' ') + text;
}

/// Words in lines of a terminal's width, below the step's name.
std::string Paragraph(const std::string& text) {
  constexpr std::size_t kIndent = 17;
  constexpr std::size_t kWidth = 100;
  std::string lines;
  std::size_t column = kWidth;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (column + 1 + word.size() > kWidth) {
      lines += (lines.empty() ? "" : "\n") + std::string(kIndent, ' ') + word;
      column = kIndent + word.size();
    } else {
      lines += " " + word;
      column += 1 + word.size();
    }
  }
  return lines;
}

}  // namespace

std::string Seconds(std::chrono::milliseconds time) {
  std::array<char, 32> text{};
  const int size = std::snprintf(text.data(), text.size(), "%.2f s", std::chrono::duration<double>(time).count());
  return {text.data(), static_cast<std::size_t>(size)};
}

std::chrono::milliseconds Recorder::SinceStart() const {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_);
}

Result<void> Recorder::BeginAct(const std::string& title, const std::string& text) {
  acts_.push_back({title, text, {}});
  return Print("\n" + std::to_string(acts_.size()) + ". " + title);
}

Result<void> Recorder::Do(const std::string& what, const std::function<Result<Outcome>()>& run) {
  Event event;
  event.what = what;
  const auto begin = SinceStart();
  auto outcome = run();
  event.at = SinceStart();
  event.took = event.at - begin;
  event.failed = !outcome;
  event.outcome = outcome ? std::move(*outcome) : Outcome{outcome.error().Text(), {}};
  acts_.back().events.push_back(event);
  if (event.failed) {
    static_cast<void>(Print(Aligned(Seconds(event.at)) + "  [FAIL] " + what));
    return Unexpected(outcome.error());
  }
  ++verified_;
  return Print(Aligned(Seconds(event.at)) + "  [ ok ] " + what + "\n" + Paragraph(event.outcome.verified));
}

}  // namespace simroot::app
