// SPDX-License-Identifier: Apache-2.0
#include "conformance/script_runner.hpp"

#include "common/iotsafe/objects.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/tlv.hpp"
#include "conformance/script_words.hpp"

namespace simroot::conformance {
namespace {

using crypto::Curve;

OrReason<Bytes> HashOf(crypto::Crypto& crypto, iotsafe::HashAlgorithm hash, ByteView message) {
  crypto::HashState state;
  Bytes digest(iotsafe::DigestSize(hash));
  if (!crypto.HashBegin(hash, state) || !crypto.HashUpdate(state, message) || !crypto.HashFinish(state, digest)) {
    return Reason("the host cannot hash");
  }
  return digest;
}

/// A status word of ISO/IEC 7816-4 that refuses: 64XX to 6FXX.
bool IsRefusal(std::uint16_t sw) {
  return sw >> 8U >= 0x64 && sw >> 8U <= 0x6F;
}

/// True if a pattern expects refusals only, and 6D01 is not among them.
bool IsRefusalPattern(std::string_view pattern) {
  if (pattern.find_first_of(" \t") != std::string_view::npos || pattern.find("6D01") != std::string_view::npos) {
    return false;
  }
  while (!pattern.empty()) {
    const std::size_t end = std::min(pattern.find('|'), pattern.size());
    if (pattern.front() != '6' || pattern.starts_with("61") || pattern.starts_with("63")) {
      return false;
    }
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return true;
}

/// How many bytes READ FILE asks for. A transport for T=0 does not carry Le beside data: the card then announces all it
/// has, and Le belongs into GET RESPONSE.
std::size_t WantedOfFile(ByteView command) {
  constexpr std::size_t kAll = wire::kMaxResponse;
  const auto parsed = wire::ParseCommand(command, wire::ApduStrictness::kIgnoreExcess);
  if (!parsed || parsed->ins != Code(iotsafe::Ins::kReadFile) || parsed->Case() != wire::ApduCase::k4) {
    return kAll;
  }
  return *parsed->le >= 256 ? kAll : *parsed->le;
}

/// Takes one word off the front of `text`.
std::string TakeWord(std::string_view& text) {
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  std::string word(text.substr(0, end));
  text.remove_prefix(end);
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  return word;
}

}  // namespace

std::string CaseFailure::Text(const ScriptCase& failed) const {
  std::string text = "[" + failed.clause + " " + failed.title + "] line " + std::to_string(line) + ": " + reason;
  for (const auto& [name, value] : {std::pair("sent", sent), {"expected", expected}, {"got", got}}) {
    if (!value.empty()) {
      text += std::string("\n  ") + name + ": " + value;
    }
  }
  return text;
}

std::optional<CaseFailure> ScriptRunner::Run(const ScriptCase& script_case) {
  trace_ = {};
  trace_.line = script_case.number;
  deviation_.reset();
  OrReason<void> result = Begin(script_case.options.begin);
  std::span<const ScriptLine> lines = script_case.lines;
  while (result && !lines.empty()) {
    const std::size_t count =
        lines.front().verb == "repeat"
            ? static_cast<std::size_t>(std::ranges::find(lines, std::string_view("end"), &ScriptLine::verb) -
                                       lines.begin() + 1)
            : 1;
    result = RunBlock(lines.first(count));
    lines = lines.subspan(count);
  }
  if (result) {
    return deviation_;
  }
  trace_.reason = result.error();
  return trace_;
}

/// The precondition of the specification's cases: channel 1 open, applet selected on it.
OrReason<void> ScriptRunner::Begin(CaseBegin begin) {
  if (begin == CaseBegin::kPowerOn) {
    return {};
  }
  if (begin == CaseBegin::kReset) {
    card_.Reset();
  }
  variables_.try_emplace("aid", Bytes{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10});
  for (const auto& [command, expected] : {std::pair("00 70 00 00 01", "01 9000"), {"01 A4 04 00 ({aid})", "* 9000"}}) {
    SR_TRY_VOID(Command(command));
    trace_.expected = expected;
    SR_TRY_VOID(Match(expected, answer_, variables_));
  }
  return {};
}

/// Compares the answer. A refusal for another refusal is kept, and the case goes on: which status word belongs to which
/// condition is what applets agree on least. Not so for 6D01, which tells a wrong signature from every other trouble.
OrReason<void> ScriptRunner::Expect(const std::string& pattern) {
  trace_.expected = pattern;
  auto result = Match(pattern, answer_, variables_);
  if (result || !IsRefusalPattern(pattern) || answer_.size() != 2 || !IsRefusal(LastStatus())) {
    return result;
  }
  if (!deviation_) {
    deviation_ = trace_;
    deviation_->other_refusal = true;
    deviation_->reason = result.error();
  }
  return {};
}

/// One line, or the lines from `repeat` to `end`; {n} counts the rounds.
OrReason<void> ScriptRunner::RunBlock(std::span<const ScriptLine> lines) {
  if (lines.front().verb != "repeat") {
    return RunLine(lines.front());
  }
  trace_.line = lines.front().number;
  std::size_t rounds = 0;
  if (lines.front().rest.starts_with('{')) {
    SR_TRY(const Bytes value, Value(lines.front().rest));
    for (const std::uint8_t byte : value) {
      rounds = rounds << 8U | byte;
    }
  } else {
    SR_TRY(rounds, Number(lines.front().rest));
  }
  if (rounds == 0 || rounds > 10000) {
    return Reason("repeat takes 1 to 10000");
  }
  for (std::size_t round = 0; round < rounds; ++round) {
    variables_["n"] = Bytes{LowByte(round)};
    for (const ScriptLine& line : lines.subspan(1, lines.size() - 2)) {
      SR_TRY_VOID(RunLine(line));
    }
  }
  return {};
}

std::span<const ScriptRunner::VerbRow> ScriptRunner::Verbs() {
  static constexpr std::array kRows{
      VerbRow{"reset", 0, &ScriptRunner::Reset},       VerbRow{"flip", 2, &ScriptRunner::Flip},
      VerbRow{"random", 2, &ScriptRunner::Random},     VerbRow{"keypair", 1, &ScriptRunner::KeyPair},
      VerbRow{"verify", 4, &ScriptRunner::Verify},     VerbRow{"verifyrsa", 6, &ScriptRunner::VerifyRsa},
      VerbRow{"ecdh", 4, &ScriptRunner::Ecdh},         VerbRow{"oncurve", 2, &ScriptRunner::OnCurve},
      VerbRow{"equal", 2, &ScriptRunner::Equal},       VerbRow{"differs", 2, &ScriptRunner::Differs},
      VerbRow{"atmost", 2, &ScriptRunner::AtMost},     VerbRow{"distinct", 2, &ScriptRunner::Distinct},
      VerbRow{"monobit", 1, &ScriptRunner::Monobit},   VerbRow{"readfile", 3, &ScriptRunner::ReadFile},
      VerbRow{"list", 2, &ScriptRunner::List},         VerbRow{"structures", 2, &ScriptRunner::Structures},
      VerbRow{"contains", 2, &ScriptRunner::Contains}, VerbRow{"ends", 2, &ScriptRunner::Ends},
      VerbRow{"size", 2, &ScriptRunner::Size},         VerbRow{"fields", 2, &ScriptRunner::Fields},
      VerbRow{"tagsin", 2, &ScriptRunner::TagsIn},     VerbRow{"rsakey", 2, &ScriptRunner::RsaKey},
      VerbRow{"rsapair", 1, &ScriptRunner::RsaPair},
  };
  return kRows;
}

OrReason<void> ScriptRunner::RunLine(const ScriptLine& line) {
  trace_.line = line.number;
  if (line.verb == ">") {
    return Command(line.rest);
  }
  if (line.verb == "<") {
    return Expect(line.rest);
  }
  trace_.expected = line.verb + " " + line.rest;
  const auto rows = Verbs();
  const auto row = std::ranges::find(rows, std::string_view(line.verb), &VerbRow::verb);
  if (row == rows.end()) {
    return Assign(line);
  }
  const Words words = SplitWords(line.rest);
  if (words.size() < row->min_words) {
    return Reason("'" + line.verb + "' takes " + std::to_string(row->min_words) + " words");
  }
  return (this->*row->run)(words);
}

/// `set NAME = EXPR` and its relatives `append`, `hash`, `sign`, `signature`.
OrReason<void> ScriptRunner::Assign(const ScriptLine& line) {
  std::string_view rest = line.rest;
  const std::string name = TakeWord(rest);
  if (TakeWord(rest) != "=") {
    return Reason("'" + line.verb + "' is written NAME = ...");
  }
  SR_TRY(Bytes value, AssignedValue(line, name, rest));
  variables_[name] = std::move(value);
  return {};
}

OrReason<Bytes> ScriptRunner::AssignedValue(const ScriptLine& line, const std::string& name, std::string_view rest) {
  const auto rows = Values();
  const auto row = std::ranges::find(rows, std::string_view(line.verb), &ValueRow::verb);
  if (row != rows.end()) {
    const Words words = SplitWords(rest);
    SR_TRY_VOID(
        Require(words.size() == row->words, "'" + line.verb + "' takes " + std::to_string(row->words) + " words"));
    return (this->*row->run)(words);
  }
  if (line.verb == "hash") {
    SR_TRY(const auto hash, HashNamed(TakeWord(rest)));
    SR_TRY(const Bytes message, Value(rest));
    return HashOf(crypto_, hash, message);
  }
  if (line.verb == "sign") {
    SR_TRY(const Curve curve, CurveNamed(TakeWord(rest)));
    SR_TRY(const Bytes scalar, Value(TakeWord(rest)));
    SR_TRY(const Bytes digest, Value(rest));
    Bytes signature(SignatureSize(curve));
    crypto_.ForgetKey(0);
    SR_TRY_VOID(Require(crypto_.SignEcdsa({curve, scalar, 0, 1}, digest, signature), "the host cannot sign"));
    return signature;
  }
  if (line.verb == "number") {
    return NumberValue(rest);
  }
  SR_TRY(Bytes value, Value(rest));
  if (line.verb == "append") {
    value.insert(value.begin(), variables_[name].begin(), variables_[name].end());
  }
  if (line.verb != "signature") {
    return value;
  }
  ByteReader reader(value);
  wire::Tlv signature;
  const bool read = wire::ReadFlexibleTlv(reader, {}, signature) &&
                    signature.tag == iotsafe::Code(iotsafe::Tag::kSignature) &&
                    value.size() <= 3 + signature.value.size();
  const std::size_t size = signature.value.size();
  if (!read ||
      (size != SignatureSize(Curve::kP256) && size != SignatureSize(Curve::kP384) && size != crypto::kRsaSize)) {
    return Reason("not 33, a length of one or two bytes, and 64, 96 or 256 bytes: " + ToHex(value));
  }
  return Bytes(signature.value.begin(), signature.value.end());
}

/// `{size} + 1` or `{size} - 10`: two bytes, as P1 and P2 of READ FILE.
OrReason<Bytes> ScriptRunner::NumberValue(std::string_view text) const {
  SR_TRY(const Bytes start, Value(TakeWord(text)));
  const std::string sign = TakeWord(text);
  SR_TRY(const std::size_t change, Number(sign.empty() ? "0" : std::string(text)));
  std::size_t value = 0;
  for (const std::uint8_t byte : start) {
    value = value << 8U | byte;
  }
  if (start.size() > 2 || (!sign.empty() && sign != "+" && sign != "-") || (sign == "-" && change > value)) {
    return Reason("'number' takes at most two bytes, + or -, and a decimal number");
  }
  value = sign == "-" ? value - change : value + change;
  if (value > 0xFFFF) {
    return Reason("the number does not fit into two bytes");
  }
  return Bytes{LowByte(value >> 8U), LowByte(value)};
}

OrReason<void> ScriptRunner::Reset(const Words& /*words*/) {
  card_.Reset();
  return {};
}

/// Turns one bit of a byte; a negative index counts from the end.
OrReason<void> ScriptRunner::Flip(const Words& words) {
  const auto found = variables_.find(words[0]);
  const bool from_end = words[1].starts_with('-');
  SR_TRY(const std::size_t index, Number(from_end ? words[1].substr(1) : words[1]));
  if (found == variables_.end() || index + (from_end ? 0 : 1) > found->second.size() || (from_end && index == 0)) {
    return Reason("no such byte to flip");
  }
  Bytes& bytes = found->second;
  bytes[from_end ? bytes.size() - index : index] ^= 1U;
  return {};
}

OrReason<void> ScriptRunner::Random(const Words& words) {
  SR_TRY(const std::size_t size, Number(words[1]));
  Bytes& bytes = variables_[words[0]];
  bytes.resize(size);
  return Require(crypto_.Random(bytes), "the host has no random numbers");
}

/// A pair of the host, on P-256 or `on CURVE`. `zero-with POINT`: one whose shared secret with POINT on P-256 begins
/// with a zero byte.
OrReason<void> ScriptRunner::KeyPair(const Words& words) {
  constexpr int kMaxTries = 10000;  // one in 256 fits
  Curve curve = Curve::kP256;
  Bytes partner;
  if (words.size() == 3 && words[1] == "zero-with") {
    SR_TRY(partner, Value(words[2]));
  } else if (words.size() == 3 && words[1] == "on") {
    SR_TRY(curve, CurveNamed(words[2]));
  } else if (words.size() != 1) {
    return Reason("'keypair' takes a name; a name, on and a curve; or a name, zero-with and a point");
  }
  Bytes scalar(ScalarSize(curve));
  Bytes point(PointSize(curve));
  Bytes shared(ScalarSize(curve), 0);
  for (int tries = 0; tries < kMaxTries; ++tries) {
    crypto_.ForgetKey(0);
    SR_TRY_VOID(Require(crypto_.GenerateKeyPair(curve, scalar, point), "the host cannot make a key pair"));
    SR_TRY_VOID(Require(partner.empty() || crypto_.Ecdh({curve, scalar, 0, 1}, partner, shared),
                        "the host cannot agree on a key"));
    if (shared.front() == 0) {
      variables_[words[0] + ".scalar"] = std::move(scalar);
      variables_[words[0] + ".point"] = std::move(point);
      return {};
    }
  }
  return Reason("no such key pair found");
}

OrReason<void> ScriptRunner::Command(std::string_view text) {
  constexpr std::string_view kRaw = " raw";
  const bool raw = text.ends_with(kRaw);
  text.remove_suffix(raw ? kRaw.size() : 0);
  trace_.expected.clear();
  SR_TRY(const Bytes command, Value(text));
  if (raw) {
    Exchange(command);
  } else {
    ExchangeAndFollow(command);
  }
  return Require(answer_.size() >= 2, "no status word");
}

void ScriptRunner::Exchange(ByteView command) {
  Bytes memory(wire::kMaxResponse);
  const std::size_t size = card_.Transmit(command, memory);
  memory.resize(std::min(size, memory.size()));
  answer_ = std::move(memory);
  trace_.sent = ToHex(command);
  trace_.got = ToHex(answer_);
}

/// After 61LL asks for the rest, as every client does on T=0, until another status word comes.
void ScriptRunner::ExchangeAndFollow(ByteView command) {
  constexpr int kMaxSteps = 16;
  const std::size_t wanted = WantedOfFile(command);
  Exchange(command);
  const std::string sent = trace_.sent;
  Bytes data;
  for (int step = 0; step < kMaxSteps && answer_.size() >= 2 && LastStatus() >> 8U == 0x61; ++step) {
    data.insert(data.end(), answer_.begin(), answer_.end() - 2);
    if (data.size() >= wanted) {
      answer_ = {0x90, 0x00};  // what is left is not wanted
      break;
    }
    const std::size_t waiting = answer_.back() == 0 ? 256 : answer_.back();
    const std::size_t next = std::min(waiting, wanted - data.size());
    Exchange(Bytes{LowByte(command.front() & 0x03U), 0xC0, 0x00, 0x00, LowByte(next)});
  }
  answer_.insert(answer_.begin(), data.begin(), data.end());
  trace_.sent = sent;
  trace_.got = ToHex(answer_);
}

std::uint16_t ScriptRunner::LastStatus() const {
  std::uint16_t sw = 0;
  ByteReader reader(ByteView(answer_).last(2));
  static_cast<void>(reader.ReadU16(sw));
  return sw;
}

}  // namespace simroot::conformance
