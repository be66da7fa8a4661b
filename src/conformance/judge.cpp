// SPDX-License-Identifier: Apache-2.0
#include "conformance/judge.hpp"

#include <algorithm>
#include <cctype>

#include "common/base/text.hpp"
#include "common/iotsafe/describe.hpp"
#include "conformance/card_gate.hpp"
#include "conformance/embedded_scripts.hpp"
#include "conformance/script_runner.hpp"

namespace simroot::conformance {
namespace {

constexpr std::size_t kMaxWords = 4096;

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

std::string Joined(const std::vector<std::string>& words, std::string_view separator) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : std::string(separator)) + word;
  }
  return text;
}

std::string CommandInWords(ByteView command) {
  std::array<char, kMaxWords> memory{};
  TextWriter out(memory);
  iotsafe::DescribeCommand(command, iotsafe::Secrets::kShow, out);
  return std::string(out.text());
}

std::string AnswerInWords(ByteView command, ByteView answer) {
  std::array<char, kMaxWords> memory{};
  TextWriter out(memory);
  iotsafe::DescribeResponse(command, answer, iotsafe::Secrets::kShow, out);
  return std::string(out.text());
}

/// The first variable of an object of the card that the case uses and the card's object does not have: its label, its
/// public half. Empty if there is none.
std::string MissingVariable(const ScriptCase& script_case, const Capabilities& card) {
  for (const ScriptLine& line : script_case.lines) {
    for (std::size_t at = line.rest.find('{'); at != std::string::npos; at = line.rest.find('{', at + 1)) {
      const std::string_view rest = std::string_view(line.rest).substr(at + 1);
      const std::string_view name = rest.substr(0, rest.find_first_of(":}"));
      const std::string_view role = name.substr(0, name.find('.'));
      const bool of_role = std::ranges::find(script_case.options.needs, role) != script_case.options.needs.end();
      if (of_role && name != role && card.variables.find(name) == card.variables.end()) {
        return std::string(name);
      }
    }
  }
  return {};
}

/// The number behind the first point of "15.10 Sessions"; chapters without one come last.
int OrderOf(std::string_view chapter) {
  const std::size_t point = chapter.find('.');
  int number = 0;
  std::size_t digits = 0;
  for (const char c : chapter.substr(point == std::string_view::npos ? chapter.size() : point + 1)) {
    if (std::isdigit(static_cast<unsigned char>(c)) == 0 || ++digits > 3) {
      break;
    }
    number = number * 10 + (c - '0');
  }
  return digits == 0 ? 1000 : number;
}

/// What a case that cannot run reports.
CaseReport Describe(const Script& script, const ScriptCase& script_case) {
  CaseReport report;
  report.chapter = script.chapter;
  report.number = script_case.clause;
  report.title = script_case.title;
  report.clause = script_case.options.clause;
  return report;
}

void TakeFailure(const CaseFailure& failure, const SelectedCase& selected, CaseReport& report) {
  const CaseOptions& options = selected.script_case->options;
  const bool deviates = failure.other_refusal || options.grade == CaseGrade::kDeviates;
  report.verdict = deviates ? Verdict::kDeviates : Verdict::kFailed;
  if (options.grade == CaseGrade::kDeviates) {
    report.cope = options.cope;
  } else if (deviates) {  // every known client takes one refusal like the other
    report.cope.assign(kKnownClients.begin(), kKnownClients.end());
  }
  report.reason = failure.reason;
  report.script = selected.script->name + ":" + std::to_string(failure.line);
  report.sent = failure.sent;
  report.expected = failure.expected;
  report.got = failure.got;
  const auto command = FromHex(failure.sent);
  const auto answer = FromHex(failure.got);
  if (command && !command->empty() && answer) {
    report.sent_words = CommandInWords(*command);
    report.got_words = AnswerInWords(*command, *answer);
  }
}

/// Why a case was skipped that uses what the user PIN guards.
std::string WhyGuarded(PinState pin) {
  return pin == PinState::kBlocked ? "the card's user PIN is blocked; only the card's issuer can unblock it"
                                   : "the card wants its user PIN; give --pin-file";
}

/// One run over all cases.
class Run {
 public:
  Run(CardLink& link, crypto::Crypto& crypto, const JudgeOptions& options)
      : link_(link), crypto_(crypto), options_(options), gate_(link, options.may_change, options.pin) {}

  Result<RunReport> All(const std::vector<SelectedCase>& cases) {
    report_.card = options_.card;
    report_.profile = options_.profile;
    SR_TRY_VOID(Prepare());
    for (const SelectedCase& selected : cases) {
      CaseReport report = Describe(*selected.script, *selected.script_case);
      if (unreadable_.empty()) {
        SR_TRY_VOID(RunCase(selected, report));
      } else {
        report.verdict = Verdict::kSkipped;
        report.reason = "what the card has could not be found out";
      }
      Take(std::move(report));
    }
    return std::move(report_);
  }

 private:
  Result<void> Prepare() {
    const std::size_t channels = gate_.FindChannels();
    SR_TRY_VOID(CheckLink());
    if (channels == 0) {
      return Fail(ErrorDomain::kTransport, "the card has no free logical channel",
                  "close the programs that use the card, then try again");
    }
    auto found = Discover(gate_, crypto_,
                          {.may_change = options_.may_change,
                           .can_reset = link_.CanReset(),
                           .fragments = link_.CarriesFragments(),
                           .channels = channels,
                           .open_pin = [this](std::uint8_t cla) { return gate_.OpenPin(cla); }});
    gate_.CloseChannels();
    SR_TRY_VOID(CheckLink());
    SR_TRY_VOID(gate_.PinTrouble());
    static_cast<void>(gate_.TakeGuarded());  // what a key signs is not needed to name it
    if (found) {
      card_ = *std::move(found);
      report_.facts = card_.facts;
      return {};
    }
    if (found.error().domain != ErrorDomain::kProtocol) {
      return Unexpected(std::move(found).error());
    }
    // An applet that cannot say what it has: a finding, not a trouble of the run.
    unreadable_ = found.error().message;
    CaseReport report;
    report.chapter = "What the card has";
    report.number = "T00";
    report.title = "application information and object list can be read";
    report.clause = "IoT.05 2.12, 2.14";
    report.verdict = Verdict::kFailed;
    report.reason = unreadable_;
    Take(std::move(report));
    return {};
  }

  Result<void> RunCase(const SelectedCase& selected, CaseReport& report) {
    const ScriptCase& script_case = *selected.script_case;
    report.reason = WhySkipped(script_case, card_, options_.profile);
    if (!report.reason.empty()) {
      report.verdict = Verdict::kSkipped;
      return {};
    }
    const auto start = std::chrono::steady_clock::now();
    const auto failure = ScriptRunner(gate_, crypto_, card_.variables).Run(script_case);
    gate_.CloseChannels();
    report.took = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
    SR_TRY_VOID(CheckLink());
    SR_TRY_VOID(gate_.PinTrouble());
    const bool guarded = gate_.TakeGuarded();
    if (gate_.TakeHeldBack()) {
      report.verdict = Verdict::kSkipped;
      report.reason = "the case would change something, or use a channel of another program, without saying so";
    } else if (guarded) {  // the case has not seen what it is there to see
      report.verdict = Verdict::kSkipped;
      report.reason = WhyGuarded(gate_.pin_state());
    } else if (failure) {
      TakeFailure(*failure, selected, report);
    }
    return {};
  }

  Result<void> CheckLink() {
    if (const std::string broken = link_.Broken(); !broken.empty()) {
      return Fail(ErrorDomain::kTransport, broken, "the run is not complete; connect the card again and repeat it");
    }
    return {};
  }

  void Take(CaseReport report) {
    if (options_.progress) {
      options_.progress(report);
    }
    report_.cases.push_back(std::move(report));
  }

  CardLink& link_;
  crypto::Crypto& crypto_;
  const JudgeOptions& options_;
  CardGate gate_;
  Capabilities card_;
  std::string unreadable_;
  RunReport report_;
};

}  // namespace

std::string_view NameOf(Verdict verdict) {
  static constexpr std::array<std::string_view, 4> kNames{"passed", "deviates", "failed", "skipped"};
  return kNames[static_cast<std::size_t>(verdict)];
}

Counts RunReport::Count() const {
  Counts counts;
  for (const CaseReport& report : cases) {
    counts.Add(report.verdict);
  }
  return counts;
}

std::vector<std::pair<std::string, Counts>> RunReport::CountByChapter() const {
  std::vector<std::pair<std::string, Counts>> chapters;
  for (const CaseReport& report : cases) {
    auto found = std::ranges::find(chapters, report.chapter, [](const auto& chapter) { return chapter.first; });
    if (found == chapters.end()) {
      found = chapters.insert(chapters.end(), {report.chapter, {}});
    }
    found->second.Add(report.verdict);
  }
  return chapters;
}

Grade RunReport::Overall() const {
  const Counts counts = Count();
  return counts.Of(Verdict::kFailed) > 0     ? Grade::kFails
         : counts.Of(Verdict::kDeviates) > 0 ? Grade::kDeviates
         : counts.Of(Verdict::kPassed) > 0   ? Grade::kConforms
                                             : Grade::kNotJudged;
}

std::vector<std::string> RunReport::ClientsThatCope() const {
  std::vector<std::string> clients(kKnownClients.begin(), kKnownClients.end());
  for (const CaseReport& report : cases) {
    if (report.verdict == Verdict::kDeviates) {
      std::erase_if(clients, [&report](const std::string& client) {
        return std::ranges::find(report.cope, client) == report.cope.end();
      });
    }
  }
  return clients;
}

Result<std::vector<Script>> LoadEmbeddedScripts() {
  std::vector<Script> scripts;
  for (const EmbeddedScript& embedded : EmbeddedScripts()) {
    SR_TRY(Script script, ParseScript(std::string(embedded.name), embedded.text));
    scripts.push_back(std::move(script));
  }
  std::ranges::stable_sort(scripts, {}, [](const Script& script) { return OrderOf(script.chapter); });
  return scripts;
}

Result<std::vector<SelectedCase>> SelectCases(std::span<const Script> scripts, std::string_view only) {
  const std::string wanted = LowerCase(only);
  std::vector<SelectedCase> selected;
  for (const Script& script : scripts) {
    for (const ScriptCase& script_case : script.cases) {
      const std::string text = LowerCase(script.chapter + "\n" + script_case.clause + " " + script_case.title + "\n" +
                                         script_case.options.clause);
      if (text.find(wanted) != std::string::npos) {
        selected.push_back({&script, &script_case});
      }
    }
  }
  if (selected.empty()) {
    return Fail(ErrorDomain::kUsage, "no case has '" + std::string(only) + "' in its number, title, clause or chapter",
                "see `simroot conformance --list`");
  }
  return selected;
}

std::vector<std::string> KnownProfiles(std::span<const Script> scripts) {
  std::vector<std::string> names{"default"};
  for (const Script& script : scripts) {
    for (const ScriptCase& script_case : script.cases) {
      for (const std::string& name : script_case.options.profiles) {
        if (std::ranges::find(names, name) == names.end()) {
          names.push_back(name);
        }
      }
    }
  }
  return names;
}

std::string WhySkipped(const ScriptCase& script_case, const Capabilities& card, std::string_view profile) {
  const CaseOptions& options = script_case.options;
  if (!options.portable) {
    return "the case is bound to the objects of our own test card '" + options.store + "'";
  }
  for (const std::string& need : options.needs) {
    if (std::string why_not = card.WhyNot(need); !why_not.empty()) {
      return why_not;
    }
  }
  if (options.only && *options.only != card.model) {
    return card.model == TransportModel::kT0 ? "the card announces its answers with 61LL"
                                             : "the card answers directly, without 61LL";
  }
  if (!options.HoldsFor(profile, card.model)) {
    return "the case holds for the profile " + Joined(options.profiles, ", ") + ", not for " + std::string(profile);
  }
  if (const std::string missing = MissingVariable(script_case, card); !missing.empty()) {
    return "the card's object has no " + missing.substr(missing.rfind('.') + 1) + " that the case could use";
  }
  return {};
}

Result<RunReport> Judge(CardLink& link, crypto::Crypto& crypto, std::span<const Script> scripts,
                        const JudgeOptions& options) {
  SR_TRY(const auto cases, SelectCases(scripts, options.only));
  const auto profiles = KnownProfiles(scripts);
  if (std::ranges::find(profiles, options.profile) == profiles.end()) {
    return Fail(ErrorDomain::kUsage, "there is no profile '" + options.profile + "'", "use " + Joined(profiles, ", "));
  }
  return Run(link, crypto, options).All(cases);
}

}  // namespace simroot::conformance
