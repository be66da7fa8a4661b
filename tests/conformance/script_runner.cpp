// SPDX-License-Identifier: Apache-2.0
#include "conformance/script_runner.hpp"

#include <bit>
#include <set>

#include "common/iotsafe/objects.hpp"
#include "common/wire/apdu.hpp"
#include "common/wire/tlv.hpp"

namespace simroot::conformance {
namespace {

using crypto::Curve;

tl::unexpected<std::string> Reason(std::string why) {
  return tl::unexpected<std::string>(std::move(why));
}

OrReason<void> Require(bool condition, std::string why) {
  return condition ? OrReason<void>() : OrReason<void>(Reason(std::move(why)));
}

OrReason<std::size_t> Number(const std::string& word) {
  if (word.empty() || word.size() > 6 || word.find_first_not_of("0123456789") != std::string::npos) {
    return Reason("'" + word + "' is no number");
  }
  return std::stoul(word);
}

OrReason<iotsafe::HashAlgorithm> HashNamed(std::string_view name) {
  if (name == "sha256") {
    return iotsafe::HashAlgorithm::kSha256;
  }
  if (name == "sha384") {
    return iotsafe::HashAlgorithm::kSha384;
  }
  if (name == "sha512") {
    return iotsafe::HashAlgorithm::kSha512;
  }
  return Reason("no hash '" + std::string(name) + "'");
}

OrReason<Curve> CurveNamed(std::string_view name) {
  if (name == "p256") {
    return Curve::kP256;
  }
  return Reason("no curve '" + std::string(name) + "'");
}

OrReason<Bytes> HashOf(crypto::Crypto& crypto, iotsafe::HashAlgorithm hash, ByteView message) {
  crypto::HashState state;
  Bytes digest(iotsafe::DigestSize(hash));
  if (!crypto.HashBegin(hash, state) || !crypto.HashUpdate(state, message) || !crypto.HashFinish(state, digest)) {
    return Reason("the host cannot hash");
  }
  return digest;
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
  OrReason<void> result = script_case.options.selected ? Begin() : OrReason<void>();
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
    return std::nullopt;
  }
  trace_.reason = result.error();
  return trace_;
}

/// The precondition of the specification's cases: channel 1 open, applet selected on it.
OrReason<void> ScriptRunner::Begin() {
  for (const auto& [command, expected] :
       {std::pair("00 70 00 00 01", "01 9000"), {"01 A4 04 00 07 A0000005590010", "* 9000"}}) {
    SR_TRY_VOID(Command(command));
    trace_.expected = expected;
    SR_TRY_VOID(Match(expected, answer_, variables_));
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
      VerbRow{"reset", 0, &ScriptRunner::Reset},           VerbRow{"flip", 2, &ScriptRunner::Flip},
      VerbRow{"random", 2, &ScriptRunner::Random},         VerbRow{"keypair", 1, &ScriptRunner::KeyPair},
      VerbRow{"verify", 4, &ScriptRunner::Verify},         VerbRow{"ecdh", 4, &ScriptRunner::Ecdh},
      VerbRow{"oncurve", 2, &ScriptRunner::OnCurve},       VerbRow{"equal", 2, &ScriptRunner::Equal},
      VerbRow{"differs", 2, &ScriptRunner::Differs},       VerbRow{"atmost", 2, &ScriptRunner::AtMost},
      VerbRow{"distinct", 2, &ScriptRunner::Distinct},     VerbRow{"monobit", 1, &ScriptRunner::Monobit},
      VerbRow{"readfile", 3, &ScriptRunner::ReadFile},     VerbRow{"list", 2, &ScriptRunner::List},
      VerbRow{"structures", 2, &ScriptRunner::Structures},
  };
  return kRows;
}

OrReason<void> ScriptRunner::RunLine(const ScriptLine& line) {
  trace_.line = line.number;
  if (line.verb == ">") {
    return Command(line.rest);
  }
  if (line.verb == "<") {
    trace_.expected = line.rest;
    return Match(line.rest, answer_, variables_);
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
  if (line.verb == "hash") {
    SR_TRY(const auto hash, HashNamed(TakeWord(rest)));
    SR_TRY(const Bytes message, Value(rest));
    return HashOf(crypto_, hash, message);
  }
  if (line.verb == "sign") {
    SR_TRY(const Curve curve, CurveNamed(TakeWord(rest)));
    SR_TRY(const Bytes scalar, Value(TakeWord(rest)));
    SR_TRY(const Bytes digest, Value(rest));
    Bytes signature(crypto::kP256SignatureSize);
    crypto_.ForgetKey(0);
    SR_TRY_VOID(Require(crypto_.SignEcdsa({curve, scalar, 0, 1}, digest, signature), "the host cannot sign"));
    return signature;
  }
  SR_TRY(Bytes value, Value(rest));
  if (line.verb == "append") {
    value.insert(value.begin(), variables_[name].begin(), variables_[name].end());
  }
  if (line.verb != "signature") {
    return value;
  }
  const auto signature = iotsafe::ParseSignature(value);
  if (!signature || value.size() > 3 + crypto::kP256SignatureSize) {
    return Reason("not 33, a length of one or two bytes, and 64 bytes: " + ToHex(value));
  }
  return Bytes(signature->view().begin(), signature->view().end());
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

/// A pair of the host. `zero-with POINT`: one whose shared secret with POINT begins with a zero byte.
OrReason<void> ScriptRunner::KeyPair(const Words& words) {
  constexpr int kMaxTries = 10000;  // one in 256 fits
  Bytes scalar(crypto::kP256ScalarSize);
  Bytes point(crypto::kP256PointSize);
  Bytes shared(crypto::kP256ScalarSize, 0);
  Bytes partner;
  if (words.size() == 3 && words[1] == "zero-with") {
    SR_TRY(partner, Value(words[2]));
  } else if (words.size() != 1) {
    return Reason("'keypair' takes a name, or a name, zero-with and a point");
  }
  for (int tries = 0; tries < kMaxTries; ++tries) {
    crypto_.ForgetKey(0);
    SR_TRY_VOID(Require(crypto_.GenerateKeyPair(Curve::kP256, scalar, point), "the host cannot make a key pair"));
    SR_TRY_VOID(Require(partner.empty() || crypto_.Ecdh({Curve::kP256, scalar, 0, 1}, partner, shared),
                        "the host cannot agree on a key"));
    if (shared.front() == 0) {
      variables_[words[0] + ".scalar"] = std::move(scalar);
      variables_[words[0] + ".point"] = std::move(point);
      return {};
    }
  }
  return Reason("no such key pair found");
}

OrReason<void> ScriptRunner::Verify(const Words& words) {
  SR_TRY(const Curve curve, CurveNamed(words[0]));
  SR_TRY(const Bytes point, Value(words[1]));
  SR_TRY(const Bytes digest, Value(words[2]));
  SR_TRY(const Bytes signature, Value(words[3]));
  return Require(crypto_.VerifyEcdsa(curve, point, digest, signature) == crypto::VerifyResult::kValid,
                 "the signature " + ToHex(signature) + " does not verify over " + ToHex(digest));
}

OrReason<void> ScriptRunner::Ecdh(const Words& words) {
  SR_TRY(const Curve curve, CurveNamed(words[0]));
  SR_TRY(const Bytes scalar, Value(words[1]));
  SR_TRY(const Bytes point, Value(words[2]));
  SR_TRY(const Bytes shared, Value(words[3]));
  Bytes own(crypto::kP256ScalarSize);
  crypto_.ForgetKey(0);
  SR_TRY_VOID(Require(crypto_.Ecdh({curve, scalar, 0, 1}, point, own), "the host cannot agree on a key"));
  return Require(own == shared, "the shared secret is not the one the host computes");
}

OrReason<void> ScriptRunner::OnCurve(const Words& words) {
  SR_TRY(const Curve curve, CurveNamed(words[0]));
  SR_TRY(const Bytes point, Value(words[1]));
  return Require(crypto_.IsValidPoint(curve, point), ToHex(point) + " is not on the curve");
}

OrReason<void> ScriptRunner::Equal(const Words& words) {
  SR_TRY(const Bytes a, Value(words[0]));
  SR_TRY(const Bytes b, Value(words[1]));
  return Require(a == b, ToHex(a) + " is not " + ToHex(b));
}

OrReason<void> ScriptRunner::Differs(const Words& words) {
  SR_TRY(const Bytes a, Value(words[0]));
  SR_TRY(const Bytes b, Value(words[1]));
  return Require(a != b, "both are " + ToHex(a));
}

OrReason<void> ScriptRunner::AtMost(const Words& words) {
  SR_TRY(const std::size_t most, Number(words[0]));
  SR_TRY(const Bytes bytes, Value(words[1]));
  return Require(bytes.size() <= most, std::to_string(bytes.size()) + " bytes are too many");
}

OrReason<void> ScriptRunner::Distinct(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  SR_TRY(const std::size_t size, Number(words[1]));
  std::set<std::string> seen;
  ByteReader reader(all);
  for (ByteView part; reader.ReadBytes(size, part);) {
    SR_TRY_VOID(Require(seen.insert(ToHex(part)).second, ToHex(part) + " occurs twice"));
  }
  return Require(reader.empty() && !seen.empty(), "the bytes do not divide into parts of " + words[1]);
}

/// Ones and zeros of truly random bits differ by more than five standard deviations once in 1.7 million runs.
OrReason<void> ScriptRunner::Monobit(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  std::int64_t balance = 0;
  for (const std::uint8_t byte : all) {
    balance += 2 * std::popcount(byte) - 8;
  }
  const auto bits = static_cast<std::int64_t>(all.size() * 8);
  return Require(bits > 0 && balance * balance <= 25 * bits, "ones and zeros differ by " + std::to_string(balance));
}

/// Reads a file by steps of the received length until nothing more comes.
OrReason<void> ScriptRunner::ReadFile(const Words& words) {
  Bytes content;
  for (int steps = 0; steps < 2000; ++steps) {
    variables_["offset"] = Bytes{LowByte(content.size() >> 8U), LowByte(content.size())};
    SR_TRY_VOID(Command(words[1] + "B0{offset}(" + words[2] + ")"));
    SR_TRY_VOID(Require(LastStatus() == 0x9000, "READ FILE refused"));
    if (answer_.size() == 2) {
      variables_[words[0]] = std::move(content);
      return {};
    }
    content.insert(content.end(), answer_.begin(), answer_.end() - 2);
  }
  return Reason("the file does not end");
}

/// Reads the whole object list: first block, then P2=01 while the status word is 6300.
OrReason<void> ScriptRunner::List(const Words& words) {
  Bytes all;
  for (int block = 0; block < 100; ++block) {
    SR_TRY_VOID(Command(words[1] + "CB01" + (block == 0 ? "00" : "01") + "00"));
    SR_TRY_VOID(Require(LastStatus() == 0x9000 || LastStatus() == 0x6300, "GET DATA refused"));
    all.insert(all.end(), answer_.begin(), answer_.end() - 2);
    if (LastStatus() == 0x9000) {
      variables_[words[0]] = std::move(all);
      return {};
    }
  }
  return Reason("the list does not end");
}

/// Whole information structures with these tags only, none of them twice.
OrReason<void> ScriptRunner::Structures(const Words& words) {
  SR_TRY(const Bytes all, Value(words[0]));
  std::set<std::string> seen;
  ByteReader reader(all);
  wire::Tlv structure;
  while (wire::ReadTlv(reader, structure)) {
    const Bytes tag{LowByte(structure.tag)};
    SR_TRY_VOID(Require(std::find(words.begin() + 1, words.end(), ToHex(tag)) != words.end(),
                        "tag " + ToHex(tag) + " at the top of the list"));
    SR_TRY_VOID(Require(seen.insert(ToHex(tag) + ToHex(structure.value)).second, "an object occurs twice"));
  }
  return Require(reader.empty() && !seen.empty(), "the list does not end with a whole structure");
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
  Exchange(command);
  const std::string sent = trace_.sent;
  Bytes data;
  for (int step = 0; step < kMaxSteps && answer_.size() >= 2 && LastStatus() >> 8U == 0x61; ++step) {
    data.insert(data.end(), answer_.begin(), answer_.end() - 2);
    Exchange(Bytes{LowByte(command.front() & 0x03U), 0xC0, 0x00, 0x00, answer_.back()});
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
