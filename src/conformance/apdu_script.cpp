// SPDX-License-Identifier: Apache-2.0
#include "conformance/apdu_script.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace simroot::conformance {
namespace {

constexpr std::string_view kSpace = " \t\r";

/// Words that stand for an action; the rest of the line is understood by the runner.
constexpr std::array<std::string_view, 36> kVerbs{
    ">",     "<",       "reset",   "repeat",   "end",       "set",      "number",    "flip",       "random",
    "hash",  "append",  "keypair", "sign",     "signature", "verify",   "verifyrsa", "ecdh",       "oncurve",
    "equal", "differs", "atmost",  "distinct", "monobit",   "readfile", "list",      "structures", "contains",
    "ends",  "size",    "fields",  "tagsin",   "rsakey",    "rsapair",  "signrsa",   "xor",        "gcmtag"};
/// Words that stand for an option.
constexpr std::array<std::string_view, 8> kOptions{"store",   "profile", "only",  "begin",
                                                   "chapter", "clause",  "needs", "grade"};

std::string_view Trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

/// The text before a # that starts a comment.
std::string_view WithoutComment(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    quoted = quoted != (line[i] == '"');
    if (line[i] == '#' && !quoted) {
      return line.substr(0, i);
    }
  }
  return line;
}

/// Reads a script line by line.
class Parser {
 public:
  explicit Parser(std::string name) {
    script_.chapter = name;
    script_.name = std::move(name);
  }

  Result<void> Take(std::string_view raw) {
    ++number_;
    const std::string_view line = Trim(WithoutComment(raw));
    if (line.empty()) {
      return {};
    }
    if (line.front() == '[') {
      return BeginCase(line);
    }
    const std::size_t space = std::min(line.find_first_of(kSpace), line.size());
    const std::string verb(line.substr(0, space));
    const std::string rest(Trim(line.substr(space)));
    if (std::ranges::find(kOptions, verb) != kOptions.end()) {
      return TakeOption(verb, rest);
    }
    if (std::ranges::find(kVerbs, verb) == kVerbs.end()) {
      return Refuse("unknown word '" + verb + "'");
    }
    return TakeAction(verb, rest);
  }

  Result<Script> Finish() {
    SR_TRY_VOID(EndCase());
    if (script_.cases.empty()) {
      return Refuse("no case in this script");
    }
    return std::move(script_);
  }

 private:
  tl::unexpected<Error> Refuse(const std::string& why) const {
    return Fail(ErrorDomain::kUsage, script_.name + " line " + std::to_string(number_) + ": " + why,
                "see src/conformance/README.md");
  }

  Result<void> BeginCase(std::string_view line) {
    SR_TRY_VOID(EndCase());
    const std::size_t space = line.find(' ');
    if (line.back() != ']' || space == std::string_view::npos) {
      return Refuse("a case begins with [CLAUSE title]");
    }
    if (!titles_.insert(std::string(line)).second) {
      return Refuse("a second case with this title");
    }
    ScriptCase next;
    next.clause = line.substr(1, space - 1);
    next.title = line.substr(space + 1, line.size() - space - 2);
    next.number = number_;
    next.options = defaults_;
    script_.cases.push_back(std::move(next));
    return {};
  }

  Result<void> EndCase() {
    if (script_.cases.empty()) {
      return {};
    }
    const ScriptCase& last = script_.cases.back();
    if (waiting_) {
      return Refuse("the command before has no expectation");
    }
    if (depth_ != 0) {
      return Refuse("repeat without end");
    }
    const auto looks_at_answers = [](const ScriptLine& line) {
      return line.verb == "<" || line.verb == "readfile" || line.verb == "list";
    };
    if (std::ranges::none_of(last.lines, looks_at_answers)) {
      return Refuse("the case [" + last.clause + " " + last.title + "] expects nothing");
    }
    return {};
  }

  Result<void> TakeOption(const std::string& verb, const std::string& rest) {
    if (!script_.cases.empty() && !script_.cases.back().lines.empty()) {
      return Refuse("options stand before the first action of a case");
    }
    CaseOptions& options = script_.cases.empty() ? defaults_ : script_.cases.back().options;
    if (rest.empty()) {
      return Refuse("'" + verb + "' says nothing");
    }
    if (verb == "chapter" && script_.cases.empty()) {
      script_.chapter = rest;
    } else if (verb == "store") {
      options.store = rest;
      options.portable = false;
      options.needs.clear();
    } else if (verb == "profile") {
      options.profiles = SplitWords(rest);
    } else if (verb == "clause") {
      options.clause = rest;
    } else if (verb == "needs") {
      TakeNeeds(options, SplitWords(rest));
    } else if (verb == "only" && (rest == "t0" || rest == "t1")) {
      options.only = rest == "t0" ? TransportModel::kT0 : TransportModel::kT1;
    } else if (!(verb == "begin" && TakeBegin(options, rest)) && !(verb == "grade" && TakeGrade(options, rest))) {
      return Refuse("'" + verb + " " + rest + "' is no option");
    }
    return {};
  }

  /// `needs nothing` makes a case portable as well. What a case needs is added to what its script needs.
  static void TakeNeeds(CaseOptions& options, const std::vector<std::string>& words) {
    options.portable = true;
    for (const std::string& word : words) {
      if (word != "nothing" && std::ranges::find(options.needs, word) == options.needs.end()) {
        options.needs.push_back(word);
      }
    }
  }

  static bool TakeBegin(CaseOptions& options, const std::string& rest) {
    constexpr std::array kWords{std::pair(std::string_view("power-on"), CaseBegin::kPowerOn),
                                std::pair(std::string_view("selected"), CaseBegin::kSelected),
                                std::pair(std::string_view("reset"), CaseBegin::kReset)};
    for (const auto& [word, begin] : kWords) {
      if (rest == word) {
        options.begin = begin;
        return true;
      }
    }
    return false;
  }

  /// `fail`, or `deviates CLIENT...` with the clients that cope, or `deviates none`.
  static bool TakeGrade(CaseOptions& options, const std::string& rest) {
    std::vector<std::string> words = SplitWords(rest);
    const std::string word = words.front();
    words.erase(words.begin());
    options.grade = word == "deviates" ? CaseGrade::kDeviates : CaseGrade::kFail;
    options.cope = words == std::vector<std::string>{"none"} ? std::vector<std::string>() : words;
    return (word == "fail" && words.empty()) || (word == "deviates" && !words.empty());
  }

  Result<void> TakeAction(const std::string& verb, const std::string& rest) {
    if (script_.cases.empty()) {
      return Refuse("an action before the first case");
    }
    if (waiting_ && verb != "<") {
      return Refuse("the command before has no expectation");
    }
    if (verb == "<" && !waiting_) {
      return Refuse("an expectation without a command");
    }
    waiting_ = verb == ">";
    depth_ += verb == "repeat" ? 1 : verb == "end" ? -1 : 0;
    if (depth_ < 0 || depth_ > 1) {
      return Refuse("repeat and end come in pairs, one inside the other is not possible");
    }
    script_.cases.back().lines.push_back({number_, verb, rest});
    return {};
  }

  Script script_;
  CaseOptions defaults_;
  std::set<std::string> titles_;
  std::size_t number_ = 0;
  int depth_ = 0;
  bool waiting_ = false;  ///< for the expectation of a command
};

}  // namespace

bool CaseOptions::HoldsFor(std::string_view profile, TransportModel model) const {
  return (profiles.empty() || std::ranges::find(profiles, profile) != profiles.end()) && (!only || *only == model);
}

std::vector<std::string> SplitWords(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool quoted = false;
  for (const char c : text) {
    quoted = quoted != (c == '"');
    if (quoted || kSpace.find(c) == std::string_view::npos) {
      word.push_back(c);
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) {
    words.push_back(std::move(word));
  }
  return words;
}

Result<Script> ParseScript(std::string name, std::string_view text) {
  Parser parser(std::move(name));
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    SR_TRY_VOID(parser.Take(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parser.Finish();
}

}  // namespace simroot::conformance
