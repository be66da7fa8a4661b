// SPDX-License-Identifier: Apache-2.0
#include "conformance/expression.hpp"

#include <charconv>
#include <vector>

namespace simroot::conformance {
namespace {

tl::unexpected<std::string> Reason(std::string why) {
  return tl::unexpected<std::string>(std::move(why));
}

OrReason<std::size_t> Number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Reason("'" + std::string(text) + "' is no number");
  }
  return value;
}

/// Takes the text in front of the first `separator`, or all of it, off `text`.
std::string_view TakeUntil(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

bool IsSpace(char c) {
  return c == ' ' || c == '\t';
}

/// Recursive descent over one expression.
class Evaluator {
 public:
  Evaluator(std::string_view text, const Variables& variables) : text_(text), variables_(variables) {}

  OrReason<Bytes> All() {
    SR_TRY(Bytes bytes, Sequence());
    if (!text_.empty()) {
      return Reason("a ) too many");
    }
    return bytes;
  }

 private:
  OrReason<Bytes> Sequence() {
    Bytes all;
    while (!text_.empty() && text_.front() != ')') {
      if (IsSpace(text_.front())) {
        text_.remove_prefix(1);
        continue;
      }
      SR_TRY(const Bytes part, Element());
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }

  OrReason<Bytes> Element() {
    const char first = text_.front();
    if (first != '(' && first != '{' && first != '"') {
      return HexElement();
    }
    text_.remove_prefix(1);
    if (first == '"') {
      const ByteView literal = AsBytes(TakeUntil(text_, '"'));
      return Bytes(literal.begin(), literal.end());
    }
    return first == '(' ? Counted() : Variable(TakeUntil(text_, '}'));
  }

  OrReason<Bytes> Counted() {
    SR_TRY(Bytes inner, Sequence());
    if (text_.empty()) {
      return Reason("a ) is missing");
    }
    text_.remove_prefix(1);
    if (inner.size() > 0xFF) {
      return Reason("more than 255 bytes between ( and )");
    }
    inner.insert(inner.begin(), LowByte(inner.size()));
    return inner;
  }

  OrReason<Bytes> Variable(std::string_view inside) {
    const std::string_view name = TakeUntil(inside, ':');
    const auto found = variables_.find(name);
    if (found == variables_.end()) {
      return Reason("no variable {" + std::string(name) + "}");
    }
    if (inside.empty()) {
      return found->second;
    }
    SR_TRY(const std::size_t from, Number(TakeUntil(inside, ':')));
    SR_TRY(const std::size_t count, Number(inside));
    ByteReader reader(found->second);
    ByteView part;
    if (!reader.Skip(from) || !reader.ReadBytes(count, part)) {
      return Reason("{" + std::string(name) + "} has only " + std::to_string(found->second.size()) + " bytes");
    }
    return Bytes(part.begin(), part.end());
  }

  OrReason<Bytes> HexElement() {
    const auto byte = text_.size() < 2 ? std::nullopt : FromHex(text_.substr(0, 2));
    if (!byte || byte->size() != 1) {
      return Reason("'" + std::string(text_.substr(0, 2)) + "' is no byte");
    }
    text_.remove_prefix(2);
    if (text_.empty() || text_.front() != '*') {
      return *byte;
    }
    text_.remove_prefix(1);
    const std::size_t digits = std::min(text_.find_first_not_of("0123456789"), text_.size());
    SR_TRY(const std::size_t count, Number(text_.substr(0, digits)));
    text_.remove_prefix(digits);
    return Bytes(count, byte->front());
  }

  std::string_view text_;
  const Variables& variables_;
};

bool MatchesDigits(std::string_view pattern, std::string_view digits) {
  return std::ranges::equal(pattern, digits,
                            [](char p, char d) { return p == '.' || HexDigitValue(p) == HexDigitValue(d); });
}

OrReason<void> MatchStatus(std::string_view alternatives, ByteView sw) {
  const std::string got = ToHex(sw);
  while (!alternatives.empty()) {
    const std::string_view one = TakeUntil(alternatives, '|');
    if (one.size() != 4 || one.find_first_not_of("0123456789ABCDEFabcdef.") != std::string_view::npos) {
      return Reason("'" + std::string(one) + "' is no status word");
    }
    if (MatchesDigits(one, got)) {
      return {};
    }
  }
  return Reason("status word " + got);
}

/// Compares the data of an answer, element by element.
class Matcher {
 public:
  Matcher(std::string_view pattern, ByteView data, Variables& variables)
      : pattern_(pattern), data_(data), variables_(variables) {}

  OrReason<void> All() {
    while (!pattern_.empty()) {
      SR_TRY_VOID(Element());
    }
    if (!data_.empty()) {
      return Reason(std::to_string(data_.remaining()) + " bytes more than expected");
    }
    return {};
  }

 private:
  OrReason<void> Element() {
    const char first = pattern_.front();
    if (first == '{') {
      pattern_.remove_prefix(1);
      return Variable(TakeUntil(pattern_, '}'));
    }
    if (IsSpace(first)) {
      pattern_.remove_prefix(1);
      return {};
    }
    if (first == '*') {
      pattern_.remove_prefix(1);
      return Skip(data_.remaining());
    }
    const std::string_view pair = pattern_.substr(0, 2);
    pattern_.remove_prefix(pair.size());
    if (pair == "..") {
      return Skip(1);
    }
    const auto byte = FromHex(pair);
    if (!byte || byte->size() != 1) {
      return Reason("'" + std::string(pair) + "' is no byte");
    }
    return Compare(*byte);
  }

  OrReason<void> Skip(std::size_t count) { return data_.Skip(count) ? OrReason<void>() : Reason("too short"); }

  OrReason<void> Compare(ByteView expected) {
    const std::size_t place = data_.remaining();
    ByteView got;
    if (!data_.ReadBytes(expected.size(), got)) {
      return Reason("too short");
    }
    if (!SameBytes(got, expected)) {
      return Reason("expected " + ToHex(expected) + " where " + std::to_string(place) + " bytes are left");
    }
    return {};
  }

  OrReason<void> Variable(std::string_view inside) {
    const std::string name(TakeUntil(inside, ':'));
    if (inside.empty()) {
      const auto found = variables_.find(name);
      return found == variables_.end() ? Reason("no variable {" + name + "}") : Compare(found->second);
    }
    std::size_t count = data_.remaining();
    if (inside != "*") {
      SR_TRY(count, Number(inside));
    }
    ByteView taken;
    if (!data_.ReadBytes(count, taken)) {
      return Reason("too short for {" + name + "}");
    }
    variables_[name] = Bytes(taken.begin(), taken.end());
    return {};
  }

  std::string_view pattern_;
  ByteReader data_;
  Variables& variables_;
};

}  // namespace

OrReason<Bytes> Evaluate(std::string_view text, const Variables& variables) {
  return Evaluator(text, variables).All();
}

OrReason<void> Match(std::string_view pattern, ByteView answer, Variables& variables) {
  if (answer.size() < 2) {
    return Reason("no status word");
  }
  const std::size_t space = pattern.find_last_of(" \t");
  const std::string_view status = space == std::string_view::npos ? pattern : pattern.substr(space + 1);
  const std::string_view data = space == std::string_view::npos ? std::string_view() : pattern.substr(0, space);
  SR_TRY_VOID(MatchStatus(status, answer.last(2)));
  Variables changed = variables;
  SR_TRY_VOID(Matcher(data, answer.first(answer.size() - 2), changed).All());
  variables = std::move(changed);
  return {};
}

}  // namespace simroot::conformance
