// SPDX-License-Identifier: Apache-2.0
/// Puts the scripts to a card and says what it is worth.
#pragma once

#include <chrono>
#include <functional>

#include "conformance/card_link.hpp"
#include "conformance/discovery.hpp"

namespace simroot::conformance {

enum class Verdict : std::uint8_t { kPassed, kDeviates, kFailed, kSkipped };
/// "passed", "deviates", "failed", "skipped".
[[nodiscard]] std::string_view NameOf(Verdict verdict);

/// The clients whose behaviour is known (docs/compatibility.md), as `grade deviates` names them.
inline constexpr std::array<std::string_view, 6> kKnownClients{"atsign",  "ntt",    "orange",
                                                               "quantag", "thales", "wolfssl"};

/// What one case came to.
struct CaseReport {
  std::string chapter;
  std::string number;  ///< "T61"
  std::string title;
  std::string clause;  ///< of the interface
  Verdict verdict = Verdict::kPassed;
  std::string reason;             ///< not for passed cases: what differs, or why the case was skipped
  std::vector<std::string> cope;  ///< deviates: the known clients that work all the same
  std::string script;             ///< file and line, where it differs
  // The exchange in which it differs, in hexadecimal and in words; empty if it differs in a value computed from
  // answers.
  std::string sent;
  std::string sent_words;
  std::string expected;
  std::string got;
  std::string got_words;
  std::chrono::microseconds took{};  ///< never part of what is compared between runs
};

enum class Grade : std::uint8_t {
  kConforms,
  kDeviates,
  kFails,
  kNotJudged,  ///< no case could be run
};

/// Number of cases by verdict.
struct Counts {
  std::array<std::size_t, 4> by_verdict{};
  [[nodiscard]] std::size_t Of(Verdict verdict) const { return by_verdict[static_cast<std::size_t>(verdict)]; }
  void Add(Verdict verdict) { ++by_verdict[static_cast<std::size_t>(verdict)]; }
};

/// What a run came to. Nothing in it but `took` depends on the way to the card.
struct RunReport {
  std::string card;  ///< as the user named it
  std::string profile;
  std::vector<Fact> facts;
  std::vector<CaseReport> cases;

  [[nodiscard]] Counts Count() const;
  /// The chapters in the order of their cases, each with its counts.
  [[nodiscard]] std::vector<std::pair<std::string, Counts>> CountByChapter() const;
  /// kFails if a case failed, else kDeviates if one deviates.
  [[nodiscard]] Grade Overall() const;
  /// The known clients that cope with every deviation.
  [[nodiscard]] std::vector<std::string> ClientsThatCope() const;
};

struct JudgeOptions {
  std::string card;                 ///< for the report
  std::string profile = "default";  ///< the compatibility profile whose expectations hold
  std::string only;                 ///< part of number, title, clause or chapter, of any letter case; empty: all cases
  bool may_change = false;          ///< cases may change the content of containers
  /// The card's user PIN, borrowed; empty: it is not given, and cases for which the card wants it are skipped.
  ByteView pin = {};
  /// Told after each case; may be empty.
  std::function<void(const CaseReport&)> progress;
};

/// Reads the scripts that are part of the program.
[[nodiscard]] Result<std::vector<Script>> LoadEmbeddedScripts();

/// The cases of `scripts` that `only` selects, in order.
struct SelectedCase {
  const Script* script;
  const ScriptCase* script_case;
};
/// @returns kUsage if none is selected.
[[nodiscard]] Result<std::vector<SelectedCase>> SelectCases(std::span<const Script> scripts, std::string_view only);

/// The names of profiles that cases mention, and "default".
[[nodiscard]] std::vector<std::string> KnownProfiles(std::span<const Script> scripts);

/// Finds out what the card has and runs every selected case that can run on it. Each begins on channels of its own,
/// which are closed afterwards. @returns kCard: the user PIN is wrong, or could not be given. kTransport: the card can
/// no longer be reached. kUsage: no applet, an unknown profile, no such case, no free channel.
[[nodiscard]] Result<RunReport> Judge(CardLink& link, crypto::Crypto& crypto, std::span<const Script> scripts,
                                      const JudgeOptions& options);

/// Why a case cannot run on a card of these capabilities; empty if it can.
[[nodiscard]] std::string WhySkipped(const ScriptCase& script_case, const Capabilities& card, std::string_view profile);

}  // namespace simroot::conformance
