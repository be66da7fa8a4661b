// SPDX-License-Identifier: Apache-2.0
#include "card/modem/at_interpreter.hpp"

#include <algorithm>
#include <array>

#include "card/modem/command_table.hpp"
#include "common/host/hex.hpp"

namespace simroot::card {
namespace {

constexpr char kDelete = 0x7F;  // what terminals send for the backspace key

constexpr bool IsPrefix(char first, char second) {
  return (first == 'A' || first == 'a') && (second == 'T' || second == 't');
}

/// What follows the first AT: a modem ignores everything before the prefix (V.250 5.2.1). Nothing if there is none.
std::optional<std::string_view> BodyOf(std::string_view line) {
  const auto prefix = std::ranges::adjacent_find(line, IsPrefix);
  if (prefix == line.end()) {
    return std::nullopt;
  }
  line.remove_prefix(static_cast<std::size_t>(prefix - line.begin()));
  line.remove_prefix(2);
  return line;
}

std::string_view TextOf(CmeError error) {
  const auto* const entry = std::ranges::find(kCmeErrorTexts, error, &CmeErrorText::error);
  return entry != kCmeErrorTexts.end() ? entry->text : "unknown";
}

}  // namespace

AtInterpreter::AtInterpreter(wire::CardEndpoint& card, ModemIdentity identity, ModemConfig config,
                             ModemObserver* observer)
    : modem_(card, std::move(identity), std::move(config)) {
  modem_.sim.SetObserver(observer);
  line_.reserve(kMaxLine);
  OpenChannel1();
}

void AtInterpreter::OpenChannel1() {
  if (modem_.config.open_channel_1_at_start && modem_.config.sim_present) {
    // A card that has no channel to give says so to the client itself: 6881 to the first command on it.
    static_cast<void>(modem_.sim.OpenChannel());
  }
}

void AtInterpreter::Feed(ByteView from_line) {
  for (const char c : AsText(from_line)) {
    const std::size_t before = modem_.output.size();
    TakeCharacter(c);
    ++totals_.characters_in;
    totals_.characters_out += modem_.output.size() - before;
  }
}

void AtInterpreter::TakeCharacter(char c) {
  if (c == kCarriageReturn) {
    Echo("\r");
    EndLine();
    return;
  }
  if (c == kBackspace || c == kDelete) {
    if (!line_.empty() && !line_too_long_) {
      line_.pop_back();
      Echo("\b \b");
    }
    return;
  }
  if (static_cast<unsigned char>(c) < ' ') {  // line feed and other control characters are no part of a line
    return;
  }
  Echo({&c, 1});
  if (line_.size() == kMaxLine) {
    line_too_long_ = true;
    return;
  }
  line_.push_back(c);
  if (line_ == "A/" || line_ == "a/") {  // needs no end of line (V.250 5.2.4)
    DropLine();
    RunLine();
  }
}

void AtInterpreter::DropLine() {
  line_.clear();
  line_too_long_ = false;
}

void AtInterpreter::EndLine() {
  if (line_too_long_) {
    DropLine();
    ++totals_.command_lines;
    PutResult(kAtError);
    return;
  }
  const auto body = BodyOf(line_);
  if (body) {
    last_body_ = NormaliseLine(*body);
  }
  DropLine();
  if (body) {
    RunLine();
  }
}

void AtInterpreter::RunLine() {
  ++totals_.command_lines;
  PutUnsolicited(UnsolicitedPlace::kBeforeAnswer);
  const AtResult result = RunCommands();
  PutUnsolicited(UnsolicitedPlace::kInsideAnswer);
  PutResult(result);
  PutUnsolicited(UnsolicitedPlace::kAfterAnswer);
}

AtResult AtInterpreter::RunCommands() {
  if (!last_body_) {
    return kAtError;  // A/ before any command line
  }
  const std::size_t start = modem_.output.size();
  AtResult result = kAtOk;
  for (AtLineParser parser(*last_body_); result == kAtOk && !parser.empty();) {
    const bool full = modem_.output.size() - start >= kMaxAnswer;
    result = full ? kAtError : RunCommand(parser.Next());
  }
  return result;
}

AtResult AtInterpreter::RunCommand(const AtCommand& command) {
  const AtRule* const rule = FindCommand(command.name);
  if (rule == nullptr) {
    return kAtError;
  }
  if (!rule->Has(command.form)) {
    return AtFailure(CmeError::kNotSupported);
  }
  if (command.form == AtForm::kTest) {
    if (!rule->test_answer.empty()) {
      modem_.PutInformation(rule->test_answer);
    }
    return kAtOk;
  }
  if (rule->needs_sim && !modem_.config.sim_present) {
    return AtFailure(CmeError::kSimNotInserted);
  }
  return rule->handler(modem_, command);
}

void AtInterpreter::PutResult(AtResult result) {
  const ModemSettings& settings = modem_.settings;
  if (settings.quiet) {
    return;
  }
  if (result.kind == AtResult::Kind::kCmeError && settings.cme_level > 0) {
    const std::string detail =
        settings.cme_level == 1 ? std::to_string(static_cast<unsigned>(result.cme)) : std::string(TextOf(result.cme));
    modem_.output.append("\r\n+CME ERROR: ").append(detail).append("\r\n");  // has no ATV0 form (27.007 9.2)
    return;
  }
  const bool ok = result.kind == AtResult::Kind::kOk;
  if (settings.verbose) {
    modem_.output.append(ok ? "\r\nOK\r\n" : "\r\nERROR\r\n");
  } else {
    modem_.output.append(ok ? "0\r" : "4\r");  // V.250 5.7.1
  }
}

void AtInterpreter::PutUnsolicited(UnsolicitedPlace place) {
  if (modem_.config.unsolicited_place == place) {
    modem_.output.append("\r\n").append(modem_.config.unsolicited_line).append("\r\n");
  }
}

void AtInterpreter::Echo(std::string_view text) {
  if (modem_.settings.echo) {
    modem_.output.append(text);
  }
}

void AtInterpreter::ResetCard() {
  modem_.sim.Reset();
  OpenChannel1();
}

ModemCounters AtInterpreter::Totals() const {
  ModemCounters totals = totals_;
  totals.apdus = modem_.sim.apdus();
  return totals;
}

ModemCounters AtInterpreter::Counters() const {
  return Totals().Since(baseline_);
}

}  // namespace simroot::card
