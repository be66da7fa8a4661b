// SPDX-License-Identifier: Apache-2.0
/// Runs the cases of conformance scripts on a card.
#pragma once

#include <optional>
#include <span>

#include "common/crypto/port.hpp"
#include "common/wire/card_endpoint.hpp"
#include "conformance/apdu_script.hpp"
#include "conformance/expression.hpp"

namespace simroot::conformance {

/// Why a case failed: the line, what was sent last, what was expected and what came, as hexadecimal text.
struct CaseFailure {
  std::size_t line = 0;
  /// The card refused, as it should, with another status word than expected. The case went on to its end.
  bool other_refusal = false;
  std::string reason;
  std::string sent;
  std::string expected;
  std::string got;

  [[nodiscard]] std::string Text(const ScriptCase& failed) const;
};

/// Runs one case on one card. `card` and `crypto`, which makes and checks signatures and keys on the host's side, are
/// borrowed. @param given variables that describe what is stored on the card (README.md); {aid}, if it is among them,
/// is the application that is selected.
class ScriptRunner {
 public:
  ScriptRunner(wire::CardEndpoint& card, crypto::Crypto& crypto, Variables given)
      : card_(card), crypto_(crypto), variables_(std::move(given)) {}

  /// Nothing if every expectation and check of the case holds. A refusal with another status word than expected does
  /// not end the case: it is the result if nothing worse follows.
  [[nodiscard]] std::optional<CaseFailure> Run(const ScriptCase& script_case);

 private:
  using Words = std::vector<std::string>;
  struct VerbRow {
    std::string_view verb;
    std::size_t min_words;
    OrReason<void> (ScriptRunner::*run)(const Words& words);
  };
  static std::span<const VerbRow> Verbs();
  struct ValueRow {
    std::string_view verb;
    std::size_t words;
    OrReason<Bytes> (ScriptRunner::*run)(const Words& words);
  };
  static std::span<const ValueRow> Values();

  [[nodiscard]] OrReason<void> Begin(CaseBegin begin);
  [[nodiscard]] OrReason<void> RunBlock(std::span<const ScriptLine> lines);
  [[nodiscard]] OrReason<void> RunLine(const ScriptLine& line);
  [[nodiscard]] OrReason<void> Assign(const ScriptLine& line);
  [[nodiscard]] OrReason<Bytes> AssignedValue(const ScriptLine& line, const std::string& name, std::string_view value);

  [[nodiscard]] OrReason<void> Expect(const std::string& pattern);
  [[nodiscard]] OrReason<Bytes> NumberValue(std::string_view text) const;

  // What needs no value of its own: words are the blank-separated arguments.
  [[nodiscard]] OrReason<void> Reset(const Words& words);
  [[nodiscard]] OrReason<void> Flip(const Words& words);
  [[nodiscard]] OrReason<void> Random(const Words& words);
  [[nodiscard]] OrReason<void> KeyPair(const Words& words);
  [[nodiscard]] OrReason<void> Verify(const Words& words);
  [[nodiscard]] OrReason<void> VerifyRsa(const Words& words);
  [[nodiscard]] OrReason<void> RsaKey(const Words& words);
  [[nodiscard]] OrReason<void> RsaPair(const Words& words);
  [[nodiscard]] OrReason<void> Ecdh(const Words& words);
  [[nodiscard]] OrReason<void> OnCurve(const Words& words);
  [[nodiscard]] OrReason<void> Equal(const Words& words);
  [[nodiscard]] OrReason<void> Differs(const Words& words);
  [[nodiscard]] OrReason<void> AtMost(const Words& words);
  [[nodiscard]] OrReason<void> Distinct(const Words& words);
  [[nodiscard]] OrReason<void> Monobit(const Words& words);
  [[nodiscard]] OrReason<void> ReadFile(const Words& words);
  [[nodiscard]] OrReason<void> List(const Words& words);
  [[nodiscard]] OrReason<void> Structures(const Words& words);
  [[nodiscard]] OrReason<void> Contains(const Words& words);
  [[nodiscard]] OrReason<void> Ends(const Words& words);
  [[nodiscard]] OrReason<void> Size(const Words& words);
  [[nodiscard]] OrReason<void> Fields(const Words& words);
  [[nodiscard]] OrReason<void> TagsIn(const Words& words);

  // What goes into a variable.
  [[nodiscard]] OrReason<Bytes> SignRsa(const Words& words);
  [[nodiscard]] OrReason<Bytes> Xor(const Words& words);
  [[nodiscard]] OrReason<Bytes> GcmTag(const Words& words);

  [[nodiscard]] OrReason<void> Command(std::string_view text);
  void Exchange(ByteView command);
  void ExchangeAndFollow(ByteView command);
  [[nodiscard]] OrReason<Bytes> Value(std::string_view text) const { return Evaluate(text, variables_); }
  [[nodiscard]] std::uint16_t LastStatus() const;

  wire::CardEndpoint& card_;
  crypto::Crypto& crypto_;
  Variables variables_;
  Bytes answer_;
  CaseFailure trace_;                     ///< of the line that runs
  std::optional<CaseFailure> deviation_;  ///< the first refusal with another status word
};

}  // namespace simroot::conformance
